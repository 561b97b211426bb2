"""Work done on a thread of its own, fed through a bounded queue."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from queue import Queue
from typing import Generic, TypeVar

T = TypeVar("T")


class Background(Generic[T]):
    """Calls `work` on each item, on `threads` threads (one: in order); at most `size` items wait.

    An exception of `work` is raised by the next `put`, or by `close`; the items after it are dropped.
    busy_s: seconds spent in `work` by all threads, known after `close`.
    """

    def __init__(self, work: Callable[[T], None], size: int, threads: int = 1) -> None:
        self._work = work
        self._queue: Queue[tuple[T] | None] = Queue(size)
        self._error: BaseException | None = None
        self.busy_s = 0.0
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._run, name="sightline-writer", daemon=True) for _ in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def put(self, item: T) -> None:
        """Queue an item; waits while the queue is full."""
        self._check()
        self._queue.put((item,))

    def close(self) -> None:
        """Wait until everything is done."""
        self._end()
        self._check()

    def cancel(self) -> None:
        """Drop what still waits, and end the thread; errors are not raised."""
        self._error = self._error or InterruptedError("cancelled")
        self._end()

    def _end(self) -> None:
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join()

    def _check(self) -> None:
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        busy_s = 0.0
        # After an error the queue is still emptied, so that nobody waits on a full one for ever.
        while (item := self._queue.get()) is not None:
            if self._error is None:
                began = time.perf_counter()
                try:
                    self._work(item[0])
                except BaseException as error:
                    self._error = error
                busy_s += time.perf_counter() - began
        with self._lock:
            self.busy_s += busy_s
