"""A memory of past frames, pixel by pixel, that soft attention reads: correspondence beside pooled kernels.

Keys come from the levels of a frozen backbone at strides 8 to 32, projected and of unit length, so that a product of
two is the cosine of how alike two places look. Values are how much of each place is the target.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from sightline.nn.blocks import pool_to, resize
from sightline.nn.config import Config

READOUTS = 5
"""Channels of what is read: see `PixelMemory.read`."""
UNIT = 20
"""Cells of level 3 that distances are in: about a target's longer side."""


class PixelMemoryConfig(Config):
    """A memory of a bounded number of frames: the first, the last, and some between."""

    frames: int = Field(4, ge=2, description="frames that are kept: the first, the last, and those between")
    interval: int = Field(
        5, ge=1, description="frames between two that are kept beside first and last, the oldest of which goes"
    )
    key_channels: int = Field(48, ge=4, description="channels of a key: fewer are faster, and tell less apart")
    pooling: int = Field(
        2, ge=1, description="side of the cells that a frame is remembered in, in those of level 3: 2 is stride 16"
    )
    hidden: int = Field(16, ge=1, description="channels between what is read and the decoder")
    presence: float = Field(
        0.5, ge=0, le=1, description="probability of being in the crop, below which a target is lost"
    )


class PixelMemory(nn.Module):
    """Keys of frames, what attention reads for them, and what the decoders make of it.

    Parameters
    ----------
    channels : sequence of int
        Of the backbone's levels 3, 4 and 5.
    width : int
        Channels of the decoder that the readout is added to.
    config : PixelMemoryConfig
        Its size.
    """

    def __init__(self, channels: Sequence[int], width: int, config: PixelMemoryConfig) -> None:
        super().__init__()
        self.config = config
        self.norms = nn.ModuleList(nn.BatchNorm2d(count, affine=False) for count in channels)
        self.project = nn.Conv2d(sum(channels), config.key_channels, 1, bias=False)
        nn.init.orthogonal_(self.project.weight)
        self.log_scale = nn.Parameter(torch.tensor(math.log(10.0)))
        # The first frames and the last one: the latter's places are nearer to where they were.
        self.log_falloff = nn.Parameter(torch.tensor([1.0, 2.0]))
        self.mix = nn.Conv2d(READOUTS, config.hidden, 3, padding=1)
        self.to_mask = nn.Conv2d(config.hidden, width, 1)
        self.to_hotspot = nn.Conv2d(config.hidden, width, 1)
        self.presence = nn.Linear(2 * config.hidden + 2 * width, 1)
        for layer in (self.to_mask, self.to_hotspot):  # a network without a memory is where it begins
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def keys(self, features: Sequence[Tensor]) -> Tensor:
        """Keys of a frame from its levels 3, 4 and 5, (N, key_channels, h, w) at the size of level 3."""
        size = features[0].shape[-2:]
        maps = [resize(norm(level).clamp(-4, 4), size) for norm, level in zip(self.norms, features, strict=True)]
        return F.normalize(self.project(torch.cat(maps, dim=1)), dim=1)

    def cells(self, keys: Tensor) -> Tensor:
        """Keys as they are kept, (N, key_channels, h', w'), coarser by `pooling`. keys: from `keys`."""
        return F.normalize(F.avg_pool2d(keys, self.config.pooling, ceil_mode=True), dim=1)

    def read(self, keys: Tensor, frames: Tensor, reach: Tensor | float = 1.0) -> Tensor:
        """What the memory says of a frame.

        Parameters
        ----------
        keys : Tensor
            (N, key_channels, h, w), from `keys`.
        frames : Tensor
            (N, M, key_channels + 1, h', w'), each from `remember`: the first frame first, the last one last.
        reach : Tensor or float, default 1.0
            1 where a frame's places are near those of the memory; 0 for a frame of which nothing is known, as one in
            which a lost target is looked for.

        Returns
        -------
        Tensor
            (N, READOUTS, h, w): the mask that attention carries over, from all frames and from the first, in [-1, 1];
            the highest likeness to the target and to what is not the target; and the highest attention.
        """
        height, width = keys.shape[-2:]
        count, cells = frames.shape[1], (frames.shape[-2], frames.shape[-1])
        queries = keys.flatten(2).transpose(1, 2)  # (N, h * w, C)
        tokens = frames.flatten(3).permute(0, 2, 1, 3).flatten(2)  # (N, C + 1, M * h' * w')
        stored, value = tokens[:, :-1], tokens[:, -1:]
        # A channel more than the keys have takes the half that is not asked for out of the highest likeness.
        ones = torch.ones_like(queries[..., :1])
        asked = torch.cat([queries, ones], dim=2)
        target = (asked @ torch.cat([stored, 2 * value - 2], dim=1)).amax(dim=2)
        other = (asked @ torch.cat([stored, -2 * value], dim=1)).amax(dim=2)
        # -falloff |p - q|^2 = -falloff |p|^2 + 2 falloff p q - falloff |q|^2, as products of four channels more.
        here, there = _places((height, width), 1).to(keys), _places(cells, self.config.pooling).to(keys)
        each = torch.cat([self.log_falloff[:1].expand(count - 1), self.log_falloff[1:]]).exp() * reach
        falloff, there = each.repeat_interleave(len(there)), there.repeat(count, 1)
        near = torch.stack([2 * falloff * there[:, 0], 2 * falloff * there[:, 1], -falloff * _squared(there), -falloff])
        from_here = torch.cat([here, torch.ones_like(here[:, :1]), _squared(here)[:, None]], dim=1)
        left = torch.cat([queries * self.log_scale.exp(), from_here.expand(len(keys), -1, -1)], dim=2)
        scores = left @ torch.cat([stored, near.expand(len(keys), -1, -1)], dim=1)
        attention = scores.softmax(dim=2)
        number = cells[0] * cells[1]
        carried = (attention @ value.transpose(1, 2))[..., 0]
        first = (scores[..., :number].softmax(dim=2) @ value[..., :number].transpose(1, 2))[..., 0]
        out = torch.stack([2 * carried - 1, 2 * first - 1, target, other, attention.amax(dim=2)], dim=1)
        return out.reshape(out.shape[0], READOUTS, height, width)

    def hidden(self, readout: Tensor) -> Tensor:
        """What the decoders get, (N, hidden, h, w), before `to_mask` and `to_hotspot`."""
        return self.mix(readout).relu()

    def is_present(self, hidden: Tensor, decoded: Tensor) -> Tensor:
        """Logit that the target is in the frame, (N,). hidden: from `hidden`; decoded: (N, width, h, w)."""
        maps = (hidden, decoded)
        pooled = [part for values in maps for part in (values.mean(dim=(2, 3)), values.amax(dim=(2, 3)))]
        return self.presence(torch.cat(pooled, dim=1))[:, 0]


