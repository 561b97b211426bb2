"""From sources to folders of results: the work behind `sightline predict` and `sightline label`."""

from __future__ import annotations

import hashlib
import platform
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
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
from sightline.apps.outcome import Outcome, cause_of
from sightline.apps.sources import Given, fingerprint, over_each
from sightline.data.head_tables import HeadTable
from sightline.errors import OutputError, SourceError, UsageError
from sightline.models.base import Predictor
from sightline.nn.engine import engine_notes
from sightline.results.folder import OutputFolder
from sightline.results.kinds import Kind
from sightline.results.outputs import MASKS
from sightline.results.resume import WARM_UP, Earlier, FrameLog
from sightline.results.writer import ResultWriter
from sightline.types import Cue, Prompt, VideoFrame
from sightline.video import Ahead, Selection, Source, open_source
from sightline.video.source import DEFAULT_FPS

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
    heads
        The heads of the people in the sources; None where the prompt has them, or the model finds them.
    limit
        The most frames of a source; None for all.
    start_s, end_s, every
        Which part of each source: see `video.Selection`.
    fps
        Frames a second of sources without times of their own.
    two_pass
        Read each source once before, of a model that can make use of it.
    overwrite
        Replace other results.
    known
        What summary.json says of the source in place of its path and time; with `source_sha256`, results are told by
        the content of their source.
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
    heads: HeadTable | None = None
    limit: int | None = None
    start_s: float = 0.0
    end_s: float | None = None
    every: int = 1
    fps: float = DEFAULT_FPS
    two_pass: bool = False
    overwrite: bool = False
    known: Mapping[str, Any] = field(default_factory=dict)
    begin: Callable[[str, int | None], None] = lambda name, frames: None
    step: Callable[[], None] = lambda: None
    stopped: Callable[[], bool] = lambda: False

    @property
    def outputs(self) -> list[str]:
        """The names of what is written."""
        return [kind.name for kind in self.kinds]

    def prompt_for(self, given: Given) -> Prompt:
        """What to attend to in a source, with its heads. Raises DataError where the table has none of it."""
        return self.prompt if self.heads is None else replace(self.prompt, heads=self.heads.of(given))

    def over(
        self,
        sources: Sequence[Given],
        out: Path,
        table_of: Callable[[Given], Path | None] = lambda source: None,
        predictor_of: Callable[[Given], Predictor] | None = None,
    ) -> list[Outcome]:
        """Write the results of each source to out/<its name>. One that cannot be done stops none of the others.

        table_of: the table of fixations on a source; None where nobody watched it. predictor_of: the model for a
        source, where they differ.
        """

        def work(source: Given, folder: Path) -> Outcome:
            run = self if predictor_of is None else replace(self, predictor=predictor_of(source))
            return run.to_folder(source, folder, table_of(source))

        return over_each(sources, out, work, self.stopped)

    def to_folder(self, given: Given, final: Path, table: Path | None = None) -> Outcome:
        """Write the results of one source to the folder `final`.

        Where an error comes after some frames were done, they stay, and the outcome is a failure with an output; before
        that it is raised, and nothing is left.

        table: of fixations on the source (gaze.read_fixations), for a model that takes them.
        """
        if isinstance(given, Path) and final.resolve() == given.resolve():
            raise OutputError(f"{final}: the results would go into the source itself; choose another `out`")
        with self._open(given) as source:
            prompt = self.prompt_for(given)
            require_inside(prompt, given, source)
            folder = OutputFolder(final)
            identity = {**self._identity_of(source, given, table), **self.known}
            if folder.finished(identity, self.outputs, overwrite=self.overwrite):
                return Outcome(str(given), "skipped", str(final))
            seen = None
            if table is not None:
                numbers, times = self._times(source)
                if self.stopped():
                    return Outcome(str(given), "stopped")
                seen = SourceFixations.read(table, times, source.size).of_frames(numbers)
            if self.two_pass:
                self.predictor.require_first_pass(source)
                self._first_pass(source)
                if self.stopped():
                    return Outcome(str(given), "stopped")
            partial, earlier = folder.begin(identity, self.kinds, versions(), anew=self.overwrite or source.once)
            kept = 0 if earlier is None else len(earlier.frames)
            counts = [count - kept for count in (source.frames_expected, self.limit) if count is not None]
            self.begin(source.stem, min(counts, default=None))
            try:
                return self._write(source, prompt, folder, partial, identity, seen, earlier)
            except BaseException:
                folder.discard()
                raise

    def _open(self, given: Given) -> Source:
        source = open_source(given, fps=self.fps)
        if self.start_s == 0 and self.end_s is None and self.every == 1:
            return source
        return Selection(source, self.start_s, self.end_s, self.every)

    def _times(self, source: Source) -> tuple[list[int], list[float]]:
        """(numbers, times) of the frames, which only decoding tells for sure."""
        self.begin(f"{source.stem}, times", source.frames_expected)
        numbers, times = [], []
        for frame in source:
            numbers.append(frame.index)
            times.append(frame.time_s)
            self.step()
            if self.stopped():
                break
        return numbers, times

    def _first_pass(self, source: Source) -> None:
        """Show the model the source once before. Of a damaged one, what comes before the damage."""
        self.begin(f"{source.stem}, first pass", source.frames_expected)

        def frames() -> Iterator[VideoFrame]:
            with suppress(SourceError):  # the second pass says what is wrong
                for frame in islice(source, self.limit):
                    yield frame
                    self.step()
                    if self.stopped():
                        return

        with Ahead(source, frames()) as clip:
            self.predictor.look_ahead(clip)

    def _write(
        self,
        source: Source,
        prompt: Prompt,
        folder: OutputFolder,
        partial: Path,
        identity: dict[str, Any],
        seen: SourceFixations | None,
        earlier: Earlier | None,
    ) -> Outcome:
        began = time.perf_counter()
        decode, network = Clock(), Clock()
        if seen is not None:
            prompt = replace(prompt, fixations=seen.points)
        kept = () if earlier is None else earlier.frames
        done, last_s, cut = len(kept), kept[-1].time_s if kept else 0.0, False
        first = done
        if earlier is not None:
            source.note(f"goes on after frame {kept[-1].index}, where an earlier run stopped; the model starts anew")
            prompt, first = self._going_on(prompt, earlier, partial, source.fps)
        broken: Exception | None = None
        writer = ResultWriter(partial, source, self.kinds, folder.final, before=done)
        log = FrameLog(partial)
        try:
            try:
                with Ahead(source, decode.time(islice(source, first, self.limit))) as clip:
                    for frame in islice(network.time(self.predictor.stream(clip, prompt)), done - first, None):
                        name = source.frame_name(frame.index)
                        writer.write(frame, name if source.kind == "frames" else None)
                        log.add(frame, name)
                        done, last_s = done + 1, frame.time_s
                        self.step()
                        if cut := self.stopped():
                            break
            except Exception as error:
                if done == len(kept) or isinstance(error, OutputError):
                    raise
                broken = error
            log.close()
            writer.close(whole=not cut and broken is None and done != self.limit and self.end_s is None)
        except BaseException:
            log.close()
            writer.abort()
            raise
        said = (f"{source.name}: {note}" for note in self.predictor.notes)
        notes = (*source.notes, *(() if seen is None else seen.notes), *said)
        error_line = None if broken is None else cause_of(source.name, broken)
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
                "complete": not cut and broken is None,
                "notes": [*notes, *engine_notes()],
                "error": error_line,
                "versions": versions(),
                "timings": {
                    "total_s": round(seconds, 3),
                    "frames_per_s": round((done - len(kept)) / seconds, 2),
                    "decode_s": round(decode.seconds, 3),
                    "network_s": round(network.seconds, 3),
                    "write_s": round(writer.busy_s, 3),
                },
            }
        )
        return Outcome(
            source.name,
            "stopped" if cut else "done" if broken is None else "failed",
            str(folder.final),
            frames=done,
            seconds=round(seconds, 3),
            error=error_line,
            notes=notes,
        )

    def _going_on(self, prompt: Prompt, earlier: Earlier, partial: Path, fps: float) -> tuple[Prompt, int]:
        """(prompt, number of the first frame) for a model that goes on where an earlier run stopped.

        It begins some frames before, whose results are there already: to come to the choice of a target as it did in
        the earlier run, or with the targets in it, where the model takes masks. Where one that was pointed out is not
        in view, it begins at the start.
        """
        count, last = len(earlier.frames), earlier.frames[-1]
        throughout = Prompt(fixations=prompt.fixations, heads=prompt.heads)
        folder = MASKS.find(partial)
        found = MASKS.read(folder / f"{last.name}.png") if "mask" in self.predictor.takes and folder else None
        if prompt.targets:
            half_s = 0.5 / fps
            later = [cue for cues in prompt.targets.values() for cue in cues if cue.at_s > last.time_s + half_s]
            begun = [number for number, cues in prompt.targets.items() if cues[0].at_s <= last.time_s + half_s]
            if found is None or not all((found == number).any() for number in begun):
                return prompt, 0
            return Prompt(objects=[*(Cue(mask=found == number, number=number) for number in begun), *later]), count - 1
        if earlier.fresh:
            return throughout, max(0, count - WARM_UP)
        if found is not None and not throughout.kinds and (found == 1).any():
            return Prompt(mask=found == 1), count - 1
        return throughout, max(0, count - WARM_UP)

    def _identity_of(self, source: Source, given: Given, table: Path | None) -> dict[str, Any]:
        if isinstance(given, Path) and not source.once:
            return self.identity([given], str(given.resolve()), table)
        found = self.identity([], str(given), table)
        return found | {"source_modified": datetime.now(UTC).isoformat()} if source.once else found

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
            "part": {"start_s": self.start_s, "end_s": self.end_s, "every": self.every, "fps": self.fps}
            | ({"two_pass": True} if self.two_pass else {}),
            "prompt": prompt_told(self.prompt)
            | ({} if self.heads is None else {"heads_sha256": self.heads.sha256})
            | ({} if table is None else {"fixations_sha256": sha256_of_table(table)}),
        }


