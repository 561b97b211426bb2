"""What tells a target from look-alikes beside it: motion, colours, and where its last mask went."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from sightline.models.wcsnet.config import TrackerConfig
from sightline.models.wcsnet.evidence import Evidence, frame_motion
from sightline.models.wcsnet.geometry import Crop

GENERATOR = np.random.default_rng(0)
GROUND, OBJECT = (
    (gaussian_filter(GENERATOR.uniform(0, 255, shape), (1.5, 1.5, 0)) - 128) * 3 + 128
    for shape in ((160, 260, 3), (24, 24, 3))
)
CONFIG = TrackerConfig()
CROP, CELLS = Crop(80, 48, 120), 60


def picture(x: int, tint: tuple[int, int, int] = (0, 0, 0), twin: bool = False) -> np.ndarray:
    """A textured square at x on textured ground, and perhaps another of its kind that stands still."""
    shown = GROUND[20:116, 20:180].copy()
    shown[36:60, x : x + 24] = OBJECT + tint
    if twin:
        shown[36:60, 100:124] = OBJECT + tint
    return shown.clip(0, 255).astype(np.uint8)


def square(x: int) -> np.ndarray:
    mask = np.zeros((96, 160), dtype=np.float32)
    mask[36:60, x : x + 24] = 1
    return mask


def inside(mask: np.ndarray) -> torch.Tensor:
    return CROP.take_map(mask, CELLS)[0, 0]


def tracked(frames: list[np.ndarray], x: int, ahead: int = 0) -> Evidence:
    """Evidence that has seen the square's place, x, in the first frame and goes on to the last."""
    evidence = Evidence(frames[0], CONFIG, frames[1 : 1 + ahead])
    evidence.observe(CROP.take(frames[0], CELLS), CROP, CELLS)
    evidence.update(inside(square(x)), inside(square(x)), chosen=True)
    for frame in frames[1:]:
        evidence.step(frame_motion(frame, evidence.small, CONFIG.motion), frame)
        evidence.observe(CROP.take(frame, CELLS), CROP, CELLS)
        if frame is not frames[-1]:
            evidence.update(*[torch.from_numpy(evidence.warped_mask)] * 2)
    return evidence


@pytest.mark.parametrize("speed", [-3, 0, 4])
def test_the_mask_goes_where_its_pixels_go(speed: int) -> None:
    evidence = tracked([picture(50), picture(50 + speed)], 50)
    assert evidence.shift == pytest.approx((speed, 0), abs=0.5)
    truth = inside(square(50 + speed)).numpy()
    assert np.minimum(truth, evidence.warped_mask).sum() / np.maximum(truth, evidence.warped_mask).sum() > 0.85
    places = np.array([[[62.0 + speed, 48.0]]], dtype=np.float32)
    assert evidence.before(places)[0, 0] == pytest.approx((62, 48), abs=0.7)


def test_a_twin_that_stands_still_is_told_from_the_one_that_moves() -> None:
    frames = [picture(30 + 3 * number, twin=True) for number in range(6)]
    evidence = tracked(frames, 30, ahead=5)
    either = torch.full((CELLS, CELLS), 0.6)
    weighed = evidence.combine(either).numpy()
    assert weighed[inside(square(45)).numpy() > 0.9].mean() > 0.8
    assert weighed[inside(square(100)).numpy() > 0.9].mean() < 0.4


def test_colours_that_only_the_target_has_speak_for_it() -> None:
    red = (90, -60, -60)
    tinted, plain = (
        tracked([picture(50, tint, twin=True)] * 2, 50).combine(torch.full((CELLS, CELLS), 0.5))
        for tint in (red, (0, 0, 0))
    )
    twin = inside(square(100)) > 0.9
    assert tinted[twin].mean() > plain[twin].mean()
    around = inside(square(50) + square(100)) == 0
    assert tinted[twin].mean() > tinted[around].mean() + 0.1


def test_where_nothing_differs_the_warped_mask_alone_decides() -> None:
    """A flat, still frame: motion and colour are the same everywhere."""
    flat = np.full((96, 160, 3), 128, dtype=np.uint8)
    weighed = tracked([flat, flat], 50).combine(torch.full((CELLS, CELLS), 0.5))
    target = inside(square(50))
    assert weighed[target == 1].numpy() == pytest.approx(1 / (1 + np.exp(-1)), abs=0.01)
    assert weighed[target == 0].numpy() == pytest.approx(1 / (1 + np.exp(1)), abs=0.01)


def test_a_distractor_is_warped_along() -> None:
    evidence = Evidence(picture(50), CONFIG)
    evidence.observe(CROP.take(picture(50), CELLS), CROP, CELLS)
    evidence.update(inside(square(20)), torch.maximum(inside(square(50)), inside(square(20))), chosen=True)
    evidence.step(frame_motion(picture(56), evidence.small, CONFIG.motion), picture(56))
    evidence.observe(CROP.take(picture(56), CELLS), CROP, CELLS)
    truth = inside(square(56)).numpy()
    assert np.minimum(truth, evidence.distractors).sum() / np.maximum(truth, evidence.distractors).sum() > 0.75


