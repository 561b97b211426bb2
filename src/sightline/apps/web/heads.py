"""Heads that a visitor marked, for models that look at people: found at a click, and carried through a video."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.errors import UsageError
from sightline.models.base import Predictor
from sightline.types import Box, Point

REACH = 1.4
"""How much larger than the head that is meant a box around a click may be; a click beside a face means it, too."""


def head_at(predictor: Predictor, image: NDArray[np.uint8], point: Point) -> Box | None:
    """The head that the model finds at a point of a picture (H, W, 3), x1, y1, x2, y2; None where it finds none.

    Of several, the one whose centre is nearest, in sizes of its box.
    """
    people = next(iter(predictor.predict(image))).people
    away = {person.head: _away(person.head, point) for person in people}
    near = min(away, key=lambda head: away[head], default=None)
    return near if near is not None and away[near] <= REACH else None


def heads_of(marks: Sequence[Any], frames: int) -> NDArray[np.float64] | dict[int, NDArray[np.float64]]:
    """Heads as `Prompt` takes them.

    Parameters
    ----------
    marks
        Each with its `number` (of the person), `frame`, and x1, y1, x2 and y2 in pixels of the source.
    frames
        Of the source.

    Returns
    -------
    (K, 4), by the people's numbers; where one is marked in several frames, such boxes by frame: a head moves evenly
    from one mark to the next, and stays before the first and after the last.

    Raises
    ------
    UsageError
        A mark is not of that form.

    Examples
    --------
    >>> first = {"kind": "head", "number": 1, "frame": 0, "x1": 0, "y1": 0, "x2": 10, "y2": 10}
    >>> heads_of([first], 3).tolist()
    [[0.0, 0.0, 10.0, 10.0]]
    >>> heads_of([first, first | {"frame": 2, "x1": 20, "x2": 30}], 4)[1].tolist()
    [[10.0, 0.0, 20.0, 10.0]]
    """
    people: dict[int, dict[int, Box]] = {}
    for mark in marks:
        try:
            x1, y1, x2, y2 = (float(mark[side]) for side in ("x1", "y1", "x2", "y2"))
            box = min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)
            people.setdefault(int(mark["number"]), {})[int(mark["frame"])] = box
        except (TypeError, KeyError, ValueError):
            raise UsageError("a mark is no box of a head; mark it again") from None
    ordered = [dict(sorted(people[number].items())) for number in sorted(people)]
    if all(len(boxes) == 1 for boxes in ordered):
        return np.array([box for boxes in ordered for box in boxes.values()])
    every = np.arange(frames)
    paths = np.stack([_path(boxes, every) for boxes in ordered], axis=1)
    return dict(enumerate(paths))


def _away(head: Box, point: Point) -> float:
    """How far a point is from the centre of a box: 1 on its edge."""
    x1, y1, x2, y2 = head
    across, down = abs(2 * point[0] - x1 - x2) / (x2 - x1), abs(2 * point[1] - y1 - y2) / (y2 - y1)
    return max(across, down)


def _path(boxes: dict[int, Box], frames: NDArray[np.int64]) -> NDArray[np.float64]:
    """A head's box in each frame, (T, 4)."""
    sides = np.array(list(boxes.values())).T
    return np.stack([np.interp(frames, list(boxes), side) for side in sides], axis=1)
