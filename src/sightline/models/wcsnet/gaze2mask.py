"""Gaze2Mask-Net: from saliency to the mask of what is looked at (WCS-Net paper, Sec. 3.1, Eq. 2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sightline.models.wcsnet.config import Gaze2MaskConfig
from sightline.models.wcsnet.correlation import Standardise, mean_correlation, weighted_pool
from sightline.nn.backbones import Backbone, build_backbone
from sightline.nn.blocks import RefinementBlock, resize


class Gaze2Mask(nn.Module):
    """A four-channel encoder (RGB and saliency) and five refinement blocks that see the map again on each level."""

    def __init__(self, config: Gaze2MaskConfig, backbone: Backbone | None = None) -> None:
        super().__init__()
        self.config = config
        self.backbone = backbone or build_backbone(config.backbone, in_channels=4)
        self.norms, self.blocks = nn.ModuleList(), nn.ModuleList()
        for level, channels in enumerate(self.backbone.channels, start=1):
            classes = self.backbone.classes if level == 5 else 0
            self.norms.append(Standardise(channels, config.feature_limit, classes))
            inputs = channels + 1 + (2 if classes else 1)
            hidden = max(8, config.width // 2) if level == 1 else config.width
            self.blocks.append(RefinementBlock(inputs, config.width, deepest=level == 5, hidden=hidden))
        self.head = nn.Conv2d(config.width, 1, 1)

    def decode(self, features: list[Tensor], gaze: Tensor) -> Tensor:
        """features: five levels; gaze: (N, 1, H, W) in [0, 1]. Returns mask logits (N, 1, h, w) at level 1's size."""
        out: Tensor | None = None
        for level in (5, 4, 3, 2, 1):
            hidden = self.norms[level - 1](features[level - 1])
            guide = resize(gaze, hidden.shape[-2:])
            # WCS-Net's weighted correlation of the frame with itself: how similar a pixel is to what is looked at.
            products = hidden * weighted_pool(hidden, gaze)
            similar = mean_correlation(products, self.backbone.classes if level == 5 else 0)
            out = self.blocks[level - 1]([hidden, guide, similar], out)
        return self.head(out)

    def forward(self, images: Tensor, gaze: Tensor) -> Tensor:
        """images: (N, 3, H, W) RGB in [0, 1]; gaze: (N, 1, H, W). Returns mask logits (N, 1, H/2, W/2)."""
        fourth = resize(gaze, images.shape[-2:])
        return self.decode(self.backbone(torch.cat([images, fourth], dim=1)), gaze)
