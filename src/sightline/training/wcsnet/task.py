"""Training of Gaze2Mask-Net and WCS-Net on the views of targets (WCS-Net paper, Sec. 3.3)."""

from __future__ import annotations

from typing import Any

import lightning as L
import torch
from torch import Tensor
from torch.nn import functional as F

from sightline.metrics.functional.vos import region_similarity
from sightline.models.wcsnet.gaze2mask import Gaze2Mask
from sightline.models.wcsnet.losses import joint_loss, mask_loss
from sightline.models.wcsnet.network import WCSNet
from sightline.nn.blocks import pool_to
from sightline.training.optimisation import configure
from sightline.training.wcsnet.data import Batch
from sightline.training.wcsnet.recipe import Gaze2MaskRecipe, WCSNetRecipe

SPILL = 0.7
"""Saliency beside the target, in parts of EG-Net's own, at most."""
SPOTS = 0.4
"""The share of guiding maps that are a spot, as a click makes one."""


def saliency_inside(saliency: Tensor, mask: Tensor) -> Tensor:
    """The saliency of the target alone, scaled to a maximum of 1.

    Where nobody looks at it, the mask itself stands in. saliency: (N, 1, h, w); mask: (N, 1, H, W).
    """
    area = pool_to(mask, saliency)
    inside = saliency * area
    inside = torch.where(inside.amax(dim=(2, 3), keepdim=True) > 0.02, inside, area)
    return inside / inside.amax(dim=(2, 3), keepdim=True).clamp_min(1e-6)


class MaskTask(L.LightningModule):
    """What both tasks share: the frozen backbone, and J on the validation videos."""

    def __init__(self, network: Gaze2Mask | WCSNet, recipe: Gaze2MaskRecipe | WCSNetRecipe) -> None:
        super().__init__()
        self.network, self.recipe = network, recipe
        network.backbone.requires_grad_(False)

    def train(self, mode: bool = True) -> MaskTask:
        super().train(mode)
        self.network.backbone.eval()
        return self

    def predict_masks(self, batch: Batch) -> Tensor:
        """Mask logits of a batch of the bank."""
        raise NotImplementedError

    def validation_step(self, batch: Batch, _: int) -> None:
        predicted = self.predict_masks(batch)[:, 0] > 0
        truth = F.interpolate(batch["mask"], predicted.shape[-2:])[:, 0] > 0.5
        score = region_similarity(predicted, truth).mean()
        self.log("val_j", score.float(), batch_size=len(truth), sync_dist=True, prog_bar=True)

    def configure_optimizers(self) -> Any:
        return configure(self.network, self.recipe.optimisation)


class Gaze2MaskTask(MaskTask):
    """Binary cross-entropy between mask and prediction; the target is salient, with some spill beside it.

    More than half of the guiding maps are EG-Net's inside the target (as in the paper). The others are a spot at a
    random place of the target, so that a click or a live gaze sample works too.
    """

    network: Gaze2Mask

    def training_step(self, batch: Batch, _: int) -> Tensor:
        mask, saliency = batch["mask"], batch["saliency"]
        inside = saliency_inside(saliency, mask)
        spill, chance = torch.rand(2, len(saliency), 1, 1, 1, device=saliency.device)
        guide = torch.maximum(inside, SPILL * spill * saliency)
        guide = torch.where(chance < SPOTS, _spot(mask, saliency.shape[-1]), guide)
        logits = self.network.decode(batch["search"], guide)
        loss = mask_loss(logits, mask).mean()
        self.log("train_loss", loss)
        return loss

    def predict_masks(self, batch: Batch) -> Tensor:
        return self.network.decode(batch["search"], batch["saliency"])


def _spot(mask: Tensor, size: int) -> Tensor:
    """A Gaussian spot of random width at a random pixel of each mask: (N, 1, size, size), maximum 1."""
    weights = F.adaptive_avg_pool2d(mask, size).flatten(1).clamp_min(1e-6)
    place = torch.multinomial(weights, 1)[:, 0]
    y, x = (place // size).float(), (place % size).float()
    grid = torch.arange(size, device=mask.device).float()
    sigma = (0.02 + 0.08 * torch.rand(len(mask), device=mask.device)) * size
    rows = torch.exp(-((grid[None] - y[:, None]) ** 2) / (2 * sigma[:, None] ** 2))
    columns = torch.exp(-((grid[None] - x[:, None]) ** 2) / (2 * sigma[:, None] ** 2))
    return (rows[:, :, None] * columns[:, None, :])[:, None]


class WCSNetTask(MaskTask):
    """The joint loss of mask and hotspot (Eq. 6) on pairs of views."""

    network: WCSNet

    def _decode(self, batch: Batch) -> tuple[Tensor, Tensor | None]:
        template, mask = batch["template"], batch["template_mask"]
        saliency = saliency_inside(batch["template_saliency"], mask)
        if self.network.config.correlation == "depthwise":
            # "w/o. weighted pooling": the template has half the size of the search frame (Sec. 4.4).
            template = [_middle(level) for level in template]
        return self.network.decode(batch["search"], self.network.template(template, mask, saliency))[:2]

    def training_step(self, batch: Batch, _: int) -> Tensor:
        mask_logits, hotspot_logits = self._decode(batch)
        mask_logits = F.interpolate(mask_logits, batch["mask"].shape[-2:], mode="bilinear", align_corners=False)
        ones = torch.ones_like(batch["has_hotspot"])
        loss = joint_loss(mask_logits, batch["mask"], ones, hotspot_logits, batch["hotspot"], batch["has_hotspot"])
        self.log("train_loss", loss)
        return loss

    def predict_masks(self, batch: Batch) -> Tensor:
        return F.interpolate(self._decode(batch)[0], batch["mask"].shape[-2:], mode="bilinear", align_corners=False)


def _middle(level: Tensor) -> Tensor:
    height, width = level.shape[-2:]
    return level[..., height // 4 : height - height // 4, width // 4 : width - width // 4]
