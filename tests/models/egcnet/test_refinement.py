"""Refinement of masks by colour and motion, on cases worked out by hand."""

import math

import torch

from sightline.models.egcnet.config import RefinementConfig
from sightline.models.egcnet.refinement import affinity, mean_field, motion_log_odds, refine_mask

CONFIG = RefinementConfig()


def halves() -> tuple[torch.Tensor, torch.Tensor]:
    """A picture of two colours side by side, and the probabilities of a mask that ends where the colour does."""
    image = torch.zeros(1, 3, 12, 16)
    image[..., 8:] = 1
    mask = torch.zeros(1, 1, 12, 16)
    mask[..., 8:] = 1
    return image, mask


def test_colour_completes_an_object_that_is_half_found() -> None:
    image, mask = halves()
    guess = torch.full_like(mask, 0.2) + 0.15 * mask
    guess[:, :, :6, 8:] = 0.9
    still = torch.zeros_like(mask)
    found = refine_mask(guess, image, still, affinity(image, still, CONFIG), CONFIG)
    assert torch.equal(found > 0.5, mask > 0.5)


def test_motion_tells_the_object_where_colour_does_not() -> None:
    image, mask = torch.full((1, 3, 12, 16), 0.5), halves()[1]
    guess = 0.4 + 0.25 * mask
    guess[:, :, :, 8] = 0.45  # one column is on the wrong side
    moving = 0.1 + 0.8 * mask
    found = refine_mask(guess, image, moving, affinity(image, moving, CONFIG), CONFIG)
    assert torch.equal(found > 0.5, mask > 0.5)
    assert not motion_log_odds(guess, torch.full_like(mask, 0.7), CONFIG).abs().max() > 1e-6


def test_motion_log_odds_are_the_log_ratio_of_shares() -> None:
    mask = torch.tensor([1.0, 1, 0, 0, 0, 0]).view(1, 1, 1, 6)
    motion = torch.tensor([1.0, 0, 0, 0, 0, 1]).view(1, 1, 1, 6)
    rare = 0.25 / 8
    moving, still = math.log((0.5 + rare) / (0.25 + rare)), math.log((0.5 + rare) / (0.75 + rare))
    expected = [moving, still, still, still, still, moving]
    torch.testing.assert_close(motion_log_odds(mask, motion, CONFIG)[0, 0, 0], torch.tensor(expected))


def test_a_refined_mask_takes_other_log_odds() -> None:
    image, mask = torch.zeros(1, 3, 12, 16), halves()[1]
    still = torch.zeros_like(mask)
    guess, affinities = torch.full_like(mask, 0.5), torch.ones(1, 25, 12, 16)
    affinities = affinities * (torch.arange(25) == 12).float()[:, None, None]  # no pixel follows its neighbours
    found = refine_mask(guess, image, still, affinities, CONFIG, log_odds=2 * mask - 1)
    assert torch.equal(found > 0.5, mask > 0.5)
    assert torch.allclose(refine_mask(guess, image, still, affinities, CONFIG), guess)


def test_refinement_moves_an_outline_to_the_edge() -> None:
    image, mask = halves()
    unsure = 0.5 + 0.3 * (2 * mask - 1)
    unsure[..., 8] = 0.45  # one column on the wrong side
    refined = mean_field(unsure, affinity(image, torch.zeros_like(mask), CONFIG), CONFIG)
    assert torch.equal(refined > 0.5, mask > 0.5)
