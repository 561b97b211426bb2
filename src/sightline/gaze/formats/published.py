"""Published sets of fixations are no recordings: whoever imports one is told which commands read it as it is."""

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
