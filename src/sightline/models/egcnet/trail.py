"""An eye tracker's fixations along a video: those of the last moment count too, warped along with what they are on.

A few viewers make few fixations in one frame. Within a moment they see more of an object, and it moves on.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sightline.fixations import grid_density
from sightline.models.egcnet.config import FixationsConfig


class FixationTrail:
    """Goes along a video; memory is bounded by the fixations of the last half second or so."""

    def __init__(self, config: FixationsConfig) -> None:
        self.config = config
        self._places = np.empty((0, 2))  # x and y in [0, 1]
        self._weights = np.empty(0)

    def step(self, places: NDArray[np.floating], flow: NDArray[np.float32], elapsed_s: float) -> None:
        """The next frame. places: fixations (K, 2), x and y in [0, 1] of the frame, any outside are left out. flow:
        (h, w, 2), as in Motion. elapsed_s: seconds since the last frame."""
        self._weights = self._weights * np.exp(-max(0.0, elapsed_s) / self.config.decay_s)
        kept = self._weights > self.config.least_weight
        warped = warp_points(self._places[kept], flow)
        fresh = np.asarray(places, dtype=np.float64).reshape(-1, 2)
        every = np.concatenate([warped, fresh])
        weights = np.concatenate([self._weights[kept], np.ones(len(fresh))])
        inside = ((every >= 0) & (every < 1)).all(axis=1)
        self._places, self._weights = every[inside], weights[inside]

    def density(self, grid: tuple[int, int]) -> Tensor | None:
        """(1, 1, *grid) float32, summing to 1; None where nobody has looked for a while."""
        if not len(self._places):
            return None
        cells = grid_density(self._places * grid[::-1], grid, self.config.sigma * max(grid), self._weights)
        return torch.from_numpy(cells)[None, None]


def warp_points(places: NDArray[np.float64], flow: NDArray[np.float32]) -> NDArray[np.float64]:
    """Places of the frame before, warped to where their pixels are now.

    The flow says of a place now where it was. So the place is sought whose flow leads to the old one: a fixed point,
    which two iterations find to within the flow's own error.
    """
    if not len(places):
        return places
    size = np.array(flow.shape[1::-1])
    now = places
    for _ in range(2):
        columns, rows = np.clip((now * size).astype(int), 0, size - 1).T
        now = places - flow[rows, columns] / size
    return now
