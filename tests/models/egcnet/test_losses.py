"""Seed labels and local coherence, on cases worked out by hand."""

import math

import pytest
import torch

from sightline.models.egcnet import losses
from sightline.models.egcnet.config import DensityConfig, RefinementConfig
from sightline.models.egcnet.refinement import affinity

CONFIG = RefinementConfig()


def halves() -> tuple[torch.Tensor, torch.Tensor]:
    """A picture of two colours side by side, and the probabilities of a mask that ends where the colour does."""
    image = torch.zeros(1, 3, 12, 16)
    image[..., 8:] = 1
    mask = torch.zeros(1, 1, 12, 16)
    mask[..., 8:] = 1
    return image, mask


def test_seeds_are_peaks_and_far_places() -> None:
    density = torch.tensor([[0.0, 0.1, 1.0, 0.4, 0.0]])[None, None]
    still = torch.zeros_like(density)
    assert losses.seed_labels(density, still, None, DensityConfig(), peak=0.5, floor=0.05)[0, 0, 0].tolist() == [
        0,
        -1,
        1,
        -1,
        0,
    ]


def test_what_moves_is_the_object_when_people_look_there_too() -> None:
    density = torch.tensor([[0.0, 0.1, 1.0, 0.4, 0.0]])[None, None]
    motion = torch.tensor([[0.0, 0.0, 0.0, 1.0, 1.0]])[None, None]
    assert losses.seed_labels(density, motion, None, DensityConfig(), peak=0.5, floor=0.05)[0, 0, 0].tolist() == [
        0,
        0,
        -1,
        1,
        0,
    ]


def test_a_query_gets_the_labels_of_its_own_region_and_the_free_ones_all() -> None:
    labels = torch.tensor([[1.0, 1.0, 0.0, -1.0, 1.0]])[None, None]
    points = torch.tensor([[[0.1, 0.5], [0.9, 0.5], [0.5, 0.5]]])
    assigned = losses.assign_labels(labels, points, regions=2)[0, :, 0]
    assert assigned.tolist() == [[1, 1, 0, -1, -1], [-1, -1, 0, -1, 1], [1, 1, 0, -1, 1]]


def test_nobody_looking_labels_nothing() -> None:
    nobody, moving = torch.zeros(1, 1, 4, 4), torch.ones(1, 1, 4, 4)
    labels = losses.seed_labels(nobody, moving, None, DensityConfig(), peak=0.5, floor=0.05)
    assert (labels == losses.UNKNOWN).all()


def test_cross_entropy_weighs_object_and_background_equally() -> None:
    labels = torch.tensor([[1.0, 0.0, 0.0, 0.0, -1.0]])[None, None]
    logits = torch.tensor([[0.0, 2.0, 2.0, 2.0, 9.0]])[None, None]
    expected = 0.5 * (math.log(2) + math.log(1 + math.exp(2)))
    assert float(losses.partial_cross_entropy(logits, labels)) == pytest.approx(expected, rel=1e-5)
    assert float(losses.partial_cross_entropy(logits, torch.full_like(labels, -1))) == 0


def test_an_outline_on_an_edge_costs_less_than_one_beside_it() -> None:
    image, mask = halves()
    affinities = affinity(image, torch.zeros(1, 1, 12, 16), CONFIG)
    beside = mask.roll(3, -1)
    beside[..., :3] = 0
    both = torch.cat([mask, beside], dim=1)
    on_edge, off_edge = losses.local_coherence(both, affinities)[0]
    assert on_edge < 1e-6 < off_edge


def test_motion_parts_what_colour_does_not() -> None:
    image, mask = torch.zeros(1, 3, 12, 16), halves()[1]
    assert losses.local_coherence(mask, affinity(image, mask, CONFIG)) < 0.1 * losses.local_coherence(
        mask, affinity(image, torch.zeros_like(mask), CONFIG)
    )


