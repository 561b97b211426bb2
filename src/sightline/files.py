"""What files are called, files and folders that appear whole or not at all, errors of the file system in words."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from sightline.errors import OutputError

_IMAGES = "jpg jpeg jpe jfif png bmp tif tiff webp ppm pgm pnm gif tga jp2 heic heif avif"
_VIDEOS = "mp4 m4v mov mkv webm avi wmv asf flv ts m2ts mts mpg mpeg vob ogv 3gp 3g2 mxf dv y4m h264 h265 hevc nut"
IMAGE_SUFFIXES = frozenset(f".{suffix}" for suffix in _IMAGES.split())
"""Of pictures, in lower case."""
VIDEO_SUFFIXES = frozenset(f".{suffix}" for suffix in _VIDEOS.split())
"""Of videos, in lower case."""


def short_name(name: str, said: str, longest: int = 120, joint: str = "-") -> str:
    """A name that a file system takes: of a longer one the beginning and a checksum.

    Parameters
    ----------
    name : str
        What the file would be called.
    said : str
        What `name` was made from. The checksum is of it, so that two that begin alike stay two.
    longest : int
        Bytes of the result at most. Systems take 255, with all that is added.
    joint : str
        Between the beginning and the checksum.

    Examples
    --------
    >>> short_name("S_01", "S 01"), short_name("a" * 30, "a" * 30, longest=20)
    ('S_01', 'aaaaaaa-3a54fc0cbc0b')
    """
    if len(name.encode()) <= longest:
        return name
    end = joint + hashlib.sha256(said.encode(errors="replace")).hexdigest()[:12]
    return name.encode()[: longest - len(end.encode())].decode(errors="ignore") + end


class WholeFile:
    """A file that has its name only when it is whole.

    As a context manager it gives the path to write to, and ends with `commit`, or with `discard` after an exception.

    Parameters
    ----------
    path : str or Path
        Where the file belongs. Its folder is made where there is none.

    Attributes
    ----------
    partial : Path
        What to write: a hidden neighbour with the same suffix, of this process alone.

    Raises
    ------
    OutputError
        Where the file system refuses, with the path and the mend.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> table = Path(tempfile.mkdtemp()) / "table.csv"
    >>> with WholeFile(table) as partial:
    ...     _ = partial.write_text("frame,time_s")
    ...     table.exists()
    False
    >>> table.read_text()
    'frame,time_s'
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.partial = self.path.with_name(f".partial-{os.getpid()}-{self.path.name}")

    def commit(self) -> None:
        """Give the file its name, in place of an older one."""
        with output_errors(self.path):
            os.replace(self.partial, self.path)

    def discard(self) -> None:
        """Remove what was written. Does nothing after `commit`."""
        self.partial.unlink(missing_ok=True)

    def __enter__(self) -> Path:
        with output_errors(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
        return self.partial

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        try:
            if kind is None:
                self.commit()
            elif isinstance(error, OSError):
                raise in_words(self.path, error) from error
        finally:
            self.discard()


class WholeFolder:
    """A folder of results that appears whole or not at all.

    `begin` gives a folder to write to, `commit` moves what is in it to its place, `discard` drops it. As a context
    manager it does the three.

    Parameters
    ----------
    target : str or Path
        Where the results belong. Files in it that are not replaced stay.
    marker : str
        The file that says the results are complete. An older one goes first, the new one comes last, so that a folder
        with it is never a mixture.
    replaces : iterable of str, optional
        Names of older results that go, even where nothing new is called so. Entries of the same name always go.

    Attributes
    ----------
    partial : Path
        What to write to: a hidden neighbour of `target`. What a killed run left in it goes at `begin`.

    Raises
    ------
    OutputError
        Where the file system refuses, with the target and the mend.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> out = Path(tempfile.mkdtemp()) / "out"
    >>> with WholeFolder(out, marker="summary.json") as partial:
    ...     _ = (partial / "summary.json").write_text("{}")
    ...     out.exists()
    False
    >>> [entry.name for entry in out.iterdir()]
    ['summary.json']
    """

    def __init__(self, target: str | Path, marker: str, replaces: Iterable[str] = ()) -> None:
        self.target, self.marker, self.replaces = Path(target), marker, tuple(replaces)
        self.partial = self.target.parent / f".{self.target.name}.partial"
        self._made_parent = False

    def require_ours(self) -> Self:
        """Raise OutputError where the target holds something, but not the marker of such results."""
        with output_errors(self.target):
            strange = self.target.exists() and not (self.target / self.marker).is_file()
            if strange and (not self.target.is_dir() or any(self.target.iterdir())):
                raise OutputError(f"{self.target}: there is something else already; give a new folder")
        return self

    def begin(self) -> Path:
        """Make `partial`, empty."""
        with output_errors(self.target):
            if self.partial.exists():
                shutil.rmtree(self.partial)
            self._made_parent = not self.target.parent.exists()
            self.partial.mkdir(parents=True)
        return self.partial

    def commit(self) -> None:
        """Move what is in `partial` to its place."""
        with output_errors(self.target):
            made = sorted(entry.name for entry in self.partial.iterdir() if entry.name != self.marker)
            self.target.mkdir(parents=True, exist_ok=True)
            for name in dict.fromkeys((self.marker, *self.replaces, *made)):
                _remove(self.target / name)
            for name in (*made, self.marker):
                if (self.partial / name).exists():
                    os.replace(self.partial / name, self.target / name)
            self.partial.rmdir()

    def discard(self) -> None:
        """Remove what was written so far. Does nothing after `commit`."""
        if self.partial.exists():
            shutil.rmtree(self.partial, ignore_errors=True)
            if self._made_parent:
                with contextlib.suppress(OSError):  # other results may be in it by now
                    self.target.parent.rmdir()

    def __enter__(self) -> Path:
        return self.begin()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        try:
            if kind is None:
                self.commit()
            elif isinstance(error, OSError):
                raise in_words(self.target, error) from error
        finally:
            self.discard()


@contextlib.contextmanager
def output_errors(place: str | Path, frame: int | None = None) -> Iterator[None]:
    """Turn errors of the file system into OutputError that names the place, the frame and the mend."""
    try:
        yield
    except OSError as error:
        raise in_words(place, error, frame) from error


def in_words(place: str | Path, error: OSError, frame: int | None = None) -> OutputError:
    """An error of the file system as the OutputError that says what could not be written, why, and what to do."""
    at = "" if frame is None else f" at frame {frame}"
    return OutputError(f"{place}: cannot be written{at} ({error.strerror or error}); {mend(error)}")


_MENDS = {
    errno.ENOSPC: "free some space or choose another place",
    errno.EDQUOT: "the quota is used up: free some space or choose another place",
    errno.EFBIG: "the file system takes no files as large: choose another place",
    errno.EACCES: "permission denied: choose a place you may write to",
    errno.EPERM: "permission denied: choose a place you may write to",
    errno.EROFS: "the file system is read-only: choose another place",
    errno.ENOTDIR: "a file is where a folder is needed: choose another place",
    errno.EEXIST: "a file is where a folder is needed: choose another place",
    errno.ENOENT: "its folder is not there: make it, or choose another place",
    errno.ENAMETOOLONG: "the name is too long: choose a shorter one",
    errno.EIO: "the disk reports an error: check it, or choose another place",
}


def mend(error: Exception) -> str:
    """What to do about an error of the file system."""
    return _MENDS.get(getattr(error, "errno", None) or 0, "choose another place")


def is_of_the_place(error: Exception) -> bool:
    """Whether an error says something of the place that is written to, and not of what is written."""
    return getattr(error, "errno", None) in _MENDS


def sweep(prefix: str) -> None:
    """Remove this user's temporary folders `<prefix><process>-...` whose process is gone: it was killed.

    On Windows they stay: os.kill, which asks elsewhere whether a process lives, would interrupt it there.
    """
    if sys.platform == "win32":
        return
    for folder in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        number = folder.name.removeprefix(prefix).partition("-")[0]
        with contextlib.suppress(OSError, OverflowError):
            if number.isdecimal() and folder.stat().st_uid == os.getuid():
                try:
                    os.kill(int(number), 0)
                except ProcessLookupError:
                    shutil.rmtree(folder, ignore_errors=True)


def link(old: Path, new: Path) -> None:
    """Give a file a second name, or copy it where the file system has no links."""
    try:
        os.link(old, new)
    except OSError:
        shutil.copyfile(old, new)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
