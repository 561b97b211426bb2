"""`sightline batch` from its command line, with a model that needs no weights."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from apps.batch.model import load_blobs
from hostile.corpus import write_video
from sightline.apps import batch as app
from sightline.cli import main

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def batch(*args: object) -> tuple[int, str, str]:
        monkeypatch.setattr(app, "Job", partial(app.Job, load=load_blobs))
        with pytest.raises(SystemExit) as stop:
            main(["batch", *map(str, args)])
        out, err = capsys.readouterr()
        return int(stop.value.code or 0), out, err

    return batch


def test_a_pattern_and_a_list_and_one_that_fails(run: Run, tmp_path: Path) -> None:
    for number in range(2):
        write_video(tmp_path / f"film{number}.mp4", frames=4)
    (tmp_path / "list.txt").write_text(f"{tmp_path}/none.mp4\n")
    args = (f"{tmp_path}/film*.mp4", "--list", tmp_path / "list.txt", "--workers", 1, "--out", tmp_path / "out")
    code, out, err = run(*args, "--save", "hotspots", "--json")
    assert code == 1
    assert "none.mp4: there is no such file" in err
    report = json.loads(out)
    assert (report["sources"], report["done"], report["failed"], report["frames"]) == (3, 2, 1, 8)
    assert [path.name for path in (tmp_path / "out/film0").iterdir() if path.suffix == ".csv"] == ["hotspots.csv"]
    code, out, _ = run(f"{tmp_path}/film*.mp4", "--workers", 1, "--out", tmp_path / "out", "--save", "hotspots")
    assert code == 0
    assert "2 sources: 0 done, 2 done before, 0 failed, 0 left" in out


@pytest.mark.parametrize(
    ("args", "word"),
    [
        (("--start", "2", "--end", "1"), "--end"),
        (("--format", "parquet", "--save", "masks"), "--save"),
        (("--save", "objects"), "--save"),
        (("--cpus", "0"), "--cpus"),
        (("--workers", "0"), "--workers"),
    ],
)
def test_wrong_usage_is_two(run: Run, tmp_path: Path, args: tuple[str, ...], word: str) -> None:
    write_video(tmp_path / "film.mp4", frames=2)
    code, _, err = run(tmp_path / "film.mp4", *args, "--out", tmp_path / "out")
    assert code == 2
    assert word in err
    assert not (tmp_path / "out").exists()


def test_no_source_is_wrong_usage(run: Run, tmp_path: Path) -> None:
    code, _, err = run("--out", tmp_path / "out")
    assert code == 2
    assert "SOURCE: nothing to do" in err


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs /proc to find the workers")
def test_ctrl_c_reaches_driver_and_workers_and_leaves_whole_results(run: Run, tmp_path: Path) -> None:
    for number in range(3):
        write_video(tmp_path / f"film{number}.mp4", frames=20)
    out = tmp_path / "out"

    def interrupt() -> None:
        deadline = time.monotonic() + 60
        while not list(out.glob(".film0.partial/.frames.csv")) and time.monotonic() < deadline:
            time.sleep(0.05)
        for pid in (*_descendants(os.getpid()), os.getpid()):  # as a terminal does
            os.kill(pid, signal.SIGINT)

    threading.Thread(target=interrupt).start()
    args = (f"{tmp_path}/film*.mp4", "--model", "slow:0.1", "--workers", 1, "--save", "masks", "--out", out, "--json")
    code, said, _ = run(*args)
    assert code == 130
    assert json.loads(said)["stopped"] == 3
    assert not list(out.glob(".*.partial"))
    summary = json.loads((out / "film0/summary.json").read_text())
    assert not summary["complete"]
    assert summary["frames"] == len(list((out / "film0/masks").glob("*.png")))


def _descendants(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    children = [int(child) for task in tasks for child in (task / "children").read_text().split()]
    return children + [inner for child in children for inner in _descendants(child)]
