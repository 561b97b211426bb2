"""EyeLink ASC, as SR Research's edf2asc writes it: samples, events and messages; one eye or both; any rate.

A trial is what lies between two TRIALID messages, else a block between START and END. What the file says of a trial
holds for that trial: its messages go on after END until the next one is prepared, its eyes, rate and validation are
the last before its samples. Samples are read by polars, all lines at once; columns of velocity, resolution, input
and the remote camera's target come after the gaze and are passed over.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from sightline.errors import DataError, UsageError
from sightline.gaze.formats import eyelink_messages as said
from sightline.gaze.formats.table import Head, ReadOptions, read_text
from sightline.gaze.recording import (
    EventRow,
    FloatArray,
    Message,
    Recording,
    clean_times,
    events_frame,
    showings,
)

NAME = "eyelink"
TITLE = "EyeLink ASC"
NEEDS: dict[str, str] = {}

_EYE = {"L": "left", "R": "right", "LEFT": "left", "RIGHT": "right"}
_KIND = {"EFIX": "fixation", "ESACC": "saccade", "EBLINK": "blink"}
CUT = "no END: the recording was cut short"


def recognises(head: Head) -> bool:
    """Whether this is an ASC file, by the lines it begins with. MSG rows alone are no sign: PyGaze's logs have them."""
    text = "\n".join(head.lines)
    if re.search(r"^\*\* (CONVERTED FROM|TYPE: EDF_FILE)|^START\s+\d+\s+.*(LEFT|RIGHT)", text, re.MULTILINE):
        return True
    return re.match(r"MSG\s+\d+(\.\d+)?\s", next((line for line in head.lines if line.strip()), "")) is not None


@dataclass
class _Block:
    """The lines from START up to END (exclusive): up to the next START, or the end of the file, where END is missing.

    eyes: in the order of the sample's columns.
    """

    start: int
    end: int
    eyes: tuple[str, ...] = ()
    gaze: bool = True
    whole: bool = False


@dataclass(frozen=True)
class _Trial:
    """The lines [first, last) of a trial, its name and the blocks of samples in it."""

    name: str
    first: int
    last: int
    blocks: Sequence[_Block]


def read(head: Head, options: ReadOptions) -> list[Recording]:
    """The whole trials of the file; those without an END or a calibration too if options.lenient.

    Raises DataError where that leaves none, for a file that stops in the middle of a line (unless lenient), and for
    positions that are no gaze (HREF, raw pupil).
    """
    path = head.path
    # str.splitlines would part messages at letters that are no ends of lines here.
    lines = read_text(path).replace("\r\n", "\n").split("\n")
    rest = lines.pop()  # what comes after the last newline; half a number looks like a number
    whole = not rest or rest.startswith("END")
    if rest and (whole or not options.lenient):
        lines.append(rest)
    other = [i for i, line in enumerate(lines) if line.strip() and not line[0].isdigit()]
    blocks = _blocks(path, lines, other)
    if not blocks:
        raise DataError(f"{path}: no START of a recording; convert the whole EDF file with edf2asc")
    if not whole and blocks[-1].whole and not options.lenient:
        raise DataError(
            f"{path}, line {len(lines)}: the file stops in the middle of a line ({rest!r}): it is cut short; convert "
            "the EDF file again, or give `lenient` to use what there is"
        )
    notes: tuple[str, ...] = () if whole else (f"the file stops in the middle of a line ({rest!r}), which is left out",)
    messages = said.messages(lines, other)
    trials = _trials(path, blocks, messages, options.trial_message)
    if not options.lenient:
        trials, notes = _whole_trials(path, lines, trials)
    origin = _origin(lines, blocks)
    calibrations = [i for i in other if "!CAL" in lines[i] or "CALIBRATION" in lines[i]]
    describing = said.describing(lines, other)
    recordings = []
    for trial, name in zip(trials, showings(trial.name for trial in trials), strict=True):
        first = trial.blocks[0].start
        calibrated = bool(calibrations) and calibrations[0] < trial.blocks[-1].start
        if not calibrated and not options.lenient:
            raise DataError(
                f"{path}, line {first + 1}: samples without any calibration before them (no !CAL message); convert "
                "with messages, or give `lenient` if the gaze was calibrated elsewhere"
            )
        own = (*notes, *((CUT,) if not all(b.whole for b in trial.blocks) else ()))
        own += () if calibrated else ("no calibration on record",)
        recording = _recording(path, lines, other, trial, messages, origin)
        declared = said.declared(path, lines, describing, first, trial.blocks[-1].end, set(recording.eyes))
        recordings.append(replace(recording, trial=name, notes=own, declared=replace(declared, calibrated=calibrated)))
    return recordings


