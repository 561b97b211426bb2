"""From sources to folders of results: the work behind `sightline predict`."""

from __future__ import annotations

import contextlib
import os
import platform
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import av
import numpy as np
import torch

from sightline import __version__
from sightline.errors import OutputError, SightlineError, UsageError
from sightline.results.folder import OutputFolder
from sightline.results.gaze import SourceGaze, sha256_of_table
from sightline.results.writer import OUTPUTS, ResultWriter
from sightline.video import Source, open_source, prefetch, queue_length

if TYPE_CHECKING:
    from sightline.models import Predictor

T = TypeVar("T")


@dataclass(frozen=True)
class Outcome:
    """What became of one source. notes: what a user should know of how it was done."""

    source: str
    status: Literal["done", "skipped", "stopped", "failed"]
    output: str | None = None
    frames: int = 0
    seconds: float = 0.0
    error: str | None = None
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass
class Run:
    """One call of `sightline predict` or `sightline label`: what all its sources share.

    outputs: what is written. point: (x, y) in pixels of the first frame, on the target, for a model that takes one.
    limit: the most frames of a source, None for all. overwrite: replace other results. begin: called before each source
    with its name and expected frames. step: called after each frame. stopped: asked after each frame; when it says
    True, what is done is finished properly and the run ends.
    """

    predictor: Predictor
    outputs: frozenset[str]
    point: tuple[float, float] | None = None
    limit: int | None = None
    overwrite: bool = False
    begin: Callable[[str, int | None], None] = lambda name, frames: None
    step: Callable[[], None] = lambda: None
    stopped: Callable[[], bool] = lambda: False

    def to_folder(self, path: Path, final: Path, gaze: Path | None = None) -> Outcome:
        """Write the results of one source to the folder `final`. Raises SightlineError; nothing is left then.

        gaze: a table of fixations on the source (gaze.read_fixations), for a model that takes gaze.
        """
        if final.resolve() == path.resolve():
            raise OutputError(f"{final}: the results would go into the source itself; choose another --out")
        with open_source(path) as source:
            self._check_point(source)
            folder = OutputFolder(final, final.parent / f".{final.name}.partial")
            identity = self.identity(path) | {"gaze_sha256": None if gaze is None else sha256_of_table(gaze)}
            if folder.finished(identity, self.outputs, overwrite=self.overwrite):
                return Outcome(str(path), "skipped", str(final))
            seen = None
            if gaze is not None:
                times = self._times(source)
                if self.stopped():
                    return Outcome(str(path), "stopped")
                seen = SourceGaze.read(gaze, times, source.size)
            counts = [count for count in (source.frames_expected, self.limit) if count is not None]
            self.begin(source.stem, min(counts, default=None))
            partial = folder.begin()
            try:
                return self._write(source, folder, partial, identity, seen)
            except BaseException:
                folder.discard()
                raise

    def _check_point(self, source: Source) -> None:
        if self.point is None:
            return
        (x, y), (height, width) = self.point, source.size
        if not (0 <= x < width and 0 <= y < height):
            raise UsageError(
                f"{source.path}: point {x:g},{y:g} is outside of the {width}x{height} frames; give pixels from the top "
                "left corner"
            )

    def _times(self, source: Source) -> list[float]:
        """When each frame is shown, which only decoding tells for sure."""
        self.begin(f"{source.stem}, times", source.frames_expected)
        times = []
        for frame in source:
            times.append(frame.time_s)
            self.step()
            if self.stopped():
                break
        return times

    def _write(
        self, source: Source, folder: OutputFolder, partial: Path, identity: dict[str, Any], gaze: SourceGaze | None
    ) -> Outcome:
        began = time.perf_counter()
        decode, network = Clock(), Clock()
        frames = prefetch(decode.time(islice(source, self.limit)), queue_length(source.size))
        given: dict[str, Any] = {} if gaze is None else {"gaze": gaze.points}
        if self.point is not None:
            given["point"] = self.point
        done, last_s, cut = 0, 0.0, False
        writer = ResultWriter(partial, source, self.outputs, folder.final)
        try:
            with contextlib.closing(frames):
                for frame in network.time(self.predictor.stream(frames, **given)):
                    writer.write(frame)
                    done, last_s = done + 1, frame.time_s
                    self.step()
                    if cut := self.stopped():
                        break
            writer.close(whole_sound=not cut and done != self.limit)
        except BaseException:
            writer.abort()
            raise
        seconds = time.perf_counter() - began
        folder.commit(
            identity
            | ({} if gaze is None else {"gaze": gaze.as_dict()})
            | {
                "kind": source.kind,
                "size": list(source.size),
                "fps": round(source.fps, 6),
                "frames": done,
                "last_frame_s": round(last_s, 6),
                "has_audio": source.has_audio,
                "outputs": outputs_in_order(self.outputs),
                "complete": not cut,
                "versions": versions(),
                "timings": {
                    "total_s": round(seconds, 3),
                    "frames_per_s": round(done / seconds, 2),
                    "decode_s": round(decode.seconds, 3),
                    "network_s": round(network.seconds, 3),
                    "write_s": round(writer.busy_s, 3),
                },
            }
        )
        return Outcome(
            str(source.path),
            "stopped" if cut else "done",
            str(folder.final),
            frames=done,
            seconds=round(seconds, 3),
            notes=() if gaze is None else gaze.notes,
        )

    def identity(self, path: Path) -> dict[str, Any]:
        """What makes two runs over a source the same run: see folder.IDENTITY."""
        size, modified = fingerprint(path.iterdir() if path.is_dir() else [path])
        return {
            "model": self.predictor.name,
            "weights_sha256": self.predictor.weights_sha256,
            "source": str(path.resolve()),
            "source_bytes": size,
            "source_modified": modified,
            "limit": self.limit,
            "point": None if self.point is None else list(self.point),
        }


