"""Tables of tags."""

from __future__ import annotations

from pathlib import Path

import pytest

from sightline.data.tagged import read_tags, tagged
from sightline.errors import DataError


def table(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "tags.csv"
    path.write_text(text)
    return path


def test_videos_by_name_with_or_without_folder_and_ending(tmp_path: Path) -> None:
    path = table(tmp_path, "tag,video,seconds\ndog,set/a.b.mp4,3\nbird,c.MOV,1\ncat,frames.d,2\n")
    assert read_tags(path) == {"a.b": ("dog",), "c": ("bird",), "frames.d": ("cat",)}
    (tmp_path / "frames.d").mkdir()
    videos = [Path("x/a.b.mp4"), Path("c.mov"), tmp_path / "frames.d", Path("other.mp4")]
    assert [video.tags for video in tagged(videos, path)] == [("dog",), ("bird",), ("cat",)]


def test_a_tag_said_twice_counts_once(tmp_path: Path) -> None:
    assert read_tags(table(tmp_path, "video,tag\na.mp4,dog\na,dog\na.mkv,bird\n")) == {"a": ("dog", "bird")}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no column video and tag"),
        ("video,label\na,dog\n", "no column tag"),
        ("video,tag\n", "no video in it"),
        ("video,tag\na,dog\n,dog\n", "line 3 has no video"),
        ("video,tag\na, \n", "line 2 has no tag"),
        ("video,tag\na\n", "line 2 has no tag"),
        ("video,tag\nb,dog\n", "names none of the 1 videos"),
    ],
)
def test_bad_tables(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        tagged([Path("a.mp4")], table(tmp_path, text))


def test_a_table_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.csv: cannot be read as a table of tags"):
        read_tags(tmp_path / "none.csv")
