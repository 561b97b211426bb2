"""Fixations of the last moment, warped along with what they are on."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.models.egcnet.config import FixationsConfig
from sightline.models.egcnet.trail import FixationTrail

CONFIG = FixationsConfig()
GRID = (32, 52)
STILL = np.zeros((128, 208, 2), np.float32)
NOBODY = np.empty((0, 2))


def peak(trail: FixationTrail) -> tuple[float, float]:
    """x and y in [0, 1]."""
    density = trail.density(GRID)
    assert density is not None
    row, column = divmod(int(density.argmax()), GRID[1])
    return (column + 0.5) / GRID[1], (row + 0.5) / GRID[0]


@given(st.floats(0.2, 0.8), st.floats(0.2, 0.8), st.integers(1, 20))
def test_the_density_is_of_the_fixations_and_sums_to_one(x: float, y: float, count: int) -> None:
    trail = FixationTrail(CONFIG)
    trail.step(np.tile([[x, y]], (count, 1)), STILL, 0.04)
    density = trail.density(GRID)
    assert density is not None
    assert density.shape == (1, 1, *GRID)
    assert float(density.sum()) == pytest.approx(1, abs=1e-5)
    cells = density[0, 0].numpy()
    rows, columns = np.indices(GRID) + 0.5
    assert (cells * columns).sum() / GRID[1] == pytest.approx(x, abs=0.6 / GRID[1])
    assert (cells * rows).sum() / GRID[0] == pytest.approx(y, abs=0.6 / GRID[0])
    spread = np.sqrt((cells * (columns - (cells * columns).sum()) ** 2).sum())
    assert spread == pytest.approx(CONFIG.sigma * max(GRID), rel=0.1)


def test_fixations_outside_of_the_frame_count_as_none() -> None:
    trail = FixationTrail(CONFIG)
    trail.step(np.array([[-0.05, 0.3], [1.0, 0.3], [0.5, 1.2]]), STILL, 0.04)
    assert trail.density(GRID) is None


def test_older_fixations_count_less_and_are_forgotten() -> None:
    trail = FixationTrail(CONFIG)
    trail.step(np.array([[0.25, 0.5]]), STILL, 0.04)
    trail.step(np.array([[0.75, 0.5]]), STILL, CONFIG.decay_s)
    density = trail.density(GRID)
    assert density is not None
    left, right = density[..., : GRID[1] // 2].sum(), density[..., GRID[1] // 2 :].sum()
    assert float(left / right) == pytest.approx(np.exp(-1), rel=0.02)
    trail.step(NOBODY, STILL, -CONFIG.decay_s * np.log(CONFIG.least_weight) * 1.01)
    assert trail.density(GRID) is None


@pytest.mark.parametrize("step", [(6.0, 0.0), (-3.0, 2.0)])
def test_fixations_go_with_what_they_are_on(step: tuple[float, float]) -> None:
    trail = FixationTrail(CONFIG)
    trail.step(np.array([[0.5, 0.5]]), STILL, 0.04)
    back = np.broadcast_to(-np.array(step, np.float32), STILL.shape)  # from where a pixel is to where it was
    for _ in range(5):
        trail.step(NOBODY, back, 0.04)
    assert peak(trail)[0] == pytest.approx(0.5 + 5 * step[0] / STILL.shape[1], abs=1 / GRID[1])
    assert peak(trail)[1] == pytest.approx(0.5 + 5 * step[1] / STILL.shape[0], abs=1 / GRID[0])


def test_what_leaves_the_frame_takes_its_fixations_along() -> None:
    trail = FixationTrail(CONFIG)
    trail.step(np.array([[0.95, 0.5]]), STILL, 0.04)
    trail.step(NOBODY, np.broadcast_to(np.float32([-30, 0]), STILL.shape), 0.04)
    assert trail.density(GRID) is None


def test_memory_is_bounded() -> None:
    trail, generator, counts = FixationTrail(CONFIG), np.random.default_rng(0), []
    for _ in range(200):
        trail.step(generator.random((5, 2)), STILL, 0.04)
        counts.append(len(trail._places))
    assert max(counts) == counts[-1] == 5 * int(np.ceil(-CONFIG.decay_s * np.log(CONFIG.least_weight) / 0.04))
