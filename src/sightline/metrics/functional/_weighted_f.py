"""The weighted F-measure (Margolin et al., CVPR 2014): errors near the object weigh less, within it they are smoothed.

The costly part is the distance of every background pixel to the object. It enters as 2^(-distance / 5), which is below
1e-8 beyond 133 pixels, so distances are measured in the object's surroundings only, on as many threads as torch has.
"""

from __future__ import annotations

import functools
import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import correlate1d, distance_transform_edt
from torch import Tensor

from sightline.metrics.functional._inputs import EPS, maps, masks, same_size

REACH = math.ceil(5 * math.log2(1e8))


def weighted_f(pred: Tensor, gt: Tensor, beta2: float = 1.0, stretch: bool = False) -> Tensor:
    """Weighted F-measure of maps (..., H, W), uint8 or in [0, 1], against masks; NaN where no pixel is salient.

    stretch: first bring each map's own range to [0, 1]. Computed on the CPU in float64, whatever the device.
    """
    same_size(pred, gt, ("pred", "gt"))
    shape, size = pred.shape[:-2], pred.shape[-2:]
    truth = masks(gt, "gt").reshape(-1, *size).cpu().numpy()
    values = maps(pred, "pred").reshape(-1, *size).cpu().double().numpy()

    def score(index: int) -> float:
        value = values[index] / 255 if pred.dtype == torch.uint8 else values[index]
        return _score(_stretched(value) if stretch else value, truth[index], beta2)

    with ThreadPoolExecutor(torch.get_num_threads()) as threads:
        scores = list(threads.map(score, range(len(truth))))
    return torch.tensor(scores, dtype=torch.float64, device=pred.device).reshape(shape)


def _score(pred: NDArray[np.float64], gt: NDArray[np.bool_], beta2: float) -> float:
    salient = int(np.count_nonzero(gt))
    if salient == 0:
        return math.nan
    error_inside, false = _errors(pred, gt)
    recall = 1 - error_inside / salient
    hits = salient - error_inside
    precision = hits / (hits + false + EPS)
    return (1 + beta2) * recall * precision / (recall + beta2 * precision + EPS)


def _errors(pred: NDArray[np.float64], gt: NDArray[np.bool_]) -> tuple[float, float]:
    """The weighted errors summed over the object and over the background."""
    near = _box(gt, REACH)
    local, mask = pred[near], gt[near]
    nearest = distance_transform_edt(~mask, return_distances=False, return_indices=True)
    rows, columns = (np.arange(length, dtype=np.int32) for length in mask.shape)
    squared = (nearest[0] - rows[:, None]) ** 2 + (nearest[1] - columns) ** 2
    # Background: error x (2 - 2^(-distance / 5)); the pixels of the object itself have distance 0 and weight 1.
    decay = _decay()[np.minimum(squared, REACH**2 + 1)]
    background = pred.sum() - local[mask].sum()
    false = 2 * background - float(np.vdot(np.where(mask, 0.0, local), decay))

    # Object: the error, or its smoothed value if lower; pixels just outside take the error of the nearest inside.
    close = _box(mask, 3)
    error = np.abs(local - mask)[close]
    spread = np.abs(local - mask)[nearest[0][close], nearest[1][close]]
    smooth = correlate1d(correlate1d(spread, _kernel(), 0, mode="constant"), _kernel(), 1, mode="constant")
    return float(np.minimum(error, smooth)[mask[close]].sum()), false


def _box(mask: NDArray[np.bool_], margin: int) -> tuple[slice, slice]:
    """The rows and columns that hold the set pixels, and `margin` more to every side."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return (
        slice(max(0, int(rows[0]) - margin), int(rows[-1]) + margin + 1),
        slice(max(0, int(columns[0]) - margin), int(columns[-1]) + margin + 1),
    )


@functools.cache
def _decay() -> NDArray[np.float64]:
    """2^(-distance / 5) by squared distance; 0 beyond the reach."""
    table = np.exp2(-np.sqrt(np.arange(REACH**2 + 2)) / 5)
    table[-1] = 0
    return table


@functools.cache
def _kernel() -> NDArray[np.float64]:
    """Seven taps of a Gaussian of sigma 5, whose square is the kernel of the paper."""
    taps = np.exp(-(np.arange(-3, 4) ** 2) / 50)
    return taps / taps.sum()


def _stretched(values: NDArray[np.float64]) -> NDArray[np.float64]:
    low, high = values.min(), values.max()
    return values if low == high else (values - low) / (high - low)
