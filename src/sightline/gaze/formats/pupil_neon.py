"""Pupil Labs Neon and Invisible: gaze.csv of a Timeseries download, with the files that lie beside it.

Times are nanoseconds of UTC, kept as whole numbers until the first sample's is taken off: a float holds them only to
a quarter of a microsecond. Positions are pixels of the scene camera.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sightline.errors import DataError
from sightline.gaze.formats.table import Head, ReadOptions, Table, read_head, read_table
from sightline.gaze.recording import Declared, EventRow, FloatArray, Message, Recording, clean_times, events_frame, runs

NAME = "pupil-neon"
TITLE = "Pupil Labs Neon or Invisible gaze.csv"
NEEDS = {
    "timestamp [ns]": r"timestamp \[ns\]",
    "gaze x [px]": r"gaze x \[px\]",
    "gaze y [px]": r"gaze y \[px\]",
}
# In gaze.csv, the number of the event that a sample belongs to.
_IDS = {"fixation": "fixation id", "blink": "blink id"}


def read(head: Head, options: ReadOptions) -> list[Recording]:
    """One recording for each "recording id" of the file."""
    table = read_table(head, ["recording id", "timestamp [ns]", "gaze x [px]", "gaze y [px]", "worn", *_IDS.values()])
    if "recording id" not in table:
        return [_read_one(head, table, None)]
    ids = table.text("recording id")
    several = dict.fromkeys(ids.tolist())
    return [_read_one(head, table.where(ids == name), name if len(several) > 1 else None) for name in several]


def _read_one(head: Head, table: Table, recording_id: str | None) -> Recording:
    stamps = table.integers("timestamp [ns]")
    origin = int(stamps[0])
    xy = np.column_stack([table.numbers("gaze x [px]"), table.numbers("gaze y [px]")])
    if "worn" in table:
        xy[np.isin(table.text("worn"), ("0", "0.0", "False", "false"))] = np.nan
    folder = head.path.parent
    return Recording(
        path=head.path,
        format=NAME,
        subject=recording_id or "",
        time_s=clean_times(head.path, _seconds(stamps, origin), table.lines),
        eyes={"both": xy},
        space="scene",
        frame_times_s=_frame_times(folder, origin, recording_id),
        events=_events(folder, origin, recording_id, table),
        messages=_messages(folder, origin, recording_id),
        declared=Declared(focal_px=_focal(folder)),
        lines=table.lines,
    )


def _seconds(stamps: NDArray[np.int64], origin: int) -> FloatArray:
    return (stamps - origin) / 1e9


def _beside(folder: Path, name: str, recording_id: str | None) -> Table | None:
    """A table beside the gaze, the rows of this recording; None where there is none."""
    path = folder / name
    if not path.is_file():
        return None
    head = read_head(path)
    table = read_table(head, head.columns)
    if recording_id is not None and "recording id" in table:
        table = table.where(table.text("recording id") == recording_id)
    return table


def _frame_times(folder: Path, origin: int, recording_id: str | None) -> FloatArray | None:
    table = _beside(folder, "world_timestamps.csv", recording_id)
    return None if table is None else _seconds(table.integers("timestamp [ns]"), origin)


def _events(folder: Path, origin: int, recording_id: str | None, gaze: Table) -> pl.DataFrame | None:
    """Of the tables beside the gaze; where one is missing, of the samples that bear an event's number."""
    rows: list[EventRow] = []
    for kind in ("fixation", "saccade", "blink"):
        table = _beside(folder, f"{kind}s.csv", recording_id)
        if table is None:
            rows += _numbered(gaze, kind, origin)
            continue
        start, end = table.integers("start timestamp [ns]"), table.integers("end timestamp [ns]")
        spots: list[tuple[float | None, float | None]] = [(None, None)] * len(table)
        if "fixation x [px]" in table:
            xy = zip(table.numbers("fixation x [px]").tolist(), table.numbers("fixation y [px]").tolist(), strict=True)
            spots = list(xy)
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
    step = float(np.median(np.diff(time))) if len(time) > 1 else 0.0
    return [
        (kind, None, float(time[a]), float(time[b - 1] - time[a]) + step, None, None)
        for a, b in runs(numbers)
        if numbers[a] not in ("", "0")
    ]


def _messages(folder: Path, origin: int, recording_id: str | None) -> tuple[Message, ...]:
    table = _beside(folder, "events.csv", recording_id)
    if table is None:
        return ()
    times = _seconds(table.integers("timestamp [ns]"), origin)
    rows = zip(times.tolist(), table.text("name"), table.lines.tolist(), strict=True)
    return tuple(Message(time, str(text), line) for time, text, line in rows)


def _focal(folder: Path) -> tuple[float, float] | None:
    path = folder / "scene_camera.json"
    if not path.is_file():
        return None
    try:
        matrix = json.loads(path.read_text())["camera_matrix"]
        return float(matrix[0][0]), float(matrix[1][1])
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise DataError(f"{path}: no camera matrix in it ({error}); download the recording again") from None
