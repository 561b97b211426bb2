"""Pupil Core: gaze_positions.csv of a Pupil Player export, or the gaze on a surface.

Times are seconds of a monotonic clock; positions are fractions from the BOTTOM left, so y is turned over. Beside the
file, world_timestamps.csv or .npy, fixations.csv and blinks.csv are read where they are.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from sightline.errors import DataError
from sightline.gaze.formats.table import Head, ReadOptions, Table, read_head, read_table
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
    if np.isnan(stamps).any():
        line = int(table.lines[int(np.isnan(stamps).argmax())])
        raise DataError(f"{head.path}, line {line}: {clock!r} is empty; export it again")
    # Eyes are paired after the fact, so samples may stand a little out of order, or twice.
    _, order = np.unique(stamps, return_index=True)
    table = Table(table.path, table.frame[order], table.lines[order])
    origin = float(stamps[order[0]])
    xy = np.column_stack([table.numbers(x), 1 - table.numbers(y)])
    xy[table.numbers("confidence") < MIN_CONFIDENCE] = np.nan
    time = stamps[order] - origin
    return [
        Recording(
            path=head.path,
            format=NAME,
            subject="",
            time_s=time,
            eyes={"both": xy},
            space="screen" if surface else "scene",
            unit="norm",
            frame_times_s=None if surface else _frame_times(head.path, origin, table, index, time),
            events=None if surface else _events(head.path.parent, origin),
            lines=table.lines,
            notes=(f"{len(stamps) - len(order)} repeated samples left out",) if len(stamps) > len(order) else (),
        )
    ]


def _frame_times(path: Path, origin: float, table: Table, index: str, time: FloatArray) -> FloatArray | None:
    """When each scene frame was taken: from the export, the recording, or the frames that the samples name."""
    for folder in (path.parent, path.parent.parent.parent):
        if (export := folder / "world_timestamps.csv").is_file():
            head = read_head(export)
            return read_table(head, head.columns[:1]).numbers(head.columns[0]) - origin
        if (recorded := folder / "world_timestamps.npy").is_file():
            try:
                return np.asarray(np.load(recorded, allow_pickle=False), dtype=np.float64) - origin
            except (ValueError, OSError) as error:
                raise DataError(f"{recorded}: no array of times ({error}); copy it again") from None
    if index not in table:
        return None
    # Each sample names the frame nearest in time, so a frame was taken in the middle of its samples.
    frames = table.numbers(index).astype(np.int64)
    named, first = np.unique(frames, return_index=True)
    counts = np.diff([*first, len(frames)])
    if (np.diff(frames) < 0).any() or len(named) < 2:
        return None
    middle = np.add.reduceat(time, first) / counts
    return np.interp(np.arange(named[0], named[-1] + 1), named, middle)


def _events(folder: Path, origin: float) -> pl.DataFrame | None:
    rows: list[EventRow] = []
    fixations, blinks = folder / "fixations.csv", folder / "blinks.csv"
    if fixations.is_file():
        table = read_table(read_head(fixations), ["start_timestamp", "duration", "norm_pos_x", "norm_pos_y"])
        columns = [table.numbers(name) for name in ("start_timestamp", "duration", "norm_pos_x", "norm_pos_y")]
        rows += [
            ("fixation", None, float(t - origin), float(ms) / 1000, float(x), 1 - float(y))
            for t, ms, x, y in zip(*columns, strict=True)
        ]
    if blinks.is_file():
        table = read_table(read_head(blinks), ["start_timestamp", "duration"])
        columns = [table.numbers(name) for name in ("start_timestamp", "duration")]
        rows += [("blink", None, float(t - origin), float(s), None, None) for t, s in zip(*columns, strict=True)]
    return events_frame(rows) if rows else None
