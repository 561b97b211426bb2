"""Seeds, coherence, refinement and the mixed contrast, on cases worked out by hand."""

import math

import pytest
import torch

from sightline.models.egcnet import losses


def test_seeds_are_peaks_and_far_places() -> None:
    density = torch.tensor([[0.0, 0.1, 1.0, 0.4, 0.0]])[None, None]
    still = torch.zeros_like(density)
    assert losses.seeds(density, still, floor=0.05)[0, 0, 0].tolist() == [0, -1, 1, -1, 0]


def test_what_moves_is_the_object_when_people_look_there_too() -> None:
    density = torch.tensor([[0.0, 0.1, 1.0, 0.4, 0.0]])[None, None]
    motion = torch.tensor([[0.0, 0.0, 0.0, 1.0, 1.0]])[None, None]
    assert losses.seeds(density, motion, floor=0.05)[0, 0, 0].tolist() == [0, 0, -1, 1, 0]


def test_a_query_is_told_of_its_own_region_and_the_free_ones_of_all() -> None:
    labels = torch.tensor([[1.0, 1.0, 0.0, -1.0, 1.0]])[None, None]
    points = torch.tensor([[[0.1, 0.5], [0.9, 0.5], [0.5, 0.5]]])
    told = losses.divide(labels, points, regions=2)[0, :, 0]
    assert told.tolist() == [[1, 1, 0, -1, -1], [-1, -1, 0, -1, 1], [1, 1, 0, -1, 1]]


def test_colour_completes_an_object_that_is_half_found() -> None:
    image, mask = halves()
    guess = torch.full_like(mask, 0.2) + 0.15 * mask
    guess[:, :, :6, 8:] = 0.9
    still = torch.zeros_like(mask)
    found = losses.sharpen(guess, image, still, losses.affinity(image, still))
    assert torch.equal(found > 0.5, mask > 0.5)


def test_motion_tells_the_object_where_colour_does_not() -> None:
    image, mask = torch.full((1, 3, 12, 16), 0.5), halves()[1]
    guess = 0.4 + 0.25 * mask
    guess[:, :, :, 8] = 0.45  # one column is on the wrong side
    moving = 0.1 + 0.8 * mask
    found = losses.sharpen(guess, image, moving, losses.affinity(image, moving))
    assert torch.equal(found > 0.5, mask > 0.5)
    assert not losses.motion_evidence(guess, torch.full_like(mask, 0.7)).abs().max() > 1e-6


def test_motion_evidence_is_the_log_ratio_of_shares() -> None:
    mask = torch.tensor([1.0, 1, 0, 0, 0, 0]).view(1, 1, 1, 6)
    motion = torch.tensor([1.0, 0, 0, 0, 0, 1]).view(1, 1, 1, 6)
    rare = 0.25 / 8
    moving, still = math.log((0.5 + rare) / (0.25 + rare)), math.log((0.5 + rare) / (0.75 + rare))
    expected = [moving, still, still, still, still, moving]
    torch.testing.assert_close(losses.motion_evidence(mask, motion)[0, 0, 0], torch.tensor(expected))


def test_nobody_looking_labels_nothing() -> None:
    assert (losses.seeds(torch.zeros(1, 1, 4, 4), torch.ones(1, 1, 4, 4)) == losses.UNKNOWN).all()


def test_cross_entropy_weighs_object_and_background_alike() -> None:
    labels = torch.tensor([[1.0, 0.0, 0.0, 0.0, -1.0]])[None, None]
    logits = torch.tensor([[0.0, 2.0, 2.0, 2.0, 9.0]])[None, None]
    expected = 0.5 * (math.log(2) + math.log(1 + math.exp(2)))
    assert float(losses.partial_cross_entropy(logits, labels)) == pytest.approx(expected, rel=1e-5)
    assert float(losses.partial_cross_entropy(logits, torch.full_like(labels, -1))) == 0


def halves() -> tuple[torch.Tensor, torch.Tensor]:
    """A picture of two colours side by side, and the probabilities of a mask that ends where the colour does."""
    image = torch.zeros(1, 3, 12, 16)
    image[..., 8:] = 1
    mask = torch.zeros(1, 1, 12, 16)
    mask[..., 8:] = 1
    return image, mask


def test_an_outline_on_an_edge_costs_less_than_one_beside_it() -> None:
    image, mask = halves()
    alike = losses.affinity(image, torch.zeros(1, 1, 12, 16))
    beside = mask.roll(3, -1)
    beside[..., :3] = 0
    both = torch.cat([mask, beside], dim=1)
    on_edge, off_edge = losses.local_coherence(both, alike)[0]
    assert on_edge < 1e-6 < off_edge


def test_a_sharpened_mask_takes_what_else_is_known() -> None:
    image, mask = torch.zeros(1, 3, 12, 16), halves()[1]
    still = torch.zeros_like(mask)
    guess, alike = torch.full_like(mask, 0.5), torch.ones(1, 25, 12, 16)
    alike = alike * (torch.arange(25) == 12).float()[:, None, None]  # no pixel follows its neighbours
    found = losses.sharpen(guess, image, still, alike, known=2 * mask - 1)
    assert torch.equal(found > 0.5, mask > 0.5)
    assert torch.allclose(losses.sharpen(guess, image, still, alike), guess)


def test_motion_parts_what_colour_does_not() -> None:
    image, mask = torch.zeros(1, 3, 12, 16), halves()[1]
    assert losses.local_coherence(mask, losses.affinity(image, mask)) < 0.1 * losses.local_coherence(
        mask, losses.affinity(image, torch.zeros_like(mask))
    )


def test_refinement_moves_an_outline_to_the_edge() -> None:
    image, mask = halves()
    unsure = 0.5 + 0.3 * (2 * mask - 1)
    unsure[..., 8] = 0.45  # one column on the wrong side
    refined = losses.refine(unsure, losses.affinity(image, torch.zeros_like(mask)))
    assert torch.equal(refined > 0.5, mask > 0.5)
