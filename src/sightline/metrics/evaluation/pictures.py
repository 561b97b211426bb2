"""Reading maps and masks for scoring, as they are stored: no rescaling, no rounding, no guess."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from sightline.errors import DataError
from sightline.metrics.evaluation.layout import Pair, frame_error
from sightline.metrics.evaluation.outputs import MASKS
from sightline.untrusted import PICTURE_ERRORS

LARGEST_LABEL = 64
"""Grey values up to this are object numbers; pictures with higher ones hold a mask of 0 and 255, or no mask."""
ARRAYS = frozenset({".npy", ".npz", ".mat"})
JPEG = frozenset({".jpg", ".jpeg"})
HALF = 128


def read_map(path: Path, top: float | None = None, finite: bool = True) -> Tensor:
    """A saliency map (H, W): uint8 of 8-bit pictures, float64 in [0, 1] of 16-bit ones, floats as they are.

    Reads pictures (grey, or colour with three equal channels), 32-bit float TIFF, .npy, .npz and .mat. top: what stands
    for 1 in arrays of int64 and alike, whose type does not tell, see `integer_top`; by default it is told from this
    file. finite: refuse infinite values, which log-densities may hold. Raises DataError naming the file where it cannot
    be read, is in colour, or holds NaN or infinite values.
    """
    if path.suffix.lower() in ARRAYS:
        array = _read_array(path)
    else:
        image = _open(path)
        if image.mode in {"RGB", "RGBA", "LA", "P"}:
            image = _without_colour(image, path)
        if image.mode not in {"1", "L", "F", "I", "I;16", "I;16B"}:
            raise DataError(f"{path}: a grey map is expected, this is a {image.mode!r} picture; save it as grey PNG")
        array = np.asarray(image)
        if image.mode in {"I", "I;16", "I;16B"}:
            if array.size and (array.min() < 0 or array.max() > 65535):
                raise DataError(f"{path}: grey values up to {array.max()}; 8 or 16 bits are expected")
            array = array.astype(np.uint16)
    if array.ndim != 2 or not array.size:
        raise DataError(f"{path}: a map (height, width) is expected, this has the shape {array.shape}")
    if array.dtype == np.bool_:
        return torch.from_numpy(array.astype(np.uint8) * 255)
    if array.dtype == np.uint8:
        return torch.from_numpy(array.copy())
    if array.dtype.kind in "ui":
        top = _top_of(path, array.dtype, int(array.min()), int(array.max())) if top is None else top
        return torch.from_numpy(array.astype(np.float64) / top)
    if array.dtype.kind != "f":
        raise DataError(f"{path}: real numbers are expected, this holds {array.dtype}")
    values = array.astype(np.float64)
    if not (np.isfinite(values).all() if finite else not np.isnan(values).any()):
        raise DataError(f"{path}: the map holds NaN or infinite values; finite numbers are expected")
    return torch.from_numpy(values)


def integer_top(paths: Iterable[Path]) -> float | None:
    """What stands for 1 in the arrays of a prediction, by all of them together: one dark frame is no scale.

    uint8 and uint16 have a range of their own; None if there are no other integers.
    """
    found: list[tuple[Path, int, int]] = []
    for path in paths:
        if path.suffix.lower() in ARRAYS:
            array = _read_array(path, header=True)
            if array.dtype.kind in "ui" and array.dtype not in (np.uint8, np.uint16) and array.size:
                found.append((path, int(array.min()), int(array.max())))
    if not found:
        return None
    least, most = min(found, key=lambda one: one[1]), max(found, key=lambda one: one[2])
    return _top_of(most[0] if least[1] >= 0 else least[0], np.dtype(np.int64), least[1], most[2])


def read_labels(path: Path) -> tuple[NDArray[np.int32], bool]:
    """The object numbers of a mask (H, W), and whether 255 stands for void (in palette pictures) or an object.

    A picture of 0 and 255 holds one object, number 1, and so does a JPEG, whose greys are cut at half: it keeps no
    object numbers. Palettes, 16-bit pictures, arrays and greys up to 64 hold object numbers.

    Raises DataError naming the file where it is no mask: unreadable, in colour, or grey like a map.
    """
    suffix = path.suffix.lower()
    if suffix in ARRAYS:
        return _labels_of_array(path), False
    image = _open(path)
    if image.mode in {"I", "I;16", "I;16B"}:
        return np.asarray(image).astype(np.int32), False
    palette = image.mode == "P"
    if image.mode in {"RGB", "RGBA", "LA"}:
        image = _without_colour(image, path)
    if image.mode not in {"1", "L", "P"}:
        raise DataError(f"{path}: a mask is expected, this is a {image.mode!r} picture; save it as 8-bit PNG")
    labels = np.asarray(image).astype(np.int32)
    most = int(labels.max(initial=0))
    if palette and not (most == 255 and _is_white(image, 255) and not ((labels > 0) & (labels < 255)).any()):
        return labels, True
    if suffix in JPEG:
        if 0 < most < HALF:
            raise DataError(
                f"{path}: greys up to {most} in a JPEG, which is neither a mask of 0 and 255 nor can it hold object "
                "numbers; save masks as PNG"
            )
        return (labels >= HALF).astype(np.int32), False
    if most <= LARGEST_LABEL:
        return labels, False
    used = np.flatnonzero(np.bincount(labels.ravel()))
    if set(used) <= {0, 255}:
        return labels // 255, False
    raise DataError(
        f"{path}: {len(used)} grey levels up to {most}, which looks like a map rather than a mask of 0 and 255 or of "
        f"object numbers up to {LARGEST_LABEL}; apply a threshold, save numbers as palette PNG, or score it with vsod"
    )


def read_truth(path: Path) -> Tensor:
    """The salient pixels of a ground truth, (H, W) bool: numbers of an object, or grey above 128."""
    if path.suffix.lower() in ARRAYS:
        return torch.from_numpy(_labels_of_array(path) > 0)
    image = _open(path)
    if image.mode in {"RGB", "RGBA", "LA"}:
        image = image.convert("L")
    if image.mode not in {"1", "L", "P"}:
        raise DataError(
            f"{path}: a mask of 8 bits or less is expected, this is a {image.mode!r} picture; save it as 8-bit PNG"
        )
    values = np.asarray(image)
    if image.mode == "L" and values.max(initial=0) > LARGEST_LABEL:
        return torch.from_numpy(values > HALF)
    if image.mode == "L" and path.suffix.lower() in JPEG and values.any():
        raise DataError(f"{path}: greys up to {values.max()} only in a JPEG, which marks no object; save masks as PNG")
    return torch.from_numpy(values != 0)


def predicted_maps(
    pair: Pair, total: int, ends: int = 0, top: float | None = None, finite: bool = True
) -> Iterator[Tensor]:
    """The predicted maps of a pair's frames. total: frames of the whole sequence, of which a video must have as many.

    ends: frames at either end that the pair leaves out. top, finite: see `read_map`. Masks of objects become maps of 0
    and 255.
    """
    if pair.archive is None:
        for path in pair.pred:
            if pair.folder == MASKS.name:
                yield torch.from_numpy((read_labels(path)[0] > 0).astype(np.uint8) * 255)
            else:
                yield read_map(path, top, finite)
        return
    from sightline.video import open_source

    number = 0
    with open_source(pair.archive) as source:
        for number, frame in enumerate(source, start=1):
            if number > total:
                raise DataError(
                    f"{pair.archive}: more than the {total} frames of the ground truth; they must be the same"
                )
            if ends < number <= total - ends:
                # A grey video in colour planes: the mean of the three equal channels, free of rounding.
                yield torch.from_numpy(frame.image.mean(2).round().astype(np.uint8))
    if number < total:
        raise frame_error(pair.archive, [str(index) for index in range(number, total)], [])


def check_size(pred: Tensor | NDArray[Any], gt_size: tuple[int, ...], pred_name: object, gt_name: object) -> None:
    """Raise DataError that names both files unless they have one size."""
    if tuple(pred.shape) != tuple(gt_size):
        raise DataError(
            f"{pred_name}: {pred.shape[1]} x {pred.shape[0]} pixels, but {gt_name} has {gt_size[1]} x {gt_size[0]}; "
            "resize the prediction to the ground truth"
        )


def _top_of(path: Path, kind: np.dtype[Any], least: int, most: int) -> float:
    if kind == np.uint16:
        return 65535.0
    if least < 0 or most > 255:
        raise DataError(
            f"{path}: whole numbers from {least} to {most} of type {kind}, whose range is unknown; save maps as uint8, "
            "uint16 or floats from 0 to 1"
        )
    return 1.0 if most <= 1 else 255.0


def _labels_of_array(path: Path) -> NDArray[np.int32]:
    array = _read_array(path)
    if array.ndim != 2 or not array.size:
        raise DataError(f"{path}: a mask (height, width) is expected, this has the shape {array.shape}")
    if array.dtype.kind not in "buif" or (array != np.round(array)).any() or array.min() < 0 or array.max() > 65535:
        raise DataError(f"{path}: object numbers 0, 1, 2, ... or bool are expected; apply a threshold to a map")
    labels = array.astype(np.int32)
    if array.dtype == np.uint8 and not ((labels > 0) & (labels < 255)).any():
        return labels // 255  # as in a picture
    return labels


def _read_array(path: Path, header: bool = False) -> NDArray[Any]:
    """The one array of a file. header: it may stay on the disk until it is looked at."""
    try:
        if path.suffix.lower() == ".npy":
            return np.asarray(np.load(path, mmap_mode="r" if header else None, allow_pickle=False))
        if path.suffix.lower() == ".npz":
            with np.load(path, allow_pickle=False) as whole:
                found = {name: whole[name] for name in whole.files}
        else:
            from scipy.io import loadmat

            found = {name: value for name, value in loadmat(path).items() if not name.startswith("__")}
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except Exception as error:  # SciPy raises whatever the damage leads to
        wanted = "-v7 (not -v7.3)" if path.suffix.lower() == ".mat" else "numpy.save"
        raise DataError(f"{path}: not an array of numbers that can be read ({error}); save it with {wanted}") from None
    found = {
        name: value for name, value in found.items() if isinstance(value, np.ndarray) and value.dtype.kind in "buif"
    }
    maps = {name: value for name, value in found.items() if value.ndim == 2 and value.size > 1}
    if len(maps) != 1:
        raise DataError(f"{path}: one map is expected in it, there are {', '.join(sorted(maps)) or 'none'}")
    return next(iter(maps.values()))


def _is_white(image: Image.Image, index: int) -> bool:
    palette = image.getpalette() or []
    return palette[3 * index : 3 * index + 3] == [255, 255, 255]


def _open(path: Path) -> Image.Image:
    try:
        image = Image.open(path)
        image.load()
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except UnidentifiedImageError:
        raise DataError(f"{path}: not a picture that can be read; PNG is expected") from None
    except PICTURE_ERRORS as error:
        raise DataError(f"{path}: the picture is damaged ({error}); write it again") from None
    return image


def _without_colour(image: Image.Image, path: Path) -> Image.Image:
    channels = np.asarray(image.convert("RGB"))
    # JPEG blurs colour a little even where there is none.
    slack = 8 if path.suffix.lower() in JPEG else 0
    if (np.ptp(channels, axis=2) > slack).any():
        raise DataError(f"{path}: a grey picture is expected, this is in colour; score the map itself, not an overlay")
    return image.convert("L")
