"""Masks with 64 pixels in one integer, so that shifts, unions and counts take a few operations for a whole row.

A packed mask is (..., H, ceil(W / 64)) int64; bit k of word i is the pixel in column 64 * i + k. The right shift of
torch repeats the sign bit, which the masks below take off again.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

WORD = 64
ALL_BUT_TOP = (1 << 63) - 1


def pack(mask: Tensor) -> Tensor:
    """Pack a boolean mask (..., H, W)."""
    if mask.device.type == "cpu":
        octets = torch.from_numpy(np.packbits(mask.numpy(), axis=-1, bitorder="little"))
    else:
        octets = pack_octets(mask)
    return pad(octets, (0, -octets.shape[-1] % 8)).contiguous().view(torch.int64)


def pack_octets(mask: Tensor) -> Tensor:
    """What numpy.packbits does, on any device: (..., W) bool to (..., ceil(W / 8)) uint8."""
    pixels = pad(mask.to(torch.uint8), (0, -mask.shape[-1] % 8)).contiguous().view(torch.int64)
    # Eight bytes of 0 and 1, seen as one integer, times this constant have the eight bits side by side at the top.
    return (pixels * 0x0102040810204080 >> 56).to(torch.uint8)


def count(packed: Tensor) -> Tensor:
    """Number of set pixels, over the last two axes."""
    x = packed - (packed >> 1 & 0x5555555555555555)
    x = (x & 0x3333333333333333) + (x >> 2 & 0x3333333333333333)
    x = x + (x >> 4) & 0x0F0F0F0F0F0F0F0F
    return (x * 0x0101010101010101 >> 56).sum((-2, -1))


def shift_left(packed: Tensor) -> Tensor:
    """Move every pixel one column to the left: the result at x is the mask at x + 1; the last column becomes unset."""
    moved = packed >> 1 & ALL_BUT_TOP
    moved[..., :-1] |= packed[..., 1:] << 63
    return moved


def shift_right(packed: Tensor) -> Tensor:
    """Move every pixel one column to the right: the result at x is the mask at x - 1. May set bits beyond the width."""
    moved = packed << 1
    moved[..., 1:] |= packed[..., :-1] >> 63 & 1
    return moved


def shift_up(packed: Tensor) -> Tensor:
    """Move every pixel one row up: the result at y is the mask at y + 1; the last row becomes unset."""
    return pad(packed[..., 1:, :], (0, 0, 0, 1))


def dilate(packed: Tensor, radius: int) -> Tensor:
    """Dilate with the disk x^2 + y^2 <= radius^2. May set bits beyond the width."""
    height = packed.shape[-2]
    result = packed.clone()
    row, reach = packed, 0  # `row` is the mask dilated by `reach` columns to either side
    for dy in range(radius, -1, -1):
        while (reach + 1) ** 2 + dy**2 <= radius**2:
            row, reach = row | shift_left(row) | shift_right(row), reach + 1
        if dy < height:
            result[..., : height - dy, :] |= row[..., dy:, :]
            result[..., dy:, :] |= row[..., : height - dy, :]
    return result


def crop(packed: Tensor) -> tuple[slice, slice]:
    """The rows and words that hold all set pixels of a batch (B..., H, words), at least one of each."""
    used = (packed != 0).flatten(0, -3).any(0)
    rows, words = used.any(1).nonzero().flatten().tolist() or [0], used.any(0).nonzero().flatten().tolist() or [0]
    return slice(rows[0], rows[-1] + 1), slice(words[0], words[-1] + 1)
