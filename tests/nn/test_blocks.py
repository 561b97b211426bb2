"""The residual refinement block against Eq. 1 and 4 written out pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from sightline.nn.blocks import RefinementBlock, pool_to, resize


def by_hand(block: RefinementBlock, inputs: list[Tensor], coarser: Tensor | None) -> NDArray[np.float64]:
    """Conv2(Cat(inputs, Up(coarser))) + Up(coarser), with loops for both convolutions."""
    height, width = inputs[0].shape[-2:]
    up = None
    if coarser is not None:
        up = F.interpolate(coarser, size=(height, width), mode="bilinear", align_corners=False)[0].double().numpy()
    stacked = np.concatenate([maps[0].double().numpy() for maps in inputs] + ([] if up is None else [up]))
    padded = np.pad(stacked, ((0, 0), (1, 1), (1, 1)))
    kernel = block.conv3.weight.detach().double().numpy()
    gain = (block.norm.weight / (block.norm.running_var + block.norm.eps).sqrt()).detach().double().numpy()
    shift = block.norm.bias.detach().double().numpy() - gain * block.norm.running_mean.double().numpy()
    last = block.conv1.weight[:, :, 0, 0].detach().double().numpy()
    out = np.zeros((last.shape[0], height, width))
    for y in range(height):
        for x in range(width):
            hidden = (kernel * padded[:, y : y + 3, x : x + 3]).sum(axis=(1, 2, 3))
            out[:, y, x] = last @ np.maximum(gain * hidden + shift, 0) + block.conv1.bias.detach().double().numpy()
    return out if up is None else out + up


@pytest.mark.parametrize("deepest", [False, True])
@pytest.mark.parametrize("hidden", [None, 3])
def test_equation(deepest: bool, hidden: int | None) -> None:
    torch.manual_seed(0)
    block = RefinementBlock(7, 6, deepest=deepest, hidden=hidden).eval()
    block.norm.running_mean.normal_()
    block.norm.running_var.uniform_(0.5, 2)
    inputs = [torch.randn(1, 4, 6, 9), torch.randn(1, 3, 6, 9)]
    coarser = None if deepest else torch.randn(1, 6, 3, 5)
    with torch.inference_mode():
        out = block(inputs, coarser)
    np.testing.assert_allclose(out[0].numpy(), by_hand(block, inputs, coarser), atol=1e-5)


def test_gradients_reach_every_parameter_and_input() -> None:
    torch.manual_seed(0)
    block = RefinementBlock(4, 5)
    fine, coarse = torch.randn(2, 4, 8, 8, requires_grad=True), torch.randn(2, 5, 4, 4, requires_grad=True)
    block([fine], coarse).square().mean().backward()
    for tensor in (fine, coarse, *block.parameters()):
        assert tensor.grad is not None
        assert tensor.grad.abs().sum() > 0


def test_resize_leaves_a_map_of_the_right_size_alone_and_keeps_a_constant() -> None:
    maps = torch.rand(1, 2, 6, 8)
    assert resize(maps, (6, 8)) is maps
    torch.testing.assert_close(resize(torch.full((1, 1, 3, 5), 0.3), (7, 4)), torch.full((1, 1, 7, 4), 0.3))


def test_pool_to_is_the_mean_of_each_cell() -> None:
    maps = torch.arange(24.0).view(1, 1, 4, 6)
    pooled = pool_to(maps, torch.zeros(1, 9, 2, 3))
    cells = maps[0, 0].numpy().reshape(2, 2, 3, 2).mean(axis=(1, 3))
    np.testing.assert_allclose(pooled[0, 0].numpy(), cells)


def looked_at(cells: int, stride: int, off: float) -> Tensor:
    """Where each cell of a level looks, in pixels from the picture's edge, as a row of a map (1, 1, 1, cells)."""
    return ((torch.arange(cells) + 0.5) * stride + off)[None, None, None]


@pytest.mark.parametrize("off", [-7.5, 0.5, 7.5])
def test_what_cells_see_is_put_where_they_look(off: float) -> None:
    stride, cells = 16, 20
    for places in (7, 20, 40, 101):
        size = stride * cells / places
        middles = (torch.arange(places) + 0.5) * size
        placed = resize(looked_at(cells, stride, off), (1, places), (0.0, off / stride))[0, 0, 0]
        upright = resize(looked_at(cells, stride, off).mT, (places, 1), (off / stride, 0.0))[0, 0, :, 0]
        inner = (middles > 2 * stride) & (middles < stride * (cells - 2))
        torch.testing.assert_close(placed[inner], middles[inner], atol=1e-3, rtol=0)
        torch.testing.assert_close(upright, placed)


def test_hardly_shifted_maps_are_those_of_the_plain_resize() -> None:
    maps = torch.rand(2, 3, 5, 7)
    torch.testing.assert_close(resize(maps, (11, 30), (1e-9, 0.0)), resize(maps, (11, 30)), atol=1e-5, rtol=0)


def test_a_block_puts_the_coarser_level_where_it_looked() -> None:
    block = RefinementBlock(1, 1, shift=(0.0, 0.25)).eval()
    with torch.no_grad():
        block.conv1.weight.zero_()
        block.conv1.bias.zero_()
        out = block([torch.zeros(1, 1, 1, 20)], looked_at(10, 32, 8.0))  # what is left is Up(coarser)
    torch.testing.assert_close(out[..., 2:-2], looked_at(20, 16, 0.0)[..., 2:-2])
