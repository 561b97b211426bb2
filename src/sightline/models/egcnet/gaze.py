"""An eye tracker's fixations along a video: those of the last moment count too, carried along with what they are on.

What a few people look at in one frame is few points; within a moment they see more of an object, and it moves on.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from torch import Tensor

SIGMA = 0.028
"""Blur of an eye tracker's fixations, in parts of the frame's longer side, in training too."""
LASTING_S = 0.2
"""A fixation counts by exp(-age / this)."""
LEAST = 0.05
"""One that counts less is forgotten."""


class GazeTrail:
    """Goes along a video; memory is bounded by the fixations of the last half second or so."""

    def __init__(self) -> None:
        self._places = np.empty((0, 2))  # x and y in [0, 1]
        self._weights = np.empty(0)

    def look(self, places: NDArray[np.floating], flow: NDArray[np.float32], elapsed_s: float) -> None:
        """The next frame. places: fixations (K, 2), x and y in [0, 1] of the frame, any outside are left out. flow:
        (h, w, 2), as in Motion. elapsed_s: seconds since the last frame."""
        self._weights = self._weights * np.exp(-max(0.0, elapsed_s) / LASTING_S)
        lasting = self._weights > LEAST
        moved = carried(self._places[lasting], flow)
        fresh = np.asarray(places, dtype=np.float64).reshape(-1, 2)
        every = np.concatenate([moved, fresh])
        weights = np.concatenate([self._weights[lasting], np.ones(len(fresh))])
        inside = ((every >= 0) & (every < 1)).all(axis=1)
        self._places, self._weights = every[inside], weights[inside]

    def density(self, grid: tuple[int, int]) -> Tensor | None:
        """(1, 1, *grid) float32, summing to 1; None where nobody has looked for a while."""
        if not len(self._places):
            return None
        cells = np.zeros(grid, dtype=np.float32)
        columns, rows = (self._places * grid[::-1]).astype(int).T
        np.add.at(cells, (rows, columns), self._weights)
        blurred = gaussian_filter(cells, SIGMA * max(grid), mode="constant")
        return torch.from_numpy(blurred / blurred.sum())[None, None]


def carried(places: NDArray[np.float64], flow: NDArray[np.float32]) -> NDArray[np.float64]:
    """Places of the frame before, moved to where their pixels are now.

    The flow tells of a place now where it was; so the place whose flow leads to the old one is sought, in two steps.
    """
    if not len(places):
        return places
    size = np.array(flow.shape[1::-1])
    now = places
    for _ in range(2):
        columns, rows = np.clip((now * size).astype(int), 0, size - 1).T
        now = places - flow[rows, columns] / size
    return now
