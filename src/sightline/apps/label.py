"""Masks for videos that were watched with an eye tracker: the work behind `sightline label`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sightline.apps.outcome import Outcome
from sightline.apps.predict import Run
from sightline.apps.watched import find_table

KINDS = ("masks", "overlay")
"""What a labelled video gets."""


def label(run: Run, videos: Sequence[Path], out: Path, tables: Path | None) -> list[Outcome]:
    """Write the masks of what was fixated in each video to out/<its name>.

    tables: a table of fixations, an import, or a folder of tables; None looks beside each video.
    """
    return run.over(videos, out, lambda video: find_table(video, tables))
