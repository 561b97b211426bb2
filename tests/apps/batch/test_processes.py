"""A batch on the processes of one machine, with a model that needs no weights."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from apps.batch.model import load_blobs
from hostile.corpus import write_video
from sightline.apps.batch import Batch, Job
from sightline.apps.outcome import Outcome
from sightline.errors import SightlineError, UsageError


def job(out: Path, **how: object) -> Job:
    return Job(str(out), **{"save": ("masks", "hotspots"), "load": load_blobs, "device": "cpu", "threads": 1, **how})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five films, of which one is broken."""
    folder = tmp_path_factory.mktemp("films")
    for number in range(4):
        write_video(folder / f"film{number}.mp4", frames=5 + number)
    (folder / "broken.mp4").write_bytes(b"no video" * 99)
    return folder


def failures(out: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (out / "failures.jsonl").read_text().splitlines()]


def test_one_broken_source_stops_none_and_a_second_run_does_only_what_changed(films: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = Batch(job(out), workers=2).over([f"{films}/*.mp4"])
    assert (first.sources, first.done, first.failed, first.frames) == (5, 4, 1, 5 + 6 + 7 + 8)
    (failed,) = failures(out)
    assert failed["source"] == str(films / "broken.mp4")
    assert json.loads((out / "batch.json").read_text())["done"] == 4
    summary = json.loads((out / "film2/summary.json").read_text())
    assert (summary["frames"], summary["source"]) == (7, str(films / "film2.mp4"))
    assert len(list((out / "film2/masks").glob("*.png"))) == 7

    os.utime(films / "film2.mp4", (0, 0))  # the time tells nothing
    replaced = (films / "film3.mp4").stat()
    write_video(films / "film3.mp4", frames=4)
    os.utime(films / "film3.mp4", ns=(replaced.st_atime_ns, replaced.st_mtime_ns))
    again: list[Outcome] = []
    second = Batch(job(out), workers=2, step=again.append).over([f"{films}/*.mp4"])
    assert (second.done, second.skipped, second.failed) == (1, 3, 1)
    assert {Path(one.source).stem for one in again if one.status == "done"} == {"film3"}
    assert len(list((out / "film3/masks").glob("*.png"))) == 4
    assert not list((out / ".batch/tries").iterdir())


def test_results_of_another_model_or_part_are_not_replaced_unasked(films: Path, tmp_path: Path) -> None:
    Batch(job(tmp_path), workers=1).over([str(films / "film0.mp4")])
    other = Batch(job(tmp_path, limit=2), workers=1).over([str(films / "film0.mp4")])
    assert (other.failed, other.done) == (1, 0)
    assert "holds results of another run" in str(failures(tmp_path)[0]["error"])
    assert Batch(job(tmp_path, limit=2, overwrite=True), workers=1).over([str(films / "film0.mp4")]).done == 1


def test_a_worker_that_is_killed_is_replaced_and_its_source_done_again(films: Path, tmp_path: Path) -> None:
    (tmp_path / "kill").touch()  # the first process that sees it takes it away and ends
    report = Batch(job(tmp_path / "out", model=f"kill-once:{tmp_path}/kill"), workers=1).over([f"{films}/film*.mp4"])
    assert (report.done, report.failed) == (4, 0)
    assert not (tmp_path / "kill").exists()


def test_a_source_that_ends_every_process_fails_and_the_rest_goes_on(films: Path, tmp_path: Path) -> None:
    report = Batch(job(tmp_path, model="kill-frames:7"), workers=1).over([f"{films}/film[012].mp4"])
    assert (report.done, report.failed) == (2, 1)
    (failed,) = failures(tmp_path)
    assert "film2" in str(failed["source"])
    assert "process ended 2 times" in str(failed["error"])


def test_a_stop_leaves_whole_folders_and_the_next_run_ends_it(films: Path, tmp_path: Path) -> None:
    done: list[Outcome] = []
    batch = Batch(job(tmp_path), workers=1, step=done.append, stopped=lambda: bool(done))
    report = batch.over([f"{films}/film*.mp4"])
    assert report.done >= 1
    assert report.done + report.stopped == 4
    assert report.stopped >= 1
    assert not list(tmp_path.glob(".*.partial"))
    rest = Batch(job(tmp_path), workers=1).over([f"{films}/film*.mp4"])
    assert (rest.done, rest.skipped) == (4 - report.done, report.done)


def test_a_driver_that_is_killed_leaves_no_worker_and_loses_nothing(films: Path, tmp_path: Path) -> None:
    code = (
        "from apps.batch.test_processes import job; from pathlib import Path; from sightline.apps.batch import Batch\n"
        "if __name__ == '__main__':\n"
        f"    Batch(job(Path({str(tmp_path)!r}), model='slow:0.15'), workers=1).over([{str(films / 'film*.mp4')!r}])\n"
    )
    script = tmp_path / "driver.py"
    script.write_text(code)
    env = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    driver = subprocess.Popen([sys.executable, str(script)], env=env)
    deadline = time.monotonic() + 60
    while not (tmp_path / "film0/summary.json").exists():
        assert time.monotonic() < deadline
        assert driver.poll() is None
        time.sleep(0.02)
    workers = _descendants(driver.pid)
    assert workers
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    while any(map(_alive, workers)):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    kept = (tmp_path / "film0/summary.json").stat().st_mtime_ns
    report = Batch(job(tmp_path, model="slow:0"), workers=1).over([f"{films}/film*.mp4"])
    assert report.done + report.skipped == 4
    assert report.skipped >= 1
    assert (tmp_path / "film0/summary.json").stat().st_mtime_ns == kept
    assert not list(tmp_path.glob(".*.partial"))


def _descendants(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    children = [int(child) for task in tasks for child in (task / "children").read_text().split()]
    return children + [inner for child in children for inner in _descendants(child)]


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_wrong_calls_are_said_before_anything_starts(films: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing to do"):
        Batch(job(tmp_path)).over([])
    with pytest.raises(UsageError, match="does not give"):
        Batch(job(tmp_path, save=("objects",))).over([str(films)])
    with pytest.raises(UsageError, match="workers"):
        Batch(job(tmp_path), workers=0).over([str(films)])
    assert not list(tmp_path.iterdir())


def test_workers_that_cannot_be_made_end_the_batch(films: Path, tmp_path: Path) -> None:
    with pytest.raises(SightlineError, match="end before they hold the model"):
        Batch(job(tmp_path, model="stillborn"), workers=1).over([str(films)])
