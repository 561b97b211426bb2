"""The reservoir: a uniform sample, bounded, the same again with the same seed."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from sightline.models.stanet_plus.context import Reservoir, filled


def kept(count: int, size: int, seed: int) -> list[int]:
    reservoir = Reservoir[int](size, seed)
    for number in range(count):
        reservoir.offer(lambda number=number: number)  # type: ignore[misc]
    return list(reservoir)


def test_every_item_is_as_likely_as_any_other() -> None:
    counts = np.zeros(20)
    for seed in range(2000):
        counts[kept(20, 4, seed)] += 1
    assert counts.sum() == 2000 * 4
    assert np.abs(counts / 2000 - 0.2).max() < 4 * np.sqrt(0.2 * 0.8 / 2000)


def test_the_same_seed_keeps_the_same() -> None:
    assert kept(500, 8, 3) == kept(500, 8, 3)
    assert kept(500, 8, 3) != kept(500, 8, 4)
    assert len(kept(3, 8, 0)) == 3


def test_what_is_not_kept_is_not_made() -> None:
    made: list[int] = []
    reservoir = Reservoir[int](4, 0)
    for number in range(1000):
        reservoir.offer(lambda number=number: made.append(number) or number)  # type: ignore[misc, func-returns-value]
    assert 4 < len(made) < 60, "about 4 (1 + ln 250)"
    nothing = Reservoir[int](4, 0)
    nothing.offer(lambda: None)
    assert len(nothing) == 0


def test_the_answer_stays_until_something_better_comes() -> None:
    reservoir = Reservoir[int](8, 0)
    answers = []
    for number in range(400):
        reservoir.offer(lambda number=number: number)  # type: ignore[misc]
        answers.append(tuple(reservoir.best(2, lambda one, number=number: abs(one - number) > 5)))  # type: ignore[misc]
    changes = sum(a != b for a, b in pairwise(answers))
    assert changes < 40
    assert all(abs(one - number) > 5 for number, found in enumerate(answers) for one in found)
    assert answers[-1] == tuple(one for one in reservoir if abs(one - 399) > 5)[:2]


def test_filling_up() -> None:
    assert filled([1, 2], 4, 0) == [1, 2, 1, 2]
    assert filled([], 3, 0) == [0, 0, 0]
