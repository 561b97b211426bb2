"""SamGOP's losses: pure functions of what the network gives and the truth.

Boxes are cxcywh in fractions of the picture.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from sightline.models.samgop.detector import Layer, Proposals, masks_of
from sightline.nn.boxes import focal_loss, giou, match, pair_iou, to_xyxy
from sightline.nn.deformable import cell_centres

COSTS = (2.0, 5.0, 2.0)
"""Weights of the focal, L1 and GIoU terms in the matching, as in DINO."""
GOOD = 0.6
"""IoU from which a query that is not matched learns to be that object too; suppression chooses between them."""
MIDDLE = 0.4
"""Share of a box, about its centre, whose cells answer for it in the first stage."""
LEAST = 0.2
"""What a cell that answers for a box has as its score at least, however badly its own box fits."""
NEAR = 0.4
"""Standard deviation, in half boxes, of how little a cell near a box's centre that answers for nothing is told so."""


class Boxes(NamedTuple):
    """The truth of one picture. boxes: (M, 4). labels: (M,) int64, -1 unknown. masks: (M, h, w) bool at the pixel map's
    size, empty where there is none, or None where none has one."""

    boxes: Tensor
    labels: Tensor
    masks: Tensor | None = None


def heat_loss(heat: Tensor, truth: Tensor) -> Tensor:
    """L_gaze, the mean squared error of heatmaps (P, s, s), over all cells.

    Source: SamGOP, Eq. 1 and Sec. 3.4 (L2 loss).

    Examples
    --------
    >>> heat_loss(torch.zeros(1, 2, 2), torch.tensor([[[1.0, 0.0], [0.0, 0.0]]]))
    tensor(0.2500)
    """
    return F.mse_loss(heat, truth)


def direction_loss(direction: Tensor, truth: Tensor) -> Tensor:
    """L_dir: 1 - cosine of unit vectors (P, 2), for each of them: (P,).

    Source: SamGOP, Eq. 6, which prints 1 - sum; its code has the sum over the batch of 1 - cosine.

    Examples
    --------
    >>> direction_loss(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]]))
    tensor([1.])
    """
    return 1 - (direction * truth).sum(dim=-1)


def pointing_loss(pointed: Tensor, gaze: Tensor) -> Tensor:
    """Of the gaze as heads alone tell it: both (K, 2), a unit vector's part in the picture. A number, the mean.

    Short ones look to or from the camera: their direction in the picture counts by their length, their length counts
    too, so that it says how sure a direction is.

    Examples
    --------
    >>> pointing_loss(torch.tensor([[0.0, 1.0]]), torch.tensor([[0.0, 1.0]]))
    tensor(0.)
    """
    apart = 1 - F.cosine_similarity(pointed, gaze, dim=1, eps=1e-4)
    return (gaze.norm(dim=1).clamp(max=1) * apart + 0.1 * (pointed - gaze).square().sum(dim=1)).mean()


def energy_loss(heat: Tensor, mask: Tensor) -> Tensor:
    """L_eng: 1 - mean heat in the object's mask, for each person: (P,), in [0, 1] as heat is clamped to [0, 1].

    heat: (P, s, s). mask: (P, s, s), 0 or 1, not empty.

    Source: SamGOP, Sec. 3.4, after TransGOP; the released code divides by the mask's area too, and clamps nothing.

    Examples
    --------
    >>> energy_loss(torch.tensor([[[0.5, 3.0]]]), torch.tensor([[[1.0, 1.0]]]))
    tensor([0.2500])
    """
    energy = (heat.clamp(0, 1) * mask).sum(dim=(-2, -1))
    return 1 - energy / mask.sum(dim=(-2, -1)).clamp_min(1)


def place_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """Cross-entropy of the heatmap's logits, taken as a distribution over its cells, with the truth's: for each, (P,).

    The squared error of a small Gaussian in 4096 cells hardly says where it should go, and here are few pictures.

    Examples
    --------
    >>> place_loss(torch.zeros(1, 2, 2), torch.tensor([[[1.0, 0.0], [0.0, 0.0]]]))
    tensor([1.3863])
    """
    flat = truth.flatten(1)
    return -(flat / flat.sum(dim=1, keepdim=True).clamp_min(1e-6) * logits.flatten(1).log_softmax(dim=1)).sum(dim=1)


