"""What flows between rooms: a clip and a prompt into a model, a frame's results out of it. NumPy alone."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sightline.prompts import Box, Cue, Point, Prompt

__all__ = [
    "Box",
    "Clip",
    "Cue",
    "Frame",
    "Hotspot",
    "Object",
    "Person",
    "Point",
    "Prompt",
    "SoundWindow",
    "State",
    "Step",
    "Track",
    "VideoFrame",
]

State = Literal["start", "track", "lost"]


@dataclass(frozen=True, slots=True)
class VideoFrame:
    """One picture of a source.

    Attributes
    ----------
    index
        Its number, from 0, in order of presentation.
    time_s
        Seconds from the first frame's presentation time.
    pts
        Presentation time in ticks of the source's time base.
    image
        (H, W, 3) uint8 RGB, upright.
    """

    index: int
    time_s: float
    pts: int
    image: NDArray[np.uint8]


class Clip(ABC):
    """Pictures and sound of one source: all that a model sees of it.

    Attributes
    ----------
    size
        (height, width) of the pictures, in pixels.
    fps
        Mean pictures a second. The times of the frames are what counts.
    """

    size: tuple[int, int]
    fps: float

    @abstractmethod
    def frames(self) -> Iterator[VideoFrame]:
        """The pictures in order of presentation."""

    def sound(self, start_s: float, end_s: float, rate: int) -> NDArray[np.float32] | None:
        """Samples of the sound, mixed to one channel.

        Parameters
        ----------
        start_s, end_s
            Seconds from the first frame's presentation time. They may lie outside of the track.
        rate
            Samples a second, Hz.

        Returns
        -------
        (N,) float32 with N = round((end_s - start_s) * rate), full scale 1, zeros outside of the track; None where the
        source has no sound.
        """
        return None


@dataclass(frozen=True, slots=True)
class Hotspot:
    """The focal point inside of the attended object.

    Attributes
    ----------
    x_px, y_px
        Its place, pixels from the top-left corner.
    score
        In [0, 1]: how sure it is that the target is in view and this is its focus.
    """

    x_px: float
    y_px: float
    score: float


@dataclass(frozen=True, slots=True)
class Track:
    """One of the objects that are followed, whether it is in view or not.

    Attributes
    ----------
    number
        The object's.
    state
        As of `Frame`; "lost" too before the object is pointed out.
    hotspot
        The focal point inside of it; None where it is lost.
    """

    number: int
    state: State
    hotspot: Hotspot | None = None


@dataclass(frozen=True, slots=True)
class Object:
    """One object of a frame.

    Attributes
    ----------
    number
        From 1; the frame's mask has this value where the object is. It stays the same along a video.
    box
        Around the object, pixels.
    score
        In [0, 1]: how sure the model is of it.
    label
        The name of its class; empty where the model knows none.
    mask
        (H, W) bool where objects overlap; None where the frame's mask says it.
    """

    number: int
    box: Box
    score: float
    label: str = ""
    mask: NDArray[np.bool_] | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in the picture and the gaze target.

    Attributes
    ----------
    number
        From 1. It stays the same along a video.
    head
        Box around the head, pixels.
    head_score
        In [0, 1]: how sure it is that this is a head.
    target
        (x, y) of what the person looks at, pixels; None where it lies outside of the picture.
    target_score
        In [0, 1]: how sure the target is.
    object
        The number of the object that is looked at; None for none.
    """

    number: int
    head: Box
    head_score: float
    target: Point | None = None
    target_score: float = 0.0
    object: int | None = None


@dataclass(frozen=True, slots=True)
class SoundWindow:
    """The sound around a frame, as a model took it.

    Attributes
    ----------
    start_s, end_s
        The window, seconds from the first frame.
    switch
        Whether the sound counts in the result (the audio switch).
    switch_score
        In [0, 1]: how surely.
    tag
        The category that is heard; empty where the model names none.
    tag_score
        In [0, 1].
    """

    start_s: float
    end_s: float
    switch: bool
    switch_score: float
    tag: str = ""
    tag_score: float = 0.0


@dataclass(frozen=True, slots=True)
class Step:
    """An intermediate result of a frame, for inspection.

    Attributes
    ----------
    name
        What it is called, such as "coarse ST".
    score
        In [0, 1]: how surely; 0 where it did not count. None where it has no score.
    map
        (h, w) float32 in [0, 1], of any resolution, over `box` or the whole frame.
    box
        Where it lies, pixels; None for the whole frame.
    """

    name: str
    score: float | None = None
    map: NDArray[np.float32] | None = None
    box: Box | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    """A model's results for one frame; None or nothing for what the model does not give.

    Attributes
    ----------
    index, time_s
        The frame's number from 0, and seconds from the first frame.
    image
        (H, W, 3) uint8 RGB, the frame itself.
    saliency
        (H, W) float32 in [0, 1]: where viewers look.
    probability
        (H, W) float32 in [0, 1]: that a pixel belongs to the salient object.
    mask
        (H, W) uint8 (uint16 for more than 255 objects): 0 background, n object n.
    hotspot
        The focal point in the attended object; None too where the target is lost.
    state
        Of a followed target: "start" where it is chosen in this frame, "track", or "lost" where it is not in view; None
        where the model follows nothing.
    objects
        The objects by number.
    tracks
        The objects that are followed, by number, where a prompt names several. `hotspot` and `state` are the first's.
    people
        The people in the picture and their gaze targets.
    heatmap
        (H, W) float32 in [0, 1]: where the people in the picture look.
    sound
        The sound around the frame.
    steps
        Intermediate results, in the order in which they were made.
    details
        How the model came to this, in a class of its own.
    """

    index: int
    time_s: float
    image: NDArray[np.uint8]
    saliency: NDArray[np.float32] | None = None
    probability: NDArray[np.float32] | None = None
    mask: NDArray[np.uint8] | NDArray[np.uint16] | None = None
    hotspot: Hotspot | None = None
    state: State | None = None
    objects: tuple[Object, ...] = ()
    tracks: tuple[Track, ...] = ()
    people: tuple[Person, ...] = ()
    heatmap: NDArray[np.float32] | None = None
    sound: SoundWindow | None = None
    steps: tuple[Step, ...] = ()
    details: Any = None
