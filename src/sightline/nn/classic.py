"""The backbones of STANet's paper and code that transformers does not have: VGG-16 and ResNeXt-101 (32x8d).

Their tensors are named as torchvision and timm name them, so that published weights load.
"""

from __future__ import annotations

from pathlib import Path
from typing import cast

from torch import Tensor, nn

from sightline.errors import WeightsError, first_line
from sightline.nn.checkpoint import fill, read_tensors

VGG_CHANNELS = (64, 128, 256, 512, 512)
"""Of VGG-16's five blocks; each ends with a pooling (Simonyan and Zisserman 2015, Table 1, D)."""
_VGG_CONVOLUTIONS = (2, 2, 3, 3, 3)
RESNEXT_CHANNELS = (64, 256, 512, 1024, 2048)
"""Of ResNeXt-101's stem and four stages (Xie et al. 2017)."""
_RESNEXT_BLOCKS = (3, 4, 23, 3)
_GROUPS, _GROUP_WIDTH = 32, 8


class VGG16(nn.Module):
    """The convolutions of VGG-16, without batch normalisation."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        self.ends, channels = [], 3
        for width, count in zip(VGG_CHANNELS, _VGG_CONVOLUTIONS, strict=True):
            for _ in range(count):
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
                channels = width
            layers.append(nn.MaxPool2d(2))
            self.ends.append(len(layers))
        self.features = nn.Sequential(*layers)

    def stages(self) -> list[nn.Module]:
        """Five, each ending with a pooling: strides 2 to 32."""
        return [self.features[start:end] for start, end in zip([0, *self.ends], self.ends, strict=False)]


class ResNeXt101(nn.Module):
    """ResNeXt-101 of 32 groups of width 8, without its classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        channels = 64
        for number, (width, count) in enumerate(zip(RESNEXT_CHANNELS[1:], _RESNEXT_BLOCKS, strict=True), start=1):
            blocks = []
            for block in range(count):
                blocks.append(_Block(channels, width, stride=2 if number > 1 and block == 0 else 1))
                channels = width
            self.add_module(f"layer{number}", nn.Sequential(*blocks))

    def stages(self) -> list[nn.Module]:
        """The stem, and four groups of blocks: strides 2 to 32."""
        stem = nn.Sequential(self.conv1, self.bn1, nn.ReLU())
        first = nn.Sequential(nn.MaxPool2d(3, stride=2, padding=1), cast(nn.Module, self.layer1))
        return [stem, first, *(cast(nn.Module, getattr(self, f"layer{number}")) for number in (2, 3, 4))]


class _Block(nn.Module):
    """1x1, grouped 3x3, 1x1, and a shortcut."""

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        inner = width // 256 * _GROUPS * _GROUP_WIDTH
        self.conv1 = nn.Conv2d(channels, inner, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, stride=stride, padding=1, groups=_GROUPS, bias=False)
        self.bn2 = nn.BatchNorm2d(inner)
        self.conv3 = nn.Conv2d(inner, width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(width)
        self.downsample = None
        if channels != width or stride > 1:
            self.downsample = nn.Sequential(nn.Conv2d(channels, width, 1, stride, bias=False), nn.BatchNorm2d(width))

    def forward(self, hidden: Tensor) -> Tensor:
        shortcut = hidden if self.downsample is None else self.downsample(hidden)
        hidden = self.bn1(self.conv1(hidden)).relu()
        hidden = self.bn2(self.conv2(hidden)).relu()
        return (self.bn3(self.conv3(hidden)) + shortcut).relu()


def load_published(network: nn.Module, source: str | Path) -> None:
    """Fill a network with published weights; those of the classifier are left out.

    source: a folder with model.safetensors, a file of safetensors or torch, or a Hub id of timm's. Raises WeightsError
    where they cannot be had or do not fit.
    """
    path = Path(source)
    if not path.exists():
        path = _from_hub(str(source))
    parts = {name for name, _ in network.named_children()}
    tensors = {name: value for name, value in read_tensors(path).items() if name.split(".")[0] in parts}
    fill(network, tensors, path)


def _from_hub(repository: str) -> Path:
    from huggingface_hub import hf_hub_download

    try:
        return Path(hf_hub_download(repository, "model.safetensors"))
    except Exception as error:  # huggingface_hub lets through what its HTTP client raises, of no common kind
        raise WeightsError(
            f"{repository}: cannot be had from the Hub ({first_line(error)}); check the name and the connection, or "
            "give a local folder"
        ) from error
