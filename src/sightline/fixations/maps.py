"""Fixations to maps: counts, densities at full resolution, and the coarse densities that networks read.

A Gaussian at a point is an outer product of two vectors, so a map of K fixations is one matrix product of (H, K) and
(K, W). That is exact at sub-pixel positions and costs milliseconds a frame.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Size = tuple[int, int]

TRUNCATE = 4.0
"""Where the kernel of `grid_density` ends, in standard deviations."""


def inside(xy: ArrayLike, size: Size) -> NDArray[np.bool_]:
    """Which points lie in a picture.

    Parameters
    ----------
    xy : array_like, (N, 2) float
        Pixels x, y from the top-left corner, pixel i spanning [i, i + 1).
    size : (height, width)
        Of the picture, in pixels.

    Returns
    -------
    ndarray, (N,) bool
        False for NaN too.

    Examples
    --------
    >>> inside([[0, 0], [9.9, 4.9], [10, 0], [float("nan"), 1]], (5, 10)).tolist()
    [True, True, False, False]
    """
    points = np.asarray(xy, dtype=np.float64).reshape(-1, 2)
    with np.errstate(invalid="ignore"):
        return np.asarray(((points >= 0) & (points < size[::-1])).all(axis=1))


def fixation_counts(xy: ArrayLike, size: Size, weights: ArrayLike | None = None) -> NDArray[np.int32] | Floats:
    """Count the fixations on each pixel.

    Parameters
    ----------
    xy : array_like, (N, 2) float
        Pixels x, y from the top-left corner; those outside of the picture are left out.
    size : (height, width)
        Of the picture, in pixels.
    weights : array_like, (N,) float, optional
        What each fixation counts; 1 unless given.

    Returns
    -------
    ndarray, (H, W)
        int32, or float64 with `weights`. The sum is that of the fixations in the picture.

    Examples
    --------
    >>> fixation_counts([[0.5, 0.5], [0.9, 0.1], [7, 0]], (1, 3)).tolist()
    [[2, 0, 0]]
    """
    points = np.asarray(xy, dtype=np.float64).reshape(-1, 2)
    there = inside(points, size)
    x, y = np.floor(points[there]).astype(np.int64).T
    if weights is None:
        counts = np.zeros(size, dtype=np.int32)
        np.add.at(counts, (y, x), 1)
        return counts
    weighted = np.zeros(size)
    np.add.at(weighted, (y, x), np.asarray(weights, dtype=np.float64)[there])
    return weighted


def density(xy: ArrayLike, size: Size, sigma_px: tuple[float, float]) -> NDArray[np.float32]:
    """Draw a Gaussian at each fixation, each of mass 1 inside of the picture.

    What a Gaussian would spill over the border is spread over its own part inside, so that a fixation at the border
    counts as much as one in the middle.

    Parameters
    ----------
    xy : array_like, (N, 2) float
        Pixels x, y from the top-left corner, pixel i spanning [i, i + 1); those outside are left out.
    size : (height, width)
        Of the picture, in pixels.
    sigma_px : (across, down)
        Standard deviations in pixels.

    Returns
    -------
    ndarray, (H, W) float32
        The sum is the number of fixations in the picture.

    Examples
    --------
    >>> drawn = density([[2.5, 1.5], [0.5, 0.5]], (3, 5), (1.0, 1.0))
    >>> drawn.shape, round(float(drawn.sum()), 3)
    ((3, 5), 2.0)
    """
    points = np.asarray(xy, dtype=np.float64).reshape(-1, 2)
    points = points[inside(points, size)]
    across = _kernels(points[:, 0], size[1], sigma_px[0])
    down = _kernels(points[:, 1], size[0], sigma_px[1])
    result: NDArray[np.float32] = down.T @ across
    return result


def grid_density(xy: ArrayLike, size: Size, sigma_px: float, weights: ArrayLike | None = None) -> NDArray[np.float32]:
    """Count fixations in the cells of a coarse grid and blur the counts: what networks read and learn from.

    Positions are rounded to cells, which a network cannot tell apart, and there is nothing beyond the border: a
    fixation at the border weighs less inside than one in the middle. `density` does neither.

    Parameters
    ----------
    xy : array_like, (N, 2) float
        Cells x, y from the top-left corner; those outside are left out.
    size : (height, width)
        Of the grid, in cells.
    sigma_px : float
        Standard deviation in cells; the kernel ends at TRUNCATE of them. 0 leaves the counts.
    weights : array_like, (N,) float, optional
        What each fixation counts; 1 unless given.

    Returns
    -------
    ndarray, (H, W) float32
        Sums to 1; zeros where no fixation is inside.

    Examples
    --------
    >>> grid_density([[1.2, 0.5]], (1, 3), 0.5).round(2)
    array([[0.11, 0.79, 0.11]], dtype=float32)
    >>> grid_density([], (1, 3), 0.5).tolist()
    [[0.0, 0.0, 0.0]]
    """
    counts = fixation_counts(xy, size, weights).astype(np.float64)
    blurred = _filter(size[0], sigma_px) @ counts @ _filter(size[1], sigma_px)
    total = blurred.sum()
    return (blurred / total if total > 0 else blurred).astype(np.float32)


def _kernels(centres: Floats, length: int, sigma: float) -> NDArray[np.float32]:
    """(N, length) Gaussians sampled at pixel centres, each summing to 1."""
    offsets = np.arange(length) + 0.5 - centres[:, None]
    kernels = np.exp(-0.5 * (offsets / sigma) ** 2)
    kernels /= kernels.sum(axis=1, keepdims=True)
    return kernels.astype(np.float32)


def _filter(length: int, sigma: float) -> Floats:
    """(length, length): what a cell gives to each other; the whole kernel sums to 1, beyond the border too."""
    if sigma == 0:
        return np.eye(length)
    reach = int(TRUNCATE * sigma + 0.5)
    kernel = np.exp(-0.5 * (np.arange(reach + 1) / sigma) ** 2)
    kernel = np.concatenate([kernel / (2 * kernel.sum() - kernel[0]), [0.0]])
    apart = np.abs(np.subtract.outer(np.arange(length), np.arange(length)))
    return kernel[np.minimum(apart, reach + 1)]
