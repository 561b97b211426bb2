"""One recording laid onto its stimulus: positions in stimulus pixels, times in video seconds, fixations by frame."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from sightline.errors import DataError, UsageError
from sightline.fixations import LONGEST_S, inside
from sightline.gaze import clock as clocks
from sightline.gaze import events
from sightline.gaze.clock import ClockMap
from sightline.gaze.events import Agreement, EventOptions
from sightline.gaze.geometry import FloatArray
from sightline.gaze.recording import Recording, choose_eye
from sightline.gaze.stimulus import Stimulus, plain_name
from sightline.gaze.viewing import Setup, Viewing, refuse_wrong_screen, resolve

# subject, when the fixation began and how long it lasted in video time, where in stimulus pixels, on which frame.
TABLE_SCHEMA = {
    "subject": pl.String,
    "onset_s": pl.Float64,
    "duration_s": pl.Float64,
    "x_px": pl.Float64,
    "y_px": pl.Float64,
    "frame": pl.Int32,
}
VFRAME = r"!V VFRAME\s+(?P<frame>\d+)"


@dataclass(frozen=True, slots=True)
class AlignOptions:
    """How a recording is laid onto its stimulus.

    The clock is set by at most one of offset_s, start_message and frame_message, else by what the file itself says.

    Attributes
    ----------
    eye : {"auto", "left", "right", "mean", "mono"}
        Which eye is used; "mono" refuses binocular files.
    setup : Setup
        What the file does not say of screen and rate.
    events : EventOptions
        How fixations are found.
    offset_s : float or None
        The stimulus came this many seconds after the first sample.
    start_message : str or None
        A regular expression: the stimulus came with the first message that matches.
    frame_message : str or None
        A regular expression with a group for the number of the frame; "auto" knows the usual ones.
    first_frame : int or None
        The number that messages give the first frame, 0 or 1.
    drop_onset : bool
        Leave out the fixation that was there when the stimulus came.

    Raises
    ------
    UsageError
        If two options set the clock.

    Examples
    --------
    >>> AlignOptions(offset_s=1.5).eye
    'auto'
    """

    eye: str = "auto"
    setup: Setup = field(default_factory=Setup)
    events: EventOptions = field(default_factory=EventOptions)
    offset_s: float | None = None
    start_message: str | None = None
    frame_message: str | None = None
    first_frame: int | None = None
    drop_onset: bool = False

    def __post_init__(self) -> None:
        names = ("offset_s", "start_message", "frame_message")
        chosen = [name for name in names if getattr(self, name) is not None]
        if len(chosen) > 1:
            raise UsageError(f"{' and '.join(f'`{name}`' for name in chosen)} both set the clock; give one of them")
        if self.first_frame is not None and chosen not in ([], ["frame_message"]):
            raise UsageError(
                f"`first_frame` {self.first_frame} numbers frame messages, but `{chosen[0]}` sets the clock"
            )
        if self.offset_s is not None and not math.isfinite(self.offset_s):
            raise UsageError(f"`offset_s` {self.offset_s:g}: a number of seconds is expected")


@dataclass(frozen=True, slots=True)
class Aligned:
    """A recording on its stimulus, as `align` makes it.

    Attributes
    ----------
    recording : Recording
        What was laid.
    viewing : Viewing
        The screen, and the stimulus on it.
    clock : ClockMap
        From the recording's seconds to the stimulus's.
    eye : str
        The one that was used.
    screen_xy, xy : ndarray, (N, 2) float64
        Gaze samples in pixels of the screen, and of the stimulus; NaN where lost or blinking.
    degrees : ndarray, (N, 2) float64, or None
        The same in degrees of visual angle; None where the screen's size or distance are unknown.
    time_s : ndarray, (N,) float64
        Seconds of the stimulus.
    found : polars.DataFrame
        Every fixation, in screen pixels and the recording's time (events.FIXATION_SCHEMA).
    fixations : polars.DataFrame
        Those on the stimulus, in its pixels and time (TABLE_SCHEMA).
    method : {"tracker", "ivt", "idt"}
        Who found them.
    agreement : Agreement or None
        With the tracker's own fixations, where both exist.

    Examples
    --------
    >>> from pathlib import Path
    >>> from sightline.gaze.recording import events_frame
    >>> seen = events_frame([("fixation", None, 0.0, 0.3, 960.0, 540.0)])
    >>> time = np.arange(100) / 250
    >>> eyes = {"both": np.full((100, 2), (960.0, 540.0))}
    >>> recording = Recording(Path("s.csv"), "csv", "ann", time, eyes, events=seen)
    >>> photograph = Stimulus(Path("a.jpg"), (540, 960), np.zeros(1), math.inf)
    >>> laid = align(recording, photograph, AlignOptions(setup=Setup(screen_px=(1080, 1920))))
    >>> laid.method, laid.xy[0].tolist()
    ('tracker', [480.0, 270.0])
    """

    recording: Recording
    viewing: Viewing
    clock: ClockMap
    eye: str
    screen_xy: FloatArray
    xy: FloatArray
    degrees: FloatArray | None
    time_s: FloatArray
    found: pl.DataFrame
    fixations: pl.DataFrame
    method: str
    agreement: Agreement | None


def align(recording: Recording, stimulus: Stimulus, options: AlignOptions | None = None) -> Aligned:
    """Lay a recording onto its stimulus: its pixels, its time, its fixations.

    Parameters
    ----------
    recording : Recording
        One subject and trial, as `read` gives it.
    stimulus : Stimulus
        What was watched.
    options : AlignOptions, optional
        What the file does not say.

    Returns
    -------
    Aligned
        Samples and fixations in pixels of the stimulus and seconds from its first frame.

    Raises
    ------
    DataError
        If the file contradicts what was given, most samples lie beside the screen, or no clock or event can be had.
    UsageError
        If something is missing that the options must say.

    Examples
    --------
    >>> from pathlib import Path
    >>> from sightline.gaze.recording import events_frame
    >>> seen = events_frame([("fixation", None, 0.1, 0.2, 960.0, 540.0)])
    >>> time = np.arange(100) / 250
    >>> eyes = {"both": np.full((100, 2), (960.0, 540.0))}
    >>> recording = Recording(Path("s.csv"), "csv", "ann", time, eyes, events=seen)
    >>> film = Stimulus(Path("film.mp4"), (540, 960), np.array([0.0, 0.04, 0.08, 0.12]), 0.16)
    >>> options = AlignOptions(setup=Setup(screen_px=(1080, 1920)), offset_s=0.05)
    >>> align(recording, film, options).fixations.select("subject", "onset_s", "x_px", "y_px", "frame").row(0)
    ('ann', 0.05, 480.0, 270.0, 1)
    """
    options = options or AlignOptions()
    viewing = resolve(recording, stimulus, options.setup)
    clock = choose_clock(recording, stimulus, options)
    eye, raw = choose_eye(recording, options.eye)
    screen_xy = viewing.screen_xy(recording, events.without_blinks(recording, eye, raw))
    refuse_wrong_screen(recording, viewing.screen, screen_xy)
    degrees = viewing.degrees(screen_xy)
    own = events.tracker_fixations(recording, eye, raw)
    if own is not None:
        points = viewing.screen_xy(recording, own.select("x", "y").to_numpy())
        own = own.with_columns(pl.Series("x", points[:, 0]), pl.Series("y", points[:, 1]))
    method, found = _fixations(recording, own, screen_xy, degrees, options.events)
    agreement = None
    if own is not None and method != "tracker":
        agreement = events.agreement(recording.time_s, own, found)
    return Aligned(
        recording=recording,
        viewing=viewing,
        clock=clock,
        eye=eye,
        screen_xy=screen_xy,
        xy=viewing.placement.to_stimulus(screen_xy),
        degrees=degrees,
        time_s=clock(recording.time_s),
        found=found,
        fixations=_on_stimulus(recording, viewing, clock, stimulus, found, options.drop_onset),
        method=method,
        agreement=agreement,
    )


def choose_clock(recording: Recording, stimulus: Stimulus, options: AlignOptions) -> ClockMap:
    """The clock that was asked for; else scene frames, EyeLink's VFRAME messages, or the start of the trial."""
    if options.offset_s is not None:
        return clocks.from_offset(recording, options.offset_s)
    if options.start_message is not None:
        return clocks.from_start_message(recording, options.start_message)
    frames = stimulus.frame_times_s
    if options.frame_message is not None:
        pattern = clocks.FRAME_PATTERN if options.frame_message == "auto" else options.frame_message
        return clocks.from_frame_messages(recording, frames, pattern, options.first_frame)
    if stimulus.is_image:
        return clocks.from_start(recording)
    if recording.frame_times_s is not None:
        return clocks.from_scene_frames(recording, frames)
    if any("!V VFRAME" in message.text for message in recording.messages):
        return clocks.from_frame_messages(recording, frames, VFRAME, options.first_frame)
    return clocks.from_start(recording)