def _blocks(path: Path, lines: list[str], other: list[int]) -> list[_Block]:
    blocks: list[_Block] = []
    for i in other:
        words = lines[i].split()
        if words[0] == "START":
            if blocks and not blocks[-1].whole:
                first = blocks[-1].start + 1
                blocks[-1].end = next((k for k in range(i, first, -1) if _tracked(lines[k - 1])), first)
            blocks.append(_Block(i, len(lines), tuple(_EYE[w] for w in words[2:] if w in _EYE)))
        elif words[0] == "END" and blocks and not blocks[-1].whole:
            blocks[-1].end, blocks[-1].whole = i, True
        elif words[0] == "SAMPLES" and blocks:
            blocks[-1].eyes = tuple(_EYE[w] for w in words[1:] if w in _EYE) or blocks[-1].eyes
            blocks[-1].gaze = words[1:2] == ["GAZE"]
    for block in blocks:
        if not block.gaze:
            raise DataError(
                f"{path}, line {block.start + 1}: the samples are no calibrated gaze but HREF or raw pupil positions; "
                "convert with edf2asc -sg"
            )
        if not block.eyes:
            raise DataError(f"{path}, line {block.start + 1}: START names neither LEFT nor RIGHT; convert again")
    return blocks


def _tracked(line: str) -> bool:
    """Whether a line is one that the tracker writes while it records; START itself is."""
    return line[:1].isdigit() or line.startswith(("SFIX", "EFIX", "SSACC", "ESACC", "SBLINK", "EBLINK", "START"))


def _trials(path: Path, blocks: list[_Block], messages: Sequence[Message], pattern: str | None) -> list[_Trial]:
    """Cut the file at TRIALID messages, or where it has none at the blocks; `pattern` names or else cuts trials."""
    marks = [(m.line - 1, name) for m in messages if (name := said.trial_id(m.text)) is not None]
    if not marks or marks[0][0] > blocks[-1].end:
        edges = said.preparations(messages, [(block.start, block.end) for block in blocks])
        marks = [(edge, str(number)) for number, edge in enumerate(edges, start=1)]
    if pattern is not None:
        marks = _named(path, marks, messages, pattern)
    trials = []
    lasts = [*(line for line, _ in marks[1:]), messages[-1].line + 1 if messages else 0]
    lasts[-1] = max(lasts[-1], blocks[-1].end + 1)
    for (first, name), last in zip(marks, lasts, strict=True):
        # A mark in the middle of a block cuts it.
        own = [
            replace(b, start=max(b.start, first), end=min(b.end, last))
            for b in blocks
            if b.end > first and b.start < last
        ]
        if own:
            trials.append(_Trial(name, first, last, own))
    if not trials:
        raise DataError(f"{path}: the messages that name trials stand where nothing is recorded; give another one")
    return trials


def _named(
    path: Path, marks: list[tuple[int, str]], messages: Sequence[Message], pattern: str
) -> list[tuple[int, str]]:
    """Trials named by messages; the messages cut the recording themselves where a trial has several."""
    try:
        regex = re.compile(pattern)
    except re.error as error:
        raise UsageError(f"`trial_message` {pattern!r} is not a regular expression: {error}") from None
    hits = [
        (m.line - 1, (match[1] if regex.groups else m.text).strip())
        for m in messages
        if (match := regex.search(m.text)) and (not regex.groups or match[1])
    ]
    if not hits:
        texts = ", ".join(map(repr, list(dict.fromkeys(m.text for m in messages))[:4]))
        raise DataError(f"{path}: none of {len(messages)} messages matches `trial_message` {pattern!r} ({texts}, ...)")
    firsts = [line for line, _ in marks]
    inside = np.searchsorted(firsts, [line for line, _ in hits], side="right") - 1
    if len(set(inside.tolist())) < len(hits) or inside[0] < 0:
        return hits
    return [(marks[k][0], name) for k, (_, name) in zip(inside.tolist(), hits, strict=True)]


