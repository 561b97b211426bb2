"""The list of VGGSound, and clips that are not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from sightline.data import family
from sightline.data.tagged import TaggedVideo
from sightline.errors import DataError

LINES = '---g-f_I2yQ,1,people marching,test\n--0PQM4-hqg,30,waterfall burbling,train\nabc,150,"cat, purring",train\n'


@pytest.mark.parametrize("folder", ["video", "videos", "."])
def test_clips_are_found_by_video_and_second(tmp_path: Path, folder: str) -> None:
    (tmp_path / folder).mkdir(exist_ok=True)
    (tmp_path / "vggsound.csv").write_text(LINES)
    for name in ("---g-f_I2yQ_000001", "--0PQM4-hqg_000030", "abc_000150"):
        (tmp_path / folder / f"{name}.mp4").write_bytes(b"")
    found = family("vggsound").read(tmp_path, "train")
    assert found == [
        TaggedVideo(tmp_path / folder / "--0PQM4-hqg_000030.mp4", ("waterfall burbling",)),
        TaggedVideo(tmp_path / folder / "abc_000150.mp4", ("cat, purring",)),
    ]
    assert len(family("vggsound").read(tmp_path)) == 3


def test_clips_that_have_gone_are_counted(tmp_path: Path) -> None:
    (tmp_path / "vggsound.csv").write_text(LINES)
    with pytest.raises(DataError, match="none of the 3 clips"):
        family("vggsound").read(tmp_path)
    (tmp_path / "video").mkdir()
    (tmp_path / "video" / "abc_000150.mp4").write_bytes(b"")
    with pytest.warns(UserWarning, match="2 of 3 clips are not there"):
        assert len(family("vggsound").read(tmp_path)) == 1


@pytest.mark.parametrize("line", ["a,1,b", "a,one,b,train", "a,1,b,validation"])
def test_a_malformed_line_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "vggsound.csv").write_text(f"{LINES}{line}\n")
    with pytest.raises(DataError, match=rf"vggsound.csv: line 4: '{line}'"):
        family("vggsound").read(tmp_path)
