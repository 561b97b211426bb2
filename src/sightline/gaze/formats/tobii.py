"""Tobii: the single standard file (.tsv) of Pro Lab, old and new column names, and of Studio; screens and Glasses.

Column names are compared without spaces, and their unit, in round or square brackets, apart: "Gaze point X (MCSnorm)"
and "Gaze point X [MCS norm]" are one. Positions on the screen (DACS, Studio: ADCS) are preferred to those on the media
(MCS), which in a Glasses project are the scene camera's. Coordinates have their origin at the top left.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sightline.errors import DataError
from sightline.gaze.formats.table import MISSING, Head, ReadOptions, Table, read_table
from sightline.gaze.recording import (
    Declared,
    EventRow,
    FloatArray,
    Message,
    Recording,
    Space,
    clean_times,
    events_frame,
    pixels,
    runs,
    sampling_interval,
    split_trials,
)

NAME = "tobii"
TITLE = "Tobii Pro Lab .tsv"
NEEDS = {
    "Recording timestamp": r"(Recording ?)?timestamp( ?[\[(].*[\])])?",
    "Gaze point X": r"Gaze ?point ?(left ?|right ?)?X ?(left|right)?( ?[\[(].*[\])])?",
    "Gaze point Y": r"Gaze ?point ?(left ?|right ?)?Y ?(left|right)?( ?[\[(].*[\])])?",
}

_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ns": 1e-9}
_SCREEN_UNITS = ("dacspx", "adcspx", "")
_KINDS = {"fixation": "fixation", "saccade": "saccade", "eyesnotfound": "blink"}
_STARTS = ("VideoStimulusStart", "ImageStimulusStart", "MediaStart", "MovieStart", "ImageStart")


class _Columns(dict[tuple[str, str], str]):
    """(name without spaces, unit) to the column's own name."""

    def any(self, *names: str) -> str | None:
        """The first column of these names, whatever its unit."""
        return next((own for name in names for (base, _), own in self.items() if base == name), None)


class _Coordinates(NamedTuple):
    space: Space
    unit: Literal["px", "norm"]
    key: str  # the unit in the columns' names


def read(head: Head, options: ReadOptions) -> list[Recording]:
    """The trials of every participant: stretches in which one media was presented."""
    columns = _columns(head)
    names = {key: columns.any(*aliases) for key, aliases in _ALIASES.items()}
    stamp = names["time"]
    if stamp is None:
        raise DataError(f"{head.path}: no column 'Recording timestamp'; export it again with it")
    where = _coordinates(head, columns)
    points = {
        eye: (columns.get((f"gazepoint{eye}x", where.key)), columns.get((f"gazepoint{eye}y", where.key)))
        for eye in ("", "left", "right")
    }
    fixation = tuple(columns.get((f"fixationpoint{axis}", where.key)) for axis in "xy")
    wanted = [*names.values(), *fixation, *(column for pair in points.values() for column in pair)]
    table = read_table(head, [name for name in wanted if name is not None])
    time = _seconds(head, table.numbers(stamp), stamp)
    who = _participants(table, names)
    preamble = "\n".join(head.lines[: head.header])
    size = re.search(r"Recording resolution:\s*(\d+)\s*x\s*(\d+)", preamble, re.IGNORECASE)
    name = re.search(r"^(?:Participant|Subject)(?: name)?:\s*(.+?)\s*$", preamble, re.IGNORECASE | re.MULTILINE)
    recordings = []
    for participant in dict.fromkeys(who.tolist()):
        mine = who == participant
        own = _read_one(table.where(mine), time[mine], participant, where, names, points, fixation)
        for each in own:
            if size and each.declared.screen_px is None:
                whole = pixels(f"{head.path}: Recording resolution", float(size[2]), float(size[1]))
                each = replace(each, declared=replace(each.declared, screen_px=whole))
            recordings.append(each if each.subject or not name else replace(each, subject=name[1]))
    return recordings


_ALIASES = {
    "time": ("recordingtimestamp", "timestamp"),
    "mouse": ("mouseevent",),
    "key": ("keypressevent", "keyevent"),
    "sensor": ("sensor",),
    "participant": ("participantname",),
    "recording": ("recordingname",),
    "media": ("presentedstimulusname", "presentedmedianame", "medianame"),
    "kind": ("eyemovementtype", "gazeeventtype"),
    "index": ("eyemovementtypeindex", "fixationindex"),
    "duration": ("gazeeventduration", "eyemovementeventduration"),
    "event": ("event", "studioevent", "externalevent"),
    "value": ("eventvalue", "studioeventdata"),
    "valid_left": ("validityleft",),
    "valid_right": ("validityright",),
    "screen_w": ("recordingresolutionwidth",),
    "screen_h": ("recordingresolutionheight",),
    "media_x": ("presentedmediapositionx", "presentedstimuluspositionx", "mediaposx"),
    "media_y": ("presentedmediapositiony", "presentedstimuluspositiony", "mediaposy"),
    "media_w": ("presentedmediawidth", "presentedstimuluswidth", "mediawidth", "recordingmediawidth"),
    "media_h": ("presentedmediaheight", "presentedstimulusheight", "mediaheight", "recordingmediaheight"),
    "original_w": ("originalmediawidth", "originalstimuluswidth"),
    "original_h": ("originalmediaheight", "originalstimulusheight"),
}


