"""Kinds of output write what they say, whole or not at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sightline.results.kinds import Maps
from sightline.results.outputs import MASKS, SALIENCY
from sightline.types import Frame

HALF = b"\x89PNG"


class Cut(Maps):
    """Is killed while it writes frame 1."""

    def save(self, path: Path, frame: Frame) -> None:
        if frame.index == 1:
            path.write_bytes(HALF)
            raise KeyboardInterrupt
        super().save(path, frame)


def _frame(index: int) -> Frame:
    return Frame(index, index / 25, np.zeros((4, 6, 3), np.uint8), saliency=np.full((4, 6), 0.5, np.float32))


def test_a_picture_has_its_name_only_when_it_is_whole(tmp_path: Path) -> None:
    kind = Cut("saliency", "a map", lambda frame: frame.saliency)
    sink = kind.begin(tmp_path, None)
    sink.write(_frame(0))
    with pytest.raises(KeyboardInterrupt):
        sink.write(_frame(1))
    sink.write(_frame(2))
    assert list(kind.files(tmp_path)) == ["00000", "00002"]
    assert kind.done(tmp_path, ["00000", "00001", "00002"]) == 1


def test_what_a_frame_has_not_leaves_nothing(tmp_path: Path) -> None:
    MASKS.begin(tmp_path, None).write(_frame(0))
    assert list((tmp_path / "masks").iterdir()) == []


def test_a_frame_named_with_a_dot_keeps_its_name(tmp_path: Path) -> None:
    SALIENCY.begin(tmp_path, None).write(_frame(0), "shelf.front")
    assert [path.name for path in (tmp_path / "saliency").iterdir()] == ["shelf.front.png"]
