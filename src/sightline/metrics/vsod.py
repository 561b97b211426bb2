"""Salient-object metrics as torchmetrics: means over frames; see `sightline.metrics.functional.vsod`."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

from sightline.metrics._mean import FrameMean
from sightline.metrics.functional import vsod


class MAE(FrameMean):
    """Mean absolute error; update(pred (..., H, W) uint8 or in [0, 1], gt (..., H, W) bool)."""

    higher_is_better = False

    def frame_scores(self, pred: Tensor, gt: Tensor) -> Tensor:
        return vsod.mae(pred, gt)


class SMeasure(FrameMean):
    """Structure measure; update(pred, gt) as in MAE."""

    higher_is_better = True

    def frame_scores(self, pred: Tensor, gt: Tensor) -> Tensor:
        return vsod.s_measure(pred, gt)


class WeightedF(FrameMean):
    """Weighted F-measure; update(pred, gt) as in MAE."""

    higher_is_better = True

    def frame_scores(self, pred: Tensor, gt: Tensor) -> Tensor:
        return vsod.weighted_f(pred, gt)


class _CurveMean(Metric):
    """The mean adaptive score, and the mean and maximum of the mean curve over 256 thresholds."""

    is_differentiable = False
    higher_is_better = True
    full_state_update = False
    adaptive: Tensor
    curve: Tensor
    scored: Tensor
    unscored: Tensor

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add_state("adaptive", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("curve", torch.zeros(256, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("scored", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")
        self.add_state("unscored", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def _add(self, scores: vsod.Curve) -> None:
        adaptive, curve = scores.adaptive.flatten(), scores.curve.reshape(-1, 256)
        valid = ~adaptive.isnan()
        self.adaptive += adaptive[valid].sum()
        self.curve += curve[valid].sum(0)
        self.scored += valid.sum()
        self.unscored += (~valid).sum()

    def compute(self) -> dict[str, Tensor]:
        """`adaptive`, `mean`, `max` and the `curve` at 0, 1/255, ..., 1; NaN if no frame was scored."""
        curve = self.curve / self.scored
        return {"adaptive": self.adaptive / self.scored, "mean": curve.mean(), "max": curve.max(), "curve": curve}


class FMeasure(_CurveMean):
    """F-measure, beta^2 = 0.3; update(pred, gt) as in MAE."""

    def update(self, pred: Tensor, gt: Tensor) -> None:
        """Add frames."""
        self._add(vsod.f_measure(pred, gt))


class EMeasure(_CurveMean):
    """Enhanced-alignment measure; update(pred, gt) as in MAE."""

    def update(self, pred: Tensor, gt: Tensor) -> None:
        """Add frames."""
        self._add(vsod.e_measure(pred, gt))
