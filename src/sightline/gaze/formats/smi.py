"""SMI: the text that IDF Converter writes and the raw data export of BeGaze.

Both have one row a sample; IDF Converter adds MSG rows and a preamble of `## Key:<tab>value` lines. A sample at
(0, 0) is a lost one.
"""

from __future__ import annotations

import re

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sightline.gaze.formats.table import Head, ReadOptions, Table, find, read_table
from sightline.gaze.recording import (
    Declared,
    FloatArray,
    Message,
    Recording,
    clean_times,
    events_from_labels,
    pixels,
    sampling_interval,
    split_trials,
)

NAME = "smi"
TITLE = "SMI text (IDF Converter or BeGaze raw data)"
NEEDS = {
    "Time": r"Time|RecordingTime \[ms\]",
    "L POR X [px]": r"[LR] POR X \[px\]|Point of Regard (Left|Right|Binocular) X \[px\]",
    "L POR Y [px]": r"[LR] POR Y \[px\]|Point of Regard (Left|Right|Binocular) Y \[px\]",
}

_POINT = re.compile(r"^(?P<eye>L|R) POR (?P<axis>X|Y) \[px\]$", re.IGNORECASE)
_POINT_BEGAZE = re.compile(r"^Point of Regard (?P<eye>Left|Right|Binocular) (?P<axis>X|Y) \[px\]$", re.IGNORECASE)
_EYE = {"L": "left", "R": "right", "Left": "left", "Right": "right", "Binocular": "both"}
_LABEL = re.compile(r"^(?:(?P<eye>[LRB]) Event Info|Category (?P<name>Left|Right|Binocular))$")
_LABEL_EYE = {"L": "left", "R": "right", "B": "both", "Left": "left", "Right": "right", "Binocular": "both"}
_PREAMBLE = re.compile(r"^##\s*(?P<key>[^:\t]+):?\s+(?P<value>.+)$")


def read(head: Head, options: ReadOptions) -> list[Recording]:
    """The trials of the file, by participant where BeGaze exported several together."""
    time_column = find(head, "Time") or find(head, r"RecordingTime \[ms\]") or "Time"
    points = _points(head)
    labels = {
        _LABEL_EYE[match["eye"] or match["name"]]: name
        for name in head.columns
        if (match := _LABEL.match(name)) is not None
    }
    extra = [name for name in ("Type", "Trial", "Stimulus", "Participant") if name in head.columns]
    said = _message_column(head)
    columns = [time_column, *extra, said, *labels.values(), *(c for xy in points.values() for c in xy)]
    table = read_table(head, columns)
    messages, table, time = _separate_messages(table, time_column, said)
    participants = table.text("Participant") if "Participant" in table else np.full(len(table), "", dtype=object)
    trials = []
    for participant in dict.fromkeys(participants.tolist()):
        mine = participants == participant
        trials += _trials(head, table.where(mine), time[mine], points, labels, messages, participant)
    return trials


def _trials(
    head: Head,
    table: Table,
    time: FloatArray,
    points: dict[str, tuple[str, str]],
    labels: dict[str, str],
    messages: tuple[Message, ...],
    participant: str,
) -> list[Recording]:
    clean_times(head.path, time, table.lines)
    interval = sampling_interval(time)
    eyes = {}
    for eye, (x, y) in points.items():
        xy = np.column_stack([table.numbers(x), table.numbers(y)])
        xy[(xy == 0).all(axis=1)] = np.nan
        eyes[eye] = xy
    tables = [
        events_from_labels(time, _kinds(table.text(column)), interval, eye if len(labels) > 1 or eye in eyes else None)
        for eye, column in labels.items()
    ]
    recording = Recording(
        path=head.path,
        format=NAME,
        subject=participant or _preamble(head).get("Subject", ""),
        time_s=time,
        eyes=eyes,
        events=pl.concat(tables).sort("onset_s") if tables else None,
        messages=messages,
        declared=_declared(head),
        lines=table.lines,
    )
    for column in ("Stimulus", "Trial"):
        if column in table:
            return split_trials(recording, table.text(column))
    return [recording]


def _message_column(head: Head) -> str:
    """Where MSG rows have their text: behind Type and Trial, where samples have their first number."""
    last = max((head.columns.index(name) for name in ("Type", "Trial") if name in head.columns), default=-1)
    return head.columns[min(last + 1, len(head.columns) - 1)]


def _separate_messages(table: Table, time_column: str, said: str) -> tuple[tuple[Message, ...], Table, FloatArray]:
    """The messages, and the rows and times of the samples."""
    times = table.numbers(time_column) * (1e-6 if time_column.lower() == "time" else 1e-3)
    times -= times[0]
    if "Type" not in table:
        return (), table, times
    kinds = table.text("Type")
    rows = np.flatnonzero(kinds == "MSG")
    texts = table.text(said)
    messages = tuple(
        Message(float(times[i]), re.sub(r"^#\s*Message:\s*", "", str(texts[i])), int(table.lines[i])) for i in rows
    )
    samples = kinds == "SMP"
    return messages, table.where(samples), times[samples]


def _points(head: Head) -> dict[str, tuple[str, str]]:
    """The columns of x and y by eye."""
    found: dict[str, dict[str, str]] = {}
    for name in head.columns:
        if match := _POINT.match(name) or _POINT_BEGAZE.match(name):
            found.setdefault(_EYE[match["eye"].title()], {})[match["axis"].upper()] = name
    return {eye: (axes["X"], axes["Y"]) for eye, axes in found.items() if len(axes) == 2}


def _kinds(labels: NDArray[np.object_]) -> NDArray[np.object_]:
    """Labels as kinds of events: newer versions of BeGaze call a fixation "Visual Intake"."""
    kinds = (label.lower() for label in labels)
    return np.array(["fixation" if kind == "visual intake" else kind for kind in kinds], dtype=object)


def _preamble(head: Head) -> dict[str, str]:
    matches = (_PREAMBLE.match(line) for line in head.lines[: head.header])
    return {match["key"].strip(): match["value"].strip() for match in matches if match}


def _declared(head: Head) -> Declared:
    said = _preamble(head)

    def size(key: str, scale: float = 1.0) -> tuple[float, float] | None:
        """(height, width); the file has the width first."""
        numbers = re.findall(r"\d+(?:\.\d+)?", said.get(key, ""))
        return (float(numbers[1]) * scale, float(numbers[0]) * scale) if len(numbers) >= 2 else None

    screen = size("Calibration Area")
    distance = re.search(r"\d+(?:\.\d+)?", said.get("Head Distance [mm]", ""))
    rate = re.search(r"\d+(?:\.\d+)?", said.get("Sample Rate", ""))
    return Declared(
        rate_hz=float(rate[0]) if rate else None,
        screen_px=pixels(f"{head.path}: Calibration Area", *screen) if screen else None,
        screen_cm=size("Stimulus Dimension [mm]", 0.1),
        distance_cm=float(distance[0]) / 10 if distance else None,
    )
