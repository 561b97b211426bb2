"""WCS-Net: the weighted correlation siamese network that tracks mask and hotspot (Sec. 3.2, Eq. 3 to 5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from torch import Tensor, nn

from sightline.models.wcsnet.config import WCSNetConfig
from sightline.models.wcsnet.correlation import Correlation
from sightline.nn.backbones import Backbone, build_backbone
from sightline.nn.blocks import RefinementBlock, resize

HOTSPOT_LEVELS = (3, 4)


@dataclass(frozen=True, slots=True)
class Kernels:
    """All that tracking needs of a template: a kernel a level for the mask (finest first) and for the hotspot."""

    mask: list[Tensor]
    hotspot: list[Tensor]


class WCSNet(nn.Module):
    """Siamese encoder, correlation blocks on the chosen levels, a mask decoder and a hotspot decoder."""

    def __init__(self, config: WCSNetConfig, backbone: Backbone | None = None) -> None:
        super().__init__()
        self.config = config
        self.backbone = backbone or build_backbone(config.backbone)
        self.levels = tuple(sorted(config.levels))
        channels = dict(enumerate(self.backbone.channels, start=1))
        self.mask_correlation = nn.ModuleDict(
            {
                str(level): Correlation(
                    channels[level],
                    config.feature_limit,
                    config.correlation,
                    classes=self.backbone.classes if level == 5 else 0,
                )
                for level in self.levels
            }
        )
        self.mask_blocks = nn.ModuleDict()
        for level in self.levels:
            # At stride 2 the block's work is dominated by its 3x3 convolution, so that one gets half the channels.
            hidden = max(8, config.width // 2) if level == 1 else config.width
            deepest = level == self.levels[-1]
            inputs = _at(self.mask_correlation, level).out_channels
            self.mask_blocks[str(level)] = RefinementBlock(inputs, config.width, deepest=deepest, hidden=hidden)
        self.mask_head = nn.Conv2d(config.width, 1, 1)
        if config.hotspot_branch:
            self.hotspot_correlation = nn.ModuleDict(
                {
                    str(level): Correlation(channels[level], config.feature_limit, config.correlation)
                    for level in HOTSPOT_LEVELS
                }
            )
            inputs = sum(_at(self.hotspot_correlation, level).out_channels for level in HOTSPOT_LEVELS)
            self.hotspot_block = RefinementBlock(inputs, config.width, deepest=True)
            self.hotspot_head = nn.Conv2d(config.width, 1, 1)

    def template(self, features: list[Tensor], mask: Tensor, hotspot: Tensor) -> Kernels:
        """Kernels of a template from its five feature maps, mask M^t and gaze map E^t, both (N, 1, H, W) in [0, 1]."""
        return Kernels(
            [_at(self.mask_correlation, level).kernel(features[level - 1], mask) for level in self.levels],
            [_at(self.hotspot_correlation, level).kernel(features[level - 1], hotspot) for level in HOTSPOT_LEVELS]
            if self.config.hotspot_branch
            else [],
        )

    def decode(self, features: list[Tensor], kernels: Kernels) -> tuple[Tensor, Tensor | None]:
        """Logits of the mask, (N, 1, h, w) at the finest level's size, and of the hotspot at level 3's, or None."""
        out: Tensor | None = None
        for level, kernel in zip(reversed(self.levels), reversed(kernels.mask), strict=True):
            correlated = self.mask_correlation[str(level)](features[level - 1], kernel)
            out = self.mask_blocks[str(level)]([correlated], out)
        mask = self.mask_head(out)
        if not self.config.hotspot_branch:
            return mask, None
        c3, c4 = (
            _at(self.hotspot_correlation, level)(features[level - 1], kernel)
            for level, kernel in zip(HOTSPOT_LEVELS, kernels.hotspot, strict=True)
        )
        return mask, self.hotspot_head(self.hotspot_block([c3, resize(c4, c3.shape[-2:])]))

    def forward(self, template: Tensor, mask: Tensor, hotspot: Tensor, search: Tensor) -> tuple[Tensor, Tensor | None]:
        """template, search: (N, 3, H, W) RGB in [0, 1]; mask, hotspot: (N, 1, H, W) of the template.

        Returns logits of the search frame's mask and hotspot.
        """
        kernels = self.template(self.backbone(template), mask, hotspot)
        return self.decode(self.backbone(search), kernels)


def _at(correlations: nn.ModuleDict, level: int) -> Correlation:
    return cast(Correlation, correlations[str(level)])
