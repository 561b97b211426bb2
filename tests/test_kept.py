"""What is kept stays within its bound, and nobody loses what is in use."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from sightline.errors import UsageError
from sightline.kept import bound_bytes, kept_folder, make_room, size_of, used

DAY_S = 24 * 3600


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("SIGHTLINE_CACHE_GB", raising=False)
    return tmp_path / "cache"


def entry(path: Path, size: int, days: float) -> Path:
    """A graph or features of so many bytes, used so many days ago."""
    files = [path] if path.suffix == ".onnx" else [path / "rows.bin", path / "index.json"]
    files[0].parent.mkdir(parents=True, exist_ok=True)
    for file in files:
        file.write_bytes(bytes([1]) * (size // len(files)))
    return age(path, days)


def age(path: Path, days: float) -> Path:
    """Make it used so many days ago."""
    for file in (*path.glob("*"), path):
        os.utime(file, (time.time() - days * DAY_S,) * 2)
    return path


def left(root: Path) -> list[str]:
    return sorted(path.name for path in root.glob("**/*") if path.is_file())


def test_what_was_used_longest_ago_goes(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two kilobytes may stay: the older ones go, a graph as well as features and what was never finished."""
    monkeypatch.setenv("SIGHTLINE_CACHE_GB", "2e-6")
    entry(root / "features/views/.gone-7-x", 1000, 9)
    oldest = entry(root / "old.onnx", 1000, 4)
    older = entry(root / "features/views/a", 1000, 3)
    entry(root / "features/clips/b", 1000, 2)
    entry(root / "new.onnx", 1000, 1.5)
    (root / "mine.txt").write_text("somebody else's")
    os.utime(root / "mine.txt", (0, 0))
    assert make_room() == [root / "features/views/.gone-7-x", oldest, older]
    assert left(root) == ["index.json", "mine.txt", "new.onnx", "rows.bin"]
    assert make_room() == []


def test_within_the_bound_everything_stays(root: Path) -> None:
    entry(root / "old.onnx", 1000, 400)
    assert make_room() == []
    assert left(root) == ["old.onnx"]


def test_what_was_used_within_a_day_stays_whatever_its_size(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGHTLINE_CACHE_GB", "0")
    entry(root / "features/views/being-made", 1000, 0.5)
    again, old = entry(root / "again.onnx", 1000, 5), entry(root / "old.onnx", 1000, 2)
    assert used(again)
    assert make_room() == [old]
    assert not used(old)
    assert left(root) == ["again.onnx", "index.json", "rows.bin"]


@pytest.mark.skipif(sys.platform == "win32", reason="there, what is held open stays")
def test_what_another_process_reads_stays_readable_for_it(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = entry(root / "features/views/a", 8000, 2)
    program = (
        "import sys, numpy; rows = numpy.memmap(sys.argv[1], 'u1', 'r'); print('open', flush=True); "
        "input(); print(int(rows.sum()), len(rows))"
    )
    command = [sys.executable, "-c", program, str(path / "rows.bin")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        monkeypatch.setenv("SIGHTLINE_CACHE_GB", "0")
        assert make_room() == [path]
        assert other.communicate("\n")[0] == "4000 4000\n"
    assert not path.exists()


def test_making_an_entry_makes_room(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A training's features, once it writes; what it only reads counts as used."""
    from sightline.training.cache import Writer, cached

    def one_row(writer: Writer) -> None:
        writer.add(level=np.zeros(100, np.uint8))

    first, second = (cached("tiny", [name], one_row).key for name in "ab")
    for key in (first, second):
        age(root / "features/tiny" / key, 2)
    monkeypatch.setenv("SIGHTLINE_CACHE_GB", "0")
    cached("tiny", ["a"], one_row)
    third = cached("tiny", ["c"], one_row).key
    assert {path.name for path in (root / "features/tiny").iterdir()} == {first, third}


@pytest.mark.parametrize("said", ["much", "-1", "nan"])
def test_a_bound_that_is_none_is_said(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGHTLINE_CACHE_GB", said)
    with pytest.raises(UsageError, match=f"SIGHTLINE_CACHE_GB is '{said}': say gigabytes, 0 or more, or inf"):
        make_room()


def test_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    assert bound_bytes() == 20e9
    for said, bound in (("0.5", 5e8), ("inf", float("inf")), ("", 20e9)):
        monkeypatch.setenv("SIGHTLINE_CACHE_GB", said)
        assert bound_bytes() == bound


def test_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGHTLINE_CACHE", "/one")
    assert kept_folder() == Path("/one")
    monkeypatch.delenv("SIGHTLINE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/two")
    assert kept_folder() == Path("/two/sightline")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert kept_folder() == Path(os.path.expanduser("~/.cache/sightline"))


def test_sizes(root: Path) -> None:
    assert size_of(root) == 0
    entry(root / "a.onnx", 30, 0)
    entry(root / "features/views/a", 12, 0)
    assert (size_of(root), size_of(root / "a.onnx")) == (42, 30)
