"""What makes masks out of fixations: seeds, local coherence, and sharpening by colour and motion.

All of it is ours (README, Eq. 10 to 14 and 16). Maps are at stride 4 of the network's input unless said otherwise.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from sightline.models.egcnet.pse import cell_centres, drawn

UNKNOWN = -1.0


def seeds(
    density: Tensor, motion: Tensor, objects: Tensor | None = None, peak: float = 0.5, floor: float = 0.04
) -> Tensor:
    """Labels that fixations give for sure: (N, 1, h, w) with 1 at their peaks, 0 far from all, -1 elsewhere.

    density: (N, 1, h, w), zeros where nobody looked, which labels nothing. motion, objects: what it is `drawn` to.
    """
    highest = density.amax(dim=(2, 3), keepdim=True)
    evidence = drawn(density, motion, objects)
    evidence = evidence / evidence.amax(dim=(2, 3), keepdim=True).clamp_min(1e-12)
    labels = torch.full_like(density, UNKNOWN)
    labels = torch.where(evidence < floor, 0.0, labels)
    labels = torch.where(evidence > peak, 1.0, labels)
    return torch.where(highest > 0, labels, UNKNOWN)


def divide(labels: Tensor, points: Tensor, regions: int) -> Tensor:
    """Labels (N, 1, h, w) for each query (N, Q, h, w): of the first `regions` of them, each is told of the object's
    cells that are closest to its own point, and nothing of the others'; the rest are told of all. points: (N, Q, 2)."""
    told = labels.expand(-1, points.shape[1], -1, -1).clone()
    if not regions:
        return told
    height, width = labels.shape[-2:]
    grid = cell_centres(height, width, like=points)
    away = (points[:, :regions, None] - grid).square().sum(-1).unflatten(-1, (height, width))
    own = away == away.amin(1, keepdim=True)
    told[:, :regions] = torch.where((labels == 1) & ~own, UNKNOWN, told[:, :regions])
    return told


