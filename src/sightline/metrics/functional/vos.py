"""How well masks follow an object: region similarity J, contour accuracy F, temporal stability T, and statistics.

The measures of DAVIS (Perazzi et al., CVPR 2016). Masks are (..., H, W) bool, results (...) float64.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from sightline.metrics.functional import _bits, _stability
from sightline.metrics.functional._inputs import masks, same_size


def region_similarity(pred: Tensor, gt: Tensor, void: Tensor | None = None, empty: float = 1.0) -> Tensor:
    """J: intersection over union of two masks.

    pred, gt: (..., H, W) bool, or 0 and 1. void: (..., H, W) bool, pixels that do not count. empty: the score where
    both masks are empty, 1 in DAVIS.
    """
    return _region(*_packed(pred, gt, void), empty)


def contour_accuracy(
    pred: Tensor, gt: Tensor, void: Tensor | None = None, empty: float = 1.0, tolerance: float = 0.008
) -> Tensor:
    """F: F-measure of contour pixels that have a contour pixel of the other mask nearby.

    pred, gt: (..., H, W) bool, or 0 and 1. void: (..., H, W) bool, pixels that do not count. empty: the score where
    neither mask has a contour, 1 in DAVIS. tolerance: how far "nearby" is, as a fraction of the diagonal, rounded up
    to whole pixels; 1 or more is in pixels.
    """
    return _contour(*_packed(pred, gt, void), pred.shape[-2:], empty, tolerance)


def j_and_f(
    pred: Tensor, gt: Tensor, void: Tensor | None = None, empty: float = 1.0, tolerance: float = 0.008
) -> tuple[Tensor, Tensor]:
    """`region_similarity` and `contour_accuracy` of the same masks, read once."""
    packed = _packed(pred, gt, void)
    return _region(*packed, empty), _contour(*packed, pred.shape[-2:], empty, tolerance)


def instability(before: Tensor, after: Tensor, scale: float = 5.0) -> Tensor:
    """T: how much the outline of a mask changes from one frame to the next, 0 for none; NaN where one is empty.

    before, after: (..., H, W) bool. scale: DAVIS multiplies by 5 to bring T to the range of J and F.
    """
    same_size(before, after, ("before", "after"))
    pairs = zip(*(masks(x, "mask").reshape(-1, *x.shape[-2:]).cpu().numpy() for x in (before, after)), strict=True)
    scores = torch.tensor([scale * _stability.instability(a, b) for a, b in pairs], dtype=torch.float64)
    return scores.reshape(before.shape[:-2]).to(before.device)


class Statistics(NamedTuple):
    """How a measure fares over a sequence; () float64 each."""

    mean: Tensor
    recall: Tensor
    decay: Tensor


def statistics(scores: Tensor) -> Statistics:
    """Mean, recall (share of frames above 0.5) and decay (first quarter minus last) of per-frame scores (T,).

    Frames that are NaN are left out; the quarters are those of all frames, each with both its ends, as in DAVIS.
    """
    scores = scores.to(torch.float64)
    if scores.numel() == 0 or bool(scores.isnan().all()):
        return Statistics(*scores.new_full((3,), float("nan")))
    scored = scores[~scores.isnan()]
    # MATLAB's round takes halves upwards.
    edges = [math.floor(1 + (len(scores) - 1) * quarter / 4 + 0.5) - 1 for quarter in range(5)]
    decay = scores[edges[0] : edges[1] + 1].nanmean() - scores[edges[3] : edges[4] + 1].nanmean()
    return Statistics(scored.mean(), (scored > 0.5).to(torch.float64).mean(), decay)


def contour(mask: Tensor) -> Tensor:
    """Contour pixels of masks (..., H, W): those that differ from their right, lower or lower right neighbour."""
    packed = _contour_bits(_bits.pack(masks(mask, "mask")), mask.shape[-1])
    bits = torch.arange(_bits.WORD, device=mask.device)
    return (packed[..., None] >> bits & 1).flatten(-2)[..., : mask.shape[-1]].bool()


def _packed(pred: Tensor, gt: Tensor, void: Tensor | None) -> tuple[Tensor, Tensor]:
    same_size(pred, gt, ("pred", "gt"))
    first, second = _bits.pack(masks(pred, "pred")), _bits.pack(masks(gt, "gt"))
    if void is None:
        return first, second
    same_size(void, gt, ("void", "gt"))
    keep = ~_bits.pack(masks(void, "void"))
    return first & keep, second & keep


def _region(pred: Tensor, gt: Tensor, empty: float) -> Tensor:
    common, union = _bits.count(pred & gt), _bits.count(pred | gt)
    return torch.where(union > 0, common.double() / union.clamp(min=1), empty)


def _contour(pred: Tensor, gt: Tensor, size: torch.Size, empty: float, tolerance: float) -> Tensor:
    radius = math.ceil(tolerance if tolerance >= 1 else tolerance * math.hypot(*size))
    both = _contour_bits(torch.stack([pred, gt]), size[-1])
    rows, words = _bits.crop(both)
    both = both[..., rows, words]  # contours fill a small part of most frames
    number = _bits.count(both)
    near = _bits.count(both & _bits.dilate(both, radius).flip(0)).double()
    precision, recall = near / number.clamp(min=1)
    f = torch.where(precision + recall > 0, 2 * precision * recall / (precision + recall), 0.0)
    return torch.where(number.sum(0) > 0, f, empty)


def _contour_bits(mask: Tensor, width: int) -> Tensor:
    last, bit = divmod(width - 1, _bits.WORD)
    east, south = _bits.shift_left(mask), _bits.shift_up(mask)
    edge = mask ^ east | mask ^ south | mask ^ _bits.shift_left(south)
    # The last row has no lower, the last column no right neighbour: the reference compares along the border only.
    edge[..., -1, :] = mask[..., -1, :] ^ east[..., -1, :]
    column = (mask ^ south)[..., last] & (1 << bit)
    column[..., -1] = 0
    edge[..., last] = edge[..., last] & ((1 << bit) - 1) | column
    return edge
