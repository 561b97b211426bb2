"""Pupil Core: gaze_positions.csv of a Pupil Player export, or gaze_positions_on_surface_<name>.csv.

Times are seconds of a monotonic clock; positions are fractions from the BOTTOM left, so y is turned over. Beside the
file, world_timestamps.csv or .npy, fixations.csv and blinks.csv are read where they are.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sightline.errors import DataError
from sightline.gaze.formats.table import Head, ReadOptions, Table, beside, lacking, read_head, read_table
from sightline.gaze.recording import EventRow, FloatArray, Recording, events_frame

NAME = "pupil-core"
TITLE = "Pupil Core gaze_positions.csv"
NEEDS = {
    "gaze_timestamp": r"gaze_timestamp|timestamp",
    "confidence": r"confidence",
    "norm_pos_x": r"norm_pos_x|x_norm",
    "norm_pos_y": r"norm_pos_y|y_norm",
}

MIN_CONFIDENCE = 0.6  # below it, Pupil's own software ignores the pupil


def read(head: Head, options: ReadOptions) -> list[Recording]:
    """The one recording of the file; samples below MIN_CONFIDENCE are lost."""
    surface = "x_norm" in head.columns
    x, y = ("x_norm", "y_norm") if surface else ("norm_pos_x", "norm_pos_y")
    # Before 1.13, Pupil Player called them timestamp and index.
    clock, index = ("gaze_timestamp", "world_index") if "gaze_timestamp" in head.columns else ("timestamp", "index")
    table = read_table(head, [clock, "confidence", x, y, index])
    stamps = table.numbers(clock)
    if not np.isfinite(stamps).all():
        line = int(table.lines[int((~np.isfinite(stamps)).argmax())])
        raise DataError(f"{head.path}, line {line}: {clock!r} is empty or no time; export it again")
    # Eyes are paired after the fact, so samples may stand a little out of order, or twice.
    _, order = np.unique(stamps, return_index=True)
    table = Table(table.path, table.frame[order], table.lines[order])
    origin = float(stamps[order[0]])
    xy = np.column_stack([table.numbers(x), 1 - table.numbers(y)])
    xy[table.numbers("confidence") < MIN_CONFIDENCE] = np.nan
    time = stamps[order] - origin
    frames, numbers = (None, None) if surface else _frame_times(head.path, origin, table, index, time)
    return [
        Recording(
            path=head.path,
            format=NAME,
            subject="",
            time_s=time,
            eyes={"both": xy},
            space="display" if surface else "scene",
            unit="norm",
            mapped=surface,
            frame_times_s=frames,
            frame_numbers=numbers,
            events=_surface_events(head.path, origin) if surface else _events(head.path, origin),
            lines=table.lines,
            notes=(f"{len(stamps) - len(order)} repeated samples left out",) if len(stamps) > len(order) else (),
        )
    ]


def _frame_times(
    path: Path, origin: float, table: Table, index: str, time: FloatArray
) -> tuple[FloatArray | None, NDArray[np.int64] | None]:
    """When scene frames were taken: all by the export or the recording, else those that the samples name."""
    for folder in (path.parent, path.parent.parent.parent):
        if export := beside(folder / "x", "world_timestamps.csv"):
            head = read_head(export)
            return _whole(export, read_table(head, head.columns[:1]).numbers(head.columns[0])) - origin, None
        if (recorded := folder / "world_timestamps.npy").is_file():
            try:
                stamps = np.asarray(np.load(recorded, allow_pickle=False), dtype=np.float64)
            except Exception as error:  # NumPy raises whatever the damage leads to
                raise DataError(f"{recorded}: no array of times ({error}); copy it again") from None
            return _whole(recorded, stamps) - origin, None
    if index not in table:
        return None, None
    # Each sample names the frame nearest in time, so a frame was taken in the middle of its samples.
    frames = table.numbers(index)
    if not np.isfinite(frames).all() or (np.diff(frames) < 0).any():
        return None, None
    named, first = np.unique(frames.astype(np.int64), return_index=True)
    counts = np.diff([*first, len(frames)])
    return (np.add.reduceat(time, first) / counts, named) if len(named) > 1 else (None, None)


def _whole(path: Path, stamps: FloatArray) -> FloatArray:
    """When frames were taken. Raises DataError where that is no list of times."""
    if stamps.ndim != 1 or not np.isfinite(stamps).all():
        raise DataError(f"{path}: no list of times, one for each frame of the scene; export or copy it again")
    return stamps


def _events(path: Path, origin: float) -> pl.DataFrame | None:
    rows: list[EventRow] = []
    fixations, blinks = beside(path, "fixations.csv"), beside(path, "blinks.csv")
    if fixations:
        table = read_table(read_head(fixations), ["start_timestamp", "duration", "norm_pos_x", "norm_pos_y"])
        rows += _fixations(table, origin)
    if blinks:
        table = read_table(read_head(blinks), ["start_timestamp", "duration"])
        columns = [table.numbers(name) for name in ("start_timestamp", "duration")]
        rows += [("blink", None, float(t - origin), float(s), None, None) for t, s in zip(*columns, strict=True)]
    return events_frame(rows) if rows else None


def _surface_events(path: Path, origin: float) -> pl.DataFrame | None:
    """Of fixations_on_surface_<name>.csv, which has a row for every scene frame that a fixation spans."""
    file = beside(path, path.name.removesuffix(".gz").replace("gaze_positions", "fixations"))
    if file is None or "gaze_positions" not in path.name:
        return None
    names = ["fixation_id", "start_timestamp", "duration", "norm_pos_x", "norm_pos_y", "on_surf"]
    head = read_head(file)
    if lacking(head, {name: name for name in names[1:5]}):
        return None
    table = read_table(head, names)
    if "on_surf" in table:
        table = table.where(np.array([word.lower() in ("true", "1") for word in table.text("on_surf")]))
    _, once = np.unique(table.numbers("start_timestamp"), return_index=True)
    rows = _fixations(Table(table.path, table.frame[once], table.lines[once]), origin)
    return events_frame(rows) if rows else None


def _fixations(table: Table, origin: float) -> list[EventRow]:
    columns = [table.numbers(name) for name in ("start_timestamp", "duration", "norm_pos_x", "norm_pos_y")]
    return [
        ("fixation", None, float(t - origin), float(ms) / 1000, float(x), 1 - float(y))
        for t, ms, x, y in zip(*columns, strict=True)
    ]
