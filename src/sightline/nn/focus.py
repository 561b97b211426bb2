"""The focal point of a density: one place a frame, which stays with its peak."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from sightline.nn.config import Config

Point = tuple[float, float]


class FocusConfig(Config):
    """How a focal point moves from frame to frame."""

    hold: float = Field(
        0.5,
        ge=0,
        le=1,
        description="share of the highest value that keeps the point on its peak, so that it does not jump between two"
        " peaks of like height. 1 takes the highest peak of every frame",
    )
    iterations: int = Field(3, ge=0, description="steps of the mean shift that centres the point on its peak")
    sharpness: float = Field(2.0, gt=0, description="exponent of the density in the mean shift: peaks count most")


def focus(density: NDArray[np.floating], before: Point | None, width: float, config: FocusConfig) -> Point:
    """The centre of a peak of a density (h, w), as fractions (x, y) of its width and height.

    The point stays with the peak that it was on (`before`) while that is high enough. Otherwise it goes to the highest
    peak. A mean shift then centres it. width: standard deviation of the mean shift's window, cells.
    """
    height, length = density.shape
    x, y = np.arange(length) + 0.5, np.arange(height) + 0.5
    if before is not None:
        at_x, at_y = (
            min(max(part * side, 0.0), side - 0.5) for part, side in zip(before, (length, height), strict=True)
        )
        column, row = int(at_x), int(at_y)
    if before is None or density[row, column] < config.hold * density.max():
        row, column = (int(place) for place in np.unravel_index(int(density.argmax()), density.shape))
        at_x, at_y = float(x[column]), float(y[row])
    for _ in range(config.iterations):
        down, across = (np.exp(-((steps - at) ** 2) / (2 * width**2)) for steps, at in ((y, at_y), (x, at_x)))
        weights = density.astype(np.float64) ** config.sharpness * np.outer(down, across)
        total = weights.sum()
        at_x, at_y = float(weights.sum(axis=0) @ x / total), float(weights.sum(axis=1) @ y / total)
    return at_x / length, at_y / height


def nearest_on_mask(mask: NDArray[np.bool_], point: Point) -> Point:
    """The place (x, y), pixels, of a mask (H, W) that is nearest to a point; the point itself where it lies on the mask
    or the mask is empty."""
    x, y = point
    height, width = mask.shape
    if 0 <= x < width and 0 <= y < height and mask[int(y), int(x)]:
        return point
    rows, columns = np.nonzero(mask)
    if not len(rows):
        return point
    nearest = int(np.argmin((columns + 0.5 - x) ** 2 + (rows + 0.5 - y) ** 2))
    return float(columns[nearest]) + 0.5, float(rows[nearest]) + 0.5
