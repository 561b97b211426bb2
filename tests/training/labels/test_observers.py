from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from sightline.errors import DataError
from sightline.training.labels.observers import BLUR, MEDIAN_S, observe

HEIGHT, WIDTH = 60, 80


def blob(x: float, y: float, sigma: float = 4.0) -> np.ndarray:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    return np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma**2)).astype(np.float32)


def seen(maps: list[np.ndarray], observers: int = 200, seed: int = 0, fps: float = 25.0) -> np.ndarray:
    return np.stack(list(observe(maps, observers, np.random.default_rng(seed), fps)))


def test_points_are_spread_as_the_map_is() -> None:
    two = blob(20, 30) + 3 * blob(60, 30)
    points = seen([two] * 60, observers=400)
    assert points.shape == (60, 400, 2)
    assert points.dtype == np.float32
    share = [(points[frames, :, 0] > 40).mean() for frames in (slice(0, 1), slice(30, 60))]
    assert share == pytest.approx([0.75, 0.75], abs=0.06)  # at the first glance and after many saccades
    right = points[points[..., 0] > 40]
    assert right.mean(axis=0) == pytest.approx([60, 30], abs=0.3)
    # A map of fixations that is drawn from and blurred again would be wider, not as wide.
    assert np.hypot(right.std(axis=0), BLUR * WIDTH) == pytest.approx([4, 4], abs=0.3)


def test_an_observer_dwells_and_then_jumps() -> None:
    points = seen([np.ones((HEIGHT, WIDTH))] * 500, observers=50)
    steps = np.linalg.norm(np.diff(points, axis=0), axis=2)
    jumps = (steps > 3).mean()
    # The mean of a log-normal of this median and spread is 1.13 times the median: about 7 frames at 25 frames/s.
    assert 1 / jumps == pytest.approx(MEDIAN_S * 1.13 * 25, rel=0.15)
    assert np.median(steps) < 1


def test_dwelling_is_in_seconds() -> None:
    maps = [np.ones((HEIGHT, WIDTH))] * 300
    slow, fast = ((np.linalg.norm(np.diff(seen(maps, fps=fps), axis=0), axis=2) > 3).mean() for fps in (12.5, 50))
    assert slow / fast == pytest.approx(4, rel=0.25)


def test_gaze_follows_what_it_rests_on() -> None:
    maps = [blob(15 + 1.5 * frame, 30) for frame in range(30)]
    away = [np.abs(points[:, 0] - (15 + 1.5 * frame)) for frame, points in enumerate(seen(maps))]
    assert np.mean(away[3:]) < 4.5  # a still gaze falls 1.5 px back in each frame of about seven
    still = np.abs(seen([blob(15, 30)] * 30)[..., 0] - 15)
    assert np.mean(away[3:]) < 1.4 * still.mean()


def test_gaze_leaves_what_no_longer_attracts() -> None:
    points = seen([blob(20, 30)] * 10 + [blob(60, 30)] * 2)
    assert (points[9, :, 0] < 40).all()
    assert (points[10:, :, 0] > 40).all()


@pytest.mark.parametrize("speed", [0.0, 1.0, 2.0])
def test_blurred_gaze_of_many_is_nearly_the_map_in_every_frame(speed: float) -> None:
    maps = [blob(10 + speed * frame, 30, 5) + 0.5 * blob(60, 10) for frame in range(20)]
    for points, followed in list(zip(seen(maps, observers=2000), maps, strict=True))[::6]:
        counts, *_ = np.histogram2d(points[:, 1], points[:, 0], (HEIGHT, WIDTH), ((0, HEIGHT), (0, WIDTH)))
        blurred = gaussian_filter(counts, BLUR * WIDTH)
        shared = np.minimum(blurred / blurred.sum(), followed / followed.sum()).sum()
        assert shared > 0.9


def test_a_seed_gives_the_same_people() -> None:
    maps = [blob(20, 30)] * 5
    np.testing.assert_array_equal(seen(maps, seed=3), seen(maps, seed=3))
    assert not np.array_equal(seen(maps, seed=3), seen(maps, seed=4))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 40), st.integers(1, 40), st.integers(0, 5))
def test_points_lie_in_the_frame(seed: int, height: int, width: int, observers: int) -> None:
    generator = np.random.default_rng(seed)
    maps = [generator.random((height, width)) ** 8 + 1e-9 for _ in range(6)]
    for points in observe(maps, observers, generator):
        assert points.shape == (observers, 2)
        assert (points >= 0).all()
        assert (points < (width, height)).all()


def test_no_saccade_goes_where_nothing_attracts() -> None:
    map_ = np.zeros((HEIGHT, WIDTH))
    map_[10, 70] = 1e-30
    assert np.abs(seen([map_] * 3) - (70.5, 10.5)).max() < 3


@pytest.mark.parametrize("bad", [np.zeros((6, 8)), np.full((6, 8), np.nan), np.full((6, 8), -1.0), np.ones(8)])
def test_a_bad_map_is_named(bad: np.ndarray) -> None:
    with pytest.raises(DataError, match="saliency map of frame 1: a finite"):
        seen([np.ones((6, 8)), bad])
    with pytest.raises(DataError, match=r"frame 1 is \(5, 8\), frame 0 \(6, 8\)"):
        seen([np.ones((6, 8)), np.ones((5, 8))])
