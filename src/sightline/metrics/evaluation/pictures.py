"""Reading maps and masks for scoring, as they are stored: no rescaling, no rounding."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from sightline.errors import DataError
from sightline.metrics.evaluation.layout import Pair, frame_error

LARGEST_LABEL = 64
"""A grey picture with more levels than this is taken for a map rather than for object numbers."""


def read_map(path: Path) -> Tensor:
    """A saliency map (H, W): uint8 of 8-bit pictures, float64 in [0, 1] of 16-bit ones, floats as they are.

    Reads pictures (grey, or colour with three equal channels), 32-bit float TIFF and .npy. Raises DataError naming the
    file where it cannot be read, is in colour, or holds NaN or infinite values.
    """
    if path.suffix.lower() == ".npy":
        array = _read_array(path)
    else:
        image = _open(path)
        if image.mode in {"RGB", "RGBA", "LA", "P"}:
            image = _without_colour(image, path)
        if image.mode not in {"1", "L", "F", "I", "I;16", "I;16B"}:
            raise DataError(f"{path}: a grey map is expected, this is a {image.mode!r} picture; save it as grey PNG")
        array = np.asarray(image)
    if array.ndim != 2:
        raise DataError(f"{path}: a map (height, width) is expected, this has the shape {array.shape}")
    if array.dtype == np.bool_:
        return torch.from_numpy(array.astype(np.uint8) * 255)
    if array.dtype == np.uint8:
        return torch.from_numpy(array.copy())
    if array.dtype.kind in "ui":
        if array.size and (array.min() < 0 or array.max() > 65535):
            raise DataError(f"{path}: grey values up to {array.max()}; 8 or 16 bits are expected")
        return torch.from_numpy(array.astype(np.float64) / 65535)
    values = array.astype(np.float64)
    if not np.isfinite(values).all():
        raise DataError(f"{path}: the map holds NaN or infinite values; finite numbers are expected")
    return torch.from_numpy(values)


def read_labels(path: Path) -> tuple[NDArray[np.uint8], bool]:
    """The object numbers of a mask (H, W) uint8, and whether 255 stands for void (in palette pictures) or an object.

    A grey picture of 0 and 255 holds one object, number 1.

    Raises DataError naming the file where it is no mask: unreadable, more than 8 bits, or grey like a map.
    """
    image = _open(path)
    palette = image.mode == "P"
    if image.mode in {"RGB", "RGBA", "LA"}:
        image = _without_colour(image, path)
    if image.mode not in {"1", "L", "P"}:
        raise DataError(
            f"{path}: a mask of 8 bits or less is expected, this is a {image.mode!r} picture; save it as 8-bit PNG"
        )
    labels = np.asarray(image).astype(np.uint8)
    if palette:
        return labels, True
    used = np.flatnonzero(np.bincount(labels.ravel()))
    if len(used) > LARGEST_LABEL:
        raise DataError(
            f"{path}: {len(used)} grey levels, which looks like a map rather than a mask; apply a threshold, "
            "or score it with the task vsod"
        )
    return (labels // 255 if set(used) <= {0, 255} else labels), False


def read_truth(path: Path) -> Tensor:
    """The salient pixels of a ground truth, (H, W) bool: nonzero labels of a palette picture, grey above 128."""
    image = _open(path)
    if image.mode in {"RGB", "RGBA", "LA"}:
        image = image.convert("L")
    if image.mode not in {"1", "L", "P"}:
        raise DataError(
            f"{path}: a mask of 8 bits or less is expected, this is a {image.mode!r} picture; save it as 8-bit PNG"
        )
    values = np.asarray(image)
    if image.mode == "L" and values.max(initial=0) > 1:
        return torch.from_numpy(values > 128)
    return torch.from_numpy(values != 0)


def predicted_maps(pair: Pair, total: int, ends: int = 0) -> Iterator[Tensor]:
    """The predicted maps of a pair's frames. total: frames of the whole sequence, of which a video must have as many.

    ends: frames at either end that the pair leaves out.
    """
    if pair.video is None:
        yield from map(read_map, pair.pred)
        return
    from sightline.video import open_source

    number = 0
    with open_source(pair.video) as source:
        for number, frame in enumerate(source, start=1):
            if number > total:
                raise DataError(
                    f"{pair.video}: more than the {total} frames of the ground truth; they must be the same"
                )
            if ends < number <= total - ends:
                # A grey video in colour planes: the mean of the three equal channels, free of rounding.
                yield torch.from_numpy(frame.image.mean(2).round().astype(np.uint8))
    if number < total:
        raise frame_error(pair.video, [str(index) for index in range(number, total)], [])


def check_size(pred: Tensor, gt_size: tuple[int, ...], pred_name: object, gt_name: object) -> None:
    """Raise DataError that names both files unless they have one size."""
    if tuple(pred.shape) != tuple(gt_size):
        raise DataError(
            f"{pred_name}: {pred.shape[1]} x {pred.shape[0]} pixels, but {gt_name} has {gt_size[1]} x {gt_size[0]}; "
            "resize the prediction to the ground truth"
        )


def _read_array(path: Path) -> NDArray[np.generic]:
    try:
        return np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path}: not an array of numbers that can be read ({error}); save it with numpy.save"
        ) from None


def _open(path: Path) -> Image.Image:
    try:
        image = Image.open(path)
        image.load()
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except UnidentifiedImageError:
        raise DataError(f"{path}: not a picture that can be read; PNG is expected") from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(f"{path}: the picture is damaged ({error}); write it again") from None
    return image


def _without_colour(image: Image.Image, path: Path) -> Image.Image:
    channels = np.asarray(image.convert("RGB"))
    # JPEG blurs colour a little even where there is none.
    slack = 8 if path.suffix.lower() in {".jpg", ".jpeg"} else 0
    if (np.ptp(channels, axis=2) > slack).any():
        raise DataError(f"{path}: a grey picture is expected, this is in colour; score the map itself, not an overlay")
    return image.convert("L")
