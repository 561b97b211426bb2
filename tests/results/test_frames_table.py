"""frames.parquet says of a frame what the frame says of itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sightline.results import frames_table
from sightline.results.frames_table import FramesTable
from sightline.types import Frame, Hotspot, Object, Person, SoundWindow

pq = pytest.importorskip("pyarrow.parquet")
coco = pytest.importorskip("pycocotools.mask")

MASK = np.zeros((6, 8), np.uint8)
MASK[1:3, 2:7] = 1
MASK[4:6, 0:2] = 2


def whole(index: int) -> Frame:
    """A frame that has everything."""
    behind = np.zeros((6, 8), bool)
    behind[1:5, 1:4] = True
    return Frame(
        index,
        index / 4,
        np.zeros((6, 8, 3), np.uint8),
        mask=MASK,
        hotspot=Hotspot(4.5, 1.25, 0.5),
        state="track",
        objects=(Object(1, (2, 1, 7, 3), 0.75, "cup"), Object(2, (1, 1, 4, 5), 0.25, mask=behind)),
        people=(Person(1, (0, 0, 2, 2), 1.0, (5, 2), 0.5, 1), Person(2, (6, 0, 8, 2), 0.5)),
        sound=SoundWindow(0, 1, True, 0.75, "speech", 0.5),
    )


def rows(folder: Path, frames: list[Frame], *names: str) -> list[dict[str, Any]]:
    sink = FramesTable().begin(folder, None)
    for index, frame in enumerate(frames):
        sink.write(frame, names[index] if names else None)
    sink.close()
    return pq.read_table(folder / "frames.parquet").to_pylist()


def test_a_row_is_a_frame(tmp_path: Path) -> None:
    bare = Frame(1, 0.25, np.zeros((3, 5, 3), np.uint8))
    first, second = rows(tmp_path, [whole(0), bare])
    assert (first["frame"], first["name"], first["time_s"], first["state"]) == (0, "00000", 0.0, "track")
    assert (first["height_px"], first["width_px"]) == (6, 8)
    assert first["hotspot"] == {"x_px": 4.5, "y_px": 1.25, "score": 0.5}
    assert first["sound"] == {"switch": True, "switch_score": 0.75, "tag": "speech", "tag_score": 0.5}
    cup, other = first["objects"]
    assert [cup[name] for name in ("object", "label", "score", "x1_px", "y1_px", "x2_px", "y2_px")] == [
        1, "cup", 0.75, 2, 1, 7, 3,
    ]  # fmt: skip
    np.testing.assert_array_equal(coco.decode(cup["segmentation"]), MASK == 1)
    assert int(coco.decode(other["segmentation"]).sum()) == 12, "its own mask, part of which lies behind another object"
    looking, away = first["people"]
    assert [looking[name] for name in ("person", "target_x_px", "target_y_px", "target_score", "object")] == [
        1, 5, 2, 0.5, 1,
    ]  # fmt: skip
    assert [away[name] for name in ("head_x1_px", "target_x_px", "object")] == [6, None, None]
    assert (second["frame"], second["name"], second["time_s"]) == (1, "00001", 0.25)
    assert (second["height_px"], second["width_px"]) == (3, 5)
    assert [second[name] for name in ("state", "hotspot", "objects", "people", "sound")] == [None, None, [], [], None]


def test_a_long_video_is_written_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory does not grow with it, and every frame is there once."""
    monkeypatch.setattr(frames_table, "ROWS", 4)
    sink = FramesTable().begin(tmp_path, None)
    held = []
    for index in range(10):
        sink.write(whole(index))
        held.append(len(sink._rows))  # type: ignore[attr-defined]
    sink.close()
    table = pq.ParquetFile(tmp_path / "frames.parquet")
    assert max(held) < 4
    assert table.num_row_groups == 3
    assert table.read(columns=["frame"]).column("frame").to_pylist() == list(range(10))


def test_frames_have_the_names_of_their_files(tmp_path: Path) -> None:
    assert [row["name"] for row in rows(tmp_path, [whole(0), whole(1)], "img_7", "img_9")] == ["img_7", "img_9"]


def test_a_run_without_frames_is_an_empty_table(tmp_path: Path) -> None:
    assert rows(tmp_path, []) == []
    sink = FramesTable().begin(tmp_path, None)
    sink.write(whole(0))
    sink.abort()
    assert pq.read_table(tmp_path / "frames.parquet").num_rows == 0, "what was aborted says nothing"


@pytest.mark.parametrize(("gives", "given"), [({"saliency", "probability"}, False), ({"saliency", "people"}, True)])
def test_maps_alone_make_no_table(gives: set[str], given: bool) -> None:
    assert FramesTable().given_by(frozenset(gives)) is given
