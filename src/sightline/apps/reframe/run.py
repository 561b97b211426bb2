"""From sources to folders of crop paths and films: the work behind `sightline reframe`."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sightline.apps.outcome import Outcome, cause_of
from sightline.apps.predict import prompt_told, versions
from sightline.apps.reframe.config import ReframeConfig
from sightline.apps.reframe.crop import Aspect, crop_size
from sightline.apps.reframe.films import FILM, PREVIEW, Cut, Made, make_films
from sightline.apps.reframe.plan import Fit, Planner
from sightline.apps.reframe.tables import COMMANDS, EDL, PATH, PathWriter, ffmpeg_command, told, write_edl
from sightline.apps.reframe.watch import watch
from sightline.apps.reframe.windows import plan_all
from sightline.apps.sources import Given, fingerprint, over_each
from sightline.errors import OutputError, SourceError, UsageError
from sightline.files import WholeFolder, output_errors
from sightline.models.base import Predictor
from sightline.nn.engine import engine_notes
from sightline.types import Prompt
from sightline.untrusted import parse_json
from sightline.video import Ahead, Selection, Source, open_source
from sightline.video.source import DEFAULT_FPS

SUMMARY = "reframe.json"
ENTRIES = (PATH, COMMANDS, EDL, *(f"{name}.{suffix}" for name in (FILM, PREVIEW) for suffix in ("mp4", "png")))
"""What the folder of one aspect may hold."""


@dataclass
class Reframe:
    """One call of `sightline reframe`: what all its sources share.

    Attributes
    ----------
    predictor
        The model that says what is worth keeping.
    aspects
        Of the films; the model looks once for all of them.
    config
        How a path is found.
    fit, zoom, cuts
        See `plan.Planner`.
    films, preview
        Whether to write the films, and the source with the crop drawn on it.
    prompt
        What to keep in view, of the first frame of each source.
    start_s, end_s, fps, overwrite, begin, step, stopped
        As in `apps.predict.Run`.
    """

    predictor: Predictor
    aspects: tuple[Aspect, ...]
    config: ReframeConfig = field(default_factory=ReframeConfig)
    fit: Fit = "crop"
    zoom: float = 1.0
    cuts: bool = True
    films: bool = True
    preview: bool = False
    prompt: Prompt = field(default_factory=Prompt)
    start_s: float = 0.0
    end_s: float | None = None
    fps: float = DEFAULT_FPS
    overwrite: bool = False
    begin: Callable[[str, int | None], None] = lambda name, frames: None
    step: Callable[[], None] = lambda: None
    stopped: Callable[[], bool] = lambda: False

    def __post_init__(self) -> None:
        names = [aspect.name for aspect in self.aspects]
        if not names or len(set(names)) < len(names):
            raise UsageError(f"`aspect` {', '.join(names) or 'none'}: give one, or several that differ")
        if not 1 <= self.zoom <= 8:
            raise UsageError(f"`zoom` {self.zoom:g}: from 1, the largest crop there is, to 8")

    def over(self, sources: Sequence[Given], out: Path) -> list[Outcome]:
        """Reframe each source into out/<its name>. One that cannot be done stops none of the others."""
        return over_each(sources, out, self.to_folder, self.stopped)

    def to_folder(self, given: Given, final: Path) -> Outcome:
        """Reframe one source into the folder `final`.

        Where an error comes after some frames were looked at, those are written and the outcome is a failure with an
        output; before that it is raised, and nothing is left.
        """
        with self._open(given) as source:
            if source.once and (self.films or self.preview):
                raise SourceError(
                    f"{given}: can be read only once, and a film needs a second time; give a file, or `path_only`"
                )
            try:
                self.prompt.require_inside(source.size)
                canvases = [crop_size(source.size, aspect.ratio, source.pixel_aspect) for aspect in self.aspects]
            except UsageError as error:
                raise UsageError(f"{given}: {error}") from None
            identity = self._identity(given, source)
            old = self._old(final, identity)
            if old.get("complete"):
                return Outcome(str(given), "skipped", str(final))
            names = [aspect["folder"] for aspect in old.get("aspects", ()) if aspect.get("folder")]
            with WholeFolder(final, SUMMARY, (*ENTRIES, *names)) as partial:
                return self._write(source, final, partial, identity, canvases)

    def _open(self, given: Given) -> Source:
        source = open_source(given, fps=self.fps)
        return source if self.start_s == 0 and self.end_s is None else Selection(source, self.start_s, self.end_s)

    def _write(
        self,
        source: Source,
        final: Path,
        partial: Path,
        identity: dict[str, Any],
        canvases: list[tuple[int, int]],
    ) -> Outcome:
        began = time.perf_counter()
        folders = [partial / name for name in self._folders()]
        cuts = [Cut(folder, canvas) for folder, canvas in zip(folders, canvases, strict=True)]
        writers, stopped, broken = self._find_paths(source, cuts)
        looked_s = time.perf_counter() - began
        done = Made(writers[0].frames, False, None)
        if (self.films or self.preview) and not stopped:
            self.begin(f"{source.stem}, film", done.frames)
            done = make_films(
                source,
                cuts,
                self.fit,
                films=self.films,
                previews=self.preview,
                whole=broken is None and self.end_s is None,
                step=self.step,
                stopped=self.stopped,
            )
        broken = broken or done.broken
        error = None if broken is None else cause_of(source.name, broken)
        aspects = []
        for aspect, name, cut, writer in zip(self.aspects, self._folders(), cuts, writers, strict=True):
            title = f"{source.stem} {aspect.name}"
            write_edl(cut.folder / EDL, title, Path(source.name).name, source.fps, writer.segments)
            assert writer.first is not None
            command = ffmpeg_command(source.name, cut.canvas, writer.first, self.fit, source.pixel_aspect)
            aspects.append(
                {
                    "aspect": aspect.name.replace("x", ":"),
                    "folder": name,
                    "width": cut.canvas[1],
                    "height": cut.canvas[0],
                    "ffmpeg": command,
                    "segments": told(writer.segments),
                }
            )
        seconds = time.perf_counter() - began
        summary = identity | {
            "kind": source.kind,
            "size": list(source.size),
            "fps": round(source.fps, 6),
            "frames": done.frames,
            "aspects": aspects,
            "complete": not stopped and not done.cut and error is None,
            "notes": [*source.notes, *engine_notes()],
            "error": error,
            "versions": versions(),
            "timings": {"total_s": round(seconds, 3), "look_s": round(looked_s, 3)},
        }
        (partial / SUMMARY).write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
        return Outcome(
            source.name,
            "stopped" if stopped or done.cut else "done" if error is None else "failed",
            str(final),
            frames=done.frames,
            seconds=round(seconds, 3),
            error=error,
            notes=tuple(source.notes),
        )

    def _find_paths(self, source: Source, cuts: list[Cut]) -> tuple[list[PathWriter], bool, Exception | None]:
        """The first pass: (the paths, written; whether it was stopped; what broke it after some frames)."""
        every = max(1, int(source.fps / self.config.looks_hz))
        planners = [Planner(source.size, cut.canvas, self.config, self.fit, self.zoom, cuts=self.cuts) for cut in cuts]
        for cut in cuts:
            cut.folder.mkdir(exist_ok=True)
        writers = [PathWriter(cut.folder) for cut in cuts]
        self.begin(source.stem, source.frames_expected)
        looked = _Looked()
        try:
            with Ahead(source) as clip, closing(watch(clip, self.predictor, self.config, self.prompt, every)) as seen:
                for plans in plan_all(looked.until(seen, self.step, self.stopped), planners):
                    for writer, planned in zip(writers, plans, strict=True):
                        writer.add(planned)
        finally:
            for writer in writers:
                writer.close()
        if writers[0].frames == 0:
            raise looked.broken or SourceError(f"{source.name}: {self.predictor.name} gives no result for any frame")
        return writers, looked.cut, looked.broken

    def _folders(self) -> list[str]:
        """A folder for each aspect below the source's; one alone needs none."""
        return [""] if len(self.aspects) == 1 else [aspect.name for aspect in self.aspects]

    def _identity(self, given: Given, source: Source) -> dict[str, Any]:
        """What makes two runs the same run."""
        files = [given] if isinstance(given, Path) and not source.once else []
        size, modified = fingerprint(inner for file in files for inner in (file.iterdir() if file.is_dir() else [file]))
        if source.once:
            modified = datetime.now(UTC).isoformat()
        return {
            "model": self.predictor.name,
            "weights_sha256": self.predictor.weights_sha256,
            "source": str(given.resolve()) if files and isinstance(given, Path) else str(given),
            "source_bytes": size,
            "source_modified": modified,
            "settings": {
                "aspects": [aspect.name for aspect in self.aspects],
                "fit": self.fit,
                "zoom": self.zoom,
                "cuts": self.cuts,
                "films": self.films,
                "preview": self.preview,
                "start_s": self.start_s,
                "end_s": self.end_s,
                "fps": self.fps,
                "prompt": prompt_told(self.prompt),
                "config": self.config.model_dump(mode="json"),
            },
        }

    def _old(self, final: Path, identity: dict[str, Any]) -> dict[str, Any]:
        """The summary of an earlier run in the folder; empty where there is none.

        Raises OutputError where results of another run are in the way and `overwrite` is not given.
        """
        with output_errors(final):
            there = [name for name in (*ENTRIES, SUMMARY) if (final / name).exists()]
            try:
                old = parse_json((final / SUMMARY).read_text(encoding="utf-8"))
            except (FileNotFoundError, NotADirectoryError, ValueError):
                old = {}
        old = old if isinstance(old, dict) else {}
        if self.overwrite:
            return old | {"complete": False}
        if there and any(old.get(key) != value for key, value in identity.items()):
            of = f"of another run ({old['model']} on {old['source']})" if "model" in old else f"({', '.join(there)})"
            raise OutputError(f"{final}: holds results {of}; choose another `out` or pass `overwrite`")
        return old


class _Looked:
    """Passes items on until the run is stopped or breaks; what came before is kept."""

    def __init__(self) -> None:
        self.cut = False
        self.broken: Exception | None = None

    def until(self, items: Any, step: Callable[[], None], stopped: Callable[[], bool]) -> Any:
        try:
            for item in items:
                yield item
                step()
                if stopped():
                    self.cut = True
                    return
        except Exception as error:
            self.broken = error
