"""A folder of results that appears whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sightline.errors import OutputError
from sightline.files import mend

ENTRIES = ("saliency", "masks", "hotspots.csv", "overlay", "overlay.mp4", "overlay.png", "summary.json")
# What makes two runs the same run.
IDENTITY = ("model", "weights_sha256", "source", "source_bytes", "source_modified", "limit", "gaze_sha256", "point")


class OutputFolder:
    """Results are written into `partial`, a hidden neighbour, and moved to `final` by `commit`.

    Only the entries of ENTRIES are ever replaced; other files in `final` stay.
    """

    def __init__(self, final: Path, partial: Path) -> None:
        self.final, self.partial = final, partial
        self._made_parent = False

    def finished(self, identity: dict[str, Any], outputs: frozenset[str], *, overwrite: bool) -> bool:
        """True where the complete results of this very run are there already.

        Raises OutputError where results of another run are in the way and `overwrite` is not given.
        """
        with output_errors(self.final):
            there = [entry for entry in ENTRIES if (self.final / entry).exists()]
            if overwrite or not there:
                return False
            old = self._read_summary()
        other = [key for key in IDENTITY if old.get(key) != identity[key]]
        same = not other
        if same and not old["complete"]:  # what an interrupted run left is replaced without asking
            return False
        if same and outputs <= set(old["outputs"]):
            return True
        what = {"gaze_sha256": " with other gaze", "point": " with another point"}.get(" ".join(other), "")
        of = f"of another run ({old['model']} on {old['source']}{what})" if old else f"({', '.join(there)})"
        raise OutputError(f"{self.final}: holds results {of}; choose another --out or pass --overwrite")

    def _read_summary(self) -> dict[str, Any]:
        try:
            summary = json.loads((self.final / "summary.json").read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return summary if isinstance(summary, dict) and {*IDENTITY, "complete", "outputs"} <= summary.keys() else {}

    def begin(self) -> Path:
        """Make an empty `partial`."""
        with output_errors(self.final):
            if self.partial.exists():  # left by a run that was killed
                shutil.rmtree(self.partial)
            self._made_parent = not self.partial.parent.exists()
            self.partial.mkdir(parents=True)
        return self.partial

    def commit(self, summary: dict[str, Any]) -> None:
        """Add summary.json and give the results their place."""
        with output_errors(self.final):
            (self.partial / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")
            self.final.mkdir(parents=True, exist_ok=True)
            for entry in ENTRIES:  # first all of the old, so that no mixture of two runs can be left
                old = self.final / entry
                if old.is_dir():
                    shutil.rmtree(old)
                else:
                    old.unlink(missing_ok=True)
            for entry in ENTRIES:
                if (self.partial / entry).exists():
                    os.replace(self.partial / entry, self.final / entry)
            self.partial.rmdir()

    def discard(self) -> None:
        """Remove what was written so far."""
        shutil.rmtree(self.partial, ignore_errors=True)
        if self._made_parent:
            with contextlib.suppress(OSError):  # other results may be in it by now
                self.partial.parent.rmdir()


@contextlib.contextmanager
def output_errors(place: Path, frame: int | None = None) -> Iterator[None]:
    """Turn errors of the file system into OutputError that names the place and the frame."""
    try:
        yield
    except OSError as error:
        at = "" if frame is None else f" at frame {frame}"
        raise OutputError(f"{place}: cannot be written{at} ({error.strerror}); {mend(error)}") from error