def _fixations(
    recording: Recording,
    own: pl.DataFrame | None,
    screen_xy: FloatArray,
    degrees: FloatArray | None,
    options: EventOptions,
) -> tuple[str, pl.DataFrame]:
    method = options.method
    if method == "auto":
        method = "ivt" if own is None else "tracker"
    if method == "tracker":
        if own is None:
            raise DataError(f"{recording.path}: the file has no fixations of the tracker; use `events` ivt or idt")
        if (longest := own["duration_s"].max()) is not None and float(longest) > LONGEST_S:
            raise DataError(
                f"{recording.place()}: the tracker's own fixations last up to {longest:.3g} s; mend the file, or use "
                "`events` ivt or idt"
            )
        return method, own.filter(pl.col("duration_s") >= options.min_duration_s - 1e-9)
    if degrees is None:
        scene = recording.space == "scene"
        raise UsageError(
            f"{recording.path}: finding fixations needs degrees of visual angle: give "
            + ("the scene camera's `focal_px`" if scene else "`screen_cm` and `distance_cm`")
        )
    return method, events.detect(recording.time_s, screen_xy, degrees, recording.interval_s, options)


def _on_stimulus(
    recording: Recording,
    viewing: Viewing,
    clock: ClockMap,
    stimulus: Stimulus,
    found: pl.DataFrame,
    drop_onset: bool,
) -> pl.DataFrame:
    """Fixations in video time, cut to the stimulus's time and place."""
    onset = clock(found["onset_s"].to_numpy())
    end = clock((found["onset_s"] + found["duration_s"]).to_numpy())
    xy = viewing.placement.to_stimulus(found.select("x", "y").to_numpy())
    keep = (end > 0) & (onset < stimulus.end_s) & inside(xy, stimulus.size)
    if drop_onset:
        keep &= onset > (recording.interval_s if len(recording.time_s) else 0)
    onset, end, xy = np.maximum(onset[keep], 0), np.minimum(end[keep], stimulus.end_s), xy[keep]
    table = {
        "subject": [recording.subject] * len(onset),
        "onset_s": onset,
        "duration_s": end - onset,
        "x_px": xy[:, 0],
        "y_px": xy[:, 1],
        "frame": stimulus.frame_at(onset),
    }
    return pl.DataFrame(table, schema_overrides=TABLE_SCHEMA)


