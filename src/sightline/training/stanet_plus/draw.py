"""Which frames stand beside a frame that is trained on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def companions(row: int, count: int, number: int) -> list[int]:
    """The short-term context of a row among `count`: those before and after it, nearest first, held at the ends.

    Examples
    --------
    >>> companions(5, 10, 2), companions(0, 10, 3), companions(9, 10, 4)
    ([4, 6], [0, 1, 0], [8, 9, 7, 9])
    """
    steps = [(place // 2 + 1) * (-1 if place % 2 == 0 else 1) for place in range(number)]
    return [min(max(0, row + step), count - 1) for step in steps]


def apart(row: int, count: int) -> list[int]:
    """All rows among `count` that are no neighbours of a row.

    Examples
    --------
    >>> apart(1, 5), apart(0, 2)
    ([3, 4], [])
    """
    return [other for other in range(count) if abs(other - row) > 1]


def distant(row: int, count: int, number: int, generator: np.random.Generator) -> list[int]:
    """Long-term context: rows that are no neighbours, at random; the row itself where there are none.

    Examples
    --------
    >>> distant(0, 2, 2, np.random.default_rng(0))
    [0, 0]
    >>> sorted(distant(1, 5, 2, np.random.default_rng(0)))
    [3, 4]
    """
    rows = apart(row, count)
    if not rows:
        return [row] * number
    return [int(other) for other in generator.choice(rows, number, replace=len(rows) < number)]


def abroad(
    clip: int, clips: Sequence[int], lengths: Sequence[int], number: int, generator: np.random.Generator
) -> list[tuple[int, int]]:
    """Cross-term context: (clip, row) at random among other clips of the tag; none where there are none.

    clips: those of the tag, among all, whose lengths are given.

    Examples
    --------
    >>> found = abroad(0, [0, 3], [9, 9, 9, 2], 2, np.random.default_rng(0))
    >>> {number for number, _ in found}, max(row for _, row in found) < 2
    ({3}, True)
    >>> abroad(0, [0], [9], 2, np.random.default_rng(0))
    []
    """
    others = [other for other in clips if other != clip]
    if not others:
        return []
    drawn = generator.choice(others, number, replace=len(others) < number)
    return [(int(other), int(generator.integers(lengths[other]))) for other in drawn]
