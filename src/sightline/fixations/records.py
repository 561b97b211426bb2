"""What fixations are, in memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Texts = NDArray[np.str_]

LONGEST_S = 3600.0
"""No eye rests for an hour: a longer fixation is damage."""


@dataclass(frozen=True, slots=True)
class Points:
    """Fixations on one picture or frame.

    Attributes
    ----------
    xy : ndarray, (N, 2) float64
        Pixels x, y from the top-left corner.
    subjects : ndarray, (N,) str
        Whose they are; "" where that is not known.

    Examples
    --------
    >>> points = Points.of([("ann", np.array([[3.0, 4.0], [5.0, 6.0]])), ("ben", np.array([[7.0, 8.0]]))])
    >>> points.where(points.subjects == "ben").xy.tolist()
    [[7.0, 8.0]]
    """

    xy: Floats
    subjects: Texts

    @classmethod
    def of(cls, subjects: Iterable[tuple[str, Floats]]) -> Points:
        """Put together the fixations of each subject: pairs of a name and (K, 2) points."""
        named = [(name, xy) for name, xy in subjects if len(xy)]
        if not named:
            return cls(np.empty((0, 2)), np.empty(0, dtype=np.str_))
        names = np.repeat([name for name, _ in named], [len(xy) for _, xy in named])
        return cls(np.concatenate([xy for _, xy in named]), names)

    def __len__(self) -> int:
        return len(self.xy)

    def where(self, keep: NDArray[np.bool_]) -> Points:
        """Those where `keep`, (N,) bool, is true."""
        return Points(self.xy[keep], self.subjects[keep])


@dataclass(frozen=True, slots=True)
class Fixations:
    """Fixations of several subjects on one stimulus.

    Attributes
    ----------
    points : Points
        Where and whose, N of them.
    onset_s, duration_s : ndarray, (N,) float64
        Seconds of the stimulus.

    Examples
    --------
    >>> points = Points.of([("ann", np.array([[3.0, 4.0], [5.0, 6.0]]))])
    >>> seen = Fixations(points, np.array([0.0, 0.4]), np.array([0.3, 0.2]))
    >>> len(seen.where(seen.onset_s > 0.1))
    1
    """

    points: Points
    onset_s: Floats
    duration_s: Floats

    def __len__(self) -> int:
        return len(self.points)

    def where(self, keep: NDArray[np.bool_]) -> Fixations:
        """Those where `keep`, (N,) bool, is true."""
        return Fixations(self.points.where(keep), self.onset_s[keep], self.duration_s[keep])
