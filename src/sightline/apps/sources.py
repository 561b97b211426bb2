"""The sources of a run: which can be tried, what their results are called, what tells one from another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from sightline.apps.outcome import Outcome, failure
from sightline.errors import SightlineError
from sightline.video.opening import require_readable, stem_of

Given = Path | str
"""A path, or what is no file: an address, `camera:0`, `-`."""


def name_folders(sources: Sequence[Given], out: Path) -> list[Path]:
    """DIR/<stem> for each source; a stem that was taken before gets -2, -3, ..."""
    names: list[str] = []
    for source in sources:
        stem = stem_of(source)
        name, number = stem, 1
        while name in names:
            number += 1
            name = f"{stem}-{number}"
        names.append(name)
    return [out / name for name in names]


def split_missing(sources: Sequence[Given]) -> tuple[list[Given], dict[Given, Outcome]]:
    """(sources that can be tried, failures of files that are not there, empty or may not be read)."""
    failures: dict[Given, Outcome] = {}
    for source in sources:
        if isinstance(source, Path):
            try:
                require_readable(source)
            except SightlineError as error:
                failures[source] = failure(source, error)
    return [source for source in sources if source not in failures], failures


def fingerprint(files: Iterable[Path]) -> tuple[int, str]:
    """(bytes, time of the last change) of files, together; those that are missing count nothing."""
    stats = [file.stat() for file in files if file.exists()]
    changed = datetime.fromtimestamp(max((stat.st_mtime for stat in stats), default=0), UTC)
    return sum(stat.st_size for stat in stats), changed.isoformat()


def over_each(
    sources: Sequence[Given], out: Path, work: Callable[[Given, Path], Outcome], stopped: Callable[[], bool]
) -> list[Outcome]:
    """Do the work on each source and its folder, out/<its name>. One that cannot be done stops none of the others.

    stopped: asked after each source; when it says True, the rest is left.
    """
    outcomes = []
    for source, folder in zip(sources, name_folders(sources, out), strict=True):
        try:
            outcomes.append(work(source, folder))
        except Exception as error:  # whatever it is, it concerns this source alone
            outcomes.append(failure(source, error))
        if stopped():
            break
    return outcomes
