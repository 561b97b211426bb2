"""What a visitor marked in a frame, as a model takes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sightline.errors import UsageError
from sightline.types import Prompt


def prompt_of(marks: Sequence[Any]) -> Prompt:
    """The prompt that marks amount to.

    marks: each {"kind": "point", "x", "y"} or {"kind": "box", "x1", "y1", "x2", "y2"} in pixels of the source, as the
    page sends them. Raises UsageError where one is not of that form.
    """
    if not marks:
        return Prompt()
    mark = marks[-1]
    try:
        if mark["kind"] == "box":
            x1, y1, x2, y2 = (float(mark[side]) for side in ("x1", "y1", "x2", "y2"))
            return Prompt(box=(min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)))
        return Prompt(point=(float(mark["x"]), float(mark["y"])))
    except (TypeError, KeyError, ValueError):
        raise UsageError("a mark is neither a point nor a box; mark it again") from None