def given_by(predictor: Predictor, prompt: Prompt) -> frozenset[str]:
    """What a model gives with a prompt: of several objects their boxes and hotspots too."""
    several = len(prompt.targets) > 1
    return predictor.gives | ({"objects", "tracks"} if several else set())


def prompt_told(prompt: Prompt) -> dict[str, Any]:
    """A prompt as summary.json has it: heads of every frame in full, those by frame by their number and a checksum."""
    if isinstance(prompt.heads, Mapping):
        whole = hashlib.sha256()
        for frame, boxes in sorted(prompt.heads.items()):
            whole.update(f"{frame} {len(boxes)} ".encode() + np.asarray(boxes, "<f8").tobytes())
        count = sum(len(boxes) for boxes in prompt.heads.values())
        return {"heads": {"frames": len(prompt.heads), "heads": count, "sha256": whole.hexdigest()}}
    if prompt.heads is not None:
        return {"heads": np.asarray(prompt.heads).tolist()}
    told = [_told(cue) for cues in prompt.targets.values() for cue in cues]
    if len(told) == 1:
        del told[0]["number"]
        return told[0]
    return {"objects": told} if told else {}


def _told(cue: Cue) -> dict[str, Any]:
    found: dict[str, Any] = {"number": cue.number}
    for name, points in (("point", cue.points), ("not_point", cue.not_points)):
        if points:
            found[name] = list(points[0]) if len(points) == 1 else [list(point) for point in points]
    if cue.box is not None:
        found["box"] = list(cue.box)
    if cue.mask is not None:
        found["mask_sha256"] = hashlib.sha256(np.packbits(cue.mask).tobytes()).hexdigest()
    return found | ({"at_s": cue.at_s} if cue.at_s else {})


def require_inside(prompt: Prompt, given: Given, source: Source) -> None:
    """Raise UsageError that names the source where a prompt does not fit its pictures or its length."""
    try:
        prompt.require_inside(source.size, source.end_s)
    except UsageError as error:
        raise UsageError(f"{given}: {error}") from None


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


def versions() -> dict[str, str]:
    """The versions a result depends on."""
    return {
        "sightline": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "av": av.__version__,
    }
