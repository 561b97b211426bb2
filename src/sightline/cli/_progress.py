"""Progress on stderr, and Ctrl-C as a polite request."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
import time
from collections.abc import Iterator
from types import FrameType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

LINE_S = 10.0  # seconds between two lines of progress where there is no terminal


class Progress:
    """One bar a source, with its frames per second; where stderr is no terminal, a line now and then.

    unit: of what is counted.
    """

    def __init__(self, unit: str = "frames") -> None:
        self._unit = unit
        console = Console(stderr=True)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
        )
        self._bars = Bars(*columns, console=console, disable=not console.is_terminal, transient=True)
        self._task: TaskID | None = None
        self._lines = not console.is_terminal

    def begin(self, name: str, frames: int | None) -> None:
        """Show the bar of the next source, of about so many frames."""
        if self._task is not None:
            self._bars.remove_task(self._task)
        self._task = self._bars.add_task(name, total=frames, rate="")
        self._name, self._total, self._done = name, frames, 0
        self._began = self._told = time.monotonic()

    def step(self) -> None:
        """One frame is done."""
        if self._task is not None:
            speed = self._bars.tasks[-1].speed
            self._bars.update(self._task, advance=1, rate=f"{speed:.1f} {self._unit}/s" if speed else "")
            self._done += 1
            if self._lines and time.monotonic() - self._told > LINE_S:
                self._told = time.monotonic()
                of = "" if self._total is None else f" of {self._total}"
                rate = self._done / (self._told - self._began)
                print(
                    f"{self._name}: {self._done}{of} {self._unit}, {rate:.1f} {self._unit}/s",
                    file=sys.stderr,
                    flush=True,
                )

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()


@contextlib.contextmanager
def until_interrupted() -> Iterator[threading.Event]:
    """Within, the first Ctrl-C only sets the event, so that files are finished properly; the second one raises."""
    interrupted = threading.Event()

    def ask(number: int, frame: FrameType | None) -> None:
        if interrupted.is_set():
            raise KeyboardInterrupt
        interrupted.set()

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, before)
