"""The focal point on the object along a video: steady, on the mask, and moving with it."""

from __future__ import annotations

import numpy as np
import pytest

from sightline.models.egcnet.config import HotspotConfig
from sightline.models.egcnet.hotspot import HotspotTrack

GRID, SMALL, SIZE = (18, 32), (36, 64), (144, 256)
STILL = np.zeros((*SMALL, 2), np.float32)


def spots(*places: tuple[float, float, float]) -> np.ndarray:
    """x and y in [0, 1], and height."""
    rows, columns = (np.indices(GRID) + 0.5) / np.array(GRID)[:, None, None]
    each = [v * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * 0.05**2)) for x, y, v in places]
    return np.sum(each, axis=0).astype(np.float32)


def box(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    mask = np.zeros(SIZE, np.uint8)
    mask[int(top * SIZE[0]) : int(bottom * SIZE[0]), int(left * SIZE[1]) : int(right * SIZE[1])] = 1
    return mask


def test_it_lies_where_people_look_on_the_object() -> None:
    point = HotspotTrack(HotspotConfig()).step(spots((0.3, 0.4, 0.5), (0.8, 0.4, 1.0)), box(0.2, 0.2, 0.5, 0.8), STILL)
    assert point == pytest.approx((0.3 * SIZE[1], 0.4 * SIZE[0]), abs=5)


def test_it_does_not_leap_between_peaks_that_flicker() -> None:
    track, mask, points = HotspotTrack(HotspotConfig()), box(0.1, 0.1, 0.9, 0.9), []
    for index in range(30):
        density = spots((0.3, 0.4, 1.0), (0.7, 0.6, 1.2 if index % 2 else 0.8))
        points += [track.step(density, mask, STILL)]
    assert np.abs(np.diff(points, axis=0)).max() < 2


def test_a_place_that_is_looked_at_for_longer_takes_over() -> None:
    track, mask = HotspotTrack(HotspotConfig()), box(0.1, 0.1, 0.9, 0.9)
    track.step(spots((0.3, 0.4, 1.0)), mask, STILL)
    for _ in range(10):
        point = track.step(spots((0.7, 0.6, 1.0)), mask, STILL)
    assert point == pytest.approx((0.7 * SIZE[1], 0.6 * SIZE[0]), abs=5)


def test_it_moves_with_the_object() -> None:
    track = HotspotTrack(HotspotConfig())
    flow = np.zeros((*SMALL, 2), np.float32)
    flow[..., 0] = -0.02 * SMALL[1]  # from where a pixel is to where it was
    for index in range(20):
        x = 0.3 + 0.02 * index
        point = track.step(spots((x, 0.5, 1.0)), box(x - 0.15, 0.3, x + 0.15, 0.7), STILL if index == 0 else flow)
        assert point is not None
        assert point[0] == pytest.approx(x * SIZE[1], abs=6)


def test_it_is_on_the_mask_even_where_most_of_that_is_gone() -> None:
    track = HotspotTrack(HotspotConfig())
    track.step(spots((0.3, 0.4, 1.0)), box(0.2, 0.2, 0.8, 0.8), STILL)
    mask = box(0.7, 0.7, 0.8, 0.8)
    point = track.step(spots((0.3, 0.4, 1.0)), mask, STILL)
    assert point is not None
    assert mask[int(point[1]), int(point[0])]


def test_an_object_that_nobody_looks_at_has_a_focal_point_too() -> None:
    point = HotspotTrack(HotspotConfig()).step(np.zeros(GRID, np.float32), box(0.2, 0.2, 0.4, 0.6), STILL)
    assert point is not None
    assert 0.2 * SIZE[1] <= point[0] <= 0.4 * SIZE[1]
    assert 0.2 * SIZE[0] <= point[1] <= 0.6 * SIZE[0]


def test_a_mask_of_a_pixel_has_a_focal_point_and_an_empty_one_none() -> None:
    track, mask = HotspotTrack(HotspotConfig()), np.zeros(SIZE, np.uint8)
    mask[100, 200] = 1
    assert track.step(spots((0.3, 0.4, 1.0)), mask, STILL) == (200.5, 100.5)
    assert track.step(spots((0.3, 0.4, 1.0)), 0 * mask, STILL) is None
    assert track.step(spots((0.3, 0.4, 1.0)), box(0.2, 0.2, 0.5, 0.8), STILL) is not None
