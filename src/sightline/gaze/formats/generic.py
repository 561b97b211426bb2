"""A table of no known maker: gaze samples (time, x, y) or fixations (onset, duration, x, y), one a row.

Columns are found by their usual names (columns.py), or named: {"time": "t", "x": "gx", "y": "gy"}. A table is one of
fixations by what it is: its rows have durations and each begins after the one before has ended. The unit of times
stands in the name (onset_ms, time [s]), or is what it can only be (sightline.fixations.units), and a note says so.
Rows of saccades, blinks and of other things than fixations are left out, and samples that the tracker calls invalid
are lost.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sightline.errors import DataError, UsageError
from sightline.fixations.units import SECONDS, named_unit, unit_of_samples, units_of_columns
from sightline.gaze.formats.columns import Columns, find_columns
from sightline.gaze.formats.rows import eyes_of, kinds_in, lost_in, positions, stimuli_of, trials_of
from sightline.gaze.formats.table import Head, ReadOptions, Table, read_table, separate_messages
from sightline.gaze.recording import (
    EventRow,
    FloatArray,
    Message,
    Recording,
    clean_times,
    events_frame,
    events_from_labels,
    join_eyes,
    runs,
    sampling_interval,
    showings,
)

NAME = "csv"
TITLE = "a table with the columns time, x, y or onset, duration, x, y"
NEEDS: dict[str, str] = {}

LATE_S = 60.0  # onsets that begin later hardly count from the stimulus's start

_MEDIA = re.compile(r"\.(png|jpe?g|bmp|gif|tiff?|webp|avif|mp4|avi|mov|mkv|mpe?g|wmv|webm|m4v)$", re.IGNORECASE)


def recognises(head: Head) -> bool:
    """Whether the usual names are there."""
    return has_columns(head, {})


def has_columns(head: Head, given: object) -> bool:
    """Whether a line names what a table needs, with the names that were given."""
    named = given if isinstance(given, dict) else {}
    if not set(named.values()) <= set(head.columns):
        return False
    found = find_columns(head, named)
    return found.has_points and not _lacking(found)


def _lacking(columns: Columns) -> list[str]:
    """What is missing for either kind of table, by the kind that is nearer."""
    lasting = "onset" in columns and ("duration" in columns or "end" in columns)
    lacking = [] if lasting or "time" in columns else ["onset" if "duration" in columns else "time"]
    if "onset" in columns and not lasting and "time" not in columns:
        lacking = ["duration"]
    return lacking + ([] if columns.has_points else [axis for axis in "xy" if axis not in columns])


def read(head: Head, options: ReadOptions) -> list[Recording]:
    """The trials of every subject. Raises DataError naming the columns that are missing."""
    columns = find_columns(head, options.columns)
    if lacking := _lacking(columns):
        raise DataError(
            f"{head.path}, line {head.header + 1}: no column for {', '.join(lacking)} among "
            f"{', '.join(head.columns[:12])}; name them, as in `columns` {lacking[0]}=NAME"
        )
    if options.time_unit is not None and options.time_unit not in SECONDS:
        raise UsageError(f"`time_unit` {options.time_unit!r}: choose one of {', '.join(SECONDS)}")
    named = [name for name in head.columns if _MEDIA.search(_first_cell(head, name))]
    table = read_table(head, head.columns[:8] + named + list(columns.of.values()) + _of_eyes(columns))
    table, messages = separate_messages(table, 1.0)
    columns = _of_one_kind(_without_numbers_of_rows(columns, options, table), table)
    subjects = table.text(columns.of["subject"]) if "subject" in columns else np.full(len(table), "", dtype=object)
    fixations = "time" not in columns
    times = _onsets(table, columns, subjects, options) if fixations else _times(table, columns, options)
    said = tuple(replace(m, time_s=m.time_s * times.unit_s) for m in messages)
    recordings = []
    for subject in dict.fromkeys(subjects.tolist()):
        mine = subjects == subject
        part = (table.where(mine), times.begin[mine], columns, named, options)
        own = _fixations(*part, times.length[mine]) if fixations else _samples(*part, said)
        recordings += [replace(each, subject=subject, notes=(*times.notes, *each.notes)) for each in own]
    return recordings


def _of_eyes(columns: Columns) -> list[str]:
    return [name for pair in columns.eyes.values() for name in pair]


def _first_cell(head: Head, name: str) -> str:
    """A column's cell in the first row that has one, as far as the head goes."""
    at = head.columns.index(name)
    for line in head.lines[head.header + 1 : head.header + 21]:
        cells = line.split(head.separator)
        if len(cells) > at and cells[at].strip().strip('"'):
            return cells[at].strip().strip('"')
    return ""


def _without_numbers_of_rows(columns: Columns, options: ReadOptions, table: Table) -> Columns:
    """A column "id" or the like that changes with nearly every row numbers rows, not viewers."""
    name = columns.of.get("subject")
    if name is None or "subject" in options.columns or len(table) < 4:
        return columns
    if len(set(table.text(name).tolist())) <= 0.5 * len(table):
        return columns
    return replace(columns, of={key: own for key, own in columns.of.items() if key != "subject"})


