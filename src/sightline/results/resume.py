"""What an interrupted run leaves, and how the next one goes on from it."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sightline.results.kinds import Kind
from sightline.types import Frame
from sightline.untrusted import parse_json

LOG = ".frames.csv"
"""The frames that are done, a line each; in the results until they are complete."""
STARTED = ".started.json"
"""What makes the run this run, in the folder that it writes to."""
_MARGIN = 8  # frames at the end of a killed run whose rows or film may be half-written
_BACK = 500  # frames that are done again to go on from where a target was chosen, which gives the same results
WARM_UP = 10  # frames that a model sees again before it goes on: motion and cuts are told from frames around


@dataclass(frozen=True)
class Done:
    """A frame that an interrupted run has done."""

    name: str
    index: int
    time_s: float
    state: str


class FrameLog:
    """The list of frames that are done, a line at a time, so that a killed run leaves it too."""

    def __init__(self, folder: Path) -> None:
        self._file = (folder / LOG).open("a", newline="", encoding="utf-8", buffering=1)
        self._lines = csv.writer(self._file, lineterminator="\n")

    def add(self, frame: Frame, name: str) -> None:
        """A frame is handed to all writers."""
        self._lines.writerow((name, frame.index, repr(frame.time_s), frame.state or ""))

    def close(self) -> None:
        """Nothing more comes."""
        self._file.close()


@dataclass(frozen=True)
class Earlier:
    """What an interrupted run left.

    folder: where. frames: those that are whole, from the first on. fresh: whether the next one is where a target was
    chosen anew, so that a model that begins shortly before gives the same as one that went on.
    """

    folder: Path
    frames: tuple[Done, ...]
    fresh: bool

    def hand_over(self, folder: Path, kinds: Sequence[Kind]) -> None:
        """Bring all that concerns these frames into an empty folder."""
        names = [frame.name for frame in self.frames]
        for kind in kinds:
            kind.take_over(self.folder, folder, names)
        log = (self.folder / LOG).read_text(encoding="utf-8").splitlines(keepends=True)
        (folder / LOG).write_text("".join(log[: len(names)]), encoding="utf-8")


def find_earlier(
    places: Sequence[Path], same: Mapping[str, Any], kinds: Sequence[Kind], *, killed: Path
) -> Earlier | None:
    """What can be gone on from: of the folders, the one with most frames of a run that is the `same`.

    killed: of them, the one that a killed run wrote to, whose last frames are not trusted.
    """
    found = [_whole(place, same, kinds, place == killed) for place in places]
    best = max(found, key=lambda earlier: len(earlier.frames))
    return best if best.frames else None


def _whole(place: Path, same: Mapping[str, Any], kinds: Sequence[Kind], killed: bool) -> Earlier:
    said = _read(place / STARTED) or _read(place / "summary.json")
    if said.get("complete") or any(said.get(key) != value for key, value in same.items()):
        return Earlier(place, (), fresh=True)
    frames = tuple(_logged(place / LOG))
    names = [frame.name for frame in frames]
    count = min((kind.done(place, names) for kind in kinds), default=0)
    frames = frames[: max(0, min(count, len(frames)) - (_MARGIN if killed else 0))]
    chosen = max((number for number, frame in enumerate(frames) if frame.state == "start"), default=0)
    fresh = chosen > 0 and len(frames) - chosen <= _BACK
    return Earlier(place, frames[:chosen] if fresh else frames, fresh)


def _logged(log: Path) -> Iterator[Done]:
    try:
        with log.open(newline="", encoding="utf-8") as file:
            for row in csv.reader(file):
                yield Done(row[0], int(row[1]), float(row[2]), row[3])
    except (OSError, ValueError, IndexError):  # a last line that was cut
        return


def _read(path: Path) -> dict[str, Any]:
    try:
        said = parse_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}


def tidy(folder: Path, *, complete: bool) -> None:
    """Before results come to their place: drop what only an interrupted run needs."""
    (folder / STARTED).unlink(missing_ok=True)
    if complete:
        (folder / LOG).unlink(missing_ok=True)


def set_aside(partial: Path) -> Path:
    """Move the folder that a killed run wrote to out of the way; where it is then."""
    aside = partial.with_name(f"{partial.name}.earlier")
    if partial.exists():
        shutil.rmtree(aside, ignore_errors=True)
        partial.rename(aside)
    return aside
