"""Networks small enough for tests: five random convolutions as backbone, eight channels in the decoders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sightline.models import weights
from sightline.models.wcsnet.config import Gaze2MaskConfig, WCSNetConfig
from sightline.models.wcsnet.gaze2mask import Gaze2Mask
from sightline.models.wcsnet.network import WCSNet
from sightline.nn.backbones import Backbone
from sightline.nn.egnet import EGNet, EGNetConfig

CHANNELS = (4, 6, 8, 10, 12)


def backbone(in_channels: int = 3) -> Backbone:
    """Five 3x3 convolutions of stride 2."""
    stages, inputs = [], in_channels
    for channels in CHANNELS:
        stages.append(nn.Sequential(nn.Conv2d(inputs, channels, 3, 2, 1), nn.BatchNorm2d(channels), nn.ReLU()))
        inputs = channels
    return Backbone(stages, CHANNELS, mean=(0.5,) * 3, std=(0.25,) * 3)


def egnet(**config: Any) -> EGNet:
    return EGNet(EGNetConfig(width=8, input_size=64, **config), backbone()).eval()


def gaze2mask(**config: Any) -> Gaze2Mask:
    return Gaze2Mask(Gaze2MaskConfig(width=8, input_size=64, **config), backbone(4)).eval()


def wcsnet(**config: Any) -> WCSNet:
    return WCSNet(WCSNetConfig(width=8, input_size=64, **config), backbone()).eval()


def pair(size: int = 64, count: int = 1) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """What WCS-Net takes: template, its mask and gaze map, and a search frame."""
    mask = torch.zeros(count, 1, size, size)
    mask[..., size // 4 : size // 2, size // 4 : size // 2] = 1
    return torch.rand(count, 3, size, size), mask, torch.rand(count, 1, size, size), torch.rand(count, 3, size, size)


SHARED = {"backbone": "mobilenet-v2", "width": 8, "input_size": 64}
"""Settings of networks that can be loaded from a folder."""


def save_egnet(folder: Path) -> None:
    config = EGNetConfig(**SHARED)  # type: ignore[arg-type]
    weights.save(EGNet(config), config.model_dump(mode="json"), folder)


def save_wcsnet(folder: Path) -> None:
    """The whole system with random weights: WCS-Net, with its EG-Net and Gaze2Mask-Net inside."""
    save_egnet(folder / "egnet")
    config = Gaze2MaskConfig(**SHARED)  # type: ignore[arg-type]
    weights.save(Gaze2Mask(config), config.model_dump(mode="json"), folder / "gaze2mask")
    save_parts(folder, {name: inner(folder, name) for name in ("egnet", "gaze2mask")})


def inner(folder: Path, name: str) -> weights.Part:
    """A part in a folder of the model's."""
    return weights.Part(weights=f"./{name}", sha256=weights.sha256(folder / name))


def save_parts(folder: Path, parts: dict[str, weights.Part]) -> None:
    """WCS-Net alone, with a config that names such parts."""
    config = WCSNetConfig(**SHARED, levels=(3, 4, 5), parts=parts)  # type: ignore[arg-type]
    weights.save(WCSNet(config), config.model_dump(mode="json"), folder)
