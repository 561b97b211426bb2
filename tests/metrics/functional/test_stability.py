"""Temporal stability: outlines, shape contexts and their matching."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from sightline.metrics.functional import _stability, vos


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


def test_points_lie_at_equal_steps_on_the_longest_outline() -> None:
    mask = ellipse()
    mask[2:5, 2:5] = True  # a second, shorter outline
    points = _stability.outline(mask)
    steps = np.hypot(*np.diff(points, axis=0).T)
    assert steps.max() <= 3.001
    assert steps.min() > 2
    assert (points[:, 0] > 10).all()


def test_shape_contexts_share_out_the_points_around() -> None:
    contexts = _stability.shape_contexts(_stability.outline(ellipse()))
    assert contexts.shape[1] == 60
    assert contexts.sum(1) == pytest.approx(1)


def test_the_cheapest_way_is_found() -> None:
    cost = np.random.default_rng(0).random((4, 5))
    rows, columns = _stability._warp(cost)
    assert (rows[0], columns[0], rows[-1], columns[-1]) == (0, 0, 3, 4)
    ways = []
    for length in range(4, 8):
        for moves in itertools.product(((0, 1), (1, 0), (1, 1)), repeat=length):
            path = np.cumsum([(0, 0), *moves], axis=0)
            if tuple(path[-1]) == (3, 4):
                ways.append(cost[path[:, 0], path[:, 1]].sum())
    assert cost[rows, columns].sum() == pytest.approx(min(ways))
