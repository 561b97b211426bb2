"""Outlines of masks as DAVIS' temporal stability takes them: closed polygons through the corners of pixels.

The rules are those of the code that the published numbers come from (davis-matlab with its own contour library), as T
depends on each: where an outline starts, how curves that touch in a corner are parted, which points are left out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Corner = tuple[int, int]

TOLERANCE = 1.5
"""How far a corner that is left out may lie from the polygon, in pixels."""
STRAIGHT = 0.05
"""The same of a first pass that takes out the corners on straight lines."""
SPACING = 3.0
"""Longest step between two points of an outline, in pixels."""


def outline(mask: NDArray[np.bool_]) -> Array:
    """The points (N, 2), row and column, of the outline with the most corners; none for a mask without an outline.

    The first point comes again at the end. Shapes of a pixel or two have no outline left.
    """
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return np.empty((0, 2))
    box = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    curves, corner = closed_curves(box), np.array([rows[0], columns[0]])
    # The place in the picture counts, as rounding decides what lies equally far.
    polygons = [_simplified(_simplified(curve + corner, STRAIGHT), TOLERANCE) for curve in curves]
    longest = max(range(len(curves)), key=lambda index: len(polygons[index]))  # the first of equals
    polygon = polygons[longest]
    if len(polygon) <= 3:
        return np.empty((0, 2))
    return _in_steps(polygon if _runs_clockwise(polygon) == _is_outer(curves[longest], box) else polygon[::-1])


def closed_curves(mask: NDArray[np.bool_]) -> list[Array]:
    """The borders between object and background, each as the corners (N, 2) it passes, the first one last again.

    A border begins where the code of DAVIS begins, and runs down from there. Where two touch in a corner, both turn.
    """
    padded = np.pad(mask, 1)
    # An edge belongs to its upper or left corner: `down` leads to the next row, `right` to the next column.
    down = padded[1:-1, :-1] != padded[1:-1, 1:]  # (H, W + 1)
    right = padded[:-1, 1:-1] != padded[1:, 1:-1]  # (H + 1, W)
    edges = {*((2 * r + 1, 2 * c) for r, c in np.argwhere(down).tolist())}
    edges |= {(2 * r, 2 * c + 1) for r, c in np.argwhere(right).tolist()}
    inner = down[:-1, 1:-1] & down[1:, 1:-1] & right[1:-1, :-1] & right[1:-1, 1:]
    crossings = [(2 * r + 2, 2 * c + 2) for r, c in np.argwhere(inner).tolist()]
    return [np.array(curve) / 2 for curve in _joined(_pieces(edges, crossings))]


class _Piece:
    """A border from one crossing to the next. Corners are in half pixels, so that the middle of an edge is one too."""

    def __init__(self, start: int, end: int, corners: list[Corner]) -> None:
        self.start, self.end, self.corners = start, end, corners

    def other_end(self, crossing: int) -> int:
        return self.end if crossing == self.start else self.start

    def edge_at(self, crossing: int) -> Corner:
        """The middle of the edge with which it leaves a crossing."""
        first, second = self.corners[:2] if crossing == self.start else self.corners[-2:]
        return (first[0] + second[0]) // 2, (first[1] + second[1]) // 2


def _pieces(edges: set[Corner], crossings: list[Corner]) -> list[_Piece]:
    """All edges as borders between crossings, the last crossing first; a border without one begins at its top left."""
    numbers = {corner: index for index, corner in enumerate(crossings)}
    left = set(edges)
    found = []
    for corner in reversed(crossings):
        row, column = corner
        for edge in ((row - 1, column), (row, column - 1), (row + 1, column), (row, column + 1)):
            found += [_walk(corner, edge, numbers, left)] if edge in left else []
    for edge in sorted(edge for edge in left if edge[0] % 2):
        if edge in left:
            start = edge[0] - 1, edge[1]
            numbers[start] = len(numbers)
            found.append(_walk(start, edge, numbers, left))
    return found


def _walk(start: Corner, edge: Corner, numbers: dict[Corner, int], left: set[Corner]) -> _Piece:
    corners, here = [start], start
    while True:
        left.remove(edge)
        here = 2 * edge[0] - here[0], 2 * edge[1] - here[1]
        corners.append(here)
        if here in numbers:
            return _Piece(numbers[start], numbers[here], corners)
        row, column = here
        around = ((row + 1, column), (row - 1, column), (row, column + 1), (row, column - 1))
        edge = next(one for one in around if one in left)


def _joined(pieces: list[_Piece]) -> list[list[Corner]]:
    """Borders joined to closed curves that cross neither themselves nor each other."""
    at: dict[int, list[int]] = {}
    for index, piece in enumerate(pieces):
        for crossing in {piece.start, piece.end}:
            at.setdefault(crossing, []).append(index)
    curves = []
    while at:
        crossing = max(at)
        index = at[crossing][0]
        chain: list[tuple[int, int]] = []  # a crossing and the piece that leaves it
        while True:
            piece = pieces[index]
            for end in {piece.start, piece.end}:
                at[end].remove(index)
                if not at[end]:
                    del at[end]
            chain.append((crossing, index))
            crossing = piece.other_end(crossing)
            first = next((k for k, (passed, _) in enumerate(chain) if passed == crossing), None)
            if first is not None:
                curves.append(_chained(pieces, chain[first:]))
                del chain[first:]
                if not chain:
                    break
                index = chain[-1][1]
            came, choices = pieces[index].edge_at(crossing), at[crossing]
            ahead = pieces[choices[0]].edge_at(crossing)
            straight = came[0] == ahead[0] or came[1] == ahead[1]
            index = choices[1] if straight else choices[0]
    return curves


def _chained(pieces: list[_Piece], chain: list[tuple[int, int]]) -> list[Corner]:
    corners = [pieces[chain[0][1]].corners[0 if pieces[chain[0][1]].start == chain[0][0] else -1]]
    for crossing, index in chain:
        piece = pieces[index]
        corners += piece.corners[1:] if piece.start == crossing else piece.corners[-2::-1]
    return corners


def _runs_clockwise(curve: Array) -> bool:
    first, second = curve[:-1], curve[1:]
    return bool(((second[:, 0] - first[:, 0]) * (second[:, 1] + first[:, 1])).sum() > 0)


def _is_outer(curve: Array, mask: NDArray[np.bool_]) -> bool:
    """Whether the object lies inside of a curve, looked at below its topmost edge."""
    along_rows = np.flatnonzero(curve[1:, 0] == curve[:-1, 0])
    top = along_rows[curve[along_rows, 0].argmin()]
    row, column = np.minimum(curve[top], curve[top + 1]).astype(int)
    return bool(mask[row, column])


def _simplified(curve: Array, tolerance: float) -> Array:
    """A polygon with fewer corners, none of the others farther off than the tolerance (Douglas and Peucker, 1973).

    Corners closer than the tolerance to the one kept before go first, whatever their angle.
    """
    if len(curve) < 3:
        return curve
    kept = [0]
    for index in range(1, len(curve) - 1):
        if ((curve[index] - curve[kept[-1]]) ** 2).sum() >= tolerance**2:
            kept.append(index)
    points = curve[[*kept, len(curve) - 1]]
    keys, stack = {0, len(points) - 1}, [(0, len(points) - 1)]
    while stack:
        first, last = stack.pop()
        if last - first < 2:
            continue
        squared = _squared_distance(points[first], points[last], points[first + 1 : last])
        farthest = len(squared) - 1 - int(squared[::-1].argmax())  # the last of equals
        if squared[farthest] > tolerance**2:
            middle = first + 1 + farthest
            keys.add(middle)
            stack += [(first, middle), (middle, last)]
    return points[sorted(keys)]


def _squared_distance(start: Array, end: Array, points: Array) -> Array:
    """Of points (N, 2) from a segment."""
    along = end - start
    length, reach = float(along @ along), (points - start) @ along
    if not length:
        return ((points - start) ** 2).sum(1)
    # In half precision of the rest, as in the code that published numbers come from: it decides what lies equally far.
    share = np.clip(reach.astype(np.float32) / np.float32(length), 0, 1).astype(np.float64)
    nearest = start + share[:, None] * along
    return ((points - nearest) ** 2).sum(1)


def _in_steps(polygon: Array) -> Array:
    """The corners of a polygon, with points between those that are farther apart than SPACING."""
    points: list[Array] = []
    for corner, following in zip(polygon, np.vstack([polygon[1:], polygon[:1]]), strict=True):
        steps = max(1, int(np.ceil(np.sqrt(((following - corner) ** 2).sum()) / SPACING)))
        step = (following - corner) / steps
        points.append(corner)
        for _ in range(steps - 1):
            points.append(points[-1] + step)
    return np.array(points)
