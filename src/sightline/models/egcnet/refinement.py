"""Mask refinement by colour and motion: the teacher of training, and the last step of prediction.

All of it is ours (README, Eq. 11 and 16). Maps are at stride 4 of the network's input.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from sightline.models.egcnet.config import RefinementConfig


def affinity(images: Tensor, motion: Tensor, config: RefinementConfig) -> Tensor:
    """Similarity of every pixel's colour and motion to those around it: (N, window^2, h, w) in [0, 1].

    images: (N, 3, h, w) in [0, 1]; motion: (N, 1, h, w).
    """
    window = config.window
    features = torch.cat([images / config.colour_sigma, motion / config.motion_sigma], dim=1)
    height, width = features.shape[-2:]
    padded = F.pad(features, (window // 2,) * 4, mode="replicate")
    shifted = (padded[..., y : y + height, x : x + width] for y in range(window) for x in range(window))
    apart = [(near - features).square().sum(1) for near in shifted]  # one by one: all at once would not fit the cache
    return torch.exp(-0.5 * torch.stack(apart, dim=1))


def refine_mask(
    probabilities: Tensor,
    images: Tensor,
    motion: Tensor,
    affinities: Tensor,
    config: RefinementConfig,
    log_odds: Tensor | float = 0.0,
    size: float = 0.0,
) -> Tensor:
    """The mask (N, 1, h, w) that colour and motion make of a guess: their log-odds beside the guess's, smoothed along
    `affinity`.

    images: (N, 3, h, w) and motion: (N, 1, h, w), both in [0, 1]. log_odds: (N, 1, h, w) of what else speaks for the
    object. size: weight of the log-odds of the object's area; 0 for a teacher, under which masks would shrink from step
    to step.
    """
    low, high = config.saturation, 1 - config.saturation
    guess, mask = probabilities.clamp(low, high).logit(), probabilities
    for _ in range(config.rounds):
        area = mask.mean(dim=(1, 2, 3), keepdim=True).clamp(low, 0.5).logit()
        seen = config.colour * colour_log_odds(mask, images, config) + config.motion * motion_log_odds(
            mask, motion, config
        )
        mask = mean_field((config.guess * guess + seen + log_odds + size * area).sigmoid(), affinities, config)
    return mask


def mean_field(probabilities: Tensor, affinities: Tensor, config: RefinementConfig) -> Tensor:
    """Mean-field smoothing of (N, 1, h, w) along `affinity`: each pixel moves towards what is like it."""
    weights = affinities / affinities.sum(1, keepdim=True)
    saturation = config.unary_saturation
    unary, value = probabilities.clamp(saturation, 1 - saturation).logit(), probabilities
    for _ in range(config.smoothing_rounds):
        near = (neighbours(value, config.window) * weights).sum(1, keepdim=True)
        value = (config.unary * unary + config.pairwise * (near - 0.5)).sigmoid()
    return value


def colour_log_odds(probabilities: Tensor, images: Tensor, config: RefinementConfig) -> Tensor:
    """How much more a pixel's colour is the object's than the rest's: log-odds (N, 1, h, w).

    Histograms of both, weighted by the probabilities (N, 1, h, w) and smoothed over neighbouring colours, stand for
    GrabCut's mixtures. images: (N, 3, h, w) in [0, 1].
    """
    count, bins = len(images), config.colour_bins
    levels = (images * (bins - 1e-3)).long()
    codes = ((levels[:, 0] * bins + levels[:, 1]) * bins + levels[:, 2]).flatten(1)
    weights = torch.stack([probabilities.flatten(1), 1 - probabilities.flatten(1)], dim=1)
    both = codes[:, None].expand(-1, 2, -1)
    table = weights.new_zeros(count, 2, bins**3).scatter_add_(2, both, weights)
    kernel = table.new_tensor([0.25, 0.5, 0.25])
    cube = kernel[:, None, None] * kernel[:, None] * kernel
    table = F.conv3d(table.view(count * 2, 1, bins, bins, bins), cube[None, None], padding=1).view(count, 2, -1)
    table = (table / table.sum(2, keepdim=True).clamp_min(1e-6) + config.colour_floor).log()
    ratio = table[:, 0] - table[:, 1]
    return ratio.gather(1, codes).clamp(-config.colour_limit, config.colour_limit).view_as(probabilities)


def motion_log_odds(probabilities: Tensor, motion: Tensor, config: RefinementConfig) -> Tensor:
    """How much more a pixel's motion is the object's than the rest's: log-odds (N, 1, h, w).

    It says nothing where object and rest move alike. motion: (N, 1, h, w) in [0, 1].
    """
    bins = config.motion_bins
    steps = (motion.flatten(1) * bins - 0.5).clamp(0, bins - 1)
    weights = torch.stack([probabilities.flatten(1), 1 - probabilities.flatten(1)], dim=1)
    nearest = steps.round().long()[:, None].expand(-1, 2, -1)
    shares = weights.new_zeros(len(motion), 2, bins).scatter_add_(2, nearest, weights)
    shares = shares / shares.sum(2, keepdim=True).clamp_min(1e-6) + config.motion_rare / bins
    ratio = (shares[:, 0] / shares[:, 1]).log().clamp(-config.motion_limit, config.motion_limit)
    below = steps.floor().long()
    above, part = (below + 1).clamp_max(bins - 1), steps - below
    return (ratio.gather(1, below) * (1 - part) + ratio.gather(1, above) * part).view_as(probabilities)


def neighbours(values: Tensor, window: int) -> Tensor:
    """(N, 1, h, w) as (N, window^2, h, w): what stands around each pixel; the border is repeated."""
    padded = F.pad(values, (window // 2,) * 4, mode="replicate")
    return F.unfold(padded, window).unflatten(2, values.shape[-2:])
