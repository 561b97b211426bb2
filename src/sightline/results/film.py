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
    """NAME.mp4 of a video, NAME.png of a picture, a folder of pictures that are not one source.

    sound: with what is heard and whether it counts, in words.
    """

    lane: Lane = "film"

    def __init__(self, name: str, about: str, sound: bool = False) -> None:
        self.name, self.about, self.sound = name, about, sound
        self.on_request = sound
        self.entries = (f"{name}.mp4", f"{name}.png", name)

    def given_by(self, gives: frozenset[str]) -> bool:
        """Of any model, or of one that hears."""
        return not self.sound or "sound" in gives

    def part(self, before: int) -> str:
        """The file's name while it is written, by the number of frames before."""
        return f"{self.name}.from-{before:06d}.mp4"

    def parts(self, folder: Path) -> dict[int, Path]:
        """The film of an interrupted run, by the number of frames before each part."""
        found = {int(path.stem.rpartition("-")[2]): path for path in sorted(folder.glob(f"{self.name}.from-*.mp4"))}
        whole = folder / self.entries[0]
        return found or ({0: whole} if whole.is_file() else {})

    def begin(self, folder: Path, source: Source | None, before: int = 0) -> Sink:
        """See `Kind.begin`."""
        if source is None:
            (folder / self.name).mkdir()
            return _Drawings(folder / self.name, self.sound)
        if source.kind == "image":
            return _Drawing(folder / self.entries[1], Overlay(source.size, self.sound))
        return _FilmSink(self, folder, source, before)

    def done(self, earlier: Path, frames: Sequence[str]) -> int:
        """See `Kind.done`."""
        parts = self.parts(earlier)
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
        for start, part in self.parts(earlier).items():
            if start < len(frames):
                link(part, folder / self.part(start))


class _FilmSink(Sink):
    """Writes a part, so that a killed run leaves what it did; all parts are joined in the end."""

    def __init__(self, kind: Film, folder: Path, source: Source, before: int) -> None:
        self._kind, self._source, self._folder = kind, source, folder
        self._overlay = Overlay(source.size, kind.sound)
        self._part = folder / kind.part(before)
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
        parts = self._kind.parts(self._folder)
        join_films(parts, self._folder / self._kind.entries[0], self._source, whole_sound=whole)
        for part in parts.values():
            part.unlink()

    def abort(self) -> None:
        self._film.abort()


class _Drawing(Sink):
    def __init__(self, path: Path, overlay: Overlay) -> None:
        self._path, self._overlay = path, overlay

    def write(self, frame: Frame, name: str | None = None) -> None:
        Image.fromarray(self._overlay.draw(frame)).save(self._path)


class _Drawings(Sink):
    def __init__(self, folder: Path, sound: bool) -> None:
        self._folder, self._sound = folder, sound

    def write(self, frame: Frame, name: str | None = None) -> None:
        height, width = frame.image.shape[:2]
        drawn = Overlay((height, width), self._sound).draw(frame)
        Image.fromarray(drawn).save(self._folder / f"{name or f'{frame.index:05d}'}.png", compress_level=1)
