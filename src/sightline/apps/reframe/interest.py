"""What of a frame is worth keeping in view: any model's results as a coarse grid and a box."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from sightline.apps.reframe.config import InterestConfig
from sightline.types import Box, Frame


@dataclass(frozen=True, slots=True)
class Interest:
    """A frame's interest: some kilobytes, whatever the picture's size.

    Attributes
    ----------
    index, time_s
        The frame's number from 0, and seconds from the first frame.
    grid
        (h, w) float32 with sum 1: how the interest is spread over the picture.
    box
        Around the attended object, pixels; None where the model gives no mask of one.
    cut
        Whether a new shot begins here.
    """

    index: int
    time_s: float
    grid: NDArray[np.float32]
    box: Box | None = None
    cut: bool = False

    def at(self, index: int, time_s: float, cut: bool) -> Interest:
        """The same interest in another frame."""
        return replace(self, index=index, time_s=time_s, cut=cut)


def interest_of(frame: Frame, config: InterestConfig, cut: bool = False) -> Interest:
    """The interest of a frame of any model.

    What the model gives is spread to a sum of 1 and weighed (`config`). A frame with nothing in it is even everywhere,
    a frame whose target is lost too: the path then rests.

    Examples
    --------
    >>> image = np.zeros((90, 160, 3), np.uint8)
    >>> mask = np.zeros((90, 160), np.uint8)
    >>> mask[30:60, 100:140] = 1
    >>> found = interest_of(Frame(0, 0.0, image, mask=mask), InterestConfig(tail=0.0))
    >>> found.grid.shape, found.box
    ((36, 64), (100.0, 30.0, 140.0, 60.0))
    """
    height, width = frame.image.shape[:2]
    size = grid_size((height, width), config.cells)
    parts = [
        (config.saliency, None if frame.saliency is None else _shrink(frame.saliency, size)),
        (config.mask, _objects(frame, size)),
        (config.hotspot, _spot(frame, size, config.hotspot_width)),
        (config.people, _heads(frame, size)),
    ]
    total = np.zeros(size, np.float32)
    for weight, part in parts:
        if part is not None and (mass := float(part.sum())) > 0:
            total += weight * part / mass
    mass = float(total.sum())
    grid = total / mass if mass > 0 else np.full(size, 1 / total.size, np.float32)
    return Interest(frame.index, frame.time_s, grid, _box(frame, config.tail), cut)


def grid_size(size: tuple[int, int], cells: int) -> tuple[int, int]:
    """(h, w) of the grid of a picture of (height, width)."""
    longer = max(size)
    height, width = (max(1, round(cells * side / longer)) for side in size)
    return height, width


def _shrink(values: NDArray[Any], size: tuple[int, int]) -> NDArray[np.float32]:
    small = cv2.resize(values.astype(np.float32), size[::-1], interpolation=cv2.INTER_AREA)
    return np.clip(np.nan_to_num(small), 0, None).astype(np.float32)


def _objects(frame: Frame, size: tuple[int, int]) -> NDArray[np.float32] | None:
    if frame.mask is not None:
        return _shrink(frame.mask > 0, size)
    return None if frame.probability is None else _shrink(frame.probability, size)


def _spot(frame: Frame, size: tuple[int, int], width: float) -> NDArray[np.float32] | None:
    if frame.hotspot is None:
        return None
    height, length = frame.image.shape[:2]
    sigma = width * max(size)
    rows, columns = np.arange(size[0]) + 0.5, np.arange(size[1]) + 0.5
    down = np.exp(-((rows - frame.hotspot.y_px / height * size[0]) ** 2) / (2 * sigma**2))
    across = np.exp(-((columns - frame.hotspot.x_px / length * size[1]) ** 2) / (2 * sigma**2))
    spot = np.outer(down, across)
    return (spot / max(float(spot.sum()), 1e-9)).astype(np.float32)


def _heads(frame: Frame, size: tuple[int, int]) -> NDArray[np.float32] | None:
    if not frame.people:
        return None
    height, width = frame.image.shape[:2]
    heads = np.zeros(size, np.float32)
    for person in frame.people:
        x1, y1, x2, y2 = (
            side / length * cells
            for side, length, cells in zip(person.head, (width, height) * 2, size[::-1] * 2, strict=True)
        )
        top, left = max(0, int(y1)), max(0, int(x1))
        heads[top : max(top + 1, int(np.ceil(y2))), left : max(left + 1, int(np.ceil(x2)))] += person.head_score
    return heads


def _box(frame: Frame, tail: float) -> Box | None:
    """Around the mask's object that the hotspot lies on, or else around all of them."""
    mask = frame.mask
    if mask is None or not mask.any():
        return None
    chosen = mask > 0
    if frame.hotspot is not None:
        column, row = int(frame.hotspot.x_px), int(frame.hotspot.y_px)
        inside = 0 <= row < mask.shape[0] and 0 <= column < mask.shape[1]
        if inside and mask[row, column]:
            chosen = mask == mask[row, column]
    x1, x2 = _between(chosen.sum(axis=0), tail)
    y1, y2 = _between(chosen.sum(axis=1), tail)
    return x1, y1, x2, y2


def _between(counts: NDArray[np.integer], tail: float) -> tuple[float, float]:
    """Where all but a share `tail` at each end of a row of counts lies."""
    reached = np.cumsum(counts) / counts.sum()
    first = int(np.searchsorted(reached, tail, side="right"))
    last = int(np.searchsorted(reached, 1 - tail - 1e-12))
    return float(first), float(last + 1)
