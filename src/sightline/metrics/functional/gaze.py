"""How well gaze is followed: where someone looks (AUC, distance, angle) and at which object (SoC).

Points are (..., 2), x before y, as fractions of the picture's width and height; results are (...) float64 and NaN where
there is nothing to score.
"""

from __future__ import annotations

import torch
from torch import Tensor

from sightline.errors import UsageError
from sightline.metrics.functional._inputs import maps, masks
from sightline.metrics.functional.fixation import auc_of_values


def heatmap_auc(heatmap: Tensor, point: Tensor) -> Tensor:
    """Chance that the pixel someone looks at is hotter than another one, ties counted half; (..., H, W), (..., 2)."""
    values = maps(heatmap, "heatmap")
    height, width = values.shape[-2:]
    hit = _pixel(point, height, width)
    values = values.flatten(-2)
    own = values.gather(-1, hit[..., None])
    others = height * width - 1
    if others == 0:
        return torch.full(point.shape[:-1], float("nan"), dtype=torch.float64)
    below, ties = (values < own).sum(-1), (values == own).sum(-1) - 1
    return (below + ties / 2) / others


def grid_auc(heatmap: Tensor, point: Tensor, cells: int = 5) -> Tensor:
    """`heatmap_auc` on a grid of 5 x 5 cells, as the GOO benchmark has it: (..., H, W) and (..., 2).

    The map is resized by bilinear interpolation at the cells' centres, without averaging over the cells.
    """
    return heatmap_auc(grid(heatmap, cells), point)


def pooled_grid_auc(heatmap: Tensor, point: Tensor, cells: int = 5) -> Tensor:
    """One ROC curve over the cells of all images together, as GaTector and SamGOP have it: (B, H, W), (B, 2) to ()."""
    values = grid(heatmap, cells).flatten(-2)
    hit = torch.zeros_like(values, dtype=torch.bool).scatter_(-1, _pixel(point, cells, cells)[..., None], True)
    return auc_of_values(values[hit], values[~hit])


def grid(heatmap: Tensor, cells: int = 5) -> Tensor:
    """Heatmaps (..., H, W) sampled at the centres of cells x cells, by bilinear interpolation."""
    values = maps(heatmap, "heatmap")
    for axis in (-2, -1):
        length = values.shape[axis]
        at = ((torch.arange(cells, device=values.device) + 0.5) * length / cells - 0.5).clamp(0, length - 1)
        low = at.floor().long()
        share = (at - low).to(values.dtype)
        first, second = values.index_select(axis, low), values.index_select(axis, (low + 1).clamp(max=length - 1))
        # As a step from the first value, equal values stay exactly equal: no ties are decided by rounding.
        values = first + (second - first) * (share[:, None] if axis == -2 else share)
    return values


