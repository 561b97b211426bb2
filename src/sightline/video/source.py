"""What a source of frames is."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from sightline.types import Clip, VideoFrame

DEFAULT_FPS = 25.0
Kind = Literal["video", "frames", "image", "array"]


class Source(Clip):
    """Frames of one video, folder, image or array, in order of presentation.

    Iterating starts from the first frame each time; one iteration runs at a time. Use it as a context manager, or
    call `close`, to let the file go.

    Attributes
    ----------
    path
        The file or folder; None for arrays, cameras and what comes over a network or a pipe.
    name
        What messages call it: the path, the address, `camera:0`.
    stem
        What results are named after.
    kind
        Where the frames come from.
    size
        (height, width) as shown, after rotation.
    fps
        Mean frames a second (of the header; the times of the frames are what counts).
    time_base
        Seconds of one pts tick.
    start_pts
        pts of the first frame.
    frame_count
        Exact, or None where only decoding can tell.
    frames_expected
        An estimate for a progress bar, None where there is none.
    has_audio
        A sound track is there and can be read beside the picture.
    sound_track
        What can be opened beside the picture for its sound: the path or address; None where there is none.
    once
        It can be read only once, and no two runs over it are the same: a camera, a pipe, a live stream.
    pixel_aspect
        Width / height of a pixel as shown.
    zero_s
        The stamp, in seconds, that means "the start" to a player.
    """

    path: Path | None = None
    name: str = "array"
    stem: str = "array"
    kind: Kind
    size: tuple[int, int]
    fps: float
    time_base: Fraction
    start_pts: int = 0
    frame_count: int | None = None
    frames_expected: int | None = None
    has_audio: bool = False
    sound_track: Path | str | None = None
    once: bool = False
    pixel_aspect: Fraction = Fraction(1)
    zero_s: Fraction = Fraction(0)

    def __init__(self) -> None:
        self._notes: dict[str, str] = {}

    @abstractmethod
    def __iter__(self) -> Iterator[VideoFrame]: ...

    @property
    def end_s(self) -> float | None:
        """Where it ends, seconds from the first frame, as far as its header tells; None where that says nothing."""
        return None if self.frames_expected is None or self.fps <= 0 else self.frames_expected / self.fps

    def frames(self) -> Iterator[VideoFrame]:
        """The pictures in order of presentation, from the first."""
        return iter(self)

    def since(self, start_s: float) -> Iterator[VideoFrame]:
        """The pictures from `start_s` on, with their numbers and times as ever."""
        return (frame for frame in self if frame.time_s >= start_s)

    def sound(self, start_s: float, end_s: float, rate: int) -> NDArray[np.float32] | None:
        """The sound from `start_s` to `end_s` (seconds from the first frame) as mono samples, None without a track.

        round((end_s - start_s) * rate) samples, the first nearest to `start_s`; zeros where the track has none. May be
        called from another thread than the frames are read on. Requests should move forward: only those that step
        back by more than half a minute decode the track again (see samples.SoundReader).
        """
        return None

    @property
    def notes(self) -> list[str]:
        """What a user should know of how it was read: what was left out, filled in or converted. Grows with reading."""
        return list(self._notes.values())

    def note(self, text: str, about: str = "") -> None:
        """Add a note; one `about` the same replaces the earlier one."""
        self._notes[about or text] = f"{self.name}: {text}"

    def frame_name(self, index: int) -> str:
        """What files about a frame are called."""
        return f"{index:05d}"

    def close(self) -> None:
        """Let go of the open file, if there is one."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def pts_of(self, time_s: float) -> int:
        """The pts of the frame whose `time_s` this is: the exact inverse of how frames get their time."""
        return self.start_pts + round(time_s / self.time_base)
