"""Masks of annotated objects: pictures of instance numbers, outlines, and COCO's run-length codes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sightline.errors import DataError, UsageError
from sightline.untrusted import PICTURE_ERRORS

Code = dict[str, Any] | Sequence[Sequence[float]]
"""A mask of COCO: run lengths {size, counts}, or outlines x y x y ..."""
MOST_PIXELS = 2**28
"""Of a picture, as annotations say: 16384 x 16384."""
FAR = 4
"""How far from 0 the points of an outline may be, in parts of the picture's longer side."""
IOU_OF_A_MATCH = 0.9
"""An instance belongs to the box that its outline fills so far, as IoU."""


def read_instances(path: Path) -> NDArray[np.int64]:
    """Instance numbers (H, W) of a grey picture of 8 or 16 bits. Raises DataError where it cannot be read."""
    try:
        with Image.open(path) as image:
            if image.mode not in {"L", "P", "I", "I;16", "I;16B"}:
                raise DataError(f"{path}: instance numbers as 8- or 16-bit grey are expected, this is {image.mode!r}")
            return np.asarray(image).astype(np.int64)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except PICTURE_ERRORS as error:
        raise DataError(f"{path}: the picture is damaged ({error}); write it again") from None


def masks_of_instances(path: Path, boxes: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.bool_]:
    """The masks (N, H, W) of N boxes, out of a picture of instance numbers.

    Instances are told by their outlines; an object that has none (it is hidden) gets an empty mask. boxes: x1 y1 x2 y2
    where the last pixel counts. Raises DataError where the picture is damaged or not of the size (height, width).
    """
    numbers = read_instances(path)
    if numbers.shape != size:
        raise DataError(f"{path}: {numbers.shape} pixels, the annotation says {size}")
    masks = np.zeros((len(boxes), *size), dtype=np.bool_)
    for number in np.unique(numbers[numbers > 0]):
        mask = numbers == number
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        iou = _iou(boxes, np.array([columns[0], rows[0], columns[-1], rows[-1]], dtype=np.float64))
        if len(iou) and iou.max() > IOU_OF_A_MATCH:
            masks[iou.argmax()] = mask
    return masks


def encode(mask: NDArray[np.bool_]) -> dict[str, Any]:
    """A mask (H, W) as COCO run-length code {size, counts}, fit for JSON. Raises UsageError without pycocotools."""
    code = _pycocotools().encode(np.asfortranarray(mask, dtype=np.uint8))
    return {"size": list(mask.shape), "counts": code["counts"].decode("ascii")}


def decode(code: Code | None, size: tuple[int, int]) -> NDArray[np.bool_]:
    """A mask of COCO as (H, W) of a picture of that size; empty for None.

    Raises ValueError where the code is none or of another size, UsageError for outlines without pycocotools.
    """
    if not code:
        return np.zeros(size, dtype=np.bool_)
    try:
        if isinstance(code, dict):
            if list(code["size"]) != list(size):
                raise ValueError(f"a mask of {code['size']} in a picture of {list(size)}")
            runs = run_lengths(code["counts"], size[0] * size[1])
            return np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(size[::-1]).T
        tools = _pycocotools()
        outlines = [[float(value) for value in outline] for outline in code]
        if not all(len(outline) >= 6 and np.isfinite(outline).all() for outline in outlines):
            raise ValueError("an outline has three points or more, x y x y ...")
        if any(np.abs(outline).max() > FAR * max(size) for outline in outlines):
            raise ValueError("an outline goes far out of the picture")  # pycocotools walks all the way
        mask = tools.decode(tools.merge(tools.frPyObjects(outlines, *size)))
    except (KeyError, TypeError, IndexError) as error:
        raise ValueError(f"neither run lengths nor outlines ({error!r})") from None
    return np.asarray(mask, dtype=np.bool_)


def run_lengths(counts: str | bytes | Sequence[int], pixels: int) -> NDArray[np.int64]:
    """The lengths of the runs of background and object in turn, column by column, of COCO's code.

    counts: numbers, or COCO's text of them, where each is base 32, lowest digit first, and from the fourth on the
    difference to the one two before. Raises ValueError where they are not those of so many pixels: pycocotools would
    leave the rest of the mask as the memory happens to be.
    """
    if isinstance(counts, str | bytes):
        text = counts.encode("ascii", "replace") if isinstance(counts, str) else counts
        digits = np.frombuffer(text, np.uint8).astype(np.int64) - 48
        last = np.flatnonzero(digits & 32 == 0)
        if not len(last) or last[-1] != len(digits) - 1 or digits.min() < 0 or digits.max() > 63:
            raise ValueError("run lengths that are no text of COCO's")
        first = np.concatenate([[0], last[:-1] + 1])
        lengths = last - first + 1
        if lengths.max() > 8:
            raise ValueError("a run length of more than 40 bits")
        place = np.arange(len(digits)) - np.repeat(first, lengths)
        runs = np.add.reduceat((digits & 31) << (5 * place), first)
        runs -= np.where(digits[last] & 16, 1 << (5 * lengths), 0)
        runs[1::2] = runs[1::2].cumsum()
        runs[2::2] = runs[2::2].cumsum()
    else:
        runs = np.asarray(counts)
        if runs.ndim != 1 or runs.dtype.kind not in "iu":
            raise ValueError("run lengths that are no whole numbers")
        runs = runs.astype(np.int64)
    if (runs < 0).any() or (runs > pixels).any() or runs.sum() != pixels:
        raise ValueError(f"run lengths of another picture: they do not add up to {pixels} pixels")
    return runs


def size_of(image: Mapping[str, Any]) -> tuple[int, int]:
    """(height, width) of a picture of COCO's annotations. Raises ValueError where no picture is so large."""
    size = int(image["height"]), int(image["width"])
    if min(size) < 1 or size[0] * size[1] > MOST_PIXELS:
        raise ValueError(f"a picture of {size[1]}x{size[0]} pixels")
    return size


def _pycocotools() -> Any:
    try:
        from pycocotools import mask
    except ImportError:
        raise UsageError('masks of COCO need pycocotools; pip install "sightline[coco]"') from None
    return mask


def _iou(boxes: NDArray[np.float64], box: NDArray[np.float64]) -> NDArray[np.float64]:
    low, high = np.maximum(boxes[:, :2], box[:2]), np.minimum(boxes[:, 2:], box[2:])
    common = np.clip(high - low + 1, 0, None).prod(1)
    areas = (boxes[:, 2:] - boxes[:, :2] + 1).prod(1)
    return common / (areas + (box[2:] - box[:2] + 1).prod() - common)
