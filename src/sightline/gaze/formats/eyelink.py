"""EyeLink ASC, as SR Research's edf2asc writes it: samples, events and messages; one eye or both; any rate.

pymovements reads what describes the recording (screen, rate, eyes, calibrations, validations). It reads a sample with
a regular expression and drops the positions of fixations, so both are read here: polars takes the sample lines whole.
"""

from __future__ import annotations

import io
import math
import re
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from sightline.errors import DataError
from sightline.gaze.formats.table import Head, ReadOptions
from sightline.gaze.recording import (
    Declared,
    EventRow,
    FloatArray,
    Message,
    Recording,
    clean_times,
    events_frame,
    split_trials,
)

NAME = "eyelink"
TITLE = "EyeLink ASC"
NEEDS: dict[str, str] = {}

_EYE = {"L": "left", "R": "right", "LEFT": "left", "RIGHT": "right"}
_KIND = {"EFIX": "fixation", "ESACC": "saccade", "EBLINK": "blink"}
_OFFSET = re.compile(r"^(-?\d+)\s+(?=\S)")


def recognises(head: Head) -> bool:
    """Whether this is an ASC file, by the lines it begins with."""
    known = r"^\*\* (CONVERTED FROM|TYPE: EDF_FILE)|^START\s+\d|^MSG\s+\d"
    return re.search(known, "\n".join(head.lines), re.MULTILINE) is not None


@dataclass
class _Block:
    """The lines between START and END. start, end: indices of lines; eyes: in the order of the sample's columns."""

    start: int
    end: int | None = None
    eyes: tuple[str, ...] = ()
    gaze: bool = True


def read(head: Head, options: ReadOptions) -> list[Recording]:
    """The trials of the file: stretches after TRIALID messages, else blocks between START and END.

    Raises DataError for a file cut short, samples without a calibration on record (both unless options.lenient),
    or positions that are no gaze (HREF, raw pupil).
    """
    path = head.path
    # Latin-1 reads any byte, and nothing that is kept of a line has other letters.
    text = path.read_bytes().decode("latin-1")
    # str.splitlines would also part messages at bytes of their UTF-8.
    lines = text.replace("\r\n", "\n").split("\n")
    rest = lines.pop()  # what comes after the last newline; half a number looks like a number
    if rest and not options.lenient:
        lines.append(rest)
    other = [i for i, line in enumerate(lines) if not line[:1].isdigit()]
    blocks = _blocks(path, lines, other, options)
    if not blocks:
        raise DataError(f"{path}: no START of a recording; convert the whole EDF file with edf2asc")
    if rest and not rest.startswith("END") and not options.lenient:
        raise DataError(
            f"{path}, line {len(lines)}: the file stops in the middle of a line ({rest!r}): it is cut short; convert "
            "the EDF file again, or pass --lenient to use what there is"
        )
    notes = _require_calibration(path, lines, other, blocks, options)
    declared = _declared(path, [lines[i] for i in other], calibrated=not notes)
    time, eyes, at = _samples(path, lines, blocks)
    origin = float(time[0]) if len(time) else _start_ms(lines[blocks[0].start])
    time = clean_times(path, (time - origin) / 1000, at)
    recording = Recording(
        path=path,
        format=NAME,
        subject="",
        time_s=time,
        eyes=eyes,
        events=_events(path, lines, other, origin),
        messages=_messages(lines, other, origin),
        declared=declared,
        notes=notes,
        lines=at,
    )
    return split_trials(recording, _trial_names(lines, other, blocks, at)) if len(time) else [recording]


def _blocks(path: Path, lines: list[str], other: list[int], options: ReadOptions) -> list[_Block]:
    blocks: list[_Block] = []
    for i in other:
        words = lines[i].split()
        if not words:
            continue
        if words[0] == "START":
            blocks.append(_Block(i, eyes=tuple(_EYE[w] for w in words[2:] if w in _EYE)))
        elif words[0] == "END" and blocks:
            blocks[-1].end = i
        elif words[0] == "SAMPLES" and blocks:
            blocks[-1].eyes = tuple(_EYE[w] for w in words[1:] if w in _EYE) or blocks[-1].eyes
            blocks[-1].gaze = words[1:2] == ["GAZE"]
    for block in blocks:
        if block.end is None and not options.lenient:
            raise DataError(
                f"{path}, line {len(lines)}: the recording that starts on line {block.start + 1} has no END: the file "
                "is cut short; convert the EDF file again, or pass --lenient to use what there is"
            )
        if not block.gaze:
            raise DataError(
                f"{path}, line {block.start + 1}: the samples are no calibrated gaze but HREF or raw pupil positions; "
                "convert with edf2asc -sg"
            )
        if not block.eyes:
            raise DataError(f"{path}, line {block.start + 1}: START names neither LEFT nor RIGHT; convert again")
    return blocks


