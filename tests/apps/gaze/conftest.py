"""What the tests of this folder are made from."""

from __future__ import annotations

from pathlib import Path

import pytest

from gaze.makers import Truth, truth
from hostile.corpus import write_video


@pytest.fixture(scope="module")
def known() -> Truth:
    return truth()


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 frames at 25 per second, 64x48: on a 1920x1080 screen a pillarbox of 1440x1080 from x = 240."""
    return write_video(tmp_path_factory.mktemp("film") / "film.mp4", frames=40, size=(48, 64), sound_s=1.6)
