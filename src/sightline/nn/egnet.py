"""EG-Net, the Eye Gaze Network: where viewers look in a picture (WCS-Net paper, Sec. 3.1, Eq. 1).

`wcsnet` chooses its target with it; `egcnet` has it as its fixation head.
"""

from __future__ import annotations

from threading import Lock
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from pydantic import Field
from torch import Tensor, nn

from sightline.nn.backbones import Backbone, build_backbone
from sightline.nn.blocks import RefinementBlock, resize
from sightline.nn.config import Config
from sightline.nn.engine import Engine

PRIOR_SIZE = (12, 16)


class EGNetConfig(Config):
    """Eye Gaze Network (Sec. 3.1, Eq. 1)."""

    model: Literal["egnet"] = "egnet"
    backbone: str = "deeplab-mobilenet-v2"
    width: int = Field(96, ge=1, description="channels of the decoder")
    input_size: int = Field(320, ge=32, description="longer side of the network's input, pixels")
    picture_size: int | None = Field(
        None,
        ge=32,
        description="the same for a picture by itself, as `input_size` where it is not given: a photograph has details "
        "that nobody has the time to look at in a video",
    )


class EGNet(nn.Module):
    """Encoder levels 3 to 5 and three residual refinement blocks; the third gives the fixation map."""

    def __init__(self, config: EGNetConfig, backbone: Backbone | None = None) -> None:
        super().__init__()
        self.config = config
        self.backbone = backbone or build_backbone(config.backbone)
        c3, c4, c5 = self.backbone.channels[2:]
        self.block5 = RefinementBlock(c5, config.width, deepest=True)
        self.block4 = RefinementBlock(c4, config.width)
        self.block3 = RefinementBlock(c3, config.width)
        self.head = nn.Conv2d(config.width, 1, 1)
        # People look near the middle of a photograph whatever it shows; a learned additive map leaves the
        # convolutions, which cannot know where they are, free of that.
        self.prior = nn.Parameter(torch.zeros(1, 1, *PRIOR_SIZE))

    def decode(self, features: list[Tensor]) -> Tensor:
        """features: levels 3, 4, 5. Returns logits (N, 1, h, w) at level 3's size (stride 8)."""
        f3, f4, f5 = features
        out = self.block3([f3], self.block4([f4], self.block5([f5])))
        return self.head(out) + resize(self.prior, out.shape[-2:])

    def forward(self, images: Tensor) -> Tensor:
        """images: (N, 3, H, W) RGB in [0, 1]. Returns logits (N, 1, H/8, W/8); their spatial softmax is the density."""
        return self.decode(self.backbone(images)[2:])


def fixation_density(logits: Tensor) -> Tensor:
    """Logits (N, 1, h, w) as a density over the pixels: non-negative, summing to 1 in every map."""
    return logits.flatten(1).softmax(dim=1).view_as(logits)


def saliency_map(logits: Tensor, size: tuple[int, int]) -> Tensor:
    """Logits (N, 1, h, w) as saliency maps (N, 1, *size) in [0, 1]: the density divided by its maximum."""
    density = resize(fixation_density(logits), size)
    return density / density.amax(dim=(2, 3), keepdim=True).clamp_min(1e-12)


def network_size(height: int, width: int, longer: int) -> tuple[int, int]:
    """The input size (height, width) for a picture: its proportions, `longer` side as given, in multiples of 32.

    The paper squeezes every picture to 320x320; keeping the proportions keeps objects as the backbone knows them.
    """
    scale = longer / max(height, width)
    return max(32, round(height * scale / 32) * 32), max(32, round(width * scale / 32) * 32)


def network_input(image: NDArray[np.uint8], longer: int) -> Tensor:
    """A picture (H, W, 3) uint8 as the network takes it: (1, 3, h, w) float in [0, 1]."""
    height, width = network_size(image.shape[0], image.shape[1], longer)
    small = Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR)
    return torch.from_numpy(np.array(small)).permute(2, 0, 1)[None].float().div_(255)


def picture_side(config: EGNetConfig) -> int:
    """Longer side of the network's input for a picture by itself, pixels."""
    return config.picture_size or config.input_size


def predict_saliency(image: NDArray[np.uint8], network: EGNet, longer: int | None = None) -> NDArray[np.float32]:
    """The fixation map of a picture (H, W, 3) uint8, as (H, W) float32 in [0, 1].

    longer: side of the network's input, pixels; by default that of the frames of a video.
    """
    with torch.inference_mode():
        logits = network(network_input(image, longer or network.config.input_size).to(network.prior.device))
        return saliency_map(logits, (image.shape[0], image.shape[1]))[0, 0].cpu().numpy()


class SaliencyEngine:
    """`predict_saliency` for many pictures of few sizes: an engine for each, made when it is first needed.

    Several threads may call it.
    """

    def __init__(self, network: EGNet, device: torch.device | str) -> None:
        self.network, self.device = network, device
        self._engines: dict[torch.Size, Engine] = {}
        self._making = Lock()

    def __call__(self, image: NDArray[np.uint8], longer: int | None = None) -> NDArray[np.float32]:
        pixels = network_input(image, longer or self.network.config.input_size)
        with self._making:
            if pixels.shape not in self._engines:
                self._engines[pixels.shape] = Engine(self.network, (pixels,), self.device)
        logits = self._engines[pixels.shape](pixels)[0]
        return saliency_map(logits, (image.shape[0], image.shape[1]))[0, 0].cpu().numpy()
