"""Temporal stability: outlines, shape contexts and their matching."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from sightline.metrics.functional import _stability, vos
from sightline.metrics.functional._outline import closed_curves, outline
from sightline.metrics.functional._shortest import cheapest_way


def ellipse(x: float = 60, width: float = 20, height: float = 12, size: tuple[int, int] = (80, 120)) -> np.ndarray:
    rows, columns = np.mgrid[: size[0], : size[1]]
    return ((rows - 40) / height) ** 2 + ((columns - x) / width) ** 2 <= 1


def test_the_same_shape_elsewhere_is_stable() -> None:
    assert _stability.instability(ellipse(), ellipse()) == pytest.approx(0, abs=1e-6)
    assert _stability.instability(ellipse(40), ellipse(70)) < 0.01


def test_other_shapes_cost_more_the_more_they_differ() -> None:
    costs = [_stability.instability(ellipse(), ellipse(width=width)) for width in (20, 22, 26, 34)]
    assert costs == sorted(costs)
    assert costs[-1] > 0.05


def test_empty_masks_have_no_score() -> None:
    empty = np.zeros((80, 120), dtype=bool)
    assert np.isnan(_stability.instability(empty, ellipse()))
    pair = torch.from_numpy(np.stack([ellipse(), empty]))
    assert vos.instability(pair, pair.flip(0)).isnan().all()


def test_scores_are_five_times_the_mean_cost_and_keep_the_batch() -> None:
    first = torch.from_numpy(np.stack([[ellipse(), ellipse(50)]]))
    second = torch.from_numpy(np.stack([[ellipse(width=26), ellipse(50)]]))
    scores = vos.instability(first, second)
    assert scores.shape == (1, 2)
    assert scores[0, 0].item() == pytest.approx(5 * _stability.instability(ellipse(), ellipse(width=26)))
    assert scores[0, 1].item() == pytest.approx(0, abs=1e-6)


def test_points_lie_on_the_outline_with_the_most_corners() -> None:
    mask = ellipse()
    mask[2:5, 2:5] = True  # a second, shorter outline
    points = outline(mask)
    steps = np.hypot(*np.diff(points, axis=0).T)
    assert steps.max() <= 3.001
    assert (points[0] == points[-1]).all()
    assert (points[:, 0] > 10).all()
    # No point is farther from the border than what may be left out.
    ((rows, columns),) = [np.array(curve).T for curve in closed_curves(ellipse())]
    apart = np.hypot(points[:, :1] - rows, points[:, 1:] - columns).min(1)
    assert apart.max() < 1.5 + 0.75  # the corners themselves are half a pixel from each other


def test_an_outline_begins_at_the_top_and_goes_round_one_way() -> None:
    square = np.zeros((12, 12), dtype=bool)
    square[2:9, 3:10] = True
    corners = [[2, 3], [2, 10], [9, 10], [9, 3], [2, 3]]
    points = outline(square)
    assert [point for point in points.tolist() if point in corners] == corners
    hollow = square.copy()
    hollow[4:7, 5:8] = False
    assert len(closed_curves(hollow)) == 2
    # Of outlines with as many corners the one that is found last is taken, and the border of a hole runs the other way.
    inner = [[4, 5], [7, 5], [7, 8], [4, 8], [4, 5]]
    assert [point for point in outline(hollow).tolist() if point in inner] == inner


def test_curves_that_touch_turn_off_and_do_not_cross() -> None:
    mask = np.zeros((8, 8), dtype=bool)
    mask[1:4, 1:4] = mask[4:7, 4:7] = True
    curves = closed_curves(mask)
    assert sorted(len(curve) for curve in curves) == [13, 13]
    for curve in curves:
        assert (curve[0] == curve[-1]).all()
        assert len({tuple(point) for point in curve[:-1].tolist()}) == 12
        assert (np.abs(np.diff(curve, axis=0)).sum(1) == 1).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 2), (2, 1)])
def test_a_pixel_or_two_have_no_outline(size: tuple[int, int]) -> None:
    mask = np.zeros((9, 9), dtype=bool)
    mask[3 : 3 + size[0], 4 : 4 + size[1]] = True
    assert not len(outline(mask))
    assert np.isnan(_stability.instability(mask, mask))


def matched(first: np.ndarray, second: np.ndarray) -> float:
    """T by its definition, step by step, for outlines without ties."""

    def contexts(points: np.ndarray) -> np.ndarray:
        found = []
        apart = np.hypot(*(points[:, None] - points).transpose(2, 0, 1))
        for here in range(len(points)):
            histogram = np.zeros((5, 12))
            for there in range(len(points)):
                ring = sum(apart[here, there] / apart.mean() < edge for edge in (2 ** (k - 3) for k in range(5)))
                if ring:
                    row, column = points[there] - points[here]
                    angle = np.degrees(np.arctan2(column, row)) % 360
                    histogram[ring - 1, int(angle // 30) % 12] += 1
            found.append(histogram.ravel() / histogram.sum())
        return np.array(found)

    def way(cost: np.ndarray) -> list[tuple[int, int]]:
        least: dict[tuple[int, int], tuple[float, list[tuple[int, int]]]] = {(0, 0): (0.0, [(0, 0)])}
        for i, j in itertools.product(*map(range, cost.shape)):
            if (i, j) != (0, 0):
                before = [least[c] for c in ((i - 1, j), (i, j - 1), (i - 1, j - 1)) if c in least]
                total, path = min(before, key=lambda one: one[0])
                least[i, j] = total + cost[i, j], [*path, (i, j)]
        return least[cost.shape[0] - 1, cost.shape[1] - 1][1]

    a, b = contexts(first), contexts(second)
    with np.errstate(invalid="ignore"):
        parts = (a[:, None] - b) ** 2 / (a[:, None] + b)
    cost = np.nan_to_num(parts).sum(2) / 2
    start = min(way(cost)[1:], key=lambda cell: cost[cell])
    rows, columns = (np.roll(np.arange(n), -(at + 1)) for n, at in zip(cost.shape, start, strict=True))
    pairs = [(rows[i], columns[j]) for i, j in way(cost[np.ix_(rows, columns)])]
    for side in (0, 1):
        groups = {pair[side]: min((p for p in pairs if p[side] == pair[side]), key=lambda p: cost[p]) for pair in pairs}
        pairs = list(groups.values())
    return float(np.mean([cost[pair] for pair in pairs]))


@pytest.mark.parametrize("seed", range(6))
def test_the_measure_is_its_definition(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:60, :70]
    shapes = []
    for _ in range(2):
        angle, (a, b, c) = np.arctan2(rows - 30, columns - 35), rng.uniform(1, 5, 3)
        radius = 16 + a * np.cos(2 * angle + a) + b * np.sin(3 * angle) + c * np.cos(angle + b)
        shapes.append(np.hypot(rows - 30, columns - 35) < radius)
    expected = matched(*(outline(shape) for shape in shapes))
    assert _stability.instability(*shapes) == pytest.approx(expected, abs=1e-9)
    assert expected > 0.01


def test_shape_contexts_share_out_the_points_around() -> None:
    contexts = _stability.shape_contexts(outline(ellipse()))
    assert contexts.shape[1] == 60
    assert contexts.sum(1) == pytest.approx(1)


def ways(height: int, width: int) -> list[np.ndarray]:
    found = []
    for length in range(max(height, width) - 1, height + width - 1):
        for moves in itertools.product(((0, 1), (1, 0), (1, 1)), repeat=length):
            path = np.cumsum([(0, 0), *moves], axis=0)
            if tuple(path[-1]) == (height - 1, width - 1):
                found.append(path)
    return found


@pytest.mark.parametrize("levels", [None, 2, 1])
def test_the_cheapest_way_is_found(levels: int | None) -> None:
    """Also where many are equally cheap; the first cell costs nothing."""
    rng = np.random.default_rng(0)
    cost = rng.random((4, 5)) if levels is None else rng.integers(0, levels + 1, (4, 5)).astype(float)
    rows, columns = cheapest_way(cost)
    assert (rows[0], columns[0], rows[-1], columns[-1]) == (0, 0, 3, 4)
    assert set(zip(np.diff(rows).tolist(), np.diff(columns).tolist(), strict=True)) <= {(0, 1), (1, 0), (1, 1)}
    least = min(cost[path[1:, 0], path[1:, 1]].sum() for path in ways(4, 5))
    assert cost[rows, columns][1:].sum() == pytest.approx(least)


def test_of_equal_ways_the_one_of_the_search_is_taken() -> None:
    # All cells cost nothing: the search takes the neighbour to the right first, and each cell keeps who reached it.
    rows, columns = cheapest_way(np.zeros((2, 3)))
    assert list(zip(rows.tolist(), columns.tolist(), strict=True)) == [(0, 0), (0, 1), (1, 2)]