def _require_calibration(
    path: Path, lines: list[str], other: list[int], blocks: list[_Block], options: ReadOptions
) -> tuple[str, ...]:
    if any("!CAL" in lines[i] or "CALIBRATION" in lines[i] for i in other if i < blocks[-1].start):
        return ()
    if not options.lenient:
        raise DataError(
            f"{path}, line {blocks[0].start + 1}: samples without any calibration before them (no !CAL message); "
            "convert with messages, or pass --lenient if the gaze was calibrated elsewhere"
        )
    return ("no calibration on record",)


def _start_ms(line: str) -> float:
    return float(line.split()[1])


def _samples(
    path: Path, lines: list[str], blocks: list[_Block]
) -> tuple[FloatArray, dict[str, FloatArray], np.ndarray[Any, np.dtype[np.int64]]]:
    """Times in the file's ms, positions by eye, and the line number of each sample."""
    times, positions, numbers = [], [], []
    for block in blocks:
        end = block.end if block.end is not None else len(lines)
        at = [i for i in range(block.start + 1, end) if lines[i][:1].isdigit()]
        if not at:
            continue
        table = _parse(path, lines, at, len(block.eyes))
        times.append(table[:, 0])
        numbers.append(np.array(at, dtype=np.int64) + 1)
        positions.append({eye: table[:, 1 + 3 * k : 3 + 3 * k] for k, eye in enumerate(block.eyes)})
    if not times:  # events only, as edf2asc -e writes
        return np.empty(0), {eye: np.empty((0, 2)) for eye in blocks[0].eyes}, np.empty(0, dtype=np.int64)
    lost = [np.full((len(t), 2), np.nan) for t in times]
    eyes = {
        eye: np.concatenate([p.get(eye, none) for p, none in zip(positions, lost, strict=True)])
        for eye in ("left", "right")
        if any(eye in p for p in positions)
    }
    return _halves(np.concatenate(times)), eyes, np.concatenate(numbers)


def _halves(time_ms: FloatArray) -> FloatArray:
    """At 2000 Hz edf2asc writes whole milliseconds, each twice, unless asked for -ftime; the second is half one on."""
    twice = np.concatenate([[False], np.diff(time_ms) == 0])
    if twice.mean() < 0.25 or (twice[1:] & twice[:-1]).any():  # a few are damage, which is refused later
        return time_ms
    return time_ms + 0.5 * twice


def _parse(path: Path, lines: list[str], at: list[int], eyes: int) -> FloatArray:
    """Time, then x, y and pupil for each eye, '.' being lost: (N, 1 + 3 * eyes)."""
    samples = pl.Series([lines[i] for i in at])
    tabbed = "\t" in lines[at[0]]
    fields = samples.str.split("\t") if tabbed else samples.str.extract_all(r"\S+")
    numbers = pl.DataFrame(
        {str(k): fields.list.get(k, null_on_oob=True).str.strip_chars() for k in range(1 + 3 * eyes)}
    ).with_columns(pl.all().replace(".", "nan").cast(pl.Float64, strict=False))
    wrong = numbers.select(pl.any_horizontal(pl.all().is_null())).to_series()
    if wrong.any():
        bad = int(wrong.arg_max() or 0)
        raise DataError(
            f"{path}, line {at[bad] + 1}: {lines[at[bad]]!r} is no sample of {eyes} eye{'s' * (eyes > 1)} (time, then "
            f"x, y and pupil for each); the file is damaged, convert it again"
        )
    return np.asarray(numbers.to_numpy(), dtype=np.float64)


