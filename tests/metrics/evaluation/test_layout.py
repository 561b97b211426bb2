"""Which frames pair, in the layouts that are read, and what is said of those that do not."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from sightline.errors import DataError, UsageError
from sightline.metrics.evaluation import layout
from sightline.metrics.evaluation.outputs import READS


def touch(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return root


@pytest.mark.parametrize(
    ("files", "folders", "expected"),
    [
        (["dog/masks/00000.png", "dog/saliency/00000.png", "dog/summary.json"], layout.TRUTH_FOLDERS, {"dog": 1}),
        (["dog/00000.png", "dog/00001.png", "cat/00000.png"], layout.TRUTH_FOLDERS, {"cat": 1, "dog": 2}),
        (["s/Imgs/s_1.jpg", "s/ground-truth/s_1.png"], layout.TRUTH_FOLDERS, {"s": 1}),
        (["a.mp4", "b.avi"], READS["fixation"], {"a": 1, "b": 1}),
        (["saliency/x.png", "saliency/y.npy", "masks/x.png"], READS["fixation"], {"x": 1, "y": 1}),
        (["x.png", "y.png"], READS["fixation"], {"x": 1, "y": 1}),
    ],
    ids=["results of predict", "DAVIS results", "DAVSOD", "videos", "predict --each", "images"],
)
def test_sequences_are_found(tmp_path: Path, files: list[str], folders: tuple[str, ...], expected: dict) -> None:
    found = layout.find_sequences(touch(tmp_path, *files), folders)
    assert {name: len(frames.files) for name, frames in found.items()} == expected


def test_davis_annotations_are_found_and_one_folder_may_be_one_sequence(tmp_path: Path) -> None:
    touch(tmp_path, "Annotations/480p/dog/00000.png", "JPEGImages/480p/dog/00000.jpg")
    assert list(layout.find_sequences(tmp_path, layout.TRUTH_FOLDERS, layout.MASK_ROOTS)) == ["dog"]
    dog = tmp_path / "Annotations" / "480p" / "dog"
    assert list(layout.find_sequences(dog, layout.TRUTH_FOLDERS, images=False)) == ["dog"]


def test_nothing_to_score_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no sequences in it"):
        layout.find_sequences(tmp_path, READS["fixation"])
    with pytest.raises(DataError, match="no such folder"):
        layout.find_sequences(tmp_path / "absent", READS["fixation"])


def frames(name: str, *stems: str, numbered: bool = False) -> layout.Frames:
    return layout.Frames(name, tuple(Path(name) / f"{stem}.png" for stem in stems), numbered=numbered)


def test_sequences_that_do_not_match_are_all_listed(tmp_path: Path) -> None:
    gt = {name: frames(name, "0") for name in ("a", "b", "c")}
    pred = {name: frames(name, "0") for name in ("c", "d")}
    with pytest.raises(DataError, match=r"2 of 3 .* missing: a, b; 1 are not in the ground truth: d"):
        layout.match(gt, pred, None, (tmp_path, tmp_path))
    names, _, _ = layout.match(gt, pred | {"a": frames("a", "0")}, ["c", "a"], (tmp_path, tmp_path))
    assert names == ["c", "a"]
    with pytest.raises(DataError, match="no sequence z"):
        layout.match(gt, pred, ["z"], (tmp_path, tmp_path))


def test_frames_pair_by_number_whatever_the_names() -> None:
    pair = layout.match_frames(frames("s", "s_0001", "s_0002"), frames("s", "2", "1"))
    assert [path.stem for path in pair.pred] == ["1", "2"]


def test_numbered_results_pair_by_position() -> None:
    pair = layout.match_frames(
        frames("s", "eyeMap_00001", "eyeMap_00002"), frames("s", "00000", "00001", numbered=True)
    )
    assert [path.stem for path in pair.pred] == ["00000", "00001"]


def test_frames_that_are_not_scored_may_be_absent() -> None:
    gt = frames("s", *"01234")
    pair = layout.match_frames(gt, frames("s", *"123"), ends=1)
    assert pair.frames == ("1", "2", "3")
    assert [path.stem for path in pair.pred] == ["1", "2", "3"]


def test_frames_that_do_not_match_are_all_listed() -> None:
    with pytest.raises(DataError, match=r"missing frames \(2\): 1, 3, extra frames \(1\): 9"):
        layout.match_frames(frames("s", *"0123"), frames("s", *"029"))


def test_frames_of_all_sequences_are_listed_at_once_however_many(tmp_path: Path) -> None:
    gt = {"a": frames("a", *(f"{i:05d}" for i in range(20))), "b": frames("b", *"012")}
    pred = {"a": frames("a", "00000", "00019", "00030"), "b": frames("b", *"01")}
    with pytest.raises(DataError) as error:
        layout.match_all(gt, pred)
    assert "missing frames (18): 00001-00018, extra frames (1): 00030" in str(error.value)
    assert "missing frames (1): 2" in str(error.value)


def test_a_selection_without_a_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("\n")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    for text in ("", " , ", str(tmp_path / "empty.txt"), str(tmp_path / "picture.png")):
        with pytest.raises(UsageError, match="`names`"):
            layout.read_selection(text)


def test_names_that_are_numbers_may_lack_zeros() -> None:
    assert list(layout.rename({"601": frames("601", "0"), "x": frames("x", "0")}, ["0601", "x"])) == ["0601", "x"]
    alone = replace(frames("results", "0"), source=True)
    assert list(layout.rename({"results": alone}, ["dog"])) == ["dog"]
    assert list(layout.rename({"cat": frames("cat", "0")}, ["dog"])) == ["cat"]  # a name of its own is no other's
    both = {"1": frames("1", "0"), "01": frames("01", "0")}
    assert list(layout.rename(both, ["001", "x"])) == ["1", "01"]  # one for one, or not at all


def test_selection_from_a_list_or_a_davis_file(tmp_path: Path) -> None:
    assert layout.read_selection("dog, cat") == ["dog", "cat"]
    path = tmp_path / "val.txt"
    path.write_text("dog\n/JPEGImages/480p/cat/00000.jpg /Annotations/480p/cat/00000.png\n")
    assert layout.read_selection(str(path)) == ["dog", "cat"]


@pytest.mark.parametrize(("kind", "names"), [("each", {"cat", "dog"}), ("frames", {"out"})])
def test_pictures_of_their_own_are_no_source(tmp_path: Path, kind: str, names: set[str]) -> None:
    """`predict --each` leaves saliency/<picture>.png of many pictures; without it a folder is one source."""
    root = tmp_path / "out"
    touch(root, "saliency/cat.png", "saliency/dog.png")
    (root / "summary.json").write_text(json.dumps({"kind": kind}))
    assert set(layout.find_sequences(root, READS["fixation"])) == names
