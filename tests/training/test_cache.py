"""The cache of features: rows that come back as they were, and no half of an entry."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from sightline.errors import DataError, OutputError
from sightline.training.cache import Writer, cached, clean, features_folder, size_of


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def two_rows(writer: Writer) -> None:
    for value in (1.0, 2.0):
        writer.add(level=torch.full((2, 3), value).half(), mask=np.full((3,), int(value), np.uint8), odd=np.int8(5))
        writer.info.setdefault("names", []).append(f"row {value}")


def never(_: Writer) -> None:
    raise AssertionError("made again")


def test_rows_come_back_as_they_were_and_are_made_once() -> None:
    made = cached("tiny", ["a"], two_rows)
    again = cached("tiny", ["a"], never)
    for features in (made, again):
        assert len(features) == 2
        assert features["level"].shape == (2, 2, 3)
        assert features["level"].dtype == np.float16
        assert features["level"][1].tolist() == [[2.0] * 3] * 2
        assert features["mask"][:, 0].tolist() == [1, 2]
        assert features["odd"].tolist() == [5, 5]
        assert features.info == {"names": ["row 1.0", "row 2.0"]}
        assert "mask" in features
        assert "other" not in features
        assert torch.equal(torch.from_numpy(features["level"])[1], torch.full((2, 3), 2.0).half())
    assert made.key == again.key
    folder = features_folder() / "tiny" / made.key
    assert sorted(path.name for path in folder.iterdir()) == ["index.json", "rows.bin"]
    assert [path.name for path in folder.parent.iterdir()] == [made.key], "no lock and no half stays behind"


def test_an_entry_may_have_no_rows() -> None:
    assert len(cached("tiny", ["none"], lambda writer: writer.info.update(videos=["x"]))) == 0
    assert cached("tiny", ["none"], never).info == {"videos": ["x"]}


def test_what_is_changed_in_memory_is_not_changed_on_disk() -> None:
    cached("tiny", ["a"], two_rows)["level"][:] = 9
    assert cached("tiny", ["a"], never)["level"].max() == 2


def test_rows_are_alike() -> None:
    def unlike(writer: Writer) -> None:
        writer.add(level=np.zeros(3))
        writer.add(level=np.zeros(4))

    with pytest.raises(ValueError, match="among rows of"):
        cached("tiny", ["a"], unlike)


@pytest.mark.parametrize(
    ("error", "reported"), [(KeyboardInterrupt, KeyboardInterrupt), (OSError, OutputError), (DataError, DataError)]
)
def test_what_is_not_finished_leaves_nothing(error: type[BaseException], reported: type[BaseException]) -> None:
    def broken(writer: Writer) -> None:
        two_rows(writer)
        raise error("stopped")

    with pytest.raises(reported, match="stopped"):
        cached("tiny", ["a"], broken)
    assert [*(features_folder() / "tiny").iterdir()] == []
    assert len(cached("tiny", ["a"], two_rows)) == 2


def test_what_is_damaged_is_said_with_the_mend() -> None:
    key = cached("tiny", ["a"], two_rows).key
    rows = features_folder() / "tiny" / key / "rows.bin"
    rows.write_bytes(rows.read_bytes()[:-1])
    with pytest.raises(DataError, match=rf"{key}: damaged features .*; remove them with sightline doctor --clean"):
        cached("tiny", ["a"], never)
    (rows.parent / "index.json").write_text("{}")
    with pytest.raises(DataError, match="damaged features"):
        cached("tiny", ["a"], never)


def test_a_cache_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path / "file"))
    with pytest.raises(OutputError, match=r"cannot be written .*a file is where a folder is needed"):
        cached("tiny", ["a"], two_rows)


PROCESS = """
import sys, time
from sightline.training.cache import cached
def make(writer):
    print("made", flush=True)
    time.sleep(0.5)
    import numpy
    writer.add(x=numpy.arange(3))
print(cached("tiny", ["shared"], make)["x"].tolist())
"""


def test_processes_that_want_the_same_make_it_once() -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    processes = [
        subprocess.Popen([sys.executable, "-c", PROCESS], env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    told = [process.communicate(timeout=120)[0].split("\n")[:-1] for process in processes]
    assert sorted(len(lines) for lines in told) == [1, 2]
    assert all(lines[-1] == "[[0, 1, 2]]" for lines in told)


def test_cleaning_says_what_it_freed_and_leaves_what_is_being_made() -> None:
    assert clean() == (0, [])
    cached("tiny", ["a"], two_rows)
    other = cached("other", ["b"], two_rows)
    (features_folder() / "tiny/.x.partial").mkdir(parents=True)
    (features_folder() / "tiny/.x.partial/rows.bin").write_bytes(b"12345")
    before = size_of(features_folder())

    def cleaning(writer: Writer) -> None:
        two_rows(writer)
        freed, busy = clean()
        assert 0 < freed <= before
        assert [path.parent.name for path in busy] == ["other"]

    assert len(cached("other", ["c"], cleaning)) == 2
    left = [path.name for path in features_folder().glob("*/*")]
    assert left == [cached("other", ["c"], never).key]
    assert other.key not in left
    freed, busy = clean()
    assert freed > 0
    assert busy == []
    assert [*features_folder().iterdir()] == []
