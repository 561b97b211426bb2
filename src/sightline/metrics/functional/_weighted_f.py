"""The weighted F-measure (Margolin et al., CVPR 2014): errors near the object weigh less, within it they are smoothed.

The costly part is the distance of every background pixel to the object. It enters as 2^(-distance / 5), which is below
4e-6 beyond 90 pixels; leaving it out there moves the score by less than 5e-7. So distances are measured in the object's
surroundings only, and frames go to as many threads as torch has.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import correlate1d, distance_transform_edt
from torch import Tensor

from sightline.metrics.functional._inputs import EPS, by_frame, maps, masks, same_size

REACH = 90
BLOCK = 16


def weighted_f(pred: Tensor, gt: Tensor, beta2: float = 1.0, stretch: bool = False) -> Tensor:
    """Weighted F-measure of maps (..., H, W), uint8 or in [0, 1], against masks; NaN where no pixel is salient.

    stretch: first bring each map's own range to [0, 1]. Computed on the CPU in float64, whatever the device.
    """
    same_size(pred, gt, ("pred", "gt"))
    shape, size = pred.shape[:-2], pred.shape[-2:]
    truth = masks(gt, "gt").reshape(-1, *size).cpu().numpy()
    values = pred if pred.dtype == torch.uint8 else maps(pred, "pred").double()
    frames = values.reshape(-1, *size).cpu().numpy()
    scores = by_frame(lambda value, mask: _score(value, mask, beta2, stretch), frames, truth)
    return torch.tensor(scores, dtype=torch.float64, device=pred.device).reshape(shape)


def _score(pred: NDArray[Any], gt: NDArray[np.bool_], beta2: float, stretch: bool) -> float:
    salient = int(np.count_nonzero(gt))
    if salient == 0:
        return math.nan
    inside, outside = _errors(pred, gt, salient, *_scale(pred, stretch))
    recall = 1 - inside / salient
    precision = (salient - inside) / (salient - inside + outside + EPS)
    return (1 + beta2) * recall * precision / (recall + beta2 * precision + EPS)


def _scale(pred: NDArray[Any], stretch: bool) -> tuple[float, float]:
    """The values that stand for 0 and 1 in a map."""
    top = 255.0 if pred.dtype == np.uint8 else 1.0
    low, high = (float(pred.min()), float(pred.max())) if stretch else (0.0, top)
    return (0.0, top) if low == high else (low, high)


def _errors(pred: NDArray[Any], gt: NDArray[np.bool_], salient: int, low: float, high: float) -> tuple[float, float]:
    """The weighted errors summed over the object and over the background."""
    near = _box(gt, REACH)
    mask, local = gt[near], pred[near]
    rows, columns = distance_transform_edt(~mask, return_distances=False, return_indices=True)

    # Object: the error, or its smoothed value if lower; pixels just outside take the error of the nearest inside.
    close = _box(mask, 3)
    error = (high - local[close]) * mask[close] / (high - low)
    width, corner = error.shape[1], close[0].start * error.shape[1] + close[1].start
    spread = np.take(error, rows[close] * width + (columns[close] - corner))
    inside = float(np.minimum(error, _smooth(spread)).sum())

    # Background: error x (2 - 2^(-distance / 5)), where the distance is beyond reach error x 2.
    whole = pred.sum(dtype=np.uint64 if pred.dtype == np.uint8 else np.float64)
    outside = (float(whole) - low * pred.size) / (high - low) - (salient - float(error.sum()))
    faded = 0.0
    across = _count(mask.shape[1])
    for top in range(0, mask.shape[0], BLOCK):  # a few rows at a time stay in the processor's cache
        block = slice(top, top + BLOCK)
        squared = np.square(rows[block] - _count(mask.shape[0])[block, None]) + np.square(columns[block] - across)
        faded += float(((local[block] - low) * np.take(_decay(), squared, mode="clip")).sum())
    return inside, 2 * outside - faded / (high - low)


def _smooth(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return correlate1d(correlate1d(values, _kernel(), 0, mode="constant"), _kernel(), 1, mode="constant")


def _count(length: int) -> NDArray[np.int32]:
    return np.arange(length, dtype=np.int32)


def _box(mask: NDArray[np.bool_], margin: int) -> tuple[slice, slice]:
    """The rows and columns that hold the set pixels, and `margin` more to every side."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return (
        slice(max(0, int(rows[0]) - margin), int(rows[-1]) + margin + 1),
        slice(max(0, int(columns[0]) - margin), int(columns[-1]) + margin + 1),
    )


@functools.cache
def _decay() -> NDArray[np.float64]:
    """2^(-distance / 5) by squared distance; 0 beyond the reach, and for the object itself."""
    table = np.exp2(-np.sqrt(np.arange(REACH**2 + 2)) / 5)
    table[0] = table[-1] = 0
    return table


@functools.cache
def _kernel() -> NDArray[np.float64]:
    """Seven taps of a Gaussian of sigma 5, whose square is the kernel of the paper."""
    taps = np.exp(-(np.arange(-3, 4) ** 2) / 50)
    return taps / taps.sum()
