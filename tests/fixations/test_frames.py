"""Which frames a fixation is on."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.fixations import end_of, frames_of

TIMES = [0.0, 0.04, 1.04, 1.08]  # frame 1 stays for a second; the last one until 1.12


def on(onset: float, duration: float, end_s: float | None = None) -> list[int]:
    first, last = frames_of([onset], [duration], TIMES, end_s)
    return list(range(first[0], last[0]))


def test_frames_go_by_presentation_time() -> None:
    assert on(0.02, 0.5) == [0, 1]
    assert on(0.9, 0.1) == [1]
    assert on(0.9, 0.15) == [1, 2]


def test_a_fixation_is_not_on_the_frame_that_it_touches_with_its_end() -> None:
    assert on(0.0, 0.04) == [0]
    assert on(0.04, 0.01) == [1]


def test_before_the_first_frame() -> None:
    assert on(-0.3, 0.2) == []
    assert on(-0.3, 0.31) == [0]


@pytest.mark.parametrize(
    ("onset", "end_s", "expected"),
    [
        (1.07, None, [2, 3]),  # begins in the video, outlasts it
        (1.09, None, [3]),
        (1.12, None, []),  # begins as the last frame is over
        (5.0, None, []),
        (1.12, 1.2, [3]),  # the last frame stays longer
        (1.09, 1.085, []),
    ],
)
def test_the_last_frame_has_an_end(onset: float, end_s: float | None, expected: list[int]) -> None:
    if end_s is None:
        assert end_of(TIMES) == pytest.approx(1.12)
        end_s = 1.12  # the median step is a sum in floating point
    assert on(onset, 3.0, end_s) == expected


def test_a_picture_has_all_of_its_fixations() -> None:
    assert end_of([0.0]) == math.inf
    first, last = frames_of([0.0, 900.0], [0.1, 0.1], [0.0])
    assert (last - first).tolist() == [1, 1]


@given(
    st.lists(st.tuples(st.floats(-1, 4), st.floats(0.001, 2)), min_size=1, max_size=30),
    st.lists(st.floats(0.01, 0.3), min_size=1, max_size=30),
)
def test_a_fixation_is_on_every_frame_that_shares_a_moment_with_it(
    fixations: list[tuple[float, float]], steps: list[float]
) -> None:
    times = np.concatenate([[0.0], np.cumsum(steps)])
    onset, duration = np.array(fixations).T
    first, last = frames_of(onset, duration, times)
    ends = [*times[1:].tolist(), end_of(times)]
    for number, (start, length) in enumerate(fixations):
        shared = [k for k in range(len(times)) if start < ends[k] and start + length > times[k]]
        assert list(range(first[number], last[number])) == shared
