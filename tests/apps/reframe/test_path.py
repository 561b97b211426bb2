"""The linear programme: bounds hold, rests and pans are found, the optimum is no worse than any other path."""

from __future__ import annotations

import numpy as np
import pytest

from sightline.apps.reframe.path import Band, Limits, Start, optimal_path

TIMES = np.arange(60) / 20
LIMITS = Limits(max_speed=2.0, max_acceleration=4.0, costs=(0.15, 0.25, 0.05))
WIDE = np.zeros(60), np.full(60, 10.0)


def band(target: np.ndarray, width: float = 0.0, cost: float = 5.0) -> Band:
    return Band(target - width, target + width, cost)


def differences(path: np.ndarray) -> list[np.ndarray]:
    """Speed, acceleration and jerk, by their definition."""
    step = 1 / 20
    return [np.diff(path, order) / step**order for order in (1, 2, 3)]


def cost_of(path: np.ndarray, target: np.ndarray, width: float, cost: float) -> float:
    step = 1 / 20
    moving = sum(c * np.abs(d).sum() * step for c, d in zip(LIMITS.costs, differences(path), strict=True))
    return float(moving + cost * step * np.clip(np.abs(path - target) - width, 0, None).sum())


def test_a_jittering_target_inside_of_the_band_needs_no_motion() -> None:
    target = 4 + 0.3 * np.sin(17 * TIMES)
    path = optimal_path(TIMES, *WIDE, [band(target, 0.5)], LIMITS)
    assert np.ptp(path) < 1e-6
    assert abs(path[0] - 4) < 0.3


def test_an_even_target_is_panned_with() -> None:
    target = 2 + 1.5 * TIMES
    path = optimal_path(TIMES, *WIDE, [band(target, cost=50.0)], LIMITS)
    np.testing.assert_allclose(path, target, atol=1e-5)


def test_speed_and_acceleration_keep_their_bounds() -> None:
    target = np.where(TIMES < 1.5, 1.0, 3.0)
    speed, acceleration, _ = differences(optimal_path(TIMES, *WIDE, [band(target, cost=500.0)], LIMITS))
    assert 1.9 < np.abs(speed).max() < 2 + 1e-6
    assert 3.9 < np.abs(acceleration).max() < 4 + 1e-6


def test_no_other_path_is_cheaper() -> None:
    rng = np.random.default_rng(0)
    target = 5 + np.cumsum(rng.normal(0, 0.05, 60))
    path = optimal_path(TIMES, *WIDE, [band(target, 0.1)], LIMITS)
    best = cost_of(path, target, 0.1, 5.0)
    others = [target, np.full(60, target.mean()), np.polyval(np.polyfit(TIMES, target, 3), TIMES)]
    for size in (1e-4, 1e-3, 1e-2):
        others += [path + size * np.polyval(rng.normal(0, 1, 4), TIMES - 1.5) for _ in range(20)]
    assert all(cost_of(other, target, 0.1, 5.0) >= best - 1e-6 for other in others)


def test_the_path_stays_where_it_must() -> None:
    lower, upper = np.full(60, 3.0), np.full(60, 6.0)
    path = optimal_path(TIMES, lower, upper, [band(9 * TIMES / 3, cost=100.0)], LIMITS)
    assert path.min() >= 3
    assert path.max() <= 6


def test_of_two_wishes_the_dearer_one_wins() -> None:
    path = optimal_path(TIMES, *WIDE, [band(np.full(60, 2.0), cost=1.0), band(np.full(60, 7.0), cost=3.0)], LIMITS)
    np.testing.assert_allclose(path, 7, atol=1e-6)


def test_a_start_is_kept_and_its_speed_is_gone_on_with() -> None:
    start = Start(place=2.0, speed=1.0)
    path = optimal_path(TIMES, *WIDE, [band(2 + 1.0 * TIMES)], LIMITS, start)
    assert path[0] == pytest.approx(2.0)
    np.testing.assert_allclose(differences(path)[0][:5], 1.0, atol=1e-5)


def test_walls_that_are_faster_than_the_bounds_win() -> None:
    lower = np.where(TIMES < 1.5, 0.0, 9.0)
    path = optimal_path(TIMES, lower, np.full(60, 10.0), [band(np.zeros(60))], LIMITS)
    assert (path >= lower).all()


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_shots_of_a_few_frames(count: int) -> None:
    path = optimal_path(TIMES[:count], np.zeros(count), np.full(count, 9.0), [band(np.full(count, 4.0))], LIMITS)
    np.testing.assert_allclose(path, 4, atol=1e-6)


def test_uneven_times_give_the_same_even_pan() -> None:
    times = np.sort(np.random.default_rng(1).uniform(0, 3, 50))
    target = 1 + 1.2 * times
    path = optimal_path(times, np.zeros(50), np.full(50, 9.0), [Band(target, target, 50.0)], LIMITS)
    np.testing.assert_allclose(path, target, atol=1e-4)
