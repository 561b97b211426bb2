"""What every model does with a source."""

from __future__ import annotations

from pathlib import Path

import pytest

from hostile.corpus import write_video, zero_packet
from hostile.fake_model import BrightestSpot
from sightline.models import REGISTRY


def test_every_listed_model_has_a_tester() -> None:
    testers = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    assert [info.name for info in REGISTRY if f'(ModelTester):\n    name = "{info.name}"\n' not in testers] == []


def test_what_was_left_out_of_a_source_is_a_warning(tmp_path: Path) -> None:
    path = zero_packet(write_video(tmp_path / "clip.avi", frames=10, codec="mjpeg", pix_fmt="yuvj420p"), 5)
    with pytest.warns(UserWarning, match=r"clip.avi: 1 frame near 0\.\d+ s cannot be decoded and left out"):
        assert len(list(BrightestSpot().predict(path))) == 9
