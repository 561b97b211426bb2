"""The second pass: the source once more, and a film of each aspect out of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sightline.apps.reframe.picture import cut_out, draw_crop
from sightline.apps.reframe.plan import Fit
from sightline.apps.reframe.tables import PATH, Row, read_path
from sightline.results.background import Background
from sightline.video import Source, VideoWriter, prefetch, queue_length

FILM, PREVIEW = "reframed", "preview"


@dataclass(frozen=True)
class Made:
    """What the second pass did: frames, whether it was stopped, and what broke it."""

    frames: int
    cut: bool
    broken: Exception | None


@dataclass(frozen=True)
class Cut:
    """One film to make: the folder with its path.csv, and its size (height, width)."""

    folder: Path
    canvas: tuple[int, int]


def make_films(
    source: Source,
    cuts: list[Cut],
    fit: Fit,
    *,
    films: bool,
    previews: bool,
    whole: bool,
    step: Callable[[], None],
    stopped: Callable[[], bool],
) -> Made:
    """Write reframed.mp4 (.png of a picture), and preview, beside each path.csv.

    whole: whether the paths reach the source's end, and the sound goes on to it. step, stopped: as in `apps.predict`.
    """
    sinks = [sink for cut in cuts for sink in _sinks(source, cut, fit, films, previews)]
    workers = [Background(sink.write, queue_length(source.size)) for sink in sinks]
    rows = zip(*(read_path(cut.folder / PATH) for cut in cuts), strict=True)
    share = len(sinks) // len(cuts)
    done, cut, broken = 0, False, None  # type: int, bool, Exception | None
    try:
        with closing(prefetch(source, queue_length(source.size))) as frames:
            try:
                for frame, places in zip(frames, rows, strict=False):
                    for number, worker in enumerate(workers):
                        worker.put((frame.image, places[number // share], frame.pts))
                    done += 1
                    step()
                    if cut := stopped():
                        break
            except Exception as error:
                if not done:
                    raise
                broken = error
        for worker in workers:
            worker.close()
        for sink in sinks:
            sink.close(whole=whole and not cut and broken is None)
    except BaseException:
        for worker in workers:
            worker.cancel()
        for sink in sinks:
            sink.abort()
        raise
    return Made(done, cut, broken)


Item = tuple[NDArray[np.uint8], Row, int]


class _Sink:
    """A film, or a picture, that `draw` makes of an image and its row."""

    def __init__(
        self,
        path: Path,
        source: Source,
        size: tuple[int, int],
        draw: Callable[[NDArray[np.uint8], Row], NDArray[np.uint8]],
    ) -> None:
        self._path, self._draw = path, draw
        self._film = None
        if source.kind != "image":
            self._film = VideoWriter(
                path.with_suffix(".mp4"),
                size,
                source.fps,
                time_base=source.time_base,
                sound=source.sound_track,
                pixel_aspect=source.pixel_aspect,
                zero_s=source.zero_s,
                note=source.note,
            )

    def write(self, item: Item) -> None:
        image, row, pts = item
        drawn = self._draw(image, row)
        if self._film is None:
            Image.fromarray(drawn).save(self._path.with_suffix(".png"))
        else:
            self._film.write(drawn, pts)

    def close(self, *, whole: bool) -> None:
        if self._film is not None:
            self._film.close(whole_sound=whole)

    def abort(self) -> None:
        if self._film is not None:
            self._film.abort()


def _sinks(source: Source, cut: Cut, fit: Fit, films: bool, previews: bool) -> Iterator[_Sink]:
    if films:
        yield _Sink(cut.folder / FILM, source, cut.canvas, lambda image, row: cut_out(image, row, cut.canvas, fit))
    if previews:
        yield _Sink(cut.folder / PREVIEW, source, source.size, draw_crop)
