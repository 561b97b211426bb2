"""Pupil Labs Neon and Invisible: gaze.csv of a Timeseries download or an enrichment, with the files beside it.

Times are nanoseconds of UTC, kept as whole numbers until the first sample's is taken off: a float holds them only to
a quarter of a microsecond. Positions are pixels of the scene camera; with the Reference Image Mapper pixels of that
image, and with the Marker Mapper fractions of the surface, both from the top left.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sightline.errors import DataError
from sightline.gaze.formats.table import Head, ReadOptions, Table, beside, find, read_head, read_table
from sightline.gaze.recording import (
    Declared,
    EventRow,
    FloatArray,
    Message,
    Recording,
    Space,
    clean_times,
    events_frame,
    runs,
    sampling_interval,
)
from sightline.untrusted import parse_json

NAME = "pupil-neon"
TITLE = "Pupil Labs Neon or Invisible gaze.csv"
NEEDS = {
    "timestamp [ns]": r"timestamp \[ns\]",
    "gaze x [px]": r"gaze x \[px\]|gaze position (in reference image|on surface) x \[\w+\]",
    "gaze y [px]": r"gaze y \[px\]|gaze position (in reference image|on surface) y \[\w+\]",
}
# In gaze.csv, the number of the event that a sample belongs to.
_IDS = {"fixation": "fixation id", "blink": "blink id"}


def read(head: Head, options: ReadOptions) -> list[Recording]:
    """One recording for each "recording id" of the file."""
    points = [find(head, NEEDS[f"gaze {axis} [px]"]) or "" for axis in "xy"]
    table = read_table(head, ["recording id", "timestamp [ns]", *points, "worn", *_IDS.values()])
    if "recording id" not in table:
        return [_read_one(head, table, points, None)]
    ids = table.text("recording id")
    several = dict.fromkeys(ids.tolist())
    return [_read_one(head, table.where(ids == name), points, name if len(several) > 1 else None) for name in several]


def _read_one(head: Head, table: Table, points: list[str], recording_id: str | None) -> Recording:
    stamps = table.integers("timestamp [ns]")
    origin = int(stamps[0])
    xy = np.column_stack([table.numbers(name) for name in points])
    space: Space = "display" if "surface" in points[0] else "stimulus" if "image" in points[0] else "scene"
    if "worn" in table:
        xy[np.isin(table.text("worn"), ("0", "0.0", "False", "false"))] = np.nan
    path = head.path
    return Recording(
        path=head.path,
        format=NAME,
        subject=recording_id or "",
        time_s=clean_times(head.path, _seconds(stamps, origin), table.lines),
        eyes={"both": xy},
        space=space,
        mapped=space != "scene",
        unit="norm" if space == "display" else "px",
        frame_times_s=_frame_times(path, origin, recording_id) if space == "scene" else None,
        events=_events(path, origin, recording_id, table),
        messages=_messages(path, origin, recording_id),
        declared=Declared(focal_px=_focal(path) if space == "scene" else None),
        lines=table.lines,
    )


def _seconds(stamps: NDArray[np.int64], origin: int) -> FloatArray:
    return (stamps - origin) / 1e9


def _beside(path: Path, name: str, recording_id: str | None) -> Table | None:
    """A table beside the gaze, the rows of this recording; None where there is none."""
    found = beside(path, name)
    if found is None:
        return None
    head = read_head(found)
    table = read_table(head, head.columns)
    if recording_id is not None and "recording id" in table:
        table = table.where(table.text("recording id") == recording_id)
    return table


def _frame_times(path: Path, origin: int, recording_id: str | None) -> FloatArray | None:
    table = _beside(path, "world_timestamps.csv", recording_id)
    return None if table is None else _seconds(table.integers("timestamp [ns]"), origin)


def _events(path: Path, origin: int, recording_id: str | None, gaze: Table) -> pl.DataFrame | None:
    """Of the tables beside the gaze; where one is missing, of the samples that bear an event's number."""
    rows: list[EventRow] = []
    for kind in ("fixation", "saccade", "blink"):
        table = _beside(path, f"{kind}s.csv", recording_id)
        if table is None:
            rows += _numbered(gaze, kind, origin)
            continue
        start, end = table.integers("start timestamp [ns]"), table.integers("end timestamp [ns]")
        spots: list[tuple[float | None, float | None]] = [(None, None)] * len(table)
        for unit in ("px", "normalized"):
            x, y = (f"fixation {axis} [{unit}]" for axis in "xy")
            if x in table:
                spots = list(zip(table.numbers(x).tolist(), table.numbers(y).tolist(), strict=True))
        rows += [
            (kind, None, float(a), float(b - a), *spot)
            for a, b, spot in zip(_seconds(start, origin), _seconds(end, origin), spots, strict=True)
        ]
    return events_frame(rows) if rows else None


def _numbered(gaze: Table, kind: str, origin: int) -> list[EventRow]:
    column = _IDS.get(kind)
    if column is None or column not in gaze:
        return []
    numbers, time = gaze.text(column), _seconds(gaze.integers("timestamp [ns]"), origin)
    step = sampling_interval(time)
    return [
        (kind, None, float(time[a]), float(time[b - 1] - time[a]) + step, None, None)
        for a, b in runs(numbers)
        if numbers[a] not in ("", "0")
    ]


def _messages(path: Path, origin: int, recording_id: str | None) -> tuple[Message, ...]:
    table = _beside(path, "events.csv", recording_id)
    if table is None:
        return ()
    times = _seconds(table.integers("timestamp [ns]"), origin)
    rows = zip(times.tolist(), table.text("name"), table.lines.tolist(), strict=True)
    return tuple(Message(time, str(text), line) for time, text, line in rows)


def _focal(path: Path) -> tuple[float, float] | None:
    file = path.with_name("scene_camera.json")
    if not file.is_file():
        return None
    try:
        matrix = parse_json(file.read_text())["camera_matrix"]
        return float(matrix[0][0]), float(matrix[1][1])
    except (ValueError, KeyError, IndexError, TypeError, OverflowError) as error:
        raise DataError(f"{file}: no camera matrix in it ({error}); download the recording again") from None
