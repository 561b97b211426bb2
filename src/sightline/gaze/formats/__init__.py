"""Readers of eye trackers' exports, one module a maker. Each has NAME, TITLE, missing(head) and read(head)."""

from __future__ import annotations

from pathlib import Path

from sightline.errors import DataError, UsageError
from sightline.gaze.formats import smi
from sightline.gaze.formats.table import Head, read_head
from sightline.gaze.recording import Recording

FORMATS = {module.NAME: module for module in (smi,)}


def recognise(path: Path) -> tuple[str, Head]:
    """The format's name, and the beginning of the file. Raises DataError naming the nearest format known."""
    head = read_head(path)
    lacking = {name: module.missing(head) for name, module in FORMATS.items()}
    for name, names in lacking.items():
        if not names:
            return name, head
    nearest = min(lacking, key=lambda name: len(lacking[name]))
    raise DataError(f"{path}: {nearest} {lacking[nearest]}")


def read(path: str | Path, format: str | None = None) -> list[Recording]:
    """Every subject and trial in a file. format: one of FORMATS; None recognises it."""
    path = Path(path)
    if format is None:
        format, head = recognise(path)
    elif format in FORMATS:
        head = read_head(path)
    else:
        raise UsageError(f"--format {format!r}: choose one of {', '.join(FORMATS)}")
    return FORMATS[format].read(head)
