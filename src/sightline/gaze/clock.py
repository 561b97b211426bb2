"""From the recording's clock to the video's."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sightline.errors import DataError, UsageError
from sightline.gaze.recording import Message, Recording

FloatArray = NDArray[np.float64]

FIRST_SAMPLE = "first sample of the trial"
SMOOTH_FRAMES = 31  # a second of a scene camera
FRAME_PATTERN = r"(?i)\bv?frame\b\W*(?P<frame>\d+)"


@dataclass(frozen=True, slots=True)
class ClockMap:
    """Recording seconds to video seconds: straight lines through anchors, and the clock's own pace beyond them.

    recording_s, video_s: (K,) float64, both strictly increasing. method: how they were found, for the record.
    """

    recording_s: FloatArray
    video_s: FloatArray
    method: str

    def __post_init__(self) -> None:
        if not len(self.recording_s) or len(self.recording_s) != len(self.video_s):
            raise ValueError("a clock needs as many recording times as video times, and one at least")
        if (np.diff(self.recording_s) <= 0).any() or (np.diff(self.video_s) <= 0).any():
            raise ValueError("anchors must increase on both clocks")

    @classmethod
    def start_at(cls, recording_s: float, method: str) -> ClockMap:
        """The video began at this time of the recording and both clocks keep the same pace."""
        return cls(np.array([recording_s]), np.array([0.0]), method)

    def __call__(self, recording_s: FloatArray) -> FloatArray:
        """Video seconds of recording seconds: strictly increasing, of any shape."""
        t = np.asarray(recording_s, dtype=np.float64)
        before, after = t - self.recording_s[0], t - self.recording_s[-1]
        return np.interp(t, self.recording_s, self.video_s) + np.minimum(before, 0) + np.maximum(after, 0)

    @property
    def drift_ppm(self) -> float | None:
        """How much faster the video's clock runs, in millionths (least squares); None with fewer than 3 anchors."""
        slope = self._line()
        return None if slope is None else float((slope[0] - 1) * 1e6)

    @property
    def jitter_ms(self) -> float | None:
        """RMS distance of the anchors from a clock of constant pace: dropped and late frames show here."""
        line = self._line()
        if line is None:
            return None
        return float(1000 * np.sqrt(np.mean((np.polyval(line, self.recording_s) - self.video_s) ** 2)))

    def _line(self) -> FloatArray | None:
        return np.polyfit(self.recording_s, self.video_s, 1) if len(self.recording_s) > 2 else None


def from_start(recording: Recording) -> ClockMap:
    """The stimulus began when the file says so, else with the trial's first sample."""
    if recording.start_s is not None:
        return ClockMap.start_at(recording.start_s, "stimulus start in the file")
    return ClockMap.start_at(recording.first_s, FIRST_SAMPLE)


def from_offset(recording: Recording, offset_s: float) -> ClockMap:
    """The video's first frame was shown `offset_s` seconds after the recording's first sample."""
    return ClockMap.start_at(recording.first_s + offset_s, f"first sample + {offset_s:g} s")


def from_start_message(recording: Recording, pattern: str) -> ClockMap:
    """The stimulus began at the first message that matches. Raises DataError if none does."""
    found = next((m for m in recording.messages if _compile(pattern).search(m.text)), None)
    if found is None:
        raise DataError(
            f"{recording.path}: none of {len(recording.messages)} messages matches `start_message` {pattern!r}"
            f"{_examples(recording.messages)}"
        )
    return ClockMap.start_at(found.time_s, f"message {found.text!r} (line {found.line})")


