"""WebGazer in a table of jsPsych: a row a trial, whose gaze is a JSON list of x, y and t in one cell.

Times are milliseconds from the trial's start, positions pixels of the browser's window from its top left.
"""

from __future__ import annotations

import re

import numpy as np

from sightline.errors import DataError
from sightline.gaze.formats.table import Head, ReadOptions, find, read_table
from sightline.gaze.recording import Recording, clean_times, showings
from sightline.untrusted import parse_json

NAME = "webgazer"
TITLE = "jsPsych table with webgazer_data"
NEEDS = {"webgazer_data": r"webgazer_data"}

_SUBJECT = r"subject|subject_id|participant|participant_id|prolific_pid|run_id"


def read(head: Head, options: ReadOptions) -> list[Recording]:
    """The trials that have gaze. Raises DataError naming the line whose list cannot be read."""
    subject = find(head, _SUBJECT)
    table = read_table(head, ["webgazer_data", "stimulus", "trial_index", *([subject] if subject else [])])
    cells = table.text("webgazer_data")
    rows = [k for k, cell in enumerate(cells) if cell not in ("", "null", "[]")]
    blank = np.full(len(table), "", dtype=object)
    shown, index = (table.text(name) if name in table else blank for name in ("stimulus", "trial_index"))
    who = table.text(subject) if subject else blank
    names = [_picture(shown[k]) or index[k] or "trial" for k in rows]
    unique = {s: iter(showings(n for n, k in zip(names, rows, strict=True) if who[k] == s)) for s in set(who.tolist())}
    recordings = []
    for k in rows:
        name = next(unique[who[k]])
        try:
            samples = parse_json(cells[k])
            values = np.array([[each["t"], each["x"], each["y"]] for each in samples], dtype=np.float64).reshape(-1, 3)
        except (ValueError, KeyError, TypeError, OverflowError) as error:
            raise DataError(
                f"{head.path}, line {int(table.lines[k])}: no list of x, y and t ({error}); export the data of jsPsych "
                "again"
            ) from None
        if not len(values):
            continue
        time, once = np.unique(values[:, 0], return_index=True)
        recordings.append(
            Recording(
                path=head.path,
                format=NAME,
                subject=str(who[k]),
                time_s=clean_times(head.path, time / 1000),
                eyes={"both": values[once, 1:]},
                trial=name,
                start_s=0.0,
                lines=np.full(len(time), table.lines[k]),
            )
        )
    return recordings


def _picture(stimulus: str) -> str:
    """The file that a stimulus names, which may stand in HTML."""
    match = re.search(r"src\s*=\s*[\"']?([^\"'> ]+)", stimulus)
    return match[1] if match else stimulus
