"""What a crop keeps of the interest along one axis, at any place and size."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Kept:
    """The interest of T frames along one axis.

    Parameters
    ----------
    marginal
        (T, n) with rows that sum to 1: how the interest is spread along the axis.
    extent
        The picture's size along it, pixels.
    boxes
        (T, 2): the ends of the object's box along it, pixels; NaN where there is none.
    box_cut
        What the box outside of the crop costs, beside the interest that is outside.

    Examples
    --------
    >>> kept = Kept(np.array([[0.0, 0.5, 0.5, 0.0]]), 8.0, np.array([[np.nan, np.nan]]), 0.5)
    >>> kept.lost(np.array([[0.0, 2.0]]), np.array([4.0])).round(3).tolist()
    [[0.5, 0.0]]
    """

    def __init__(
        self, marginal: NDArray[np.floating], extent: float, boxes: Array, box_cut: float, middle: float = 0.0
    ) -> None:
        self._reached = np.pad(np.cumsum(marginal.astype(np.float64), axis=1), ((0, 0), (1, 0)))
        self.extent, self.boxes, self._box_cut = float(extent), boxes, box_cut

    def __len__(self) -> int:
        return len(self._reached)

    def lost(self, places: Array, sizes: Array) -> Array:
        """The loss of crops that begin at `places` (T, k) and are `sizes` (T,) long: from 0 to 1 + box_cut, (T, k)."""
        ends = places + sizes[:, None]
        lost = 1 - (self.below(ends) - self.below(places))
        low, high = self.boxes[:, :1], self.boxes[:, 1:]
        length = np.minimum(high - low, sizes[:, None])  # a box that does not fit can be kept as far as the crop goes
        inside = np.clip(np.minimum(high, ends) - np.maximum(low, places), 0, None)
        cut = 1 - np.clip(inside / np.maximum(length, 1e-9), 0, 1)
        return lost + self._box_cut * np.nan_to_num(cut)

    def below(self, places: Array) -> Array:
        """The share of the interest before places (T, k)."""
        cells = self._reached.shape[1] - 1
        at = np.clip(places / self.extent * cells, 0, cells)
        cell = np.minimum(at.astype(np.int64), cells - 1)
        left, right = (np.take_along_axis(self._reached, cell + step, axis=1) for step in (0, 1))
        return left + (right - left) * (at - cell)

    def centre(self, places: Array, sizes: Array) -> Array:
        """The mean place (T,) of the interest inside of crops at `places` (T,); their middle where there is none."""
        cells = self._reached.shape[1] - 1
        middles = (np.arange(cells) + 0.5) * self.extent / cells
        share = np.diff(self._reached, axis=1)
        inside = (middles > places[:, None]) & (middles < (places + sizes)[:, None])
        mass = (share * inside).sum(axis=1)
        mean = (share * inside * middles).sum(axis=1) / np.maximum(mass, 1e-12)
        return np.where(mass > 1e-9, mean, places + sizes / 2)

    def spread(self, places: Array, sizes: Array, share: float) -> Array:
        """(T,) how long the middle of the interest inside of crops at `places` (T,) is: the part that holds `share`."""
        cells = self._reached.shape[1] - 1
        low, high = (self.below(side[:, None]) for side in (places, places + sizes))
        middles = (np.arange(cells) + 0.5) * self.extent / cells
        reached = (self._reached[:, 1:] + self._reached[:, :-1]) / 2
        inside = (reached > low + (high - low) * (1 - share) / 2) & (reached < high - (high - low) * (1 - share) / 2)
        first = np.where(inside, middles, np.inf).min(axis=1)
        last = np.where(inside, middles, -np.inf).max(axis=1)
        one = self.extent / cells
        return np.where(inside.any(axis=1), last - first + one, one)

    def part(self, frames: slice | NDArray[np.integer]) -> Kept:
        """Of some of the frames."""
        some = object.__new__(Kept)
        some._reached, some.boxes = self._reached[frames], self.boxes[frames]
        some.extent, some._box_cut = self.extent, self._box_cut
        return some
