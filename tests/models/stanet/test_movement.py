"""What moves, and what moves as the sound does."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from models.stanet.conftest import Noise
from sightline.models.stanet.config import MovementConfig
from sightline.models.stanet.movement import Movement, loudness, seen, silenced
from sightline.types import VideoFrame

SIDE = 64
GRID = SIDE // 8
CONFIG = MovementConfig(detail=1)


def picture(**cells: float) -> np.ndarray:
    """Grey, with some 8x8 cells of another brightness, named as a1."""
    image = np.full((SIDE, SIDE), 100, np.uint8)
    for name, value in cells.items():
        row, column = ord(name[0]) - ord("a"), int(name[1])
        image[8 * row : 8 * row + 8, 8 * column : 8 * column + 8] = value
    return image


def test_what_changes_is_high_where_it_changes_and_fades_at_two_rates() -> None:
    movement = Movement(CONFIG)
    still = picture()
    for step in range(20):
        maps = movement.update(
            step / 10, picture(b2=140 if step % 2 else 100), picture(b2=100 if step % 2 else 140), None
        )
    assert maps.shape == (3, GRID, GRID)
    assert np.unravel_index(maps[0].argmax(), maps[0].shape) == (1, 2)
    assert maps[0, 1, 2] == pytest.approx(math.log(41), rel=1e-4)
    assert maps[0, 0, 0] == 0
    for step in range(20, 30):
        maps = movement.update(step / 10, still, still, None)
    assert maps[0, 1, 2] == pytest.approx(math.log(41) * math.exp(-1 / CONFIG.short_s), rel=0.02)
    assert maps[1, 1, 2] > 2 * maps[0, 1, 2]


def test_what_moves_everything_is_no_movement() -> None:
    movement = Movement(CONFIG)
    maps = movement.update(0.0, picture(), picture() + 50, None)
    np.testing.assert_array_equal(maps, 0)


def flicker(levels: list[float] | None) -> np.ndarray:
    """Cell b2 moves in odd frames, d5 in even ones; the sound has these levels in turn."""
    movement, still = Movement(CONFIG), picture()
    for step in range(60):
        moving = picture(b2=160) if step % 2 else picture(d5=160)
        maps = movement.update(step / 10, moving, still, None if levels is None else levels[step % len(levels)])
    return maps[2]


def test_what_moves_with_the_sound_is_told_from_what_moves_against_it() -> None:
    alike = flicker([-5.0, -1.0])
    assert alike[1, 2] > 0.5
    assert alike[3, 5] < -0.5
    assert abs(alike[0, 0]) < 1e-4
    other = flicker([-1.0, -5.0])
    assert other[1, 2] == pytest.approx(-alike[1, 2], rel=0.1)


@pytest.mark.parametrize("levels", [None, [-3.0]])
def test_no_sound_and_a_steady_one_are_like_nothing(levels: list[float] | None) -> None:
    np.testing.assert_allclose(flicker(levels), 0, atol=1e-4)


def test_the_sound_of_a_clip() -> None:
    assert loudness(Noise(sound=None), 0, 0.1, 16_000) is None
    assert loudness(Noise(), 0.1, 0.1, 16_000) is None
    assert loudness(Noise(sound=0.1), 0, 0.5, 16_000) == pytest.approx(math.log(0.1), abs=0.05)
    assert loudness(Noise(sound=0.0), 0, 0.5, 16_000) == pytest.approx(math.log(1e-4), abs=1e-6)


def test_muting_takes_the_last_map_alone() -> None:
    maps = torch.rand(2, 3, 4, 5)
    muted = silenced(maps)
    torch.testing.assert_close(muted[:, :2], maps[:, :2])
    assert muted[:, 2].abs().sum() == 0


def test_frames_are_compared_at_a_size_of_their_own() -> None:
    frame = VideoFrame(3, 0.12, 3, np.full((90, 160, 3), (255, 0, 0), np.uint8))
    found = seen(frame, (32, 64), MovementConfig(detail=2))
    assert (found.time_s, found.grey.shape) == (0.12, (64, 128))
    assert found.grey.max() == 76
