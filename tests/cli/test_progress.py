"""Progress where there is no terminal."""

from __future__ import annotations

import pytest

from sightline.cli import _progress
from sightline.cli._progress import Progress


def test_a_line_now_and_then_without_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [0.0]
    monkeypatch.setattr(_progress.time, "monotonic", lambda: now[0])
    with Progress() as progress:
        progress.begin("clip", 100)
        for _ in range(30):
            now[0] += 0.5
            progress.step()
    assert capsys.readouterr().err == "clip: 21 of 100 frames, 2.0 frames/s\n"
