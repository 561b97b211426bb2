"""What every reader of eye-tracker files returns: gaze samples on the recording's own clock, and what the file says."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sightline.errors import DataError, UsageError

FloatArray = NDArray[np.float64]
Space = Literal["screen", "stimulus", "scene", "display"]
PAUSE = 1.5  # an interval this many times the median is a pause of the recording, not jitter
MOST_PX = 1_000_000
"""Beyond every screen and every picture."""
EYES = ("auto", "left", "right", "mean", "mono")

# kind is fixation, saccade or blink; x and y are in the unit of the samples and null where the tracker gives none.
EVENT_SCHEMA = {
    "kind": pl.String,
    "eye": pl.String,
    "onset_s": pl.Float64,
    "duration_s": pl.Float64,
    "x": pl.Float64,
    "y": pl.Float64,
}
EventRow = tuple[str, str | None, float, float, float | None, float | None]


@dataclass(frozen=True, slots=True)
class Message:
    """A text that the experiment wrote into the recording. line: its line in the file, counted from 1."""

    time_s: float
    text: str
    line: int

    def later(self, seconds: float) -> Message:
        """The same message on a clock whose zero is that much earlier."""
        return replace(self, time_s=self.time_s + seconds)


@dataclass(frozen=True, slots=True)
class Declared:
    """What the file says of its own geometry and quality; None where it says nothing.

    screen_px, screen_cm, stimulus_px: (height, width). stimulus_rect: x, y, width, height of the stimulus on the
    screen in screen pixels. focal_px: (fx, fy) of the scene camera. calibrated: whether a calibration is on record;
    None for formats that never say. accuracy_deg: the mean error of the last validation, by eye.
    """

    rate_hz: float | None = None
    screen_px: tuple[int, int] | None = None
    screen_cm: tuple[float, float] | None = None
    distance_cm: float | None = None
    stimulus_px: tuple[int, int] | None = None
    stimulus_rect: tuple[float, float, float, float] | None = None
    focal_px: tuple[float, float] | None = None
    calibrated: bool | None = None
    accuracy_deg: dict[str, float] = field(default_factory=dict)


def pixels(what: str, height: float, width: float) -> tuple[int, int]:
    """(height, width) that a file declares, in whole pixels. Raises DataError where no screen or picture is of it.

    what: the file, and its words for that.
    """
    if not (0 <= height <= MOST_PX and 0 <= width <= MOST_PX):  # NaN is not either
        raise DataError(f"{what} is {width:g} x {height:g} pixels, which is no size; mend or remove it")
    return int(height), int(width)


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture that the experiment says it showed, and where: EyeLink's !V IMGLOAD and !V VFRAME.

    how: `"fill"` (the whole screen), `"top_left"` or `"center"`: what (x, y) is of the picture, in screen pixels, None
    for the middle of the screen; `"frame"`: the top left corner of a video. size: (height, width) on the screen, None
    for its own size.
    """

    name: str
    how: Literal["fill", "top_left", "center", "frame"]
    at: tuple[float, float] | None = None
    size: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Recording:
    """One subject watching one stimulus.

    Attributes
    ----------
    path : Path
        The file.
    format : str
        One of formats.FORMATS.
    subject : str
        "" where the file does not say.
    time_s : ndarray, (N,) float64
        Strictly increasing seconds on the recording's clock, whose zero is the file's first sample; empty for a file
        of events alone.
    eyes : dict of str to ndarray, (N, 2) float64
        Positions by eye, NaN where lost: "left", "right", and "both" where the maker combined them.
    space : str
        What the positions refer to: the "screen", the "stimulus" as it was shown, the "scene" camera's picture, or
        "display", which is the screen where its size is known and else the stimulus (a surface that markers span).
    unit : {"px", "norm"}
        Pixels of that space, or fractions of its width and height from the top-left corner.
    trial : str or None
        The name of this showing in the file.
    start_s : float or None
        When the stimulus appeared, where the file says it.
    frame_times_s : ndarray, (F,) float64, or None
        When each frame of the scene camera was taken, on the same clock.
    frame_numbers : ndarray, (F,) int64, or None
        Which frames those are; None for all from the first.
    stimuli : tuple of str
        What else the file calls what was shown, best first (names of pictures, values of variables).
    shown : tuple of Shown
        The pictures with their places, in order.
    events : polars.DataFrame or None
        The tracker's own, in EVENT_SCHEMA; None where the file has none.
    messages : tuple of Message
        What the experiment wrote into the file.
    declared : Declared
        What the file says of its own geometry and quality.
    notes : tuple of str
        What was left out or assumed.
    lines : ndarray, (N,) int64, or None
        The line of each sample in the file; None where there are no samples.
    origin_s : float
        What the device's own clock showed at this clock's zero, where that matters.
    mapped : bool
        Gaze that was mapped onto a surface or picture in the world, beside which most of it may lie.

    Examples
    --------
    >>> xy = np.array([[10.0, 20.0], [np.nan, np.nan], [12.0, 20.0]])
    >>> recording = Recording(Path("s.csv"), "csv", "ann", np.array([0.0, 0.004, 0.008]), {"both": xy})
    >>> recording.interval_s
    0.004
    """

    path: Path
    format: str
    subject: str
    time_s: FloatArray
    eyes: dict[str, FloatArray]
    space: Space = "screen"
    unit: Literal["px", "norm"] = "px"
    trial: str | None = None
    start_s: float | None = None
    frame_times_s: FloatArray | None = None
    frame_numbers: NDArray[np.int64] | None = None
    stimuli: tuple[str, ...] = ()
    shown: tuple[Shown, ...] = ()
    events: pl.DataFrame | None = None
    messages: tuple[Message, ...] = ()
    declared: Declared = field(default_factory=Declared)
    notes: tuple[str, ...] = ()
    lines: NDArray[np.int64] | None = None
    origin_s: float = 0.0
    mapped: bool = False

    def place(self, sample: int = 0) -> str:
        """The file, and the line of a sample where it is known, as errors name it."""
        return f"{self.path}{_line(self.lines if len(self.time_s) else None, sample)}"

    @property
    def called(self) -> tuple[str, ...]:
        """What the stimulus may be called, best first. A trial's number names none where the file says more."""
        bare = re.sub(r"#\d+$", "", self.trial or "")
        return (*self.stimuli, bare) if bare and not (bare.isdigit() and self.stimuli) else self.stimuli

    @property
    def interval_s(self) -> float:
        """The time between samples (see `sampling_interval`). Raises DataError where it cannot be known."""
        if len(self.time_s) < 2:
            raise DataError(
                f"{self.place()}: {len(self.time_s)} gaze samples, so the sampling rate is unknown; "
                "export the samples of the whole recording"
            )
        return sampling_interval(self.time_s)

    @property
    def first_s(self) -> float:
        """The time of the first sample; the clock's zero where there are only events."""
        return float(self.time_s[0]) if len(self.time_s) else 0.0


