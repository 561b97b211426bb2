"""How anything a user may give becomes a source."""

from __future__ import annotations

import errno
import glob
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from sightline.errors import SourceError
from sightline.files import IMAGE_SUFFIXES, VIDEO_SUFFIXES
from sightline.video.source import DEFAULT_FPS, Source

Given = str | Path | NDArray[np.uint8] | Iterable[NDArray[np.uint8]] | Source


def open_source(source: Given, *, fps: float = DEFAULT_FPS) -> Source:
    """Open whatever frames can be read from.

    Parameters
    ----------
    source
        The path of a video, an image or a folder of numbered frames; an address that FFmpeg opens (http://, rtsp://);
        `camera:0`; `-` for a video on the standard input; uint8 RGB as (H, W, 3) or (T, H, W, 3); or an iterable of
        (H, W, 3) uint8 RGB frames.
    fps
        Frames a second of a source that has no times of its own (folders, arrays and iterables).

    Raises
    ------
    SourceError
        Where it cannot be read. Of arrays it is a FrameError, which is a ValueError too.
    """
    from sightline.video.frames import ArraySource, FrameFolder, is_image
    from sightline.video.reader import VideoFile
    from sightline.video.stills import open_still

    if isinstance(source, Source):
        return source
    if not isinstance(source, str | Path):
        return ArraySource(source, fps)
    if (number := camera_number(source)) is not None:
        from sightline.video.camera import Camera

        return Camera(number)
    if is_stream(source):
        return VideoFile(str(source))
    path = Path(source)
    require_readable(path)
    if path.is_dir():
        return FrameFolder(path, fps)
    if is_image(path):
        return open_still(path, fps)
    return VideoFile(path)


def is_stream(source: str | Path) -> bool:
    """Whether it is an address or the standard input rather than a path. (A path's // is one / by now.)"""
    text = str(source)
    return text == "-" or (isinstance(source, str) and re.match(r"[a-zA-Z][a-zA-Z0-9+.-]+://", text) is not None)


def camera_number(source: str | Path) -> int | None:
    """The number in `camera:0`, None where no camera is meant."""
    found = re.fullmatch(r"camera:(\d+)", str(source))
    return int(found[1]) if found and not Path(source).exists() else None


def require_readable(path: Path) -> None:
    """Raise SourceError where there is no such file or folder, it may not be read, or it is empty."""
    try:
        if not path.exists():
            if glob.has_magic(str(path)):
                raise SourceError(f"{path}: nothing fits this pattern; check it")
            raise SourceError(f"{path}: there is no such file or folder; check the path")
        if path.is_dir():
            os.listdir(path)
        elif path.is_file():  # a pipe that is opened and closed again would be broken
            with path.open("rb") as file:
                if not file.read(1):
                    raise SourceError(f"{path}: the file is empty (0 bytes); copy or export it again")
    except PermissionError as error:
        mode = "u+rx" if path.is_dir() else "u+r"
        raise SourceError(f"{path}: permission to read it is denied; change its permissions (chmod {mode})") from error
    except OSError as error:
        what = "the disk" if error.errno == errno.EIO else "the path"
        raise SourceError(f"{path}: cannot be read ({error.strerror}); check {what}") from error


def expand_sources(sources: Sequence[str | Path], *, folders: bool = True) -> list[str | Path]:
    """Patterns (`clips/*.mp4`) and, with `folders`, folders that hold videos and no images, by what they stand for.

    What cannot be read, a folder or a pattern that nothing fits, stays as it is: `require_readable` says so.
    """
    found: list[str | Path] = []
    for source in sources:
        if is_stream(source) or camera_number(source) is not None:
            found.append(source)
        elif folders and os.path.isdir(source):
            try:
                files = sorted(file for file in Path(source).iterdir() if not file.name.startswith("."))
            except OSError:
                files = []
            videos = [file for file in files if file.suffix.lower() in VIDEO_SUFFIXES]
            images = any(file.suffix.lower() in IMAGE_SUFFIXES for file in files)
            found += videos if videos and not images else [Path(source)]
        elif not os.path.exists(source) and glob.has_magic(str(source)):
            found += map(Path, sorted(glob.glob(str(source), recursive=True)) or [str(source)])
        else:
            found.append(Path(source))
    return found


def stem_of(source: str | Path) -> str:
    """What the results of a source are named after.

    >>> stem_of("https://example.org/films/clip.mp4?key=1")
    'clip'
    >>> stem_of("-")
    'stdin'
    """
    if (number := camera_number(source)) is not None:
        return f"camera-{number}"
    if str(source) == "-":
        return "stdin"
    if is_stream(source):
        address = urlsplit(str(source))
        last = Path(address.path).stem or address.hostname or address.scheme
        return re.sub(r"[^\w.-]+", "-", last)
    path = Path(source)
    return path.resolve().name if os.path.isdir(path) else path.stem
