"""Intra-Inter Mixed Contrastive learning: an embedding in which objects differ from backgrounds, and its memory.

The equations are ours (README, Eq. 9 and 15).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sightline.models.egcnet.config import RecallConfig
from sightline.models.egcnet.pse import weighted_mean


class Embedding(nn.Module):
    """What a place shows, for the contrast: a projection of frozen features, so that an object's memory depends on its
    appearance and not on the decoder."""

    def __init__(self, features: int, channels: int) -> None:
        super().__init__()
        self.project = nn.Conv2d(features, channels, 1)

    def forward(self, level3: Tensor, features: Tensor) -> Tensor:
        """level3: (N, C, h, w); features: (N, D, h, w), C + D channels in all. Returns (N, E, h, w) of unit length."""
        near = F.normalize(level3 - level3.mean(dim=(2, 3), keepdim=True), dim=1, eps=1e-6)
        return F.normalize(self.project(torch.cat([near, features], dim=1)), dim=1, eps=1e-6)


def object_and_rest(mask: Tensor) -> Tensor:
    """Weights of every place for the object and for the rest: a mask (N, 1, h, w) in [0, 1] as (N, 2, h, w)."""
    return torch.cat([mask, 1 - mask], dim=1)


def confident(mask: Tensor) -> Tensor:
    """`object_and_rest` of a mask, with less weight where it is unsure, down to nothing."""
    return (2 * object_and_rest(mask) - 1).clamp_min(0)


def mean_similarity(pixels: Tensor, cells: Tensor, weights: Tensor, config: RecallConfig) -> Tensor:
    """How similar every pixel is to the object and to the rest: (N, 2, h, w), means in [0, 1].

    pixels: (N, E, h, w) of unit length; cells: (N, K, E); weights: (N, K, 2) of a cell for either.
    """
    logits = as_rows(pixels / config.temperature) @ cells.transpose(1, 2)
    shares = weights / weights.sum(1, keepdim=True).clamp_min(1e-6)
    found = (logits.exp() @ shares).transpose(1, 2).unflatten(2, pixels.shape[-2:])
    return found * math.exp(-1 / config.temperature)


def log_odds(similarity: Tensor, config: RecallConfig) -> Tensor:
    """`mean_similarity` (N, 2, h, w) as log-odds (N, 1, h, w): above 0 where a pixel is more like the object, 0 where
    it is like nothing."""
    logs = (similarity + config.least_similarity).log()
    return logs[:, :1] - logs[:, 1:]


def mixed_contrast(pixels: Tensor, targets: Tensor, bank: Tensor, inter: float, config: RecallConfig) -> Tensor:
    """IIMC: InfoNCE of pixels against objects and backgrounds of the same video and of others, mixed in one ratio.

    pixels: (N, T, E, h, w) of N clips, unit length. targets: (N, T, 1, h, w) in [0, 1], the object's probability. bank:
    (B, 2, E), prototypes of object and background in other videos. inter: weight of what is between videos. A pixel's
    positives are the cells of its own side in the clip's other frames and in the bank; its negatives are those of the
    other side.
    """
    frames = range(pixels.shape[1])
    losses = []
    for t in frames:
        others = [s for s in frames if s != t] or [t]
        cells = torch.cat([as_rows(F.avg_pool2d(pixels[:, s], 2)) for s in others], dim=1)
        sides = torch.cat([as_rows(F.avg_pool2d(object_and_rest(targets[:, s]), 2)) for s in others], dim=1)
        found = mean_similarity(pixels[:, t], cells, sides, config)
        if len(bank):
            logits = torch.einsum("nehw,bse->nbshw", pixels[:, t] / config.temperature, bank)
            found = found + inter * (logits - 1 / config.temperature).exp().mean(1)
        loss = F.binary_cross_entropy_with_logits(log_odds(found, config), targets[:, t], reduction="none")
        weights = confident(targets[:, t])
        weights = weights / weights.sum(dim=(2, 3), keepdim=True).clamp_min(1)
        losses.append(0.5 * (loss * weights).sum(dim=(1, 2, 3)))
    return torch.stack(losses).mean()


def prototypes(pixels: Tensor, mask: Tensor) -> Tensor:
    """Mean embeddings of the object and of the rest, (N, 2, E) of unit length. pixels: (N, E, h, w); mask: (N, 1, h, w)
    in [0, 1]."""
    means = [weighted_mean(pixels, weights) for weights in (mask, 1 - mask)]
    return F.normalize(torch.stack(means, dim=1), dim=2, eps=1e-6)


def as_rows(maps: Tensor) -> Tensor:
    """(N, C, h, w) as (N, h * w, C)."""
    return maps.flatten(2).transpose(1, 2)
