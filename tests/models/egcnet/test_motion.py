"""The motion cue along a video: every frame once, in order, whatever the length."""

import numpy as np
import pytest

from sightline.models.egcnet.motion import LAG, MotionCue


def video(frames: int, speed: int) -> list[np.ndarray]:
    """A textured square that moves over a textured ground."""
    generator = np.random.default_rng(0)
    ground = generator.integers(0, 255, (72, 128, 3), dtype=np.uint8)
    square = generator.integers(0, 255, (20, 20, 3), dtype=np.uint8)
    shown = []
    for index in range(frames):
        picture = ground.copy()
        picture[26:46, 40 + speed * index : 60 + speed * index] = square
        shown.append(picture)
    return shown


@pytest.mark.parametrize("length", [0, 1, 2, LAG, LAG + 1, LAG + 5])
def test_every_frame_comes_once_and_in_order(length: int) -> None:
    frames = video(length, 2)
    found = list(MotionCue().over(iter(frames)))
    assert [image is frame for (image, _), frame in zip(found, frames, strict=True)] == [True] * length
    assert all(motion.shape == (72, 128) and motion.min() >= 0 and motion.max() <= 1 for _, motion in found)


def test_what_moves_stands_out_from_the_first_frame_on() -> None:
    for index, (_, motion) in enumerate(MotionCue().over(iter(video(8, 2)))):
        inside = motion[28:44, 44 + 2 * index : 56 + 2 * index].mean()
        assert inside > 3 * motion[:, :20].mean() + 0.05


def test_a_picture_has_no_motion() -> None:
    assert next(iter(MotionCue().over(iter(video(1, 0)))))[1].max() == 0


def test_it_stays_a_few_frames_behind() -> None:
    taken = 0

    def frames() -> object:
        nonlocal taken
        for image in video(10, 2):
            taken += 1
            yield image

    cue = MotionCue().over(frames())  # type: ignore[arg-type]
    next(cue)
    assert taken == LAG + 1
