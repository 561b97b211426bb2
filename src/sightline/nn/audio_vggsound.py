"""ResNet-18 with NetVLAD over log-spectrograms: the audio network of VGGSound (Chen et al., ICASSP 2020).

Modules are called as the tensors of the public checkpoint are, without their prefix `audnet.`.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sightline.nn.audio import AudioEncoder, AudioFeatures
from sightline.video.spectrogram import FRONT_ENDS

_PREFIXES = ("module.", "audnet.")  # of a network that was trained on several devices, and of the audio part
_CLASSES = 309
_CLUSTERS = 16
_SHARPNESS = 100.0  # of NetVLAD's first assignment to clusters, before training


class VGGSoundResNet(AudioEncoder):
    """512 channels at a stride of 32 in both directions; the vector holds 16 clusters of them, of length 1."""

    channels: ClassVar[int] = 512
    size: ClassVar[int] = _CLUSTERS * 512

    def __init__(self, classifier: bool = False) -> None:
        super().__init__()
        self.front_end = FRONT_ENDS["vggsound"]
        self.conv1 = nn.Conv2d(1, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layer1 = nn.Sequential(_Block(64, 64), _Block(64, 64))
        self.layer2 = nn.Sequential(_Block(64, 128, 2), _Block(128, 128))
        self.layer3 = nn.Sequential(_Block(128, 256, 2), _Block(256, 256))
        self.layer4 = nn.Sequential(_Block(256, 512, 2), _Block(512, 512))
        self.avgpool = NetVLAD(_CLUSTERS, 512)
        self.classes = _CLASSES if classifier else 0
        if classifier:
            self.fc_ = nn.Linear(self.size, _CLASSES)

    def forward(self, spectrogram: Tensor) -> AudioFeatures:
        maps = self.maxpool(self.bn1(self.conv1(spectrogram[:, None])).relu())
        maps = self.layer4(self.layer3(self.layer2(self.layer1(maps))))
        return AudioFeatures(maps, self.avgpool(maps))

    def classify(self, vector: Tensor) -> Tensor:
        logits: Tensor = self.fc_(vector)
        return logits

    @classmethod
    def names_from(cls, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        for prefix in _PREFIXES:
            tensors = {name.removeprefix(prefix): value for name, value in tensors.items()}
        return tensors

    @staticmethod
    def is_classifier(name: str) -> bool:
        return name.startswith("fc_.")


class _Block(nn.Module):
    """Two 3x3 convolutions and a shortcut."""

    def __init__(self, channels: int, out: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(channels, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out)
        self.conv2, self.bn2 = nn.Conv2d(out, out, 3, padding=1, bias=False), nn.BatchNorm2d(out)
        self.downsample: nn.Module | None = None
        if channels != out:
            self.downsample = nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, maps: Tensor) -> Tensor:
        shortcut = maps if self.downsample is None else self.downsample(maps)
        out = self.bn2(self.conv2(self.bn1(self.conv1(maps)).relu()))
        return (out + shortcut).relu()


class NetVLAD(nn.Module):
    """Sums of what separates local features from the clusters that they are assigned to (Arandjelovic, CVPR 2016).

    V_k = sum_i softmax_k(w_k x_i + b_k) (x_i - c_k), of features x_i of length 1; each V_k and then all of V get
    length 1 (Eq. 4).
    """

    def __init__(self, clusters: int, channels: int) -> None:
        super().__init__()
        self.centroids = nn.Parameter(torch.rand(clusters, channels))
        self.conv = nn.Conv2d(channels, clusters, 1)
        start = self.centroids.detach()
        self.conv.weight = nn.Parameter(2 * _SHARPNESS * start[:, :, None, None])
        self.conv.bias = nn.Parameter(-_SHARPNESS * start.norm(dim=1))

    def forward(self, maps: Tensor) -> Tensor:
        """maps: (N, C, h, w). Returns (N, clusters * C) of length 1, cluster after cluster."""
        maps = F.normalize(maps, dim=1)
        assigned = self.conv(maps).flatten(2).softmax(dim=1)
        sums = torch.einsum("nki,nci->nkc", assigned, maps.flatten(2))
        sums = sums - assigned.sum(dim=2)[:, :, None] * self.centroids
        return F.normalize(F.normalize(sums, dim=2).flatten(1), dim=1)
