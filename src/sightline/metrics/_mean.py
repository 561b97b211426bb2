"""Means over frames as torchmetrics, whose states are sums and so add up across processes."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric


class FrameMean(Metric):
    """The mean of a per-frame score. `unscored` counts the frames that were NaN and are left out."""

    is_differentiable = False
    full_state_update = False
    total: Tensor
    scored: Tensor
    unscored: Tensor

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add_state("total", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("scored", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")
        self.add_state("unscored", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    @abstractmethod
    def frame_scores(self, *args: Any, **kwargs: Any) -> Tensor:
        """The score of each frame, (...)."""

    def update(self, *frames: Tensor) -> None:
        """Add frames; the arguments are those of the function the class stands on."""
        scores = self.frame_scores(*frames).flatten()
        valid = ~scores.isnan()
        self.total += scores[valid].sum()
        self.scored += valid.sum()
        self.unscored += (~valid).sum()

    def compute(self) -> Tensor:
        """The mean over the scored frames; NaN if there is none."""
        return self.total / self.scored
