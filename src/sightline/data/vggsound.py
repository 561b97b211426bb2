"""VGGSound (Chen et al., ICASSP 2020): vggsound.csv, a line `video,start second,label,split`, and clips of ten seconds.

The videos come from a public site, from which many have gone: clips that are not there are left out, and counted.
"""

from __future__ import annotations

import csv
import warnings
from pathlib import Path

from sightline.data.tagged import TaggedVideo
from sightline.errors import DataError

LAYOUT = "vggsound.csv with video/<id>_<start as six digits>.mp4"
SPLITS = ("train", "test")
_FOLDERS = ("video", "videos", ".")


def clips(root: str | Path, split: str | None = None) -> list[TaggedVideo]:
    """The clips of a split, or of both, that are there, in the order of the list.

    Parameters
    ----------
    root : str or Path
        The folder of the data set.
    split : {"train", "test"}, optional
        Which lines of the list.

    Warns
    -----
    UserWarning
        Says how many clips of the list are not there.

    Raises
    ------
    DataError
        The list is missing or malformed (with the line), or none of its clips is there.
    """
    root = Path(root)
    path = root / "vggsound.csv"
    folder = next((root / name for name in _FOLDERS if any((root / name).glob("*.mp4"))), root / _FOLDERS[0])
    there = {entry.name for entry in folder.glob("*.mp4")}
    found, absent = [], 0
    try:
        with path.open(newline="", encoding="utf-8") as file:
            for number, row in enumerate(csv.reader(file), start=1):
                name = _clip(row, f"{path}: line {number}")
                if split is not None and row[3] != split:
                    continue
                if name in there:
                    found.append(TaggedVideo(folder / name, (row[2],)))
                else:
                    absent += 1
    except FileNotFoundError:
        raise DataError(f"{path}: no such list; {LAYOUT} is expected") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: the list cannot be read ({error}); {LAYOUT} is expected") from None
    if not found:
        raise DataError(f"{folder}: none of the {absent} clips of {path.name} is there; {LAYOUT} is expected")
    if absent:
        warnings.warn(f"{root}: {absent} of {absent + len(found)} clips are not there and left out", stacklevel=2)
    return found


def _clip(row: list[str], place: str) -> str:
    """The file's name."""
    if len(row) != 4 or row[3] not in SPLITS or not row[1].isdecimal():
        raise DataError(f"{place}: {','.join(row)!r}; video,start second,label,split is expected")
    return f"{row[0]}_{int(row[1]):06d}.mp4"
