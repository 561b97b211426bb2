"""Files and folders appear whole or not at all."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from sightline.errors import OutputError
from sightline.files import WholeFile, WholeFolder, in_words, short_name


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_has_its_name_when_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "new" / "map.png"
    with WholeFile(target) as partial:
        partial.write_bytes(b"half")
        assert partial.suffix == ".png"
        assert not target.exists()
    assert target.read_bytes() == b"half"
    assert names(target.parent) == ["map.png"]


def test_a_file_that_fails_leaves_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "map.png"
    target.write_bytes(b"old")

    def interrupted() -> None:
        with WholeFile(target) as partial:
            partial.write_bytes(b"new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert names(tmp_path) == ["map.png"]
    assert target.read_bytes() == b"old"


def test_a_full_disk_is_named_with_its_mend(tmp_path: Path) -> None:
    for make in (WholeFile, lambda path: WholeFolder(path, "summary.json")):
        message = r"map.png: cannot be written \(No space left.*free some space"
        with pytest.raises(OutputError, match=message), make(tmp_path / "map.png"):
            raise OSError(errno.ENOSPC, "No space left on device")
    assert not names(tmp_path)
    assert "at frame 7 (oops)" in str(in_words("x", OSError("oops"), 7))


def test_a_file_in_the_way_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="a file is where a folder is needed"), WholeFile(tmp_path / "file" / "a"):
        pass
    with pytest.raises(OutputError, match="a file is where a folder is needed"):
        WholeFolder(tmp_path / "file" / "a", "done").begin()


def test_a_folder_appears_at_once_and_keeps_what_is_not_its_own(tmp_path: Path) -> None:
    out = tmp_path / "out"
    for kind in ("old", "same"):
        (out / kind).mkdir(parents=True)
        (out / kind / "0.png").write_text("old")
    (out / "notes.txt").write_text("mine")
    (out / "done").write_text("old")
    with WholeFolder(out, "done", replaces=["old"]) as partial:
        (partial / "same").mkdir()
        (partial / "same" / "1.png").write_text("new")
        (partial / "done").write_text("new")
        assert names(out) == ["done", "notes.txt", "old", "same"]
    assert names(out) == ["done", "notes.txt", "same"]
    assert names(out / "same") == ["1.png"]
    assert names(tmp_path) == ["out"]


def test_the_marker_goes_first_and_comes_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    out = tmp_path / "out"
    moved: list[str] = []
    replace = os.replace
    monkeypatch.setattr(os, "replace", lambda a, b: (moved.append(Path(b).name), replace(a, b)))  # type: ignore[func-returns-value]
    folder = WholeFolder(out, "a-done")
    for name in ("a-done", "b", "c"):
        (folder.begin() if name == "a-done" else folder.partial).joinpath(name).write_text("")
    folder.commit()
    assert moved == ["b", "c", "a-done"]


def test_what_fails_or_was_killed_leaves_nothing(tmp_path: Path) -> None:
    out = tmp_path / "made" / "out"

    def failing() -> None:
        with WholeFolder(out, "done") as partial:
            (partial / "half").write_text("")
            raise KeyError

    with pytest.raises(KeyError):
        failing()
    assert not names(tmp_path)
    killed = WholeFolder(out, "done")
    (killed.begin() / "half").write_text("")
    with WholeFolder(out, "done") as partial:
        assert not names(partial)
    assert names(out.parent) == ["out"]


def test_a_strangers_folder_is_refused(tmp_path: Path) -> None:
    folder = WholeFolder(tmp_path / "out", "done")
    folder.require_ours()
    (tmp_path / "out").mkdir()
    folder.require_ours()
    (tmp_path / "out" / "thesis.tex").write_text("")
    with pytest.raises(OutputError, match="there is something else already"):
        folder.require_ours()
    (tmp_path / "out" / "done").write_text("")
    folder.require_ours()


def test_long_names_are_cut_and_stay_two() -> None:
    """Cut between characters, never beyond what is asked for, whatever the alphabet."""
    one, other = "ä" * 200, "ä" * 201
    names = {
        short_name(said, said, longest, joint) for said in (one, other) for longest, joint in ((120, "-"), (80, ""))
    }
    assert len(names) == 4
    assert max(len(name.encode()) for name in names) <= 120
    assert all(set(name) <= set("ä-0123456789abcdef") for name in names)
    assert short_name("a" * 120, "b") == "a" * 120
