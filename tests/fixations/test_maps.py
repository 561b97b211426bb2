"""Fixations to maps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from sightline.fixations import density, fixation_counts, grid_density, inside

SIZE = (36, 64)  # (height, width)
coordinates = st.tuples(st.floats(-20, 90), st.floats(-20, 60))


def test_inside_has_its_left_and_top_edge_only() -> None:
    xy = np.array([[0, 0], [9.99, 4.99], [10, 0], [0, 5], [-0.01, 0], [np.nan, 1]])
    assert inside(xy, (5, 10)).tolist() == [True, True, False, False, False, False]


def inside_count(xy: np.ndarray) -> int:
    return int(((xy >= 0) & (xy < SIZE[::-1])).all(axis=1).sum())


@given(st.lists(coordinates), st.floats(0.2, 40), st.floats(0.2, 40))
@settings(max_examples=60)
def test_every_fixation_in_the_picture_weighs_one(points: list[tuple[float, float]], sx: float, sy: float) -> None:
    xy = np.array(points).reshape(-1, 2)
    count = inside_count(xy)
    assert fixation_counts(xy, SIZE).sum() == count
    made = density(xy, SIZE, (sx, sy))
    assert made.shape == SIZE
    assert made.min() >= 0
    assert made.sum() == pytest.approx(count, rel=1e-4)


def test_density_is_the_gaussian_filter_of_the_counts() -> None:
    # At pixel centres and away from the border both are the same by definition.
    xy = np.array([[30.5, 18.5], [34.5, 20.5], [30.5, 18.5]])
    expected = gaussian_filter(fixation_counts(xy, SIZE).astype(float), (2.0, 3.0), mode="constant", truncate=6)
    np.testing.assert_allclose(density(xy, SIZE, (3.0, 2.0)), expected, atol=2e-6)


def test_density_knows_fractions_of_a_pixel() -> None:
    made = density(np.array([[20.25, 10.75]]), SIZE, (2.0, 2.0))
    columns, rows = np.arange(SIZE[1]) + 0.5, np.arange(SIZE[0]) + 0.5
    assert made.sum(axis=0) @ columns == pytest.approx(20.25, abs=1e-3)
    assert made.sum(axis=1) @ rows == pytest.approx(10.75, abs=1e-3)


def test_no_fixations_no_density() -> None:
    assert density(np.empty((0, 2)), SIZE, (3, 3)).sum() == 0


def test_counts_may_be_weighted() -> None:
    weighted = fixation_counts([[0.5, 0.5], [0.9, 0.9], [3.0, 0.0], [-1, 0]], (2, 4), [0.5, 0.25, 2.0, 9.0])
    assert weighted.tolist() == [[0.75, 0, 0, 2.0], [0, 0, 0, 0]]


@given(
    st.lists(coordinates, min_size=1, max_size=20),
    st.floats(0.3, 20),
    st.lists(st.floats(0.01, 1), min_size=20, max_size=20),
)
@settings(max_examples=40, deadline=None)
def test_a_grid_is_counts_blurred_with_nothing_beyond(
    points: list[tuple[float, float]], sigma: float, weights: list[float]
) -> None:
    weights = weights[: len(points)]
    made = grid_density(points, SIZE, sigma, weights)
    expected = gaussian_filter(fixation_counts(points, SIZE, weights), sigma, mode="constant")
    if inside(points, SIZE).any():
        assert made.sum() == pytest.approx(1, rel=1e-5)
        np.testing.assert_allclose(made, expected / expected.sum(), rtol=1e-5, atol=1e-9)
    else:
        assert not made.any()


def test_a_grid_without_blur_is_the_share_of_fixations() -> None:
    assert grid_density([[0.5, 0.5], [1.5, 0.5], [1.2, 0.1], [1.9, 0.9]], (1, 3), 0).tolist() == [[0.25, 0.75, 0]]
