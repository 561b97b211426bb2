"""The overlay as a file: a film with the source's sound, or a picture."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from sightline.results.kinds import Kind, Lane, Sink
from sightline.results.overlay import Overlay
from sightline.types import Frame
from sightline.video import Source, VideoWriter


class Film(Kind):
    """overlay.mp4 of a video, overlay.png of a picture, a folder of pictures that are not one source."""

    name = "overlay"
    about = "the results drawn on the source"
    entries = ("overlay.mp4", "overlay.png", "overlay")
    lane: Lane = "film"

    def given_by(self, gives: frozenset[str]) -> bool:
        """Of any model."""
        return True

    def begin(self, folder: Path, source: Source | None) -> Sink:
        """See `Kind.begin`."""
        if source is None:
            (folder / "overlay").mkdir()
            return _Drawings(folder / "overlay")
        if source.kind == "image":
            return _Drawing(folder / "overlay.png", source.size)
        return _FilmSink(folder / "overlay.mp4", source)


class _FilmSink(Sink):
    def __init__(self, path: Path, source: Source) -> None:
        self._overlay, self._source = Overlay(source.size), source
        self._film = VideoWriter.like(path, source)

    def write(self, frame: Frame, name: str | None = None) -> None:
        self._film.write(self._overlay.draw(frame), self._source.pts_of(frame.time_s))

    def close(self, *, whole: bool = True) -> None:
        """Without `whole` the sound ends with the last picture."""
        self._film.close(whole_sound=whole)

    def abort(self) -> None:
        self._film.abort()


class _Drawing(Sink):
    def __init__(self, path: Path, size: tuple[int, int]) -> None:
        self._path, self._overlay = path, Overlay(size)

    def write(self, frame: Frame, name: str | None = None) -> None:
        Image.fromarray(self._overlay.draw(frame)).save(self._path)


class _Drawings(Sink):
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, frame: Frame, name: str | None = None) -> None:
        height, width = frame.image.shape[:2]
        drawn = Overlay((height, width)).draw(frame)
        Image.fromarray(drawn).save(self._folder / f"{name or f'{frame.index:05d}'}.png", compress_level=1)
