"""The search itself: it counts, keeps what crashed, and goes on after it was stopped."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fuzz import harness
from fuzz.harness import DIED, Progress, main, run, search
from fuzz.target import Target, each, text
from sightline.errors import DataError


def read(path: Path) -> None:
    """A reader with a fault: it takes a colon for the end of a time, and what follows for a number."""
    first, *rest = path.read_text(encoding="utf-8", errors="replace").split(":")
    if rest:
        float(rest[0])
    if not first.strip().isascii():
        raise DataError(f"{path}: no time")


@pytest.fixture(autouse=True)
def toy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(harness.TARGETS, "a toy", Target(each(text("time.txt", "12:30\n14:15\n")), read))


def test_cases_are_counted_and_a_crash_is_kept_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    progress = search("a toy", 0.005, 100, tmp_path)
    assert progress.seconds >= 0.3
    assert sum(progress.results.values()) == progress.case - 100
    assert progress.results["read"] > 0
    (crash,) = (name for name in progress.results if name.startswith("ValueError at"))
    assert capsys.readouterr().out.count("could not convert string to float") == 1
    (kept,) = (path for path in (tmp_path / "a-toy").iterdir() if path.is_dir())
    with pytest.raises(ValueError, match="could not convert"):
        read(kept / "time.txt")
    assert crash in json.loads((tmp_path / "a-toy" / "progress.json").read_text())["results"]


def test_a_search_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    first = search("a toy", 0.002, 100, tmp_path)
    done = search("a toy", 0.002, 100, tmp_path, resume=True)
    assert done == first
    longer = search("a toy", 0.004, 100, tmp_path, resume=True)
    assert longer.case > first.case
    assert longer.first == 100
    assert sum(longer.results.values()) == longer.case - 100
    assert longer.seconds == pytest.approx(0.24, abs=0.1)
    anew = search("a toy", 0.001, 7, tmp_path)
    assert (anew.first, anew.seconds < longer.seconds) == (7, True)


def test_the_case_that_ended_the_process_is_a_crash_and_is_left_behind(tmp_path: Path) -> None:
    state = tmp_path / "a-toy" / "progress.json"
    state.parent.mkdir()
    Progress(100, 140, seconds=0.1, inside=True, results={"read": 40}).write(state)
    progress = search("a toy", 0.001, 100, tmp_path, resume=True)
    assert progress.results == {"read": 40, DIED: 1}
    assert progress.case == 141
    (kept,) = (path for path in state.parent.iterdir() if path.is_dir())
    assert (kept / "time.txt").is_file()


def test_a_process_that_a_signal_ended_is_started_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    commands: list[list[str]] = []
    codes = iter((-11, -9, 0))

    def started(command: list[str], **_: Any) -> SimpleNamespace:
        commands.append(command)
        return SimpleNamespace(returncode=next(codes))

    monkeypatch.setattr(subprocess, "run", started)
    assert run("a toy", argparse.Namespace(minutes=1.0, first=5, keep=tmp_path, resume=False))
    assert ["--resume" in command for command in commands] == [False, True, True]
    assert all("a-toy" in command for command in commands)


@pytest.mark.parametrize(("codes", "told"), [((0, 0), 0), ((1, 0), 1), ((0, 1), 1)])
def test_crashes_are_in_the_exit_code(codes: tuple[int, int], told: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that found some is red."""
    left = iter(codes)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: SimpleNamespace(returncode=next(left)))
    monkeypatch.setattr(sys, "argv", ["harness.py", "eyelink", "smi"])
    with pytest.raises(SystemExit) as done:
        main()
    assert done.value.code == told


@pytest.mark.skipif(sys.platform == "win32", reason="there is no limit of memory")
@pytest.mark.parametrize(
    ("results", "told"), [({"read": 3, "refused": 4}, 0), ({"read": 3, "KeyError at x.py:1": 1}, 1)]
)
def test_a_search_that_found_crashes_says_so(
    results: dict[str, int], told: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    import resource

    monkeypatch.setattr(resource, "setrlimit", lambda *_: None)
    monkeypatch.setattr(harness, "search", lambda *_: Progress(0, 7, results=results))
    monkeypatch.setattr(sys, "argv", ["harness.py", "smi", "--alone"])
    with pytest.raises(SystemExit) as done:
        main()
    assert done.value.code == told


def test_a_target_that_is_not_there(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["harness.py", "nothing"])
    with pytest.raises(SystemExit):
        main()
    assert "no such target: nothing; there are eyelink, " in capsys.readouterr().err
