"""Boxes as tensors: forms, overlap, matching of predictions with the truth, and the losses of a detector.

`xyxy` is x1, y1, x2, y2; `cxcywh` is the centre and the size. Detectors use fractions of the picture.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torch.nn import functional as F

EPSILON = 1e-7


def to_xyxy(boxes: Tensor) -> Tensor:
    """(..., 4) centre and size to corners.

    Examples
    --------
    >>> to_xyxy(torch.tensor([4.0, 3.0, 2.0, 4.0]))
    tensor([3., 1., 5., 5.])
    """
    centre, size = boxes[..., :2], boxes[..., 2:]
    return torch.cat([centre - size / 2, centre + size / 2], dim=-1)


def to_cxcywh(boxes: Tensor) -> Tensor:
    """(..., 4) corners to centre and size; the inverse of `to_xyxy`."""
    return torch.cat([(boxes[..., :2] + boxes[..., 2:]) / 2, boxes[..., 2:] - boxes[..., :2]], dim=-1)


def pair_iou(first: Tensor, second: Tensor) -> Tensor:
    """IoU of each of (N, 4) xyxy with each of (M, 4): (N, M)."""
    common, union = _common_and_union(first[:, None], second[None])
    return common / union.clamp_min(EPSILON)


def giou(first: Tensor, second: Tensor) -> Tensor:
    """Generalised IoU of boxes (..., 4) xyxy with their own partner: (...), in (-1, 1].

    Source: Rezatofighi et al., CVPR 2019.

    Examples
    --------
    >>> giou(torch.tensor([[0.0, 0.0, 1.0, 1.0]]), torch.tensor([[1.0, 0.0, 2.0, 1.0], [0.0, 0.0, 1.0, 1.0]]))
    tensor([0., 1.])
    """
    common, union = _common_and_union(first, second)
    low, high = torch.minimum(first[..., :2], second[..., :2]), torch.maximum(first[..., 2:], second[..., 2:])
    closure = (high - low).clamp_min(0).prod(-1).clamp_min(EPSILON)
    return common / union.clamp_min(EPSILON) - (closure - union) / closure


def _common_and_union(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    low, high = torch.maximum(first[..., :2], second[..., :2]), torch.minimum(first[..., 2:], second[..., 2:])
    common = (high - low).clamp_min(0).prod(-1)
    areas = [(boxes[..., 2:] - boxes[..., :2]).clamp_min(0).prod(-1) for boxes in (first, second)]
    return common, areas[0] + areas[1] - common


def focal_loss(logits: Tensor, truth: Tensor, alpha: float = 0.25, gamma: float = 2.0) -> Tensor:
    """Sigmoid focal loss, element by element; truth in [0, 1].

    Source: Lin et al., ICCV 2017.

    Examples
    --------
    >>> round(float(focal_loss(torch.zeros(()), torch.ones(()))), 4)
    0.0433
    """
    chance = logits.sigmoid()
    entropy = F.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    miss = (chance - truth).abs()
    return (alpha * truth + (1 - alpha) * (1 - truth)) * miss**gamma * entropy


@torch.no_grad()
def match(
    scores: Tensor, boxes: Tensor, truth: Tensor, costs: tuple[float, float, float], extra: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """One-to-one matching of predictions with the truth at the least cost (Hungarian method).

    Parameters
    ----------
    scores
        (Q,) logits of an object's presence.
    boxes
        (Q, 4) cxcywh, fractions of the picture.
    truth
        (M, 4) cxcywh.
    costs
        Weights of the focal, L1 and GIoU terms.
    extra
        (Q, M) more cost, as it stands.

    Returns
    -------
    The rows of the predictions and of the truth, (K,) each, K = min(Q, M).

    Source: DETR (Carion et al., ECCV 2020); focal cost as in Deformable DETR.
    """
    if not len(truth):
        none = torch.zeros(0, dtype=torch.int64)
        return none, none
    boxes, truth = boxes.float(), truth.float()
    logits = scores.float()
    chance = logits.sigmoid()
    positive = 0.25 * (1 - chance) ** 2 * -F.logsigmoid(logits)
    negative = 0.75 * chance**2 * -F.logsigmoid(-logits)
    cost = costs[0] * (positive - negative)[:, None] + costs[1] * torch.cdist(boxes, truth, p=1)
    cost = cost - costs[2] * giou(to_xyxy(boxes)[:, None], to_xyxy(truth)[None])
    if extra is not None:
        cost = cost + extra
    rows, columns = linear_sum_assignment(np.nan_to_num(cost.cpu().numpy(), nan=1e6, posinf=1e6, neginf=-1e6))
    return torch.from_numpy(rows), torch.from_numpy(columns)


def keep_apart(boxes: Tensor, scores: Tensor, most: float, within: float = 1.0) -> Tensor:
    """Non-maximum suppression: the rows that stay, best first. boxes: (N, 4) xyxy; most: the IoU above which one goes.

    within: share of the smaller of two boxes that lies in the larger one, above which one goes as well.

    Examples
    --------
    >>> boxes = torch.tensor([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 2.0, 2.1], [5.0, 5.0, 6.0, 6.0]])
    >>> keep_apart(boxes, torch.tensor([0.5, 0.9, 0.1]), 0.5)
    tensor([1, 2])
    """
    order = scores.argsort(descending=True)
    own = boxes[order]
    overlap = pair_iou(own, own) > most
    if within < 1:
        low, high = torch.maximum(own[:, None, :2], own[:, :2]), torch.minimum(own[:, None, 2:], own[:, 2:])
        area = (own[:, 2:] - own[:, :2]).prod(dim=-1)
        common = (high - low).clamp_min(0).prod(dim=-1)
        overlap |= common > within * torch.minimum(area[:, None], area)
    goes = overlap.cpu().numpy()
    gone = np.zeros(len(order), dtype=bool)
    for row in range(len(order)):
        if not gone[row]:
            gone[row + 1 :] |= goes[row, row + 1 :]
    return order[torch.from_numpy(~gone)]
