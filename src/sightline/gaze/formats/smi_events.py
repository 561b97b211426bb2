"""SMI's event export of BeGaze and IDF Event Detector: fixations, saccades and blinks of either eye, no samples.

A preamble describes the recording and, kind by kind, the columns of its rows; every row begins with its kind, as
"Fixation L". Times are microseconds, positions pixels of the screen.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from sightline.errors import DataError
from sightline.gaze.formats.table import Head, ReadOptions, read_text
from sightline.gaze.recording import Declared, EventRow, Message, Recording, events_frame, pixels

NAME = "smi-events"
TITLE = "SMI event export (BeGaze, IDF Event Detector)"
NEEDS: dict[str, str] = {}

_USUAL = ("event type", "trial", "number", "start", "end", "duration", "location x", "location y")
_TABLE = re.compile(r"^Table Header for (.+?):?\s*$", re.IGNORECASE)
_KIND = re.compile(r"^(?P<kind>Fixation|Visual Intake|Saccade|Blink)s?(?:\s+(?P<eye>L|R|B))?$", re.IGNORECASE)
_KINDS = {"fixation": "fixation", "visual intake": "fixation", "saccade": "saccade", "blink": "blink"}
_EYES = {"L": "left", "R": "right", "B": "both"}


def recognises(head: Head) -> bool:
    """Whether a line announces the columns of a kind of event."""
    return any(_TABLE.match(line.strip('",;\t ')) for line in head.lines)


def read(head: Head, options: ReadOptions) -> list[Recording]:
    """A recording for each trial. Raises DataError naming the line of an event that cannot be read."""
    said: dict[str, str] = {}
    columns: dict[str, list[str]] = {}
    rows: dict[str, list[EventRow]] = {}
    messages: dict[str, list[Message]] = {}
    announced = None
    for number, line in enumerate(re.split(r"\r\n|\r|\n", read_text(head.path)), start=1):
        cells = [cell.strip().strip('"') for cell in line.split("\t" if "\t" in line else ",")]
        first = cells[0]
        if match := _TABLE.match(line.strip('",;\t ')):
            announced = match[1].lower()
        elif announced and first.lower() == "event type":
            columns[announced], announced = [cell.lower() for cell in cells], None
        elif match := _KIND.match(first):
            kind = _KINDS[match["kind"].lower()]
            eye = _EYES[(match["eye"] or "B").upper()]
            row = _event(head, number, kind, eye, columns.get(f"{kind}s", _USUAL), cells)
            rows.setdefault(cells[1], []).append(row)
        elif first.replace(" ", "").lower() == "userevent" and len(cells) > 4:
            messages.setdefault(cells[1], []).append(_message(head, number, cells))
        elif not columns and (key := re.match(r"^(?:##\s*)?([^:\t,]+):\s*[\t,]?\s*(.*)$", line)):
            said[key[1].strip()] = key[2].strip().strip('"')
    if not rows:
        raise DataError(f"{head.path}: no fixation, saccade or blink in this event export; export the whole recording")
    origin = min(row[2] for trial in rows.values() for row in trial)
    several = len(rows) > 1
    return [
        _recording(head, said, trial if several else None, events, messages.get(trial, []), origin)
        for trial, events in rows.items()
    ]


def _message(head: Head, line: int, cells: list[str]) -> Message:
    try:
        time_s = float(cells[3]) / 1e6
    except ValueError:
        raise DataError(
            f"{head.path}, line {line}: a user event whose start is {cells[3]!r}; drop the line, or export the "
            "events again"
        ) from None
    return Message(time_s, re.sub(r"^#\s*Message:\s*", "", cells[4]), line)


def _event(head: Head, line: int, kind: str, eye: str, columns: Sequence[str], cells: list[str]) -> EventRow:
    named = dict(zip(columns, cells, strict=False))
    try:
        x, y = (float(named["location x"]), float(named["location y"])) if kind == "fixation" else (None, None)
        return kind, eye, float(named["start"]) / 1e6, float(named["duration"]) / 1e6, x, y
    except (KeyError, ValueError) as error:
        raise DataError(
            f"{head.path}, line {line}: no complete {kind} ({error}); export the events again with Start, Duration and "
            "Location"
        ) from None


def _recording(
    head: Head, said: dict[str, str], trial: str | None, rows: list[EventRow], messages: list[Message], origin: float
) -> Recording:
    eyes = dict.fromkeys(row[1] for row in rows if row[0] == "fixation" and row[1])
    area = [float(n) for n in re.findall(r"\d+", said.get("Calibration Area", ""))]
    rate = re.search(r"\d+(\.\d+)?", said.get("Sample Rate", ""))
    start = min(row[2] for row in rows)
    return Recording(
        path=head.path,
        format=NAME,
        subject=said.get("Subject", ""),
        time_s=np.empty(0),
        eyes={eye: np.empty((0, 2)) for eye in eyes or ("both",)},
        trial=trial,
        stimuli=tuple(filter(None, [*(m.text for m in messages), said.get("Stimulus", "")])),
        start_s=start - origin,
        events=events_frame([(k, eye, t - origin, d, x, y) for k, eye, t, d, x, y in rows]),
        messages=tuple(m.later(-origin) for m in messages),
        declared=Declared(
            rate_hz=float(rate[0]) if rate else None,
            screen_px=pixels(f"{head.path}: Calibration Area", area[1], area[0]) if len(area) >= 2 else None,
        ),
        notes=("events alone: the first one's onset is taken for the start of the trial (or give `offset_s`)",),
    )
