"""What to attend to, as a user says it: objects, pointed out at moments of a clip. NumPy alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.errors import UsageError

Point = tuple[float, float]
"""x and y in pixels from the top-left corner; pixel i spans [i, i + 1)."""
Box = tuple[float, float, float, float]
"""Left, top, right and bottom in pixels; right and bottom are exclusive."""

MOST_OBJECTS = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """One object, pointed out in one frame.

    Attributes
    ----------
    point
        (x, y) on the object, pixels; or several.
    not_point
        (x, y) beside the object, likewise: what is there is not of it.
    box
        (x1, y1, x2, y2) around the object, pixels. Points may come with it.
    mask
        (H, W) bool, the object itself; nothing else comes with it.
    at_s
        In the frame of this time, seconds from the first frame; the nearest one counts.
    number
        The object's number, from 1; None is the next one that is free. Several cues of one number are one object: the
        first one starts it, later ones correct it.

    Raises
    ------
    UsageError
        A value that is not of its form.

    Examples
    --------
    >>> Cue(point=[(320, 200), (330, 240)], not_point=(400, 90), at_s=1.5).points
    ((320, 200), (330, 240))
    """

    point: Point | Sequence[Point] | None = None
    not_point: Point | Sequence[Point] | None = None
    box: Box | None = None
    mask: NDArray[np.bool_] | None = None
    at_s: float = 0.0
    number: int | None = None

    def __post_init__(self) -> None:
        for name, value in (("point", self.point), ("not_point", self.not_point)):
            if value is not None and not (_are_numbers(value, 2) or _are_points(value)):
                raise UsageError(f"`{name}` is {_shown(value)}; (x, y) in pixels is expected, or several of them")
        if self.box is not None and not _are_numbers(self.box, 4):
            raise UsageError(f"`box` is {_shown(self.box)}; (x1, y1, x2, y2) in pixels is expected")
        if self.mask is not None:
            if not isinstance(self.mask, np.ndarray):
                raise UsageError(f"`mask` is a {type(self.mask).__name__}; an array (H, W) of bool is expected")
            others = [name for name in self.places if name != "mask"]
            if others:
                raise UsageError(f"{' and '.join(f'`{name}`' for name in others)} and `mask`: give the mask alone")
        if not _are_numbers(self.at_s, None) or not 0 <= self.at_s < math.inf:
            raise UsageError(f"`at_s` is {_shown(self.at_s)}; seconds from the first frame are expected")
        if self.number is not None and not (
            isinstance(self.number, int | np.integer) and 1 <= self.number <= MOST_OBJECTS
        ):
            raise UsageError(f"`number` is {_shown(self.number)}; an object's number is from 1 to {MOST_OBJECTS}")

    @property
    def places(self) -> tuple[str, ...]:
        """The names of what points the object out, of point, not_point, box and mask."""
        return tuple(name for name in ("point", "not_point", "box", "mask") if getattr(self, name) is not None)

    @property
    def points(self) -> tuple[Point, ...]:
        """The points on the object."""
        return _points(self.point)

    @property
    def not_points(self) -> tuple[Point, ...]:
        """The points beside it."""
        return _points(self.not_point)

    @property
    def starts(self) -> bool:
        """Whether it says where an object is, and not only where it is not."""
        return self.point is not None or self.box is not None or self.mask is not None

    def require_inside(self, size: tuple[int, int]) -> None:
        """Check that all of it fits a picture of (height, width).

        Raises
        ------
        UsageError
            A point or box outside of the picture, an empty box or mask, a mask of another size.
        """
        height, width = size
        for name, points in (("point", self.points), ("not_point", self.not_points)):
            for x, y in points:
                if not (0 <= x < width and 0 <= y < height):
                    raise UsageError(
                        f"`{name}` {x:g},{y:g} is outside of the {width}x{height} frames; give pixels from the top "
                        "left corner"
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt(Cue):
    """What to attend to, said by the user; nothing at all leaves the choice to the model.

    What a Cue has points out the first object, in the first frame where `at_s` says no other.

    Attributes
    ----------
    objects
        Further objects, and corrections of those before: cues, or mappings of a cue's fields.
    fixations
        Where viewers looked, (K, 2) x and y in pixels: by the index of a frame; a list of each frame's will do. It
        comes alone.
    heads
        The heads of the people, (K, 4) x1, y1, x2, y2 in pixels: those of every frame, or by the index of a frame. They
        come alone.

    Raises
    ------
    UsageError
        A value is not of its form, two do not go together, or an object is nowhere pointed out.

    Examples
    --------
    >>> Prompt(point=(640, 360)).kinds
    ('point',)
    >>> Prompt().kinds
    ()
    >>> later = Cue(number=1, not_point=(700, 360), at_s=2)
    >>> prompt = Prompt(point=(640, 360), objects=[{"box": (10, 10, 90, 60)}, later])
    >>> [(number, len(cues)) for number, cues in prompt.targets.items()]
    [(1, 2), (2, 1)]
    """

    objects: Sequence[Cue | Mapping[str, object]] = ()
    fixations: Mapping[int, NDArray[np.floating]] | None = None
    heads: NDArray[np.floating] | Sequence[Box] | Mapping[int, NDArray[np.floating]] | None = None

    def __post_init__(self) -> None:
        Cue.__post_init__(self)  # `super()` finds no class in a dataclass with slots
        object.__setattr__(self, "objects", tuple(_cue(each) for each in self.objects))
        if isinstance(self.fixations, Sequence):
            object.__setattr__(self, "fixations", dict(enumerate(self.fixations)))
        elif self.fixations is not None and not isinstance(self.fixations, Mapping):
            raise UsageError(
                f"`fixations` is a {type(self.fixations).__name__}; (K, 2) points of each frame are expected, as "
                "`sightline.gaze.fixations_by_frame` gives them"
            )
        if isinstance(self.heads, Mapping):
            object.__setattr__(self, "heads", {frame: _as_boxes(boxes) for frame, boxes in self.heads.items()})
        elif self.heads is not None:
            object.__setattr__(self, "heads", _as_boxes(self.heads))
        if (self.fixations is not None or self.heads is not None) and len(self.kinds) > 1:
            raise UsageError(f"{' and '.join(f'`{kind}`' for kind in self.kinds)}: give one of them, not several")
        if self.at_s and not self.places:
            raise UsageError(f"`at_s` {self.at_s:g}: of which place? give a point, a box or a mask too")
        for number, cues in self.targets.items():
            if not cues[0].starts:
                raise UsageError(
                    f"`not_point` of object {number} says only where it is not; give a point, a box or a mask, or "
                    "a later `at_s`"
                )

    @property
    def kinds(self) -> tuple[str, ...]:
        """The names of what is given, as a model's `takes` has them."""
        cues = self._cues
        kinds = [
            name
            for name in ("point", "not_point", "box", "mask")
            if any(getattr(cue, name) is not None for cue in cues)
        ]
        kinds += ["at_s"] * any(cue.at_s > 0 for cue in cues) + ["objects"] * bool(self.objects)
        return (*kinds, *(name for name in ("fixations", "heads") if getattr(self, name) is not None))

    def heads_of(self, frame: int) -> NDArray[np.float64] | None:
        """The heads (K, 4) that are given for the frame of an index; none, (0, 4), where a table leaves it out.

        None where no heads are given at all: then the model finds them.
        """
        if isinstance(self.heads, Mapping):
            return np.asarray(self.heads.get(frame, np.empty((0, 4))), dtype=np.float64)
        return None if self.heads is None else np.asarray(self.heads, dtype=np.float64)

    @property
    def targets(self) -> dict[int, tuple[Cue, ...]]:
        """The cues of each object by its number, both in order: of numbers, and of time."""
        found: dict[int, list[Cue]] = {}
        for cue in self._cues:
            number = int(cue.number or next(number for number in count(1) if number not in found))
            found.setdefault(number, []).append(replace(cue, number=number))
        return {number: tuple(sorted(found[number], key=lambda cue: cue.at_s)) for number in sorted(found)}

    @property
    def _cues(self) -> tuple[Cue, ...]:
        own = Cue(**{field.name: getattr(self, field.name) for field in fields(Cue)}) if self.places else None
        return tuple(_cue(each) for each in ([own] if own else []) + list(self.objects))

    def require_inside(self, size: tuple[int, int], end_s: float | None = None) -> None:
        """Check that all of it fits the pictures, (height, width), of a clip that ends at `end_s`, where that is known.

        Raises
        ------
        UsageError
            A point, box or head outside of the picture, an empty box or mask, a mask of another size, a time after the
            end.
        """
        for cue in self._cues:
            cue.require_inside(size)
            if end_s is not None and cue.at_s > end_s:
                raise UsageError(f"`at_s` {cue.at_s:g}: the clip ends at {end_s:.2f} s; give an earlier time")
        by_frame = self.heads if isinstance(self.heads, Mapping) else {None: () if self.heads is None else self.heads}
        height, width = size
        for frame, boxes in by_frame.items():
            for x1, y1, x2, y2 in boxes:
                if not (x1 < width and y1 < height and x2 > 0 and y2 > 0):
                    at = "" if frame is None else f" of frame {frame}"
                    raise UsageError(
                        f"`heads`: {x1:g},{y1:g},{x2:g},{y2:g}{at} is outside of the {width}x{height} frames; give "
                        "left, top, right and bottom in pixels"
                    )


