"""In which unit the times of a table are: by the column's name, else by what they can only be."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
"""Seconds of one unit."""
LIKELY_S = (0.03, 10.0)
"""How long fixations last; the range is narrower than the step from one unit to the next."""
SHARE = 0.8
"""Of the durations and of the neighbours, how many must fit; tables have odd rows."""
SPARSE = 100.0
"""Fixations that begin this many times their duration apart are not in one unit with it."""

_WORDS = {
    "s": r"s|secs?|seconds?",
    "ms": r"ms|msecs?|millis|milliseconds?",
    "us": r"us|µs|μs|microseconds?",
    "ns": r"ns|nanoseconds?",
}


def named_unit(column: str) -> str | None:
    """The unit that a column's name ends with, as in onset_ms, "time [s]" or "Start (µs)"; None for none.

    >>> named_unit("onset_ms"), named_unit("Event Duration [ms]"), named_unit("times")
    ('ms', 'ms', None)
    """
    for unit, words in _WORDS.items():
        if re.search(rf"(?:[_\s]|\[\s*|\(\s*)(?:{words})\s*[\])]?$", column.strip(), re.IGNORECASE):
            return unit
    return None


def unit_of_fixations(onset: Floats, duration: Floats, of: NDArray[Any] | None = None) -> str | None:
    """The one unit of onsets and durations, (N,) each, None where it is unsure.

    It is the unit in which durations lie between 0.03 and 10 s, if with it each fixation ends before the next one
    begins, and not long before. of: (N,) whose fixation each is (viewer, trial); None for one.

    >>> unit_of_fixations(np.array([200.0, 550, 840]), np.array([310.0, 250, 250]))
    'ms'
    >>> unit_of_fixations(np.array([0.2, 0.55, 0.84]), np.array([310.0, 250, 250])) is None
    True
    """
    known = np.isfinite(onset) & np.isfinite(duration) & (duration > 0)
    onset, duration = onset[known], duration[known]
    if not len(duration):
        return None
    unit = next((name for name, scale in SECONDS.items() if _plausible(duration * scale)), None)
    if unit is None:
        return None
    groups = (
        np.zeros(len(onset), dtype=np.int64) if of is None else np.unique(of[known].astype(str), return_inverse=True)[1]
    )
    steps, lengths = _neighbours(onset, duration, groups)
    if not len(steps):
        return unit
    fits = float(np.mean(steps >= lengths - 0.1 * np.median(duration)))
    return unit if fits >= SHARE and np.median(steps) <= SPARSE * np.median(lengths) else None


def units_of_columns(
    names: tuple[str, str], onset: Floats, duration: Floats, of: NDArray[Any] | None = None
) -> tuple[str, str] | None:
    """The units of the columns of onsets and durations, None where they are unsure.

    A unit that a name says is that column's. The other column has the same one if that fits, else the one that does.

    >>> units_of_columns(("onset", "duration_s"), np.array([200.0, 550, 840]), np.array([0.31, 0.25, 0.25]))
    ('ms', 's')
    """
    first, second = (named_unit(name) for name in names)
    if first is None and second is None:
        unit = unit_of_fixations(onset, duration, of)
        return None if unit is None else (unit, unit)
    if first is not None and second is not None:
        return first, second
    known = first or second or "s"
    for other in (known, *SECONDS):
        pair = (known, other) if first is not None else (other, known)
        if unit_of_fixations(onset * SECONDS[pair[0]], duration * SECONDS[pair[1]], of) == "s":
            return pair
    return None


def _plausible(seconds: Floats) -> bool:
    low, high = LIKELY_S
    return bool(low <= np.median(seconds) <= high and np.mean((seconds >= low) & (seconds <= high)) >= SHARE)


def _neighbours(onset: Floats, duration: Floats, groups: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """From each fixation to the next of its group: the time between their onsets, and how long the first lasts."""
    order = np.lexsort((onset, groups))
    same = groups[order][1:] == groups[order][:-1]
    return np.diff(onset[order])[same], duration[order][:-1][same]


def unit_of_samples(time: Floats) -> str | None:
    """The unit of the times of gaze samples, (N,), None where it is unsure.

    Trackers take 5 to 10,000 samples a second, so a step is 0.1 to 200 ms long.

    >>> unit_of_samples(np.array([0.0, 4.0, 8.0])), unit_of_samples(np.array([0.0, 0.0167, 0.0333]))
    ('ms', 's')
    """
    steps = np.abs(np.diff(time))
    steps = steps[np.isfinite(steps) & (steps > 0)]
    if not len(steps):
        return None
    step = float(np.median(steps))
    return next((unit for unit, most in (("s", 0.2), ("ms", 200.0), ("us", 2e5), ("ns", 2e8)) if step <= most), None)