def from_frame_messages(
    recording: Recording, frame_times_s: FloatArray, pattern: str = FRAME_PATTERN, first_frame: int | None = None
) -> ClockMap:
    """Anchors from messages that number the frames as they were shown.

    pattern: a regular expression whose group "frame" (or first group) is the number. first_frame: the number that
    the experiment gave to the video's first frame; None takes 1 if the lowest number is 1, else 0.
    A frame named twice counts from its first showing. Raises DataError if no message matches, a number lies beyond
    the video, or the numbers go back in time.
    """
    regex = _compile(pattern)
    if not regex.groups:
        raise UsageError(f"`frame_message` {pattern!r}: a group for the frame number is needed, as in 'frame (\\d+)'")
    group = "frame" if "frame" in regex.groupindex else 1
    hits = [(m, int(match[group])) for m in recording.messages if (match := regex.search(m.text))]
    if not hits:
        raise DataError(
            f"{recording.path}: none of {len(recording.messages)} messages matches the frame pattern {pattern!r}"
            f"{_examples(recording.messages)}"
        )
    base = first_frame if first_frame is not None else int(min(number for _, number in hits) == 1)
    times, frames = [hits[0][0].time_s], [hits[0][1] - base]
    for message, number in hits:
        frame = number - base
        if not 0 <= frame < len(frame_times_s):
            raise DataError(
                f"{recording.path}, line {message.line}: frame {number} of a video with {len(frame_times_s)} frames "
                f"(the first counted as {base}); check `stimulus` and `first_frame`"
            )
        if frame == frames[-1]:
            continue
        if frame < frames[-1] or message.time_s <= times[-1]:
            raise DataError(
                f"{recording.path}, line {message.line}: frame {number} comes after frame {frames[-1] + base}; the "
                "messages of several showings are mixed, choose one with `trial`"
            )
        times.append(message.time_s)
        frames.append(frame)
    return ClockMap(np.array(times), frame_times_s[frames], f"{len(frames)} frame messages")


def from_scene_frames(recording: Recording, frame_times_s: FloatArray) -> ClockMap:
    """Anchors from the times at which the scene camera took its frames, one for each frame of the video.

    Raises DataError where there are none or where their number does not fit the video's.
    """
    taken = recording.frame_times_s
    if taken is None:
        raise DataError(
            f"{recording.path}: no times of the scene camera's frames; put world_timestamps.csv beside it, "
            "or give `offset_s`"
        )
    if recording.frame_numbers is not None:
        return _from_named_frames(recording, taken, recording.frame_numbers, frame_times_s)
    # The last frames of a scene video are now and then lost when the recording is stopped.
    if abs(len(taken) - len(frame_times_s)) > 2:
        raise DataError(
            f"{recording.path}: {len(taken)} scene frames have times, the video has {len(frame_times_s)} frames; "
            "give the scene video of this recording"
        )
    count = min(len(taken), len(frame_times_s))
    return ClockMap(taken[:count], frame_times_s[:count], f"{count} scene camera frames")


def _from_named_frames(
    recording: Recording, taken: FloatArray, numbers: NDArray[np.int64], frame_times_s: FloatArray
) -> ClockMap:
    """Anchors from the frames that the samples name. A frame's time is known to half a frame only, so the distance
    between the clocks is a mean over SMOOTH_FRAMES."""
    if numbers[-1] >= len(frame_times_s):
        raise DataError(
            f"{recording.path}: the samples name frame {numbers[-1]}, the video has {len(frame_times_s)} frames; give "
            "the scene video of this recording"
        )
    shown = frame_times_s[numbers]
    reach = SMOOTH_FRAMES // 2
    ahead = np.concatenate([[0.0], np.cumsum(taken - shown)])
    first = np.maximum(np.arange(len(shown)) - reach, 0)
    last = np.minimum(np.arange(len(shown)) + reach + 1, len(shown))
    smooth = shown + (ahead[last] - ahead[first]) / (last - first)
    keep = np.concatenate([[True], np.diff(np.maximum.accumulate(smooth)) > 0])
    return ClockMap(smooth[keep], shown[keep], f"{len(shown)} scene frames that the samples name")


def _compile(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise UsageError(f"{pattern!r} is not a regular expression: {error}") from None


def _examples(messages: Sequence[Message]) -> str:
    texts = list(dict.fromkeys(m.text for m in messages))[:4]
    return f"; the file has {', '.join(map(repr, texts))} and others" if texts else "; the file has no messages"
