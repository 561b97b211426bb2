"""What the messages of an EyeLink file say: trials, pictures and where they lie, the screen, rate and validation.

The messages that begin with !V are those of SR Research's Data Viewer.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path

from sightline.errors import DataError
from sightline.gaze.recording import Declared, Message, Shown, pixels

_OFFSET = re.compile(r"^(-?\d+)\s+(?=\S)")
_NUMBER = r"-?\d+(?:\.\d+)?"
_IMGLOAD = re.compile(r"^!V IMGLOAD (FILL|TOP_LEFT|CENTER)\s+(.+)$", re.IGNORECASE)
_PLACE = re.compile(rf"^(.*?)((?:\s+{_NUMBER}){{2}}|(?:\s+{_NUMBER}){{4}})$")
_VFRAME = re.compile(rf"^!V VFRAME\s+\d+\s+({_NUMBER})\s+({_NUMBER})\s+(.+)$", re.IGNORECASE)
_VARIABLE = re.compile(r"^!V TRIAL_VAR\s+(\S+)\s+(.+)$", re.IGNORECASE)
_TELLING = re.compile(r"stim|image|img|pic|photo|video|movie|clip|film|scene|file", re.IGNORECASE)
_VALIDATION = re.compile(r"!CAL VALIDATION\s.*\b(LEFT|RIGHT)\b.*?ERROR\s+(\d+(?:\.\d+)?)\s+avg", re.IGNORECASE)
_RATE = re.compile(r"^SAMPLES\s.*\bRATE\s+(\d+(?:\.\d+)?)(?![\d.])")
_RECCFG = re.compile(r"^MSG\s+\S+\s+(?:-?\d+\s+)?(?:RECCFG\s+\S+|!MODE RECORD\s+\S+)\s+(\d+)")
_COORDS = re.compile(r"^MSG\s+\S+\s+(?:-?\d+\s+)?(?:DISPLAY|GAZE)_COORDS\b\s*=?\s*(.*)")
_DESCRIBES = re.compile(r"_COORDS\b|RECCFG|!MODE RECORD|!CAL VALIDATION", re.IGNORECASE)
# What an experiment writes when it prepares the next recording.
_PREPARES = re.compile(r"^(RECCFG|ELCLCFG|!MODE|GAZE_COORDS|DISPLAY_COORDS|THRESHOLDS|ELCL_|DRIFTCORRECT|!CAL)")


def messages(lines: list[str], other: list[int]) -> tuple[Message, ...]:
    """MSG lines, times in the file's ms. A leading whole number is a delay: SR Research's tools subtract it."""
    found = []
    for i in other:
        match = re.match(r"MSG\s+(\d+(?:\.\d*)?)\s*(.*)", lines[i])
        if match is None or match[2].startswith("!CAL"):
            continue
        text, delay = match[2].strip(), 0.0
        if offset := _OFFSET.match(text):
            text, delay = text[offset.end() :], float(offset[1])
        found.append(Message(float(match[1]) - delay, text, i + 1))
    return tuple(found)


def trial_id(text: str) -> str | None:
    """What a TRIALID message says; None for other messages."""
    match = re.match(r"TRIALID\b\s*(.*)", text)
    return None if match is None else match[1].strip() or "TRIALID"


def preparations(messages: Sequence[Message], blocks: Sequence[tuple[int, int]]) -> list[int]:
    """Where each trial begins in a file without TRIALID: the line before its first message, else its START.

    Messages after END belong to the trial before, up to the first that prepares the next recording.
    """
    edges = []
    for k, (start, _) in enumerate(blocks):
        before = blocks[k - 1][1] if k else -1
        between = [m for m in messages if before < m.line - 1 < start]
        edges.append(next((m.line - 1 for m in between if k == 0 or _PREPARES.match(m.text)), start))
    return edges


def stimuli(messages: Sequence[Message]) -> tuple[tuple[str, ...], tuple[Shown, ...]]:
    """What a trial calls its stimulus, best first, and the pictures that it placed, in order."""
    shown: dict[str, Shown] = {}
    values = []
    for text in (m.text for m in messages):
        if match := _IMGLOAD.match(text):
            one = _placed(match[1].lower(), match[2].strip())
            shown[one.name] = one
        elif match := _VFRAME.match(text):
            name = match[3].strip()
            shown.setdefault(name, Shown(name, "frame", (float(match[1]), float(match[2]))))
        elif match := _VARIABLE.match(text):
            values.append((match[1], match[2].strip()))
    telling = [value for name, value in values if _TELLING.search(name)]
    # A number is a count of something, unless the variable says that it is the stimulus.
    rest = [value for _, value in values if not re.fullmatch(_NUMBER, value)]
    return tuple(dict.fromkeys([*shown, *telling, *rest])), tuple(shown.values())


def _placed(how: str, words: str) -> Shown:
    """The picture's name may have spaces; two or four numbers after it are its place and size."""
    name, numbers = words, []
    if how != "fill" and (match := _PLACE.match(words)):
        name, numbers = match[1], [float(n) for n in match[2].split()]
    at = (numbers[0], numbers[1]) if numbers else None
    size = (numbers[3], numbers[2]) if len(numbers) == 4 else None
    if how == "fill":
        return Shown(name, "fill")
    return Shown(name, "center" if how == "center" else "top_left", at, size)


def describing(lines: list[str], other: Sequence[int]) -> list[int]:
    """The lines that `declared` looks at, of many more."""
    return [
        i
        for i in other
        if (_RATE if lines[i].startswith("SAMPLES") else _DESCRIBES).search(lines[i]) and lines[i][0] in "SM"
    ]


def declared(path: Path, lines: list[str], at: Sequence[int], first: int, last: int, eyes: set[str]) -> Declared:
    """The screen, the rate and the eyes' validation, as they stood when the recording on [first, last) began."""
    rate, screen, accuracy = None, None, {}
    for i in at:
        if i >= last:
            break
        line = lines[i]
        if line.startswith("SAMPLES") and (match := _RATE.match(line)):
            rate = float(match[1])
        elif line.startswith("MSG"):
            if match := _RECCFG.match(line):
                rate = float(match[1])
            elif match := _COORDS.search(line):
                screen = _screen(path, i, line, match[1])
            elif i < first and (match := _VALIDATION.search(line)):
                accuracy[match[1].lower()] = float(match[2])
    return Declared(
        rate_hz=rate,
        screen_px=screen,
        accuracy_deg={eye: error for eye, error in accuracy.items() if eye in eyes},
    )


def _screen(path: Path, index: int, line: str, words: str) -> tuple[int, int]:
    """(height, width) of the screen by its left, top, right and bottom pixel, both included."""
    try:
        left, top, right, bottom = (float(value) for value in re.split(r"[\s,]+", words.strip("()[] "))[:4])
    except ValueError:
        raise DataError(
            f"{path}, line {index + 1}: the description of the recording is damaged ({line!r}: four numbers are "
            "expected); convert it again"
        ) from None
    spans = bottom - top, right - left
    pixels(f"{path}, line {index + 1}: the screen", *spans)
    height, width = (math.ceil(span) + 1 for span in spans)
    # The last pixel is in the file, or, as some experiments write it, the size; no screen's size is odd.
    return height - height % 2, width - width % 2
