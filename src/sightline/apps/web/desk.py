"""The queue: runs take turns, say how far they are, and end when their visitor stops them or leaves."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

from sightline.apps.outcome import cause_of
from sightline.errors import SightlineError

State = Literal["waiting", "running", "done", "stopped", "failed"]
LEFT_S = 180.0
"""A visitor who has not asked for so long has left, and the run ends. Hidden tabs ask once a minute."""


class Busy(SightlineError):
    """Too many runs are waiting."""


class Job:
    """One run of one visitor.

    Attributes
    ----------
    title
        What it is called to the visitor.
    state
        Where it stands.
    phase, done, total
        What it does, how many frames of it are done, and of about how many; None where that is not known.
    result
        What it came to.
    error
        Why it failed.
    """

    def __init__(self, title: str, work: Callable[[Job], Any]) -> None:
        self.title, self._work = title, work
        self.state: State = "waiting"
        self.phase, self.done, self.total = "", 0, None  # type: str, int, int | None
        self.result: Any = None
        self.error: Exception | None = None
        self._began = time.monotonic()
        self._stop = threading.Event()
        self._asked = time.monotonic()

    @property
    def over(self) -> bool:
        """Whether it has ended, in whatever way."""
        return self.state in ("done", "stopped", "failed")

    def begin(self, phase: str, total: int | None) -> None:
        """Say what is done now, of about how many frames."""
        self.phase, self.done, self.total, self._began = phase, 0, total, time.monotonic()

    def step(self) -> None:
        """One frame is done."""
        self.done += 1

    def left_s(self) -> float | None:
        """About how many seconds what it does now still takes; None where that cannot be told yet."""
        took = time.monotonic() - self._began
        if self.over or not self.total or not self.done or took < 1:
            return None
        return took / self.done * max(0, self.total - self.done)

    def asked(self) -> None:
        """The visitor is still there."""
        self._asked = time.monotonic()

    def stop(self) -> None:
        """Ask it to end."""
        self._stop.set()

    def stopped(self) -> bool:
        """Whether it shall end: it was asked to, or its visitor has left."""
        return self._stop.is_set() or time.monotonic() - self._asked > LEFT_S

    def run(self) -> None:
        """Do the work, in whatever thread; errors are kept, not raised."""
        if self.stopped():
            self.state = "stopped"
            return
        self.state = "running"
        try:
            self.result = self._work(self)
        except Exception as error:  # whatever it is, it concerns this visitor alone
            self.error = error
            self.state = "stopped" if self.stopped() else "failed"
        else:
            self.state = "stopped" if self.stopped() else "done"

    def told(self) -> str | None:
        """Why it failed, in one line."""
        return None if self.error is None else cause_of(self.title, self.error)


class Desk:
    """Runs jobs, `workers` at a time, in the order in which they came. waiting: how many more it takes."""

    def __init__(self, workers: int, waiting: int) -> None:
        self._most = workers + waiting
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="sightline-web")
        self._jobs: list[Job] = []
        self._lock = threading.Lock()

    def take(self, job: Job) -> None:
        """Queue a job. Raises Busy where too many wait."""
        with self._lock:
            self._jobs = [other for other in self._jobs if not other.over]
            if len(self._jobs) >= self._most:
                raise Busy(f"{len(self._jobs)} runs are in the queue already; try again in a minute")
            self._jobs.append(job)
            self._pool.submit(job.run)

    def before(self, job: Job) -> int:
        """How many jobs are to end before this one begins."""
        with self._lock:
            waiting = [other for other in self._jobs if not other.over]
        return waiting.index(job) if job in waiting and job.state == "waiting" else 0

    def close(self) -> None:
        """Ask all jobs to end, and wait for them."""
        with self._lock:
            for job in self._jobs:
                job.stop()
        self._pool.shutdown(cancel_futures=True)
