"""Fixation regions, their encoding, and what the features hold where people look."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sightline.models.egcnet.config import DensityConfig
from sightline.models.egcnet.pse import (
    PositionSemanticEmbedding,
    combined_density,
    cosine_similarity,
    fixation_regions,
    memory_weighted,
    motion_weighted,
    sinusoidal,
    weighted_mean,
)

CONFIG = DensityConfig()


def spots(*places: tuple[int, int, float], size: tuple[int, int] = (24, 40)) -> torch.Tensor:
    density = torch.full((1, 1, *size), 1e-6)
    for row, column, value in places:
        density[0, 0, row, column] = value
    return density / density.sum()


def test_regions_are_the_peaks_from_the_strongest_on() -> None:
    found = fixation_regions(spots((4, 6, 1.0), (18, 30, 3.0)), 2, CONFIG)
    expected = torch.tensor([[30.5 / 40, 18.5 / 24], [6.5 / 40, 4.5 / 24]])
    torch.testing.assert_close(found.centres[0], expected, atol=0.02, rtol=0)
    torch.testing.assert_close(found.weights[0], torch.tensor([0.75, 0.25]), atol=1e-3, rtol=0)
    torch.testing.assert_close(found.shares.sum(-1), torch.ones(1, 2))


def test_two_peaks_close_together_are_one_region() -> None:
    found = fixation_regions(spots((10, 10, 2.0), (11, 11, 1.5), (20, 35, 1.0)), 2, CONFIG)
    assert found.centres[0, 1, 0] == pytest.approx(35.5 / 40, abs=0.02)


@given(st.integers(0, 23), st.integers(0, 39))
def test_a_region_follows_its_fixation_everywhere(row: int, column: int) -> None:
    centre = fixation_regions(spots((row, column, 1.0)), 1, CONFIG).centres[0, 0]
    torch.testing.assert_close(centre, torch.tensor([(column + 0.5) / 40, (row + 0.5) / 24]), atol=0.02, rtol=0)


def test_encoding_tells_places_apart_and_knows_x_from_y() -> None:
    points = torch.tensor([[0.2, 0.7], [0.7, 0.2], [0.2, 0.7]])
    codes = sinusoidal(points, 64)
    assert codes.shape == (3, 64)
    assert torch.equal(codes[0], codes[2])
    assert (codes[0] - codes[1]).norm() > 1
    torch.testing.assert_close(codes.square().sum(1), torch.full((3,), 32.0))  # sine and cosine of one phase


def test_semantics_are_those_of_the_fixated_cells() -> None:
    features = torch.zeros(1, 4, 24, 40)
    features[:, 0] = 1.0
    features[:, 1, 10:14, 20:26] = 5.0
    semantics = weighted_mean(features, spots((12, 23, 1.0)))
    assert semantics[0, 1] == pytest.approx(5, abs=0.1)
    maps = cosine_similarity(features, semantics, (2, 2))
    assert maps.shape == (1, 2, 24, 40)
    assert maps[0, 0, 12, 23] > maps[0, 0, 0, 0] + 1
    assert maps[0, 1].abs().max() == 0  # nothing is fixated in the second space


def test_embedding_gives_a_query_and_a_reference_point_for_each_region() -> None:
    embedding = PositionSemanticEmbedding(query_width=32, features=6, regions=3, config=CONFIG)
    queries, points, semantics = embedding(spots((4, 6, 1.0), (18, 30, 3.0)), torch.rand(1, 6, 24, 40))
    assert queries.shape == (1, 3, 32)
    assert points.shape == (1, 3, 2)
    assert semantics.shape == (1, 6)
    assert ((points >= 0) & (points <= 1)).all()


def test_a_moving_body_counts_as_much_as_the_head_that_is_looked_at() -> None:
    density = torch.tensor([[1.0, 0.2, 0.2, 0.2]])[None, None]
    moving = torch.tensor([[1.0, 1.0, 0.0, 0.0]])[None, None]
    still = motion_weighted(density, torch.zeros_like(density), None, CONFIG)[0, 0, 0]
    torch.testing.assert_close(still / still[0], density[0, 0, 0])
    found = motion_weighted(density, moving, None, CONFIG)[0, 0, 0]
    assert found[1] / found[0] > 0.5
    assert found[2] / found[0] < 0.02


def test_what_nobody_looks_at_gains_no_weight() -> None:
    density, everywhere = torch.zeros(1, 1, 3, 4), torch.ones(1, 1, 3, 4)
    density[..., 0] = 1
    assert not motion_weighted(density, everywhere, everywhere, CONFIG)[..., 1:].any()
    assert not motion_weighted(torch.zeros_like(density), everywhere, None, CONFIG).any()


@given(st.floats(0.01, 1), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_more_density_motion_or_object_never_weighs_less(
    density: float, motion: float, objects: float, more: float
) -> None:
    def value(*cell: float) -> float:
        maps = [torch.tensor([[[[one, 1.0]]]]) for one in cell]
        return float(motion_weighted(*maps, CONFIG)[0, 0, 0, 0])  # type: ignore[call-arg]

    least = value(density, motion, objects) - 1e-6
    assert value(max(density, more), motion, objects) >= least
    assert value(density, max(motion, more), objects) >= least
    assert value(density, motion, max(objects, more)) >= least


def test_what_is_like_what_was_fixated_before_gains_weight() -> None:
    density = torch.tensor([[0.5, 0.3, 0.2], [0.5, 0.3, 0.2]]).view(2, 1, 1, 3)
    similarity = torch.zeros(2, 2, 1, 3)
    similarity[0, :, 0] = torch.tensor([-0.2, 0.0, 0.8])
    found = memory_weighted(density, similarity, False, CONFIG)
    torch.testing.assert_close(found[1], density[1])  # nothing is remembered there
    torch.testing.assert_close(found.sum(dim=(2, 3)), torch.ones(2, 1))
    assert found[0, 0, 0, 2] > found[0, 0, 0, 0]
    assert (
        memory_weighted(torch.tensor([0.0, 1.0]).view(1, 1, 1, 2), torch.ones(1, 1, 1, 2), False, CONFIG)[0, 0, 0, 0]
        == 0
    )
    with_classes = memory_weighted(density, similarity, True, CONFIG)
    torch.testing.assert_close(
        with_classes[0, 0, 0, 1] / with_classes[0, 0, 0, 2], (0.3 / 0.2) * torch.tensor(-0.8).exp()
    )


def test_recorded_fixations_lead_and_the_own_density_fills_in() -> None:
    own = torch.tensor([[0.6, 0.2, 0.1, 0.1], [0.6, 0.2, 0.1, 0.1]]).view(2, 1, 1, 4)
    recorded = torch.tensor([[0.0, 0.0, 0.5, 0.5], [0.0, 0.0, 0.5, 0.5]]).view(2, 1, 1, 4)
    found = combined_density(own, recorded, torch.tensor([1.0, 0.0]), CONFIG)
    torch.testing.assert_close(found[1], own[1])  # without an eye tracker they count for nothing
    torch.testing.assert_close(found.sum(dim=(2, 3)), torch.ones(2, 1))
    assert found[0, 0, 0, 2:].min() > found[0, 0, 0, :2].max()
    assert found[0, 0, 0, 0] > found[0, 0, 0, 1] > 0
