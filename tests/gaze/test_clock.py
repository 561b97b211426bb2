"""From the recording's time to the video's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.errors import DataError, UsageError
from sightline.gaze import clock as clocks
from sightline.gaze.clock import ClockMap
from sightline.gaze.recording import Message, Recording

FRAMES = np.arange(100) / 25

steps = st.lists(st.floats(1e-3, 10), min_size=1, max_size=20)


def recording(messages: list[tuple[float, str]] = (), **more: object) -> Recording:  # type: ignore[assignment]
    time = 5 + np.arange(100) / 100
    return Recording(
        path=Path("s1.asc"),
        format="eyelink",
        subject="s1",
        time_s=time,
        eyes={"left": np.zeros((100, 2))},
        messages=tuple(Message(at, text, line) for line, (at, text) in enumerate(messages, start=1)),
        **more,  # type: ignore[arg-type]
    )


@given(steps, steps, st.lists(st.floats(-100, 300), min_size=2, unique=True))
def test_a_clock_never_goes_back(a: list[float], b: list[float], times: list[float]) -> None:
    count = min(len(a), len(b))
    clock = ClockMap(np.cumsum(a[:count]), np.cumsum(b[:count]), "test")
    t = np.sort(np.array(times))
    t = t[np.concatenate([[True], np.diff(t) > 1e-6])]
    assert (np.diff(clock(t)) > 0).all()


@given(steps, st.floats(0.9, 1.1), st.floats(-50, 50))
def test_anchors_are_met_exactly(a: list[float], pace: float, offset: float) -> None:
    recorded = np.cumsum(a)
    clock = ClockMap(recorded, pace * recorded + offset, "test")
    np.testing.assert_allclose(clock(recorded), pace * recorded + offset, atol=1e-9)
    if len(a) > 2:
        assert clock.drift_ppm == pytest.approx(1e6 * (pace - 1), abs=1)
        assert clock.jitter_ms == pytest.approx(0, abs=1e-3)


def test_beyond_the_anchors_time_keeps_its_pace() -> None:
    clock = ClockMap(np.array([1.0, 2.0]), np.array([10.0, 12.0]), "test")
    np.testing.assert_allclose(clock(np.array([0.0, 1.5, 3.0])), [9, 11, 13])


def test_anchors_that_go_back_are_no_clock() -> None:
    with pytest.raises(ValueError, match="increase"):
        ClockMap(np.array([1.0, 1.0]), np.array([0.0, 1.0]), "test")


def test_start_offset_and_start_message() -> None:
    assert clocks.from_start(recording())(np.array([5.5])) == pytest.approx(0.5)
    assert clocks.from_start(recording(start_s=4.5))(np.array([5.5])) == pytest.approx(1.0)
    assert clocks.from_offset(recording(), 0.2)(np.array([5.5])) == pytest.approx(0.3)
    said = recording([(5.1, "SYNCTIME"), (5.2, "SYNCTIME")])
    assert clocks.from_start_message(said, "SYNC")(np.array([5.5])) == pytest.approx(0.4)
    with pytest.raises(DataError, match="none of 2 messages matches `start_message` 'GO'; the file has 'SYNCTIME'"):
        clocks.from_start_message(said, "GO")
    with pytest.raises(UsageError, match="not a regular expression"):
        clocks.from_start_message(said, "(")


def test_frame_messages_carry_drift_and_drops() -> None:
    # The tracker's clock is 1000 ppm slow, and frames 3 to 5 never reached the screen.
    shown = [0, 1, 2, 6, 7, 8]
    messages = [(5 + FRAMES[k] * 0.999, f"frame {k}") for k in shown]
    clock = clocks.from_frame_messages(recording(messages), FRAMES)
    np.testing.assert_allclose(clock(np.array([at for at, _ in messages])), FRAMES[shown])
    assert clock.drift_ppm == pytest.approx(1001, abs=2)


def test_frames_counted_from_one() -> None:
    clock = clocks.from_frame_messages(recording([(5.0, "!V VFRAME 1 0 0"), (5.04, "!V VFRAME 2 0 0")]), FRAMES)
    assert clock(np.array([5.0])) == pytest.approx(0)
    late = recording([(5.04, "frame 2"), (5.08, "frame 3")])
    assert clocks.from_frame_messages(late, FRAMES, first_frame=1)(np.array([5.0])) == pytest.approx(0)


def test_a_frame_named_twice_counts_from_its_first_showing() -> None:
    clock = clocks.from_frame_messages(recording([(5.0, "frame 0"), (5.02, "frame 0"), (5.04, "frame 1")]), FRAMES)
    np.testing.assert_allclose(clock.recording_s, [5.0, 5.04])


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        ([(5.0, "hello")], "none of 1 messages matches the frame pattern"),
        ([], "the file has no messages"),
        ([(5.0, "frame 0"), (5.1, "frame 400")], "line 2: frame 400 of a video with 100 frames"),
        ([(5.0, "frame 0"), (5.1, "frame 9"), (5.2, "frame 3")], "line 3: frame 3 comes after frame 9"),
    ],
)
def test_frame_messages_that_make_no_clock(messages: list[tuple[float, str]], words: str) -> None:
    with pytest.raises(DataError, match=words):
        clocks.from_frame_messages(recording(messages), FRAMES)


def test_a_frame_pattern_needs_a_group() -> None:
    with pytest.raises(UsageError, match="a group for the frame number"):
        clocks.from_frame_messages(recording([(5.0, "frame 1")]), FRAMES, r"frame \d+")


def test_scene_frames() -> None:
    taken = 3.0 + FRAMES * 1.0002
    clock = clocks.from_scene_frames(recording(frame_times_s=taken), FRAMES)
    np.testing.assert_allclose(clock(taken), FRAMES, atol=1e-12)
    assert clock.drift_ppm == pytest.approx(-200, abs=1)
    with pytest.raises(DataError, match="80 scene frames have times, the video has 100 frames"):
        clocks.from_scene_frames(recording(frame_times_s=taken[:80]), FRAMES)
    with pytest.raises(DataError, match=r"put world_timestamps\.csv beside it"):
        clocks.from_scene_frames(recording(), FRAMES)