def remember(cells: Tensor, mask: Tensor) -> Tensor:
    """A frame as it is kept, (N, key_channels + 1, h', w'): keys of its cells and how much of each is the target.

    cells: from `PixelMemory.cells`; mask: (N, 1, H, W) in [0, 1].
    """
    return torch.cat([cells, pool_to(mask, cells)], dim=1)


class Remembered:
    """The frames in memory along a video: the first, the last, and now and then one between, whose oldest goes."""

    def __init__(self, first: Tensor, config: PixelMemoryConfig) -> None:
        """first: from `remember`, (1, key_channels + 1, h', w')."""
        self.config = config
        self._frames = [first] * config.frames
        self._age = 0

    def add(self, frame: Tensor) -> None:
        """One more frame with the target in it."""
        self._age += 1
        first, *between, last = self._frames
        if between and self._age % self.config.interval == 0:
            between = [*between[1:], last]
        self._frames = [first, *between, frame]

    @property
    def frames(self) -> Tensor:
        """What `PixelMemory.read` takes, (1, M, key_channels + 1, h', w')."""
        return torch.stack(self._frames, dim=1)


def _places(cells: tuple[int, int], side: int) -> Tensor:
    """Middles of a grid's cells, (h * w, 2). side: of a cell in those of level 3. Their unit does not depend on the
    crop's size, as a target has as many pixels in any crop."""
    y, x = (torch.arange(length) * side + side / 2 for length in cells)
    return torch.cartesian_prod(y, x) / UNIT


def _squared(places: Tensor) -> Tensor:
    return places.square().sum(dim=1)