def _columns(head: Head) -> _Columns:
    columns = _Columns()
    for own in head.columns:
        match = re.fullmatch(r"(.*?)\s*(?:[\[(]([^\])]*)[\])])?", own)
        base, unit = (match[1], match[2] or "") if match else (own, "")
        base = re.sub(r"[\s_]", "", base).lower()
        base = re.sub(r"^gazepoint([xy])(left|right)$", r"gazepoint\2\1", base)  # Studio 2: GazePointXLeft
        columns.setdefault((base, unit.replace(" ", "").lower()), own)
    return columns


def _coordinates(head: Head, columns: _Columns) -> _Coordinates:
    """Which of the exported coordinates to read. Raises DataError where there are only those in millimetres."""
    on_screen = columns.any("presentedstimulusname", "presentedmedianame", "medianame") is not None

    def there(unit: str) -> bool:
        return any((f"gazepoint{eye}x", unit) in columns for eye in ("", "left", "right"))

    for unit in _SCREEN_UNITS:
        # Without a unit, a Glasses project means the scene camera.
        if there(unit):
            scene = not on_screen and unit == "" and columns.any("recordingmediawidth") is not None
            return _Coordinates("scene" if scene else "screen", "px", unit)
    for unit, kind in (("mcspx", "px"), ("mcsnorm", "norm")):
        if there(unit):
            return _Coordinates("stimulus" if on_screen else "scene", "px" if kind == "px" else "norm", unit)
    raise DataError(
        f"{head.path}, line {head.header + 1}: no gaze samples in pixels; export 'Gaze point X' and 'Gaze point Y' in "
        "DACS px or MCS px"
    )


def _seconds(head: Head, stamps: FloatArray, column: str) -> FloatArray:
    """The unit is in the column's name; old exports leave it out and mean ms, or µs where the steps are that large."""
    match = re.search(r"[\[(]\s*(\w+)\s*[\])]", column)
    steps = np.diff(stamps)
    typical = float(np.median(steps[steps > 0])) if (steps > 0).any() else 1.0
    unit = match[1].lower() if match else "us" if typical >= 500 else "ms"
    if unit not in _SECONDS:
        raise DataError(
            f"{head.path}, line {head.header + 1}: {column!r}: times in {unit!r} are not understood; export ms or µs"
        )
    return stamps * _SECONDS[unit]


def _participants(table: Table, names: dict[str, str | None]) -> NDArray[np.object_]:
    """Who each row is of: the participant, and the recording where a participant has several."""
    empty = np.full(len(table), "", dtype=object)
    who = table.text(names["participant"]) if names["participant"] else empty
    recording = table.text(names["recording"]) if names["recording"] else empty
    pairs = set(zip(who.tolist(), recording.tolist(), strict=True))
    several = len(pairs) > len({person for person, _ in pairs})
    return np.array([f"{a} {b}".strip() for a, b in zip(who, recording, strict=True)], dtype=object) if several else who


def _read_one(
    table: Table,
    time: FloatArray,
    participant: str,
    where: _Coordinates,
    names: dict[str, str | None],
    points: dict[str, tuple[str | None, str | None]],
    fixation: tuple[str | None, ...],
) -> list[Recording]:
    tracked = _tracked(table, names, points)
    if not tracked.any():
        raise DataError(f"{table.path}: no rows of the eye tracker for {participant!r}; export its gaze data")
    origin = float(time[tracked][0])
    messages = _messages(table, time - origin, names)
    gaze, stamps = table.where(tracked), time[tracked] - origin
    # Two rows of one time are one sample with an event between, or a rate that milliseconds cannot tell.
    keep = np.concatenate([[True], np.diff(stamps) != 0])
    repeated = int((~keep).sum())
    gaze, stamps = gaze.where(keep), clean_times(table.path, stamps[keep], gaze.lines[keep])
    recording = Recording(
        path=table.path,
        format=NAME,
        subject=participant,
        time_s=stamps,
        eyes=_eyes(gaze, names, points),
        space=where.space,
        unit=where.unit,
        start_s=-origin if where.space == "scene" else None,
        events=_events(gaze, stamps, names, fixation),
        messages=messages,
        notes=(f"{repeated} rows with the time of the row before left out; export µs",) if repeated else (),
        lines=gaze.lines,
    )
    if where.space == "scene" or names["media"] is None:
        return [replace(recording, declared=_declared(gaze, names))]
    return [_started(trial, gaze, names) for trial in split_trials(recording, gaze.text(names["media"]))]


