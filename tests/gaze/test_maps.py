"""Fixations to maps, and to frames."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from sightline.errors import UsageError
from sightline.gaze.align import TABLE_SCHEMA
from sightline.gaze.maps import Sigma, by_frame, density, fixation_counts
from sightline.gaze.stimulus import Stimulus, frames_of

SIZE = (36, 64)  # (height, width)
coordinates = st.tuples(st.floats(-20, 90), st.floats(-20, 60))


def inside_count(xy: np.ndarray) -> int:
    return int(((xy >= 0) & (xy < SIZE[::-1])).all(axis=1).sum())


@given(st.lists(coordinates), st.floats(0.2, 40), st.floats(0.2, 40))
@settings(max_examples=60)
def test_every_fixation_in_the_picture_weighs_one(points: list[tuple[float, float]], sx: float, sy: float) -> None:
    xy = np.array(points).reshape(-1, 2)
    count = inside_count(xy)
    assert fixation_counts(xy, SIZE).sum() == count
    made = density(xy, SIZE, (sx, sy))
    assert made.shape == SIZE
    assert made.min() >= 0
    assert made.sum() == pytest.approx(count, rel=1e-4)


def test_density_is_the_gaussian_filter_of_the_counts() -> None:
    # At pixel centres and away from the border both are the same by definition.
    xy = np.array([[30.5, 18.5], [34.5, 20.5], [30.5, 18.5]])
    expected = gaussian_filter(fixation_counts(xy, SIZE).astype(float), (2.0, 3.0), mode="constant", truncate=6)
    np.testing.assert_allclose(density(xy, SIZE, (3.0, 2.0)), expected, atol=2e-6)


def test_density_knows_fractions_of_a_pixel() -> None:
    made = density(np.array([[20.25, 10.75]]), SIZE, (2.0, 2.0))
    columns, rows = np.arange(SIZE[1]) + 0.5, np.arange(SIZE[0]) + 0.5
    assert made.sum(axis=0) @ columns == pytest.approx(20.25, abs=1e-3)
    assert made.sum(axis=1) @ rows == pytest.approx(10.75, abs=1e-3)


def test_no_fixations_no_density() -> None:
    assert density(np.empty((0, 2)), SIZE, (3, 3)).sum() == 0


@pytest.mark.parametrize(
    ("text", "pixels"), [("1deg", (30.0, 31.0)), ("0.5 deg", (15.0, 15.5)), ("12px", (12.0, 12.0))]
)
def test_sigma(text: str, pixels: tuple[float, float]) -> None:
    assert Sigma.parse(text).pixels((30.0, 31.0)) == pixels


def test_sigma_that_cannot_be() -> None:
    for wrong in ("1", "0px", "-1deg", "1cm"):
        with pytest.raises(UsageError, match="--sigma"):
            Sigma.parse(wrong)
    with pytest.raises(UsageError, match="import with --screen-cm"):
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
    ends = [*times[1:].tolist(), math.inf]
    expected = {(k, s) for s, t, d in rows for k in range(len(times)) if t < ends[k] and t + d > times[k]}
    assert got == expected
    first, last = frames_of(np.array([t for _, t, _ in rows]), np.array([d for _, _, d in rows]), times)
    assert int((last - first).sum()) == len(expected)
