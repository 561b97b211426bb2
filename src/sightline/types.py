"""What flows between rooms: a clip and a prompt into a model, a frame's results out of it. NumPy alone."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sightline.errors import UsageError

State = Literal["start", "track", "lost"]
Point = tuple[float, float]
"""x and y in pixels from the top-left corner; pixel i spans [i, i + 1)."""
Box = tuple[float, float, float, float]
"""Left, top, right and bottom in pixels; right and bottom are exclusive."""


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
class Prompt:
    """What to attend to, said by the user; nothing at all leaves the choice to the model.

    Attributes
    ----------
    point
        (x, y) on the target, pixels of the first frame.
    box
        (x1, y1, x2, y2) around the target, pixels of the first frame.
    mask
        (H, W) bool, the target in the first frame.
    fixations
        Where viewers looked, (K, 2) x and y in pixels: by the index of a frame; a list of each frame's will do.

    Raises
    ------
    UsageError
        More than one of them is given, or one is not of its form.

    Examples
    --------
    >>> Prompt(point=(640, 360)).kinds
    ('point',)
    >>> Prompt().kinds
    ()
    """

    point: Point | None = None
    box: Box | None = None
    mask: NDArray[np.bool_] | None = None
    fixations: Mapping[int, NDArray[np.floating]] | None = None

    def __post_init__(self) -> None:
        if len(self.kinds) > 1:
            raise UsageError(f"{' and '.join(f'`{kind}`' for kind in self.kinds)}: give one of them, not several")
        for kind, value, form in (("point", self.point, "(x, y)"), ("box", self.box, "(x1, y1, x2, y2)")):
            if value is not None and not _are_numbers(value, form.count(",") + 1):
                raise UsageError(f"`{kind}` is {value!r}; {form} in pixels is expected")
        if self.mask is not None and not isinstance(self.mask, np.ndarray):
            raise UsageError(f"`mask` is a {type(self.mask).__name__}; an array (H, W) of bool is expected")
        if isinstance(self.fixations, Sequence):
            object.__setattr__(self, "fixations", dict(enumerate(self.fixations)))
        elif self.fixations is not None and not isinstance(self.fixations, Mapping):
            raise UsageError(
                f"`fixations` is a {type(self.fixations).__name__}; (K, 2) points of each frame are expected, as "
                "`sightline.gaze.fixations_by_frame` gives them"
            )

    @property
    def kinds(self) -> tuple[str, ...]:
        """The names of what is given."""
        return tuple(field.name for field in fields(self) if getattr(self, field.name) is not None)

    def require_inside(self, size: tuple[int, int]) -> None:
        """Check that point, box and mask fit a picture of (height, width).

        Raises
        ------
        UsageError
            A point or box outside of the picture, an empty box or mask, a mask of another size.
        """
        height, width = size
        if self.point is not None:
            x, y = self.point
            if not (0 <= x < width and 0 <= y < height):
                raise UsageError(
                    f"`point` {x:g},{y:g} is outside of the {width}x{height} frames; give pixels from the top left "
                    "corner"
                )
        if self.box is not None:
            x1, y1, x2, y2 = self.box
            if not (x1 < x2 and y1 < y2 and x1 < width and y1 < height and x2 > 0 and y2 > 0):
                raise UsageError(
                    f"`box` {x1:g},{y1:g},{x2:g},{y2:g} holds nothing of the {width}x{height} frames; give left, top, "
                    "right and bottom in pixels"
                )
        if self.mask is not None:
            if self.mask.shape != size:
                raise UsageError(f"`mask` is {self.mask.shape}, the frames {size}; resize it (height, width)")
            if not self.mask.any():
                raise UsageError("`mask` is empty; mark the target in it")


def _are_numbers(values: object, count: int) -> bool:
    try:
        return np.asarray(values, dtype=np.float64).shape == (count,)
    except (TypeError, ValueError):
        return False


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
    people: tuple[Person, ...] = ()
    heatmap: NDArray[np.float32] | None = None
    sound: SoundWindow | None = None
    steps: tuple[Step, ...] = ()
    details: Any = None
