"""Long-term context of bounded size: a seeded reservoir of what has been seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from heapq import heappush, heapreplace
from itertools import count
from typing import Generic, TypeVar

import numpy as np

T = TypeVar("T")


class Reservoir(Generic[T]):
    """A uniform random sample of all that was added, of at most `size`.

    Each item gets a random key, and those of the highest keys are kept. Who asks for context gets those of the highest
    keys that will do. So the answer changes only when something better comes, and not from frame to frame.

    Examples
    --------
    >>> reservoir = Reservoir(3, seed=0)
    >>> for number in range(100):
    ...     reservoir.offer(lambda number=number: number)
    >>> len(reservoir)
    3
    >>> kept = reservoir.best(2, lambda number: True)
    >>> reservoir.best(1, lambda number: number != kept[0]) == kept[1:]
    True
    """

    def __init__(self, size: int, seed: int) -> None:
        self.size = size
        self._keys = np.random.default_rng(seed)
        self._order = count()
        self._held: list[tuple[float, int, T]] = []

    def __len__(self) -> int:
        return len(self._held)

    def __iter__(self) -> Iterator[T]:
        return (item for _, _, item in sorted(self._held, key=lambda held: -held[0]))

    def offer(self, make: Callable[[], T | None]) -> None:
        """Add what `make` gives, which is called only where it will be kept; None is not kept."""
        key = float(self._keys.random())
        if len(self._held) == self.size and key < self._held[0][0]:
            return
        item = make()
        if item is None:
            return
        held = (key, next(self._order), item)
        if len(self._held) < self.size:
            heappush(self._held, held)
        else:
            heapreplace(self._held, held)

    def best(self, number: int, will_do: Callable[[T], bool]) -> list[T]:
        """At most `number` items that will do, those of the highest keys first."""
        return [item for item in self if will_do(item)][:number]


def filled(found: list[T], number: int, instead: T) -> list[T]:
    """`number` items: what was found, over and over; `instead` of nothing.

    Examples
    --------
    >>> filled([1], 2, 9), filled([], 2, 9), filled([1, 2, 3], 2, 9)
    ([1, 1], [9, 9], [1, 2])
    """
    return [found[place % len(found)] if found else instead for place in range(number)]
