"""Shot cuts: told from motion and noise, and from the frame before alone."""

from __future__ import annotations

import numpy as np

from sightline.nn.shots import ShotConfig, ShotCuts


def test_a_cut_is_told_from_motion_and_noise() -> None:
    generator = np.random.default_rng(0)
    scene = np.kron(generator.integers(0, 255, (6, 8, 3)), np.ones((16, 16, 1))).astype(np.uint8)
    shots = ShotCuts(ShotConfig())
    assert not shots.is_cut(scene), "the first frame cuts nothing"
    assert not shots.is_cut(np.roll(scene, 9, axis=1))
    assert not shots.is_cut(scene)
    assert shots.is_cut(255 - scene // 4)
    assert not shots.is_cut(255 - scene // 4)


def test_frames_of_any_size() -> None:
    shots = ShotCuts(ShotConfig())
    assert not shots.is_cut(np.zeros((1, 1, 3), np.uint8))
    assert shots.is_cut(np.full((1, 1, 3), 255, np.uint8))
