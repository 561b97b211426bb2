"""From the scores of frames to those of sequences and of the whole set, with bootstrap intervals.

A tally is a sum and what to divide it by. Everything a data set's score needs is a ratio of tallies added up over the
sequences, so that any weighting of the sequences (all once, or a bootstrap draw) is one matrix product.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Finish = Callable[[dict[str, Array]], dict[str, Array]]
"""From the mean of every tally, (R, L), to the keys of the report, (R,) each."""


@dataclass
class Tally:
    """A sum of scores, (L,) floats, and the number to divide it by."""

    total: list[float]
    count: float

    @classmethod
    def of_frames(cls, values: Sequence[float], by_sequence: bool) -> Tally:
        """Of per-frame scores, NaN left out. by_sequence: the sequence counts once rather than each of its frames."""
        scored = [value for value in values if not math.isnan(value)]
        return cls.of_curves([[value] for value in scored], by_sequence)

    @classmethod
    def of_curves(cls, curves: Sequence[Sequence[float]], by_sequence: bool) -> Tally:
        """Of per-frame curves of one length, those with NaN left out."""
        scored = np.array([curve for curve in curves if not np.isnan(curve).any()], dtype=np.float64)
        if not len(scored):
            return cls([], 0.0)
        total = scored.sum(0)
        return cls((total / len(scored)).tolist(), 1.0) if by_sequence else cls(total.tolist(), float(len(scored)))


@dataclass
class SequenceScores:
    """What scoring one sequence gives.

    frames: the names of its frames. values: per-frame scores by key, NaN where a frame cannot be scored.
    tallies: what the sequence adds to the scores of the set. weights: how much each frame counts, where that differs;
    empty otherwise. objects: scores of each object by its number, where
    objects are scored apart.
    """

    name: str
    frames: list[str]
    values: dict[str, list[float]]
    tallies: dict[str, Tally]
    unscored: int = 0
    weights: list[float] = field(default_factory=list)
    objects: dict[str, dict[str, float]] = field(default_factory=dict)


def combine(sequences: Sequence[SequenceScores], weights: Array, finish: Finish) -> dict[str, Array]:
    """The scores of the set, (R,) by key, for R weightings of the S sequences: weights (R, S)."""
    means = {}
    for key in dict.fromkeys(key for sequence in sequences for key in sequence.tallies):
        tallies = [sequence.tallies.get(key, Tally([], 0.0)) for sequence in sequences]
        length = max(len(tally.total) for tally in tallies)
        totals = np.array([tally.total or [0.0] * length for tally in tallies]).reshape(len(tallies), length)
        counts = weights @ np.array([tally.count for tally in tallies])
        with np.errstate(invalid="ignore", divide="ignore"):
            means[key] = (weights @ totals) / counts[:, None]
        if length == 0:
            means[key] = np.full((len(weights), 1), np.nan)
    return finish(means)


def overall(sequences: Sequence[SequenceScores], finish: Finish) -> dict[str, float]:
    """The scores of the whole set."""
    return {key: float(value[0]) for key, value in combine(sequences, np.ones((1, len(sequences))), finish).items()}


def bootstrap_weights(number: int, draws: int, seed: int) -> Array:
    """How often each of `number` sequences is drawn in each of `draws` resamples, (draws, number)."""
    generator = np.random.default_rng(seed)
    return generator.multinomial(number, np.full(number, 1 / number), size=draws).astype(np.float64)


def intervals(samples: dict[str, Array]) -> dict[str, tuple[float, float]]:
    """The 95 % percentile interval of each key's bootstrap samples; NaN where there are none."""
    found = {}
    for key, values in samples.items():
        valid = values[~np.isnan(values)]
        if not len(valid):
            found[key] = (math.nan, math.nan)
            continue
        if np.isfinite(valid).all():
            low, high = np.percentile(valid, [2.5, 97.5])
        else:  # between infinities nothing can be interpolated
            low, high = np.percentile(valid, 2.5, method="lower"), np.percentile(valid, 97.5, method="higher")
        found[key] = (float(low), float(high))
    return found


def permutation_weights(number: int, draws: int, seed: int) -> Array:
    """Which of `number` sequences two predictions swap, 1 or 0, (R, number): all ways if they are few, else `draws`."""
    if number < 30 and 2**number <= draws:
        return ((np.arange(2**number)[:, None] >> np.arange(number)) & 1).astype(np.float64)
    return np.random.default_rng([seed, number]).integers(0, 2, (draws, number)).astype(np.float64)


def permutation_p(
    first: Sequence[SequenceScores], second: Sequence[SequenceScores], swaps: Array, finish: Finish
) -> dict[str, float]:
    """The chance of a difference as large as that of two predictions if their names meant nothing, by key.

    A paired permutation test, two-sided: in each row of swaps (R, S) the predictions of some sequences change sides.
    NaN where there is no difference to speak of.
    """
    both = [*first, *second]
    stays = np.concatenate([1 - swaps, swaps], axis=1)
    one, other = combine(both, stays, finish), combine(both, 1 - stays, finish)
    start = np.concatenate([np.ones((1, len(first))), np.zeros((1, len(second)))], axis=1)
    seen, against = combine(both, start, finish), combine(both, 1 - start, finish)
    everything = bool((swaps.sum(1) == 0).any()) and len(swaps) == 2 ** len(first)
    found = {}
    for key in one:
        with np.errstate(invalid="ignore"):
            difference, drawn = float(seen[key][0] - against[key][0]), one[key] - other[key]
        known = drawn[~np.isnan(drawn)]
        if math.isnan(difference) or not len(known):
            found[key] = math.nan
            continue
        extreme = int((np.abs(known) >= abs(difference) * (1 - 1e-9)).sum())
        found[key] = extreme / len(known) if everything else (1 + extreme) / (1 + len(known))
    return found
