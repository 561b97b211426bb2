"""Masks with 32 pixels in one integer, so that shifts, unions and counts take a few operations for a whole row.

A packed mask is (..., H, ceil(W / 32)) int64; bit k of word i is the pixel in column 32 * i + k. Only the lower 32 bits
are used, which keeps the arithmetic right shift of torch a logical one.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

WORD = 32
FULL = (1 << WORD) - 1


def pack(mask: Tensor) -> Tensor:
    """Pack a boolean mask (..., H, W)."""
    width = mask.shape[-1]
    mask = pad(mask.to(torch.uint8), (0, -width % WORD)).contiguous()
    # Eight bytes of 0 and 1, seen as one integer, times this constant have the eight bits side by side at the top.
    octets = ((mask.view(torch.int64) * 0x0102040810204080) >> 56) & 0xFF
    octets = octets.unflatten(-1, (-1, WORD // 8))
    return octets[..., 0] | octets[..., 1] << 8 | octets[..., 2] << 16 | octets[..., 3] << 24


def count(packed: Tensor) -> Tensor:
    """Number of set pixels, over the last two axes."""
    x = packed - ((packed >> 1) & 0x55555555)
    x = (x & 0x33333333) + ((x >> 2) & 0x33333333)
    x = (x + (x >> 4)) & 0x0F0F0F0F
    return ((x * 0x01010101 >> 24) & 0xFF).sum((-2, -1))


def shift_left(packed: Tensor) -> Tensor:
    """Move every pixel one column to the left: the result at x is the mask at x + 1; the last column becomes unset."""
    return packed >> 1 | (pad(packed[..., 1:], (0, 1)) << (WORD - 1)) & FULL


def shift_right(packed: Tensor) -> Tensor:
    """Move every pixel one column to the right: the result at x is the mask at x - 1. May set bits beyond the width."""
    return (packed << 1) & FULL | pad(packed[..., :-1], (1, 0)) >> (WORD - 1)


def shift_up(packed: Tensor) -> Tensor:
    """Move every pixel one row up: the result at y is the mask at y + 1; the last row becomes unset."""
    return pad(packed[..., 1:, :], (0, 0, 0, 1))


def dilate(packed: Tensor, radius: int) -> Tensor:
    """Dilate with the disk x^2 + y^2 <= radius^2. May set bits beyond the width."""
    height = packed.shape[-2]
    result = packed
    row, reach = packed, 0  # `row` is dilated by `reach` columns to either side
    for dy in range(min(radius, height - 1), -1, -1):
        while (reach + 1) ** 2 + dy**2 <= radius**2:
            row, reach = row | shift_left(row) | shift_right(row), reach + 1
        result = result | (
            row if dy == 0 else pad(row[..., dy:, :], (0, 0, 0, dy)) | pad(row[..., :-dy, :], (0, 0, dy, 0))
        )
    return result
