"""What became of each source of a run."""

from __future__ import annotations

import traceback
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from sightline.errors import SightlineError


@dataclass(frozen=True)
class Outcome:
    """What became of one source.

    Attributes
    ----------
    source, output
        What was read, and the folder of the results; None where there is none. A source that failed on the way leaves
        what was done before.
    status
        "skipped": complete results were there already. "stopped": on request, what was done is kept.
    frames, seconds
        How many frames were written, and how long that took.
    error
        Why it failed.
    notes
        What a user should know of how it was done.
    """

    source: str
    status: Literal["done", "skipped", "stopped", "failed"]
    output: str | None = None
    frames: int = 0
    seconds: float = 0.0
    error: str | None = None
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def failure(source: Path | str, error: Exception, notes: tuple[str, ...] = ()) -> Outcome:
    """The outcome of a source that could not be done."""
    return Outcome(str(source), "failed", error=cause_of(source, error), notes=notes)


def cause_of(source: Path | str, error: Exception) -> str:
    """One line on what went wrong with a source: an error's own words, or where an unforeseen one comes from."""
    if isinstance(error, SightlineError):
        return str(error)
    last = traceback.extract_tb(error.__traceback__)[-1:]
    at = f" in {Path(last[0].filename).name}, line {last[0].lineno}" if last else ""
    said = next(iter(str(error).splitlines()), "")
    return f"{source}: unforeseen {type(error).__name__}{at}: {said or 'no message'}; please report it"
