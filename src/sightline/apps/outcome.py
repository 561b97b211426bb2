"""What became of each source of a run."""

from __future__ import annotations

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
        What was read, and the folder of the results; None where there is none.
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


def failure(path: Path, error: SightlineError) -> Outcome:
    """The outcome of a source that could not be done."""
    return Outcome(str(path), "failed", error=str(error))