def test_a_distractor_is_remembered_where_the_crop_does_not_see_it() -> None:
    evidence = Evidence(picture(20, twin=True), CONFIG)
    evidence.observe(CROP.take(picture(20, twin=True), CELLS), CROP, CELLS)
    evidence.update(inside(square(20)), inside(square(20) + square(100)), chosen=True)
    near = Crop(32, 48, 40)
    for _ in range(20):
        evidence.step(frame_motion(picture(20, twin=True), evidence.small, CONFIG.motion), picture(20, twin=True))
        evidence.observe(near.take(picture(20, twin=True), CELLS), near, CELLS)
        target = near.take_map(square(20), CELLS)[0, 0]
        evidence.update(target, target)
    evidence.observe(CROP.take(picture(20, twin=True), CELLS), CROP, CELLS)
    assert evidence.distractors[inside(square(100)).numpy() > 0.9].mean() > 0.8
    assert evidence.distractors[inside(square(20)).numpy() > 0.9].mean() < 0.2


def lost(frames: list[np.ndarray], x: int, crop: Crop = CROP) -> Evidence:
    """Evidence that has seen the square's place, x, in the crop of the first frame, beside a twin at 100, and in none
    of the frames after that."""
    evidence = Evidence(frames[0], CONFIG)
    evidence.observe(crop.take(frames[0], CELLS), crop, CELLS)
    target, both = (crop.take_map(mask, CELLS)[0, 0] for mask in (square(x), square(x) + square(100)))
    evidence.update(target, both, chosen=True)
    for number, frame in enumerate(frames[1:]):
        evidence.step(frame_motion(frame, evidence.small, CONFIG.motion), frame)
        evidence.observe(CROP.take(frame, CELLS), CROP, CELLS)
        if not number:
            evidence.lose(frame)
    return evidence


@pytest.mark.parametrize("crop", [CROP, Crop(42, 48, 48)], ids=["twin in the crop", "twin beside the crop"])
def test_a_lost_target_is_what_was_not_there_before(crop: Crop) -> None:
    gone = GROUND[20:116, 20:180].clip(0, 255).astype(np.uint8)
    with_twin = np.where((square(100) > 0)[..., None], picture(0, twin=True), gone)
    evidence = lost([picture(30, twin=True), *[with_twin] * 5, picture(60, twin=True)], 30, crop)
    both = inside(square(60) + square(100))
    redetected = evidence.redetect(both.clamp(0.05, 0.95)).numpy()
    assert redetected[inside(square(60)).numpy() > 0.9].mean() > 0.8
    assert redetected[inside(square(100)).numpy() > 0.9].max() == 0
    evidence.lose(picture(60, twin=True))
    evidence.step(frame_motion(picture(60, twin=True), evidence.small, CONFIG.motion), picture(60, twin=True))
    evidence.observe(CROP.take(picture(60, twin=True), CELLS), CROP, CELLS)
    assert evidence.distractors[inside(square(100)).numpy() > 0.9].mean() > 0.8


def test_a_lost_target_may_be_where_it_was() -> None:
    evidence = lost([picture(30, twin=True)] * 4, 30)
    redetected = evidence.redetect(inside(square(30) + square(100)).clamp(0.05, 0.95)).numpy()
    assert redetected[inside(square(30)).numpy() > 0.9].mean() > 0.8
    assert redetected[inside(square(100)).numpy() > 0.9].max() == 0


def test_what_another_target_looked_like_says_nothing_of_one_that_is_chosen_now() -> None:
    weighed = []
    for before in (20, 50):
        evidence = Evidence(picture(50), CONFIG)
        evidence.observe(CROP.take(picture(50), CELLS), CROP, CELLS)
        for x in (before, 50):
            evidence.update(inside(square(x)), inside(square(x)), chosen=True)
        evidence.step(frame_motion(picture(50), evidence.small, CONFIG.motion), picture(50))
        evidence.observe(CROP.take(picture(50), CELLS), CROP, CELLS)
        weighed.append(evidence.combine(torch.full((CELLS, CELLS), 0.5)))
    torch.testing.assert_close(*weighed)


def test_without_frames_that_follow_nothing_moves() -> None:
    assert not Evidence(picture(50), CONFIG).moving.any()
    assert Evidence(picture(50), CONFIG, [picture(53), picture(56)]).moving[40:56, 54:70].mean() > 0.5


@given(
    st.tuples(st.integers(1, 60), st.integers(1, 60)),
    st.floats(-80, 150),
    st.floats(-80, 150),
    st.floats(1, 200),
    st.floats(0, 1),
    st.integers(1, 30),
)
@settings(max_examples=40, deadline=None)
def test_any_crop_of_any_frame_gives_probabilities(
    size: tuple[int, int], x: float, y: float, side: float, filled: float, cells: int
) -> None:
    frames = [np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8) for seed in range(2)]
    crop, evidence = Crop(x, y, side), Evidence(frames[0], CONFIG)
    for frame in frames:
        evidence.step(frame_motion(frame, evidence.small, CONFIG.motion), frame)
        evidence.observe(crop.take(frame, 32), crop, cells)
        weighed = evidence.combine(torch.full((cells, cells), filled))
        assert weighed.isfinite().all()
        assert 0 <= weighed.min() <= weighed.max() <= 1
        assert np.isfinite(evidence.shift).all()
        assert 0 <= evidence.distractors.min() <= evidence.distractors.max() <= 1
        evidence.lose(frame)
        redetected = evidence.redetect(weighed)
        assert 0 <= redetected.min() <= redetected.max() <= 1
        evidence.update(weighed, torch.ones(cells, cells))
