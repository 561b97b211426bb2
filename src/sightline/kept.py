"""What is kept to save time, features of trainings and exported graphs: where it is, and how much there may be of it.

Whoever adds to it makes room first. What was used longest ago goes, and nothing that was used within a day: another
process may be at it, and what a run makes now stays for its next start. So there may be more than that for a while.
"""

from __future__ import annotations

import math
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from sightline.errors import UsageError

BOUND_GB = 20.0
RECENT_S = 24 * 3600.0


def kept_folder() -> Path:
    """Where it is: $SIGHTLINE_CACHE, or `sightline` in the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(os.environ.get("SIGHTLINE_CACHE") or Path(base) / "sightline")


def bound_bytes() -> float:
    """How much there may be: $SIGHTLINE_CACHE_GB (`inf` for any), by default BOUND_GB.

    Raises
    ------
    UsageError
        If the variable holds no such number.
    """
    said = os.environ.get("SIGHTLINE_CACHE_GB") or str(BOUND_GB)
    try:
        number = float(said)
    except ValueError:
        number = math.nan
    if not number >= 0:
        raise UsageError(f"the environment's SIGHTLINE_CACHE_GB is {said!r}: say gigabytes, 0 or more, or inf")
    return 1e9 * number


def used(path: Path) -> bool:
    """Whether a kept file is there; if so, it is used now."""
    try:
        os.utime(path)
    except OSError:  # not there, or of somebody else
        return path.is_file()
    return True


def make_room() -> list[Path]:
    """Remove what was used longest ago, until the rest is within the bound or was used within a day.

    What another process holds open stays readable for it, or, on Windows, stays.

    Returns
    -------
    list of Path
        What is gone.

    Raises
    ------
    UsageError
        As `bound_bytes`.
    """
    bound, gone = bound_bytes(), []
    entries = sorted((_last_use(path), path, size_of(path)) for path in _entries())
    left = sum(size for *_, size in entries)
    for last_use, path, size in entries:
        if left <= bound or max(last_use, _last_use(path)) > time.time() - RECENT_S:
            break
        away = path.with_name(f".gone-{os.getpid()}-{path.name}")
        with suppress(OSError):
            path.rename(away)  # at once: nobody ever finds half of it
            gone.append(path)
            left -= size
            shutil.rmtree(away) if away.is_dir() else away.unlink()
    return gone


def _entries() -> Iterator[Path]:
    """Graphs and features, and what killed processes left of them."""
    yield from (path for path in kept_folder().glob("*.onnx") if path.is_file())
    yield from (path for path in kept_folder().glob("features/*/*") if path.is_dir())


def _last_use(path: Path) -> float:
    """Seconds since the epoch; 0 of what has just gone."""
    times = [0.0]
    for file in (path, *path.glob("*")):
        with suppress(OSError):
            times.append(file.lstat().st_mtime)
    return max(times)


def size_of(path: Path) -> int:
    """Bytes of a file, or of the files below a folder; 0 of what is not there."""
    size = 0
    for file in path.rglob("*") if path.is_dir() else [path]:
        with suppress(OSError):
            size += file.lstat().st_size if file.is_file() else 0
    return size
