"""Everything that is written about one source, while its frames still come."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from PIL import Image

from sightline.results.background import Background
from sightline.results.files import FrameFiles
from sightline.results.folder import output_errors
from sightline.results.frame import Frame
from sightline.results.overlay import Overlay
from sightline.video import Source, VideoWriter, queue_length

OUTPUTS = ("saliency", "masks", "hotspots", "overlay")


class ResultWriter:
    """Writes a source's frames into `folder`: maps and tables on one thread, the overlay on another.

    source: where the frames come from. outputs: a subset of OUTPUTS. place: what errors call the folder.
    Errors of either thread are raised, as OutputError, by the next `write` or by `close`.
    """

    def __init__(self, folder: Path, source: Source, outputs: frozenset[str], place: Path) -> None:
        self._folder, self._source, self._place = folder, source, place
        self._film: VideoWriter | None = None
        self._workers: list[Background[Frame]] = []
        with output_errors(place):
            self._files = FrameFiles(folder, outputs)
            if "overlay" in outputs and source.kind != "image":
                self._film = VideoWriter.like(folder / "overlay.mp4", source)
        length = queue_length(source.size)
        if outputs & {"saliency", "masks"}:
            # One thread keeps up with a network on a few cores; a fast accelerator comes with many.
            self._workers.append(Background(self._write_maps, length, min(4, max(1, (os.cpu_count() or 1) // 4))))
        if "overlay" in outputs:
            self._overlay = Overlay(source.size)
            self._workers.append(Background(self._write_overlay, length))

    @property
    def busy_s(self) -> float:
        """Seconds the threads spent writing, together."""
        return sum(worker.busy_s for worker in self._workers)

    def write(self, frame: Frame) -> None:
        """Hand a frame to the threads; waits while their queues are full."""
        with output_errors(self._place, frame.index):
            self._files.write_row(str(frame.index), frame)
        for worker in self._workers:
            worker.put(frame)

    def close(self, *, whole_sound: bool) -> None:
        """Finish all files. Without `whole_sound` the overlay's sound ends with its last picture."""
        for worker in self._workers:
            worker.close()
        with output_errors(self._place):
            self._files.close()
        if self._film is not None:
            self._film.close(whole_sound=whole_sound)

    def abort(self) -> None:
        """Stop the threads and drop the overlay; the folder is the caller's to remove."""
        for worker in self._workers:
            worker.cancel()
        with contextlib.suppress(OSError):  # a full disk refuses the table's last rows too
            self._files.close()
        if self._film is not None:
            self._film.abort()

    def _write_maps(self, frame: Frame) -> None:
        with output_errors(self._place, frame.index):
            self._files.write_maps(f"{frame.index:05d}", frame)

    def _write_overlay(self, frame: Frame) -> None:
        with output_errors(self._place, frame.index):
            image = self._overlay.draw(frame)
            if self._film is None:
                Image.fromarray(image).save(self._folder / "overlay.png")
            else:
                self._film.write(image, self._source.pts_of(frame.time_s))