def _of_one_kind(columns: Columns, table: Table) -> Columns:
    """The columns without those of the kind that the table is not: a table of fixations has no "time" left.

    With times and durations alike, it is one of samples where a row's time is not later than the end of the row
    before: then the durations are those of the event that the sample belongs to.
    """
    of = dict(columns.of)
    onset, length = of.get("onset"), of.get("duration") or of.get("end")
    if length is None:
        of.pop("onset", None)
    elif onset is None or "time" in of:
        begin = table.numbers(onset or of["time"])
        long = table.numbers(of["duration"]) if "duration" in of else table.numbers(of["end"]) - begin
        repeated = onset is not None and len(np.unique(begin)) < 0.8 * len(begin)
        unit = named_unit(onset or of["time"]), named_unit(length)
        scaled = [v * SECONDS[u or "s"] for v, u in zip((begin, long), unit, strict=True)]
        # Names may give both units; where they do not, the two are in one.
        if repeated or not _follow(*(scaled if None not in unit else (begin, long))):
            for name in ("onset", "duration", "end"):
                of.pop(name, None)
        else:
            of["onset"] = onset or of["time"]
            of.pop("time", None)
    return replace(columns, of=of)


def _follow(onset: FloatArray, duration: FloatArray) -> bool:
    """Whether most rows begin after the one before has ended."""
    steps, known = np.diff(onset), duration[:-1]
    steps, known = steps[steps > 0], known[steps > 0]
    with np.errstate(invalid="ignore"):
        return not len(steps) or bool(np.mean(steps >= 0.9 * known) > 0.5)


class _Times(NamedTuple):
    """Seconds: when each row begins and, of fixations, how long it lasts; of the file's unit; and what was assumed."""

    begin: FloatArray
    length: FloatArray
    unit_s: float
    notes: tuple[str, ...] = ()


def _onsets(table: Table, columns: Columns, subjects: NDArray[np.object_], options: ReadOptions) -> _Times:
    """Onsets and durations are in one unit unless their names say two."""
    onset = table.numbers(columns.of["onset"])
    last = columns.of.get("duration") or columns.of["end"]
    length = table.numbers(last) if "duration" in columns else table.numbers(last) - onset
    names = (columns.of["onset"], last)
    if "duration" not in columns:  # an end is in the unit of its onset
        names = (names[0], names[0] if named_unit(names[0]) else last)
    of = [subjects, trials_of(table, columns), *([table.text(columns.of["eye"])] if "eye" in columns else [])]
    whose = np.array(["|".join(map(str, parts)) for parts in zip(*of, strict=True)], dtype=object)
    keep = kinds_in(table, columns) == "fixation"
    if options.time_unit is not None:
        units: tuple[str, str] | None = (options.time_unit, options.time_unit)
    else:
        units = units_of_columns(names, onset[keep], length[keep], whose[keep])
    if units is None:
        raise DataError(
            f"{table.path}: the unit of {names[0]!r} and {last!r} is not certain (in none do fixations last 0.03 "
            "to 10 s and each end before the next begins); say it with `time_unit` s, ms, us or ns"
        )
    guessed = options.time_unit is None and [
        f"times of {name!r} taken as {unit}" for name, unit in zip(names, units, strict=True) if not named_unit(name)
    ]
    if guessed and len(guessed) == 2 and names[0] != names[1]:
        guessed = [f"times of {names[0]!r} and {last!r} taken as {units[0]}"]
    first, second = (SECONDS[unit] for unit in units)
    return _Times(onset * first, length * second, first, tuple(guessed or ()))


def _times(table: Table, columns: Columns, options: ReadOptions) -> _Times:
    name = columns.of["time"]
    time = table.numbers(name)
    unit = options.time_unit or named_unit(name)
    if unit:
        return _Times(time * SECONDS[unit], time, SECONDS[unit])
    unit = unit_of_samples(time)
    if unit is None and len(time) > 1:
        raise DataError(f"{table.path}: the unit of {name!r} is not certain; say it with `time_unit` s, ms, us or ns")
    scale = SECONDS[unit or "s"]
    return _Times(time * scale, time, scale, (f"times of {name!r} taken as {unit or 's'}",))


def _samples(
    table: Table,
    times: FloatArray,
    columns: Columns,
    named: Sequence[str],
    options: ReadOptions,
    messages: Sequence[Message],
) -> list[Recording]:
    names, recordings = trials_of(table, columns), []
    spans = [(a, b) for a, b in runs(names) if names[a] or b - a == len(table)]
    goes_on = bool((np.diff(times) >= 0).all()) or len(spans) < 2  # else each trial has a clock of its own
    for (a, b), label in zip(spans, showings(names[a] for a, _ in spans), strict=True):
        rows = np.zeros(len(table), dtype=bool)
        rows[a:b] = True
        origin = float(times[0] if goes_on else times[a])
        part = table.where(rows)
        time, eyes, lines, notes = _by_eye(part, times[a:b] - origin, columns)
        events = None
        if "event" in columns and len(lines) == len(time):
            labels = kinds_in(part.where(np.isin(part.lines, lines)), columns)
            events = events_from_labels(time, labels, sampling_interval(time)) if set(labels) != {"fixation"} else None
        recordings.append(
            Recording(
                path=table.path,
                format=NAME,
                subject="",
                time_s=time,
                eyes=eyes,
                space=options.space or "screen",
                unit=_unit(columns),
                trial=label or None,
                stimuli=stimuli_of(part, columns, named),
                events=events if events is not None and len(events) else None,
                messages=tuple(m.later(-origin) for m in messages),
                notes=notes,
                lines=lines,
            )
        )
    return recordings


