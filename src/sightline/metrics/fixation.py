"""Fixation metrics as torchmetrics: means over maps; see `sightline.metrics.functional.fixation`."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from sightline.metrics._mean import FrameMean
from sightline.metrics.functional import fixation


class NSS(FrameMean):
    """Normalised scanpath saliency; update(saliency (..., H, W), fixations (..., H, W) counts)."""

    higher_is_better = True

    def frame_scores(self, saliency: Tensor, fixations: Tensor) -> Tensor:
        return fixation.nss(saliency, fixations)


class CC(FrameMean):
    """Linear correlation; update(saliency (..., H, W), density (..., H, W))."""

    higher_is_better = True

    def frame_scores(self, saliency: Tensor, density: Tensor) -> Tensor:
        return fixation.cc(saliency, density)


class SIM(FrameMean):
    """Histogram intersection; update(saliency (..., H, W), density (..., H, W))."""

    higher_is_better = True

    def frame_scores(self, saliency: Tensor, density: Tensor) -> Tensor:
        return fixation.sim(saliency, density)


class KLD(FrameMean):
    """Kullback-Leibler divergence; update(saliency (..., H, W), density (..., H, W))."""

    higher_is_better = False

    def frame_scores(self, saliency: Tensor, density: Tensor) -> Tensor:
        return fixation.kld(saliency, density)


class InformationGain(FrameMean):
    """Bits per fixation over a baseline; update(saliency, fixations, baseline), (..., H, W) each."""

    higher_is_better = True

    def frame_scores(self, saliency: Tensor, fixations: Tensor, baseline: Tensor) -> Tensor:
        return fixation.information_gain(saliency, fixations, baseline)


class AUCJudd(FrameMean):
    """Exact AUC of fixated against all pixels; update(saliency (..., H, W), fixations (..., H, W) counts)."""

    higher_is_better = True

    def frame_scores(self, saliency: Tensor, fixations: Tensor) -> Tensor:
        return fixation.auc_judd(saliency, fixations)


class AUCBorji(FrameMean):
    """AUC against random pixels; update(saliency, fixations). seed: of the draws, the same for every update."""

    higher_is_better = True

    def __init__(self, seed: int = 0, splits: int = 100, step: float = 0.1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed, self.splits, self.step = seed, splits, step

    def frame_scores(self, saliency: Tensor, fixations: Tensor) -> Tensor:
        return fixation.auc_borji(saliency, fixations, self.seed, self.splits, self.step)


class ShuffledAUC(FrameMean):
    """Exact AUC against the fixations of others; update(saliency, fixations, others), (..., H, W) each."""

    higher_is_better = True

    def frame_scores(self, saliency: Tensor, fixations: Tensor, others: Tensor) -> Tensor:
        return fixation.s_auc(saliency, fixations, others)
