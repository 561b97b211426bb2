"""AVE in its published layout, and its faults."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from sightline.data import family
from sightline.data.ave import CATEGORIES, EventVideo
from sightline.errors import DataError

HEADER = "Category&VideoID&Quality&StartTime&EndTime\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "AVE").mkdir()
    for name in ("RUhOCu3LNXM", "-5f3hxCBa1o", "VWi2ENBuTbw"):
        (tmp_path / "AVE" / f"{name}.mp4").write_bytes(b"")
    lines = [
        "Church bell&RUhOCu3LNXM&good&0&10",
        "Baby cry, infant cry&-5f3hxCBa1o&good&2&7",
        "Male speech, man speaking&-5f3hxCBa1o&good&0&3",
        "Church bell&VWi2ENBuTbw&good&0&0",
    ]
    (tmp_path / "Annotations.txt").write_text(HEADER + "\n".join(lines) + "\n")
    (tmp_path / "trainSet.txt").write_text("\n".join(lines[:2]))
    (tmp_path / "testSet.txt").write_text("\n".join(lines[2:]))
    return tmp_path


def test_every_event_has_its_category_and_time(root: Path) -> None:
    found = family("ave").read(root)
    assert [each.path.name for each in found if isinstance(each, EventVideo)] == [
        "RUhOCu3LNXM.mp4",
        "-5f3hxCBa1o.mp4",
        "-5f3hxCBa1o.mp4",
        "VWi2ENBuTbw.mp4",
    ]
    assert [(each.tags, each.event_s) for each in found if isinstance(each, EventVideo)] == [
        (("Church bell",), (0.0, 10.0)),
        (("Baby cry, infant cry",), (2.0, 7.0)),
        (("Male speech, man speaking",), (0.0, 3.0)),
        (("Church bell",), None),
    ]


def test_a_split_is_its_list(root: Path) -> None:
    assert [len(family("ave").read(root, split)) for split in ("train", "test")] == [2, 2]
    with pytest.raises(DataError, match=r"valSet.txt: this list of the data set is missing"):
        family("ave").read(root, "val")


def test_missing_videos_and_malformed_lines_are_named(root: Path) -> None:
    (root / "AVE" / "RUhOCu3LNXM.mp4").unlink()
    with pytest.raises(DataError, match=r"1 file is missing: .*RUhOCu3LNXM.mp4"):
        family("ave").read(root)
    for line, reason in (
        ("Church bell&a&good&0", "4 values"),
        ("Church bells&a&good&0&1", "category 'Church bells' is not one of the 28"),
        ("Church bell&a&good&zero&1", "times 'zero' and '1'"),
    ):
        (root / "Annotations.txt").write_text(f"{HEADER}Cat&-5f3hxCBa1o&good&0&10\n{line}\n")
        with pytest.raises(DataError, match=rf"Annotations.txt: line 3: {reason}"):
            family("ave").read(root)
    (root / "Annotations.txt").write_text(HEADER)
    with pytest.raises(DataError, match="no events in it"):
        family("ave").read(root)


def test_categories_are_28_labels_of_audioset(shared_data: Path) -> None:
    with (shared_data / "weights" / "mn04_as" / "labels.csv").open(newline="") as file:
        labels = {row["display_name"] for row in csv.DictReader(file)}
    assert len(set(CATEGORIES)) == 28
    assert list(CATEGORIES) == sorted(CATEGORIES)
    assert set(CATEGORIES) <= labels
