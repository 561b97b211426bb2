"""Intra-Inter Mixed Contrastive learning: an embedding in which objects differ from backgrounds, and its memory.

The equations are ours (README, Eq. 9 and 15).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sightline.models.egcnet.pse import gather

TEMPERATURE = 0.1
"""Of the likeness of two embeddings."""
UNLIKE = 1e-5
"""Likeness under which a pixel is like nothing that is remembered."""


class Embedding(nn.Module):
    """What a place shows, for the contrast: a projection of frozen features, so that an object's memory depends on its
    looks and not on what the decoder took for it."""

    def __init__(self, features: int, channels: int) -> None:
        super().__init__()
        self.project = nn.Conv2d(features, channels, 1)

    def forward(self, level3: Tensor, features: Tensor) -> Tensor:
        """level3: (N, C, h, w); features: (N, D, h, w), C + D channels in all. Returns (N, E, h, w) of unit length."""
        near = F.normalize(level3 - level3.mean(dim=(2, 3), keepdim=True), dim=1, eps=1e-6)
        return F.normalize(self.project(torch.cat([near, features], dim=1)), dim=1, eps=1e-6)


def sides_of(mask: Tensor) -> Tensor:
    """How much every place counts for the object and for the rest: a mask (N, 1, h, w) in [0, 1] as (N, 2, h, w)."""
    return torch.cat([mask, 1 - mask], dim=1)


def evidence(pixels: Tensor, cells: Tensor, sides: Tensor) -> Tensor:
    """How like every pixel is to the object and to the rest: (N, 2, h, w), mean likenesses in [0, 1].

    pixels: (N, E, h, w) of unit length; cells: (N, K, E); sides: (N, K, 2), how much a cell counts for either.
    """
    alike = in_a_row(pixels / TEMPERATURE) @ cells.transpose(1, 2)
    shares = sides / sides.sum(1, keepdim=True).clamp_min(1e-6)
    found = (alike.exp() @ shares).transpose(1, 2).unflatten(2, pixels.shape[-2:])
    return found * math.exp(-1 / TEMPERATURE)


def log_ratio(evidence: Tensor) -> Tensor:
    """`evidence` (N, 2, h, w) as log-ratios (N, 1, h, w): above 0 where a pixel is more like the object, 0 where it is
    like nothing."""
    logs = (evidence + UNLIKE).log()
    return logs[:, :1] - logs[:, 1:]


def mixed_contrast(pixels: Tensor, targets: Tensor, bank: Tensor, inter: float) -> Tensor:
    """IIMC: InfoNCE of pixels against objects and backgrounds of the same video and of others, mixed in one ratio.

    pixels: (N, T, E, h, w) of N clips, unit length. targets: (N, T, 1, h, w) in [0, 1], which side a pixel is on. bank:
    (B, 2, E), mean embeddings of object and background in other videos. inter: weight of what is between videos. A
    pixel's positives are the cells of its own side in the clip's other frames and in the bank; its negatives are those
    of the other side.
    """
    frames = range(pixels.shape[1])
    losses = []
    for t in frames:
        others = [s for s in frames if s != t] or [t]
        cells = torch.cat([in_a_row(F.avg_pool2d(pixels[:, s], 2)) for s in others], dim=1)
        sides = torch.cat([in_a_row(F.avg_pool2d(sides_of(targets[:, s]), 2)) for s in others], dim=1)
        found = evidence(pixels[:, t], cells, sides)
        if len(bank):
            alike = torch.einsum("nehw,bse->nbshw", pixels[:, t] / TEMPERATURE, bank)
            found = found + inter * (alike - 1 / TEMPERATURE).exp().mean(1)
        loss = F.binary_cross_entropy_with_logits(log_ratio(found), targets[:, t], reduction="none")
        weights = certain(targets[:, t])
        weights = weights / weights.sum(dim=(2, 3), keepdim=True).clamp_min(1)
        losses.append(0.5 * (loss * weights).sum(dim=(1, 2, 3)))
    return torch.stack(losses).mean()


def certain(mask: Tensor) -> Tensor:
    """`sides_of` a mask, but places that it is not sure of count for less, down to nothing."""
    return (2 * sides_of(mask) - 1).clamp_min(0)


def means_of(pixels: Tensor, mask: Tensor) -> Tensor:
    """Mean embeddings of the object and of the rest, (N, 2, E) of unit length. pixels: (N, E, h, w); mask: (N, 1, h, w)
    in [0, 1]."""
    return F.normalize(torch.stack([gather(pixels, mask), gather(pixels, 1 - mask)], dim=1), dim=2, eps=1e-6)


def in_a_row(maps: Tensor) -> Tensor:
    """(N, C, h, w) as (N, h * w, C)."""
    return maps.flatten(2).transpose(1, 2)
