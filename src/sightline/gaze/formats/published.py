"""What is no recording: published sets of fixations, which other commands read as they are, and parts of exports."""

from __future__ import annotations

import re
from pathlib import Path

from sightline.errors import DataError
from sightline.gaze.formats.table import Head

_IN_FOLDERS = ("images.csv", "*_fixations.csv", "DATA/*/*.mat", "*/Imgs", "*/fixation", "*/fixMap_00001.mat")
_GAZEFOLLOW = r"[^,]+\.(jpe?g|png)(,[^,]*){9,}"


def refuse(path: Path, head: Head | None = None) -> None:
    """Raise DataError if `path` is a published set's folder or file. head: of a text file."""
    if path.is_dir():
        ours, source = any(next(path.glob(mark), None) for mark in _IN_FOLDERS), path
    elif path.suffix == ".mat":
        ours, source = path.is_file(), path
    elif head is not None and {"image", "subject", "x_px", "y_px"} <= set(head.columns):
        ours, source = True, path.parent
    else:
        ours, source = head is not None and re.match(_GAZEFOLLOW, head.lines[0], re.IGNORECASE) is not None, path
    if ours:
        raise DataError(
            f"{path}: fixations of a published set, not a tracker's recording; they need no import: "
            f"`sightline gaze map {source} --out DIR` and `sightline gaze ceiling {source}` read them"
        )


# Columns by which a part of a maker's export is known, what it is, and what to give instead.
_PARTS: tuple[tuple[set[str], str], ...] = (
    (
        {"start_timestamp", "duration", "norm_pos_x", "norm_pos_y"},
        "Pupil Core's fixations alone; give the gaze_positions.csv beside them, they are read with it",
    ),
    ({"pupil_timestamp", "confidence"}, "Pupil Core's pupils, which are no gaze; give gaze_positions.csv"),
    ({"pupil_timestamp", "diameter"}, "Pupil Core's pupils, which are no gaze; give gaze_positions.csv"),
    (
        {"start timestamp [ns]", "end timestamp [ns]"},
        "Pupil Labs' events alone; give the gaze.csv beside them, they are read with it",
    ),
    (
        {"IA_LABEL", "RECORDING_SESSION_LABEL"},
        "Data Viewer's interest area report, which has no fixations; export its fixation report",
    ),
    (
        {"CURRENT_SAC_START_TIME", "RECORDING_SESSION_LABEL"},
        "Data Viewer's saccade report; export its fixation report",
    ),
    ({"AOI Name", "AOI Duration (sec - U=UserControlled)"}, "Gazepoint's summary of areas; export all gaze"),
    ({"TOI", "Interval"}, "metrics of Tobii Pro Lab; export the recording as a single .tsv (Data export)"),
)


def refuse_parts(head: Head) -> None:
    """Raise DataError if the file is a part of a known export that is no recording by itself."""
    for columns, what in _PARTS:
        if columns <= set(head.columns):
            raise DataError(f"{head.path}, line {head.header + 1}: {what}")
