"""From sources to folders of results: the work behind `sightline predict` and `sightline label`."""

from __future__ import annotations

import hashlib
import os
import platform
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import av
import numpy as np
import torch

from sightline._version import __version__
from sightline.apps.fixations import SourceFixations, sha256_of_table
from sightline.apps.outcome import Outcome, failure
from sightline.errors import OutputError, SightlineError, UsageError
from sightline.models.base import Predictor
from sightline.results.folder import OutputFolder
from sightline.results.kinds import Kind
from sightline.results.writer import ResultWriter
from sightline.types import Prompt
from sightline.video import Ahead, Source, open_source

T = TypeVar("T")


@dataclass
class Run:
    """One call of `sightline predict` or `sightline label`: what all its sources share.

    Attributes
    ----------
    predictor
        The model.
    kinds
        What is written, of `results.outputs`.
    prompt
        What to attend to in the first frame of each source; fixations come with the source instead.
    limit
        The most frames of a source; None for all.
    overwrite
        Replace other results.
    begin
        Called before each source with its name and expected frames.
    step
        Called after each frame.
    stopped
        Asked after each frame; when it says True, what is done is finished properly and the run ends.
    """

    predictor: Predictor
    kinds: tuple[Kind, ...]
    prompt: Prompt = field(default_factory=Prompt)
    limit: int | None = None
    overwrite: bool = False
    begin: Callable[[str, int | None], None] = lambda name, frames: None
    step: Callable[[], None] = lambda: None
    stopped: Callable[[], bool] = lambda: False

    @property
    def outputs(self) -> list[str]:
        """The names of what is written."""
        return [kind.name for kind in self.kinds]

    def over(
        self, sources: Sequence[Path], out: Path, table_of: Callable[[Path], Path | None] = lambda source: None
    ) -> list[Outcome]:
        """Write the results of each source to out/<its name>. One that cannot be done stops none of the others.

        table_of: the table of fixations on a source; None where nobody watched it.
        """
        outcomes = []
        for source, folder in zip(sources, name_folders(sources, out), strict=True):
            try:
                outcomes.append(self.to_folder(source, folder, table_of(source)))
            except SightlineError as error:
                outcomes.append(failure(source, error))
            if self.stopped():
                break
        return outcomes

    def to_folder(self, path: Path, final: Path, table: Path | None = None) -> Outcome:
        """Write the results of one source to the folder `final`. Raises SightlineError; nothing is left then.

        table: of fixations on the source (gaze.read_fixations), for a model that takes them.
        """
        if final.resolve() == path.resolve():
            raise OutputError(f"{final}: the results would go into the source itself; choose another `out`")
        with open_source(path) as source:
            self._require_inside(path, source)
            folder = OutputFolder(final)
            identity = self.identity([path], str(path.resolve()), table)
            if folder.finished(identity, self.outputs, overwrite=self.overwrite):
                return Outcome(str(path), "skipped", str(final))
            seen = None
            if table is not None:
                times = self._times(source)
                if self.stopped():
                    return Outcome(str(path), "stopped")
                seen = SourceFixations.read(table, times, source.size)
            counts = [count for count in (source.frames_expected, self.limit) if count is not None]
            self.begin(source.stem, min(counts, default=None))
            partial = folder.begin()
            try:
                return self._write(source, folder, partial, identity, seen)
            except BaseException:
                folder.discard()
                raise

    def _require_inside(self, path: Path, source: Source) -> None:
        try:
            self.prompt.require_inside(source.size)
        except UsageError as error:
            raise UsageError(f"{path}: {error}") from None

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
        self,
        source: Source,
        folder: OutputFolder,
        partial: Path,
        identity: dict[str, Any],
        seen: SourceFixations | None,
    ) -> Outcome:
        began = time.perf_counter()
        decode, network = Clock(), Clock()
        prompt = self.prompt if seen is None else replace(self.prompt, fixations=seen.points)
        done, last_s, cut = 0, 0.0, False
        writer = ResultWriter(partial, source, self.kinds, folder.final)
        try:
            with Ahead(source, decode.time(islice(source, self.limit))) as clip:
                for frame in network.time(self.predictor.stream(clip, prompt)):
                    writer.write(frame)
                    done, last_s = done + 1, frame.time_s
                    self.step()
                    if cut := self.stopped():
                        break
            writer.close(whole=not cut and done != self.limit)
        except BaseException:
            writer.abort()
            raise
        seconds = time.perf_counter() - began
        folder.commit(
            identity
            | ({} if seen is None else {"fixations": seen.as_dict()})
            | {
                "kind": source.kind,
                "size": list(source.size),
                "fps": round(source.fps, 6),
                "frames": done,
                "last_frame_s": round(last_s, 6),
                "has_audio": source.has_audio,
                "outputs": self.outputs,
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
            notes=() if seen is None else seen.notes,
        )

    def identity(self, files: Sequence[Path], name: str, table: Path | None = None) -> dict[str, Any]:
        """What makes two runs over a source the same run: see folder.IDENTITY. files: of the source, or its folder."""
        size, modified = fingerprint(inner for file in files for inner in (file.iterdir() if file.is_dir() else [file]))
        return {
            "model": self.predictor.name,
            "weights_sha256": self.predictor.weights_sha256,
            "source": name,
            "source_bytes": size,
            "source_modified": modified,
            "limit": self.limit,
            "prompt": _told(self.prompt) | ({} if table is None else {"fixations_sha256": sha256_of_table(table)}),
        }


def _told(prompt: Prompt) -> dict[str, Any]:
    """A prompt as summary.json has it."""
    found: dict[str, Any] = {}
    if prompt.point is not None:
        found["point"] = list(prompt.point)
    if prompt.box is not None:
        found["box"] = list(prompt.box)
    if prompt.mask is not None:
        found["mask_sha256"] = hashlib.sha256(np.packbits(prompt.mask).tobytes()).hexdigest()
    return found


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


def name_folders(sources: Sequence[Path], out: Path) -> list[Path]:
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


def fingerprint(files: Iterable[Path]) -> tuple[int, str]:
    """(bytes, time of the last change) of files, together; those that are missing count nothing."""
    stats = [file.stat() for file in files if file.exists()]
    changed = datetime.fromtimestamp(max((stat.st_mtime for stat in stats), default=0), UTC)
    return sum(stat.st_size for stat in stats), changed.isoformat()
