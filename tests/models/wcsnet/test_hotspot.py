"""Where on a target people look: a map that belongs to the target and not to its mask's box."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sightline.models.wcsnet.config import HotspotConfig
from sightline.models.wcsnet.geometry import Crop
from sightline.models.wcsnet.hotspot import HotspotMap

CONFIG = HotspotConfig()
HEIGHT, WIDTH = 120, 160
NOTHING = torch.full((20, 20), 0.5)


def box(left: int, top: int, right: int, bottom: int) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), dtype=np.float32)
    mask[top:bottom, left:right] = 1
    return mask


def spot(x: float, y: float, sigma: float = 4.0) -> np.ndarray:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma**2))


def inside(mask: np.ndarray, crop: Crop) -> torch.Tensor:
    return crop.take_map(mask, 100)[0, 0]


def test_the_peak_is_where_people_look_on_the_target() -> None:
    target, crop = box(50, 30, 80, 90), Crop(65, 60, 120)
    gaze = np.maximum(0.5 * spot(60, 40), spot(130, 40))  # something else is looked at more
    hotspot, point = HotspotMap(crop, inside(target, crop), gaze, CONFIG).render(
        crop, inside(target, crop), HEIGHT, WIDTH
    )
    assert hotspot.shape == (HEIGHT, WIDTH)
    assert hotspot.max() == pytest.approx(1, abs=0.02)
    assert np.hypot(point[0] - 60, point[1] - 40) < 2
    assert hotspot[:, 90:].max() < 0.01
    assert 0 < hotspot[34:46, 49].max() < 1, "the rim is soft, as fixations fall a little beside the target"


def test_fixations_a_little_beside_the_mask_count() -> None:
    target, crop = box(50, 30, 80, 90), Crop(65, 60, 120)
    seen = inside(target, crop)
    hotspot, _ = HotspotMap(crop, seen, spot(52, 40), CONFIG).render(crop, seen, HEIGHT, WIDTH)
    assert hotspot[40, 47] > 0.2, "two cells beside the mask"
    assert hotspot[40, 43] < 0.02


def test_without_gaze_on_the_target_all_of_it_is_the_hotspot() -> None:
    target, crop = box(50, 30, 80, 90), Crop(65, 60, 120)
    hotspot, point = HotspotMap(crop, inside(target, crop), spot(140, 60), CONFIG).render(
        crop, inside(target, crop), HEIGHT, WIDTH
    )
    assert hotspot[36:84, 56:74].min() > 0.9
    assert 50 < point[0] < 80
    assert 30 < point[1] < 90


def test_the_passes_are_averaged_and_a_new_place_takes_over() -> None:
    target, crop = box(40, 30, 100, 90), Crop(70, 60, 120)
    track = HotspotMap(crop, inside(target, crop), spot(50, 40), CONFIG)
    points = []
    for number in range(1, 20 * CONFIG.interval + 1):
        look = None if number % CONFIG.interval else spot(90, 80)
        track.update(crop, inside(target, crop), NOTHING, look)
        points.append(track.render(crop, inside(target, crop), HEIGHT, WIDTH)[1])
    assert np.hypot(points[CONFIG.interval][0] - 50, points[CONFIG.interval][1] - 40) < 5, "one pass changes little"
    assert np.hypot(points[-1][0] - 90, points[-1][1] - 80) < 5


def test_the_map_moves_with_the_target_and_not_with_its_flickering_box() -> None:
    gaze, crop = spot(60, 40), Crop(65, 60, 120)
    track = HotspotMap(crop, inside(box(50, 30, 80, 90), crop), gaze, CONFIG)
    for step in range(1, 20):
        moved = box(50 + step, 30, 80 + step + (8 if step % 2 else 0), 90)  # an arm that comes and goes
        search = Crop(65 + step + (4 if step % 2 else 0), 60, 120 + (16 if step % 2 else 0))
        track.move(search, (1.0, 0.0))
        track.update(search, inside(moved, search), NOTHING)
        _, point = track.render(search, inside(moved, search), HEIGHT, WIDTH)
        assert np.hypot(point[0] - 60 - step, point[1] - 40) < 4


def test_a_target_found_elsewhere_takes_its_map_along() -> None:
    crop = Crop(40, 60, 80)
    track = HotspotMap(crop, inside(box(30, 40, 50, 80), crop), spot(35, 45), CONFIG)
    there = Crop(120, 60, 80)
    track.move(there, (0.0, 0.0))
    assert track.square == there
    _, point = track.render(there, inside(box(110, 40, 130, 80), there), HEIGHT, WIDTH)
    assert np.hypot(point[0] - 115, point[1] - 45) < 4


@given(
    st.floats(-50, 200), st.floats(-50, 200), st.floats(2, 400), st.floats(0, 1), st.floats(-100, 100), st.booleans()
)
@settings(max_examples=50, deadline=None)
def test_whatever_comes_the_map_is_finite_and_the_point_in_the_frame(
    x: float, y: float, side: float, filled: float, shift: float, look: bool
) -> None:
    crop = Crop(80, 60, 100)
    track = HotspotMap(crop, torch.full((40, 40), filled), np.full((HEIGHT, WIDTH), filled), CONFIG)
    search = Crop(x, y, side)
    track.move(search, (shift, -shift))
    track.update(search, torch.full((40, 40), filled), torch.zeros(20, 20), spot(x, y) if look else None)
    hotspot, point = track.render(search, torch.full((40, 40), filled), HEIGHT, WIDTH)
    assert np.isfinite(hotspot).all()
    assert 0 <= hotspot.min() <= hotspot.max() <= 1 + 1e-5
    assert 0 <= point[0] < WIDTH
    assert 0 <= point[1] < HEIGHT
