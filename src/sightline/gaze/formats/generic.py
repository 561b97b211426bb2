"""A table of no known maker: gaze samples (time, x, y) or fixations (onset, duration, x, y), one a row.

Columns are found by their usual names, or named: {"time": "t", "x": "gx", "y": "gy"}. The unit of times stands in the
name (onset_ms, time [s]); where it does not, it is guessed from the steps, and a note says so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

import numpy as np

from sightline.errors import DataError, UsageError
from sightline.gaze.formats.table import Head, ReadOptions, Table, read_table
from sightline.gaze.recording import (
    EventRow,
    FloatArray,
    Recording,
    clean_times,
    events_frame,
    events_from_labels,
    split_trials,
)

NAME = "csv"
TITLE = "a table with the columns time, x, y or onset, duration, x, y"
NEEDS: dict[str, str] = {}

_UNIT = r"(?:[_ ]?[\[(]?(?:s|sec|ms|us|ns)[\])]?)?"
_POINT = r"(?:[_ ]?[\[(]?(?:px|pix|pixels|norm)[\])]?)?"
_NAMES = {
    "time": rf"(?:time|timestamp|t){_UNIT}",
    "onset": rf"(?:onset|start|fixation_start){_UNIT}",
    "duration": rf"(?:duration|fixation_duration){_UNIT}",
    "x": rf"(?:x|gaze[_ ]?x|x[_ ]?gaze|fixation[_ ]?x|pos_x){_POINT}",
    "y": rf"(?:y|gaze[_ ]?y|y[_ ]?gaze|fixation[_ ]?y|pos_y){_POINT}",
    "subject": r"subject|participant|observer|viewer|user|id",
    "trial": r"trial|stimulus|media|image|video",
    "event": r"event|label|eye_movement",
}
_SECONDS = {"s": 1.0, "sec": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}


def recognises(head: Head) -> bool:
    """Whether the usual names are there."""
    found = _columns(head, {})
    return {"x", "y"} <= set(found) and ("time" in found or {"onset", "duration"} <= set(found))


def read(head: Head, options: ReadOptions) -> list[Recording]:
    """The trials of every subject. Raises DataError naming the columns that are missing."""
    columns = _columns(head, options.columns)
    fixations = {"onset", "duration"} <= set(columns)
    needed = ("onset", "duration", "x", "y") if fixations else ("time", "x", "y")
    lacking = [name for name in needed if name not in columns]
    if lacking:
        raise DataError(
            f"{head.path}, line {head.header + 1}: no column for {', '.join(lacking)} among "
            f"{', '.join(head.columns[:12])}; name them, as in --column {lacking[0]}=NAME"
        )
    table = read_table(head, columns.values())
    subjects = table.text(columns["subject"]) if "subject" in columns else np.full(len(table), "", dtype=object)
    recordings = []
    for subject in dict.fromkeys(subjects.tolist()):
        rows = table.where(subjects == subject)
        recordings += (_fixations if fixations else _samples)(rows, columns, subject, options)
    return recordings


def _columns(head: Head, given: Mapping[str, str]) -> dict[str, str]:
    """Our names to the file's. Raises UsageError for names that neither side has."""
    for name, column in given.items():
        if name not in _NAMES:
            raise UsageError(f"--column {name}={column}: the name is one of {', '.join(_NAMES)}")
        if column not in head.columns:
            raise UsageError(f"--column {name}={column}: {head.path} has no column {column!r}")
    found = dict(given)
    for name, pattern in _NAMES.items():
        hits = [c for c in head.columns if re.fullmatch(pattern, c, re.IGNORECASE)]
        if name not in found and hits:
            found[name] = hits[0]
    return found


def _samples(table: Table, columns: dict[str, str], subject: str, options: ReadOptions) -> list[Recording]:
    time, notes = _seconds(table.numbers(columns["time"]), columns["time"])
    time = clean_times(table.path, time - time[0], table.lines)
    events = None
    if "event" in columns:
        labels = np.array([label.lower() for label in table.text(columns["event"])], dtype=object)
        events = events_from_labels(time, labels, float(np.median(np.diff(time))) if len(time) > 1 else 0.0)
    recording = Recording(
        path=table.path,
        format=NAME,
        subject=subject,
        time_s=time,
        eyes={"both": np.column_stack([table.numbers(columns["x"]), table.numbers(columns["y"])])},
        space=options.space or "screen",
        unit=_unit(columns["x"]),
        events=events if events is not None and len(events) else None,
        notes=notes,
        lines=table.lines,
    )
    return split_trials(recording, table.text(columns["trial"])) if "trial" in columns else [recording]


def _fixations(table: Table, columns: dict[str, str], subject: str, options: ReadOptions) -> list[Recording]:
    """Fixations alone: their onsets count from the stimulus's start."""
    trials = table.text(columns["trial"]) if "trial" in columns else np.full(len(table), "", dtype=object)
    recordings = []
    for trial in dict.fromkeys(trials.tolist()):
        rows = table.where(trials == trial)
        onset, notes = _seconds(rows.numbers(columns["onset"]), columns["onset"])
        duration, _ = _seconds(rows.numbers(columns["duration"]), columns["duration"])
        _require_complete(rows, onset + duration)
        xy = np.column_stack([rows.numbers(columns["x"]), rows.numbers(columns["y"])])
        known = ~np.isnan(xy).any(axis=1)
        events: list[EventRow] = [
            ("fixation", None, float(t), float(d), float(x), float(y))
            for t, d, (x, y) in zip(onset[known], duration[known], xy[known], strict=True)
        ]
        recordings.append(
            Recording(
                path=table.path,
                format=NAME,
                subject=subject,
                time_s=np.empty(0),
                eyes={"both": np.empty((0, 2))},
                space=options.space or "stimulus",
                unit=_unit(columns["x"]),
                trial=trial or None,
                start_s=0.0,
                events=events_frame(events),
                notes=notes,
            )
        )
    return recordings


def _require_complete(table: Table, times: FloatArray) -> None:
    bad = np.flatnonzero(~np.isfinite(times))
    if len(bad):
        raise DataError(f"{table.path}, line {int(table.lines[bad[0]])}: a fixation without onset or duration; drop it")


def _seconds(values: FloatArray, column: str) -> tuple[FloatArray, tuple[str, ...]]:
    match = re.search(r"(?:_|\s|\[|\()(s|sec|ms|us|ns)[\])]?$", column, re.IGNORECASE)
    if match:
        return values * _SECONDS[match[1].lower()], ()
    steps = np.abs(np.diff(values))
    step = float(np.median(steps[steps > 0])) if (steps > 0).any() else 1.0
    # Trackers sample 5 to 10 000 times a second: a step is 0.1 ms to 200 ms.
    unit = next((name for name, most in (("s", 0.2), ("ms", 200), ("us", 2e5)) if step <= most), "ns")
    return values * _SECONDS[unit], (f"times of {column!r} taken as {unit}",)


def _unit(column: str) -> Literal["px", "norm"]:
    return "norm" if "norm" in column.lower() else "px"
