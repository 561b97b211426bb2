"""Videos that were watched, and the tables of fixations on them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sightline.errors import DataError, SourceError, UsageError
from sightline.files import IMAGE_SUFFIXES, VIDEO_SUFFIXES

TABLES = ("{0}_fixations.csv", "{0}.csv", "{0}")
"""How the table of a video is called, beside it or in the folder given; the last is the folder of an import."""


def find_videos(sources: Sequence[Path]) -> list[Path]:
    """Each source that is a video or a folder of frames, and all of those in a source that is a folder of them.

    Raises DataError for a folder with neither.
    """
    return [video for source in sources for video in _videos(source)]


def _videos(source: Path) -> list[Path]:
    if not source.is_dir():
        return [source]
    inside = sorted(path for path in source.iterdir() if not path.name.startswith("."))
    videos = [path for path in inside if path.suffix.lower() in VIDEO_SUFFIXES]
    if not videos and _has_frames(source):
        return [source]
    videos = videos or [path for path in inside if path.is_dir() and _has_frames(path)]
    if not videos:
        raise DataError(f"{source}: neither videos nor folders of frames in it; give those that were watched")
    return videos


def _has_frames(folder: Path) -> bool:
    return any(path.suffix.lower() in IMAGE_SUFFIXES for path in folder.iterdir())


def require_tables(tables: Path | None, videos: Sequence[Path]) -> None:
    """Raise DataError where `tables` is not there, UsageError where it is one table for several videos."""
    if tables is None:
        return
    if not tables.exists():
        raise DataError(f"{tables}: no such table or folder of tables; make one with `sightline gaze import`")
    if len(videos) > 1 and _table(tables) is not None:
        raise UsageError(f"`fixations` {tables}: one table, for {len(videos)} videos; give a folder of tables")


def find_table(video: Path | str, tables: Path | None) -> Path:
    """The table of fixations on a video.

    tables: a table, the folder of an import, or a folder of tables; None looks beside the video, and in it where it is
    a folder of frames. Raises DataError where there is none, SourceError where there is no video.
    """
    if isinstance(video, str):
        raise UsageError(f"`fixations`: on a file; {video} is none")
    if not video.exists():  # which beats having no fixations on it
        raise SourceError(f"{video}: there is no such file or folder; check the path")
    if tables is not None and (table := _table(tables)) is not None:
        return table
    name = video.resolve().name if video.is_dir() else video.stem
    place = video.absolute().parent if tables is None else tables
    candidates = [place / pattern.format(name) for pattern in TABLES]
    found = next((table for table in map(_table, candidates) if table is not None), None)
    if found is None:
        raise DataError(
            f"{video}: no fixations on it in {place}; {candidates[0].name} is expected there, or the folder {name} of "
            "an import"
        )
    return found


def _table(path: Path) -> Path | None:
    """The table that a path stands for: itself, or the one in a folder, which an import writes in two formats."""
    if path.is_file():
        return path
    if (path / "fixations.parquet").is_file():
        return path
    return path / "fixations.csv" if (path / "fixations.csv").is_file() else None