def _cue(given: object) -> Cue:
    if isinstance(given, Cue):
        cue = given
    elif isinstance(given, Mapping):
        odd = sorted(str(name) for name in given if name not in {field.name for field in fields(Cue)})
        if odd:
            raise UsageError(f"`objects`: {', '.join(odd)}: a cue has point, not_point, box, mask, at_s and number")
        cue = Cue(**dict(given))
    else:
        raise UsageError(f"`objects` holds a {type(given).__name__}; cues are expected, or mappings of their fields")
    if not cue.places:
        raise UsageError("`objects` holds a cue that points at nothing; give it a point, a box or a mask")
    return cue


def _as_boxes(values: object) -> NDArray[np.float64]:
    """(K, 4) of boxes that hold something. Raises UsageError otherwise."""
    try:
        boxes = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        boxes = np.empty(0)
    if boxes.ndim != 2 or boxes.shape[1] != 4 or not np.isfinite(boxes).all():
        raise UsageError(f"`heads` is {_shown(values)}; (K, 4) numbers x1, y1, x2, y2 in pixels are expected")
    for x1, y1, x2, y2 in boxes:
        if x1 >= x2 or y1 >= y2:
            raise UsageError(f"`heads`: {x1:g},{y1:g},{x2:g},{y2:g} holds nothing; left < right and top < bottom")
    return boxes


def _shown(value: object) -> str:
    """A value for a message: on one line, of bounded length."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 80 else f"{text[:80]}..."


def _points(given: object) -> tuple[Point, ...]:
    if given is None:
        return ()
    values: Any = (given,) if _are_numbers(given, 2) else given
    return tuple((point[0], point[1]) for point in values)


def _are_points(values: object) -> bool:
    return isinstance(values, Sequence | np.ndarray) and len(values) > 0 and all(_are_numbers(v, 2) for v in values)


def _are_numbers(values: object, count: int | None) -> bool:
    """Whether it is so many numbers; None is one number by itself."""
    try:
        return np.asarray(values, dtype=np.float64).shape == (() if count is None else (count,))
    except (TypeError, ValueError):
        return False
