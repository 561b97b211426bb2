"""Pictures with boxed objects: COCO's JSON, and GOO's annotations.json, as the former."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from sightline.data import goo, goo_coco
from sightline.errors import DataError


def read_boxed(path: str | Path) -> dict[str, Any]:
    """The annotations of a file as COCO: images, annotations and categories, with all that they hold beside.

    Parameters
    ----------
    path : str or Path
        COCO's JSON, or {id: entry} as GOO's annotations.json (see `data.goo`).

    Returns
    -------
    dict
        `images`, `annotations` with a `bbox` x, y, width, height each, and `categories`.

    Raises
    ------
    DataError
        If the file is not JSON, or neither of the two.
    """
    path = Path(path)
    entries = goo.read_json(path)
    if not goo_coco.is_coco(entries):
        return goo_coco.coco_of(path, entries)
    try:
        known = {image["id"]: str(image["file_name"]) for image in entries["images"]}
        unknown = sum(annotation["image_id"] not in known for annotation in entries["annotations"])
    except (KeyError, TypeError) as error:
        raise DataError(f"{path}: not COCO annotations that can be read ({error!r}); write them again") from None
    if unknown:
        raise DataError(f"{path}: {unknown} annotations of no image in it; write them again")
    return entries


def fault_of(bbox: Any, size: tuple[int, int]) -> str | None:
    """What is wrong with a box x, y, width, height in a picture of (height, width); None where nothing is."""
    try:
        x, y, width, height = (float(value) for value in bbox)
    except (TypeError, ValueError):
        return f"{bbox!r:.60} is no box; x, y, width and height are expected"
    if not all(map(math.isfinite, (x, y, width, height))):
        return f"{bbox!r:.60} has no finite numbers"
    if width <= 0 or height <= 0:
        return f"{bbox!r:.60} is empty"
    if x >= size[1] or y >= size[0] or x + width <= 0 or y + height <= 0:
        return f"{bbox!r:.60} is outside of the {size[1]}x{size[0]} picture"
    return None
