"""The guided filter (He et al., TPAMI 2013): maps that follow the edges of a picture."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from sightline.nn.config import Config


class GuidedFilterConfig(Config):
    """How far, and how closely, a map follows the edges of a picture."""

    radius: int = Field(
        4,
        ge=0,
        description="radius of the window, cells of the map: an edge of the map may be as far from the picture's",
    )
    smoothing: float = Field(
        2e-4,
        gt=0,
        description="variance of the picture, of intensities 0 to 1, below which a window counts as even. A large value"
        " follows no edge",
    )


Maps = NDArray[np.float32]


def guided_filter(maps: Tensor, guide: Tensor, config: GuidedFilterConfig) -> Tensor:
    """Maps (N, 1, h, w) that change where the guide does, at its size: (N, 1, H, W) for a guide (N, 3, H, W).

    Each window of the maps is fitted by a linear function of the guide's colours, at the maps' size. The functions are
    applied at the guide's size (He & Sun, "Fast Guided Filter", 2015). No gradients.
    """
    pairs = zip(maps.detach().cpu().numpy(), guide.detach().cpu().numpy(), strict=True)
    return torch.from_numpy(np.stack([_filtered(each[0], colours, config) for each, colours in pairs])).to(maps.device)


def _filtered(level: Maps, guide: Maps, config: GuidedFilterConfig) -> Maps:
    """One map (h, w) after a guide (3, H, W): (1, H, W)."""
    height, width = level.shape
    red, green, blue = (_resized(plane, (width, height)) for plane in guide)
    products = [red * red, red * green, red * blue, green * green, green * blue, blue * blue]
    planes = [red, green, blue, level, red * level, green * level, blue * level, *products]
    r, g, b, mean, rl, gl, bl, *squares = (_mean(plane, config.radius) for plane in planes)
    rr, rg, rb, gg, gb, bb = (
        square - first * second
        for square, (first, second) in zip(squares, ((r, r), (r, g), (r, b), (g, g), (g, b), (b, b)), strict=True)
    )
    rr, gg, bb = rr + config.smoothing, gg + config.smoothing, bb + config.smoothing
    rl, gl, bl = rl - r * mean, gl - g * mean, bl - b * mean
    # The inverse of a symmetric 3x3 matrix from its cofactors; no solver is needed.
    c11, c12, c13 = gg * bb - gb * gb, rb * gb - rg * bb, rg * gb - rb * gg
    c22, c23, c33 = rr * bb - rb * rb, rb * rg - rr * gb, rr * gg - rg * rg
    determinant = rr * c11 + rg * c12 + rb * c13
    slopes = [
        (c11 * rl + c12 * gl + c13 * bl) / determinant,
        (c12 * rl + c22 * gl + c23 * bl) / determinant,
        (c13 * rl + c23 * gl + c33 * bl) / determinant,
    ]
    offset = mean - slopes[0] * r - slopes[1] * g - slopes[2] * b
    size = guide.shape[2], guide.shape[1]
    *fine, found = (_resized(_mean(plane, config.radius), size) for plane in (*slopes, offset))
    for slope, plane in zip(fine, guide, strict=True):
        found = found + slope * plane
    return found[None]


def _resized(plane: Maps, size: tuple[int, int]) -> Maps:
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR))


def _mean(plane: Maps, radius: int) -> Maps:
    """Of the window around each pixel."""
    side = 2 * radius + 1
    return np.asarray(cv2.blur(plane, (side, side), borderType=cv2.BORDER_REPLICATE))
