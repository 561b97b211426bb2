"""DAVIS' measures as torchmetrics: means over sequences; see `sightline.metrics.functional.vos`."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

from sightline.metrics.functional import vos

STATISTICS = ("j_mean", "j_recall", "j_decay", "f_mean", "f_recall", "f_decay", "t_mean")


class JAndF(Metric):
    """J and F with mean, recall and decay, J&F, and T on request; every update is one sequence.

    empty: the score of frames in which mask and truth are empty, 1 in DAVIS; NaN leaves them out.
    stability: also compute T, which costs more than all the rest.
    """

    is_differentiable = False
    higher_is_better = True
    full_state_update = False
    total: Tensor
    scored: Tensor

    def __init__(self, empty: float = 1.0, stability: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.empty, self.stability = empty, stability
        self.add_state("total", torch.zeros(len(STATISTICS), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("scored", torch.zeros(len(STATISTICS), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, pred: Tensor, gt: Tensor, void: Tensor | None = None) -> None:
        """Add one sequence: masks (T, H, W) bool."""
        j, f = vos.j_and_f(pred, gt, void, empty=self.empty)
        t = vos.instability(pred[:-1], pred[1:]).nanmean() if self.stability else torch.tensor(float("nan"))
        scores = torch.stack([*vos.statistics(j), *vos.statistics(f), t.to(j)])
        valid = ~scores.isnan()
        self.total += torch.where(valid, scores, 0.0)
        self.scored += valid

    def compute(self) -> dict[str, Tensor]:
        """The means over sequences by name, with `jf_mean`; NaN where there is nothing to average."""
        means = dict(zip(STATISTICS, (self.total / self.scored).unbind(), strict=True))
        return {**means, "jf_mean": (means["j_mean"] + means["f_mean"]) / 2}