def _by_eye(
    table: Table, time: FloatArray, columns: Columns
) -> tuple[FloatArray, dict[str, FloatArray], NDArray[np.int64], tuple[str, ...]]:
    """Times, positions by eye, lines and notes: eyes stand in rows of their own, side by side, or are one."""
    eye = eyes_of(table, columns)
    if eye is not None and len(set(eye.tolist())) > 1:
        parts = []
        for name in dict.fromkeys(eye.tolist()):
            own = table.where(eye == name)
            xy = positions(own, columns.of["x"], columns.of["y"])
            xy[lost_in(own, columns, xy)] = np.nan
            stamps, keep = _once(time[eye == name])
            parts.append((clean_times(table.path, stamps, own.lines[keep]), {name: xy[keep]}))
        joined = parts[0]
        for other in parts[1:]:
            joined = join_eyes(joined, other)
        line = table.lines[np.searchsorted(time, joined[0]).clip(max=len(time) - 1)]
        return *joined, line, ()
    if {"x", "y"} <= set(columns.of):
        name = eye[0] if eye is not None and len(eye) else "both"
        pairs = {str(name): (columns.of["x"], columns.of["y"])}
    else:
        pairs = columns.eyes
    stamps, keep = _once(time)
    eyes = {}
    for name, pair in pairs.items():
        xy = positions(table, *pair)
        xy[lost_in(table, columns, xy)] = np.nan
        eyes[name] = xy[keep]
    repeated = len(time) - len(stamps)
    notes = (f"{repeated} rows with the time of the row before left out",) if repeated else ()
    return clean_times(table.path, stamps, table.lines[keep]), eyes, table.lines[keep], notes


def _once(time: FloatArray) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Times without those that repeat the one before, and which those are not."""
    keep = np.concatenate([[True], np.diff(time) != 0]) if len(time) else np.empty(0, dtype=bool)
    return time[keep], keep


def _fixations(
    table: Table,
    onset: FloatArray,
    columns: Columns,
    named: Sequence[str],
    options: ReadOptions,
    duration: FloatArray,
) -> list[Recording]:
    """Fixations alone: their onsets count from the stimulus's start."""
    if not {"x", "y"} <= set(columns.of):
        raise DataError(f"{table.path}: fixations need one x and y a row; name them, as in `columns` x=NAME")
    xy = positions(table, columns.of["x"], columns.of["y"])
    lost = lost_in(table, columns, xy)
    kinds, eye, trials = kinds_in(table, columns), eyes_of(table, columns), trials_of(table, columns)
    bad = np.flatnonzero((kinds == "fixation") & ~lost & ~np.isfinite(onset + duration))
    if len(bad):
        raise DataError(f"{table.path}, line {int(table.lines[bad[0]])}: a fixation without onset or duration; drop it")
    keep = (kinds != "") & np.isfinite(onset + duration) & ~((kinds == "fixation") & lost)
    recordings = []
    for trial in dict.fromkeys(trials.tolist()):
        events: list[EventRow] = []
        for i in np.flatnonzero(keep & (trials == trial)):
            at = (float(xy[i, 0]), float(xy[i, 1])) if kinds[i] == "fixation" else (None, None)
            side = None if eye is None else str(eye[i])
            events.append((str(kinds[i]), side, float(onset[i]), float(duration[i]), *at))
        eyes = dict.fromkeys(row[1] or "both" for row in events if row[0] == "fixation") or {"both": None}
        notes = []
        if len(eyes) > 1:
            notes.append(f"fixations of {' and '.join(eyes)} eyes; one is taken (or give `eye`)")
        if events and min(row[2] for row in events) > LATE_S:
            notes.append("onsets do not begin with the stimulus: they are taken to count from its start all the same")
        recordings.append(
            Recording(
                path=table.path,
                format=NAME,
                subject="",
                time_s=np.empty(0),
                eyes={name: np.empty((0, 2)) for name in eyes},
                space=options.space or ("display" if columns.on_screen else "stimulus"),
                unit=_unit(columns),
                trial=trial or None,
                stimuli=stimuli_of(table.where(trials == trial), columns, named),
                start_s=0.0,
                events=events_frame(events) if events else None,
                notes=tuple(notes),
            )
        )
    return recordings


def _unit(columns: Columns) -> Literal["px", "norm"]:
    names = [columns.of.get("x", ""), *(x for x, _ in columns.eyes.values())]
    return "norm" if "norm" in next((name for name in names if name), "").lower() else "px"
