"""Networks small enough for tests: five random convolutions as backbone, eight channels in the decoders."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

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
