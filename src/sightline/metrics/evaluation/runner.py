"""Scoring the sequences of a task on several threads, with a journal that lets an interrupted run go on."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from sightline._version import __version__
from sightline.errors import OutputError
from sightline.metrics.evaluation.scores import SequenceScores, Tally
from sightline.metrics.evaluation.task import Task
from sightline.untrusted import parse_json

_WRITING = threading.Lock()


def run(
    task: Task,
    workers: int | None = None,
    journal: Path | None = None,
    advance: Callable[[], None] = lambda: None,
    notice: Callable[[str], None] = lambda text: None,
) -> list[SequenceScores]:
    """Score every sequence of a task, in the order of their names.

    workers: threads, by default one a processor. journal: finished sequences are kept in this file, and taken from it
    by the next run if neither the settings nor any byte of the sequence's files have changed; it stays there.
    advance: called after every sequence. notice: gets a line on what is taken over or scored again.
    """
    done = {} if journal is None else _read_journal(journal, task, notice)
    for _ in done:
        advance()
    workers = workers or os.cpu_count() or 1
    threads = torch.get_num_threads()
    torch.set_num_threads(max(1, threads // workers))
    pool = ThreadPoolExecutor(workers)
    try:
        futures = {pool.submit(_score, task, name, journal): name for name in task.names if name not in done}
        for scores in _finished(futures):
            done[scores.name] = scores
            advance()
    except BaseException:
        task.stop.set()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        torch.set_num_threads(threads)
    return [done[name] for name in task.names]


def digest(files: Iterable[Path]) -> str:
    """The SHA-256 of the contents of several files, in order."""
    whole = hashlib.sha256()
    for path in files:
        status = path.stat()
        whole.update(_digest_of(path, status.st_size, status.st_mtime_ns))
    return whole.hexdigest()


@functools.lru_cache(maxsize=1 << 16)
def _digest_of(path: Path, size: int, modified: int) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _score(task: Task, name: str, journal: Path | None) -> SequenceScores:
    scores = task.score(name)
    if journal is not None:
        line = json.dumps({"digest": digest(task.files(name)), **asdict(scores)}) + "\n"
        _append(journal, line, task)
    return scores


def _append(journal: Path, line: str, task: Task) -> None:
    """Add one line in a single write, so that a kill leaves whole lines; the first one says what the run is."""
    try:
        file = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            with _WRITING:
                head = "" if os.fstat(file).st_size else json.dumps(identity(task)) + "\n"
                os.write(file, (head + line).encode())
        finally:
            os.close(file)
    except OSError as error:
        raise OutputError(
            f"{journal}: cannot be written ({error.strerror}); choose another place for `journal`"
        ) from error


def identity(task: Task) -> dict[str, Any]:
    """What makes two runs the same run, apart from the files of the single sequences."""
    return {
        "task": task.name,
        "protocol": task.protocol.name,
        "settings": task.settings(),
        "shared": digest(task.shared_files()),
        "sightline": __version__,
    }


def _read_journal(journal: Path, task: Task, notice: Callable[[str], None]) -> dict[str, SequenceScores]:
    try:
        lines = journal.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    entries = []
    for line in lines:
        try:
            entries.append(parse_json(line))
        except ValueError:  # the line a kill cut short
            continue
    if not entries or entries[0] != json.loads(json.dumps(identity(task))):
        notice(f"{journal} is of a run with other settings or ground truth: everything is scored again")
        journal.unlink()
        return {}
    done, changed = {}, []
    for entry in entries[1:]:
        name = entry["name"]
        if name not in task.names:
            continue
        if entry.pop("digest") != digest(task.files(name)):
            changed.append(name)
            continue
        entry["tallies"] = {key: Tally(**tally) for key, tally in entry["tallies"].items()}
        done[name] = SequenceScores(**entry)
    if done:
        notice(f"resuming: {len(done)} of {len(task.names)} sequences are done")
    if changed:
        notice(f"scored again, as their files changed: {', '.join(sorted(changed))}")
    return done


def _finished(futures: dict[Future[SequenceScores], str]) -> Iterable[SequenceScores]:
    for future in as_completed(futures):
        yield future.result()
