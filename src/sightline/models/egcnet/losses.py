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
