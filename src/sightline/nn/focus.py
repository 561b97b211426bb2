"""The focal point of a map of attention: one place in every frame that does not leap from peak to peak."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Point = tuple[float, float]

HOLD = 0.5
"""A peak is held as long as it has so much of the highest value."""
_CLIMBS = 3


def focus(hotspot: NDArray[np.floating], before: Point | None, width: float) -> Point:
    """The middle of a peak of a map (h, w), as fractions (x, y) of its width and height.

    It stays with the peak it was on (`before`) as long as that has HOLD of the highest value, and else goes to the
    highest; then it climbs: the mean position under the map's square, nearby, a few times over. width: standard
    deviation, in cells, of what is nearby.
    """
    height, length = hotspot.shape
    x, y = np.arange(length) + 0.5, np.arange(height) + 0.5
    if before is not None:
        at_x, at_y = (
            min(max(part * side, 0.0), side - 0.5) for part, side in zip(before, (length, height), strict=True)
        )
        column, row = int(at_x), int(at_y)
    if before is None or hotspot[row, column] < HOLD * hotspot.max():
        row, column = (int(place) for place in np.unravel_index(int(hotspot.argmax()), hotspot.shape))
        at_x, at_y = float(x[column]), float(y[row])
    for _ in range(_CLIMBS):
        down, across = (np.exp(-((steps - at) ** 2) / (2 * width**2)) for steps, at in ((y, at_y), (x, at_x)))
        weights = hotspot.astype(np.float64) ** 2 * np.outer(down, across)
        total = weights.sum()
        at_x, at_y = float(weights.sum(axis=0) @ x / total), float(weights.sum(axis=1) @ y / total)
    return at_x / length, at_y / height


def onto(mask: NDArray[np.bool_], point: Point) -> Point:
    """The place (x, y), in pixels, of a mask (H, W) that is nearest to a point; the point itself where it lies on the
    mask or the mask is empty."""
    x, y = point
    height, width = mask.shape
    if 0 <= x < width and 0 <= y < height and mask[int(y), int(x)]:
        return point
    rows, columns = np.nonzero(mask)
    if not len(rows):
        return point
    nearest = int(np.argmin((columns + 0.5 - x) ** 2 + (rows + 0.5 - y) ** 2))
    return float(columns[nearest]) + 0.5, float(rows[nearest]) + 0.5
