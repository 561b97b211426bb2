"""Fixations as densities: what CC, SIM and KLD compare a map with."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def gaussian_density(points: Tensor, size: tuple[int, int], sigma: tuple[float, float]) -> Tensor:
    """A Gaussian at each point, each of mass 1 inside the picture: (H, W) float64.

    points: (N, 2) x, y in pixels, pixel i spanning [i, i + 1). size: (H, W). sigma: across and down, in pixels. A
    Gaussian is an outer product, so the sum of N is one product of (H, N) and (N, W), exact at sub-pixel positions.
    """
    across = _kernels(points[:, 0].double(), size[1], sigma[0])
    down = _kernels(points[:, 1].double(), size[0], sigma[1])
    return down.T @ across


def blurred_counts(counts: Tensor, sigma: tuple[float, float]) -> Tensor:
    """`gaussian_density` of points at the pixel centres: counts (H, W) of points in each pixel."""
    height, width = counts.shape
    down = _kernels(torch.arange(height) + 0.5, height, sigma[1])
    across = _kernels(torch.arange(width) + 0.5, width, sigma[0])
    return down.T @ counts.double() @ across


def mit_sigma(size: tuple[int, int]) -> float:
    """The blur of the MIT toolbox (antonioGaussian.m, 8 cycles an image), in pixels: about one degree in its data.

    Its filter falls to half at 8 cycles over the next power of two of the longer side.
    """
    side = 2 ** math.ceil(math.log2(max(*size, 2)))
    return side * math.sqrt(math.log(2)) / (math.sqrt(2) * math.pi * 8)


def counts_of(points: Tensor, size: tuple[int, int]) -> Tensor:
    """How many of the points (N, 2) lie in each pixel: (H, W) int64. All must lie inside."""
    height, width = size
    index = points[:, 1].long() * width + points[:, 0].long()
    return torch.bincount(index, minlength=height * width).reshape(height, width)


def _kernels(centres: Tensor, length: int, sigma: float) -> Tensor:
    """(N, length) Gaussians sampled at pixel centres, each of sum 1."""
    offset = torch.arange(length, dtype=torch.float64) + 0.5 - centres.double()[:, None]
    kernels = torch.exp(-0.5 * (offset / sigma) ** 2)
    return kernels / kernels.sum(1, keepdim=True)