class Clock:
    """Adds up the seconds that an iterator takes to give its items."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def time(self, items: Iterable[T]) -> Iterator[T]:
        iterator = iter(items)
        while True:
            began = time.perf_counter()
            try:
                item = next(iterator)
            except StopIteration:
                return
            finally:
                self.seconds += time.perf_counter() - began
            yield item


def choose_outputs(predictor: Predictor, wanted: Iterable[str] | None) -> frozenset[str]:
    """The outputs to write: `wanted`, or everything the model gives. Raises UsageError for what it cannot give."""
    gives = predictor.outputs | {"overlay"}
    if wanted is None:
        return gives
    chosen = frozenset(wanted)
    if not chosen or not chosen <= set(OUTPUTS):
        odd = ", ".join(sorted(chosen - set(OUTPUTS))) or "nothing"
        raise UsageError(f"--save {odd}: not something that can be saved; choose from {', '.join(OUTPUTS)}")
    if not chosen <= gives:
        lacking = ", ".join(sorted(chosen - gives))
        given = ", ".join(outputs_in_order(gives))
        raise UsageError(f"--save {lacking}: {predictor.name} does not give it; it gives {given}")
    return chosen


def name_folders(sources: list[Path], out: Path) -> list[Path]:
    """DIR/<stem> for each source; a stem that was taken before gets -2, -3, ..."""
    names: list[str] = []
    for source in sources:
        stem = source.resolve().name if os.path.isdir(source) else source.stem
        name, number = stem, 1
        while name in names:
            number += 1
            name = f"{stem}-{number}"
        names.append(name)
    return [out / name for name in names]


def versions() -> dict[str, str]:
    """The versions a result depends on."""
    return {
        "sightline": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "av": av.__version__,
    }


def outputs_in_order(outputs: frozenset[str]) -> list[str]:
    """The outputs in the order in which they are always named."""
    return [name for name in OUTPUTS if name in outputs]


def fingerprint(files: Iterable[Path]) -> tuple[int, str]:
    """(bytes, time of the last change) of files, together; those that are missing count nothing."""
    stats = [file.stat() for file in files if file.exists()]
    changed = datetime.fromtimestamp(max((stat.st_mtime for stat in stats), default=0), UTC)
    return sum(stat.st_size for stat in stats), changed.isoformat()


def failure(path: Path, error: SightlineError) -> Outcome:
    """The outcome of a source that could not be done."""
    return Outcome(str(path), "failed", error=str(error))
