"""What moves against the background, with a camera that moves as well."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from sightline.models.wcsnet.motion import LONGER_SIDE, independent_motion, shift, thumbnail

WORLD = gaussian_filter(np.random.default_rng(0).uniform(0, 255, (200, 300)), 2.0)
WORLD = ((WORLD - WORLD.min()) / np.ptp(WORLD) * 255).astype(np.float32)
OBJECT = gaussian_filter(np.random.default_rng(1).uniform(0, 255, (24, 24)), 1.5)
OBJECT = ((OBJECT - OBJECT.min()) / np.ptp(OBJECT) * 255).astype(np.float32)


def view(pan: tuple[int, int], place: tuple[int, int]) -> np.ndarray:
    """96x128 of the world, panned by (x, y), with the object at (x, y) of the view."""
    frame = WORLD[50 + pan[1] : 146 + pan[1], 80 + pan[0] : 208 + pan[0]].copy()
    frame[place[1] : place[1] + 24, place[0] : place[0] + 24] = OBJECT
    return frame


@pytest.mark.parametrize("pan", [(0, 0), (3, 0), (-4, 2)])
def test_the_object_stands_out_whether_the_camera_moves_or_not(pan: tuple[int, int]) -> None:
    moving = independent_motion(view((0, 0), (50, 36)), [view(pan, (52, 36)), view((2 * pan[0], 2 * pan[1]), (54, 36))])
    inside = moving[38:58, 52:72]
    outside = moving.copy()
    outside[26:70, 40:88] = 0
    assert moving.shape == (96, 128)
    assert moving.dtype == np.float32
    assert inside.mean() > 0.5
    assert outside[8:-8, 8:-8].mean() < 0.15


def test_a_still_scene_and_a_camera_alone_move_nothing() -> None:
    still = view((0, 0), (50, 36))
    assert not independent_motion(still, []).any()
    assert independent_motion(still, [still]).max() < 0.01
    panned = WORLD[51:147, 83:211]
    assert independent_motion(WORLD[50:146, 80:208], [panned])[8:-8, 8:-8].mean() < 0.15


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 3), st.integers(1, 2))
@settings(max_examples=25, deadline=None)
def test_any_frames_give_a_finite_share(height: int, width: int, kind: int, count: int) -> None:
    generator = np.random.default_rng(kind)
    limits = [(0, 256), (128, 129), (0, 1), (0, 2)][kind]
    frames = [thumbnail(generator.integers(*limits, (height, width, 3), dtype=np.uint8)) for _ in range(count + 1)]
    moving = independent_motion(frames[0], frames[1:])
    assert moving.shape == frames[0].shape
    assert 0 <= moving.min() <= moving.max() <= 1


@pytest.mark.parametrize(
    ("size", "expected"), [((1080, 1920), (144, 256)), ((100, 50), (100, 50)), ((2, 3000), (8, 256)), ((1, 1), (8, 8))]
)
def test_thumbnails_keep_proportions_and_are_small(size: tuple[int, int], expected: tuple[int, int]) -> None:
    frame = np.full((*size, 3), 100, dtype=np.uint8)
    small = thumbnail(frame)
    assert small.shape == expected
    assert max(small.shape) <= max(LONGER_SIDE, 8)
    assert (small == 100).all()


@pytest.mark.parametrize("move", [(2, 0), (-1, 3), (3, -2)])
@pytest.mark.parametrize("pan", [(0, 0), (2, -1)])
def test_the_shift_is_the_objects_own_not_the_cameras(move: tuple[int, int], pan: tuple[int, int]) -> None:
    where = np.zeros((96, 128), dtype=np.float32)
    where[36 + move[1] : 60 + move[1], 50 + move[0] : 74 + move[0]] = 1
    seen = shift(view((0, 0), (50, 36)), view(pan, (50 + move[0], 36 + move[1])), where)
    assert seen == pytest.approx(move, abs=0.3)


@pytest.mark.parametrize("picture", [np.zeros((20, 30)), np.full((20, 30), 255.0), np.eye(8)])
@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_where_nothing_can_be_seen_to_move_there_is_no_shift(picture: np.ndarray, weight: float) -> None:
    small = picture.astype(np.float32)
    assert shift(small, small, np.full(small.shape, weight)) == pytest.approx((0, 0), abs=1e-6)
