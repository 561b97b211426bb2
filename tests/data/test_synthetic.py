"""The demo clip."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from hostile.corpus import sound_of
from sightline.data import synthetic


def test_frames_are_the_same_for_the_same_seed() -> None:
    one, two, other = (np.stack(list(islice(synthetic.render_frames(seed), 2))) for seed in (1, 1, 2))
    assert one.shape == (2, 360, 640, 3)
    assert one.dtype == np.uint8
    np.testing.assert_array_equal(one, two)
    assert np.abs(one.astype(int) - other).mean() > 5


def test_the_boat_moves_to_the_right() -> None:
    frames = list(islice(synthetic.render_frames(), 41))
    columns = []
    for frame in (frames[0], frames[40]):
        red = (frame[..., 0] > 150) & (frame[..., 1] < 110) & (frame[..., 2] < 90)
        columns.append(np.nonzero(red)[1].mean())
    assert columns[1] > columns[0] + 10


def test_a_clip_has_picture_and_sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthetic, "SECONDS", 1)
    synthetic.render_demo(tmp_path / "demo.mp4")
    from sightline.video import open_source

    with open_source(tmp_path / "demo.mp4") as source:
        assert (source.size, source.fps, source.has_audio) == ((360, 640), 25, True)
        assert len(list(source)) == 25
    codec, _, samples = sound_of(tmp_path / "demo.mp4")
    assert (codec, samples.shape[0]) == ("aac", 2)
    assert np.abs(samples).max() > 0.05
