"""What a worker makes of one source, in this process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from hostile.corpus import write_video
from hostile.fake_model import BrightestSpot
from sightline.apps.batch.job import Job, Worker
from sightline.errors import UsageError

FRAMES = 3


def load(name: str, device: str) -> BrightestSpot:
    return BrightestSpot(("masks", "hotspots"))


def worker(out: Path | str, **how: Any) -> Worker:
    return Worker(Job(str(out), save=("masks",), load=load, device="cpu", engine="torch", **how))


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return write_video(tmp_path / "film.mp4", frames=FRAMES)


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of temporary files, this test's own."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return tmp_path / "temporary"


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_source_is_done_once_and_anew_where_its_content_changed(film: Path, tmp_path: Path, scratch: Path) -> None:
    out = tmp_path / "out"
    one = worker(out)
    done = one.do(str(film), "a")
    assert (done.status, done.frames, done.output, done.source) == ("done", FRAMES, str(out / "a"), str(film))
    assert files(out) == [*(f"a/masks/{n:05d}.png" for n in range(FRAMES)), "a/summary.json"]
    said = json.loads((out / "a/summary.json").read_text())
    assert (said["source"], said["source_bytes"]) == (str(film), film.stat().st_size)
    assert one.do(str(film), "a").status == "skipped"
    write_video(film, frames=FRAMES + 2)
    again = one.do(str(film), "a")
    assert (again.status, again.frames) == ("done", FRAMES + 2)
    assert len(list((out / "a/masks").iterdir())) == FRAMES + 2
    assert files(scratch) == []


def test_a_table_a_source(film: Path, tmp_path: Path, scratch: Path) -> None:
    table = pytest.importorskip("pyarrow.parquet")
    pytest.importorskip("pycocotools")
    out = tmp_path / "out"
    one = worker(out, form="parquet")
    done = one.do(str(film), "a")
    assert (done.status, done.output) == ("done", str(out / "parts/a.parquet"))
    assert files(out) == ["parts/a.json", "parts/a.parquet"]
    assert table.read_table(out / "parts/a.parquet").num_rows == FRAMES
    assert json.loads((out / "parts/a.json").read_text())["source"] == str(film)
    again = one.do(str(film), "a")
    assert (again.status, again.output) == ("skipped", str(out / "parts/a.json"))
    write_video(film, frames=FRAMES + 1)
    assert one.do(str(film), "a").status == "done"
    assert table.read_table(out / "parts/a.parquet").num_rows == FRAMES + 1
    assert files(scratch) == []


def test_results_go_to_another_place(film: Path, tmp_path: Path, scratch: Path) -> None:
    """Of a store: what its files are, and that its source is the source, not the copy of it."""
    pytest.importorskip("pyarrow.fs")
    films, out = f"{tmp_path.as_uri()}/film.mp4", (tmp_path / "out").as_uri()
    one = worker(out)
    done = one.do(films, "a")
    assert (done.status, done.output, done.error) == ("done", f"{out}/a", None)
    assert files(tmp_path / "out") == [*(f"a/masks/{n:05d}.png" for n in range(FRAMES)), "a/summary.json"]
    assert json.loads((tmp_path / "out/a/summary.json").read_text())["source"] == films
    assert one.do(films, "a").status == "skipped"
    (tmp_path / "film.mp4").write_bytes(b"no video")
    broken = one.do(films, "a")
    assert broken.status == "failed"
    assert broken.error is not None
    assert films in broken.error
    assert str(scratch) not in broken.error
    assert files(scratch) == []


def test_whatever_goes_wrong_is_an_outcome(film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = worker(tmp_path / "out")
    absent = one.do(str(tmp_path / "absent.mp4"), "absent")
    assert (absent.status, absent.frames) == ("failed", 0)
    monkeypatch.setattr(BrightestSpot, "stream", lambda *_: 1 / 0)
    unforeseen = one.do(str(film), "a")
    assert unforeseen.status == "failed"
    assert unforeseen.error is not None
    assert "ZeroDivisionError" in unforeseen.error
    assert [name for name in files(tmp_path / "out") if "tries" in name] == []


def test_a_source_that_ended_two_processes_is_not_tried_again(film: Path, tmp_path: Path) -> None:
    """And is in the next run, which may have more memory."""
    out = tmp_path / "out"
    mark = out / ".batch/tries/a"
    mark.parent.mkdir(parents=True)
    mark.write_text(json.dumps({"run": "one", "tries": 2}))
    given_up = worker(out, run_id="one").do(str(film), "a")
    assert given_up.status == "failed"
    assert given_up.error is not None
    assert "ended 2 times while it worked on this source" in given_up.error
    for said in ('{"run": "another", "tries": 2}', '{"run": "one", "tries": 1}', "{damaged", "[]"):
        mark.write_text(said)
        assert worker(out, run_id="one", overwrite=True).do(str(film), "a").status == "done"
        assert not mark.exists()


def test_a_batch_that_is_stopped_begins_nothing(film: Path, tmp_path: Path) -> None:
    job = Job(str(tmp_path / "out"), save=("masks",), load=load, device="cpu")
    assert Worker(job, stopped=lambda: True).do(str(film), "a").status == "stopped"
    assert files(tmp_path / "out") == []


@pytest.mark.skipif(sys.platform == "win32", reason="there nobody is asked whether a process lives")
def test_copies_of_killed_processes_go(tmp_path: Path, scratch: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        pass
    for owner in (f"{gone.pid}-x", f"{os.getpid()}-x", "nobody"):
        (scratch / f"sightline-batch-{owner}").mkdir()
    worker(tmp_path / "out")
    assert sorted(path.name for path in scratch.iterdir()) == [
        f"sightline-batch-{os.getpid()}-x",
        "sightline-batch-nobody",
    ]


def test_a_table_of_a_model_that_gives_maps_alone_is_wrong_usage() -> None:
    job = Job("out", form="parquet")
    with pytest.raises(UsageError, match=r"`format` parquet: brightest gives maps alone.*folders"):
        job.kinds(BrightestSpot(("saliency",)))
    assert [kind.name for kind in job.kinds(BrightestSpot(("masks",)))] == ["parquet"]
