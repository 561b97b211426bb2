"""Temporal stability T of DAVIS (Perazzi et al., CVPR 2016, section 4): how much an outline changes between frames.

The outlines of two successive masks become points, each with a shape context (Belongie et al., PAMI 2002); dynamic time
warping matches the points in order, and T is the mean cost of the matches. DAVIS' own code simplifies the outline to a
polygon first and finds where to start by a search of its own; here the points lie at equal steps of about 3 pixels and
the warping starts at the pair of points that are most alike, so values are close to the published ones, not equal.
"""

from __future__ import annotations

import math

import numpy as np
from contourpy import contour_generator
from numpy.typing import NDArray

Array = NDArray[np.float64]

STEP = 3.0
MOST_POINTS = 256
ANGLES = 12
RADII = np.geomspace(1 / 8, 2, 5)


def outline(mask: NDArray[np.bool_]) -> Array:
    """Points (N, 2) at equal steps along the longest outline of a mask; none for an empty mask."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return np.empty((0, 2))
    box = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    found = contour_generator(z=np.pad(box, 1).astype(np.float64)).lines(0.5)
    lines = [np.asarray(line, dtype=np.float64) for line in found]
    lengths = [np.concatenate([[0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))]) for line in lines]
    along, line = max(zip(lengths, lines, strict=True), key=lambda pair: float(pair[0][-1]))
    number = min(MOST_POINTS, max(4, math.ceil(along[-1] / STEP)))
    at = np.arange(number) * along[-1] / number
    return np.stack([np.interp(at, along, line[:, axis]) for axis in (0, 1)], axis=1)


def shape_contexts(points: Array) -> Array:
    """For each of N points, the share of the points in each of 12 directions and 5 distances: (N, 60)."""
    number = len(points)
    x, y = (axis[None] - axis[:, None] for axis in points.T)
    squared = x * x + y * y
    squared /= np.sqrt(squared).mean() ** 2
    ring = sum((squared < radius**2).astype(np.int64) for radius in RADII)  # 5 innermost, 0 beyond the last
    angle = np.arctan2(y.astype(np.float32), x.astype(np.float32)) * np.float32(ANGLES / (2 * np.pi))
    sector = np.floor(angle).astype(np.int64) % ANGLES
    bins = ANGLES * (len(RADII) + 1)
    index = np.arange(number)[:, None] * bins + ring * ANGLES + sector
    counts = np.bincount(index.ravel(), minlength=number * bins).reshape(number, bins)[:, ANGLES:]
    return counts / counts.sum(1, keepdims=True)


def instability(before: NDArray[np.bool_], after: NDArray[np.bool_]) -> float:
    """The mean cost of matching two outlines, 0 for the same shape; NaN where a mask is empty."""
    first, second = outline(before), outline(after)
    if not len(first) or not len(second):
        return math.nan
    cost = _chi_square(shape_contexts(first), shape_contexts(second))
    start = np.unravel_index(cost.argmin(), cost.shape)
    cost = np.roll(cost, (-int(start[0]), -int(start[1])), axis=(0, 1))
    rows, columns = _warp(cost)
    return float(_mutual(cost, rows, columns).mean())


def _chi_square(first: Array, second: Array) -> Array:
    """Half the chi-square distance of every row of one with every row of the other: (N, M) in [0, 1]."""
    # (a - b)^2 / (a + b) = (a + b) - 4 a b / (a + b), and rows sum to 1.
    shared = np.zeros((len(first), len(second)), dtype=np.float32)
    for a, b in zip(first.T.astype(np.float32), second.T.astype(np.float32), strict=True):
        term = a[:, None] * b
        term /= a[:, None] + (b + np.float32(1e-30))
        shared += term
    return np.maximum(1 - 2 * shared.astype(np.float64), 0)


def _warp(cost: Array) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The cheapest way from the first to the last cell by steps right, down and diagonally: its rows and columns.

    Cells on one antidiagonal do not depend on each other, so each is one vector operation.
    """
    height, width = cost.shape
    total = np.full((height + 1, width + 1), np.inf)
    total[0, 0] = 0
    flat, stride = total.ravel(), width + 1
    for diagonal in range(height + width - 1):
        row = np.arange(max(0, diagonal - width + 1), min(height, diagonal + 1))
        at = (row + 1) * stride + diagonal - row + 1
        best = np.minimum(np.minimum(flat[at - 1], flat[at - stride]), flat[at - stride - 1])
        flat[at] = best + cost[row, diagonal - row]
    path = [(height, width)]
    while path[-1] != (1, 1):
        i, j = path[-1]
        path.append(min(((i - 1, j - 1), (i - 1, j), (i, j - 1)), key=lambda cell: total[cell]))
    rows, columns = np.array(path[::-1]).T - 1
    return rows, columns


def _mutual(cost: Array, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> Array:
    """Costs of the matches that remain if each point keeps its cheapest one."""
    pairs = np.stack([rows, columns])
    for side in (0, 1):
        order = np.lexsort((cost[pairs[0], pairs[1]], pairs[side]))
        pairs = pairs[:, order[np.unique(pairs[side][order], return_index=True)[1]]]
    return cost[pairs[0], pairs[1]]
