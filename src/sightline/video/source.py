"""What a source of frames is, and how anything a user may give becomes one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from sightline.errors import SourceError
from sightline.files import IMAGE_SUFFIXES

DEFAULT_FPS = 25.0
Kind = Literal["video", "frames", "image", "array"]


@dataclass(frozen=True, slots=True)
class VideoFrame:
    """One picture of a source.

    index: number from 0 in order of presentation. time_s: seconds from the first frame's pts.
    pts: presentation time in ticks of the source's `time_base`. image: (H, W, 3) uint8 RGB, upright.
    """

    index: int
    time_s: float
    pts: int
    image: NDArray[np.uint8]


class Source(ABC):
    """Frames of one video, folder, image or array, in order of presentation.

    Iterating starts from the first frame each time; one iteration runs at a time. Use it as a context manager, or
    call `close`, to let the file go.

    path: the file or folder, None for arrays. stem: what results are named after. kind: where the frames come from.
    size: (height, width) as shown, after rotation. fps: mean frames per second (of the header; the times of the frames
    are what counts). time_base: seconds of one pts tick. start_pts: pts of the first frame. frame_count: exact, or None
    where only decoding can tell. frames_expected: an estimate for a progress bar, None where there is none.
    has_audio: a sound track is there. pixel_aspect: width / height of a pixel as shown. zero_s: the stamp, in seconds,
    that means "the start": 0 but in broadcast streams, whose clock starts anywhere.
    """

    path: Path | None = None
    stem: str = "array"
    kind: Kind
    size: tuple[int, int]
    fps: float
    time_base: Fraction
    start_pts: int = 0
    frame_count: int | None = None
    frames_expected: int | None = None
    has_audio: bool = False
    pixel_aspect: Fraction = Fraction(1)
    zero_s: Fraction = Fraction(0)

    @abstractmethod
    def __iter__(self) -> Iterator[VideoFrame]: ...

    def sound(self, start_s: float, end_s: float, rate: int) -> NDArray[np.float32] | None:
        """The sound from `start_s` to `end_s` (seconds from the first frame) as mono samples, None without a track.

        round((end_s - start_s) * rate) samples, the first nearest to `start_s`; zeros where the track has none. May be
        called from another thread than the frames are read on. Requests should move forward: only those that step
        back by more than half a minute decode the track again (see samples.SoundReader).
        """
        return None

    def close(self) -> None:  # noqa: B027 - only files have something to close
        """Let go of the open file, if there is one."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def pts_of(self, time_s: float) -> int:
        """The pts of the frame whose `time_s` this is: the exact inverse of how frames get their time."""
        return self.start_pts + round(time_s / self.time_base)


def open_source(
    source: str | Path | NDArray[np.uint8] | Iterable[NDArray[np.uint8]] | Source, *, fps: float = DEFAULT_FPS
) -> Source:
    """Open a video, an image, a folder of numbered frames, an array or an iterable of frames.

    source: a path; or uint8 RGB as (H, W, 3) or (T, H, W, 3); or an iterable of (H, W, 3) uint8 RGB frames.
    fps: frames per second of a source that has no times of its own (folders, arrays and iterables).
    Raises SourceError where it cannot be read.
    """
    from sightline.video.frames import ArraySource, FrameFolder, ImageFile
    from sightline.video.reader import VideoFile

    if isinstance(source, Source):
        return source
    if not isinstance(source, str | Path):
        return ArraySource(source, fps)
    path = Path(source)
    try:
        if path.is_dir():
            return FrameFolder(path, fps)
        if not path.exists():
            raise SourceError(f"{path}: there is no such file or folder; check the path")
        with path.open("rb") as file:
            empty = path.is_file() and not file.read(1)
    except PermissionError as error:
        raise SourceError(f"{path}: permission to read it is denied; change its permissions (chmod u+r)") from error
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror}); check the disk and the path") from error
    if empty:
        raise SourceError(f"{path}: the file is empty (0 bytes); copy or export it again")
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return ImageFile(path)
    return VideoFile(path)
