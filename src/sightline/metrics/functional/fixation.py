"""How well a saliency map predicts fixations: NSS, CC, SIM, KLD, information gain and the AUC family.

All functions take batches: maps are (..., H, W) and the result is (...), float64. `fixations` counts the fixations in
each pixel, so that two fixations in one place weigh twice; pass `fixations > 0` to merge them as the MIT toolbox does.
A map that cannot be scored (no fixations, or a constant map where the score divides by its spread) gives NaN.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from sightline.errors import DataError
from sightline.metrics.functional._inputs import EPS, maps, same_size

NAN = float("nan")


def nss(saliency: Tensor, fixations: Tensor, correction: int = 0) -> Tensor:
    """Normalised scanpath saliency (Peters et al., Vision Research 2005): mean z-score of the fixated pixels.

    saliency: (..., H, W). fixations: (..., H, W) counts. correction: 1 divides by N - 1 in the spread, as MATLAB does.
    """
    saliency, fixations = _pair(saliency, fixations)
    spread, mean = torch.std_mean(saliency.flatten(-2), dim=-1, correction=correction)
    fixated = (saliency * fixations).sum((-2, -1)) / fixations.sum((-2, -1))
    return _or_nan((fixated - mean) / spread, ~is_constant(saliency))


def cc(saliency: Tensor, density: Tensor) -> Tensor:
    """Linear correlation of two maps (..., H, W), in [-1, 1]."""
    saliency, density = _pair(saliency, density, "density")
    first = saliency - saliency.mean((-2, -1), keepdim=True)
    second = density - density.mean((-2, -1), keepdim=True)
    norm = first.square().sum((-2, -1)).sqrt() * second.square().sum((-2, -1)).sqrt()
    score = (first * second).sum((-2, -1)) / norm
    return _or_nan(score.clamp(-1, 1), ~is_constant(saliency) & ~is_constant(density))


def sim(saliency: Tensor, density: Tensor, rescale: bool = False) -> Tensor:
    """Histogram intersection of two maps (..., H, W) that are scaled to sum 1: 1 if they are alike, 0 if disjoint.

    rescale: subtract each map's minimum first, as similarity.m of the MIT toolbox does.
    """
    saliency, density = _pair(saliency, density, "density")
    if rescale:
        saliency, density = (x - x.amin((-2, -1), keepdim=True) for x in (saliency, density))
    return torch.minimum(to_density(saliency), to_density(density)).sum((-2, -1))


def kld(saliency: Tensor, density: Tensor, floor: float | None = None) -> Tensor:
    """Kullback-Leibler divergence of the predicted from the true density, in nats; 0 for equal maps, then growing.

    saliency, density: (..., H, W), scaled to sum 1 here. floor: None adds MATLAB's eps inside the logarithm and the
    quotient (KLdiv.m of the MIT toolbox), without which one zero of the prediction makes the score infinite; a number
    is added to both maps before they are scaled instead (pysaliency's default is 1e-20).
    """
    saliency, density = _pair(saliency, density, "density")
    if floor is not None:
        truth, guess = to_density(density + floor), to_density(saliency + floor)
        return (truth * (truth.log() - guess.log())).sum((-2, -1))
    truth, guess = to_density(density), to_density(saliency)
    return (truth * torch.log(EPS + truth / (guess + EPS))).sum((-2, -1))


def information_gain(saliency: Tensor, fixations: Tensor, baseline: Tensor) -> Tensor:
    """Information gain over a baseline density (Kuemmerer et al., PNAS 2015), in bits per fixation.

    saliency, baseline: (..., H, W), scaled to sum 1 here. fixations: (..., H, W) counts.
    """
    saliency, fixations = _pair(saliency, fixations)
    same_size(saliency, baseline, ("saliency", "baseline"))
    counts = fixations.reshape(-1, fixations.shape[-2:].numel())
    frame, pixel = counts.nonzero(as_tuple=True)  # logarithms are taken where someone looked only

    def bits(values: Tensor) -> Tensor:
        return torch.log2(EPS + to_density(values).reshape(counts.shape)[frame, pixel])

    gain = (bits(saliency) - bits(maps(baseline, "baseline"))) * counts[frame, pixel]
    total = torch.zeros(len(counts), dtype=gain.dtype, device=gain.device).index_add(0, frame, gain)
    return (total / counts.sum(1)).reshape(saliency.shape[:-2])


def auc_judd(saliency: Tensor, fixations: Tensor) -> Tensor:
    """Area under the ROC curve of fixated against all pixels, ties counted half: exact, without jitter.

    It is the chance that a fixated pixel is more salient than a random one (the Mann-Whitney statistic), and the limit
    of AUC-Borji as the random pixels grow in number. saliency: (..., H, W). fixations: (..., H, W) counts.
    """
    return _per_map(_auc_all_pixels, saliency, fixations)


def auc_judd_mit(saliency: Tensor, fixations: Tensor, jitter: Tensor | None = None) -> Tensor:
    """AUC_Judd.m of the MIT toolbox: thresholds at the fixated values, against the pixels without fixations.

    A threshold that several fixations share still counts one fixation more each time, and the curve ends in (1, 1),
    which is why the score of maps with ties depends on `jitter`: noise of the same shape that is added to the map
    (the toolbox draws it uniformly from [0, 1e-7]).
    """
    return _per_map(_auc_fixated_thresholds, saliency if jitter is None else saliency + jitter, fixations)


def auc_judd_pysaliency(saliency: Tensor, fixations: Tensor, jitter: Tensor | None = None) -> Tensor:
    """AUC_Judd of pysaliency: as `auc_judd_mit`, but fixations in one place count apart and share a threshold.

    pysaliency draws the jitter from the normal distribution, times 1e-7.
    """
    return _per_map(_auc_shared_thresholds, saliency if jitter is None else saliency + jitter, fixations)


def auc_borji(saliency: Tensor, fixations: Tensor, seed: int, splits: int = 100, step: float = 0.1) -> Tensor:
    """AUC_Borji.m of the MIT toolbox: as many random pixels as fixations, `splits` times, thresholds `step` apart.

    Its expectation without the coarse thresholds is `auc_judd`.
    """
    generator = torch.Generator().manual_seed(seed)

    def score(values: Tensor, counts: Tensor) -> Tensor:
        fixated = rescaled(values)[counts > 0]
        picks = torch.randint(values.numel(), (splits, fixated.numel()), generator=generator).to(values.device)
        return _auc_stepped(fixated, rescaled(values).flatten()[picks], step)

    return _per_map(score, saliency, fixations)


def s_auc(saliency: Tensor, fixations: Tensor, others: Tensor) -> Tensor:
    """Shuffled AUC, exact: fixated values against those at the fixations of other stimuli, ties counted half.

    The centre bias that all stimuli share does not pay here. saliency: (..., H, W). fixations, others: (..., H, W)
    counts, of this stimulus and of the other ones.
    """

    def score(values: Tensor, counts: Tensor, other: Tensor) -> Tensor:
        return auc_of_values(_fixated(values, counts), _fixated(values, other))

    return _per_map(score, saliency, fixations, others)


def s_auc_mit(
    saliency: Tensor, fixations: Tensor, others: Tensor, seed: int, splits: int = 100, step: float = 0.1
) -> Tensor:
    """AUC_shuffled.m of the MIT toolbox: draws from `others` without replacement, `splits` times, coarse thresholds."""
    generator = torch.Generator().manual_seed(seed)

    def score(values: Tensor, counts: Tensor, other: Tensor) -> Tensor:
        values = rescaled(values)
        fixated, pool = values[counts > 0], values[other > 0]
        if pool.numel() == 0:
            return values.new_tensor(NAN)
        size = min(fixated.numel(), pool.numel())
        order = torch.rand(splits, pool.numel(), generator=generator).argsort(1)[:, :size]
        return _auc_stepped(fixated, pool[order.to(pool.device)], step)

    return _per_map(score, saliency, fixations, others)


def s_auc_at(saliency: Tensor, pixels: Tensor, others: Tensor) -> Tensor:
    """`s_auc` of one map (H, W) at the fixated pixels y * W + x, (N,) and (M,) int64; reads no other pixel."""
    return auc_of_values(torch.take(saliency, pixels), torch.take(saliency, others))


def auc_of_values(positives: Tensor, negatives: Tensor) -> Tensor:
    """Chance that one of the positives (P,) exceeds one of the negatives (N,), ties counted half; NaN if none."""
    if positives.numel() == 0 or negatives.numel() == 0:
        return torch.tensor(NAN, dtype=torch.float64, device=positives.device)
    negatives = ascending(negatives)
    below = torch.searchsorted(negatives, positives)
    up_to = torch.searchsorted(negatives, positives, right=True)
    return (below + up_to).sum().double() / (2 * negatives.numel() * positives.numel())


def ascending(values: Tensor) -> Tensor:
    """Sort (N,) values. On the CPU with numpy, whose vectorised sort is ten times as fast as that of torch.

    Raises DataError where they are not finite; sorting brings such values to the ends.
    """
    values = torch.from_numpy(np.sort(values.numpy())) if values.device.type == "cpu" else values.sort().values
    if not (math.isfinite(values[0].item()) and math.isfinite(values[-1].item())):
        raise DataError("saliency: the map holds NaN or infinite values; finite numbers are expected")
    return values


def to_density(values: Tensor) -> Tensor:
    """Maps (..., H, W) scaled to sum 1; a negative minimum is lifted to 0 first. NaN for maps of zeros."""
    values = values - values.amin((-2, -1), keepdim=True).clamp(max=0)
    return values / values.sum((-2, -1), keepdim=True)


def rescaled(values: Tensor) -> Tensor:
    """Maps (..., H, W) from their own range to [0, 1]; NaN for constant maps."""
    values = maps(values, "saliency")
    low, high = values.amin((-2, -1), keepdim=True), values.amax((-2, -1), keepdim=True)
    return (values - low) / (high - low)


def is_constant(values: Tensor) -> Tensor:
    """True for each of the maps (..., H, W) that has one value only."""
    return values.amin((-2, -1)) == values.amax((-2, -1))


def _pair(saliency: Tensor, other: Tensor, name: str = "fixations") -> tuple[Tensor, Tensor]:
    same_size(saliency, other, ("saliency", name))
    return maps(saliency, "saliency"), maps(other, name)


def _or_nan(score: Tensor, valid: Tensor) -> Tensor:
    return torch.where(valid, score, NAN)


def _per_map(score: Callable[..., Tensor], saliency: Tensor, fixations: Tensor, *more: Tensor) -> Tensor:
    """Apply `score` to each map; fixations differ in number, so this is a loop. NaN where there are none."""
    for other, name in zip((fixations, *more), ("fixations", "others"), strict=False):
        same_size(saliency, other, ("saliency", name))
    if saliency.dtype in (torch.float16, torch.bfloat16):
        saliency = saliency.float()
    flat = [x.reshape(-1, *x.shape[-2:]) for x in (saliency, fixations, *more)]
    scores = [
        score(*one) if bool(one[1].any()) else one[0].new_tensor(NAN, dtype=torch.float64)
        for one in zip(*flat, strict=True)
    ]
    return torch.stack([one.double() for one in scores]).reshape(saliency.shape[:-2])


def _fixated(values: Tensor, counts: Tensor) -> Tensor:
    """The value at every fixation, a pixel as often as it is fixated."""
    at = counts.flatten().nonzero().squeeze(1)
    return values.flatten()[at].repeat_interleave(counts.flatten()[at].long())


def _auc_all_pixels(values: Tensor, counts: Tensor) -> Tensor:
    return auc_of_values(_fixated(values, counts), values.flatten())


def _auc_fixated_thresholds(values: Tensor, counts: Tensor) -> Tensor:
    thresholds = ascending(values[counts > 0]).flip(0)
    number = thresholds.numel()
    rank = torch.arange(1, number + 1, device=values.device, dtype=torch.float64)
    above = values.numel() - torch.searchsorted(ascending(values.flatten()), thresholds)
    return _area((above - rank) / (values.numel() - number), rank / number)


def _auc_shared_thresholds(values: Tensor, counts: Tensor) -> Tensor:
    positives, negatives = ascending(_fixated(values, counts)), ascending(values[counts == 0])
    thresholds = positives.flip(0)
    true = 1 - torch.searchsorted(positives, thresholds).double() / positives.numel()
    false = 1 - torch.searchsorted(negatives, thresholds).double() / negatives.numel()
    return _area(false, true)


def _area(false: Tensor, true: Tensor) -> Tensor:
    """Area under the curve through (0, 0), the points (..., N) and (1, 1)."""
    zero, one = torch.zeros_like(true[..., :1]), torch.ones_like(true[..., :1])
    return torch.trapezoid(torch.cat([zero, true, one], -1), torch.cat([zero, false, one], -1))


def _auc_stepped(fixated: Tensor, drawn: Tensor, step: float) -> Tensor:
    """Mean over the splits of `drawn` (S, N) of the ROC area with thresholds 0, step, ... up to the largest value."""
    steps = torch.arange(int(1 / step + 1e-9), -1, -1, device=fixated.device, dtype=fixated.dtype) * step
    true = (fixated[:, None] >= steps).to(fixated.dtype).mean(0).expand(len(drawn), -1)
    false = (drawn[..., None] >= steps).to(fixated.dtype).mean(1)
    return _area(false, true).mean()
