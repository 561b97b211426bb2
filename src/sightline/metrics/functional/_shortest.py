"""The cheapest monotone way through a matrix of costs, ties decided as in the code of DAVIS' temporal stability."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Indices = NDArray[np.int64]
Cell = tuple[int, int]

CHILDREN = 4
"""Of a node of the heap. Which of equal cells leaves it first is what decides between equally cheap ways."""


def cheapest_way(cost: Array) -> tuple[Indices, Indices]:
    """The way from the first to the last cell by steps right, down and diagonally: its rows and columns, in order.

    The first cell costs nothing. Cells on one antidiagonal do not depend on each other, so each is one vector
    operation; only where two ways are equally cheap does the slow search say which one it finds.
    """
    height, width = cost.shape
    total = np.full((height + 1, width + 1), np.inf)
    total[1, 1] = 0
    flat, stride = total.ravel(), width + 1
    for diagonal in range(1, height + width - 1):
        row = np.arange(max(0, diagonal - width + 1), min(height, diagonal + 1))
        at = (row + 1) * stride + diagonal - row + 1
        best = np.minimum(np.minimum(flat[at - 1], flat[at - stride]), flat[at - stride - 1])
        flat[at] = best + cost[row, diagonal - row]
    path: list[Cell] = [(height, width)]
    while path[-1] != (1, 1):
        i, j = path[-1]
        before = ((i - 1, j - 1), (i - 1, j), (i, j - 1))
        totals = [total[cell] for cell in before]
        least = min(totals)
        if totals.count(least) > 1:
            return _by_dijkstra(cost)
        path.append(before[totals.index(least)])
    rows, columns = np.array(path[::-1]).T - 1
    return rows, columns


def _by_dijkstra(cost: Array) -> tuple[Indices, Indices]:
    """The same by Dijkstra's search with a heap of four children, neighbours taken right, down, diagonally."""
    height, width = cost.shape
    costs = cost.ravel().tolist()
    distance, parent = [0.0] * len(costs), [0] * len(costs)
    seen, done = [False] * len(costs), [False] * len(costs)
    heap = _Heap(distance)
    heap.push(0)
    seen[0] = True
    while heap.nodes:
        node = heap.pop()
        done[node] = True
        row, column = divmod(node, width)
        right, down = column + 1 < width, row + 1 < height
        steps = ((right, node + 1), (down, node + width), (right and down, node + width + 1))
        for target in (target for inside, target in steps if inside and not done[target]):
            reached = distance[node] + costs[target]
            if not seen[target]:
                seen[target], distance[target], parent[target] = True, reached, node
                heap.push(target)
            elif reached < distance[target]:
                distance[target], parent[target] = reached, node
                heap.rise(heap.place[target])
    path = [len(costs) - 1]
    while path[-1]:
        path.append(parent[path[-1]])
    rows, columns = np.divmod(np.array(path[::-1]), width)
    return rows, columns


class _Heap:
    """Nodes by their distance, the least on top; equal ones stay as they are."""

    def __init__(self, distance: list[float]) -> None:
        self.distance, self.nodes = distance, list[int]()
        self.place: dict[int, int] = {}

    def push(self, node: int) -> None:
        self.nodes.append(node)
        self.rise(len(self.nodes) - 1)

    def rise(self, at: int) -> None:
        node = self.nodes[at]
        while at:
            above = (at - 1) // CHILDREN
            if self.distance[node] >= self.distance[self.nodes[above]]:
                break
            self._put(self.nodes[above], at)
            at = above
        self._put(node, at)

    def pop(self) -> int:
        top, last = self.nodes[0], self.nodes.pop()
        if self.nodes:
            self._put(last, 0)
            self._sink()
        return top

    def _sink(self) -> None:
        at, node = 0, self.nodes[0]
        while True:
            below = range(CHILDREN * at + 1, min(CHILDREN * (at + 1) + 1, len(self.nodes)))
            least = min(below, key=lambda index: self.distance[self.nodes[index]], default=None)
            if least is None or self.distance[self.nodes[least]] >= self.distance[node]:
                return
            self._put(self.nodes[least], at)
            self._put(node, least)
            at = least

    def _put(self, node: int, at: int) -> None:
        self.nodes[at] = node
        self.place[node] = at