def test_queries_learn_by_their_share_and_the_share_by_what_fits() -> None:
    labels = torch.tensor([[1.0, 1.0, 0.0, -1.0]])[None, None]
    masks = torch.tensor([[4.0, 4.0, -4.0, 9.0], [-4.0, -4.0, 4.0, 9.0]])[None, :, None].requires_grad_()
    share = torch.tensor([[0.75, 0.25]]).requires_grad_()
    points = torch.full((1, 2, 2), 0.5)
    loss = losses.query_loss(masks, share, points, labels, regions=0)
    right, wrong = math.log1p(math.exp(-4)), math.log1p(math.exp(4))
    expected = (0.75 + 0.1) * right + (0.25 + 0.1) * wrong + 0.75 * right + 0.25 * wrong
    assert loss.tolist() == pytest.approx([expected])
    loss.sum().backward()
    assert share.grad is not None
    assert masks.grad is not None
    assert share.grad[0].tolist() == pytest.approx([right, wrong], rel=1e-5), "a query that fits badly loses its share"
    assert masks.grad[0, 1, 0, 0].item() == pytest.approx(-0.35 * 0.25 / (1 + math.exp(-4)), rel=1e-4)
    assert masks.grad[..., 3].abs().max() == 0, "where nothing is known nothing is learned"


def test_strokes_count_where_they_are() -> None:
    logits = torch.tensor([[2.0, -1.0, 5.0]])[None, None].expand(2, -1, -1, -1)
    scribbles = torch.tensor([[[[1.0, 0.0, -1.0]]], [[[-1.0, -1.0, -1.0]]]])
    mean = (math.log1p(math.exp(-2)) + math.log1p(math.exp(-1))) / 2
    assert losses.scribble_loss(logits, scribbles).tolist() == pytest.approx([mean, 0])


def test_sharpening_minds_only_what_the_target_is_sure_of() -> None:
    logits = torch.tensor([[0.0, 3.0, -3.0]])[None, None]
    target = torch.tensor([[1.0, 0.5, 0.25]])[None, None]
    at_quarter = 0.25 * math.log1p(math.exp(3)) + 0.75 * math.log1p(math.exp(-3))
    assert losses.sharpening_loss(logits, target).tolist() == pytest.approx([(math.log(2) + 0.5 * at_quarter) / 3])


@pytest.mark.parametrize("window", [(0.0, 0.0, -1.0), (0.25, 0.25, 0.5)])
def test_views_of_one_place_agree(window: tuple[float, float, float]) -> None:
    height, width = 64, 104
    mask = torch.zeros(1, 1, height, width)
    mask[..., height // 4 : height // 2, width // 4 : width // 2] = 1
    left, top, size = window
    if size < 0:
        seen = mask.flip(-1)
    else:
        part = mask[..., int(top * height) : int((top + size) * height), int(left * width) :]
        seen = torch.nn.functional.interpolate(part[..., : int(size * width)], size=(height, width))
    windows = torch.tensor([[[0.0, 0.0, 1.0], window]])
    first, second, moved = ((each - 0.5) * 20 for each in (mask, seen, seen.roll(20, -1)))
    assert losses.view_consistency(first, second, windows) < 0.02
    assert losses.view_consistency(first, moved, windows) > 0.05
    assert losses.view_consistency(first, moved, torch.tensor([[[0.0, 0.0, 1.0]] * 2])) == 0, "frames of a video"


def test_a_frames_loss_is_the_weighted_sum_of_its_terms() -> None:
    torch.manual_seed(0)
    winner, target = torch.randn(2, 1, 8, 8), torch.rand(2, 1, 8, 8)
    affinities = affinity(torch.rand(2, 3, 8, 8), torch.rand(2, 1, 8, 8), CONFIG)
    nothing = torch.full_like(winner, losses.UNKNOWN)
    strokes = nothing.clone()
    strokes[0, 0, 2] = 1.0
    queries = torch.tensor([0.5, 2.0])
    terms = {
        "coherence": losses.local_coherence(winner.sigmoid(), affinities)[:, 0],
        "sharpening": losses.sharpening_loss(winner, target),
        "on_scribbles": losses.scribble_loss(winner, strokes),
    }
    none = dict.fromkeys(terms, 0.0)
    for name, term in terms.items():
        found = losses.frame_loss(queries, winner, affinities, target, strokes, **{**none, name: 3.0})
        torch.testing.assert_close(found, queries + 3 * term)
    unmarked = losses.frame_loss(queries, winner, affinities, target, nothing, **{**none, "on_scribbles": 3.0})
    torch.testing.assert_close(unmarked, queries)