def _events(path: Path, lines: list[str], other: list[int], origin: float) -> pl.DataFrame | None:
    """EFIX, ESACC and EBLINK: eye, first and last sample in ms, duration, and for fixations the mean position."""
    rows: list[EventRow] = []
    for i in other:
        words = lines[i].split()
        if not words or words[0] not in _KIND:
            continue
        try:
            start, duration = (float(words[2]) - origin) / 1000, float(words[4]) / 1000
            x, y = (float(words[5]), float(words[6])) if words[0] == "EFIX" else (None, None)
            rows.append((_KIND[words[0]], _EYE[words[1]], start, duration, x, y))
        except (IndexError, ValueError, KeyError):
            raise DataError(
                f"{path}, line {i + 1}: {lines[i]!r} is no complete event; convert the file again"
            ) from None
    return events_frame(rows) if rows else None


def _messages(lines: list[str], other: list[int], origin: float) -> tuple[Message, ...]:
    """MSG lines. A leading whole number is a delay: SR Research's tools subtract it from the time, and so do we."""
    messages = []
    for i in other:
        match = re.match(r"MSG\s+(\d+(?:\.\d*)?)\s*(.*)", lines[i])
        if match is None or match[2].startswith("!CAL"):
            continue
        text, delay = match[2].strip(), 0.0
        if offset := _OFFSET.match(text):
            text, delay = text[offset.end() :], float(offset[1])
        messages.append(Message((float(match[1]) - delay - origin) / 1000, text, i + 1))
    return tuple(messages)


def _trial_names(
    lines: list[str], other: list[int], blocks: list[_Block], at: np.ndarray[Any, np.dtype[np.int64]]
) -> np.ndarray[Any, np.dtype[np.object_]]:
    """The trial of each sample: what the last TRIALID before its line says (None before the first), else its block."""
    marks = [
        (i + 1, m[1].strip()) for i in other if (m := re.match(r"MSG\s+\S+\s+(?:-?\d+\s+)?TRIALID\s*(.*)", lines[i]))
    ]
    if not marks or marks[0][0] > at[-1]:
        marks = [(block.start + 1, str(number)) for number, block in enumerate(blocks, start=1)]
    which = np.searchsorted([line for line, _ in marks], at, side="right") - 1
    # The last place is what an index of -1 finds: before the first mark there is no trial.
    names = np.array([*(name or "TRIALID" for _, name in marks), None], dtype=object)
    return names[which]


def _declared(path: Path, lines: list[str], *, calibrated: bool) -> Declared:
    """What pymovements finds in the lines that are no samples."""
    from pymovements.gaze import from_asc

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            gaze = from_asc(io.StringIO("\n".join([line for line in lines if line[:2] not in _BULK]) + "\n"))
    except Exception as error:  # pymovements raises whatever a damaged line leads to
        raise DataError(f"{path}: the description of the recording is damaged ({error}); convert it again") from None
    screen = gaze.experiment.screen
    size = (screen.height_px, screen.width_px) if screen.width_px and screen.height_px else _coords(lines)
    declared = Declared(
        rate_hz=gaze.experiment.eyetracker.sampling_rate,
        # The last pixel is in the file, or, as some experiments write it, the size; no screen's size is odd.
        screen_px=(size[0] - size[0] % 2, size[1] - size[1] % 2) if size else None,
        calibrated=calibrated,
    )
    accuracy = {
        row["eye"]: row["accuracy_avg"]
        for row in gaze.validations.iter_rows(named=True)
        if row["eye"] and row["accuracy_avg"] is not None
    }
    return replace(declared, accuracy_deg=accuracy)


# SFIX, EFIX, SSACC, ESACC, SBLINK, EBLINK: thousands of lines that describe nothing of the set-up.
_BULK = ("SF", "EF", "SS", "ES", "SB", "EB")


def _coords(lines: list[str]) -> tuple[int, int] | None:
    """(height, width) of a DISPLAY_COORDS or GAZE_COORDS message: left, top, right and bottom pixel, both included."""
    for line in lines:
        if match := re.search(
            r"(?:DISPLAY|GAZE)_COORDS\s*=?\s*([\d.]+)[\s,]+([\d.]+)[\s,]+([\d.]+)[\s,]+([\d.]+)", line
        ):
            left, top, right, bottom = (float(value) for value in match.groups())
            return math.ceil(bottom - top) + 1, math.ceil(right - left) + 1
    return None
