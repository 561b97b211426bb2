"""Readers of eye trackers' exports, one module a maker.

A module has NAME, TITLE, read(head, options) and says which files are its own: by NEEDS, the columns that it cannot do
without (a name to show and a pattern), or by recognises(head) where a file has no header.
"""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from sightline.errors import DataError, UsageError
from sightline.gaze.formats import (
    bids,
    eyelink,
    gazepoint,
    generic,
    published,
    pupil_core,
    pupil_neon,
    smi,
    tobii,
    tobii_glasses,
)
from sightline.gaze.formats.table import Head, ReadOptions, lacking, read_head
from sightline.gaze.recording import Recording

__all__ = ["FORMATS", "ReadOptions", "read", "recognise"]

# In the order in which they are tried; the table of no known maker comes last.
_MODULES = (eyelink, bids, tobii_glasses, tobii, pupil_neon, pupil_core, smi, gazepoint, generic)
FORMATS: dict[str, ModuleType] = {module.NAME: module for module in _MODULES}


def recognise(head: Head) -> str:
    """The name of the file's format. Raises DataError that names the nearest known export and what it lacks."""
    for module in _MODULES:
        if module.recognises(head) if not module.NEEDS else not lacking(head, module.NEEDS):
            return module.NAME
    published.refuse(head.path, head)
    nearest = max((m for m in _MODULES if m.NEEDS), key=lambda m: _share(head, m))
    columns = ", ".join(head.columns[:8]) + (", ..." if len(head.columns) > 8 else "")
    if not _share(head, nearest):
        raise DataError(
            f"{head.path}, line {head.header + 1}: no export of a known eye tracker ({columns}); give --format, or "
            "--format csv with --column time=NAME --column x=NAME --column y=NAME"
        )
    missing = ", ".join(map(repr, lacking(head, nearest.NEEDS)))
    raise DataError(
        f"{head.path}, line {head.header + 1}: the nearest known export is {nearest.TITLE}, but {missing} is missing "
        f"among its columns ({columns}); export it again with it, or give --format"
    )


def _share(head: Head, module: ModuleType) -> float:
    return 1 - len(lacking(head, module.NEEDS)) / len(module.NEEDS)


def read(path: str | Path, format: str | None = None, options: ReadOptions | None = None) -> list[Recording]:
    """Every subject and trial in a file; a folder stands for the gaze file in it.

    format: one of FORMATS; None recognises it. Raises DataError naming the file and the line.
    """
    path = _in_folder(Path(path))
    if format is not None and format not in FORMATS:
        raise UsageError(f"--format {format!r}: choose one of {', '.join(FORMATS)}")
    if path.suffix == ".mat":
        published.refuse(path)
    head = read_head(path)
    module = FORMATS[format or recognise(head)]
    if missing := lacking(head, module.NEEDS):
        raise DataError(
            f"{path}, line {head.header + 1}: {module.TITLE} needs the columns {', '.join(map(repr, missing))}; "
            "export it again with them"
        )
    recordings: list[Recording] = module.read(head, options or ReadOptions())
    if not recordings:
        raise DataError(f"{path}: no trial with gaze samples; export the whole recording")
    return recordings


def _in_folder(path: Path) -> Path:
    """Downloads of Pupil Labs and Tobii Glasses are folders."""
    if path.is_dir():
        for name in ("gaze.csv", "gaze_positions.csv", "gazedata.gz", "gazedata"):
            if (path / name).is_file():
                return path / name
        published.refuse(path)
        raise DataError(f"{path}: no gaze.csv, gaze_positions.csv or gazedata.gz in this folder; give the file itself")
    return path