def sampling_interval(time_s: FloatArray) -> float:
    """The mean time between samples, pauses left out; 0 with fewer than two.

    The median would be wrong where times are whole milliseconds: 60 Hz is 16, 17, 17 ms.

    >>> round(1 / sampling_interval(np.array([0, 0.017, 0.033, 0.050, 0.067, 0.083, 0.100])), 1)
    60.0
    """
    steps = np.diff(time_s)
    if not len(steps):
        return 0.0
    return float(steps[steps <= PAUSE * np.median(steps)].mean())


def choose_eye(recording: Recording, eye: str) -> tuple[str, FloatArray]:
    """The name and (N, 2) positions of the eye asked for.

    "auto" takes the maker's own combination, else the eye with the smaller validation error, else the one that was
    lost less (of events alone: the one with more fixations). "mean" averages left and right, and takes the one there
    is where the other is lost. "mono" wants exactly one eye. Raises DataError if the recording does not have what is
    asked, UsageError for other words.
    """
    eyes = recording.eyes
    if eye not in EYES:
        raise UsageError(f"`eye` {eye!r}: choose one of {', '.join(EYES)}")
    if eye == "mono":
        if len(eyes) > 1:
            raise DataError(
                f"{recording.place()}: the recording is binocular ({', '.join(eyes)}) where a monocular one was asked; "
                "choose with `eye` left, right or mean"
            )
        return next(iter(eyes.items()))
    if eye == "mean":
        if not {"left", "right"} <= set(eyes):
            raise DataError(f"{recording.place()}: `eye` mean needs both eyes, the file has {', '.join(eyes)} only")
        if not len(recording.time_s):
            raise DataError(f"{recording.place()}: events alone have no samples to average; choose `eye` left or right")
        return "mean", mean_of_eyes(eyes["left"], eyes["right"])
    if eye != "auto":
        if eye not in eyes:
            raise DataError(f"{recording.place()}: no {eye} eye in this recording, it has {', '.join(eyes)}")
        return eye, eyes[eye]
    best = best_eye(recording)
    return best, eyes[best]


def best_eye(recording: Recording) -> str:
    """The eye that "auto" takes: see `choose_eye`."""
    eyes = recording.eyes
    if "both" in eyes:
        return "both"
    accuracy, counts = recording.declared.accuracy_deg, dict.fromkeys(eyes, 0)
    if recording.events is not None:
        fixations = recording.events.filter(pl.col("kind") == "fixation")["eye"]
        counts = {name: int((fixations == name).sum()) for name in eyes}
    return min(eyes, key=lambda n: (accuracy.get(n, math.inf), int(np.isnan(eyes[n][:, 0]).sum()), -counts[n]))


def mean_of_eyes(left: FloatArray, right: FloatArray) -> FloatArray:
    """The (N, 2) average of two eyes; where one is lost, the other."""
    mean = (left + right) / 2
    return np.where(np.isnan(mean), np.where(np.isnan(left), right, left), mean)


