"""Semantics and Locality Query (SLQ) Competitor: which query has the object that people look at.

The equations are ours (README, Eq. 5 to 8).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F


class Competition(NamedTuple):
    """Who won and why, each (N, Q): the semantic and the locality term of every query, its own score, and the total."""

    semantic: Tensor
    locality: Tensor
    score: Tensor
    total: Tensor

    @property
    def share(self) -> Tensor:
        """Each query's share of the win, summing to 1: (N, Q)."""
        return self.total.softmax(dim=1)


@dataclass(frozen=True, slots=True)
class Queries:
    """The competition of one frame, as `Frame.details`.

    winner: its number. semantic, locality, score: (Q,) what each query had for it: closeness to what is fixated,
    fixations inside against outside of its mask, and its own score. total: (Q,), their weighted sum, whose largest
    wins. masks: (Q, h, w) in [0, 1], at a fraction of the frame's size.
    """

    winner: int
    semantic: NDArray[np.float32]
    locality: NDArray[np.float32]
    score: NDArray[np.float32]
    total: NDArray[np.float32]
    masks: NDArray[np.float32]


class Competitor(nn.Module):
    """Adds up the constraints with weights that are learned and stay positive.

    locality_scale: log-odds at which the locality term saturates.
    """

    def __init__(self, locality_scale: float) -> None:
        super().__init__()
        self.locality_scale = locality_scale
        self.rates = nn.Parameter(torch.tensor([1.0, 1.0]))

    def forward(
        self, masks: Tensor, features: Tensor, semantics: Tensor, density: Tensor, scores: Tensor
    ) -> Competition:
        """masks: (N, Q, h, w) probabilities; features: (N, D, h, w) and semantics (N, D); density:
        (N, 1, h, w), summing to 1; scores: (N, Q), the queries' own.

        semantic: cosine between what the mask holds and what is fixated. locality: log-ratio of fixation mass per area
        inside the mask against outside of it, squeezed into (-1, 1).
        """
        area = masks.flatten(2).sum(-1)
        pooled = F.normalize(masks.flatten(2) @ features.flatten(2).transpose(1, 2), dim=2, eps=1e-6)
        semantic = (pooled * F.normalize(semantics, dim=1, eps=1e-6)[:, None]).sum(-1)
        inside = (masks * density).flatten(2).sum(-1).clamp(1e-4, 1 - 1e-4)
        share = (area / masks[0, 0].numel()).clamp(1e-4, 1 - 1e-4)
        locality = torch.tanh((inside.logit() - share.logit()) / self.locality_scale)
        rates = F.softplus(self.rates)
        return Competition(semantic, locality, scores, rates[0] * semantic + rates[1] * locality + scores)


class WinnersMemory(nn.Module):
    """Attention of a frame's queries to the winners of earlier frames."""

    def __init__(self, width: int, heads: int = 4) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.norm = nn.LayerNorm(width)

    def forward(self, queries: Tensor, winners: Tensor, filled: Tensor) -> Tensor:
        """queries: (N, Q, D); winners: (N, M, D); filled: (N, M), 1 where there is one. Returns (N, Q, D)."""
        nothing = winners.new_zeros(winners.shape[0], 1, winners.shape[2])  # so that no row is without a key
        keys = torch.cat([nothing, winners], dim=1)
        bias = torch.cat([filled.new_zeros(filled.shape[0], 1), (filled - 1) * 1e4], dim=1)
        bias = bias[:, None, None].expand(-1, self.attention.num_heads, queries.shape[1], -1).flatten(0, 1)
        attended, _ = self.attention(queries, keys, keys, attn_mask=bias, need_weights=False)
        return self.norm(queries + attended)
