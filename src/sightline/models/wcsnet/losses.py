"""Losses of WCS-Net's three networks (Sec. 3.3, Eq. 6)."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from sightline.nn.blocks import resize


def fixation_loss(logits: Tensor, density: Tensor, counts: Tensor, nss_weight: float = 0.0) -> Tensor:
    """Cross-entropy between the predicted and the observed distribution of fixations over the pixels.

    The paper names "cross entropy loss" between maps; over the pixels as one distribution it is the one that the
    evaluation (KLD, and NSS nearly) asks for. nss_weight adds -NSS of the predicted density at the fixations.
    logits: (N, 1, h, w); density: (N, 1, H, W) summing to 1; counts: (N, 1, H, W) fixations a pixel. Returns a scalar.
    """
    logits = resize(logits, density.shape[-2:])
    log_density = logits.flatten(1).log_softmax(dim=1)
    loss = -(density.flatten(1) * log_density).sum(dim=1)
    if nss_weight:
        predicted, weights = log_density.exp(), counts.flatten(1)
        deviation, mean = predicted.std(dim=1, keepdim=True), predicted.mean(dim=1, keepdim=True)
        scores = ((predicted - mean) / deviation.clamp_min(1e-12) * weights).sum(dim=1)
        loss = loss - nss_weight * scores / weights.sum(dim=1).clamp_min(1)
    return loss.mean()


def mask_loss(logits: Tensor, mask: Tensor) -> Tensor:
    """Binary cross-entropy a pixel plus one minus the soft intersection over union, for each sample.

    The paper has the cross-entropy alone; J, which the masks are judged by, is the other term's hard version, and it
    keeps small targets from being outvoted by their background. logits, mask: (N, 1, H, W). Returns (N,).
    """
    logits = logits.float()
    entropy = F.binary_cross_entropy_with_logits(logits, mask, reduction="none").flatten(1).mean(dim=1)
    probability = logits.sigmoid()
    both, either = (probability * mask).flatten(1).sum(dim=1), (probability + mask).flatten(1).sum(dim=1)
    return entropy + 1 - (both + 1) / (either - both + 1)


def joint_loss(
    mask_logits: Tensor,
    mask: Tensor,
    has_mask: Tensor,
    hotspot_logits: Tensor | None,
    hotspot: Tensor,
    has_hotspot: Tensor,
) -> Tensor:
    """L = l1 L_hotspot + l2 L_mask (Eq. 6); l1 and l2 are 1 or 0 as a sample has that label.

    All maps (N, 1, H, W), hotspot logits of any size; has_mask, has_hotspot: (N,) in {0, 1}. Returns a scalar.
    """
    total = _mean_over(mask_loss(mask_logits, mask), has_mask)
    if hotspot_logits is not None:
        logits = resize(hotspot_logits.float(), hotspot.shape[-2:])
        entropy = F.binary_cross_entropy_with_logits(logits, hotspot, reduction="none").flatten(1).mean(dim=1)
        total = total + _mean_over(entropy, has_hotspot)
    return total


def _mean_over(values: Tensor, labelled: Tensor) -> Tensor:
    return (values * labelled).sum() / labelled.sum().clamp_min(1)


def presence_loss(logits: Tensor, present: Tensor) -> Tensor:
    """Binary cross-entropy of whether the target is in the frame. logits, present: (N,). Returns a scalar."""
    return F.binary_cross_entropy_with_logits(logits.float(), present)
