"""The focal point of a map of attention, and the nearest place of a mask."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.nn.focus import FocusConfig, focus, nearest_on_mask

CONFIG = FocusConfig()
HOLD = CONFIG.hold
SHAPE = (30, 50)


def peaks(*places: tuple[int, int, float]) -> np.ndarray:
    hotspot = np.zeros(SHAPE, np.float32)
    for row, column, value in places:
        hotspot[row, column] = value
    return hotspot


def at(row: int, column: int) -> tuple[float, float]:
    return (column + 0.5) / SHAPE[1], (row + 0.5) / SHAPE[0]


def test_it_begins_at_the_highest_peak_and_stays_with_its_own_while_that_is_high_enough() -> None:
    hotspot = peaks((5, 40, 1.0), (20, 10, HOLD + 0.1))
    assert focus(hotspot, None, 2, CONFIG) == pytest.approx(at(5, 40), abs=1e-3)
    assert focus(hotspot, at(20, 10), 2, CONFIG) == pytest.approx(at(20, 10), abs=1e-3)
    hotspot = peaks((5, 40, 1.0), (20, 10, HOLD - 0.1))
    assert focus(hotspot, at(20, 10), 2, CONFIG) == pytest.approx(at(5, 40), abs=1e-3)


def test_it_climbs_to_the_middle_of_what_is_nearby() -> None:
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    hotspot = np.exp(-((rows - 12) ** 2 + (columns - 30) ** 2) / (2 * 4.0**2))
    assert focus(hotspot, at(14, 33), 4, CONFIG) == pytest.approx(at(12, 30), abs=0.01)


@given(st.integers(0, 2**31), st.one_of(st.none(), st.tuples(st.floats(-1, 2), st.floats(-1, 2))), st.floats(0.5, 50))
def test_it_lies_in_the_map_whatever_comes(seed: int, before: tuple[float, float] | None, width: float) -> None:
    hotspot = np.random.default_rng(seed).random(SHAPE) ** 8
    x, y = focus(hotspot, before, width, CONFIG)
    assert 0 <= x <= 1
    assert 0 <= y <= 1


@given(st.integers(0, 2**31), st.floats(-5, 15), st.floats(-5, 15))
def test_the_nearest_place_of_a_mask(seed: int, x: float, y: float) -> None:
    mask = np.random.default_rng(seed).random((10, 10)) < 0.2
    placed = nearest_on_mask(mask, (x, y))
    if not mask.any():
        assert placed == (x, y)
        return
    rows, columns = np.nonzero(mask)
    distances = np.hypot(columns + 0.5 - x, rows + 0.5 - y)
    assert mask[int(placed[1]), int(placed[0])]
    assert np.hypot(placed[0] - x, placed[1] - y) <= distances.min() + 1e-9


def test_a_point_on_the_mask_is_left_where_it_is() -> None:
    mask = np.zeros((10, 10), bool)
    mask[3, 4] = True
    assert nearest_on_mask(mask, (4.25, 3.75)) == (4.25, 3.75)
