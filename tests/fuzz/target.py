"""What a target of the fuzzing is: good files, the call that reads one, and what that call may not do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sightline.errors import SightlineError


@dataclass(frozen=True)
class Target:
    """A reader.

    Attributes
    ----------
    seeds
        Writes good files: each a folder of its own, with the file in it that `read` is given.
    read
        Reads what is at a path, to its end.
    cases
        How many damaged files the short form tries.
    """

    seeds: Callable[[Path], list[Path]]
    read: Callable[[Path], Any]
    cases: int = 40


class Crash(Exception):
    """A reader did what no file may make it do."""


def require_named(path: Path, error: Exception) -> None:
    """Crash where an error names no file."""
    if str(path.parent) not in str(error) and path.name not in str(error):
        raise Crash(f"an error that names no file: {str(error)[:300]}") from error


def with_all(path: Path, *readers: Callable[[Path], Any]) -> None:
    """Every reader, whatever the others say; the last refusal in the end."""
    refused: SightlineError | None = None
    for read in readers:
        try:
            read(path)
        except SightlineError as error:
            require_named(path, error)
            refused = error
    if refused is not None:
        raise refused


def each(*writers: Callable[[Path], Path | None], name: str = "") -> Callable[[Path], list[Path]]:
    """Every writer gets a folder of its own; with a name, the file is the one of it there."""

    def written(folder: Path) -> list[Path]:
        files = []
        for number, writer in enumerate(writers):
            place = folder / str(number)
            place.mkdir(parents=True)
            made = writer(place)
            files.append(place / name if made is None else made)
        return files

    return written


def text(name: str, content: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = folder / name
        path.write_text(content, encoding="utf-8")
        return path

    return write
