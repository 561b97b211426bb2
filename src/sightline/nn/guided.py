"""The guided filter (He et al., TPAMI 2013): maps that follow the edges of a picture."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from sightline.nn.blocks import resize
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


def guided_filter(maps: Tensor, guide: Tensor, config: GuidedFilterConfig) -> Tensor:
    """Maps (N, 1, h, w) that change where the guide does, at its size: (N, 1, H, W) for a guide (N, 3, H, W).

    Each window of the maps is fitted by a linear function of the guide's colours, at the maps' size. The functions are
    applied at the guide's size (He & Sun, "Fast Guided Filter", 2015).
    """
    radius = config.radius
    small = resize(guide, maps.shape[-2:])
    colour, level = _mean(small, radius), _mean(maps, radius)
    covariance = _mean(small * maps, radius) - colour * level
    products = _mean((small[:, :, None] * small[:, None]).flatten(1, 2), radius).unflatten(1, (3, 3))
    rows = (
        products
        - colour[:, :, None] * colour[:, None]
        + config.smoothing * torch.eye(3, device=guide.device)[..., None, None]
    )
    first, second, third = rows.unbind(1)
    # The inverse of a symmetric 3x3 matrix has the cross products of its rows as columns; no solver is needed.
    across = [torch.linalg.cross(*pair, dim=1) for pair in ((second, third), (third, first), (first, second))]
    determinant = (first * across[0]).sum(1, keepdim=True)
    slope = sum(column * covariance[:, [c]] for c, column in enumerate(across)) / determinant
    offset = level - (slope * colour).sum(1, keepdim=True)
    both = resize(_mean(torch.cat([slope, offset], dim=1), radius), guide.shape[-2:])
    return (both[:, :3] * guide).sum(1, keepdim=True) + both[:, 3:]


def _mean(values: Tensor, radius: int) -> Tensor:
    """Of the window around each pixel, rows first: two lines cost less than a square."""
    side = 2 * radius + 1
    padded = F.pad(values, (radius,) * 4, mode="replicate")
    return padded.unfold(2, side, 1).mean(-1).unfold(3, side, 1).mean(-1)
