"""The calmest path along one axis that keeps its target: a linear programme, solved by HiGHS.

The path's first, second and third differences cost their absolute values, so the optimum is made of rests, even pans
and even accelerations (after L1-optimal camera paths, Grundmann et al., CVPR 2011; a crop instead of a stabiliser).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import csr_array

Array = NDArray[np.float64]
_LEAST_S = 1e-3  # frames of one time: their difference would be infinitely fast


@dataclass(frozen=True)
class Band:
    """Where the path wants to be: in [low, high] (T,), at `cost` a second for every unit beyond."""

    low: Array
    high: Array
    cost: float | Array


@dataclass(frozen=True)
class Limits:
    """What motion costs, and how much of it there may be, in units of the path and seconds.

    costs: of the first, second and third difference.
    """

    max_speed: float
    max_acceleration: float
    costs: tuple[float, float, float]


@dataclass(frozen=True)
class Start:
    """Where an earlier window left the path: its place and speed at the first frame."""

    place: float
    speed: float


def optimal_path(
    times_s: Array,
    lower: Array,
    upper: Array,
    bands: Sequence[Band],
    limits: Limits,
    start: Start | None = None,
) -> Array:
    """The path of least cost.

    Parameters
    ----------
    times_s
        (T,) rising.
    lower, upper
        (T,) where the path must stay.
    bands
        Where it wants to be. A band that cannot be kept is left by as little as its cost is worth.
    limits
        Of speed and acceleration; kept unless `lower` and `upper` themselves move faster.
    start
        Where it begins; anywhere unless given.

    Returns
    -------
    (T,) float64.

    Source: Grundmann, Kwatra, Essa: Auto-directed video stabilization with robust L1 optimal camera paths, CVPR 2011,
    equations 5 to 8, on a path instead of a transform.

    Examples
    --------
    A target that jitters about a place needs no motion:

    >>> times = np.arange(20) / 10
    >>> target = 5 + 0.2 * np.sin(9 * times)
    >>> path = optimal_path(times, np.zeros(20), np.full(20, 9.0), [Band(target - 1, target + 1, 10.0)],
    ...                     Limits(1.0, 1.0, (1.0, 1.0, 1.0)))
    >>> float(np.ptp(path)) < 1e-6
    True
    """
    for bounds in ((limits.max_speed, limits.max_acceleration), (np.inf, np.inf)):
        found = _solve(times_s, lower, upper, bands, (*bounds, np.inf), limits.costs, start)
        if found is not None:
            return np.clip(found, lower, upper)
    raise AssertionError("a path without bounds of speed always exists")


def _solve(
    times_s: Array,
    lower: Array,
    upper: Array,
    bands: Sequence[Band],
    bounds: tuple[float, float, float],
    costs: tuple[float, float, float],
    start: Start | None,
) -> Array | None:
    """The optimum under bounds of the three differences; None where nothing keeps to them."""
    count = len(times_s)
    seconds = np.maximum(np.diff(times_s), _LEAST_S)
    shown = np.append(seconds, seconds[-1:] if count > 1 else [1.0])  # how long each frame is shown
    programme = _Programme()
    if start is not None:
        lower, upper = lower.copy(), upper.copy()
        lower[0] = upper[0] = np.clip(start.place, lower[0], upper[0])
    place = programme.add(np.zeros(count), lower, upper)
    signal: _Terms = [(place, 1.0)]
    for order, (bound, cost) in enumerate(zip(bounds, costs, strict=True)):
        if not len(seconds):
            break
        # The difference is up - down, neither negative: their sum is its absolute value at the optimum.
        up, down = (programme.add(cost * seconds, 0.0, bound) for _ in range(2))
        later = [(columns[1:], factor) for columns, factor in signal]
        earlier = [(columns[:-1], -factor) for columns, factor in signal]
        programme.equal([*later, *earlier, (up, -seconds), (down, seconds)], 0.0)
        signal = [(up, 1.0), (down, -1.0)]
        if order == 0 and start is not None:
            jolt = [programme.add(np.array([costs[1]]), 0.0, bounds[1] * seconds[0]) for _ in range(2)]
            programme.equal([(up[:1], 1.0), (down[:1], -1.0), (jolt[0], -1.0), (jolt[1], 1.0)], start.speed)
        seconds = (seconds[1:] + seconds[:-1]) / 2
    for band in bands:
        low, high = np.clip(band.low, lower, upper), np.clip(band.high, lower, upper)
        beyond = programme.add(np.broadcast_to(band.cost, count) * shown, 0.0, np.inf)
        programme.at_least([(place, 1.0), (beyond, 1.0)], np.minimum(low, high))
        programme.at_least([(place, -1.0), (beyond, 1.0)], -np.maximum(low, high))
    found = programme.solve()
    return None if found is None else found[place]


_Terms = list[tuple[NDArray[np.int64], float | Array]]


class _Programme:
    """Collects the variables and rows of a linear programme."""

    def __init__(self) -> None:
        self._costs: list[Array] = []
        self._bounds: list[Array] = []
        self._count = 0
        self._rows: dict[bool, list[tuple[_Terms, Array]]] = {True: [], False: []}  # equal to, at least

    def add(self, costs: Array, low: float | Array, high: float | Array) -> NDArray[np.int64]:
        """The columns of new variables."""
        columns = np.arange(self._count, self._count + len(costs))
        self._count += len(costs)
        self._costs.append(costs)
        self._bounds.append(np.stack(np.broadcast_arrays(low + 0 * costs, high), axis=1))
        return columns

    def equal(self, terms: _Terms, value: float | Array) -> None:
        """Rows: the sum of factor * variable is `value`."""
        self._rows[True].append((terms, np.broadcast_to(value, len(terms[0][0])).astype(np.float64)))

    def at_least(self, terms: _Terms, value: float | Array) -> None:
        """Rows: the sum of factor * variable is `value` or more."""
        self._rows[False].append((terms, np.broadcast_to(value, len(terms[0][0])).astype(np.float64)))

    def solve(self) -> Array | None:
        """The variables at the optimum; None where there is none."""
        equal, same = self._matrix(True)
        at_least, least = self._matrix(False)
        found = linprog(
            np.concatenate(self._costs),
            A_eq=equal,
            b_eq=same,
            A_ub=None if at_least is None else -at_least,
            b_ub=None if least is None else -least,
            bounds=np.concatenate(self._bounds),
            method="highs",
        )
        return None if found.x is None else np.asarray(found.x, np.float64)

    def _matrix(self, equal: bool) -> tuple[csr_array | None, Array | None]:
        rows, columns, values, right, count = [], [], [], [], 0
        for terms, value in self._rows[equal]:
            for places, factor in terms:
                rows.append(np.arange(count, count + len(places)))
                columns.append(places)
                values.append(np.broadcast_to(factor, len(places)))
            right.append(value)
            count += len(value)
        if not right:
            return None, None
        entries = np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))
        return csr_array(entries, shape=(count, self._count)), np.concatenate(right)