def gaussian(points: Tensor, side: int, sigma: float = 3.0) -> Tensor:
    """True heatmaps: points (P, 2) in fractions of the picture to (P, side, side) of maximum 1 at the point.

    sigma: in cells; 3 of 64, as in GaTector.

    Examples
    --------
    >>> gaussian(torch.tensor([[0.25, 0.75]]), 2, sigma=1.0)[0, 1]
    tensor([1.0000, 0.6065])
    """
    cells = cell_centres((side, side), points.device) * side
    apart = cells[None] - points[:, None] * side
    return (-(apart**2).sum(-1) / (2 * sigma**2)).exp().unflatten(1, (side, side))


def proposal_loss(proposals: Proposals, picture: int, truth: Boxes, least: int = 1) -> tuple[Tensor, Tensor]:
    """Of the first stage, one picture: one-to-many. Returns the focal loss and the boxes' loss, by object.

    least: by how many objects they are divided at least; one head would weigh as much as a shelf of products.

    A cell in the middle of a box answers for it, for the smallest of several; each box has at least the cell of its
    centre. Its score learns how well its box fits. Of the other cells those near a centre count less, as in CornerNet.
    """
    logits, boxes = proposals.logits[picture], proposals.boxes[picture]
    shape = (int(logits.shape[0]), int(logits.shape[1]))
    logits, boxes = logits.flatten(), boxes.flatten(0, 1)
    owner, weight, counted = assign(truth.boxes, shape)
    answers = owner >= 0
    number, likeness = max(least, len(truth.boxes)), torch.zeros_like(logits)
    own, partner = boxes[answers], truth.boxes[owner[answers]]
    alike = giou(to_xyxy(own), to_xyxy(partner))
    likeness[answers] = alike.detach().clamp_min(LEAST)
    focal = focal_loss(logits, likeness, alpha=0.5) * torch.where(answers, weight, counted)
    apart = (own - partner).abs() / partner[:, 2:].repeat(1, 2).clamp_min(1e-3)  # by the object's size
    each = 0.5 * apart.sum(-1).clamp(max=8) + 1 - alike
    return focal.sum() / number, (each * weight[answers]).sum() / number


@torch.no_grad()
def assign(truth: Tensor, shape: tuple[int, int]) -> tuple[Tensor, Tensor, Tensor]:
    """Which box each cell answers for: owner (L,) int64, -1 for none; its weight (L,); how much a -1 counts (L,).

    The cells of one box share a weight of 1, so that large boxes count no more than small ones, but with at least 0.25
    a cell.
    """
    height, width = shape
    centres = cell_centres(shape, truth.device)
    owner = torch.full((height * width,), -1, dtype=torch.int64, device=truth.device)
    weight, counted = torch.ones(height * width), torch.ones(height * width)
    if not len(truth):
        return owner, weight.to(truth.device), counted.to(truth.device)
    apart = (centres[:, None] - truth[None, :, :2]).abs()
    half = truth[None, :, 2:] / 2
    middle = (apart <= half * MIDDLE).all(-1)
    closeness = (-((apart / half.clamp_min(1e-6)) ** 2).sum(-1) / (2 * NEAR**2)).exp().amax(dim=1)
    column = (truth[:, 0] * width).long().clamp(0, width - 1)
    row = (truth[:, 1] * height).long().clamp(0, height - 1)
    middle[row * width + column, torch.arange(len(truth))] = True
    areas = truth[:, 2:].prod(-1).expand(len(centres), -1).masked_fill(~middle, float("inf"))
    least, smallest = areas.min(dim=1)
    owner = torch.where(least.isfinite(), smallest, owner)
    share = torch.bincount(owner[owner >= 0], minlength=len(truth)).clamp_min(1).float()
    weight = torch.where(owner >= 0, (1 / share)[owner.clamp_min(0)].clamp_min(0.25), weight.to(truth.device))
    return owner, weight, (1 - closeness) ** 4


class LayerLoss(NamedTuple):
    """The terms of a decoder layer, each a number: presence, boxes, class, mask, dice."""

    present: Tensor
    box: Tensor
    kind: Tensor
    mask: Tensor
    dice: Tensor


