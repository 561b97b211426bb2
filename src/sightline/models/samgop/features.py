"""The backbone's levels, each enlarged twice by pixel shuffle (Sec. 3.1)."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from sightline.nn.backbones import Backbone


class Enlarge(nn.Module):
    """phi_obj: a level of the backbone at twice its resolution, with `width` channels.

    The levels of MobileNetV2 are thin (24 to 320 channels, ResNet-50 has 256 to 2048), and a shuffle divides them by
    four; a 1x1 convolution makes 4 x width of them before it. Without the shuffle the resolution stays.
    """

    def __init__(self, channels: int, width: int, shuffle: bool) -> None:
        super().__init__()
        first = nn.Conv2d(channels, 4 * width if shuffle else width, 1, bias=False)
        self.first = nn.Sequential(first, nn.PixelShuffle(2)) if shuffle else first
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm = nn.GroupNorm(8, width)
        self.act = nn.LeakyReLU(0.1)

    def forward(self, level: Tensor) -> Tensor:
        """(N, C, h, w) to (N, width, 2h, 2w), or (N, width, h, w) without the shuffle."""
        return cast(Tensor, self.act(self.norm(self.second(self.first(level)))))


class Features(nn.Module):
    """f_obj of the levels of strides 4, 8, 16 and 32: with the shuffle at strides 2, 4, 8 and 16."""

    def __init__(self, backbone: Backbone, width: int, fine: int, shuffle: bool) -> None:
        super().__init__()
        self.backbone = backbone
        widths = (fine, width, width, width)
        self.enlarge = nn.ModuleList(
            Enlarge(channels, own, shuffle) for channels, own in zip(backbone.channels[1:], widths, strict=True)
        )

    def forward(self, images: Tensor) -> list[Tensor]:
        """images: (N, 3, H, W) RGB in [0, 1], H and W multiples of 32. Returns four maps, finest first."""
        levels = self.backbone(images)[1:]
        return [enlarge(level) for enlarge, level in zip(self.enlarge, levels, strict=True)]
