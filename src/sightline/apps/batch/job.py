"""What a batch does to one source: the same worker in a process of this machine and in an actor of a cluster."""

from __future__ import annotations

import json
import os
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from sightline import models
from sightline.apps.batch.store import Fetched, Here, fetch, join, place_at
from sightline.apps.outcome import Outcome, failure
from sightline.apps.predict import Run
from sightline.errors import SightlineError, UsageError
from sightline.files import sweep
from sightline.models.base import Predictor
from sightline.results.kinds import Kind
from sightline.results.outputs import PARQUET, SUMMARY, choose
from sightline.untrusted import parse_json
from sightline.video.source import DEFAULT_FPS

MOST_TRIES = 2
"""A source in whose work the process ended so often fails: it would end every process, one after the other."""
STATE = ".batch"
"""The folder in `out` of what a batch keeps for itself."""
PARTS = "parts"
"""The folder in `out` of the tables of single sources."""


@dataclass(frozen=True)
class Job:
    """What is done to every source of a batch. It goes to other processes and machines, so it can be pickled.

    Attributes
    ----------
    out
        Folder or address of the results. A cluster's machines have to share it.
    model, device, engine
        As of `sightline predict`.
    form
        "folders": out/<name>/ as `sightline predict` writes it. "parquet": a table a source in out/parts/, and all of
        them in out/results.parquet.
    save
        What to write into the folders, of `results.outputs`; None for all that the model gives.
    limit, start_s, end_s, every, fps, overwrite
        As of `predict.Run`.
    threads
        Threads of a worker's networks; None leaves it to torch.
    load
        Makes the model of its name and a device.
    run_id
        Tells the runs of one batch apart.
    """

    out: str
    model: str = "wcsnet"
    device: str = "auto"
    engine: str = "auto"
    form: Literal["folders", "parquet"] = "folders"
    save: tuple[str, ...] | None = None
    limit: int | None = None
    start_s: float = 0.0
    end_s: float | None = None
    every: int = 1
    fps: float = DEFAULT_FPS
    overwrite: bool = False
    threads: int | None = None
    load: Callable[[str, str], Predictor] = models.load
    run_id: str = field(default_factory=lambda: uuid.uuid4().hex)

    def kinds(self, predictor: Predictor) -> tuple[Kind, ...]:
        """What is written. Raises UsageError where the model does not give it."""
        if self.form == "folders":
            return choose(predictor.gives, self.save, predictor.name)
        if not PARQUET.given_by(predictor.gives):
            raise UsageError(
                f"`format` parquet: {predictor.name} gives maps alone, which a table does not hold; give folders"
            )
        return (PARQUET,)


class Worker:
    """Holds a model and does sources, one at a time.

    stopped: asked after each frame; when it says True, what is done is kept, and nothing new is begun.
    """

    def __init__(self, job: Job, device: str | None = None, stopped: Callable[[], bool] = lambda: False) -> None:
        import torch

        from sightline.nn.engine import prefer

        if job.threads is not None:
            torch.set_num_threads(job.threads)
        prefer(job.engine)
        self._job, self._stopped, self._place = job, stopped, place_at(job.out)
        predictor = job.load(job.model, device or job.device)
        self._run = Run(
            predictor,
            job.kinds(predictor),
            limit=job.limit,
            start_s=job.start_s,
            end_s=job.end_s,
            every=job.every,
            fps=job.fps,
            overwrite=job.overwrite,
            stopped=stopped,
        )
        sweep(_SCRATCH)

    def do(self, source: str, name: str) -> Outcome:
        """Do a source, whose results are called `name`. Whatever goes wrong with it is its outcome."""
        if self._stopped():
            return Outcome(source, "stopped")
        try:
            with self._try(name), _scratch() as scratch:
                fetched = fetch(source, scratch)
                try:
                    outcome = self._do(source, name, fetched, scratch)
                except Exception as error:
                    outcome = failure(source, error)
                return self._tell(outcome, source, fetched)
        except Exception as error:  # whatever it is, it concerns this source alone
            return failure(source, error)

    def _do(self, source: str, name: str, fetched: Fetched, scratch: Path) -> Outcome:
        known = {"source": source, "source_bytes": fetched.size, "source_sha256": fetched.sha256}
        in_parts = self._job.form == "parquet"
        marker = f"{PARTS}/{name}.json" if in_parts else f"{name}/{SUMMARY}"
        old = self._place.read(marker)
        changed = old is not None and _of_another_content(old, known)
        run = replace(self._run, known=known, overwrite=self._run.overwrite or changed)
        if isinstance(self._place, Here) and not in_parts:
            return run.to_folder(fetched.path, self._place.folder / name)
        folder = scratch / "results" / name
        if old is not None and not run.overwrite:
            folder.mkdir(parents=True)
            (folder / SUMMARY).write_bytes(old)
        outcome = run.to_folder(fetched.path, folder)
        if outcome.output is None or outcome.status == "skipped":
            return replace(outcome, output=outcome.output and join(self._place.address, marker))
        said = (folder / SUMMARY).read_text(encoding="utf-8").replace(str(fetched.path), source)
        if old is not None:
            self._place.remove(marker if in_parts else name)
        if in_parts:
            self._place.write(f"{PARTS}/{name}.parquet", folder / PARQUET.entries[0])
        else:
            for file in sorted(file for file in folder.rglob("*") if file.is_file() and file.name != SUMMARY):
                self._place.write(f"{name}/{file.relative_to(folder).as_posix()}", file)
        self._place.write(marker, said.encode())
        return replace(outcome, output=join(self._place.address, f"{PARTS}/{name}.parquet" if in_parts else name))

    @staticmethod
    def _tell(outcome: Outcome, source: str, fetched: Fetched) -> Outcome:
        """An outcome in whose words the copy of the source is the source."""
        copy = str(fetched.path)
        return replace(
            outcome,
            source=source,
            error=outcome.error and outcome.error.replace(copy, source),
            notes=tuple(note.replace(copy, source) for note in outcome.notes),
        )

    @contextmanager
    def _try(self, name: str) -> Iterator[None]:
        """Count how often the work on a source was begun and not ended: by a process that was killed or crashed."""
        mark = f"{STATE}/tries/{name}"
        said = self._place.read(mark)
        begun = 0
        if said is not None:
            with suppress(ValueError, AttributeError):
                told = parse_json(said)
                begun = int(told["tries"]) if told.get("run") == self._job.run_id else 0
        if begun >= MOST_TRIES:
            self._place.remove(mark)
            raise SightlineError(
                f"{name}: the worker's process ended {begun} times while it worked on this source (out of memory, or a "
                "crash); try it alone with `sightline predict`"
            )
        self._place.write(mark, json.dumps({"run": self._job.run_id, "tries": begun + 1}).encode())
        try:
            yield
        finally:
            self._place.remove(mark)


def _of_another_content(summary: bytes, known: dict[str, Any]) -> bool:
    """Whether results are of what lay at the place of this source before it was replaced."""
    try:
        old = parse_json(summary)
        return old["source"] == known["source"] and old["source_sha256"] != known["source_sha256"]
    except (ValueError, KeyError, TypeError):
        return False


_SCRATCH = "sightline-batch-"


@contextmanager
def _scratch() -> Iterator[Path]:
    """A folder for copies, which goes afterwards; that of a killed process goes with the next worker (`sweep`)."""
    with tempfile.TemporaryDirectory(prefix=f"{_SCRATCH}{os.getpid()}-") as folder:
        yield Path(folder)