def partial_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy where labels are 0 or 1, each of the two with half the weight. Both (N, Q, h, w), labels maybe
    with Q = 1; gives (N, Q), 0 where nothing is labelled."""
    positive, negative = (labels == 1).float(), (labels == 0).float()
    inside = (F.softplus(-logits) * positive).sum(dim=(2, 3)) / positive.sum(dim=(2, 3)).clamp_min(1)
    outside = (F.softplus(logits) * negative).sum(dim=(2, 3)) / negative.sum(dim=(2, 3)).clamp_min(1)
    return 0.5 * (inside + outside)


def affinity(images: Tensor, motion: Tensor, window: int = 5, colour: float = 0.12, move: float = 0.3) -> Tensor:
    """How much two nearby pixels look and move alike: (N, window^2, h, w).

    images: (N, 3, h, w) in [0, 1]; motion: (N, 1, h, w). colour, move: standard deviations.
    """
    look = torch.cat([images / colour, motion / move], dim=1)
    height, width = look.shape[-2:]
    padded = F.pad(look, (window // 2,) * 4, mode="replicate")
    shifted = (padded[..., y : y + height, x : x + width] for y in range(window) for x in range(window))
    apart = [(near - look).square().sum(1) for near in shifted]  # one by one: all at once would not fit the cache
    return torch.exp(-0.5 * torch.stack(apart, dim=1))


def local_coherence(probabilities: Tensor, alike: Tensor) -> Tensor:
    """Disagreement between pixels that are alike, as in a gated CRF: (N, Q, h, w) and `affinity` give (N, Q)."""
    window = int(alike.shape[1] ** 0.5)
    count, queries = probabilities.shape[:2]
    flat = probabilities.flatten(0, 1)[:, None]
    near = _neighbours(flat, window)  # (N*Q, W, h, w)
    differ = flat * (1 - near) + (1 - flat) * near
    weights = alike.repeat_interleave(queries, 0)
    return (differ * weights).mean(dim=(1, 2, 3)).view(count, queries)


def refine(probabilities: Tensor, alike: Tensor, rounds: int = 4) -> Tensor:
    """Mean-field smoothing of (N, 1, h, w) along `affinity`: each pixel moves towards what is like it."""
    window = int(alike.shape[1] ** 0.5)
    weights = alike / alike.sum(1, keepdim=True)
    unary, value = probabilities.clamp(0.01, 0.99).logit(), probabilities
    for _ in range(rounds):
        near = (_neighbours(value, window) * weights).sum(1, keepdim=True)
        value = (0.5 * unary + 4 * (near - 0.5)).sigmoid()
    return value


def colour_evidence(probabilities: Tensor, images: Tensor, bins: int = 12) -> Tensor:
    """How much more a pixel's colour is the object's than the rest's: log-ratios (N, 1, h, w) within [-4, 4].

    Histograms of both, weighted by the probabilities (N, 1, h, w) and smoothed over neighbouring colours, stand for
    GrabCut's mixtures. images: (N, 3, h, w) in [0, 1].
    """
    count = len(images)
    levels = (images * (bins - 1e-3)).long()
    codes = ((levels[:, 0] * bins + levels[:, 1]) * bins + levels[:, 2]).flatten(1)
    weights = torch.stack([probabilities.flatten(1), 1 - probabilities.flatten(1)], dim=1)
    both = codes[:, None].expand(-1, 2, -1)
    table = weights.new_zeros(count, 2, bins**3).scatter_add_(2, both, weights)
    kernel = table.new_tensor([0.25, 0.5, 0.25])
    cube = kernel[:, None, None] * kernel[:, None] * kernel
    table = F.conv3d(table.view(count * 2, 1, bins, bins, bins), cube[None, None], padding=1).view(count, 2, -1)
    table = (table / table.sum(2, keepdim=True).clamp_min(1e-6) + 2e-5).log()
    ratio = table[:, 0] - table[:, 1]
    return ratio.gather(1, codes).clamp(-4, 4).view_as(probabilities)


def motion_evidence(probabilities: Tensor, motion: Tensor, bins: int = 8) -> Tensor:
    """How much more the motion of a pixel is the object's than the rest's: log-ratios (N, 1, h, w) within [-2, 2].

    It says nothing where object and rest move alike. motion: (N, 1, h, w) in [0, 1].
    """
    steps = (motion.flatten(1) * bins - 0.5).clamp(0, bins - 1)
    weights = torch.stack([probabilities.flatten(1), 1 - probabilities.flatten(1)], dim=1)
    nearest = steps.round().long()[:, None].expand(-1, 2, -1)
    shares = weights.new_zeros(len(motion), 2, bins).scatter_add_(2, nearest, weights)
    shares = shares / shares.sum(2, keepdim=True).clamp_min(1e-6) + 0.25 / bins
    ratio = (shares[:, 0] / shares[:, 1]).log().clamp(-2, 2)
    below = steps.floor().long()
    above, part = (below + 1).clamp_max(bins - 1), steps - below
    return (ratio.gather(1, below) * (1 - part) + ratio.gather(1, above) * part).view_as(probabilities)


def sharpen(
    probabilities: Tensor,
    images: Tensor,
    motion: Tensor,
    alike: Tensor,
    known: Tensor | float = 0.0,
    size: float = 0.0,
    rounds: int = 3,
) -> Tensor:
    """The mask (N, 1, h, w) that colour and motion make of a guess: what they say for the object beside the guess,
    smoothed along `affinity`.

    images: (N, 3, h, w) and motion: (N, 1, h, w), both in [0, 1]. known: log-ratios (N, 1, h, w) of what else speaks
    for the object. size: how much it counts that small objects have fewer pixels; 0 for a teacher, under which masks
    would shrink from step to step.
    """
    guess, mask = probabilities.clamp(0.005, 0.995).logit(), probabilities
    for _ in range(rounds):
        rare = mask.mean(dim=(1, 2, 3), keepdim=True).clamp(0.005, 0.5).logit()
        seen = 0.65 * colour_evidence(mask, images) + 0.4 * motion_evidence(mask, motion)
        mask = refine((0.8 * guess + seen + known + size * rare).sigmoid(), alike)
    return mask


def _neighbours(values: Tensor, window: int) -> Tensor:
    """(N, 1, h, w) as (N, window^2, h, w): what stands around each pixel; the border is repeated."""
    padded = F.pad(values, (window // 2,) * 4, mode="replicate")
    return F.unfold(padded, window).unflatten(2, values.shape[-2:])
