"""WCS-Net: the weighted correlation siamese network that tracks mask and hotspot (Sec. 3.2, Eq. 3 to 5)."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import NamedTuple, cast

from torch import Tensor, nn

from sightline.models.wcsnet.config import WCSNetConfig
from sightline.models.wcsnet.correlation import Correlation, fold_means
from sightline.nn.backbones import Backbone, build_backbone
from sightline.nn.blocks import RefinementBlock, resize
from sightline.nn.memory import PixelMemory

HOTSPOT_LEVELS = (3, 4)
MEMORY_LEVELS = (3, 4, 5)


@dataclass(frozen=True, slots=True)
class Kernels:
    """All that tracking needs of a template: a kernel a level for the mask (finest first) and for the hotspot."""

    mask: list[Tensor]
    hotspot: list[Tensor]


class Decoded(NamedTuple):
    """Logits: mask, (N, 1, h, w) at the finest level's size; hotspot, at level 3's, None without that branch; presence,
    (N,), that the target is in the frame at all, None without a memory."""

    mask: Tensor
    hotspot: Tensor | None
    presence: Tensor | None


class WCSNet(nn.Module):
    """Siamese encoder, correlation blocks on the chosen levels, a mask decoder and a hotspot decoder.

    Where the config asks for a memory (ours), what that reads is added to both decoders at level 3's size.
    """

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
        self.memory: PixelMemory | None = None
        if config.memory != "none":
            self.memory = PixelMemory([channels[level] for level in MEMORY_LEVELS], config.width, config.memory)

    def template(self, features: list[Tensor], mask: Tensor, hotspot: Tensor) -> Kernels:
        """Kernels of a template from its five feature maps, mask M^t and saliency E^t, both (N, 1, H, W) in [0, 1]."""
        return Kernels(
            [_at(self.mask_correlation, level).kernel(features[level - 1], mask) for level in self.levels],
            [_at(self.hotspot_correlation, level).kernel(features[level - 1], hotspot) for level in HOTSPOT_LEVELS]
            if self.config.hotspot_branch
            else [],
        )

    def keys(self, features: list[Tensor]) -> Tensor:
        """The keys of a frame in the memory, from its five feature maps. The network has to have one."""
        assert self.memory is not None
        return self.memory.keys([features[level - 1] for level in MEMORY_LEVELS])

    def decode(self, features: list[Tensor], kernels: Kernels, readout: Tensor | None = None) -> Decoded:
        """Find the target in a frame from its five feature maps. readout: what `PixelMemory.read` gives for it."""
        recalled = self.memory.hidden(readout) if self.memory is not None and readout is not None else None
        out: Tensor | None = None
        presence: Tensor | None = None
        for level, kernel in zip(reversed(self.levels), reversed(kernels.mask), strict=True):
            correlated = self.mask_correlation[str(level)](features[level - 1], kernel)
            out = self.mask_blocks[str(level)]([correlated], out)
            if level == max(self.levels[0], MEMORY_LEVELS[1]) and self.memory is not None and recalled is not None:
                out = resize(out, recalled.shape[-2:]) + self.memory.to_mask(recalled)
            if level == max(self.levels[0], MEMORY_LEVELS[0]) and self.memory is not None and recalled is not None:
                presence = self.memory.is_present(recalled, cast(Tensor, out))
        mask = self.mask_head(out)
        if not self.config.hotspot_branch:
            return Decoded(mask, None, presence)
        c3, c4 = (
            _at(self.hotspot_correlation, level)(features[level - 1], kernel)
            for level, kernel in zip(HOTSPOT_LEVELS, kernels.hotspot, strict=True)
        )
        spot = self.hotspot_block([c3, resize(c4, c3.shape[-2:])])
        if self.memory is not None and recalled is not None:
            spot = spot + self.memory.to_hotspot(recalled)
        return Decoded(mask, self.hotspot_head(spot), presence)

    def folded(self) -> WCSNet:
        """A quicker copy for inference, which shares the backbone: the same outputs up to rounding.

        The mean correlations are in its convolutions' weights. With them the convolutions have 49, 57, 65 or 129
        channels, without them multiples of eight, which ONNX Runtime computes in two thirds of the time.

        Examples
        --------
        >>> network = WCSNet(WCSNetConfig()).eval()
        >>> [block.conv3.in_channels for block in network.mask_blocks.values()]
        [49, 57, 65, 129, 279]
        >>> [block.conv3.in_channels for block in network.folded().mask_blocks.values()]
        [48, 56, 64, 128, 277]
        """
        quick = copy.deepcopy(self, {id(self.backbone): self.backbone})
        for level in self.levels:
            block = cast(RefinementBlock, quick.mask_blocks[str(level)])
            fold_means(block.conv3, [_at(quick.mask_correlation, level)])
        if self.config.hotspot_branch:
            fold_means(quick.hotspot_block.conv3, [_at(quick.hotspot_correlation, level) for level in HOTSPOT_LEVELS])
        return quick

    def forward(self, template: Tensor, mask: Tensor, hotspot: Tensor, search: Tensor) -> tuple[Tensor, Tensor | None]:
        """template, search: (N, 3, H, W) RGB in [0, 1]; mask, hotspot: (N, 1, H, W) of the template.

        Returns logits of the search frame's mask and hotspot.
        """
        kernels = self.template(self.backbone(template), mask, hotspot)
        return self.decode(self.backbone(search), kernels)[:2]


def _at(correlations: nn.ModuleDict, level: int) -> Correlation:
    return cast(Correlation, correlations[str(level)])
