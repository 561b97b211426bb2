"""Readers of eye trackers' exports, one module a maker.

A module has NAME, TITLE, read(head, options) and says which files are its own: by NEEDS, the columns that it cannot do
without (a name to show and a pattern), or by recognises(head) where a file has no header.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType

from sightline.errors import DataError, UsageError
from sightline.gaze.formats import (
    bids,
    eyelink,
    eyetribe,
    gazepoint,
    generic,
    published,
    pupil_core,
    pupil_neon,
    smi,
    smi_events,
    tobii,
    tobii_glasses,
    webgazer,
)
from sightline.gaze.formats.table import Head, ReadOptions, beside, headers, lacking, read_head
from sightline.gaze.recording import Recording

__all__ = ["FORMATS", "ReadOptions", "read", "read_together", "recognise"]

NEAR = 0.6  # the share of an export's columns from which on it may be meant

# In the order in which they are tried; the table of no known maker comes last.
_MODULES = (
    eyelink, smi_events, bids, tobii_glasses, tobii, pupil_neon, pupil_core, smi, gazepoint, eyetribe, webgazer, generic
)  # fmt: skip
FORMATS: dict[str, ModuleType] = {module.NAME: module for module in _MODULES}


def recognise(head: Head) -> tuple[str, Head]:
    """The name of the file's format, and the head with its header found.

    Raises DataError that names the nearest known export and what it lacks.
    """
    for candidate in headers(head):
        for module in _MODULES:
            if module.NEEDS:
                found = not lacking(candidate, module.NEEDS)
            else:
                found = (candidate is head or module is generic) and module.recognises(candidate)
            if found:
                return module.NAME, candidate
    published.refuse(head.path, head)
    published.refuse_parts(head)
    nearest = max((m for m in _MODULES if m.NEEDS), key=lambda m: _share(head, m))
    columns = ", ".join(head.columns[:8]) + (", ..." if len(head.columns) > 8 else "")
    if _share(head, nearest) < NEAR:
        raise DataError(
            f"{head.path}, line {head.header + 1}: no export of a known eye tracker ({columns}); give `format`, or "
            "`format` csv with `columns` time=NAME, x=NAME and y=NAME"
        )
    missing = ", ".join(map(repr, lacking(head, nearest.NEEDS)))
    raise DataError(
        f"{head.path}, line {head.header + 1}: the nearest known export is {nearest.TITLE}, but {missing} is missing "
        f"among its columns ({columns}); export it again with it, or give `format`"
    )


def _share(head: Head, module: ModuleType) -> float:
    return 1 - len(lacking(head, module.NEEDS)) / len(module.NEEDS)


def read(path: str | Path, format: str | None = None, options: ReadOptions | None = None) -> list[Recording]:
    """Read every subject and trial in a file.

    Parameters
    ----------
    path : str or Path
        An eye tracker's export; a folder stands for the gaze file in it.
    format : str, optional
        One of FORMATS; recognised from the file unless given.
    options : ReadOptions, optional
        What the file does not say.

    Returns
    -------
    list of Recording
        One for each subject and trial.

    Raises
    ------
    DataError
        If the file is missing, of no known format, or damaged; with the line.
    UsageError
        For an unknown format or column.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "gaze.csv"
    >>> _ = file.write_text("subject,time_ms,x_px,y_px\\nann,0,10,20\\nann,4,11,20\\nann,8,12,20\\n")
    >>> (recording,) = read(file)
    >>> recording.subject, recording.time_s.tolist(), recording.eyes["both"][0].tolist()
    ('ann', [0.0, 0.004, 0.008], [10.0, 20.0])
    """
    options = options or ReadOptions()
    path = _in_folder(Path(path))
    if format is not None and format not in FORMATS:
        raise UsageError(f"`format` {format!r}: choose one of {', '.join(FORMATS)}")
    if path.suffix == ".mat":
        published.refuse(path)
    head = read_head(path)
    if format is None:
        format, head = recognise(head)
    module = FORMATS[format]
    if module.NEEDS:
        head = next((each for each in headers(head) if not lacking(each, module.NEEDS)), head)
    elif module is generic:
        head = next((each for each in headers(head) if generic.has_columns(each, options.columns)), head)
    if missing := lacking(head, module.NEEDS):
        raise DataError(
            f"{path}, line {head.header + 1}: {module.TITLE} needs the columns {', '.join(map(repr, missing))}; "
            "export it again with them"
        )
    recordings: list[Recording] = module.read(head, options)
    if not recordings:
        raise DataError(f"{path}: no trial with gaze samples; export the whole recording")
    if not all(recording.eyes for recording in recordings):
        raise DataError(f"{path}: no eye that has both x and y; export both")
    return recordings


def read_together(
    paths: Sequence[Path], format: str | None = None, options: ReadOptions | None = None
) -> Iterator[tuple[Path, list[Recording]]]:
    """The recordings of each file in turn; files that hold an eye each (BIDS) are one, named by the first of them."""
    for group in grouped(paths):
        yield group[0], read_group(group, format, options)


def grouped(paths: Sequence[Path]) -> list[list[Path]]:
    """The files in the groups that are one recording each."""
    groups: dict[object, list[Path]] = {}
    for path in paths:
        groups.setdefault(bids.recording_of(path) or path, []).append(path)
    return list(groups.values())


def read_group(paths: Sequence[Path], format: str | None = None, options: ReadOptions | None = None) -> list[Recording]:
    """The recordings of the files of one group."""
    read_one = [read(path, format, options) for path in paths]
    return bids.join(read_one) if len(paths) > 1 else read_one[0]


def _in_folder(path: Path) -> Path:
    """Downloads of Pupil Labs and Tobii Glasses are folders."""
    if path.is_dir():
        for name in ("gaze.csv", "gaze_positions.csv", "gazedata"):
            if found := beside(path / name, name):
                return found
        published.refuse(path)
        raise DataError(f"{path}: no gaze.csv, gaze_positions.csv or gazedata.gz in this folder; give the file itself")
    return path
