"""Three stand-ins for the networks that know one thing: colour. The tracker around them is the real one.

The template's kernel is the mean colour under the mask, a search pixel belongs to the target if it has that colour:
Eq. 3 with the picture itself as the only feature map. EG-Net looks at what is most saturated.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from sightline.models.wcsnet.config import Gaze2MaskConfig, WCSNetConfig
from sightline.models.wcsnet.correlation import weighted_pool
from sightline.models.wcsnet.network import Decoded, Kernels
from sightline.nn.blocks import pool_to, resize
from sightline.nn.egnet import EGNetConfig

SIZE = 96
RED, BLUE = (220, 30, 40), (30, 60, 230)


class Picture(nn.Module):
    """A backbone whose only level is the picture itself."""

    def forward(self, images: Tensor) -> list[Tensor]:
        return [images]


def alike(images: Tensor, colour: Tensor) -> Tensor:
    """Logits: positive where a pixel is nearer than 0.3 to the colour (of at most 1.7)."""
    return 40 * (0.3 - (images - colour).square().sum(dim=1, keepdim=True).sqrt())


class ColourEGNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.config = EGNetConfig(input_size=SIZE)
        self.prior = nn.Parameter(torch.zeros(1))

    def forward(self, images: Tensor) -> Tensor:
        saturation = images.amax(dim=1, keepdim=True) - images.amin(dim=1, keepdim=True)
        return 20 * nn.functional.avg_pool2d(saturation, 8)


class ColourGaze2Mask(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.config = Gaze2MaskConfig(input_size=SIZE)

    def forward(self, images: Tensor, gaze: Tensor) -> Tensor:
        sharp = resize(gaze, images.shape[-2:]) ** 8
        return nn.functional.avg_pool2d(alike(images, weighted_pool(images, sharp)), 2)


class ColourWCSNet(nn.Module):
    def __init__(self, hotspot_branch: bool = True) -> None:
        super().__init__()
        self.config = WCSNetConfig(input_size=SIZE, levels=(1,), hotspot_branch=hotspot_branch)
        self.levels, self.backbone, self.memory = (1,), Picture(), None

    def template(self, features: list[Tensor], mask: Tensor, hotspot: Tensor) -> Kernels:
        hotspot_kernel = [weighted_pool(features[0], hotspot)] if self.config.hotspot_branch else []
        return Kernels([weighted_pool(features[0], mask)], hotspot_kernel)

    def folded(self) -> ColourWCSNet:
        return self

    def decode(self, features: list[Tensor], kernels: Kernels, readout: Tensor | None = None) -> Decoded:
        mask = nn.functional.avg_pool2d(alike(features[0], kernels.mask[0]), 2)
        if not self.config.hotspot_branch:
            return Decoded(mask, None, None)
        hotspot = pool_to(alike(features[0], kernels.hotspot[0]), torch.zeros(SIZE // 8, SIZE // 8))
        return Decoded(mask, hotspot, None)


def scene(
    *discs: tuple[float, float, float, tuple[int, int, int]], height: int = 120, width: int = 160, seed: int = 0
) -> np.ndarray:
    """A frame of grey texture with discs (x, y, radius, colour) on it."""
    coarse = np.random.default_rng(seed).integers(90, 150, (8, 8))
    frame = np.kron(coarse, np.ones((height // 8 + 1, width // 8 + 1)))[:height, :width, None].repeat(3, axis=2)
    for x, y, radius, colour in discs:
        frame[disc(x, y, radius, height, width)] = colour
    return frame.astype(np.uint8)


def disc(x: float, y: float, radius: float, height: int = 120, width: int = 160) -> np.ndarray:
    rows, columns = np.ogrid[:height, :width]
    return np.hypot(columns + 0.5 - x, rows + 0.5 - y) < radius
