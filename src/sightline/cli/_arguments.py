"""Places, times and prompts as they are typed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sightline.types import Prompt

MOST_NUMBERS = 32
"""A mask with more values than that is no picture of object numbers: it was compressed or scaled."""


def prompt_of(point: str | None, box: str | None, mask: Path | None) -> Prompt:
    """What to attend to, as --point, --box and --mask say it."""
    from sightline.types import Prompt

    at = None if point is None else _numbers("point", point, "640,360")
    around = None if box is None else _numbers("box", box, "100,80,300,240")
    return Prompt(
        point=None if at is None else (at[0], at[1]),
        box=None if around is None else (around[0], around[1], around[2], around[3]),
        mask=None if mask is None else _marked(mask),
    )


def _marked(path: Path) -> NDArray[np.bool_]:
    """The target (H, W) of a mask: any object number, or the white of black and white, cut at half where it is soft."""
    import numpy as np

    from sightline.data.files import load_mask

    values = load_mask(path)
    soft = len(np.unique(values)) > MOST_NUMBERS
    return np.asarray(values > (values.max() / 2 if soft else 0))


def time_of(name: str, text: str) -> float:
    """Seconds in 90, 1:30 or 0:01:30.5."""
    from sightline.errors import UsageError

    try:
        parts = [float(part) for part in text.split(":")]
    except ValueError:
        parts = []
    if not 1 <= len(parts) <= 3 or any(part < 0 for part in parts):
        raise UsageError(f"`{name}` {text}: seconds are expected, or minutes and seconds, as in 90 or 1:30")
    return sum(part * 60**power for power, part in enumerate(reversed(parts)))


def _numbers(name: str, text: str, example: str) -> list[float]:
    from sightline.errors import UsageError

    try:
        numbers = [float(number) for number in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != example.count(",") + 1:
        raise UsageError(f"`{name}` {text}: {example.count(',') + 1} numbers are expected, as in {example}")
    return numbers
