"""mn04: a MobileNetV3-large layout of width 0.4 over log-mel spectrograms (EfficientAT, Schmid et al., ICASSP 2023).

Modules are called as the published tensors are. Batch normalisation follows every convolution.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import ClassVar, NamedTuple

from torch import Tensor, nn

from sightline.nn.audio import AudioEncoder, AudioFeatures
from sightline.video.spectrogram import FRONT_ENDS


class _Shape(NamedTuple):
    """expanded, out: channels within and after a block. squeezed: of its squeeze-excitation; 0 for none."""

    expanded: int
    out: int
    kernel: int = 3
    stride: int = 1
    squeezed: int = 0
    smooth: bool = True


_STEM, _LAST, _HIDDEN, _CLASSES = 8, 384, 512, 527
# Blocks 1 to 15; the first six have ReLU, the rest hard-swish ("smooth").
_BLOCKS = (
    _Shape(8, 8, smooth=False),
    _Shape(24, 16, stride=2, smooth=False),
    _Shape(32, 16, smooth=False),
    _Shape(32, 16, 5, 2, squeezed=8, smooth=False),
    _Shape(48, 16, 5, squeezed=16, smooth=False),
    _Shape(48, 16, 5, squeezed=16, smooth=False),
    _Shape(96, 32, stride=2),
    _Shape(80, 32),
    _Shape(72, 32),
    _Shape(72, 32),
    _Shape(192, 48, squeezed=48),
    _Shape(272, 48, squeezed=72),
    _Shape(272, 64, 5, 2, squeezed=72),
    _Shape(384, 64, 5, squeezed=96),
    _Shape(384, 64, 5, squeezed=96),
)
_DROPOUT = 0.2


class MobileNetAudio(AudioEncoder):
    """mn04_as, 527 AudioSet classes; 384 channels at a stride of 32 bands and 0.32 s."""

    channels: ClassVar[int] = _LAST
    size: ClassVar[int] = _LAST

    def __init__(self, classifier: bool = False) -> None:
        super().__init__()
        self.front_end = FRONT_ENDS["mn"]
        layers: list[nn.Module] = [_unit(1, _STEM, 3, 2, activation=nn.Hardswish())]
        channels = _STEM
        for shape in _BLOCKS:
            layers.append(_Block(channels, shape))
            channels = shape.out
        layers.append(_unit(channels, _LAST, activation=nn.Hardswish()))
        self.features = nn.Sequential(*layers)
        self.classes = _CLASSES if classifier else 0
        if classifier:
            self.classifier = nn.Sequential(
                nn.Identity(),  # the published numbering counts pooling and flattening, done in `forward`
                nn.Identity(),
                nn.Linear(_LAST, _HIDDEN),
                nn.Hardswish(),
                nn.Dropout(_DROPOUT),
                nn.Linear(_HIDDEN, _CLASSES),
            )

    def forward(self, spectrogram: Tensor) -> AudioFeatures:
        maps = self.features(spectrogram[:, None])
        return AudioFeatures(maps, maps.mean(dim=(2, 3)))

    def classify(self, vector: Tensor) -> Tensor:
        logits: Tensor = self.classifier(vector)
        return logits

    @classmethod
    def names_from(cls, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        return tensors

    @staticmethod
    def is_classifier(name: str) -> bool:
        return name.startswith("classifier.")


def _unit(
    channels: int, out: int, kernel: int = 1, stride: int = 1, groups: int = 1, activation: nn.Module | None = None
) -> nn.Sequential:
    """Convolution, batch normalisation, activation."""
    layers: list[nn.Module] = [
        nn.Conv2d(channels, out, kernel, stride, (kernel - 1) // 2, groups=groups, bias=False),
        nn.BatchNorm2d(out, eps=1e-3),
    ]
    return nn.Sequential(*layers, *([activation] if activation else []))


class _Block(nn.Module):
    """Expand, filter each channel, weigh the channels, project; with a shortcut where the shapes allow one."""

    def __init__(self, channels: int, shape: _Shape) -> None:
        super().__init__()
        wide, activation = shape.expanded, nn.Hardswish if shape.smooth else nn.ReLU
        layers: list[nn.Module] = []
        if wide != channels:
            layers.append(_unit(channels, wide, activation=activation()))
        layers.append(_unit(wide, wide, shape.kernel, shape.stride, groups=wide, activation=activation()))
        if shape.squeezed:
            layers.append(_SqueezeExcitation(wide, shape.squeezed))
        layers.append(_unit(wide, shape.out))
        self.block = nn.Sequential(*layers)
        self.has_shortcut = shape.stride == 1 and shape.out == channels

    def forward(self, maps: Tensor) -> Tensor:
        out: Tensor = self.block(maps)
        return out + maps if self.has_shortcut else out


class _SqueezeExcitation(nn.Module):
    """A weight in (0, 1) for each channel, from the means of all of them."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        layers = {"fc1": nn.Linear(channels, squeezed), "relu": nn.ReLU(), "fc2": nn.Linear(squeezed, channels)}
        self.conc_se_layers = nn.ModuleList([nn.Sequential(OrderedDict(layers))])

    def forward(self, maps: Tensor) -> Tensor:
        weights: Tensor = self.conc_se_layers[0](maps.mean(dim=(2, 3))).sigmoid()
        return maps * weights[:, :, None, None]
