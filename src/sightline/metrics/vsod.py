"""Salient-object metrics as torchmetrics: means over frames; see `sightline.metrics.functional.vsod`."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

from sightline.metrics._mean import FrameMean
from sightline.metrics.functional import vsod


class MAE(FrameMean):
    """Mean absolute error of maps and masks, in [0, 1]; 0 is perfect.

    `update(pred, gt)` adds maps, `compute()` gives the mean, a float64 scalar.

    Parameters
    ----------
    **kwargs
        Of `torchmetrics.Metric`. What `update` takes: `pred`, (..., H, W), uint8 or floats in [0, 1]; `gt`,
        (..., H, W) bool.

    Attributes
    ----------
    scored, unscored : Tensor, () int64
        Maps that are in the mean, and those that cannot be scored: none.

    Raises
    ------
    UsageError
        In `update`, a ValueError: sizes that differ, maps outside of [0, 1], masks with other values than 0 and 1.

    Notes
    -----
    Source: Perazzi et al., CVPR 2012.

    Examples
    --------
    >>> import torch
    >>> from sightline.metrics import MAE
    >>> metric = MAE()
    >>> metric.update(torch.tensor([[0.0, 0.5], [1.0, 1.0]]), torch.tensor([[False, False], [True, True]]))
    >>> metric.compute().item()
    0.125
    """

    higher_is_better = False

    def frame_scores(self, pred: Tensor, gt: Tensor) -> Tensor:
        return vsod.mae(pred, gt)


class SMeasure(FrameMean):
    """Structure measure, in [0, 1]: how alike map and mask are inside and outside of the object, and region by region.

    `update(pred, gt)` adds maps, `compute()` gives the mean, a float64 scalar.

    Parameters
    ----------
    **kwargs
        Of `torchmetrics.Metric`. What `update` takes: `pred`, (..., H, W), uint8 or floats in [0, 1]; `gt`,
        (..., H, W) bool.

    Attributes
    ----------
    scored, unscored : Tensor, () int64
        Maps that are in the mean, and those that cannot be scored: no salient pixel.

    Raises
    ------
    UsageError
        In `update`, a ValueError: sizes that differ, maps outside of [0, 1], masks with other values than 0 and 1.

    Notes
    -----
    Source: Fan et al., ICCV 2017, equations 1 to 11, alpha = 0.5.

    Examples
    --------
    >>> import torch
    >>> from sightline.metrics import SMeasure
    >>> metric = SMeasure()
    >>> gt = torch.tensor([[False, False, False], [False, True, True], [False, True, True]])
    >>> metric.update(gt.float(), gt)
    >>> round(metric.compute().item(), 6)
    1.0
    """

    higher_is_better = True

    def frame_scores(self, pred: Tensor, gt: Tensor) -> Tensor:
        return vsod.s_measure(pred, gt)


class WeightedF(FrameMean):
    """Weighted F-measure, in [0, 1]: errors within the object are smoothed, errors far from it weigh more.

    `update(pred, gt)` adds maps, `compute()` gives the mean, a float64 scalar.

    Parameters
    ----------
    **kwargs
        Of `torchmetrics.Metric`. What `update` takes: `pred`, (..., H, W), uint8 or floats in [0, 1]; `gt`,
        (..., H, W) bool.

    Attributes
    ----------
    scored, unscored : Tensor, () int64
        Maps that are in the mean, and those that cannot be scored: no salient pixel.

    Raises
    ------
    UsageError
        In `update`, a ValueError: sizes that differ, maps outside of [0, 1], masks with other values than 0 and 1.

    Notes
    -----
    Source: Margolin et al., CVPR 2014, beta = 1.

    Examples
    --------
    >>> import torch
    >>> from sightline.metrics import WeightedF
    >>> metric = WeightedF()
    >>> gt = torch.zeros(9, 9, dtype=torch.bool)
    >>> gt[2:7, 2:7] = True
    >>> metric.update(gt.float(), gt)
    >>> round(metric.compute().item(), 6)
    1.0
    """

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
    """F-measure with beta^2 = 0.3, in [0, 1], at 256 thresholds and at an adaptive one.

    `update(pred, gt)` adds maps. `compute()` gives float64 tensors by name: `curve`, (256,), the mean curve at the
    thresholds 0, 1/255, ..., 1; its `mean` and `max`; and `adaptive`, at twice each map's mean.

    Parameters
    ----------
    **kwargs
        Of `torchmetrics.Metric`. What `update` takes: `pred`, (..., H, W), uint8 or floats in [0, 1]; `gt`,
        (..., H, W) bool.

    Attributes
    ----------
    scored, unscored : Tensor, () int64
        Maps that are in the mean, and those that cannot be scored: no salient pixel.

    Raises
    ------
    UsageError
        In `update`, a ValueError: sizes that differ, maps outside of [0, 1], masks with other values than 0 and 1.

    Notes
    -----
    Source: Achanta et al., CVPR 2009. The maximum is that of the mean curve.

    Examples
    --------
    >>> import torch
    >>> from sightline.metrics import FMeasure
    >>> metric = FMeasure()
    >>> metric.update(torch.tensor([[0.2, 0.9]]), torch.tensor([[False, True]]))
    >>> round(metric.compute()["max"].item(), 6)
    1.0
    """

    def update(self, pred: Tensor, gt: Tensor) -> None:
        """Add frames."""
        self._add(vsod.f_measure(pred, gt))


class EMeasure(_CurveMean):
    """Enhanced-alignment measure, in [0, 1], at 256 thresholds and at an adaptive one.

    `update(pred, gt)` adds maps. `compute()` gives float64 tensors by name: `curve`, (256,), the mean curve at the
    thresholds 0, 1/255, ..., 1; its `mean` and `max`; and `adaptive`, at twice each map's mean.

    Parameters
    ----------
    **kwargs
        Of `torchmetrics.Metric`. What `update` takes: `pred`, (..., H, W), uint8 or floats in [0, 1]; `gt`,
        (..., H, W) bool.

    Attributes
    ----------
    scored, unscored : Tensor, () int64
        Maps that are in the mean, and those that cannot be scored: no salient pixel.

    Raises
    ------
    UsageError
        In `update`, a ValueError: sizes that differ, maps outside of [0, 1], masks with other values than 0 and 1.

    Notes
    -----
    Source: Fan et al., IJCAI 2018, equations 1 to 5, the mean over all N pixels.

    Examples
    --------
    >>> import torch
    >>> from sightline.metrics import EMeasure
    >>> metric = EMeasure()
    >>> metric.update(torch.tensor([[0.2, 0.9]]), torch.tensor([[False, True]]))
    >>> round(metric.compute()["max"].item(), 6)
    1.0
    """

    def update(self, pred: Tensor, gt: Tensor) -> None:
        """Add frames."""
        self._add(vsod.e_measure(pred, gt))
