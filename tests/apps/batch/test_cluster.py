"""The same batch on two nodes of Ray."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from apps.batch.model import load_blobs
from hostile.corpus import write_video
from sightline.apps.batch import Batch, Job
from sightline.apps.batch import cluster as on_ray
from sightline.apps.batch.cluster import over_ray
from sightline.apps.outcome import Outcome
from sightline.errors import UsageError


def job(out: Path, **how: Any) -> Job:
    return Job(str(out), **{"save": ("masks", "hotspots"), "load": load_blobs, "device": "cpu", "threads": 1, **how})


def test_two_nodes_share_the_work_and_survive_a_killed_worker(cluster: Any, tmp_path: Path) -> None:
    films = tmp_path / "films"
    films.mkdir()
    for number in range(8):
        write_video(films / f"film{number}.mp4", frames=5)
    (films / "broken.mp4").write_bytes(b"no video" * 99)
    (tmp_path / "kill").touch()
    out = tmp_path / "out"
    model = f"kill-once:{tmp_path}/kill"
    report = Batch(job(out, model=model), workers=2, ray=cluster.address).over([f"{films}/*.mp4"])
    assert (report.engine, report.workers, report.done, report.failed) == ("ray", 2, 8, 1)
    assert not (tmp_path / "kill").exists()
    assert "broken.mp4" in json.loads((out / "failures.jsonl").read_text())["source"]
    assert all(len(list((out / f"film{n}/masks").glob("*.png"))) == 5 for n in range(8))
    # Processes of this machine go on from what the cluster did: the worker is the same.
    again = Batch(job(out, model=model), workers=1).over([f"{films}/*.mp4"])
    assert (again.done, again.skipped, again.failed) == (0, 8, 1)


def test_a_stop_lets_the_actors_finish(cluster: Any, tmp_path: Path) -> None:
    films = tmp_path / "films"
    films.mkdir()
    for number in range(6):
        write_video(films / f"film{number}.mp4", frames=6)
    seen: list[Outcome] = []
    slow = job(tmp_path / "out", model="slow:0.1")
    batch = Batch(slow, workers=1, ray=cluster.address, step=seen.append, stopped=lambda: bool(seen))
    report = batch.over([f"{films}/*.mp4"])
    assert report.done >= 1
    assert report.stopped >= 1
    assert report.done + report.stopped == 6
    assert not list((tmp_path / "out").glob(".*.partial"))


def test_a_driver_that_is_killed_loses_nothing_that_was_finished(cluster: Any, tmp_path: Path) -> None:
    films, out = tmp_path / "films", tmp_path / "out"
    films.mkdir()
    for number in range(6):
        write_video(films / f"film{number}.mp4", frames=5)
    script = tmp_path / "driver.py"
    script.write_text(
        "from pathlib import Path; from apps.batch.test_cluster import job; from sightline.apps.batch import Batch\n"
        f"batch = Batch(job(Path({str(out)!r}), model='slow:0.15'), workers=1, ray={cluster.address!r})\n"
        f"batch.over([{str(films / '*.mp4')!r}])\n"
    )
    driver = subprocess.Popen([sys.executable, str(script)])  # which the fixture has find the tests' modules
    deadline = time.monotonic() + 120
    while len(list(out.glob("film*/summary.json"))) < 2:
        assert time.monotonic() < deadline
        assert driver.poll() is None
        time.sleep(0.02)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    finished = {path: path.stat().st_mtime_ns for path in out.glob("film*/summary.json")}
    assert len(finished) < 6
    report = Batch(job(out, model="slow:0"), workers=1, ray=cluster.address).over([f"{films}/*.mp4"])
    assert (report.done + report.skipped, report.failed) == (6, 0)
    assert report.skipped >= len(finished)
    assert {path: path.stat().st_mtime_ns for path in finished} == finished
    assert all(len(list((out / f"film{n}/masks").glob("*.png"))) == 5 for n in range(6))
    assert not list(out.glob(".*.partial"))


def test_a_cluster_that_does_not_answer_leaves_a_folder_as_it_was(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    film, out = write_video(tmp_path / "film.mp4", frames=2), tmp_path / "out"
    batch = Batch(job(out), workers=1, ray="127.0.0.1:1")
    with pytest.raises(UsageError):
        batch.over([str(film)])
    assert not out.exists()
    out.mkdir()
    (out / "failures.jsonl").write_text("of before\n")
    with pytest.raises(UsageError):
        batch.over([str(film)])
    assert (out / "failures.jsonl").read_text() == "of before\n"


def test_workers_of_a_cluster_that_is_started_here_do_not_starve(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray")
    for given, kept in ((None, "0"), ("7", "7")):
        monkeypatch.delenv(on_ray.NICENESS, raising=False)
        if given is not None:
            monkeypatch.setenv(on_ray.NICENESS, given)
        on_ray._ray()
        assert os.environ[on_ray.NICENESS] == kept


def test_a_cluster_that_does_not_answer_is_wrong_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = pytest.importorskip("ray")

    def refuse(**how: object) -> None:
        raise ConnectionError("no cluster there.\nand much more")

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", refuse)
    with pytest.raises(UsageError, match="`ray` auto: no cluster there; `local` starts"):
        list(over_ray(Job("out"), [("film.mp4", "film")], 1, address="auto"))


def test_an_address_where_nobody_listens_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = pytest.importorskip("ray")
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", lambda **how: pytest.fail("Ray would wait for minutes"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    for place in (address, f"ray://{address}"):
        with pytest.raises(UsageError, match=rf"`ray` {place}: nobody answers there \(Connection refused\)"):
            list(over_ray(Job("out"), [("film.mp4", "film")], 1, address=place))
