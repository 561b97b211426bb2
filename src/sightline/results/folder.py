"""A source's folder of results: whether it is done already, and how it comes to its place whole."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from sightline.errors import OutputError
from sightline.files import WholeFolder, output_errors
from sightline.results.kinds import Kind
from sightline.results.outputs import SUMMARY, entries
from sightline.results.resume import LOG, STARTED, Earlier, find_earlier, set_aside, tidy
from sightline.untrusted import parse_json

# What makes two runs the same run.
IDENTITY = ("model", "weights_sha256", "source", "source_bytes", "source_modified", "limit", "part", "prompt")
CONTENT = "source_sha256"
"""Where an identity has it, it tells sources apart, and their places and times count nothing."""


class OutputFolder:
    """Results are written into a hidden neighbour of `final` (`begin`) and moved there by `commit`.

    Only what results consist of (outputs.entries) is ever replaced; other files in `final` stay.
    """

    def __init__(self, final: Path) -> None:
        self.final = final
        self._whole = WholeFolder(final, SUMMARY, (*entries(), LOG))
        self.discard = self._whole.discard

    def begin(
        self, identity: dict[str, Any], kinds: Sequence[Kind], versions: dict[str, str], *, anew: bool
    ) -> tuple[Path, Earlier | None]:
        """(the folder to write to, what is in it already of an interrupted run of this identity).

        anew: take nothing over.
        """
        same = {key: identity[key] for key in _keys(identity)} | {
            "versions": versions,
            "outputs": [k.name for k in kinds],
        }
        with output_errors(self.final):
            aside = set_aside(self._whole.partial)
            try:
                earlier = None if anew else find_earlier((aside, self.final), same, kinds, killed=aside)
                partial = self._whole.begin()
                (partial / STARTED).write_text(json.dumps(same), encoding="utf-8")
                if earlier is not None:
                    earlier.hand_over(partial, kinds)
            finally:
                shutil.rmtree(aside, ignore_errors=True)
        return partial, earlier

    def finished(self, identity: dict[str, Any], outputs: Iterable[str], *, overwrite: bool) -> bool:
        """True where the complete results of this very run are there already.

        Raises OutputError where results of another run are in the way and `overwrite` is not given.
        """
        with output_errors(self.final):
            there = [entry for entry in entries() if (self.final / entry).exists()]
            if overwrite or not there:
                return False
            old = self._read_summary()
        other = [key for key in _keys(identity) if old.get(key) != identity[key]]
        same = not other
        if same and not old["complete"]:  # what an interrupted run left is gone on from, or replaced, without asking
            return False
        if same and set(outputs) <= set(old["outputs"]):
            return True
        what = " with another prompt" if other == ["prompt"] else ""
        of = f"of another run ({old['model']} on {old['source']}{what})" if old else f"({', '.join(there)})"
        raise OutputError(f"{self.final}: holds results {of}; choose another `out` or pass `overwrite`")

    def _read_summary(self) -> dict[str, Any]:
        try:
            summary = parse_json((self.final / SUMMARY).read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return {}
        return summary if isinstance(summary, dict) and {*IDENTITY, "complete", "outputs"} <= summary.keys() else {}

    def commit(self, summary: dict[str, Any]) -> None:
        """Add summary.json and give the results their place."""
        with output_errors(self.final):
            tidy(self._whole.partial, complete=summary["complete"])
            (self._whole.partial / SUMMARY).write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
        self._whole.commit()


def _keys(identity: dict[str, Any]) -> tuple[str, ...]:
    if CONTENT not in identity:
        return IDENTITY
    return (*(key for key in IDENTITY if key not in ("source", "source_modified")), CONTENT)
