"""What a visitor marked in frames, as a model takes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sightline.errors import UsageError
from sightline.types import Box, Cue, Point, Prompt


def prompt_of(marks: Sequence[Any]) -> Prompt:
    """The prompt that marks amount to.

    marks: each with its `kind` (point, not, box), `number` (of the object) and `time_s` (of the frame), and x and y, or
    x1, y1, x2 and y2, in pixels of the source; as the page sends them. Those on one object in one frame are one cue.
    Raises UsageError where one is not of that form.

    Examples
    --------
    >>> marks = [
    ...     {"kind": "point", "number": 1, "time_s": 0.0, "x": 40, "y": 30},
    ...     {"kind": "not", "number": 1, "time_s": 0.0, "x": 80, "y": 30},
    ...     {"kind": "box", "number": 2, "time_s": 1.5, "x1": 60, "y1": 50, "x2": 20, "y2": 10},
    ... ]
    >>> prompt = prompt_of(marks)
    >>> prompt.point, prompt.not_point, prompt.objects[0].box, prompt.objects[0].at_s
    (((40.0, 30.0),), ((80.0, 30.0),), (20.0, 10.0, 60.0, 50.0), 1.5)
    """
    found: dict[tuple[int, float], _Marked] = {}
    for mark in marks:
        try:
            found.setdefault((int(mark["number"]), float(mark["time_s"])), _Marked()).add(mark)
        except (TypeError, KeyError, ValueError):
            raise UsageError("a mark is neither a point nor a box in a frame; mark it again") from None
    cues = [marked.cue(number, time_s) for (number, time_s), marked in sorted(found.items())]
    if not cues:
        return Prompt()
    first, *others = cues
    return Prompt(
        point=first.point,
        not_point=first.not_point,
        box=first.box,
        at_s=first.at_s,
        number=first.number if others else None,
        objects=others,
    )


class _Marked:
    """The marks on one object in one frame."""

    def __init__(self) -> None:
        self._on: list[Point] = []
        self._beside: list[Point] = []
        self._box: Box | None = None

    def add(self, mark: Any) -> None:
        """Raises TypeError, KeyError or ValueError where it is none."""
        if mark["kind"] == "box":
            x1, y1, x2, y2 = (float(mark[side]) for side in ("x1", "y1", "x2", "y2"))
            self._box = (min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2))
            return
        places = {"point": self._on, "not": self._beside}[mark["kind"]]
        places.append((float(mark["x"]), float(mark["y"])))

    def cue(self, number: int, time_s: float) -> Cue:
        return Cue(
            point=tuple(self._on) or None,
            not_point=tuple(self._beside) or None,
            box=self._box,
            at_s=time_s,
            number=number,
        )
