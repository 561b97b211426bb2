"""Scanpaths beside the library of MultiMatch, by hand, and by trying every alignment."""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sightline.metrics.functional.scanpath import multimatch, scanmatch


def path(seed: int, length: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.column_stack([rng.uniform(0, 200, length), rng.uniform(0, 100, length), rng.uniform(0.05, 0.6, length)])


@pytest.mark.parametrize("seed", range(8))
def test_multimatch_is_that_of_its_library(seed: int) -> None:
    library = pytest.importorskip("multimatch_gaze")
    kind = [("start_x", "f8"), ("start_y", "f8"), ("duration", "f8")]
    paths = path(seed, 4 + seed), path(seed + 100, 9 - seed // 2)
    tables = [np.array([tuple(row) for row in one], dtype=kind).view(np.recarray) for one in paths]
    expected = library.docomparison(*tables, screensize=[200, 100])
    assert list(multimatch(*paths, (100, 200))) == pytest.approx([float(value) for value in expected])


def test_multimatch_by_hand() -> None:
    first = [[0, 0, 0.2], [30, 0, 0.4], [30, 40, 0.2]]
    second = [[10, 0, 0.1], [40, 0, 0.4], [40, 20, 0.2]]  # starts 10 px off, second saccade half as long
    found = multimatch(first, second, (60, 80))
    assert found.vector == pytest.approx(1 - 10 / 200)  # median of 0 and 20 pixels, over two diagonals
    assert found.direction == pytest.approx(1)
    assert found.length == pytest.approx(1 - 10 / 100)
    assert found.position == pytest.approx(1 - 10 / 100)
    assert found.duration == pytest.approx(1 - (0.5 + 0) / 2)
    back = [[30, 0, 0.2], [0, 0, 0.4], [0, -40, 0.2]]
    assert multimatch(first, back, (60, 80)).direction == pytest.approx(0)


def test_short_scanpaths_have_no_multimatch() -> None:
    assert all(map(math.isnan, multimatch(path(0, 2), path(1, 5), (100, 200))))
    assert all(map(math.isnan, multimatch([], path(1, 5), (100, 200))))


def by_trial(first: list[tuple[int, int]], second: list[tuple[int, int]], threshold: float, gap: float) -> float:
    """The best of all alignments."""

    @functools.cache
    def best(i: int, j: int) -> float:
        if i == len(first) or j == len(second):
            return gap * (len(first) - i + len(second) - j)
        pair = threshold - math.dist(first[i], second[j])
        return max(pair + best(i + 1, j + 1), gap + best(i + 1, j), gap + best(i, j + 1))

    return best(0, 0) / (threshold * max(len(first), len(second)))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 6), st.integers(1, 6), st.sampled_from([0.0, -0.5]))
def test_scanmatch_is_the_best_alignment_of_all(seed: int, n: int, m: int, gap: float) -> None:
    paths = path(seed, n), path(seed + 1, m)
    strings = []
    for one in paths:
        string = []
        for x, y, duration in one:
            string += [(int(y / 100 * 5), int(x / 200 * 7))] * round(duration / 0.1)
        strings.append(string)
    found = scanmatch(*paths, (100, 200), bins=(5, 7), threshold=2.5, step_s=0.1, gap=gap)
    if not all(strings):
        assert math.isnan(found)
        return
    assert found == pytest.approx(by_trial(*strings, 2.5, gap))  # type: ignore[call-arg]
    assert found == pytest.approx(scanmatch(*paths[::-1], (100, 200), (5, 7), 2.5, 0.1, gap))


def test_scanmatch_of_a_path_with_itself_and_with_another_order() -> None:
    one = path(3, 6)
    assert scanmatch(one, one, (100, 200)) == 1
    assert scanmatch(one, one[::-1], (100, 200)) < 0.9
    far = [[1, 1, 0.2]], [[199, 99, 0.2]]
    assert scanmatch(*far, (100, 200)) == 0  # better no counterpart than one so far away
    assert scanmatch([[5, 5, 0.2]], [[5, 5, 0.4]], (100, 200)) == 0.5
    assert scanmatch([[5, 5, 0.2]], [[5, 5, 0.4]], (100, 200), step_s=0) == 1


@pytest.mark.parametrize("wrong", [[[1, 2]], [[1, 2, 0]], [[1, float("nan"), 0.2]], [1, 2, 3]])
def test_what_is_no_scanpath_is_refused(wrong: list) -> None:
    for score in (multimatch, scanmatch):
        with pytest.raises(ValueError, match="`second`: fixations"):
            score(path(0, 4), wrong, (100, 200))
    with pytest.raises(ValueError, match="`bins`"):
        scanmatch(path(0, 4), path(0, 4), (100, 200), bins=(0, 3))
