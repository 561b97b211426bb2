"""How alike two scanpaths are: MultiMatch by vectors, ScanMatch by strings of places.

A scanpath is the fixations of one viewer in their order, an array (N, 3) of x, y in pixels and the duration in seconds.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sightline.errors import UsageError
from sightline.metrics.functional._shortest import cheapest_way

Array = NDArray[np.float64]
FEWEST = 3
"""Fixations that MultiMatch needs: two saccades."""


class MultiMatch(NamedTuple):
    """The likeness of two scanpaths in five respects, in [0, 1] each.

    Attributes
    ----------
    vector : float
        Of the saccades as vectors.
    direction : float
        Of their directions.
    length : float
        Of their lengths.
    position : float
        Of the places they start from.
    duration : float
        Of the durations of the fixations they start from.

    Examples
    --------
    >>> MultiMatch(1.0, 1.0, 1.0, 0.9, 0.5).position
    0.9
    """

    vector: float
    direction: float
    length: float
    position: float
    duration: float


def multimatch(first: ArrayLike, second: ArrayLike, size: tuple[int, int]) -> MultiMatch:
    """Compare two scanpaths as sequences of vectors, without simplifying them first.

    The saccades of one are matched in order with those of the other so that the differences of the vectors add up to
    the least; each respect is the median over the matches, scaled by the largest difference there can be.

    Parameters
    ----------
    first, second : array_like, (N, 3) and (M, 3) float
        x and y in pixels and duration in seconds of each fixation.
    size : (height, width)
        Of the stimulus, in pixels.

    Returns
    -------
    MultiMatch
        Five likenesses; NaN throughout where a scanpath has less than three fixations.

    Raises
    ------
    UsageError
        For arrays of another shape, values that are not finite, or durations that are not positive; a ValueError.

    Notes
    -----
    Source: Jarodzka et al., ETRA 2010; Dewhurst et al., Behavior Research Methods 44 (2012).

    Examples
    --------
    >>> path = [[10, 10, 0.2], [50, 10, 0.3], [50, 60, 0.2]]
    >>> multimatch(path, path, (100, 100)).vector
    1.0
    """
    paths = _path(first, "first"), _path(second, "second")
    if min(map(len, paths)) < FEWEST:
        return MultiMatch(*[math.nan] * 5)
    vectors = [np.diff(path[:, :2], axis=0) for path in paths]
    apart = np.linalg.norm(vectors[0][:, None] - vectors[1], axis=2)
    i, j = cheapest_way(apart)
    diagonal = math.hypot(*size)
    lengths, angles = zip(*((np.hypot(*v.T), np.arctan2(v[:, 1], v[:, 0])) for v in vectors), strict=True)
    turned = np.abs((angles[0][i] - angles[1][j] + np.pi) % (2 * np.pi) - np.pi)
    starts, times = zip(*((path[:-1, :2], path[:-1, 2]) for path in paths), strict=True)
    longest = np.maximum(times[0][i], times[1][j])
    differences = (
        apart[i, j] / (2 * diagonal),
        turned / np.pi,
        np.abs(lengths[0][i] - lengths[1][j]) / diagonal,
        np.linalg.norm(starts[0][i] - starts[1][j], axis=1) / diagonal,
        np.abs(times[0][i] - times[1][j]) / longest,
    )
    return MultiMatch(*(1 - float(np.median(each)) for each in differences))


def scanmatch(
    first: ArrayLike,
    second: ArrayLike,
    size: tuple[int, int],
    bins: tuple[int, int] = (8, 12),
    threshold: float = 3.5,
    step_s: float = 0.05,
    gap: float = 0.0,
) -> float:
    """Compare two scanpaths as strings of places, aligned as sequences of genes are.

    Each fixation becomes a letter, the cell of a grid that it lies in, once for every `step_s` it lasts. Letters score
    the threshold where they are the same, and one less for each cell between them; the best alignment of all is found
    (Needleman and Wunsch), and its score is divided by the best there could be.

    Parameters
    ----------
    first, second : array_like, (N, 3) and (M, 3) float
        x and y in pixels and duration in seconds of each fixation.
    size : (height, width)
        Of the stimulus, in pixels. Fixations outside of it count in the nearest cell.
    bins : (rows, columns), optional
        Of the grid.
    threshold : float, optional
        The distance in cells at which two places stop being alike; ScanMatch suggests two standard deviations of the
        saccades.
    step_s : float, optional
        Seconds that one letter stands for; 0 gives each fixation one letter.
    gap : float, optional
        What a letter without a counterpart scores.

    Returns
    -------
    float
        1 for the same string, about 0 for ones that have nothing in common; NaN where one has no letter.

    Raises
    ------
    UsageError
        For arrays of another shape, values that are not finite, or options out of range; a ValueError.

    Notes
    -----
    Source: Cristino et al., Behavior Research Methods 42 (2010).

    Examples
    --------
    >>> path = [[10, 10, 0.2], [50, 10, 0.3], [50, 60, 0.2]]
    >>> scanmatch(path, path, (100, 100))
    1.0
    """
    if min(bins) < 1 or not threshold > 0 or not step_s >= 0:
        raise UsageError("`bins` and `threshold` above 0 and `step_s` not below 0 are expected")
    strings = [_letters(_path(path, name), size, bins, step_s) for path, name in ((first, "first"), (second, "second"))]
    if not all(map(len, strings)):
        return math.nan
    likeness = threshold - np.linalg.norm(strings[0][:, None] - strings[1], axis=2)
    best = np.zeros((len(strings[0]) + 1, len(strings[1]) + 1))
    best[:, 0], best[0] = gap * np.arange(best.shape[0]), gap * np.arange(best.shape[1])
    for i in range(1, best.shape[0]):
        for j in range(1, best.shape[1]):
            best[i, j] = max(best[i - 1, j - 1] + likeness[i - 1, j - 1], best[i - 1, j] + gap, best[i, j - 1] + gap)
    return float(best[-1, -1] / (threshold * max(map(len, strings))))


def _path(values: ArrayLike, name: str) -> Array:
    path = np.asarray(values, dtype=np.float64)
    path = path.reshape(0, 3) if path.size == 0 else path
    if path.ndim != 2 or path.shape[1] != 3 or not np.isfinite(path).all() or (path[:, 2] <= 0).any():
        raise UsageError(f"`{name}`: fixations (N, 3) of x, y and a duration above 0 are expected")
    return path


def _letters(path: Array, size: tuple[int, int], bins: tuple[int, int], step_s: float) -> Array:
    """The cell, row and column, of every step of a scanpath, (L, 2)."""
    rows, columns = (
        np.clip(np.floor(values / length * number), 0, number - 1)
        for values, length, number in zip((path[:, 1], path[:, 0]), size, bins, strict=True)
    )
    times = np.ones(len(path), dtype=np.int64) if step_s == 0 else np.round(path[:, 2] / step_s).astype(np.int64)
    return np.repeat(np.stack([rows, columns], axis=1), times, axis=0)
