"""How well a saliency map predicts fixations: NSS, CC, SIM, KLD, information gain and the AUC family.

All functions take batches: maps are (..., H, W) and the result is (...), float64. `fixations` counts the fixations in
each pixel, so that two fixations in one place weigh twice; pass `fixations > 0` to merge them as the MIT toolbox does.
A map that cannot be scored (no fixations, or a constant map where the score divides by its spread) gives NaN.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

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
    baseline = maps(baseline, "baseline")
    gain = torch.log2(EPS + to_density(saliency)) - torch.log2(EPS + to_density(baseline))
    return (gain * fixations).sum((-2, -1)) / fixations.sum((-2, -1))


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
        (positives, weights), (negatives, negative_weights) = _weighted(values, counts), _weighted(values, other)
        return auc_of_values(positives, negatives, weights, negative_weights)

    return _per_map(score, saliency, fixations, maps(others, "others"))


def s_auc_mit(
    saliency: Tensor, fixations: Tensor, others: Tensor, seed: int, splits: int = 100, step: float = 0.1
) -> Tensor:
    """AUC_shuffled.m of the MIT toolbox: draws from `others` without replacement, `splits` times, coarse thresholds."""
    generator = torch.Generator().manual_seed(seed)

    def score(values: Tensor, counts: Tensor, other: Tensor) -> Tensor:
        values = rescaled(values)
        fixated, pool = values[counts > 0], values[other > 0]
        if pool.numel() == 0:
            return pool.new_tensor(NAN)
        size = min(fixated.numel(), pool.numel())
        order = torch.rand(splits, pool.numel(), generator=generator).argsort(1)[:, :size]
        return _auc_stepped(fixated, pool[order.to(pool.device)], step)

    return _per_map(score, saliency, fixations, maps(others, "others"))


def auc_of_values(
    positives: Tensor, negatives: Tensor, positive_weights: Tensor | None = None, negative_weights: Tensor | None = None
) -> Tensor:
    """Chance that a positive exceeds a negative, ties counted half; (P,) and (N,) values, weights of 1 by default.

    NaN where either side is empty. O((P + N) log P): only the positives are sorted.
    """
    if positives.numel() == 0 or negatives.numel() == 0:
        return positives.new_tensor(NAN)
    levels, where = torch.unique(positives, return_inverse=True)
    number, dtype = len(levels), positives.dtype
    weights = torch.bincount(where, positive_weights).to(dtype)
    gap = torch.bucketize(negatives, levels)  # levels[gap - 1] < negative <= levels[gap]
    tied = levels[gap.clamp(max=number - 1)] == negatives
    tied_weights = None if negative_weights is None else negative_weights[tied]
    up_to = torch.bincount(gap, negative_weights, minlength=number + 1).to(dtype).cumsum(0)
    at = torch.bincount(gap[tied], tied_weights, minlength=number + 1).to(dtype)
    return (weights * (up_to - at / 2)[:number]).sum() / (weights.sum() * up_to[-1])


def to_density(values: Tensor) -> Tensor:
    """Maps (..., H, W) scaled to sum 1; a negative minimum is lifted to 0 first. NaN for maps of zeros."""
    values = values - values.amin((-2, -1), keepdim=True).clamp(max=0)
    return values / values.sum((-2, -1), keepdim=True)


def rescaled(values: Tensor) -> Tensor:
    """Maps (..., H, W) from their own range to [0, 1]; NaN for constant maps."""
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
    saliency, fixations = _pair(saliency, fixations)
    for other in more:
        same_size(saliency, other, ("saliency", "others"))
    flat = [x.reshape(-1, *x.shape[-2:]) for x in (saliency, fixations, *more)]
    scores = [score(*one) if bool(one[1].any()) else one[0].new_tensor(NAN) for one in zip(*flat, strict=True)]
    return torch.stack(scores).reshape(saliency.shape[:-2])


def _weighted(values: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
    at = counts.flatten().nonzero().squeeze(1)
    return values.flatten()[at], counts.flatten()[at]


def _auc_all_pixels(values: Tensor, counts: Tensor) -> Tensor:
    positives, weights = _weighted(values, counts)
    return auc_of_values(positives, values.flatten(), weights)


def _auc_fixated_thresholds(values: Tensor, counts: Tensor) -> Tensor:
    fixated, _ = _weighted(values, (counts > 0).to(values.dtype))
    thresholds = fixated.sort(descending=True).values
    number = thresholds.numel()
    rank = torch.arange(1, number + 1, device=values.device, dtype=values.dtype)
    # Pixels at or above each threshold: counted from the gaps between the ascending thresholds.
    gap = torch.bucketize(values.flatten(), thresholds.flip(0), right=True)
    above = torch.bincount(gap, minlength=number + 1).flip(0).cumsum(0)[:number].to(values.dtype)
    return _area((above - rank) / (values.numel() - number), rank / number)


def _auc_shared_thresholds(values: Tensor, counts: Tensor) -> Tensor:
    positives, weights = _weighted(values, counts)
    negatives = values[counts == 0]
    levels, where = torch.unique(positives, return_inverse=True)
    true = torch.bincount(where, weights).flip(0).cumsum(0).to(values.dtype) / weights.sum()
    gap = torch.bucketize(negatives, levels, right=True)
    above = torch.bincount(gap, minlength=len(levels) + 1).flip(0).cumsum(0)[: len(levels)].to(values.dtype)
    return _area(above / negatives.numel(), true)


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
