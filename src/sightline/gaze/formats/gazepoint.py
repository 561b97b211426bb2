"""Gazepoint Analysis: the "all gaze" CSV. Positions are fractions of the screen from its top left, times seconds."""

from __future__ import annotations

import re

import numpy as np
import polars as pl

from sightline.gaze.formats.table import Head, ReadOptions, Table, find, read_table
from sightline.gaze.recording import EventRow, FloatArray, Message, Recording, clean_times, events_frame, runs

NAME = "gazepoint"
TITLE = "Gazepoint CSV"
NEEDS = {
    "TIME": r"TIME(\(.*\))?",
    "FPOGX": r"FPOGX",
    "FPOGY": r"FPOGY",
    "FPOGV": r"FPOGV",
}

_EYES = {"both": "BPOG", "left": "LPOG", "right": "RPOG"}


def read(head: Head, options: ReadOptions) -> list[Recording]:
    """The trials of the file, one for each stretch of MEDIA_NAME (else MEDIA_ID); times begin anew with each."""
    clock = find(head, NEEDS["TIME"]) or "TIME"
    columns = [f"{eye}{axis}" for eye in ("FPOG", *_EYES.values()) for axis in "XYV"]
    table = read_table(head, [clock, "MEDIA_NAME", "MEDIA_ID", "FPOGD", "FPOGID", "BKID", "BKDUR", "USER", *columns])
    media = next((name for name in ("MEDIA_NAME", "MEDIA_ID") if name in table), None)
    names = table.text(media) if media else np.full(len(table), "", dtype=object)
    seen: dict[str, int] = {}
    trials = []
    for a, b in runs(names):
        seen[names[a]] = seen.get(names[a], 0) + 1
        label = names[a] if seen[names[a]] == 1 else f"{names[a]}#{seen[names[a]]}"
        rows = np.zeros(len(table), dtype=bool)
        rows[a:b] = True
        trials.append(_read_one(table.where(rows), clock, label or None))
    return trials


def _read_one(table: Table, clock: str, trial: str | None) -> Recording:
    stamps = table.numbers(clock)
    time = clean_times(table.path, stamps - stamps[0], table.lines)
    eyes = {eye: _points(table, name) for eye, name in _EYES.items() if f"{name}X" in table and f"{name}Y" in table}
    return Recording(
        path=table.path,
        format=NAME,
        subject="",
        time_s=time,
        eyes=eyes or {"both": _points(table, "FPOG")},
        unit="norm",
        trial=trial,
        events=_events(table, time),
        messages=_messages(table, time),
        lines=table.lines,
    )


def _points(table: Table, name: str) -> FloatArray:
    xy = np.column_stack([table.numbers(f"{name}X"), table.numbers(f"{name}Y")])
    if f"{name}V" in table:
        xy[table.numbers(f"{name}V") != 1] = np.nan
    return xy


def _events(table: Table, time: FloatArray) -> pl.DataFrame | None:
    """A fixation grows row by row while FPOGV is 1; its last row has its final position and duration."""
    if "FPOGID" not in table or "FPOGD" not in table:
        return None
    rows: list[EventRow] = []
    x, y, valid = (table.numbers(f"FPOG{c}") for c in "XYV")
    length = table.numbers("FPOGD")
    step = float(np.median(np.diff(time))) if len(time) > 1 else 0.0
    keys = np.array([f"{i} {v:g}" for i, v in zip(table.text("FPOGID"), valid, strict=True)], dtype=object)
    for _, b in runs(keys):
        if valid[b - 1] == 1 and length[b - 1] > 0:
            onset = float(time[b - 1] + step - length[b - 1])
            rows.append(("fixation", None, onset, float(length[b - 1]), float(x[b - 1]), float(y[b - 1])))
    if "BKID" in table:
        blinks = table.numbers("BKID")
        for a, b in runs(blinks.astype(object)):
            if blinks[a] > 0:
                rows.append(("blink", None, float(time[a]), float(time[b - 1] - time[a]) + step, None, None))
    return events_frame(rows)


def _messages(table: Table, time: FloatArray) -> tuple[Message, ...]:
    """Markers that the experiment sent: the USER column where it changes."""
    if "USER" not in table:
        return ()
    texts = table.text("USER")
    return tuple(
        Message(float(time[a]), re.sub(r"\s+", " ", texts[a]), int(table.lines[a])) for a, _ in runs(texts) if texts[a]
    )
