"""What a file holds and what it lacks for an import: the work of `sightline gaze inspect`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from sightline.gaze import formats
from sightline.gaze.formats import ReadOptions
from sightline.gaze.recording import Recording, sampling_interval


@dataclass(frozen=True, slots=True)
class Inspection:
    """One subject and trial of a file. missing: what an import will ask for, in words, with the option for it."""

    file: str
    format: str
    subject: str
    trial: str | None
    stimuli: tuple[str, ...]
    samples: int
    duration_s: float
    rate_hz: float | None
    declared_rate_hz: float | None
    eyes: dict[str, float]
    coordinates: str
    range_px: tuple[float, float, float, float] | None
    screen_px: tuple[int, int] | None
    screen_cm: tuple[float, float] | None
    distance_cm: float | None
    stimulus_px: tuple[int, int] | None
    calibrated: bool | None
    accuracy_deg: dict[str, float]
    events: dict[str, int]
    messages: int
    message_examples: tuple[str, ...]
    scene_frames: int | None
    missing: tuple[str, ...]
    notes: tuple[str, ...]


def inspect(path: str | Path, format: str | None = None, reading: ReadOptions | None = None) -> list[Inspection]:
    """Look into a file, a trial at a time: also those that an import would refuse, with a note that says why.

    Parameters
    ----------
    path, format, reading
        As of `read`.

    Returns
    -------
    list of Inspection
        What each trial holds: counts, rates (Hz), durations (s), sizes (height, width), the share of valid samples by
        eye, and in words what an import will ask for.

    Raises
    ------
    DataError
        Where there is nothing to show.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "gaze.csv"
    >>> _ = file.write_text("subject,time_ms,x_px,y_px\\nann,0,10,20\\nann,4,11,20\\nann,8,12,20\\n")
    >>> (found,) = inspect(file)
    >>> found.samples, found.rate_hz, found.screen_px
    (3, 250.0, None)
    """
    reading = replace(reading or ReadOptions(), lenient=True)
    return [_look(recording) for recording in formats.read(path, format, reading)]


def _look(recording: Recording) -> Inspection:
    said, time = recording.declared, recording.time_s
    step = sampling_interval(time) or None
    events = Counter(recording.events["kind"].to_list()) if recording.events is not None else {}
    points = np.concatenate([xy[~np.isnan(xy).any(axis=1)] for xy in recording.eyes.values()])
    low_high = np.percentile(points, [1, 99], axis=0) if len(points) else None
    return Inspection(
        file=str(recording.path),
        format=recording.format,
        subject=recording.subject,
        trial=recording.trial,
        stimuli=recording.stimuli,
        samples=len(time),
        duration_s=float(time[-1] - time[0] + step) if step else 0.0,
        rate_hz=1 / step if step else None,
        declared_rate_hz=said.rate_hz,
        eyes={eye: float((~np.isnan(xy[:, 0])).mean()) if len(xy) else 0.0 for eye, xy in recording.eyes.items()},
        coordinates=f"{recording.space} {recording.unit}",
        range_px=tuple(low_high.ravel().tolist()) if low_high is not None else None,
        screen_px=said.screen_px,
        screen_cm=said.screen_cm,
        distance_cm=said.distance_cm,
        stimulus_px=said.stimulus_px,
        calibrated=said.calibrated,
        accuracy_deg=said.accuracy_deg,
        events=dict(events),
        messages=len(recording.messages),
        message_examples=tuple(dict.fromkeys(m.text for m in recording.messages))[:6],
        scene_frames=len(recording.frame_times_s) if recording.frame_times_s is not None else None,
        missing=tuple(_missing(recording)),
        notes=recording.notes,
    )


def _missing(recording: Recording) -> list[str]:
    said = recording.declared
    lacking = []
    if recording.space == "screen" and said.screen_px is None:
        lacking.append("the screen's size in pixels (`screen_px`)")
    if recording.space == "scene":
        if said.focal_px is None:
            lacking.append("the scene camera's focal length (scene_camera.json), else `focal_px`")
        if recording.frame_times_s is None and recording.start_s is None:
            lacking.append("the scene frames' times (world_timestamps.csv), else `offset_s`")
    elif said.screen_cm is None or said.distance_cm is None:
        lacking.append("degrees: the screen's centimetres and distance (`screen_cm`, `distance_cm`)")
    frames_named = any("!V VFRAME" in message.text for message in recording.messages)
    if recording.space != "scene" and recording.start_s is None and not frames_named:
        lacking.append(
            "when the stimulus began: the first sample is taken (`offset_s`, `start_message`, `frame_message`)"
        )
    if recording.events is None or not (recording.events["kind"] == "fixation").any():
        lacking.append("the tracker's own fixations: I-VT will find them, which needs degrees")
    if said.calibrated is False:
        lacking.append("a calibration on record (`lenient`)")
    if any(note.startswith("no END") for note in recording.notes):
        lacking.append("the END of the recording (`lenient` imports what there is)")
    return lacking
