"""From frames to the set: means, weights and intervals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.metrics.evaluation.scores import SequenceScores, Tally, bootstrap_weights, combine, intervals, overall


def sequence(name: str, values: list[float], by_sequence: bool) -> SequenceScores:
    tally = Tally.of_frames(values, by_sequence)
    return SequenceScores(name, [str(i) for i in range(len(values))], {"x": values}, {"x": tally})


def first(means: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {key: value[:, 0] for key, value in means.items()}


def test_means_over_sequences_and_over_frames_differ() -> None:
    data = [[1.0, 1.0, 1.0], [0.0]]
    assert overall([sequence("a", v, True) for v in data], first) == {"x": 0.5}
    assert overall([sequence("a", v, False) for v in data], first) == {"x": 0.75}


def test_unscored_frames_are_in_no_mean() -> None:
    found = [sequence("a", [1.0, math.nan], True), sequence("b", [math.nan], True), sequence("c", [0.0], True)]
    assert overall(found, first) == {"x": 0.5}
    assert math.isnan(overall(found[1:2], first)["x"])


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=20), st.randoms())
def test_the_order_of_frames_does_not_matter(values: list[float], random: object) -> None:
    shuffled = list(values)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = (Tally.of_frames(v, by_sequence=True).total[0] for v in (values, shuffled))
    assert one == pytest.approx(other, abs=1e-12)


def test_curves_are_averaged_before_the_maximum_is_taken() -> None:
    tallies = [Tally.of_curves([[0.0, 1.0]], True), Tally.of_curves([[1.0, 0.0], [1.0, 0.0]], True)]
    found = [SequenceScores(str(i), [], {}, {"c": tally}) for i, tally in enumerate(tallies)]
    scores = combine(found, np.ones((1, 2)), lambda means: {"max": means["c"].max(1)})
    assert scores["max"].tolist() == [0.5]


def test_bootstrap_covers_the_mean_and_follows_its_seed() -> None:
    values = np.random.default_rng(1).normal(3, 1, 60)
    found = [sequence(str(i), [float(v)], True) for i, v in enumerate(values)]
    weights = bootstrap_weights(60, 2000, seed=5)
    assert (weights.sum(1) == 60).all()
    assert np.array_equal(weights, bootstrap_weights(60, 2000, seed=5))
    low, high = intervals(combine(found, weights, first))["x"]
    half = 1.96 * values.std() / math.sqrt(60)
    assert (low, high) == (pytest.approx(values.mean() - half, abs=0.05), pytest.approx(values.mean() + half, abs=0.05))


def test_one_sequence_has_an_interval_of_no_width() -> None:
    low, high = intervals(combine([sequence("a", [0.3], True)], bootstrap_weights(1, 10, 0), first))["x"]
    assert (low, high) == (pytest.approx(0.3), pytest.approx(0.3))
