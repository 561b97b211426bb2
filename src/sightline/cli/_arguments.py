"""Places, times and prompts as they are typed."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sightline.data.head_tables import HeadTable
    from sightline.types import Prompt

MOST_NUMBERS = 32
"""A mask with more values than that is no picture of object numbers: it was compressed or scaled."""
VOID = 255
"""The number of pixels that are of no object and not of the background, in palettes as PASCAL VOC's."""


def prompt_of(
    point: list[str] | str | None,
    box: str | None,
    mask: Path | None,
    not_point: list[str] | None = None,
    at: str | None = None,
    objects: list[str] | None = None,
    heads: list[str] | None = None,
) -> Prompt:
    """What to attend to, as --point, --not, --box, --mask, --at, --object and --head say it."""
    import numpy as np

    from sightline.types import Prompt

    given: dict[str, list[str]] = {
        "point": [point] if isinstance(point, str) else list(point or ()),
        "not_point": list(not_point or ()),
        "box": [] if box is None else [box],
        "mask": [] if mask is None else [str(mask)],
        "at_s": [] if at is None else [at],
    }
    first, *others = _cues(given)
    return Prompt(
        **first,
        objects=[*others, *(cue for text in objects or () for cue in _object_of(text))],
        heads=np.array([_numbers("head", head, "100,80,160,150") for head in heads]) if heads else None,
    )


def heads_of(table: Path | None, sources: int) -> HeadTable | None:
    """The table of heads that --heads names, checked against the number of sources."""
    if table is None:
        return None
    from sightline.data.head_tables import HeadTable

    found = HeadTable.read(table)
    found.require_sources(sources)
    return found


OBJECT_KEYS = {"point": "point", "not": "not_point", "box": "box", "mask": "mask", "at": "at_s", "number": "number"}


def _object_of(text: str) -> list[dict[str, Any]]:
    """The cues of "point=320,200 not=10,10 at=1.5": words with =, each of them a field of a cue."""
    from sightline.errors import UsageError

    given: dict[str, list[str]] = {name: [] for name in OBJECT_KEYS.values()}
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"`objects` {text}: {error}") from None
    for word in words:
        key, equals, value = word.partition("=")
        if key not in OBJECT_KEYS or not equals or not value:
            raise UsageError(
                f"`objects` {text}: {word} is not one of {', '.join(f'{key}=' for key in OBJECT_KEYS)}; an example: "
                '"point=320,200 at=1.5"'
            )
        given[OBJECT_KEYS[key]].append(value)
    if len(words) == len(given["at_s"]) + len(given["number"]):
        raise UsageError(f'`objects` {text}: of which place? an example: "point=320,200 at=1.5"')
    return _cues(given)


def _cues(given: dict[str, list[str]]) -> list[dict[str, Any]]:
    """The fields of cues, as they are typed: one cue, but one an object of a mask of several."""
    from sightline.errors import UsageError

    for name in ("box", "mask", "at_s", "number"):
        if len(given.get(name, ())) > 1:
            raise UsageError(f"`{name}`: {' and '.join(given[name])}: give one of them, or `objects`, one each")
    cue: dict[str, Any] = {}
    for name in ("point", "not_point"):
        if given[name]:
            cue[name] = [tuple(_numbers(name, text, "640,360")) for text in given[name]]
            cue[name] = cue[name][0] if len(cue[name]) == 1 else cue[name]
    for text in given["box"]:
        cue["box"] = tuple(_numbers("box", text, "100,80,300,240"))
    for text in given["at_s"]:
        cue["at_s"] = time_of("at_s", text)
    for text in given.get("number", ()):
        if not text.isdecimal():
            raise UsageError(f"`number` {text}: an object's number is expected, from 1")
        cue["number"] = int(text)
    masks = [mask for text in given["mask"] for mask in _marked(Path(text))]
    return [cue | {"mask": mask} for mask in masks] or [cue]


def _marked(path: Path) -> list[NDArray[np.bool_]]:
    """The targets (H, W) of a mask: the object of each number of a palette, or the white of black and white, cut at
    half where it is soft."""
    import numpy as np
    from PIL import Image

    from sightline.data.files import load_mask

    values = load_mask(path)
    numbers = np.unique(values)
    with Image.open(path) as picture:
        has_palette = picture.mode == "P"
    if has_palette and len(numbers) <= MOST_NUMBERS:
        objects = [values == number for number in numbers if 0 < number < VOID]
        return objects or [np.asarray(values > 0)]
    soft = len(numbers) > MOST_NUMBERS
    return [np.asarray(values > (values.max() / 2 if soft else 0))]


def part_of(start: str, end: str | None) -> tuple[float, float | None]:
    """(start, end) of a part of a video in seconds. Raises UsageError where they are none, or in the wrong order."""
    from sightline.errors import UsageError

    start_s, end_s = time_of("start", start), None if end is None else time_of("end", end)
    if end_s is not None and end_s <= start_s:
        raise UsageError(f"`end` {end}: not after `start` {start}")
    return start_s, end_s


def names_of(listed: str | None) -> tuple[str, ...] | None:
    """What is listed between commas; None where nothing is."""
    return None if listed is None else tuple(name.strip() for name in listed.split(",") if name.strip())


def time_of(name: str, text: str) -> float:
    """Seconds in 90, 1:30 or 0:01:30.5."""
    from sightline.errors import UsageError

    try:
        parts = [float(part) for part in text.removesuffix("s").split(":")]
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
