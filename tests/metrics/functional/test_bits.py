"""Packed masks against numpy on the pixels."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sightline.metrics.functional import _bits


@pytest.mark.parametrize("width", [1, 8, 63, 64, 65, 200])
def test_packing_and_counting(width: int) -> None:
    mask = torch.rand(3, 5, width, generator=torch.Generator().manual_seed(width)) < 0.5
    packed = _bits.pack(mask)
    assert packed.shape == (3, 5, -(-width // 64))
    assert torch.equal(_bits.count(packed), mask.sum((-2, -1)))
    bit = packed[1, 2, (width - 1) // 64].item() >> (width - 1) % 64 & 1
    assert bit == mask[1, 2, width - 1]
    by_numpy = np.packbits(mask.numpy(), axis=-1, bitorder="little")
    assert np.array_equal(_bits.pack_octets(mask).numpy(), by_numpy)


@pytest.mark.parametrize("radius", [0, 1, 2, 5, 8, 18, 70])
def test_dilation_is_by_a_disk(radius: int) -> None:
    mask = torch.zeros(1, 60, 150, dtype=torch.bool)
    mask[0, 20, 70] = mask[0, 59, 149] = True
    rows, columns = np.mgrid[:60, :150]
    near = ((rows - 20) ** 2 + (columns - 70) ** 2 <= radius**2) | (
        (rows - 59) ** 2 + (columns - 149) ** 2 <= radius**2
    )
    ours = _bits.dilate(_bits.pack(mask), radius) & _bits.pack(torch.ones_like(mask))
    assert torch.equal(ours, _bits.pack(torch.from_numpy(near)[None]))
