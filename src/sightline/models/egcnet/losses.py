"""Losses of EGCNet: pseudo-labels from fixations, partial cross-entropy, local coherence.

All of it is ours (README, Eq. 10 and 12). Maps are at stride 4 of the network's input unless said otherwise.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from sightline.models.egcnet.config import DensityConfig
from sightline.models.egcnet.pse import cell_centres, motion_weighted
from sightline.models.egcnet.refinement import neighbours

UNKNOWN = -1.0


def seed_labels(
    density: Tensor, motion: Tensor, objects: Tensor | None, config: DensityConfig, peak: float, floor: float
) -> Tensor:
    """Labels that fixations give for sure: (N, 1, h, w) with 1 at their peaks, 0 far from all, -1 elsewhere.

    density: (N, 1, h, w), zeros where nobody looked, which labels nothing. motion, objects: what it is weighted by, as
    in `motion_weighted`. peak, floor: parts of the maximum above which a place is object, and below which it is not.
    """
    highest = density.amax(dim=(2, 3), keepdim=True)
    weighted = motion_weighted(density, motion, objects, config)
    weighted = weighted / weighted.amax(dim=(2, 3), keepdim=True).clamp_min(1e-12)
    labels = torch.full_like(density, UNKNOWN)
    labels = torch.where(weighted < floor, 0.0, labels)
    labels = torch.where(weighted > peak, 1.0, labels)
    return torch.where(highest > 0, labels, UNKNOWN)


def assign_labels(labels: Tensor, points: Tensor, regions: int) -> Tensor:
    """Labels (N, 1, h, w) assigned to each query (N, Q, h, w). Of the first `regions` of them, each gets the object's
    cells that are closest to its own point, and none of the others'; the rest get all. points: (N, Q, 2)."""
    assigned = labels.expand(-1, points.shape[1], -1, -1).clone()
    if not regions:
        return assigned
    height, width = labels.shape[-2:]
    grid = cell_centres(height, width, like=points)
    away = (points[:, :regions, None] - grid).square().sum(-1).unflatten(-1, (height, width))
    own = away == away.amin(1, keepdim=True)
    assigned[:, :regions] = torch.where((labels == 1) & ~own, UNKNOWN, assigned[:, :regions])
    return assigned


def partial_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy where labels are 0 or 1, each of the two with half the weight. Both (N, Q, h, w), labels maybe
    with Q = 1; gives (N, Q), 0 where nothing is labelled."""
    positive, negative = (labels == 1).float(), (labels == 0).float()
    inside = (F.softplus(-logits) * positive).sum(dim=(2, 3)) / positive.sum(dim=(2, 3)).clamp_min(1)
    outside = (F.softplus(logits) * negative).sum(dim=(2, 3)) / negative.sum(dim=(2, 3)).clamp_min(1)
    return 0.5 * (inside + outside)


def local_coherence(probabilities: Tensor, affinities: Tensor) -> Tensor:
    """Disagreement between pixels that are alike, as in a gated CRF: (N, Q, h, w) and `affinity` give (N, Q)."""
    window = int(affinities.shape[1] ** 0.5)
    count, queries = probabilities.shape[:2]
    flat = probabilities.flatten(0, 1)[:, None]
    near = neighbours(flat, window)  # (N*Q, W, h, w)
    differ = flat * (1 - near) + (1 - flat) * near
    weights = affinities.repeat_interleave(queries, 0)
    return (differ * weights).mean(dim=(1, 2, 3)).view(count, queries)


UNLIKELY = 0.1
"""What a query learns from its labels beside its share of the competition: one that never wins can come back."""


def query_loss(masks: Tensor, share: Tensor, points: Tensor, labels: Tensor, regions: int) -> Tensor:
    """What queries say against the labels that are assigned to them (N,).

    A query learns as much as it is likely to win; the competition learns which query fits all labels best.
    masks: logits (N, Q, h, w). share: (N, Q), of the competition. points, regions: as in `assign_labels`. labels:
    (N, 1, h, w).
    """
    own = partial_cross_entropy(masks, assign_labels(labels, points, regions))
    fit = partial_cross_entropy(masks.detach(), labels)
    return ((share.detach() + UNLIKELY) * own).sum(1) + (share * fit).sum(1)


def scribble_loss(logits: Tensor, scribbles: Tensor) -> Tensor:
    """Cross-entropy on strokes: logits and scribbles (N, 1, h, w), UNKNOWN where there is none. Gives (N,)."""
    known = scribbles >= 0
    per_pixel = F.binary_cross_entropy_with_logits(logits, scribbles.clamp_min(0), reduction="none")
    return (per_pixel * known).sum(dim=(1, 2, 3)) / known.sum(dim=(1, 2, 3)).clamp_min(1)


def sharpening_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy with a target in [0, 1], where it is sure (far from 1/2): both (N, 1, h, w), gives (N,)."""
    sure = (2 * target - 1).abs()
    per_pixel = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return (per_pixel * sure).mean(dim=(1, 2, 3))


def view_consistency(first: Tensor, second: Tensor, windows: Tensor) -> Tensor:
    """Mean difference of what two views of one photograph say of the same place, a scalar.

    first, second: logits (N, 1, h, w). windows: (N, 2, 3), left, top and size of what each view shows in parts of the
    photograph, negative size where it is mirrored. Views that show the same (frames of videos) are left out.
    """
    rows = (windows[:, 0] != windows[:, 1]).any(1).nonzero()[:, 0]
    if not len(rows):
        return windows.new_zeros(())
    height, width = first.shape[-2:]
    y, x = torch.meshgrid(
        (torch.arange(height, device=windows.device) + 0.5) / height,
        (torch.arange(width, device=windows.device) + 0.5) / width,
        indexing="ij",
    )
    a, b = (part[rows, :, None, None] for part in (windows[:, 0], windows[:, 1]))
    across = torch.where(a[:, 2] < 0, 1 - x, x)
    column, row = a[:, 0] + a[:, 2].abs() * across, a[:, 1] + a[:, 2].abs() * y
    column, row = (column - b[:, 0]) / b[:, 2].abs(), (row - b[:, 1]) / b[:, 2].abs()
    column = torch.where(b[:, 2] < 0, 1 - column, column)
    grid = 2 * torch.stack([column, row], dim=-1) - 1
    inside = (grid.abs() < 1).all(-1)[:, None].float()
    there = F.grid_sample(second[rows].sigmoid(), grid, align_corners=False)
    difference = (first[rows].sigmoid() - there).abs()
    return (difference * inside).sum() / inside.sum().clamp_min(1)


def frame_loss(
    queries: Tensor,
    winner: Tensor,
    affinities: Tensor,
    target: Tensor,
    scribbles: Tensor,
    *,
    coherence: float,
    sharpening: float,
    on_scribbles: float,
) -> Tensor:
    """The weighted sum of one frame's losses (N,): `query_loss`, coherence, scribbles where there are some, sharpening.

    queries: (N,), what `query_loss` gives. winner: logits (N, 1, h, w). affinities: what `affinity` gives. target,
    scribbles: as in `sharpening_loss` and `scribble_loss`. The rest are weights.
    """
    loss = queries + coherence * local_coherence(winner.sigmoid(), affinities)[:, 0]
    if (scribbles >= 0).any():
        loss = loss + on_scribbles * scribble_loss(winner, scribbles)
    if sharpening:
        loss = loss + sharpening * sharpening_loss(winner, target)
    return loss
