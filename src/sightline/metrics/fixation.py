"""Fixation metrics as torchmetrics: means over maps; see `sightline.metrics.functional.fixation`."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from sightline.metrics._mean import FrameMean
from sightline.metrics.functional import fixation


class NSS(FrameMean):
    """Normalised scanpath saliency: the mean z-score of a map at the fixations, 0 for chance.

    `update(saliency, fixations)` adds maps, `compute()` gives the mean, a float64 scalar; NaN before the first.

    Parameters
    ----------
    **kwargs
        Of `torchmetrics.Metric`. What `update` takes: `saliency`, (..., H, W) of any real type and unit; `fixations`,
        (..., H, W), how many fixations each pixel has.

    Attributes
    ----------
    scored, unscored : Tensor, () int64
        Maps that are in the mean, and those that cannot be scored: no fixation, or a constant map.

    Raises
    ------
    UsageError
        In `update`, a ValueError: sizes that differ, values that are not finite, fixations that are no counts.

    Notes
    -----
    Source: Peters et al., Vision Research 45 (2005); Bylinskii et al., TPAMI 41 (2019), equation 1, standard deviation
    with N.

    Examples
    --------
    >>> import torch
    >>> from sightline.metrics import NSS
    >>> metric = NSS()
    >>> metric.update(torch.tensor([[0.0, 0.0], [0.0, 4.0]]), torch.tensor([[0, 0], [0, 1]]))
    >>> round(metric.compute().item(), 4)
    1.7321
    """

    higher_is_better = True

    def frame_scores(self, saliency: Tensor, fixations: Tensor) -> Tensor:
        return fixation.nss(saliency, fixations)


class CC(FrameMean):
    """Pearson's linear correlation of maps with densities of fixations, in [-1, 1].

    `update(saliency, density)` adds maps, `compute()` gives the mean, a float64 scalar.

    Parameters
    ----------
    **kwargs
        Of `torchmetrics.Metric`. What `update` takes: `saliency` and `density`, (..., H, W) of any real type and unit.

    Attributes
    ----------
    scored, unscored : Tensor, () int64
        Maps in the mean, and those that are not: a constant map or density.

    Raises
    ------
    UsageError
        In `update`, a ValueError: sizes that differ or values that are not finite.

    Notes
    -----
    Source: Le Meur et al., TPAMI 28 (2006); Bylinskii et al., TPAMI 41 (2019), equation 4.

    Examples
    --------
    >>> import torch
    >>> from sightline.metrics import CC
    >>> metric = CC()
    >>> metric.update(torch.tensor([[0.0, 1.0], [2.0, 3.0]]), torch.tensor([[1.0, 3.0], [5.0, 7.0]]))
    >>> round(metric.compute().item(), 6)
    1.0
    """

    higher_is_better = True

    def frame_scores(self, saliency: Tensor, density: Tensor) -> Tensor:
        return fixation.cc(saliency, density)


class SIM(FrameMean):
    """Histogram intersection of maps and densities that are scaled to sum 1: 1 for equal ones, 0 for disjoint ones.

    `update(saliency, density)` adds maps, `compute()` gives the mean, a float64 scalar. A map of zeros scores 0.

    Parameters
    ----------
    **kwargs
        Of `torchmetrics.Metric`. What `update` takes: `saliency` and `density`, (..., H, W) of any real type; a
        negative minimum is lifted to 0.

    Attributes
    ----------
    scored, unscored : Tensor, () int64
        Maps in the mean, and those that are not: a density of zeros.

    Raises
    ------
    UsageError
        In `update`, a ValueError: sizes that differ or values that are not finite.

    Notes
    -----
    Source: Judd et al., MIT technical report 2012; Bylinskii et al., TPAMI 41 (2019), equation 3, maps scaled only.

    Examples
    --------
    >>> import torch
    >>> from sightline.metrics import SIM
    >>> metric = SIM()
    >>> metric.update(torch.tensor([[1.0, 1.0], [0.0, 0.0]]), torch.tensor([[1.0, 0.0], [0.0, 1.0]]))
    >>> metric.compute().item()
    0.5
    """

    higher_is_better = True

    def frame_scores(self, saliency: Tensor, density: Tensor) -> Tensor:
        return fixation.sim(saliency, density)


class KLD(FrameMean):
    """Kullback-Leibler divergence of maps from densities that are scaled to sum 1, in nats; 0 for equal ones.

    `update(saliency, density)` adds maps, `compute()` gives the mean, a float64 scalar.

    Parameters
    ----------
    **kwargs
        Of `torchmetrics.Metric`. What `update` takes: `saliency` and `density`, (..., H, W) of any real type; a
        negative minimum is lifted to 0.

    Attributes
    ----------
    scored, unscored : Tensor, () int64
        Maps in the mean, and those that are not: a density of zeros.

    Raises
    ------
    UsageError
        In `update`, a ValueError: sizes that differ or values that are not finite.

    Notes
    -----
    Source: Bylinskii et al., TPAMI 41 (2019), equation 5, with eps = 2.2e-16 as in the MIT toolbox.

    Examples
    --------
    >>> import torch
    >>> from sightline.metrics import KLD
    >>> metric = KLD()
    >>> metric.update(torch.tensor([[1.0, 1.0], [1.0, 1.0]]), torch.tensor([[1.0, 1.0], [0.0, 0.0]]))
    >>> round(metric.compute().item(), 4)
    0.6931
    """

    higher_is_better = False

    def frame_scores(self, saliency: Tensor, density: Tensor) -> Tensor:
        return fixation.kld(saliency, density)


class InformationGain(FrameMean):
    """Bits per fixation that maps, as densities, gain over a baseline.

    `update(saliency, fixations, baseline)` adds maps, `compute()` gives the mean, a float64 scalar.

    Parameters
    ----------
    **kwargs
        Of `torchmetrics.Metric`. What `update` takes: `saliency` and `baseline`, (..., H, W), scaled to sum 1 here;
        `fixations`, (..., H, W) counts. Log-densities go through `functional.fixation.from_log_density` first.

    Attributes
    ----------
    scored, unscored : Tensor, () int64
        Maps in the mean, and those that are not: no fixation.

    Raises
    ------
    UsageError
        In `update`, a ValueError: sizes that differ, values that are not finite, fixations that are no counts.

    Notes
    -----
    Source: Kuemmerer et al., PNAS 112 (2015); eps = 2.2e-16 is added to both densities, as in the MIT toolbox.

    Examples
    --------
    >>> import torch
    >>> from sightline.metrics import InformationGain
    >>> metric = InformationGain()
    >>> metric.update(torch.tensor([[2.0, 1.0], [1.0, 0.0]]), torch.tensor([[1, 0], [0, 0]]), torch.ones(2, 2))
    >>> round(metric.compute().item(), 6)
    1.0
    """

    higher_is_better = True

    def frame_scores(self, saliency: Tensor, fixations: Tensor, baseline: Tensor) -> Tensor:
        return fixation.information_gain(saliency, fixations, baseline)


class AUCJudd(FrameMean):
    """The chance that a fixated pixel is more salient than any pixel, ties counted half: exact, nothing is drawn.

    `update(saliency, fixations)` adds maps, `compute()` gives the mean, a float64 scalar; 0.5 is chance.

    Parameters
    ----------
    **kwargs
        Of `torchmetrics.Metric`. What `update` takes: `saliency`, (..., H, W) of any real type, of which only the
        order counts; `fixations`, (..., H, W) counts.

    Attributes
    ----------
    scored, unscored : Tensor, () int64
        Maps in the mean, and those that are not: no fixation.

    Raises
    ------
    UsageError
        In `update`, a ValueError: sizes that differ, values that are not finite, fixations that are no counts.

    Notes
    -----
    Source: Judd et al., ICCV 2009, as the Mann-Whitney statistic. The toolbox's own is
    `functional.fixation.auc_judd_mit`.

    Examples
    --------
    >>> import torch
    >>> from sightline.metrics import AUCJudd
    >>> metric = AUCJudd()
    >>> metric.update(torch.tensor([[0.0, 1.0], [2.0, 3.0]]), torch.tensor([[0, 0], [0, 1]]))
    >>> metric.compute().item()
    0.875
    """

    higher_is_better = True

    def frame_scores(self, saliency: Tensor, fixations: Tensor) -> Tensor:
        return fixation.auc_judd(saliency, fixations)


class AUCBorji(FrameMean):
    """AUC of fixated against random pixels, by random splits and coarse thresholds as in the MIT toolbox.

    `update(saliency, fixations)` adds maps, `compute()` gives the mean, a float64 scalar; 0.5 is chance.

    Parameters
    ----------
    seed : int, optional
        Of the draws; the same for every update.
    splits : int, optional
        How often as many pixels as fixations are drawn.
    step : float, optional
        From one threshold to the next, on the map in [0, 1].
    **kwargs
        Of `torchmetrics.Metric`. What `update` takes: `saliency`, (..., H, W) of any real type; `fixations`,
        (..., H, W) counts, those in one pixel counted once.

    Attributes
    ----------
    scored, unscored : Tensor, () int64
        Maps in the mean, and those that are not: less than two fixated pixels, or a constant map.

    Raises
    ------
    UsageError
        In `update`, a ValueError: sizes that differ, values that are not finite, fixations that are no counts.

    Notes
    -----
    Source: Borji et al., TIP 22 (2013), AUC_Borji.m of the MIT saliency benchmark.

    Examples
    --------
    >>> import torch
    >>> from sightline.metrics import AUCBorji
    >>> metric = AUCBorji(seed=3)
    >>> metric.update(torch.eye(8), torch.eye(8).long())
    >>> 0.9 < metric.compute().item() < 1
    True
    """

    higher_is_better = True

    def __init__(self, seed: int = 0, splits: int = 100, step: float = 0.1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed, self.splits, self.step = seed, splits, step

    def frame_scores(self, saliency: Tensor, fixations: Tensor) -> Tensor:
        return fixation.auc_borji(saliency, fixations, self.seed, self.splits, self.step)


class ShuffledAUC(FrameMean):
    """The chance that a fixated pixel is more salient than one fixated on other stimuli, ties counted half: exact.

    `update(saliency, fixations, others)` adds maps, `compute()` gives the mean, a float64 scalar; 0.5 is chance. A
    bias to the centre that all stimuli share does not pay.

    Parameters
    ----------
    **kwargs
        Of `torchmetrics.Metric`. What `update` takes: `saliency`, (..., H, W) of any real type; `fixations` and
        `others`, (..., H, W) counts, of this stimulus and of others.

    Attributes
    ----------
    scored, unscored : Tensor, () int64
        Maps in the mean, and those that are not: no fixation on this or on other stimuli.

    Raises
    ------
    UsageError
        In `update`, a ValueError: sizes that differ, values that are not finite, fixations that are no counts.

    Notes
    -----
    Source: Tatler et al., Vision Research 45 (2005); Zhang et al., Journal of Vision 8 (2008).

    Examples
    --------
    >>> import torch
    >>> from sightline.metrics import ShuffledAUC
    >>> metric = ShuffledAUC()
    >>> own, others = torch.tensor([[0, 0], [0, 1]]), torch.tensor([[0, 1], [1, 1]])
    >>> metric.update(torch.arange(4.0).view(2, 2), own, others)
    >>> round(metric.compute().item(), 4)
    0.8333
    """

    higher_is_better = True

    def frame_scores(self, saliency: Tensor, fixations: Tensor, others: Tensor) -> Tensor:
        return fixation.s_auc(saliency, fixations, others)
