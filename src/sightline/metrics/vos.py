"""DAVIS' measures as torchmetrics: means over sequences; see `sightline.metrics.functional.vos`."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

from sightline.metrics.functional import vos

STATISTICS = ("j_mean", "j_recall", "j_decay", "f_mean", "f_recall", "f_decay", "t_mean")


class JAndF(Metric):
    """Region similarity J and contour accuracy F of masks that follow an object, with their statistics.

    Every `update(pred, gt, void)` is one sequence. `compute()` gives means over the sequences by name, float64 scalars:
    `j_mean`, `j_recall`, `j_decay`, the same of `f`, `jf_mean` and `t_mean`; NaN where there is nothing to average.

    Parameters
    ----------
    empty : float, optional
        The score of a frame in which mask and truth are empty: 1 as in DAVIS; NaN leaves such frames out.
    stability : bool, optional
        Also compute T, the instability of the outline, which costs more than all the rest.
    **kwargs
        Of `torchmetrics.Metric`. What `update` takes: `pred` and `gt`, (T, H, W) bool; `void`, the same, of pixels that
        do not count, or None.

    Raises
    ------
    UsageError
        In `update`, a ValueError: sizes that differ, or masks with other values than 0 and 1.

    Notes
    -----
    Source: Perazzi et al., CVPR 2016, section 4.

    Examples
    --------
    >>> import torch
    >>> from sightline.metrics import JAndF
    >>> metric = JAndF()
    >>> masks = torch.zeros(4, 10, 10, dtype=torch.bool)
    >>> masks[:, 2:6, 2:6] = True
    >>> metric.update(masks, masks)
    >>> metric.compute()["jf_mean"].item()
    1.0
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