def _tracked(
    table: Table, names: dict[str, str | None], points: dict[str, tuple[str | None, str | None]]
) -> NDArray[np.bool_]:
    """Which rows are gaze samples: those of other sensors, of mouse clicks, keys and other events alone are not."""
    if names["sensor"]:
        return np.array([s.replace(" ", "").lower() == "eyetracker" for s in table.text(names["sensor"])])
    validity = [name for name in (names["valid_left"], names["valid_right"]) if name]
    if validity:
        return np.array(np.any([table.text(name) != "" for name in validity], axis=0))
    gaze = np.any([np.isfinite(table.numbers(x)) for x, _ in points.values() if x], axis=0)
    said = [table.text(name) != "" for key in ("event", "mouse", "key") if (name := names[key])]
    return np.array(gaze | ~np.any(said, axis=0)) if said else np.ones(len(table), dtype=bool)


def _eyes(
    table: Table, names: dict[str, str | None], points: dict[str, tuple[str | None, str | None]]
) -> dict[str, FloatArray]:
    eyes = {}
    for eye, (x, y) in points.items():
        if x is None or y is None:
            continue
        xy = np.column_stack([table.numbers(x), table.numbers(y)])
        validity = names.get(f"valid_{eye}")
        if validity is not None:
            # Pro Lab says Valid or Invalid, Studio 0 (certain) to 4 (lost).
            xy[~np.isin([v.lower() for v in table.text(validity)], ("valid", "0", "1"))] = np.nan
        eyes[eye or "both"] = xy
    return eyes


def _events(
    table: Table, time: FloatArray, names: dict[str, str | None], fixation: tuple[str | None, ...]
) -> pl.DataFrame | None:
    index = table.text(names["index"]) if names["index"] else np.full(len(table), "", dtype=object)
    if names["kind"]:
        kinds = [_KINDS.get(kind.replace(" ", "").lower(), "") for kind in table.text(names["kind"])]
    elif names["index"] and "fixation" in names["index"].lower():  # Studio 2 numbers fixations and says no more
        kinds = ["fixation" if number not in MISSING and number != "0" else "" for number in index]
    else:
        return None
    # The index tells two fixations apart that follow each other without a saccade between.
    keys = np.array([f"{k}|{i}" if k == "fixation" else k for k, i in zip(kinds, index, strict=True)], dtype=object)
    duration = table.numbers(names["duration"]) / 1000 if names["duration"] else np.full(len(table), np.nan)
    x, y = (table.numbers(name) if name else np.full(len(table), np.nan) for name in fixation)
    step = sampling_interval(time)
    rows: list[EventRow] = []
    for a, b in runs(keys):
        if not kinds[a]:
            continue
        length = duration[a] if np.isfinite(duration[a]) else time[b - 1] - time[a] + step
        known = kinds[a] == "fixation" and np.isfinite(x[a] + y[a])
        at = (float(x[a]), float(y[a])) if known else (None, None)
        rows.append((kinds[a], None, float(time[a]), float(length), *at))
    return events_frame(rows) if rows else None


def _messages(table: Table, time: FloatArray, names: dict[str, str | None]) -> tuple[Message, ...]:
    if names["event"] is None:
        return ()
    texts = table.text(names["event"])
    values = table.text(names["value"]) if names["value"] else np.full(len(table), "", dtype=object)
    return tuple(
        Message(float(time[i]), f"{texts[i]} {values[i]}".strip(), int(table.lines[i])) for i in np.flatnonzero(texts)
    )


def _started(trial: Recording, table: Table, names: dict[str, str | None]) -> Recording:
    """A trial with what its own rows and events say: where the media was, and when it appeared."""
    start = next((m.time_s for m in trial.messages if m.text.startswith(_STARTS)), None)
    rows = table.text(names["media"] or "") == (trial.trial or "").split("#")[0]
    return replace(trial, start_s=start, declared=_declared(table.where(rows), names))


def _declared(table: Table, names: dict[str, str | None]) -> Declared:
    def pair(a: str, b: str) -> tuple[float, float] | None:
        if names[a] is None or names[b] is None:
            return None
        values = [table.numbers(names[key] or "") for key in (a, b)]
        known = [v[np.isfinite(v)] for v in values]
        return (float(known[0][0]), float(known[1][0])) if len(known[0]) and len(known[1]) else None

    screen, at, shown = pair("screen_h", "screen_w"), pair("media_x", "media_y"), pair("media_h", "media_w")
    original = pair("original_h", "original_w") or shown
    return Declared(
        screen_px=pixels(f"{table.path}: the recording's resolution", *screen) if screen else None,
        stimulus_px=pixels(f"{table.path}: the media's size", *original) if original else None,
        stimulus_rect=(*at, *shown[::-1]) if at and shown else None,
    )
