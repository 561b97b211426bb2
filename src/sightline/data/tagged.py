"""Videos and what they are tagged with: the table of a user's own."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sightline.errors import DataError
from sightline.files import VIDEO_SUFFIXES


@dataclass(frozen=True, slots=True)
class TaggedVideo:
    """A video and its tags.

    Attributes
    ----------
    path : Path
        The file, or a folder of frames.
    tags : tuple of str
        What somebody said it is about; one, mostly.
    """

    path: Path
    tags: tuple[str, ...]


def read_tags(path: str | Path) -> dict[str, tuple[str, ...]]:
    """Read a table of tags.

    Parameters
    ----------
    path : str or Path
        CSV with the columns `video` and `tag`, a row a tag: a video of several tags has several rows. `video` is the
        name of a file, with or without its folder and ending.

    Returns
    -------
    dict
        The tags of each video by its name without folder and ending, in the table's order.

    Raises
    ------
    DataError
        The table cannot be read, lacks a column, has an empty cell, or no row.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "tags.csv"
    >>> _ = path.write_text("video,tag\\nvideos/a.mp4,dog\\nb,bird\\nb,dog\\n")
    >>> read_tags(path)
    {'a': ('dog',), 'b': ('bird', 'dog')}
    """
    found: dict[str, list[str]] = {}
    try:
        with Path(path).open(newline="", encoding="utf-8-sig") as stream:
            rows = csv.DictReader(stream)
            missing = [name for name in ("video", "tag") if name not in (rows.fieldnames or ())]
            if missing:
                raise DataError(f"{path}: no column {' and '.join(missing)}; a table with video,tag is expected")
            for number, row in enumerate(rows, start=2):
                video, tag = (row["video"] or "").strip(), (row["tag"] or "").strip()
                if not video or not tag:
                    raise DataError(f"{path}: line {number} has no {'video' if not video else 'tag'}; fill it in")
                tags = found.setdefault(_name(Path(video)), [])
                if tag not in tags:
                    tags.append(tag)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read as a table of tags ({error}); check the path") from None
    if not found:
        raise DataError(f"{path}: no video in it; a row for each video and tag is expected")
    return {video: tuple(tags) for video, tags in found.items()}


def tagged(videos: Iterable[Path], table: str | Path) -> list[TaggedVideo]:
    """Videos with their tags in a table; those that it does not name are left out.

    Raises
    ------
    DataError
        As `read_tags`, and where no video is named.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "tags.csv"
    >>> _ = path.write_text("video,tag\\na.mp4,dog\\n")
    >>> tagged([Path("films/a.mp4"), Path("films/b.mp4")], path)
    [TaggedVideo(path=PosixPath('films/a.mp4'), tags=('dog',))]
    """
    videos, tags = list(videos), read_tags(table)
    found = [TaggedVideo(video, tags[_name(video)]) for video in videos if _name(video) in tags]
    if not found:
        raise DataError(f"{table}: names none of the {len(videos)} videos; its column `video` holds names of files")
    return found


def _name(video: Path) -> str:
    """Without folder and ending; a folder of frames has none."""
    return video.stem if video.suffix.lower() in VIDEO_SUFFIXES else video.name