def runs(keys: Sequence[object] | NDArray[np.object_]) -> list[tuple[int, int]]:
    """Start and end (exclusive) of each stretch of equal neighbours."""
    array = np.asarray(keys, dtype=object)
    if not len(array):
        return []
    edges = np.flatnonzero(array[1:] != array[:-1]) + 1
    return list(zip([0, *edges.tolist()], [*edges.tolist(), len(array)], strict=True))


def split_trials(recording: Recording, names: Sequence[str | None] | NDArray[np.object_]) -> list[Recording]:
    """One recording for each stretch of samples with the same name; stretches without a name are left out.

    A stimulus shown twice gives "name" and "name#2", so that two showings are never laid over each other.
    """
    names = np.asarray(names, dtype=object)
    seen: dict[str, int] = {}
    trials = []
    for start, end in runs(names):
        name = names[start]
        if not name:
            continue
        seen[name] = seen.get(name, 0) + 1
        label = name if seen[name] == 1 else f"{name}#{seen[name]}"
        trials.append(_cut(recording, start, end, label))
    return trials


def _cut(recording: Recording, start: int, end: int, trial: str) -> Recording:
    time = recording.time_s[start:end]
    first, last = float(time[0]), float(time[-1])
    before = float(recording.time_s[start - 1]) if start else -math.inf
    events = recording.events
    if events is not None:
        onset = pl.col("onset_s")
        events = events.filter((onset <= last) & (onset + pl.col("duration_s") > first))
    return replace(
        recording,
        time_s=time,
        eyes={name: xy[start:end] for name, xy in recording.eyes.items()},
        lines=None if recording.lines is None else recording.lines[start:end],
        trial=trial,
        events=events,
        # Messages of the moments before the first sample (the trial's name, its start) belong to the trial.
        messages=tuple(m for m in recording.messages if before < m.time_s <= last),
    )


def showings(names: Iterable[str]) -> list[str]:
    """Names made unique: the second showing of "a" is "a#2"."""
    seen: dict[str, int] = {}
    unique = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        unique.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return unique


def join_eyes(
    one: tuple[FloatArray, dict[str, FloatArray]], other: tuple[FloatArray, dict[str, FloatArray]]
) -> tuple[FloatArray, dict[str, FloatArray]]:
    """Two eyes that were recorded apart, (N,) times and (N, 2) positions each, on the times of both.

    Samples less than half an interval apart are one. Where an eye has no sample it is NaN.
    """
    (a, left), (b, right) = one, other
    if len(a) == len(b) and np.allclose(a, b, rtol=0, atol=1e-9):
        return a, {**left, **right}
    near = min(filter(None, (sampling_interval(a), sampling_interval(b))), default=0.0) / 2
    after = np.clip(np.searchsorted(a, b), 1, max(len(a) - 1, 1))
    nearest = np.where(np.abs(b - a[after - 1]) <= np.abs(b - a[after % len(a)]), after - 1, after % len(a))
    known = np.abs(b - a[nearest]) < near
    times = np.where(known, a[nearest], b)
    union = np.unique(np.concatenate([a, times]))
    eyes = {}
    for stamps, points in ((a, left), (times, right)):
        at = np.searchsorted(union, stamps)
        for name, xy in points.items():
            eyes[name] = np.full((len(union), 2), np.nan)
            eyes[name][at] = xy
    return union, eyes


def clean_times(path: Path, time_s: FloatArray, lines: NDArray[np.int64] | None = None) -> FloatArray:
    """Check that times are finite and never go back. Raises DataError naming the line where they do."""
    bad = np.flatnonzero(~np.isfinite(time_s))
    if len(bad):
        raise DataError(f"{path}{_line(lines, bad[0])}: the sample has no time; export it again")
    back = np.flatnonzero(np.diff(time_s) <= 0)
    if len(back):
        at = back[0] + 1
        raise DataError(
            f"{path}{_line(lines, at)}: time does not go on ({time_s[at - 1]:.6f} s, then {time_s[at]:.6f} s): the "
            "clock was reset or recordings are mixed; export each recording on its own"
        )
    return time_s


def _line(lines: NDArray[np.int64] | None, index: int) -> str:
    return "" if lines is None else f", line {int(lines[index])}"


def events_frame(rows: Iterable[EventRow]) -> pl.DataFrame:
    """Rows as a table in EVENT_SCHEMA, in order of onset."""
    return pl.DataFrame(list(rows), schema=EVENT_SCHEMA, orient="row").sort("onset_s")


def events_from_labels(
    time_s: FloatArray, labels: NDArray[np.object_], interval_s: float, eye: str | None = None
) -> pl.DataFrame:
    """Events from a label for each sample: "fixation", "saccade", "blink", or something else for none.

    An event lasts from its first sample to the end of its last one. Positions stay null: they are the mean of the
    samples, which the caller's chosen eye decides.
    """
    rows: list[EventRow] = [
        (str(labels[a]), eye, float(time_s[a]), float(time_s[b - 1] - time_s[a]) + interval_s, None, None)
        for a, b in runs(labels)
        if labels[a] in ("fixation", "saccade", "blink")
    ]
    return events_frame(rows)
