"""The sums of a frame from which MAE, S-, E- and F-measure follow, taken in one pass over its pixels."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from sightline.errors import UsageError
from sightline.metrics.functional._inputs import by_frame, maps, masks, same_size

LEVELS = 256


class Summary(NamedTuple):
    """All that MAE, S, E and F need of B frames.

    above: (B, 2, 256) pixels of background and object at or above the threshold k / 255.
    adaptive: (B, 2) the same at the adaptive threshold, twice the mean, at most 1.
    size, total, spread: (B, 4, 2) number, sum and sum of squared deviations from their mean of the pixels of
        background and object in each quadrant around the object's centre, row by row.
    """

    above: Tensor
    adaptive: Tensor
    size: Tensor
    total: Tensor
    spread: Tensor


def summarize(pred: Tensor, gt: Tensor, stretch: bool = False, floor: bool = False, half_even: bool = False) -> Summary:
    """Sum up the frames pred (..., H, W), uint8 or float in [0, 1], and gt (..., H, W) bool, as one batch.

    stretch: first bring each map's own range to [0, 1], as the MATLAB tools do; constant maps stay as they are.
    floor: compare floor(255 x value) with the thresholds rather than the value, as py-sod-metrics does; rounding then
        moves some pixels to the level below. half_even: see `centre`.
    """
    same_size(pred, gt, ("pred", "gt"))
    gt = masks(gt, "gt").reshape(-1, *gt.shape[-2:])
    if pred.dtype == torch.uint8:
        grey = pred.reshape(gt.shape)
        return _stacked(
            by_frame(lambda g, m: _of_grey_levels(g.flatten(), _cells(m, half_even), stretch, floor), grey, gt)
        )
    values = maps(pred, "pred").reshape(len(gt), -1)
    low, high = values.aminmax(dim=1, keepdim=True)
    if not stretch and bool((low < 0).any() | (high > 1).any()):
        raise UsageError(
            f"`pred`: values from {float(low.min()):g} to {float(high.max()):g}; "
            "a map from 0 to 1 (or uint8) is expected"
        )

    def of_frame(value: Tensor, bottom: Tensor, top: Tensor, mask: Tensor) -> Summary:
        return _of_values(_stretch(value, bottom, top) if stretch else value, _cells(mask, half_even), floor)

    return _stacked(by_frame(of_frame, values, low, high, gt))


def _stacked(frames: list[Summary]) -> Summary:
    return Summary(*(torch.stack(parts) for parts in zip(*frames, strict=True)))


def centre(gt: Tensor, half_even: bool = False) -> tuple[Tensor, Tensor]:
    """Row and column (B,) of the centre of each object (B, H, W), rounded; that of the frame where there is none.

    A centre between two pixels is the one further down or to the right, as in the code of the measure's authors;
    half_even: the even one, as NumPy rounds and with it py-sod-metrics.
    """
    # torch sums bytes to int32 several times as fast as booleans to int64.
    rows, columns = (gt.view(torch.uint8).sum(axis, dtype=torch.int32).long() for axis in (2, 1))
    salient = rows.sum(1)

    def middle(marginal: Tensor) -> Tensor:
        total = (marginal * torch.arange(marginal.shape[1], device=gt.device)).sum(1)
        if half_even:
            centre = (total.double() / salient).round()
        else:  # in whole numbers, where a half is a half
            centre = ((2 * total + salient) // (2 * salient).clamp(min=1)).double()
        return torch.where(salient > 0, centre, round(marginal.shape[1] / 2))

    return middle(rows), middle(columns)


def _cells(gt: Tensor, half_even: bool) -> Tensor:
    """The cell 0..7 of every pixel of one frame (H, W), as (H * W,): 2 x quadrant around the object's centre + object.

    The centre belongs to the upper left quadrant.
    """
    row, column = centre(gt[None], half_even)
    low = torch.arange(gt.shape[0], device=gt.device) > row
    right = torch.arange(gt.shape[1], device=gt.device) > column
    return (4 * low[:, None].to(torch.int16) + 2 * right.to(torch.int16) + gt).flatten()


def _of_grey_levels(grey: Tensor, cell: Tensor, stretch: bool, floor: bool) -> Summary:
    """Of one uint8 map (N,): its joint histogram of grey levels and cells holds everything, exactly."""
    counts = torch.bincount(grey + LEVELS * cell, minlength=8 * LEVELS).double().reshape(4, 2, LEVELS)
    table = torch.arange(LEVELS, device=grey.device, dtype=torch.float64) / 255
    if stretch:
        present = table[counts.sum((0, 1)) > 0]
        table = _stretch(table, present.min(), present.max()).clamp(0, 1)
    size, total = counts.sum(-1), (counts * table).sum(-1)
    spread = (counts * (table - (total / size.clamp(min=1))[..., None]).square()).sum(-1)
    by_object = counts.sum(0)
    adaptive = (by_object * (table >= _adaptive_threshold(size, total))).sum(-1)
    level = _level(table, floor).expand_as(by_object)
    above = _from_the_top(torch.zeros_like(by_object).scatter_add_(1, level, by_object))
    return Summary(above, adaptive, size, total, spread)


def _of_values(values: Tensor, cell: Tensor, floor: bool) -> Summary:
    """Of one float map (N,)."""
    cell = cell.long()
    size, total = torch.bincount(cell, minlength=8).to(values.dtype), torch.bincount(cell, values, minlength=8)
    deviation = values - (total / size.clamp(min=1))[cell]
    spread = torch.bincount(cell, deviation.square_(), minlength=8)
    size, total, spread = (sums.reshape(4, 2) for sums in (size, total, spread))
    inside = cell & 1
    adaptive = torch.bincount(inside[values >= _adaptive_threshold(size, total)], minlength=2)
    by_object = torch.bincount(_level(values, floor) + LEVELS * inside, minlength=2 * LEVELS).reshape(2, LEVELS)
    above = _from_the_top(by_object.to(values.dtype))
    return Summary(above, adaptive.to(values.dtype), size, total, spread)


def _stretch(values: Tensor, low: Tensor, high: Tensor) -> Tensor:
    return torch.where(high > low, (values - low) / torch.where(high > low, high - low, 1.0), values)


def _adaptive_threshold(size: Tensor, total: Tensor) -> Tensor:
    """Twice the mean of a map, at most 1."""
    return (2 * total.sum() / size.sum()).clamp(max=1)


def _level(values: Tensor, floor: bool) -> Tensor:
    """The highest k in 0..255 with values >= k / 255; with 2^-22 to spare, so that k / 255 in float32 makes it."""
    scale = 255.0 if floor else 255 * (1 + 2.0**-22)
    return (values * scale).to(torch.int64).clamp_(max=LEVELS - 1)


def _from_the_top(counts: Tensor) -> Tensor:
    return counts.flip(-1).cumsum(-1).flip(-1)
