"""What of a frame counts, for every kind of result a model may give."""

from __future__ import annotations

import numpy as np
import pytest

from sightline.apps.reframe.config import InterestConfig
from sightline.apps.reframe.interest import interest_of
from sightline.types import Frame, Hotspot, Person

IMAGE = np.zeros((90, 160, 3), np.uint8)
CONFIG = InterestConfig()


def place(grid: np.ndarray) -> tuple[float, float]:
    """Centre of mass, pixels of IMAGE."""
    rows, columns = grid.sum(axis=1), grid.sum(axis=0)
    return float(columns @ (np.arange(64) + 0.5)) * 2.5, float(rows @ (np.arange(36) + 0.5)) * 2.5


def area(x1: int, y1: int, x2: int, y2: int, value: float = 1, dtype: type = np.float32) -> np.ndarray:
    found: np.ndarray = np.zeros((90, 160), dtype)
    found[y1:y2, x1:x2] = value
    return found


@pytest.mark.parametrize(
    "given",
    [
        {"saliency": area(100, 20, 120, 40)},
        {"probability": area(100, 20, 120, 40)},
        {"mask": area(100, 20, 120, 40, dtype=np.uint8)},
        {"hotspot": Hotspot(110.0, 30.0, 0.7)},
        {"people": (Person(1, (100.0, 20.0, 120.0, 40.0), 0.9),)},
    ],
    ids=lambda given: next(iter(given)),
)
def test_each_kind_of_result_draws_the_interest(given: dict) -> None:
    found = interest_of(Frame(3, 0.12, IMAGE, **given), CONFIG)
    assert (found.index, found.time_s) == (3, 0.12)
    assert found.grid.sum() == pytest.approx(1, abs=1e-5)
    assert place(found.grid) == pytest.approx((110, 30), abs=1.5)


def test_the_scale_of_a_map_does_not_matter() -> None:
    mask = area(10, 10, 30, 30, dtype=np.uint8)
    one, half = (
        interest_of(Frame(0, 0.0, IMAGE, saliency=area(100, 20, 120, 40, v), mask=mask), CONFIG) for v in (1, 0.5)
    )
    np.testing.assert_allclose(one.grid, half.grid, atol=1e-6)


def test_nothing_is_everywhere() -> None:
    for frame in (
        Frame(0, 0.0, IMAGE),
        Frame(0, 0.0, IMAGE, saliency=area(0, 0, 0, 0), mask=area(0, 0, 0, 0, dtype=np.uint8)),
    ):
        found = interest_of(frame, CONFIG)
        assert np.ptp(found.grid) == 0
        assert found.box is None


def test_the_box_is_of_the_object_under_the_hotspot() -> None:
    mask = area(10, 10, 30, 50, 1, np.uint8) + area(100, 20, 140, 60, 2, np.uint8)
    config = InterestConfig(tail=0.0)
    assert interest_of(Frame(0, 0.0, IMAGE, mask=mask), config).box == (10, 10, 140, 60)
    at = Hotspot(120.0, 40.0, 0.9)
    assert interest_of(Frame(0, 0.0, IMAGE, mask=mask, hotspot=at), config).box == (100, 20, 140, 60)


def test_stray_pixels_do_not_widen_the_box() -> None:
    mask = area(100, 20, 140, 60, 1, np.uint8)
    mask[5, 2] = 1
    found = interest_of(Frame(0, 0.0, IMAGE, mask=mask), InterestConfig(tail=0.01)).box
    assert found is not None
    assert found[0] >= 100


def test_what_is_not_a_number_counts_nothing() -> None:
    saliency = area(100, 20, 120, 40)
    saliency[0, 0] = np.nan
    grid = interest_of(Frame(0, 0.0, IMAGE, saliency=saliency), CONFIG).grid
    assert np.isfinite(grid).all()
    assert place(grid) == pytest.approx((110, 30), abs=1.5)