def _whole_trials(path: Path, lines: list[str], trials: list[_Trial]) -> tuple[list[_Trial], tuple[str, ...]]:
    cut = [trial for trial in trials if not all(block.whole for block in trial.blocks)]
    if len(cut) == len(trials):
        block = next(b for b in cut[-1].blocks if not b.whole)
        raise DataError(
            f"{path}, line {len(lines)}: the recording that starts on line {block.start + 1} has no END: the file is "
            "cut short; convert the EDF file again, or give `lenient` to use what there is"
        )
    names = ", ".join(f"{trial.name!r} from line {trial.blocks[0].start + 1}" for trial in cut)
    notes = (f"trials without an END left out: {names} (`lenient` uses them)",) if cut else ()
    return [trial for trial in trials if trial not in cut], notes


def _origin(lines: list[str], blocks: Sequence[_Block]) -> float:
    """The clock's zero: the time of the file's first sample, of START where there are only events."""
    for block in blocks:
        first = next((i for i in range(block.start + 1, block.end) if lines[i][:1].isdigit()), None)
        if first is not None and (match := re.match(r"\d+(\.\d+)?", lines[first])):
            return float(match[0])
    match = re.search(r"\d+(\.\d+)?", lines[blocks[0].start])
    return float(match[0]) if match else 0.0


def _recording(
    path: Path, lines: list[str], other: list[int], trial: _Trial, messages: Sequence[Message], origin: float
) -> Recording:
    times, positions, numbers = [], [], []
    for block in trial.blocks:
        at = [i for i in range(block.start, block.end) if lines[i][:1].isdigit()]
        if at:
            table = _parse(path, lines, at, len(block.eyes))
            times.append(table[:, 0])
            numbers.append(np.array(at, dtype=np.int64) + 1)
            positions.append({eye: table[:, 1 + 3 * k : 3 + 3 * k] for k, eye in enumerate(block.eyes)})
    names = [eye for eye in ("left", "right") if any(eye in block.eyes for block in trial.blocks)]
    time, at_lines, start = np.empty(0), np.empty(0, dtype=np.int64), None
    if times:
        at_lines = np.concatenate(numbers)
        time = clean_times(path, (_halves(np.concatenate(times)) - origin) / 1000, at_lines)
    else:  # events alone, as edf2asc -e writes
        start = (_origin(lines, trial.blocks[:1]) - origin) / 1000
    none = np.empty((0, 2))
    lost = [np.full((len(t), 2), np.nan) for t in times]
    a, b = (bisect_right(messages, line, key=lambda m: m.line) for line in (trial.first, trial.last))
    own = tuple(replace(m, time_s=(m.time_s - origin) / 1000) for m in messages[a:b])
    events = other[bisect_left(other, trial.first) : bisect_left(other, trial.last)]
    stimuli, shown = said.stimuli(own)
    return Recording(
        path=path,
        format=NAME,
        subject="",
        time_s=time,
        eyes={e: np.concatenate([none, *(p.get(e, n) for p, n in zip(positions, lost, strict=True))]) for e in names},
        start_s=start,
        stimuli=stimuli,
        shown=shown,
        events=_events(path, lines, events, origin),
        messages=own,
        lines=at_lines if times else None,
    )


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


def _events(path: Path, lines: list[str], at: list[int], origin: float) -> pl.DataFrame | None:
    """EFIX, ESACC and EBLINK: eye, first and last sample in ms, duration, and for fixations the mean position."""
    rows: list[EventRow] = []
    for i in at:
        words = lines[i].split()
        if words[0] not in _KIND:
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
