"""What a kind of output is: how it is called, what it writes, and how it is read back."""

from __future__ import annotations

import contextlib
import csv
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sightline.errors import DataError
from sightline.files import link
from sightline.results.png import write_labels, write_map
from sightline.types import Frame
from sightline.untrusted import PICTURE_ERRORS
from sightline.video import Source

Lane = Literal["rows", "files", "film"]
"""Who writes: rows, in order on the caller's thread; files, in any order on several; a film, in order on one."""


class Sink(ABC):
    """Takes the frames of one source."""

    @abstractmethod
    def write(self, frame: Frame, name: str | None = None) -> None:
        """Add a frame. name: of the picture, where pictures have nothing to do with one another."""

    def close(self, *, whole: bool = True) -> None:  # noqa: B027 - files of single frames have nothing to finish
        """Finish what was written. whole: whether the source came to its end."""

    def abort(self) -> None:  # noqa: B027
        """Let go of open files; the folder is the caller's to remove."""


class Kind(ABC):
    """A kind of output: a line in `sightline.results.outputs.OUTPUTS`.

    Attributes
    ----------
    name
        What `--save` and `Predictor.gives` call it.
    about
        What it is, in a few words.
    entries
        The files and folders that it may leave in a folder of results, the usual one first.
    lane
        Who writes it.
    on_request
        Whether it is written only where it is asked for by name.
    """

    name: str
    about: str
    entries: tuple[str, ...]
    lane: Lane
    on_request: bool = False

    def given_by(self, gives: frozenset[str]) -> bool:
        """Whether it can be made of what a model gives."""
        return self.name in gives

    @abstractmethod
    def begin(self, folder: Path, source: Source | None, before: int = 0) -> Sink:
        """Start writing. source: the video or picture; None for pictures that are not one.

        before: how many frames of it were taken over from an interrupted run; the folder is empty where there are none.
        """

    def done(self, earlier: Path, frames: Sequence[str]) -> int:
        """How many of the first of these frames, by name, a run that was interrupted has written in a folder."""
        return 0

    def take_over(self, earlier: Path, folder: Path, frames: Sequence[str]) -> None:  # noqa: B027 - see `done`
        """Bring what was written of these frames into an empty folder; what lies in `earlier` stays as it is."""

    def find(self, folder: Path) -> Path | None:
        """Where it lies in a folder of results; None where it is not there."""
        return next((folder / entry for entry in self.entries if (folder / entry).exists()), None)


class Pictures(Kind):
    """A PNG a frame, in a folder of its name."""

    lane: Lane = "files"

    def __init__(self, name: str, about: str) -> None:
        self.name, self.about, self.entries = name, about, (name,)

    @abstractmethod
    def save(self, path: Path, frame: Frame) -> None:
        """Write one frame's picture, where the frame has it."""

    @abstractmethod
    def read(self, path: Path) -> NDArray[Any]:
        """What `save` wrote. Raises DataError where it cannot be read."""

    def files(self, folder: Path) -> dict[str, Path]:
        """The pictures in a folder of results, by name; empty where there are none."""
        return {path.stem: path for path in sorted((folder / self.name).glob("*.png"))}

    def begin(self, folder: Path, source: Source | None, before: int = 0) -> Sink:
        """See `Kind.begin`."""
        (folder / self.name).mkdir(exist_ok=True)
        return _PictureSink(folder / self.name, self.save)

    def done(self, earlier: Path, frames: Sequence[str]) -> int:
        """See `Kind.done`."""
        return next((n for n, name in enumerate(frames) if not self._path(earlier, name).is_file()), len(frames))

    def take_over(self, earlier: Path, folder: Path, frames: Sequence[str]) -> None:
        """See `Kind.take_over`."""
        (folder / self.name).mkdir()
        for name in frames:
            link(self._path(earlier, name), self._path(folder, name))

    def _path(self, folder: Path, name: str) -> Path:
        return folder / self.name / f"{name}.png"


class _PictureSink(Sink):
    def __init__(self, folder: Path, save: Callable[[Path, Frame], None]) -> None:
        self._folder, self._save = folder, save

    def write(self, frame: Frame, name: str | None = None) -> None:
        path = self._folder / f"{name or f'{frame.index:05d}'}.png"
        # A killed run may leave a half-written picture of any age, as one of several threads may have stood still.
        part = path.with_name(f"{path.name}.part")
        self._save(part, frame)
        with contextlib.suppress(FileNotFoundError):  # the frame has none
            os.replace(part, path)


