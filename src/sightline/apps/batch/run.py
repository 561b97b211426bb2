"""The driver of a batch: hands sources to workers, keeps the list of failures, sums up."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TextIO

from sightline.apps.batch.job import Job
from sightline.apps.batch.listing import Item, list_items
from sightline.apps.batch.processes import over_processes
from sightline.apps.batch.store import Here, place_at
from sightline.apps.outcome import Outcome
from sightline.apps.predict import versions
from sightline.errors import UsageError
from sightline.files import output_errors

FAILURES = "failures.jsonl"
SUMMARY = "batch.json"
RESULTS = "results.parquet"
SAVE_S = 30.0  # seconds between two writings of the failures to a store, where nothing can be added to a file


@dataclass
class Report:
    """What became of a batch, as out/batch.json has it.

    Attributes
    ----------
    sources
        How many there are.
    done, skipped, failed, stopped
        How many of them were done, were done before, failed, and were left because a stop was asked for. One that
        failed or stopped on the way may have left results of its first frames.
    frames
        Of the sources that were worked on in this run.
    seconds, sources_per_s, frames_per_s
        Of this run, workers' start and all.
    """

    out: str
    engine: str
    workers: int
    sources: int
    done: int = 0
    skipped: int = 0
    failed: int = 0
    stopped: int = 0
    frames: int = 0
    seconds: float = 0.0
    sources_per_s: float = 0.0
    frames_per_s: float = 0.0
    versions: dict[str, str] = field(default_factory=versions)

    def add(self, outcome: Outcome) -> None:
        """Count what became of one source."""
        setattr(self, outcome.status, getattr(self, outcome.status) + 1)
        self.frames += outcome.frames

    def end(self, seconds: float) -> None:
        """All that was to be done is done."""
        self.stopped = self.sources - self.done - self.skipped - self.failed
        self.seconds = round(seconds, 3)
        self.sources_per_s = round((self.done + self.failed) / seconds, 4)
        self.frames_per_s = round(self.frames / seconds, 3)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


@dataclass
class Batch:
    """One call of `sightline batch`.

    Attributes
    ----------
    job
        What is done to each source.
    workers
        How many hold a model at a time; None for one for each `cpus` of this machine.
    cpus, gpus
        What a worker asks for; of a cluster, parts of a GPU too.
    ray
        Address of a Ray cluster; "local" starts one on this machine; None for processes of this machine.
    begin
        Called with the number of sources.
    step
        Called with what became of each source.
    stopped
        Asked now and then; when it says True, what is begun is finished properly and the batch ends.

    Examples
    --------
    >>> batch = Batch(Job(out="results"), workers=4)
    >>> batch.workers
    4
    >>> batch.over(["videos/*.mp4"])  # doctest: +SKIP
    """

    job: Job
    workers: int | None = None
    cpus: float = 1
    gpus: float = 0
    ray: str | None = None
    begin: Callable[[int], None] = lambda sources: None
    step: Callable[[Outcome], None] = lambda outcome: None
    stopped: Callable[[], bool] = lambda: False

    def over(self, sources: Sequence[str], lists: Sequence[str] = ()) -> Report:
        """Do all sources: paths, patterns, folders of videos, addresses. One that fails stops none of the others.

        lists: text files of them, one a line.

        Raises
        ------
        UsageError
            There is no source, or the model does not give what is to be written.
        SightlineError
            A list or a store cannot be read or written, the model cannot be loaded, or no worker can be made.
        """
        if self.workers is not None and self.workers < 1:
            raise UsageError(f"`workers` {self.workers}: 1 or more are expected")
        if not self.cpus > 0 or self.gpus < 0:
            raise UsageError(f"`cpus` {self.cpus}, `gpus` {self.gpus}: CPUs above 0 and GPUs from 0 are expected")
        with tempfile.TemporaryDirectory() as scratch:
            items = list_items(sources, lists, Path(scratch))
        self.job.kinds(self.job.load(self.job.model, "cpu"))  # what is wrong with the call is said before workers start
        workers = min(self.workers or max(1, int(usable_cpus() // self.cpus)), len(items))
        report = Report(self.job.out, "processes" if self.ray is None else "ray", workers, len(items))
        began = time.perf_counter()
        self.begin(len(items))
        with Failures(self.job.out) as failures:
            for outcome in self._outcomes(items, workers):
                report.add(outcome)
                failures.add(outcome)
                self.step(outcome)
        report.end(time.perf_counter() - began)
        if self.job.form == "parquet":
            from sightline.apps.batch.merge import merge

            merge(place_at(self.job.out), RESULTS)
        place_at(self.job.out).write(SUMMARY, (json.dumps(report.as_dict(), indent=2) + "\n").encode())
        return report

    def _outcomes(self, items: Sequence[Item], workers: int) -> Iterator[Outcome]:
        if self.ray is None:
            return over_processes(self.job, items, workers, self.stopped)
        from sightline.apps.batch.cluster import over_ray

        return over_ray(self.job, items, workers, self.stopped, self.ray, self.cpus, self.gpus)


class Failures:
    """out/failures.jsonl: a line for each source of this run that failed, as soon as it has.

    The list of the run before goes with the first outcome: where none can be had, as of a cluster that does not answer,
    a folder is left as it was.
    """

    def __init__(self, out: str) -> None:
        self._place = place_at(out)
        self._lines: list[str] = []
        self._saved = 0.0
        self._file: TextIO | None = None
        self._begun = False
        self._made: list[Path] = []

    def __enter__(self) -> Failures:
        if isinstance(self._place, Here):
            path = self._place.folder / FAILURES
            with output_errors(path):
                self._made = [made for made in (path, path.parent) if not made.exists()]
                path.parent.mkdir(parents=True, exist_ok=True)
                self._file = path.open("a", encoding="utf-8", buffering=1)
        else:
            self._place.write(FAILURES, b"")
        return self

    def add(self, outcome: Outcome) -> None:
        """Note the outcome, where it is a failure."""
        self._begin()
        if outcome.status != "failed":
            return
        said = {"source": outcome.source, "error": outcome.error, "frames": outcome.frames, "output": outcome.output}
        line = json.dumps(said) + "\n"
        if self._file is not None:
            self._file.write(line)
            return
        self._lines.append(line)
        if time.monotonic() - self._saved > SAVE_S:
            self._save()

    def _begin(self) -> None:
        if self._file is not None and not self._begun:
            self._file.truncate(0)
        self._begun = True

    def _save(self) -> None:
        self._place.write(FAILURES, "".join(self._lines).encode())
        self._saved = time.monotonic()

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        if error is None:
            self._begin()
        if self._file is not None:
            self._file.close()
        if self._lines:
            self._save()
        if not self._begun:
            for made in self._made:
                with suppress(OSError):  # a folder that is not empty
                    made.unlink() if made.name == FAILURES else made.rmdir()


def usable_cpus() -> int:
    """The CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