def heatmap_point(heatmap: Tensor, centred: bool = True) -> Tensor:
    """The hottest pixel of (..., H, W), the first of several: (..., 2). centred: its centre, not its corner."""
    values = maps(heatmap, "heatmap")
    width = values.shape[-1]
    at = values.flatten(-2).argmax(-1)
    corner = torch.stack([at % width, at // width], dim=-1).double()
    return (corner + (0.5 if centred else 0)) / torch.tensor([width, values.shape[-2]], dtype=torch.float64)


def distance(pred: Tensor, gt: Tensor) -> Tensor:
    """L2 distance of points (..., 2), in the unit square that the picture is stretched to."""
    return torch.linalg.vector_norm(pred.double() - gt.double(), dim=-1)


def angular_error(
    pred: Tensor, gt: Tensor, eye: Tensor, size: tuple[float, float] = (1, 1), damping: float = 0.0
) -> Tensor:
    """Angle in degrees, 0 to 180, between the directions from the eye to the predicted and to the true point.

    pred, gt, eye: (..., 2). size: (height, width) of the picture, for the angle as seen in it; the benchmarks measure
    it in the unit square. NaN where a point coincides with the eye. damping: GOO adds 1e-6 to the product of the two
    lengths, so that such a point scores 90 degrees and points near the eye come out up to some degrees wrong.
    """
    scale = torch.tensor([size[1], size[0]], dtype=torch.float64)
    first, second = (pred.double() - eye) * scale, (gt.double() - eye) * scale
    shared = (first * second).sum(-1)
    if damping:
        lengths = torch.linalg.vector_norm(first, dim=-1) * torch.linalg.vector_norm(second, dim=-1)
        return (shared / (lengths + damping)).clamp(-1, 1).acos().rad2deg()
    cross = first[..., 0] * second[..., 1] - first[..., 1] * second[..., 0]
    angle = torch.atan2(cross.abs(), shared).rad2deg()
    apart = (first != 0).any(-1) & (second != 0).any(-1)
    return torch.where(apart, angle, float("nan"))


def nearest_box(point: Tensor, boxes: Tensor) -> Tensor:
    """The index of the box whose centre is nearest to a point: (..., 2) and (N, 4) x0 y0 x1 y1 in the same unit.

    GOO's class-aware proximate accuracy (CPA) asks whether this box has the class of the one looked at.
    """
    boxes = _boxes(boxes, "boxes")
    if len(boxes) == 0:
        raise UsageError("`boxes`: at least one box is expected")
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    return torch.linalg.vector_norm(centres - point.double()[..., None, :], dim=-1).argmin(-1)


def gazefollow_auc(heatmap: Tensor, annotators: Tensor, size: tuple[int, int]) -> Tensor:
    """AUC of GazeFollow: the heatmap at the picture's size, every pixel that an annotator pointed at is a positive.

    heatmap: (H, W). annotators: (N, 2) x, y as fractions of the picture; negative ones saw no target and are left out.
    size: (height, width) of the picture in pixels. NaN where nobody saw a target.
    """
    values = maps(heatmap, "heatmap")
    if values.ndim != 2:
        raise UsageError(f"`heatmap`: one heatmap (H, W) is expected, got {list(values.shape)}")
    large = torch.nn.functional.interpolate(values[None, None], tuple(size), mode="bilinear", align_corners=False)
    seen = annotators[(annotators >= 0).all(-1)].double()
    hit = torch.zeros(size[0] * size[1], dtype=torch.bool, device=values.device)
    if len(seen):
        hit[_pixel(seen.clamp(max=1), *size)] = True
    return auc_of_values(large.flatten()[hit], large.flatten()[~hit])


def gazefollow_distance(heatmap: Tensor, annotators: Tensor, only_seen: bool = False) -> tuple[Tensor, Tensor]:
    """Distances of GazeFollow in the unit square: to the annotators' mean point and to the nearest of their points.

    heatmap: (H, W); its point is the corner of the hottest pixel. annotators: (N, 2) x, y as fractions of the picture.
    The code of the benchmark takes the (-1, -1) of annotators who saw no target for points too; only_seen leaves them
    out.
    """
    points = annotators[(annotators >= 0).all(-1)] if only_seen else annotators
    if len(points) == 0:
        nothing = torch.tensor(float("nan"), dtype=torch.float64)
        return nothing, nothing
    point = heatmap_point(heatmap, centred=False)
    return distance(point, points.double().mean(0)), distance(point, points).min()


VAT_CELLS = 64
VAT_REACH = 9
"""Three standard deviations of the 3 cells that VideoAttentionTarget blurs a target by."""


def vat_auc(heatmap: Tensor, point: Tensor) -> Tensor:
    """AUC of VideoAttentionTarget on its 64 x 64 cells: the positives are a square of 19 x 19 about the target.

    heatmap: (64, 64). point: (2,) x, y as fractions of the picture. The square stops before the last row and column, as
    in the code that later papers share. NaN for a target outside of the picture (negative).
    """
    values = maps(heatmap, "heatmap")
    if tuple(values.shape) != (VAT_CELLS, VAT_CELLS):
        raise UsageError(f"`heatmap`: {VAT_CELLS} x {VAT_CELLS} cells are expected, got {list(values.shape)}")
    x, y = (point.double() * VAT_CELLS).tolist()
    hit = torch.zeros_like(values, dtype=torch.bool)
    if min(x, y) >= 0:
        (left, right), (top, bottom) = (
            (max(0, int(c - VAT_REACH)), min(int(c + VAT_REACH + 1), VAT_CELLS - 1)) for c in (x, y)
        )
        hit[top:bottom, left:right] = True
    return auc_of_values(values[hit], values[~hit])


def vat_distance(heatmap: Tensor, point: Tensor) -> Tensor:
    """Distance of VideoAttentionTarget in the unit square, from the corner of the hottest pixel; (H, W) and (2,).

    NaN for a target outside of the picture (negative).
    """
    apart = distance(heatmap_point(heatmap, centred=False), point)
    return torch.where((point >= 0).all(-1), apart, float("nan"))


def inout_ap(scores: Tensor, labels: Tensor) -> Tensor:
    """Average precision of the scores (N,) that somebody's target is inside of the picture; labels (N,) bool or 0, 1.

    The sum of precision x gain in recall down the scores, where equal ones count together (no interpolation). NaN
    without a positive.
    """
    if scores.ndim != 1 or scores.shape != labels.shape:
        raise UsageError(f"`scores` is {list(scores.shape)} and `labels` is {list(labels.shape)}; (N,) is expected")
    if bool(scores.isnan().any()):
        raise UsageError("`scores`: NaN is no score")
    if not bool(((labels == 0) | (labels == 1)).all()):
        raise UsageError("`labels`: 0 and 1 are expected")
    order = scores.double().argsort(descending=True)
    ranked, hits = scores.double()[order], labels[order].double().cumsum(0)
    last = torch.ones(len(ranked), dtype=torch.bool, device=scores.device)
    last[:-1] = ranked[1:] != ranked[:-1]
    number = torch.arange(1, len(ranked) + 1, device=scores.device)[last]
    found = hits[last]
    gained = torch.diff(found, prepend=found.new_zeros(1))
    return (gained * found / number).sum() / labels.double().sum()


def soc_boxes(pred: Tensor, gt: Tensor, inclusive: bool = False) -> Tensor:
    """Min single over closure of boxes (N, 4) and (M, 4), x0 y0 x1 y1: (N, M) in [0, 1], 1 for equal boxes.

    With a the smallest box around both: min(|p|, |g|) / |a| x |p or g| / |a|. Unlike IoU it tells disjoint boxes apart
    by how far they are. inclusive: x1 and y1 are the last pixels, as in the code of SamGOP.
    """
    pred, gt = _boxes(pred, "pred")[:, None], _boxes(gt, "gt")[None]
    more = 1.0 if inclusive else 0.0
    closure = _area(torch.minimum(pred[..., :2], gt[..., :2]), torch.maximum(pred[..., 2:], gt[..., 2:]), more)
    common = _area(torch.maximum(pred[..., :2], gt[..., :2]), torch.minimum(pred[..., 2:], gt[..., 2:]), more)
    first, second = (_area(box[..., :2], box[..., 2:], more) for box in (pred, gt))
    union = first + second - common
    return torch.where(closure > 0, torch.minimum(first, second) * union / closure**2, 0.0)


def soc_masks(pred: Tensor, gt: Tensor) -> Tensor:
    """SoC of masks (N, H, W) and (M, H, W) by their pixels: min(|p|, |g|) / |p or g|, (N, M).

    The closure of two masks is their union, so that equal masks score 1. 0 where both are empty.
    """
    first, second = masks(pred, "pred").flatten(1).double(), masks(gt, "gt").flatten(1).double()
    sizes = first.sum(1)[:, None], second.sum(1)[None]
    union = sizes[0] + sizes[1] - first @ second.T
    return torch.where(union > 0, torch.minimum(*torch.broadcast_tensors(*sizes)) / union, 0.0)


def tight_boxes(mask: Tensor) -> Tensor:
    """The first and last column and row of masks (N, H, W), as x0 y0 x1 y1 (N, 4); -1 throughout for an empty one."""
    mask = masks(mask, "mask")
    found = torch.full((len(mask), 4), -1.0, dtype=torch.float64)
    for index, one in enumerate(mask):
        rows, columns = one.any(1).nonzero().flatten(), one.any(0).nonzero().flatten()
        if len(rows):
            found[index] = torch.tensor([columns[0], rows[0], columns[-1], rows[-1]], dtype=torch.float64)
    return found


def _area(low: Tensor, high: Tensor, more: float) -> Tensor:
    return (high - low + more).clamp(min=0).prod(-1)


def _boxes(boxes: Tensor, name: str) -> Tensor:
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise UsageError(f"`{name}`: boxes (N, 4) are expected, got {list(boxes.shape)}")
    if bool((boxes[:, 2:] < boxes[:, :2]).any()):
        raise UsageError(f"`{name}`: a box ends before it begins; x0 y0 x1 y1 with x0 <= x1 and y0 <= y1 is expected")
    return boxes.double()


def _pixel(point: Tensor, height: int, width: int) -> Tensor:
    """The index of the pixel that holds each point (..., 2)."""
    if bool(((point < 0) | (point > 1)).any()):
        raise UsageError("`point`: x and y as fractions of the picture, 0 to 1, are expected; divide by its size")
    column = (point[..., 0] * width).long().clamp(max=width - 1)
    return (point[..., 1] * height).long().clamp(max=height - 1) * width + column
