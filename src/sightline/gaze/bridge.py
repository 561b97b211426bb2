"""Recordings of every format as pymovements' own objects, for its transforms, events and measures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from sightline.errors import UsageError
from sightline.gaze.recording import Recording, sampling_interval
from sightline.gaze.viewing import Setup

if TYPE_CHECKING:
    from pymovements import Gaze


def to_pymovements(recording: Recording, setup: Setup | None = None) -> Gaze:
    """Give the samples, events and messages of a recording to pymovements, with the screen as its Experiment.

    Parameters
    ----------
    recording : Recording
        Of gaze on a screen.
    setup : Setup, optional
        What the file does not say of the screen.

    Returns
    -------
    pymovements.Gaze
        Times are milliseconds of the recording's clock, positions screen pixels from the top left, null where lost,
        in pymovements' order of eyes: left, right, both.

    Raises
    ------
    UsageError
        For gaze on no screen, or on one of unknown size.

    Examples
    --------
    >>> from pathlib import Path
    >>> xy = np.array([[10.0, 20.0], [11.0, 20.0]])
    >>> recording = Recording(Path("s.csv"), "csv", "ann", np.array([0.0, 0.004]), {"both": xy})
    >>> gaze = to_pymovements(recording, Setup(screen_px=(1080, 1920)))
    >>> gaze.samples["pixel"].to_list()
    [[10.0, 20.0], [11.0, 20.0]]
    """
    from pymovements import Events, Experiment, Gaze

    setup, said = setup or Setup(), recording.declared
    screen_px = setup.screen_px or said.screen_px
    if recording.space != "screen":
        raise UsageError(f"{recording.path}: the positions are no screen's, which pymovements needs")
    if screen_px is None:
        raise UsageError(f"{recording.path}: the file does not say how large the screen is; give Setup(screen_px=...)")
    scale = np.array(screen_px[::-1] if recording.unit == "norm" else (1, 1), dtype=np.float64)
    columns = {"time": 1000 * recording.time_s}
    pixels = []
    for eye in ("left", "right", "both"):
        if eye in recording.eyes:
            for axis, values in zip("xy", (recording.eyes[eye] * scale).T, strict=True):
                columns[f"{axis}_{eye}"] = values
                pixels.append(f"{axis}_{eye}")
    (height, width), (height_cm, width_cm) = screen_px, setup.screen_cm or said.screen_cm or (None, None)
    rate = said.rate_hz or (1 / recording.interval_s if len(recording.time_s) > 1 else None)
    experiment = Experiment(
        width, height, width_cm, height_cm, setup.distance_cm or said.distance_cm, "upper left", sampling_rate=rate
    )
    messages = pl.DataFrame(
        [(1000 * message.time_s, message.text) for message in recording.messages],
        schema={"time": pl.Float64, "content": pl.String},
        orient="row",
    )
    return Gaze(
        pl.DataFrame(columns),
        experiment,
        _events(recording, Events),
        messages=messages,
        time_column="time",
        time_unit="ms",
        pixel_columns=pixels,
    )


def _events(recording: Recording, kind: type) -> object | None:
    if recording.events is None:
        return None
    # There an event ends with its last sample, here when the next one begins.
    step = 1000 * sampling_interval(recording.time_s)
    onset, length = 1000 * pl.col("onset_s"), 1000 * pl.col("duration_s")
    offset = pl.max_horizontal(onset, onset + length - step)
    return kind(recording.events.select("eye", name="kind", onset=onset, offset=offset))
