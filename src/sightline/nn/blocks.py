"""The residual refinement block that the decoders of WCS-Net's three networks are stacked from."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Shift = tuple[float, float]
"""How far below and right of its middle each cell of a map looks, in sides of a cell."""


def resize(maps: Tensor, size: Sequence[int], shift: Shift = (0.0, 0.0)) -> Tensor:
    """Bilinear resize of (N, C, h, w) to `size` (height, width); the same tensor where nothing is to do.

    shift: of the cells of `maps`, see `Backbone.shift`; what a cell saw is put where it is.
    """
    if any(shift):
        height, width = maps.shape[-2:]
        return _between(height, size[0], shift[0], maps) @ maps @ _between(width, size[1], shift[1], maps).T
    if _is_fixed(*maps.shape[-2:], *size) and tuple(maps.shape[-2:]) == tuple(size):
        return maps
    return F.interpolate(maps, size=tuple(size), mode="bilinear", align_corners=False)


def _between(cells: int, places: int, shift: float, like: Tensor) -> Tensor:
    """Linear interpolation along an axis as a matrix (places, cells); the outermost cells go on beyond themselves."""
    at = (torch.arange(places, device=like.device) + 0.5) * (cells / places) - 0.5 - shift
    distance = at.clamp(0, cells - 1)[:, None] - torch.arange(cells, device=like.device)
    return (1 - distance.abs()).clamp_min(0).to(like.dtype)


def pool_to(maps: Tensor, like: Tensor) -> Tensor:
    """Mean of (N, C, H, W) over the cells of `like`'s grid: (N, C, h, w)."""
    height, width = like.shape[-2:]
    if _is_fixed(*maps.shape[-2:], height, width):
        return F.adaptive_avg_pool2d(maps, (height, width))
    down, across = _cell_means(maps.shape[-2], height, maps), _cell_means(maps.shape[-1], width, maps)
    return down @ maps @ across.T


def _is_fixed(*lengths: int | torch.SymInt) -> bool:
    """Whether lengths are numbers. In a graph that is exported for pictures of any size they are symbols."""
    return not any(isinstance(length, torch.SymInt) for length in lengths)


def _cell_means(length: int, cells: int, like: Tensor) -> Tensor:
    """Adaptive average pooling along an axis as a matrix (cells, length): ONNX has none to a size that is a symbol."""
    cell, at = torch.arange(cells, device=like.device)[:, None], torch.arange(length, device=like.device)
    # From the floor of cell * length / cells to the ceiling of the next cell's, without a division.
    inside = ((at + 1) * cells > cell * length) & (at * cells < (cell + 1) * length)
    weights = inside.to(like.dtype)
    return weights / weights.sum(dim=1, keepdim=True)


class RefinementBlock(nn.Module):
    """O_j = Conv2(Cat(inputs, Up(O_{j+1}))) + Up(O_{j+1}) (WCS-Net, Eq. 1, 2, 4).

    Conv2 is a 3x3 and a 1x1 convolution; between them batch normalisation and ReLU (the paper names neither).
    in_channels: channels of all inputs but Up(O_{j+1}); width: channels of O; deepest: there is no O_{j+1}; shift: of
    O_{j+1} against the inputs, see `resize`.
    """

    def __init__(
        self, in_channels: int, width: int, deepest: bool = False, hidden: int | None = None, shift: Shift = (0.0, 0.0)
    ) -> None:
        super().__init__()
        self.shift = shift
        hidden = width if hidden is None else hidden
        self.conv3 = nn.Conv2d(in_channels + (0 if deepest else width), hidden, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(hidden)
        self.conv1 = nn.Conv2d(hidden, width, 1)

    def forward(self, inputs: Sequence[Tensor], coarser: Tensor | None = None) -> Tensor:
        """inputs: maps (N, c, h, w) of one size; coarser: O_{j+1}, any smaller size. Returns (N, width, h, w)."""
        maps = list(inputs)
        if coarser is None:
            return self.conv1(self.norm(self.conv3(torch.cat(maps, dim=1))).relu())
        up = resize(coarser, maps[0].shape[-2:], self.shift)
        return self.conv1(self.norm(self.conv3(torch.cat([*maps, up], dim=1))).relu()) + up
