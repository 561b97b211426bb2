"""Temporal stability T of DAVIS (Perazzi et al., CVPR 2016, section 4): how much an outline changes between frames.

The outlines of two successive masks are polygons (see `_outline`), each point with a shape context (Belongie et al.,
PAMI 2002). Dynamic time warping matches the points in order, twice: the second time from behind the pair of points that
was cheapest the first time. Of the matches of a point the cheapest stays, and T is the mean cost of those.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sightline.metrics.functional._inputs import EPS
from sightline.metrics.functional._outline import outline
from sightline.metrics.functional._shortest import cheapest_way

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

ANGLES = 12
RADII = np.logspace(np.log10(1 / 8), np.log10(2), 5)
"""Where the rings of a shape context end, in mean distances between points."""


def shape_contexts(points: Array) -> Array:
    """For each of N points, the share of the points in each of 12 directions and 5 distances: (N, 60)."""
    number = len(points)
    x, y = (axis[None] - axis[:, None] for axis in points.T)
    distance = np.sqrt(x * x + y * y)
    distance /= distance.mean()
    ring = sum((distance < radius).astype(np.int64) for radius in RADII)  # 5 innermost, 0 beyond the last
    angle = np.fmod(np.fmod(np.arctan2(y, x), 2 * np.pi) + 2 * np.pi, 2 * np.pi)
    sector = np.floor(angle / (2 * np.pi / ANGLES)).astype(np.int64) % ANGLES
    bins = ANGLES * (len(RADII) + 1)
    index = np.arange(number)[:, None] * bins + ring * ANGLES + sector
    counts = np.bincount(index.ravel(), minlength=number * bins).reshape(number, bins)[:, ANGLES:]
    return counts / (counts.sum(1, keepdims=True) + EPS)


def instability(before: NDArray[np.bool_], after: NDArray[np.bool_]) -> float:
    """The mean cost of matching two outlines, 0 for the same shape; NaN where a mask has none."""
    first, second = outline(before), outline(after)
    if not len(first) or not len(second):
        return math.nan
    cost = _chi_square(shape_contexts(first), shape_contexts(second))
    rows, columns = cheapest_way(cost)
    cheapest = int(cost[rows, columns][1:][::-1].argmin())  # from the end; the first match is none of the choices
    at = len(rows) - 1 - cheapest
    shift = int(rows[at]) + 1, int(columns[at]) + 1
    rows, columns = cheapest_way(np.roll(cost, (-shift[0], -shift[1]), axis=(0, 1)))
    rows, columns = (rows + shift[0]) % cost.shape[0], (columns + shift[1]) % cost.shape[1]
    return float(_mutual(cost, rows[::-1], columns[::-1]).mean())


def _chi_square(first: Array, second: Array) -> Array:
    """Half the chi-square distance of every row of one with every row of the other: (N, M) in [0, 1]."""
    total = np.zeros((len(first), len(second)))
    for a, b in zip(first.T, second.T, strict=True):
        difference, both = a[:, None] - b, (a[:, None] + b) + EPS
        difference *= difference
        difference /= both
        total += difference
    return total / 2


def _mutual(cost: Array, rows: Indices, columns: Indices) -> Array:
    """Costs of the matches that remain if each point keeps its cheapest one, the first of equals."""
    pairs = np.stack([rows, columns])
    for side in (0, 1):
        order = np.lexsort((cost[pairs[0], pairs[1]], pairs[side]))
        pairs = pairs[:, order[np.unique(pairs[side][order], return_index=True)[1]]]
    return cost[pairs[0], pairs[1]]
