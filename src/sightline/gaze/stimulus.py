"""The picture or video that was watched: its size and the presentation times of its frames."""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def plain_name(name: str) -> str:
    """A name as it is compared: letters' case and the way their accents are written (macOS parts them) aside."""
    return unicodedata.normalize("NFC", name).strip().casefold()


def names_of(name: str) -> tuple[str, ...]:
    """What a name in a recording may mean: itself without its folder and its showing, and without its suffix.

    >>> names_of("C:\\\\clips\\\\Film.AVI#2")
    ('film.avi', 'film')
    """
    word = plain_name(re.sub(r"#\d+$", "", name).replace("\\", "/").rsplit("/", 1)[-1])
    return (word, Path(word).stem) if word else ()


@dataclass(frozen=True, slots=True)
class Stimulus:
    """The picture or video that was watched.

    Attributes
    ----------
    path : Path
        The file, or the folder of frames.
    size : (height, width)
        In pixels.
    frame_times_s : ndarray, (T,) float64
        When each frame is presented, in seconds from the first frame's pts, increasing; [0] for an image.
    end_s : float
        When the last frame is over; infinity for an image.
    pixel_aspect : float
        Width / height of a pixel as shown.

    Examples
    --------
    >>> film = Stimulus(Path("film.mp4"), (360, 640), np.array([0.0, 0.04, 0.08]), 0.12)
    >>> film.frame_at(np.array([0.05, 9.0])).tolist(), film.is_image
    ([1, 2], False)
    """

    path: Path
    size: tuple[int, int]
    frame_times_s: FloatArray
    end_s: float
    pixel_aspect: float = 1.0

    @property
    def is_image(self) -> bool:
        return math.isinf(self.end_s)

    @property
    def shown_size(self) -> tuple[int, int]:
        """(height, width) with square pixels: what fills the screen."""
        return self.size[0], round(self.size[1] * self.pixel_aspect)

    @classmethod
    def open(cls, path: str | Path) -> Stimulus:
        """Read the size and the frame times of a video, a folder of frames or an image.

        Raises SourceError where it cannot be read.
        """
        from sightline.progress import track
        from sightline.video import open_source

        with open_source(path) as source:
            aspect = float(source.pixel_aspect)
            if source.kind == "image":
                return cls(Path(path), source.size, np.zeros(1), math.inf, aspect)
            frames = track(source, "Frame times", total=source.frames_expected)
            times = np.array([frame.time_s for frame in frames])
        step = float(np.median(np.diff(times))) if len(times) > 1 else 1 / source.fps
        return cls(Path(path), source.size, times, float(times[-1]) + step, aspect)

    def picture(self, longest: int = 240) -> NDArray[np.uint8] | None:
        """The image, or the first frame, (h, w, 3) RGB with its longer side `longest` pixels; None if it has gone."""
        from PIL import Image

        from sightline.errors import SightlineError
        from sightline.video import open_source

        try:
            with open_source(self.path) as source:
                frame = next(iter(source)).image
        except (SightlineError, StopIteration):
            return None
        height, width = self.shown_size
        scale = longest / max(height, width)
        small = Image.fromarray(frame).resize((max(1, round(width * scale)), max(1, round(height * scale))))
        return np.asarray(small, dtype=np.uint8)

    def is_called(self, name: str) -> bool:
        """Whether a name in a recording, with or without a path and a suffix, is this stimulus's."""
        return plain_name(self.path.stem) in names_of(name)

    def frame_at(self, time_s: FloatArray) -> NDArray[np.int64]:
        """The frame on screen at each time: the last one presented by then; 0 before the first."""
        return np.maximum(np.searchsorted(self.frame_times_s, time_s, side="right") - 1, 0)
