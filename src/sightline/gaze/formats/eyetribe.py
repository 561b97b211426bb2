"""The log of an EyeTribe, as PyGaze and OpenSesame write it: samples, and the experiment's messages in rows MSG.

Times are milliseconds of the tracker's clock, positions pixels of the screen. A lost sample is at (0, 0), or its state
lacks the bit that says that gaze is tracked.
"""

from __future__ import annotations

import numpy as np

from sightline.gaze.formats.table import Head, ReadOptions, read_table, separate_messages
from sightline.gaze.recording import Recording, clean_times

NAME = "eyetribe"
TITLE = "EyeTribe log of PyGaze or OpenSesame"
NEEDS = {"time": r"time", "state": r"state", "avgx": r"avgx", "avgy": r"avgy"}

_TRACKS_GAZE = 1  # the bit of a state


def read(head: Head, options: ReadOptions) -> list[Recording]:
    """The one recording of the file."""
    table = read_table(head, [*head.columns[:8], "time", "state", "avgx", "avgy"])  # messages fill the first columns
    table, messages = separate_messages(table, 1e-3)
    stamps = table.numbers("time") / 1000
    origin = float(stamps[0])
    xy = np.column_stack([table.numbers("avgx"), table.numbers("avgy")])
    tracked = np.nan_to_num(table.numbers("state")).astype(np.int64) & _TRACKS_GAZE == _TRACKS_GAZE
    xy[(xy == 0).all(axis=1) | ~tracked] = np.nan
    return [
        Recording(
            path=head.path,
            format=NAME,
            subject="",
            time_s=clean_times(head.path, stamps - origin, table.lines),
            eyes={"both": xy},
            messages=tuple(m.later(-origin) for m in messages),
            lines=table.lines,
        )
    ]
