"""Gazepoint Analysis: the "all gaze" CSV, and the "fixations" CSV with a row for each fixation.

Positions are fractions of the screen from its top left, times seconds. FPOGS is when a fixation began, FPOGD how long
it has lasted at TIME.
"""

from __future__ import annotations

import re

import numpy as np
import polars as pl

from sightline.gaze.formats.table import Head, ReadOptions, Table, find, read_table
from sightline.gaze.recording import (
    EventRow,
    FloatArray,
    Message,
    Recording,
    clean_times,
    events_frame,
    runs,
    sampling_interval,
    showings,
)

NAME = "gazepoint"
TITLE = "Gazepoint CSV"
NEEDS = {
    "TIME": r"TIME(\(.*\))?",
    "FPOGX": r"FPOGX",
    "FPOGY": r"FPOGY",
    "FPOGV": r"FPOGV",
}

SHORTEST_S = 0.03  # of a fixation

_EYES = {"both": "BPOG", "left": "LPOG", "right": "RPOG"}


def read(head: Head, options: ReadOptions) -> list[Recording]:
    """The trials of the file, one for each stretch of MEDIA_NAME (else MEDIA_ID); times begin anew with each."""
    clock = find(head, NEEDS["TIME"]) or "TIME"
    columns = [f"{eye}{axis}" for eye in ("FPOG", *_EYES.values()) for axis in "XYV"]
    table = read_table(
        head, [clock, "MEDIA_NAME", "MEDIA_ID", "FPOGS", "FPOGD", "FPOGID", "BKID", "BKDUR", "USER", *columns]
    )
    media = next((name for name in ("MEDIA_NAME", "MEDIA_ID") if name in table), None)
    names = table.text(media) if media else np.full(len(table), "", dtype=object)
    read_one = _read_fixations if _are_fixations(table) else _read_one
    trials, spans = [], runs(names)
    for (a, b), label in zip(spans, showings(names[a] for a, _ in spans), strict=True):
        rows = np.zeros(len(table), dtype=bool)
        rows[a:b] = True
        trials.append(read_one(table.where(rows), clock, label or None))
    return trials


def _are_fixations(table: Table) -> bool:
    """Whether each row is another fixation, whole, where samples repeat their fixation's number while it grows."""
    if "FPOGID" not in table or "FPOGD" not in table:
        return False
    numbers, lengths = table.text("FPOGID"), table.numbers("FPOGD")
    known = lengths[np.isfinite(lengths)]
    return len(set(numbers.tolist())) > 0.9 * len(numbers) and len(known) > 0 and bool(np.median(known) >= SHORTEST_S)


def _read_fixations(table: Table, clock: str, trial: str | None) -> Recording:
    length, valid = table.numbers("FPOGD"), table.numbers("FPOGV") == 1
    onset = table.numbers("FPOGS") if "FPOGS" in table else table.numbers(clock) - length
    rows: list[EventRow] = [
        ("fixation", None, float(t), float(d), float(x), float(y))
        for t, d, (x, y), there in zip(onset, length, _points(table, "FPOG"), valid, strict=True)
        if there and d > 0
    ]
    return Recording(
        path=table.path,
        format=NAME,
        subject="",
        time_s=np.empty(0),
        eyes={"both": np.empty((0, 2))},
        unit="norm",
        trial=trial,
        start_s=0.0,
        events=events_frame(rows),
    )


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
        events=_events(table, time, float(stamps[0])),
        messages=_messages(table, time),
        lines=table.lines,
    )


def _points(table: Table, name: str) -> FloatArray:
    xy = np.column_stack([table.numbers(f"{name}X"), table.numbers(f"{name}Y")])
    if f"{name}V" in table:
        xy[table.numbers(f"{name}V") != 1] = np.nan
    return xy


def _events(table: Table, time: FloatArray, origin: float) -> pl.DataFrame | None:
    """A fixation grows row by row while FPOGV is 1; its last row has its final position and duration."""
    if "FPOGID" not in table or "FPOGD" not in table:
        return None
    rows: list[EventRow] = []
    x, y, valid = (table.numbers(f"FPOG{c}") for c in "XYV")
    length = table.numbers("FPOGD")
    onsets = (table.numbers("FPOGS") - origin) if "FPOGS" in table else time - length
    step = sampling_interval(time)
    keys = np.array([f"{i} {v:g}" for i, v in zip(table.text("FPOGID"), valid, strict=True)], dtype=object)
    for _, b in runs(keys):
        if valid[b - 1] == 1 and length[b - 1] > 0:
            rows.append(
                ("fixation", None, float(onsets[b - 1]), float(length[b - 1]), float(x[b - 1]), float(y[b - 1]))
            )
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
