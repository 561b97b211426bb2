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

REACH = 0.08
"""Standard deviation of a fixation region, in parts of the picture's sides."""
QUIET = 0.05
"""What a still place keeps of its fixation density where something else moves."""
FLATTENED = 0.6
"""How far the density is flattened where something moves: its exponent is 1 less this."""
UNNAMED = 0.1
"""What a place keeps of it where the backbone knows no object."""
FAMILIAR, BLUNTED = 2.0, 0.3
"""How much it counts that a place is like what was fixated before, and how far the density is flattened for it."""
PRIOR = 1 / 3
"""How much the network's own density counts beside that of recorded fixations: its exponent in a geometric mean."""
UNSEEN = 0.02
"""What a place that nobody looked at keeps of it."""
_SUPPRESSION = 7
"""Peaks within a window of this many cells (stride 8) count as one region."""


@dataclass(frozen=True, slots=True)
class Regions:
    """The K strongest fixation regions of each picture.

    centres: (N, K, 2), x and y in [0, 1]. weights: (N, K), their share of the peaks. shares: (N, K, h*w), how much of a
    region each cell is, summing to 1.
    """

    centres: Tensor
    weights: Tensor
    shares: Tensor


def fixation_regions(density: Tensor, count: int) -> Regions:
    """density: (N, 1, h, w), non-negative, summing to 1. A region is what lies around one of its `count` peaks."""
    height, width = density.shape[-2:]
    highest = F.max_pool2d(density, _SUPPRESSION, stride=1, padding=_SUPPRESSION // 2)
    peaks, cells = (density * (density >= highest)).flatten(1).topk(count, dim=1)
    grid = cell_centres(height, width, density)
    points = grid[cells]  # (N, K, 2)
    distance = (points[:, :, None] - grid).square().sum(-1)
    shares = density.flatten(1)[:, None] * torch.exp(-distance / (2 * REACH**2))
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


def drawn(density: Tensor, motion: Tensor, objects: Tensor | None = None) -> Tensor:
    """Fixation densities, drawn to what moves and to objects: (N, 1, h, w), not negative; zeros stay zeros.

    density: (N, 1, h, w), not negative; motion: (N, 1, h, w) in [0, 1]; objects: likewise, of a backbone that knows
    some. A still place counts little where another moves, and all of what moves counts, though viewers look at its head
    alone: the density is flattened there. So it is with objects.
    """
    relative = density / density.amax(dim=(2, 3), keepdim=True).clamp_min(1e-12)
    moving = relative.clamp_min(1e-12) ** (1 - FLATTENED * motion) * (QUIET + motion) * (relative > 0)
    return moving if objects is None else moving.sqrt() * (UNNAMED + objects)


def familiar(density: Tensor, alike: Tensor, named: bool = False) -> Tensor:
    """Fixation densities, drawn to what people looked at before: (N, 1, h, w), summing to 1.

    density: (N, 1, h, w), not negative; alike: (N, S, h, w), how like it every cell is in each of S spaces, cosines;
    all zeros where nothing was looked at before, which leaves the density as it is. named: it is drawn to objects
    already, and flattened for that; then this counts half.
    """
    known = alike.abs().amax(dim=(1, 2, 3), keepdim=True) > 0
    before = density / density.sum(dim=(2, 3), keepdim=True)
    both = before if named else before ** (1 - BLUNTED)
    both = both * torch.exp(FAMILIAR * (0.5 if named else 1) * alike.mean(1, keepdim=True))
    return torch.where(known, both / both.sum(dim=(2, 3), keepdim=True), before)


def expected(own: Tensor, gaze: Tensor, given: Tensor) -> Tensor:
    """Where all viewers look, (N, 1, h, w), summing to 1: recorded fixations are a few of them, and the network's own
    density says what lies between.

    own, gaze: (N, 1, h, w), summing to 1. given: (N,), 1 where there is gaze, 0 where own stands for it alone.
    """
    share = given[:, None, None, None] * (1 - PRIOR)
    both = own ** (1 - share) * (gaze + UNSEEN * own) ** share
    return both / both.sum(dim=(2, 3), keepdim=True)


class PositionSemanticEmbedding(nn.Module):
    """Guides the features and initialises queries by where people look and what is there."""

    def __init__(self, query_width: int, features: int, regions: int) -> None:
        super().__init__()
        self.regions, self.query_width = regions, query_width
        self.position = nn.Linear(query_width, query_width)
        self.semantics = nn.Linear(features, query_width)
        self.weight = nn.Linear(1, query_width)
        self.norm = nn.LayerNorm(query_width)

    def forward(self, density: Tensor, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """density: (N, 1, h, w) of the fixations; features: (N, D, h, w).

        Returns queries (N, K, D), their reference points (N, K, 2), and the picture's semantics (N, D).
        """
        found = fixation_regions(density, self.regions)
        cells = features.flatten(2).transpose(1, 2)  # (N, h*w, D)
        gathered = found.shares @ cells
        queries = self.norm(
            self.position(sinusoidal(found.centres, self.query_width))
            + self.semantics(gathered)
            + self.weight(found.weights[..., None])
        )
        return queries, found.centres, gather(features, density)


def gather(features: Tensor, weights: Tensor) -> Tensor:
    """The mean of features (N, D, h, w) under weights (N, 1, h, w): (N, D)."""
    return (features * weights).sum(dim=(2, 3)) / weights.sum(dim=(2, 3)).clamp_min(1e-6)


def likeness(features: Tensor, semantics: Tensor, spaces: Sequence[int]) -> Tensor:
    """Cosine of every cell of features (N, D, h, w) with semantics (N, D), in each of the spaces that D is made of:
    (N, len(spaces), h, w)."""
    pairs = zip(features.split(list(spaces), 1), semantics.split(list(spaces), 1), strict=True)
    cosines = [(cells * F.normalize(mean, dim=1, eps=1e-6)[:, :, None, None]).sum(1) for cells, mean in pairs]
    return torch.stack(cosines, dim=1)
