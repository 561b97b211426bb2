"""Position and Semantic Embedding (PSE): what fixations say, for the features and for the object queries.

The equations are ours (README, Eq. 1 to 4); the paper is known by its abstract alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sightline.models.egcnet.config import DensityConfig


@dataclass(frozen=True, slots=True)
class Regions:
    """The K strongest fixation regions of each picture.

    centres: (N, K, 2), x and y in [0, 1]. weights: (N, K), their share of the peaks. shares: (N, K, h*w), how much of a
    region each cell is, summing to 1.
    """

    centres: Tensor
    weights: Tensor
    shares: Tensor


def fixation_regions(density: Tensor, count: int, config: DensityConfig) -> Regions:
    """density: (N, 1, h, w), non-negative, summing to 1. A region is what lies around one of its `count` peaks."""
    height, width = density.shape[-2:]
    window = config.region_window
    highest = F.max_pool2d(density, window, stride=1, padding=window // 2)
    peaks, cells = (density * (density >= highest)).flatten(1).topk(count, dim=1)
    grid = cell_centres(height, width, density)
    points = grid[cells]  # (N, K, 2)
    distance = (points[:, :, None] - grid).square().sum(-1)
    shares = density.flatten(1)[:, None] * torch.exp(-distance / (2 * config.region_sigma**2))
    shares = shares / shares.sum(-1, keepdim=True).clamp_min(1e-12)
    weights = peaks / peaks.sum(1, keepdim=True).clamp_min(1e-12)
    return Regions(shares @ grid, weights, shares)


def cell_centres(height: int, width: int, like: Tensor) -> Tensor:
    """x and y in [0, 1] of every cell of a (height, width) grid, row by row: (height * width, 2)."""
    y = (torch.arange(height, device=like.device, dtype=like.dtype) + 0.5) / height
    x = (torch.arange(width, device=like.device, dtype=like.dtype) + 0.5) / width
    return torch.stack([x.repeat(height), y.repeat_interleave(width)], dim=1)


def sinusoidal(points: Tensor, channels: int) -> Tensor:
    """2-D sinusoidal encoding of points (..., 2) in [0, 1]: (..., channels), half for x and half for y."""
    frequencies = 2 * math.pi * 1.6 ** torch.arange(channels // 4, device=points.device, dtype=points.dtype)
    phases = points[..., None] * frequencies  # (..., 2, channels / 4)
    return torch.cat([phases.sin(), phases.cos()], dim=-1).flatten(-2)


def motion_weighted(density: Tensor, motion: Tensor, objects: Tensor | None, config: DensityConfig) -> Tensor:
    """Fixation densities weighted by motion and objects: (N, 1, h, w), not negative; zeros stay zeros.

    density: (N, 1, h, w), not negative; motion: (N, 1, h, w) in [0, 1]; objects: likewise, of a backbone that knows
    some. A still place counts little where another moves. All of what moves counts, though viewers look at its head
    alone: the density is flattened there. So it is with objects.
    """
    relative = density / density.amax(dim=(2, 3), keepdim=True).clamp_min(1e-12)
    flattened = relative.clamp_min(1e-12) ** (1 - config.motion_flattening * motion)
    weighted = flattened * (config.still_weight + motion) * (relative > 0)
    return weighted if objects is None else weighted.sqrt() * (config.background_weight + objects)


def memory_weighted(density: Tensor, similarity: Tensor, classes: bool, config: DensityConfig) -> Tensor:
    """Fixation densities weighted by what viewers looked at before: (N, 1, h, w), summing to 1.

    density: (N, 1, h, w), not negative; similarity: (N, S, h, w), cosines of every cell with it in each of S spaces;
    all zeros where nothing was looked at before, which leaves the density as it is. classes: whether the backbone knows
    objects; the density is flattened for those already.
    """
    remembered = similarity.abs().amax(dim=(1, 2, 3), keepdim=True) > 0
    before = density / density.sum(dim=(2, 3), keepdim=True)
    weight = config.memory_weight * (config.classes_memory_weight if classes else 1)
    weighted = before if classes else before ** (1 - config.memory_flattening)
    weighted = weighted * torch.exp(weight * similarity.mean(1, keepdim=True))
    return torch.where(remembered, weighted / weighted.sum(dim=(2, 3), keepdim=True), before)


def combined_density(own: Tensor, recorded: Tensor, has_recorded: Tensor, config: DensityConfig) -> Tensor:
    """Where all viewers look, (N, 1, h, w), summing to 1: recorded fixations are a few of theirs, and the network's own
    density says what lies between.

    own, recorded: (N, 1, h, w), summing to 1. has_recorded: (N,), 1 where there are recorded fixations, 0 where the
    network's own density stands for them.
    """
    share = has_recorded[:, None, None, None] * (1 - config.own_exponent)
    both = own ** (1 - share) * (recorded + config.unseen_weight * own) ** share
    return both / both.sum(dim=(2, 3), keepdim=True)


class PositionSemanticEmbedding(nn.Module):
    """Guides the features and initialises queries by where viewers look and what is there."""

    def __init__(self, query_width: int, features: int, regions: int, config: DensityConfig) -> None:
        super().__init__()
        self.regions, self.query_width, self.config = regions, query_width, config
        self.position = nn.Linear(query_width, query_width)
        self.semantics = nn.Linear(features, query_width)
        self.weight = nn.Linear(1, query_width)
        self.norm = nn.LayerNorm(query_width)

    def forward(self, density: Tensor, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """density: (N, 1, h, w) of the fixations; features: (N, D, h, w).

        Returns queries (N, K, D), their reference points (N, K, 2), and the picture's semantics (N, D).
        """
        found = fixation_regions(density, self.regions, self.config)
        cells = features.flatten(2).transpose(1, 2)  # (N, h*w, D)
        pooled = found.shares @ cells
        queries = self.norm(
            self.position(sinusoidal(found.centres, self.query_width))
            + self.semantics(pooled)
            + self.weight(found.weights[..., None])
        )
        return queries, found.centres, weighted_mean(features, density)


def weighted_mean(features: Tensor, weights: Tensor) -> Tensor:
    """The mean of features (N, D, h, w) under weights (N, 1, h, w): (N, D)."""
    return (features * weights).sum(dim=(2, 3)) / weights.sum(dim=(2, 3)).clamp_min(1e-6)


def cosine_similarity(features: Tensor, semantics: Tensor, spaces: Sequence[int]) -> Tensor:
    """Cosine of every cell of features (N, D, h, w) with semantics (N, D), in each of the spaces that D is made of:
    (N, len(spaces), h, w)."""
    pairs = zip(features.split(list(spaces), 1), semantics.split(list(spaces), 1), strict=True)
    cosines = [(cells * F.normalize(mean, dim=1, eps=1e-6)[:, :, None, None]).sum(1) for cells, mean in pairs]
    return torch.stack(cosines, dim=1)