def choose_trial(recordings: Sequence[Recording], trial: str | None, stimulus: Stimulus) -> list[Recording]:
    """One recording a subject out of a file's: the trial asked for, else the only one, else the stimulus's own.

    A trial is asked for by its name or by what the file calls its stimulus. Raises DataError naming the trials where
    that leaves none or several.
    """
    chosen = []
    for subject in dict.fromkeys(r.subject for r in recordings):
        mine = [r for r in recordings if r.subject == subject]
        if trial is not None:
            hits = [r for r in mine if r.trial == trial]
            hits = hits or [r for r in mine if plain_name(trial) in map(plain_name, (r.trial or "", *r.stimuli))]
        else:
            hits = mine if len(mine) == 1 else [r for r in mine if shows(r, stimulus)]
        if len(hits) == 1:
            chosen.append(hits[0])
            continue
        names = ", ".join(f"{r.trial!r}{_from(r)}" for r in mine[:8]) + (" ..." if len(mine) > 8 else "")
        who = f" of subject {subject!r}" if subject else ""
        left_out = "".join(f"; {note}" for note in mine[0].notes if trial is not None and repr(trial) in note)
        raise DataError(
            f"{mine[0].path}: {'no trial ' + repr(trial) if trial is not None else 'several trials'}{who} in the file "
            f"({names}); choose one with `trial`{left_out}"
        )
    return chosen


def shows(recording: Recording, stimulus: Stimulus) -> bool:
    """Whether a trial is called like the stimulus, or the file says that it showed it."""
    return any(stimulus.is_called(name) for name in recording.called)


def _from(recording: Recording) -> str:
    return "" if recording.lines is None else f" from line {int(recording.lines[0])}"
