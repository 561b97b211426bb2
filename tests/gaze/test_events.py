"""Fixations found in samples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from gaze import makers
from gaze.makers import DISTANCE_CM, SCREEN, SCREEN_CM, Truth, truth
from sightline.errors import UsageError
from sightline.gaze import read
from sightline.gaze.events import EventOptions, agreement, covered, detect, tracker_fixations, without_blinks
from sightline.gaze.geometry import Screen
from sightline.gaze.recording import choose_eye

SEEN = Screen(SCREEN, SCREEN_CM, DISTANCE_CM)


def found(known: Truth, **options: object) -> pl.DataFrame:
    return detect(
        known.time_s,
        known.xy,
        SEEN.degrees(known.xy),
        1 / known.rate_hz,
        EventOptions(**options),  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("method", ["ivt", "idt"])
@pytest.mark.parametrize("rate_hz", [100, 250, 1000])
def test_fixations_are_found_where_they_are(method: str, rate_hz: int) -> None:
    known = truth(rate_hz, move_s=0.1)
    table = found(known, method=method)
    onset, duration, x, y = np.array(known.fixations).T
    assert len(table) == len(known.fixations)
    # The velocity's window, and I-DT's tolerance of one degree, blur the ends.
    np.testing.assert_allclose(table["onset_s"], onset, atol=0.03)
    np.testing.assert_allclose(table["duration_s"], duration, atol=0.05)
    np.testing.assert_allclose(table["x"], x, atol=3)
    np.testing.assert_allclose(table["y"], y, atol=3)


def test_short_fixations_are_dropped() -> None:
    known = truth(move_s=0.1)
    assert len(found(known, method="ivt", min_duration_s=0.5)) == 0
    assert len(found(known, method="ivt", min_duration_s=0.3)) == 4


def test_a_short_loss_is_bridged_and_a_long_one_is_not() -> None:
    known = truth(move_s=0.1)
    at = slice(20, 30)  # 40 ms in the first fixation
    known.xy[at] = np.nan
    assert len(found(known, method="ivt")) == 4
    known.xy[20:60] = np.nan  # 160 ms
    assert len(found(known, method="ivt")) == 5


def test_no_fixation_goes_on_through_a_pause() -> None:
    known = truth(move_s=0.1)
    late = known.time_s + 2.0 * (known.time_s >= 0.2)
    table = detect(late, known.xy, SEEN.degrees(known.xy), 1 / known.rate_hz, EventOptions(method="ivt"))
    assert len(table) == 5
    assert table["duration_s"].max() < 0.5


@pytest.mark.parametrize("method", ["ivt", "idt"])
@pytest.mark.parametrize("lost", [slice(0, 30), slice(-30, None), slice(0, None)])
def test_losses_at_the_ends(method: str, lost: slice) -> None:
    known = truth(move_s=0.1)
    known.xy[lost] = np.nan
    assert len(found(known, method=method)) == (0 if lost == slice(0, None) else 4)


def test_too_few_samples_give_none() -> None:
    assert detect(np.arange(3.0), np.zeros((3, 2)), np.zeros((3, 2)), 1.0, EventOptions()).is_empty()


def test_blinks_are_lost(tmp_path: Path) -> None:
    (recording,) = read(makers.plain(tmp_path, truth()))
    eye, xy = choose_eye(recording, "auto")
    xy[:] = 5.0
    blinking = np.isnan(without_blinks(recording, eye, xy)[:, 0])
    assert blinking.tolist() == [label == "blink" for label in truth().labels]


def test_the_trackers_position_is_the_mean_where_it_gives_none(tmp_path: Path) -> None:
    known = truth()
    (recording,) = read(makers.smi(tmp_path, known))
    own = tracker_fixations(recording, "left", recording.eyes["left"])
    assert own is not None
    np.testing.assert_allclose(own["x"], [f[2] for f in known.fixations], atol=0.01)
    # The mean of two eyes has one eye's times, and the mean's positions.
    mean = tracker_fixations(recording, "mean", recording.eyes["left"] + 2)
    assert mean is not None
    np.testing.assert_allclose(mean["onset_s"], own["onset_s"])
    np.testing.assert_allclose(mean["x"], own["x"] + 2)


def test_covered_takes_in_the_first_sample_and_not_the_one_after_the_last() -> None:
    events = pl.DataFrame({"onset_s": [0.1, 0.3], "duration_s": [0.1, 0.05]})
    assert covered(np.arange(6) / 10, events).tolist() == [False, True, False, True, False, False]


def test_agreement() -> None:
    time = np.arange(10) / 10
    one = pl.DataFrame({"onset_s": [0.0], "duration_s": [0.5]})
    other = pl.DataFrame({"onset_s": [0.0], "duration_s": [0.4]})
    same = agreement(time, one, one)
    assert (same.share, same.kappa) == (1.0, 1.0)
    near = agreement(time, one, other)
    assert near.share == pytest.approx(0.9)
    assert near.kappa == pytest.approx((0.9 - 0.5) / 0.5)
    assert np.isnan(agreement(time, one.clear(), one.clear()).kappa)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"method": "hmm"}, "`events`"),
        ({"velocity_deg_s": 0}, "`velocity_deg_s`"),
        ({"min_duration_s": -1}, "`min_duration_s`"),
    ],
)
def test_options_that_cannot_be(options: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        EventOptions(**options)  # type: ignore[arg-type]


@pytest.mark.data
def test_ivt_agrees_with_the_tracker_on_nine_samples_of_ten(shared_data: Path) -> None:
    screen = Screen((900, 1440), (25.5, 40.8), 68.0)
    same = samples = 0.0
    for file in sorted((shared_data / "eye_recordings/smi_dhf1k_002").glob("*.txt")):
        (recording,) = read(file)
        eye, raw = choose_eye(recording, "auto")
        xy = without_blinks(recording, eye, raw)
        own = tracker_fixations(recording, eye, xy)
        assert own is not None
        ours = detect(recording.time_s, xy, screen.degrees(xy), recording.interval_s, EventOptions(method="ivt"))
        result = agreement(recording.time_s, own, ours)
        same += result.share * result.samples
        samples += result.samples
    assert same / samples > 0.92
