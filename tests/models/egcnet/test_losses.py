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
