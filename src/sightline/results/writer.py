"""Everything that is written about one source, while its frames still come."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from sightline.files import output_errors
from sightline.results.background import Background
from sightline.results.kinds import Kind, Sink
from sightline.types import Frame
from sightline.video import Source, queue_length

Item = tuple[Frame, str | None]


class ResultWriter:
    """Writes frames into `folder`: tables on the caller's thread, maps on some of their own, the overlay on another.

    kinds: what is written. source: where the frames come from; None for pictures that are not one source. place: what
    errors call the folder. before: how many frames are there from an interrupted run. Errors of any thread are raised,
    as OutputError, by the next `write` or by `close`.
    """

    def __init__(
        self, folder: Path, source: Source | None, kinds: Sequence[Kind], place: Path, before: int = 0
    ) -> None:
        self._place = place
        self._workers: list[Background[Item]] = []
        self._sinks: dict[str, list[Sink]] = {"rows": [], "files": [], "film": []}
        try:
            with output_errors(place):
                for kind in kinds:
                    self._sinks[kind.lane].append(kind.begin(folder, source, before))
        except BaseException:
            self.abort()
            raise
        length = 2 if source is None else queue_length(source.size)
        # One thread keeps up with a network on a few cores; a fast accelerator comes with many.
        threads = {"files": min(4, max(1, (os.cpu_count() or 1) // 4)), "film": 1}
        for lane, count in threads.items():
            if self._sinks[lane]:
                self._workers.append(Background(partial(self._item, lane), length, count))

    @property
    def busy_s(self) -> float:
        """Seconds the threads spent writing, together."""
        return sum(worker.busy_s for worker in self._workers)

    def write(self, frame: Frame, name: str | None = None) -> None:
        """Hand a frame to the threads; waits while their queues are full."""
        self._put("rows", frame, name)
        for worker in self._workers:
            worker.put((frame, name))

    def close(self, *, whole: bool) -> None:
        """Finish all files. whole: whether the source came to its end, and its sound goes on to it."""
        for worker in self._workers:
            worker.close()
        with output_errors(self._place):
            for sink in self._every():
                sink.close(whole=whole)

    def abort(self) -> None:
        """Stop the threads and let go of all files; the folder is the caller's to remove."""
        for worker in self._workers:
            worker.cancel()
        for sink in self._every():
            with contextlib.suppress(OSError):  # a full disk refuses the table's last rows too
                sink.abort()

    def _every(self) -> list[Sink]:
        return [sink for sinks in self._sinks.values() for sink in sinks]

    def _item(self, lane: str, item: Item) -> None:
        self._put(lane, *item)

    def _put(self, lane: str, frame: Frame, name: str | None) -> None:
        with output_errors(self._place, frame.index if name is None else None):
            for sink in self._sinks[lane]:
                sink.write(frame, name)
