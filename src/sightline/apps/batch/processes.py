"""A batch on one machine: processes that hold a model each; one that is killed is replaced."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.connection import Connection, wait
from typing import Any

from sightline.apps.batch.job import Job, Worker
from sightline.apps.batch.listing import Item
from sightline.apps.outcome import Outcome
from sightline.errors import SightlineError

POLL_S = 0.2  # seconds between two looks at whether a stop is asked for
LEAVE_S = 10.0  # seconds that an idle worker has to leave
MOST_STILLBORN = 3
"""So many processes may end before they hold a model, one after the other, until the batch gives up."""


def over_processes(
    job: Job, items: Iterable[Item], workers: int, stopped: Callable[[], bool] = lambda: False
) -> Iterator[Outcome]:
    """Outcomes of all items, in the order in which they are done.

    A worker takes a source when it is done with another, so nothing piles up.

    stopped: when it says True, the workers finish what they have begun properly, and nothing new is begun.
    Raises SightlineError where no worker can be made.
    """
    todo, again = iter(items), deque[Item]()

    def following() -> Item | None:
        return again.popleft() if again else next(todo, None)

    pool = _Pool(job)
    try:
        for _ in range(workers):
            pool.start()
        while True:
            if stopped():
                pool.stop.value = 1
            for hand in pool.idle():
                if pool.stop.value or (item := following()) is None:
                    break
                hand.give(item)
            if not pool.busy() and (pool.stop.value or pool.idle()):
                return
            for hand in pool.spoken():
                answer = hand.answer()
                if isinstance(answer, Exception):
                    raise answer
                if isinstance(answer, Outcome):
                    yield answer
                elif answer is ENDED:
                    again.extend(pool.replace(hand))
    finally:
        pool.end()


READY, ENDED = "ready", "ended"


class _Hand:
    """A worker's process as the driver sees it."""

    def __init__(self, process: Any, pipe: Connection) -> None:
        self.process, self.pipe = process, pipe
        self.item: Item | None = None
        self.ready = False

    def give(self, item: Item) -> None:
        self.item = item
        with contextlib.suppress(OSError):  # where it has just ended, `answer` says so
            self.pipe.send(item)

    def answer(self) -> Outcome | Exception | str:
        try:
            said: Outcome | Exception | str = self.pipe.recv()
        except (EOFError, OSError):
            return ENDED
        self.ready, self.item = True, None
        return said


class _Pool:
    def __init__(self, job: Job) -> None:
        self._job = job
        self._context = _context()
        self.stop: Any = self._context.RawValue("b", 0)  # without a lock, which a killed worker could leave locked
        self._hands: list[_Hand] = []
        self._started = self._stillborn = 0

    def start(self) -> None:
        """One more worker; on a machine with several GPUs they take turns."""
        mine, theirs = self._context.Pipe()
        args = (theirs, self._job, self._started, self.stop)
        process = self._context.Process(target=_work, args=args, daemon=True, name=f"batch-{self._started}")
        process.start()
        theirs.close()
        self._started += 1
        self._hands.append(_Hand(process, mine))

    def idle(self) -> list[_Hand]:
        return [hand for hand in self._hands if hand.ready and hand.item is None]

    def busy(self) -> bool:
        return any(hand.item is not None for hand in self._hands)

    def spoken(self) -> list[_Hand]:
        """Those that have something to say, or have ended."""
        ready = wait([hand.pipe for hand in self._hands], timeout=POLL_S)
        return [hand for hand in self._hands if hand.pipe in ready]

    def replace(self, hand: _Hand) -> list[Item]:
        """Put a new worker in the place of one that ended; what the old one had begun."""
        hand.process.join()
        hand.pipe.close()
        self._hands.remove(hand)
        self._stillborn = 0 if hand.ready else self._stillborn + 1
        if self._stillborn >= MOST_STILLBORN:
            raise SightlineError(
                f"the workers end before they hold the model (exit code {hand.process.exitcode}); "
                "is there enough memory for as many? try fewer `workers`"
            )
        if not self.stop.value:
            self.start()
        return [] if hand.item is None else [hand.item]

    def end(self) -> None:
        """Let the idle ones go, end the others."""
        for hand in self._hands:
            if hand.ready and hand.item is None:
                with contextlib.suppress(OSError):
                    hand.pipe.send(None)
            else:
                hand.process.terminate()
        for hand in self._hands:
            hand.process.join(LEAVE_S)
            if hand.process.is_alive():
                hand.process.kill()
            hand.pipe.close()


def _work(pipe: Connection, job: Job, number: int, stop: Any) -> None:
    """The process of a worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the driver says what it means
    threading.Thread(target=_end_with_driver, daemon=True).start()
    try:
        worker = Worker(job, _device(job.device, number), lambda: bool(stop.value))
    except Exception as error:  # the driver raises it
        pipe.send(error if isinstance(error, SightlineError) else SightlineError(f"a worker cannot be made: {error!r}"))
        return
    pipe.send(READY)
    while (item := pipe.recv()) is not None:
        pipe.send(worker.do(*item))


def _end_with_driver() -> None:
    """A worker whose driver was killed ends at once, so that the next batch finds nobody at work on its sources."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _context() -> Any:
    """Processes are copies of one that has only imported what they need, so a new one is there at once."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([Worker.__module__])
    return context


def _device(device: str, number: int) -> str:
    if device not in ("auto", "cuda"):
        return device
    import torch

    return f"cuda:{number % torch.cuda.device_count()}" if torch.cuda.is_available() else device
