"""The overlay as a file: a film with the source's sound, or a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import av
from PIL import Image

from sightline.files import link
from sightline.results.kinds import Kind, Lane, Sink
from sightline.results.overlay import Overlay
from sightline.types import Frame
from sightline.video import Source, VideoWriter, join_films


class Film(Kind):
    """overlay.mp4 of a video, overlay.png of a picture, a folder of pictures that are not one source."""

    name = "overlay"
    about = "the results drawn on the source"
    entries = ("overlay.mp4", "overlay.png", "overlay")
    PART = "overlay.from-{:06d}.mp4"  # while it is written: the number of frames before
    lane: Lane = "film"

    def given_by(self, gives: frozenset[str]) -> bool:
        """Of any model."""
        return True

    def begin(self, folder: Path, source: Source | None, before: int = 0) -> Sink:
        """See `Kind.begin`."""
        if source is None:
            (folder / "overlay").mkdir()
            return _Drawings(folder / "overlay")
        if source.kind == "image":
            return _Drawing(folder / "overlay.png", source.size)
        return _FilmSink(folder, source, before)

    def done(self, earlier: Path, frames: Sequence[str]) -> int:
        """See `Kind.done`."""
        parts = _parts(earlier)
        if not parts:
            return 0
        last = max(parts)
        try:
            with av.open(f"file:{parts[last]}") as film:
                return last + sum(packet.size > 0 for packet in film.demux(video=0))
        except av.FFmpegError:  # killed before its first second was written
            return last

    def take_over(self, earlier: Path, folder: Path, frames: Sequence[str]) -> None:
        """See `Kind.take_over`."""
        for start, part in _parts(earlier).items():
            if start < len(frames):
                link(part, folder / self.PART.format(start))


def _parts(folder: Path) -> dict[int, Path]:
    """The film of an interrupted run, by the number of frames before each part."""
    parts = {int(path.stem.rpartition("-")[2]): path for path in sorted(folder.glob("overlay.from-*.mp4"))}
    if not parts and (folder / "overlay.mp4").is_file():
        parts[0] = folder / "overlay.mp4"
    return parts


class _FilmSink(Sink):
    """Writes a part, so that a killed run leaves what it did; all parts are joined in the end."""

    def __init__(self, folder: Path, source: Source, before: int) -> None:
        self._overlay, self._source, self._folder = Overlay(source.size), source, folder
        self._part = folder / Film.PART.format(before)
        self._film = VideoWriter.like(self._part, source, fragmented=True)
        self._is_empty = True

    def write(self, frame: Frame, name: str | None = None) -> None:
        self._film.write(self._overlay.draw(frame), self._source.pts_of(frame.time_s))
        self._is_empty = False

    def close(self, *, whole: bool = True) -> None:
        """Without `whole` the sound ends with the last picture."""
        if self._is_empty:  # all was done before
            self._film.abort()
            self._part.unlink()
        else:
            self._film.close()
        parts = _parts(self._folder)
        join_films(parts, self._folder / "overlay.mp4", self._source, whole_sound=whole)
        for part in parts.values():
            part.unlink()

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
