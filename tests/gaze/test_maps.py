"""The width of the Gaussian, and the fixations on each frame."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.errors import UsageError
from sightline.gaze.align import TABLE_SCHEMA
from sightline.gaze.maps import Sigma, by_frame
from sightline.gaze.stimulus import Stimulus

SIZE = (36, 64)  # (height, width)


@pytest.mark.parametrize(
    ("text", "pixels"), [("1deg", (30.0, 31.0)), ("0.5 deg", (15.0, 15.5)), ("12px", (12.0, 12.0))]
)
def test_sigma(text: str, pixels: tuple[float, float]) -> None:
    assert Sigma.parse(text).pixels((30.0, 31.0)) == pixels


def test_sigma_that_cannot_be() -> None:
    for wrong in ("1", "0px", "-1deg", "1cm"):
        with pytest.raises(UsageError, match="`sigma`"):
            Sigma.parse(wrong)
    with pytest.raises(UsageError, match="import with `screen_cm`"):
        Sigma.parse("1deg").pixels(None)


def video(times: list[float], end: float) -> Stimulus:
    return Stimulus(Path("v.mp4"), SIZE, np.array(times), end)


def table(rows: list[tuple[str, float, float]]) -> pl.DataFrame:
    return pl.DataFrame([(s, t, d, 5.0, 5.0, 0) for s, t, d in rows], schema=TABLE_SCHEMA, orient="row")


def test_frames_go_by_presentation_time_not_by_number() -> None:
    # A variable rate: frame 1 stays for a second. Index times rate would put 0.9 s on frame 22.
    stimulus = video([0.0, 0.04, 1.04, 1.08], 1.12)
    assert stimulus.frame_at(np.array([0.0, 0.039, 0.04, 0.9, 1.05, 5.0])).tolist() == [0, 0, 1, 1, 2, 3]
    shown = {f.index: f.subjects.tolist() for f in by_frame(table([("a", 0.02, 0.5), ("b", 1.05, 0.05)]), stimulus)}
    assert shown == {0: ["a"], 1: ["a"], 2: ["b"], 3: ["b"]}


def test_a_fixation_ends_before_the_frame_it_touches() -> None:
    shown = [
        f.subjects.tolist() for f in by_frame(table([("a", 0.0, 0.04), ("b", 0.04, 0.01)]), video([0, 0.04], 0.08))
    ]
    assert shown == [["a"], ["b"]]


def test_an_image_is_one_frame() -> None:
    (frame,) = by_frame(table([("a", 0, 0.2), ("b", 3, 0.2)]), Stimulus(Path("p.jpg"), SIZE, np.zeros(1), math.inf))
    assert frame.subjects.tolist() == ["a", "b"]
    assert len(frame.of("a")) == len(frame.without("a")) == 1


@given(
    st.lists(st.tuples(st.floats(0, 4), st.floats(0.001, 2)), max_size=30),
    st.lists(st.floats(0.01, 0.3), min_size=1, max_size=30),
)
def test_by_frame_is_every_overlap(fixations: list[tuple[float, float]], steps: list[float]) -> None:
    times = np.concatenate([[0.0], np.cumsum(steps)])
    stimulus = video(times.tolist(), float(times[-1]) + 0.1)
    rows = [(str(i), t, d) for i, (t, d) in enumerate(fixations)]
    got = {(f.index, s) for f in by_frame(table(rows), stimulus) for s in f.subjects.tolist()}
    ends = [*times[1:].tolist(), stimulus.end_s]
    expected = {(k, s) for s, t, d in rows for k in range(len(times)) if t < ends[k] and t + d > times[k]}
    assert got == expected