class Maps(Pictures):
    """16-bit grey, 0..65535 = 0..1, in the size of the source. values: takes them from a frame."""

    def __init__(self, name: str, about: str, values: Callable[[Frame], NDArray[np.float32] | None]) -> None:
        super().__init__(name, about)
        self._values = values

    def save(self, path: Path, frame: Frame) -> None:
        """See `Pictures.save`."""
        values = self._values(frame)
        if values is not None:
            write_map(path, values)

    def read(self, path: Path) -> NDArray[np.float32]:
        """(H, W) float32 in [0, 1]."""
        return (_open(path).astype(np.float32) / np.float32(65535)).astype(np.float32)


class Labels(Pictures):
    """8-bit palette, 0 = background, n = object n, in the colours of DAVIS; 16-bit grey for more than 255 objects."""

    def save(self, path: Path, frame: Frame) -> None:
        """See `Pictures.save`."""
        if frame.mask is not None:
            write_labels(path, frame.mask)

    def read(self, path: Path) -> NDArray[np.integer[Any]]:
        """(H, W) numbers of objects."""
        return _open(path)


def _open(path: Path) -> NDArray[Any]:
    try:
        with Image.open(path) as picture:
            return np.asarray(picture)
    except PICTURE_ERRORS as error:
        raise DataError(f"{path}: cannot be read as a picture ({error}); write it again") from None


class Table(Kind):
    """A CSV file: frame, time_s, then columns of its own.

    rows: the cells of a frame's rows after the first two, one each or none. name is `name`.csv without its ending.
    """

    lane: Lane = "rows"

    def __init__(
        self, name: str, about: str, columns: tuple[str, ...], rows: Callable[[Frame], Iterable[tuple[Any, ...]]]
    ) -> None:
        self.name, self.about, self.entries = name, about, (f"{name}.csv",)
        self.columns = ("frame", "time_s", *columns)
        self._rows = rows

    def begin(self, folder: Path, source: Source | None, before: int = 0) -> Sink:
        """See `Kind.begin`."""
        return _TableSink(folder / self.entries[0], self.columns, self._rows)

    def done(self, earlier: Path, frames: Sequence[str]) -> int:
        """See `Kind.done`."""
        return len(frames) if (earlier / self.entries[0]).is_file() else 0

    def take_over(self, earlier: Path, folder: Path, frames: Sequence[str]) -> None:
        """See `Kind.take_over`."""
        # Rows call frames of a video by their number, which 00010 is too.
        kept = {str(int(name)) if name.isdecimal() else name for name in frames}
        with (earlier / self.entries[0]).open(newline="", encoding="utf-8") as old:
            rows = list(csv.reader(old))
        with (folder / self.entries[0]).open("w", newline="", encoding="utf-8") as new:
            lines = csv.writer(new, lineterminator="\n")
            lines.writerow(self.columns)
            named = ((str(int(row[0])) if row[0].isdecimal() else row[0], row) for row in rows[1:] if row)
            lines.writerows(row for name, row in named if name in kept and len(row) == len(self.columns))

    def read(self, path: Path) -> list[dict[str, str]]:
        """The rows, by column. Raises DataError for other columns or a row with more or fewer cells."""
        try:
            with path.open(newline="", encoding="utf-8-sig") as stream:
                lines = csv.DictReader(stream, strict=True)
                missing = [name for name in self.columns if name not in (lines.fieldnames or ())]
                if missing:
                    raise DataError(f"{path}: no column {', '.join(missing)}; {', '.join(self.columns)} are expected")
                found = list(lines)
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise DataError(f"{path}: cannot be read as a table ({error}); write it again") from None
        for number, row in enumerate(found, start=2):
            if None in row or None in row.values():
                raise DataError(f"{path}: line {number} has not as many cells as the header; write it again")
        return found


class _TableSink(Sink):
    def __init__(
        self, path: Path, columns: tuple[str, ...], rows: Callable[[Frame], Iterable[tuple[Any, ...]]]
    ) -> None:
        self._rows = rows
        goes_on = path.exists()
        # A line at a time: a killed run leaves all rows that it wrote.
        self._file = path.open("a", newline="", encoding="utf-8", buffering=1)
        self._writer = csv.writer(self._file, lineterminator="\n")
        if not goes_on:
            self._writer.writerow(columns)

    def write(self, frame: Frame, name: str | None = None) -> None:
        for cells in self._rows(frame):
            self._writer.writerow((name or frame.index, f"{frame.time_s:.6f}", *map(_cell, cells)))

    def close(self, *, whole: bool = True) -> None:
        self._file.close()

    def abort(self) -> None:
        self._file.close()


def _cell(value: object) -> object:
    """None is an empty cell, a yes or no is 1 or 0; numbers are rounded where they are made."""
    return "" if value is None else int(value) if isinstance(value, bool | np.bool_) else value


def frames_in_order(names: Iterable[str]) -> Iterator[str]:
    """Names of frames, those that are numbers by their value."""
    yield from sorted(names, key=lambda name: (0, int(name), name) if name.isdecimal() else (1, 0, name))
