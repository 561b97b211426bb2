"""The motion cue along a video: what moves by itself stands out, whatever the camera does."""

from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from sightline.nn.motion import MotionCue, VisibleMotionConfig, consistency, thumbnail, visible_motion, warp

CONFIG = VisibleMotionConfig()
LEAD = CONFIG.lookahead
GENERATOR = np.random.default_rng(0)
GROUND, OBJECT = (
    (gaussian_filter(GENERATOR.uniform(0, 255, shape), (1.5, 1.5, 0)) - 128) * 3 + 128
    for shape in ((160, 260, 3), (24, 24, 3))
)


def video(frames: int, speed: int, pan: int = 0) -> list[np.ndarray]:
    """A textured square that moves over a textured ground, seen by a camera that pans."""
    shown = []
    for index in range(frames):
        picture = GROUND[20:116, 20 + pan * index : 180 + pan * index].copy()
        picture[36:60, 60 + speed * index : 84 + speed * index] = OBJECT
        shown.append(picture.clip(0, 255).astype(np.uint8))
    return shown


@pytest.mark.parametrize("length", [0, 1, 2, LEAD, LEAD + 1, LEAD + 5])
def test_every_frame_comes_once_and_in_order(length: int) -> None:
    frames = video(length, 2)
    found = list(MotionCue(CONFIG).over(iter(frames)))
    assert [image is frame for (image, _), frame in zip(found, frames, strict=True)] == [True] * length
    for _, motion in found:
        assert motion.independent.shape == (96, 160)
        assert motion.flow.shape == (96, 160, 2)
        assert 0 <= motion.independent.min() <= motion.independent.max() <= 1


@pytest.mark.parametrize(("speed", "pan"), [(3, 0), (0, 3), (2, 2)])
def test_what_moves_by_itself_stands_out_from_the_first_frame_on(speed: int, pan: int) -> None:
    for index, (_, motion) in enumerate(MotionCue(CONFIG).over(video(10, speed, pan))):
        left = 60 + speed * index
        elsewhere = motion.independent.copy()
        elsewhere[26:70, left - 12 : left + 36] = 0
        assert motion.independent[40:56, left + 4 : left + 20].mean() > 0.5
        assert elsewhere.mean() < 0.1


def test_the_ground_beside_what_moves_is_still() -> None:
    """Even ground has nothing that the flow could hold on to, so that the flow of what moves goes far beyond it."""
    frames = []
    for index in range(12):
        picture = np.full((96, 160, 3), 190, np.uint8)
        picture[36:60, 40 + 6 * index : 64 + 6 * index] = OBJECT.clip(0, 255)
        frames.append(picture)
    *_, (_, motion) = MotionCue(CONFIG).over(frames)
    beside = motion.independent.copy()
    beside[30:66, 40 + 6 * 10 : 64 + 6 * 11 + 6] = 0  # where it is, and where it was just before
    assert motion.independent[40:56, 110:126].mean() > 0.8
    assert beside.mean() < 0.05


def test_a_camera_that_pans_over_a_still_scene_moves_nothing() -> None:
    for _, motion in MotionCue(CONFIG).over(panned()):
        assert motion.independent[8:-8, 8:-8].mean() < 0.1


def panned() -> Iterator[np.ndarray]:
    for index in range(8):
        yield GROUND[20:116, 20 + 3 * index : 180 + 3 * index].clip(0, 255).astype(np.uint8)


def test_a_picture_has_no_motion() -> None:
    _, motion = next(iter(MotionCue(CONFIG).over(video(1, 0))))
    assert not motion.independent.any()
    assert not motion.flow.any()


def test_what_moved_is_remembered_when_it_stops() -> None:
    frames = video(10, 3)
    *_, (_, motion) = MotionCue(CONFIG).over(frames + [frames[-1]] * 3)
    left = 60 + 3 * 9
    assert motion.independent[40:56, left + 4 : left + 20].mean() > 0.3


def test_a_cut_forgets() -> None:
    frames = video(10, 3)
    other = [np.rot90(frame, 2).copy() for frame in video(1, 0)] * 12
    *_, (_, motion) = MotionCue(CONFIG).over(frames + other)
    assert motion.independent.mean() < 0.05


def test_it_stays_a_few_frames_behind() -> None:
    taken = 0

    def frames() -> Iterator[np.ndarray]:
        nonlocal taken
        for image in video(12, 2):
            taken += 1
            yield image

    cue = MotionCue(CONFIG).over(frames())
    next(cue)
    assert taken <= LEAD + 1


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(-3, 3), min_size=12, max_size=12))
def test_any_quadratic_flow_is_the_cameras(terms: list[float]) -> None:
    rows, columns = np.indices((60, 100), dtype=np.float32)
    y, x = rows / 30 - 1, columns / 50 - 1
    basis = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)
    flow = (basis @ np.array(terms, np.float32).reshape(6, 2)).astype(np.float32)
    before = GENERATOR.integers(0, 256, flow.shape[:2], dtype=np.uint8)
    now = GENERATOR.integers(0, 256, flow.shape[:2], dtype=np.uint8)
    assert visible_motion(flow, now, before, CONFIG).max() < 0.2


def test_warp_moves_maps_with_their_pixels() -> None:
    before = np.zeros((40, 60), np.float32)
    before[10:20, 20:30] = 1
    flow = np.zeros((40, 60, 2), np.float32)
    flow[...] = (-5, 2)  # five pixels further left and two further down a frame ago: it has gone right and up
    now = warp(before, flow)
    assert now[8:18, 25:35].mean() == pytest.approx(1)
    assert now.sum() == pytest.approx(before.sum())


def test_consistency_tells_covered_pixels() -> None:
    picture = cv2.cvtColor(video(1, 0)[0], cv2.COLOR_RGB2GRAY)
    covered = picture.copy()
    covered[30:60, 30:60] = 255 - covered[30:60, 30:60]
    still = np.zeros((*picture.shape, 2), np.float32)
    kept = consistency(covered, picture, still, CONFIG)
    assert kept[:20].min() > 0.99
    assert kept[40:50, 40:50].mean() < 0.4


@pytest.mark.parametrize("size", [(1, 1), (3, 500), (480, 854), (2000, 30)])
def test_thumbnails_of_any_size_can_be_compared(size: tuple[int, int]) -> None:
    frame = np.zeros((*size, 3), np.uint8)
    assert min(thumbnail(frame, CONFIG.longer_side).shape) >= 16
    assert len(list(MotionCue(CONFIG).over([frame] * 3))) == 3
