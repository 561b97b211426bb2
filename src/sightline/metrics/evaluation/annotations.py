"""Masks of objects in COCO's JSON (annotations.coco.json), as `predict --save coco` leaves them, a file a source."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.data.object_masks import decode, size_of
from sightline.errors import DataError
from sightline.untrusted import parse_json

NUMBERS = ("object", "track_id", "instance_id")
"""What annotations call the number that an object keeps from frame to frame; the first that is there counts."""


def read_annotations(path: Path) -> Iterator[NDArray[np.int32]]:
    """The object numbers (H, W) of every frame, in the order of the images. Where masks overlap, the highest counts.

    Raises DataError that names the file and the annotation.
    """
    try:
        whole = parse_json(path.read_text(encoding="utf-8"))
        images = sorted(whole["images"], key=lambda image: image["id"])
        sizes = [size_of(image) for image in images]
        by_image: dict[Any, list[dict[str, Any]]] = {image["id"]: [] for image in images}
        for annotation in whole["annotations"]:
            by_image[annotation["image_id"]].append(annotation)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise DataError(f"{path}: not COCO annotations that can be read ({error!r}); write it again") from None
    for image, size in zip(images, sizes, strict=True):
        labels = np.zeros(size, dtype=np.int32)
        numbered = [(_number(path, annotation), annotation) for annotation in by_image[image["id"]]]
        for number, annotation in sorted(numbered, key=lambda pair: pair[0]):
            labels[_mask(path, annotation, size)] = number
        yield labels


def _number(path: Path, annotation: dict[str, Any]) -> int:
    key = next((key for key in NUMBERS if key in annotation), None)
    if key is None or not isinstance(annotation[key], int) or not 1 <= annotation[key] < 2**31:
        raise DataError(
            f"{path}: annotation {annotation.get('id')} has no number of its object; `{NUMBERS[0]}`: 1, 2, ... is "
            "expected, the same in all frames"
        )
    return int(annotation[key])


def _mask(path: Path, annotation: dict[str, Any], size: tuple[int, int]) -> NDArray[np.bool_]:
    code = annotation.get("segmentation")
    try:
        if not code:
            raise ValueError("there is none")
        return decode(code, size)
    except ValueError as error:
        raise DataError(
            f"{path}: annotation {annotation.get('id')}: its mask cannot be read ({error}); run lengths or outlines of "
            f"{size[1]}x{size[0]} pixels are expected"
        ) from None
