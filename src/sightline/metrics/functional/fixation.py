"""How well a saliency map predicts fixations: NSS, CC, SIM, KLD, information gain and the AUC family.

All functions take batches: maps are (..., H, W) and the result is (...), float64. `fixations` counts the fixations in
each pixel, so that two fixations in one place weigh twice; pass `fixations > 0` to merge them as the MIT toolbox does.
A map that cannot be scored (no fixations, or a constant map where the score divides by its spread) gives NaN.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from sightline.errors import UsageError
from sightline.metrics.functional._inputs import EPS, counted, maps, same_size

NAN = float("nan")


def nss(saliency: Tensor, fixations: Tensor, correction: int = 0) -> Tensor:
    """Normalised scanpath saliency (Peters et al., Vision Research 2005): mean z-score of the fixated pixels.

    saliency: (..., H, W). fixations: (..., H, W) counts. correction: 1 divides by N - 1 in the spread, as MATLAB does.
    """
    same_size(saliency, fixations, ("saliency", "fixations"))
    frame, pixel, numbers = counted(fixations, "fixations")
    saliency = maps(saliency, "saliency")
    spread, mean = torch.std_mean(saliency.flatten(-2), dim=-1, correction=correction)
    fixated = _mean_by_frame(saliency.reshape(-1, saliency.shape[-2:].numel())[frame, pixel], frame, numbers, mean)
    return _or_nan((fixated - mean) / spread, ~is_constant(saliency))


def cc(saliency: Tensor, density: Tensor) -> Tensor:
    """Linear correlation of two maps (..., H, W), in [-1, 1]."""
    saliency, density = _pair(saliency, density)
    first = saliency - saliency.mean((-2, -1), keepdim=True)
    second = density - density.mean((-2, -1), keepdim=True)
    norm = first.square().sum((-2, -1)).sqrt() * second.square().sum((-2, -1)).sqrt()
    score = (first * second).sum((-2, -1)) / norm
    return _or_nan(score.clamp(-1, 1), ~is_constant(saliency) & ~is_constant(density))


def sim(saliency: Tensor, density: Tensor, rescale: bool = False) -> Tensor:
    """Histogram intersection of two maps (..., H, W) that are scaled to sum 1: 1 if they are alike, 0 if disjoint.

    A map of zeros predicts nothing and scores 0; NaN where the density is 0 everywhere. rescale: bring each map's own
    range to [0, 1] first, as similarity.m of the MIT toolbox does, where a constant map that is not 0 gives NaN.
    """
    saliency, density = _pair(saliency, density)
    known = density.flatten(-2).any(-1)
    if rescale:
        flat = is_constant(saliency) & saliency.flatten(-2).any(-1) | is_constant(density)
        known = known & ~flat
        saliency, density = (x - x.amin((-2, -1), keepdim=True) for x in (saliency, density))
    return _or_nan(torch.minimum(to_density(saliency), to_density(density)).sum((-2, -1)), known)


def kld(saliency: Tensor, density: Tensor, floor: float | None = None) -> Tensor:
    """Kullback-Leibler divergence of the predicted from the true density, in nats; 0 for equal maps, then growing.

    saliency, density: (..., H, W), scaled to sum 1 here. floor: None adds MATLAB's eps inside the logarithm and the
    quotient (KLdiv.m of the MIT toolbox), without which one zero of the prediction makes the score infinite; a number
    is added to both maps before they are scaled instead (pysaliency's default is 1e-20). A map of zeros predicts
    nothing, which costs about 30; NaN where the density is 0 everywhere and there is no floor.
    """
    saliency, density = _pair(saliency, density)
    if floor is not None:
        truth, guess = to_density(_lifted(density) + floor), to_density(_lifted(saliency) + floor)
        return (truth * (truth.log() - guess.log())).sum((-2, -1))
    truth, guess = to_density(density), to_density(saliency)
    score = (truth * torch.log(EPS + truth / (guess + EPS))).sum((-2, -1))
    return _or_nan(score, density.flatten(-2).any(-1))


def information_gain(saliency: Tensor, fixations: Tensor, baseline: Tensor, eps: float = EPS) -> Tensor:
    """Information gain over a baseline density (Kuemmerer et al., PNAS 2015), in bits per fixation.

    saliency, baseline: (..., H, W), scaled to sum 1 here. fixations: (..., H, W) counts. eps: added to both densities
    before the logarithm, as InfoGain.m of the MIT toolbox does; with 0 a fixation where nothing was predicted costs
    infinitely much, as in pysaliency.
    """
    same_size(saliency, fixations, ("saliency", "fixations"))
    same_size(saliency, baseline, ("saliency", "baseline"))
    frame, pixel, numbers = counted(fixations, "fixations")  # logarithms are taken where someone looked only

    def bits(values: Tensor) -> Tensor:
        return torch.log2(eps + to_density(values).reshape(-1, values.shape[-2:].numel())[frame, pixel])

    saliency = maps(saliency, "saliency")
    gain = bits(saliency) - bits(maps(baseline, "baseline"))
    return _mean_by_frame(gain, frame, numbers, saliency.sum((-2, -1)))


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

    Its expectation without the coarse thresholds is `auc_judd`. NaN, as there, for a constant map and for a single
    fixated pixel.
    """
    generator = torch.Generator().manual_seed(seed)

    def score(values: Tensor, points: _Points) -> Tensor:
        fixated = torch.take(rescaled(values), points.at)
        if fixated.numel() == 1 or bool(is_constant(values)):
            return fixated.new_tensor(NAN)
        picks = torch.randint(values.numel(), (splits, fixated.numel()), generator=generator).to(values.device)
        return _auc_stepped(fixated, rescaled(values).flatten()[picks], step)

    return _per_map(score, saliency, fixations)


def s_auc(saliency: Tensor, fixations: Tensor, others: Tensor) -> Tensor:
    """Shuffled AUC, exact: fixated values against those at the fixations of other stimuli, ties counted half.

    The centre bias that all stimuli share does not pay here. saliency: (..., H, W). fixations, others: (..., H, W)
    counts, of this stimulus and of the other ones.
    """

    def score(values: Tensor, points: _Points, other: _Points) -> Tensor:
        return auc_of_values(_fixated(values, points), _fixated(values, other))

    return _per_map(score, saliency, fixations, others)


def s_auc_mit(
    saliency: Tensor, fixations: Tensor, others: Tensor, seed: int, splits: int = 100, step: float = 0.1
) -> Tensor:
    """AUC_shuffled.m of the MIT toolbox: draws from `others` without replacement, `splits` times, coarse thresholds."""
    generator = torch.Generator().manual_seed(seed)

    def score(values: Tensor, points: _Points, other: _Points) -> Tensor:
        if not len(other.at) or bool(is_constant(values)):
            return torch.tensor(NAN, dtype=torch.float64, device=values.device)
        values = rescaled(values)
        fixated, pool = torch.take(values, points.at), torch.take(values, other.at)
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

    Raises UsageError where they are not finite; sorting brings such values to the ends.
    """
    values = torch.from_numpy(np.sort(values.numpy())) if values.device.type == "cpu" else values.sort().values
    if not (math.isfinite(values[0].item()) and math.isfinite(values[-1].item())):
        raise UsageError("saliency: the map holds NaN or infinite values; finite numbers are expected")
    return values


def to_density(values: Tensor) -> Tensor:
    """Maps (..., H, W) scaled to sum 1; a negative minimum is lifted to 0 first. Maps of zeros stay as they are."""
    values = _lifted(values)
    total = values.sum((-2, -1), keepdim=True)
    return values / torch.where(total > 0, total, 1.0)


def from_log_density(values: Tensor, name: str = "saliency") -> Tensor:
    """Log-densities (..., H, W), to any base e constant, as densities of sum 1.

    What models such as DeepGaze give, natural logarithms; a pixel with -inf gets none. Raises UsageError for NaN, +inf,
    or a map that is -inf everywhere.
    """
    if values.ndim < 2 or values.numel() == 0 or not values.is_floating_point():
        raise UsageError(f"`{name}`: log-densities (..., H, W) of a float type are expected, got {list(values.shape)}")
    flat = values.double().flatten(-2)
    if bool(flat.isnan().any()) or not bool(torch.isfinite(flat.amax(-1)).all()):
        raise UsageError(f"`{name}`: log-densities below infinity are expected, and one at least above -infinity")
    return flat.softmax(-1).reshape(values.shape)


def rescaled(values: Tensor) -> Tensor:
    """Maps (..., H, W) from their own range to [0, 1]; NaN for constant maps."""
    values = maps(values, "saliency")
    low, high = values.amin((-2, -1), keepdim=True), values.amax((-2, -1), keepdim=True)
    return (values - low) / (high - low)


def is_constant(values: Tensor) -> Tensor:
    """True for each of the maps (..., H, W) that has one value only."""
    return values.amin((-2, -1)) == values.amax((-2, -1))


def _pair(saliency: Tensor, density: Tensor) -> tuple[Tensor, Tensor]:
    same_size(saliency, density, ("saliency", "density"))
    return maps(saliency, "saliency"), maps(density, "density")


def _lifted(values: Tensor) -> Tensor:
    return values - values.amin((-2, -1), keepdim=True).clamp(max=0)


def _mean_by_frame(values: Tensor, frame: Tensor, numbers: Tensor, like: Tensor) -> Tensor:
    """Means of the values (N,) of each frame, weighted by `numbers`; NaN for a frame without any. Shaped as `like`."""
    zeros = torch.zeros(like.numel(), dtype=values.dtype, device=values.device)
    numbers = numbers.to(values.dtype)
    total = zeros.index_add(0, frame, values * numbers)
    return (total / zeros.index_add(0, frame, numbers)).reshape(like.shape)


def _or_nan(score: Tensor, valid: Tensor) -> Tensor:
    return torch.where(valid, score, NAN)


class _Points(NamedTuple):
    """The fixated pixels of one map, numbered row by row (N,), and how often each was, (N,)."""

    at: Tensor
    times: Tensor


def _per_map(score: Callable[..., Tensor], saliency: Tensor, fixations: Tensor, *more: Tensor) -> Tensor:
    """Apply `score` to each map and its points; they differ in number, so this is a loop. NaN where there are none."""
    for other, name in zip((fixations, *more), ("fixations", "others"), strict=False):
        same_size(saliency, other, ("saliency", name))
    if saliency.dtype in (torch.float16, torch.bfloat16):
        saliency = saliency.float()
    flat = saliency.reshape(-1, *saliency.shape[-2:])
    scores = []
    for index, values in enumerate(flat):
        points = [
            _Points(*counted(other.reshape(flat.shape)[index], name)[1:])
            for other, name in zip((fixations, *more), ("fixations", "others"), strict=False)
        ]
        nothing = values.new_tensor(NAN, dtype=torch.float64)
        scores.append(score(values, *points).double() if len(points[0].at) else nothing)
    return torch.stack(scores).reshape(saliency.shape[:-2])


def _fixated(values: Tensor, points: _Points) -> Tensor:
    """The value at every fixation, a pixel as often as it is fixated."""
    return torch.take(values, points.at).repeat_interleave(points.times.long())


def _auc_all_pixels(values: Tensor, points: _Points) -> Tensor:
    return auc_of_values(_fixated(values, points), values.flatten())


def _auc_fixated_thresholds(values: Tensor, points: _Points) -> Tensor:
    thresholds = ascending(torch.take(values, points.at)).flip(0)
    number = thresholds.numel()
    rank = torch.arange(1, number + 1, device=values.device, dtype=torch.float64)
    above = values.numel() - torch.searchsorted(ascending(values.flatten()), thresholds)
    return _area((above - rank) / (values.numel() - number), rank / number)


def _auc_shared_thresholds(values: Tensor, points: _Points) -> Tensor:
    unfixated = torch.ones(values.numel(), dtype=torch.bool, device=values.device)
    unfixated[points.at] = False
    if not bool(unfixated.any()):
        return values.new_tensor(NAN)
    positives, negatives = ascending(_fixated(values, points)), ascending(values.flatten()[unfixated])
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
