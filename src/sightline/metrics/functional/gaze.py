"""How well gaze is followed: where someone looks (AUC, distance, angle) and at which object (SoC).

Points are (..., 2), x before y, as fractions of the picture's width and height; results are (...) float64 and NaN where
there is nothing to score.
"""

from __future__ import annotations

import torch
from torch import Tensor

from sightline.errors import DataError
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
    """Heatmaps (..., H, W) sampled at the centres of cells x cells."""
    values = maps(heatmap, "heatmap")
    flat = values.reshape(-1, 1, *values.shape[-2:])
    small = torch.nn.functional.interpolate(flat, (cells, cells), mode="bilinear", align_corners=False)
    return small.reshape(*values.shape[:-2], cells, cells)


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


def angular_error(pred: Tensor, gt: Tensor, eye: Tensor, size: tuple[float, float] = (1, 1)) -> Tensor:
    """Angle in degrees, 0 to 180, between the directions from the eye to the predicted and to the true point.

    pred, gt, eye: (..., 2). size: (height, width) of the picture, for the angle as seen in it; the benchmarks measure
    it in the unit square. NaN where a point coincides with the eye.
    """
    scale = torch.tensor([size[1], size[0]], dtype=torch.float64)
    first, second = (pred.double() - eye) * scale, (gt.double() - eye) * scale
    cross = first[..., 0] * second[..., 1] - first[..., 1] * second[..., 0]
    angle = torch.atan2(cross.abs(), (first * second).sum(-1)).rad2deg()
    apart = (first != 0).any(-1) & (second != 0).any(-1)
    return torch.where(apart, angle, float("nan"))


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
        raise DataError(f"{name}: boxes (N, 4) are expected, got {list(boxes.shape)}")
    if bool((boxes[:, 2:] < boxes[:, :2]).any()):
        raise DataError(f"{name}: a box ends before it begins; x0 y0 x1 y1 with x0 <= x1 and y0 <= y1 is expected")
    return boxes.double()


def _pixel(point: Tensor, height: int, width: int) -> Tensor:
    """The index of the pixel that holds each point (..., 2)."""
    if bool(((point < 0) | (point > 1)).any()):
        raise DataError("point: x and y as fractions of the picture, 0 to 1, are expected; divide by its size")
    column = (point[..., 0] * width).long().clamp(max=width - 1)
    return (point[..., 1] * height).long().clamp(max=height - 1) * width + column