def layer_loss(
    layer: Layer, picture: int, truth: Boxes, pixels: Tensor, rows: tuple[Tensor, Tensor] | None = None, masks: int = 0
) -> LayerLoss:
    """Of one decoder layer and picture. rows: pairs of queries and truth; matched by the Hungarian method if not given.

    pixels: (M, h, w). masks: how many of the matched objects' masks are compared, at most, at random.
    """
    logits, boxes = layer.logits[picture], layer.boxes[picture]
    nothing = logits.sum() * 0
    if rows is None:
        rows = match(logits, boxes, truth.boxes, COSTS, _kind_cost(layer.classes[picture], truth.labels))
        rows, likeness = _with_near(rows, boxes, truth.boxes)
        present = focal_loss(logits, likeness, alpha=0.5).sum() / max(1, len(truth.boxes))
    else:
        present = nothing
    queries, own = (one.to(logits.device) for one in rows)
    if not len(queries):
        return LayerLoss(present, nothing, nothing, nothing, nothing)
    number = len(queries)
    guess, partner = boxes[queries], truth.boxes[own]
    scale = partner[:, 2:].repeat(1, 2).clamp_min(1e-3)  # by the object's size
    apart = ((guess - partner).abs() / scale).clamp(max=4).sum(-1).mean()
    box = 0.5 * apart + 2 * (1 - giou(to_xyxy(guess), to_xyxy(partner))).mean()
    labels = truth.labels[own]
    known = labels >= 0
    kind = nothing
    if layer.classes.shape[-1] and bool(known.any()):
        kind = F.cross_entropy(layer.classes[picture][queries][known], labels[known], reduction="sum") / number
    mask, dice = nothing, nothing
    if masks and truth.masks is not None:
        has = truth.masks[own].flatten(1).any(1).nonzero()[:, 0]
        has = has[torch.randperm(len(has), device=has.device)[:masks]]
        if len(has):
            logits = masks_of(layer, picture, queries[has], pixels)
            mask, dice = mask_losses(logits, truth.masks[own[has]], partner[has])
    return LayerLoss(present, box, kind, mask, dice)


@torch.no_grad()
def _with_near(rows: tuple[Tensor, Tensor], boxes: Tensor, truth: Tensor) -> tuple[tuple[Tensor, Tensor], Tensor]:
    """The pairs of the Hungarian method and, of other queries, those whose box is good for an object already.

    Returns them and how well each query's box fits, (Q,): its IoU with its object, 0 of queries without one. Presence
    learns this, so that of two boxes of an object the better one has the higher score.
    """
    queries, own = (one.to(boxes.device) for one in rows)
    likeness = torch.zeros(len(boxes), device=boxes.device)
    if not len(truth):
        return (queries, own), likeness
    overlap = pair_iou(to_xyxy(boxes.float()), to_xyxy(truth))
    best, nearest = overlap.max(dim=1)
    near = best > GOOD
    near[queries] = False
    others = near.nonzero()[:, 0]
    queries, own = torch.cat([queries, others]), torch.cat([own, nearest[others]])
    likeness[queries] = overlap[queries, own]
    return (queries, own), likeness


def mask_losses(logits: Tensor, truth: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor]:
    """Cross-entropy and dice of masks (K, h, w), the mean over them.

    The cross-entropy is taken within twice the true box and divided by the box's cells: products fill few cells.
    """
    height, width = truth.shape[-2:]
    centres = cell_centres((height, width), logits.device).view(height, width, 2)
    apart = (centres[None] - boxes[:, None, None, :2]).abs()
    near = (apart <= boxes[:, None, None, 2:] + 2 / min(height, width)).all(-1).float()
    target = truth.float()
    entropy = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    mask = (entropy * near).sum(dim=(1, 2)) / near.sum(dim=(1, 2)).clamp_min(1)
    far = (entropy * (1 - near)).sum(dim=(1, 2)) / (1 - near).sum(dim=(1, 2)).clamp_min(1)
    chance = logits.sigmoid()
    both = 2 * (chance * target).sum(dim=(1, 2)) + 1
    dice = 1 - both / (chance.sum(dim=(1, 2)) + target.sum(dim=(1, 2)) + 1)
    return (mask + far).mean(), dice.mean()


def _kind_cost(classes: Tensor, labels: Tensor) -> Tensor | None:
    """(Q, M): less for a query that takes the object for what it is."""
    if not classes.shape[-1] or not len(labels):
        return None
    chance = classes.detach().float().softmax(dim=-1)
    return -chance[:, labels.clamp_min(0)] * (labels >= 0)
