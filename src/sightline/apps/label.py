"""Labels for videos without drawing: the work behind `sightline label`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sightline.apps.outcome import Outcome
from sightline.apps.predict import Given, Run
from sightline.apps.watched import find_table
from sightline.data.tagged import read_tags, tagged
from sightline.errors import DataError

if TYPE_CHECKING:
    from sightline.models.stanet.labeller import Labeller

KINDS = ("masks", "overlay")
"""What a video labelled from fixations gets."""
SCAM_KINDS = ("saliency", "sound", "steps", "sheet")
"""What a video labelled from its tags gets."""


def label(run: Run, videos: Sequence[Path], out: Path, tables: Path | None) -> list[Outcome]:
    """Write the masks of what was fixated in each video to out/<its name>.

    tables: a table of fixations, an import, or a folder of tables; None looks beside each video.
    """
    return run.over(videos, out, lambda video: find_table(video, tables))


def label_by_tags(run: Run, videos: Sequence[Path], out: Path, tags: Path, labeller: Labeller) -> list[Outcome]:
    """Write the pseudo-fixations of each video to out/<its name>.

    tags: a table of video and tag. A video that it does not name, or by a tag that the nets do not know, fails alone.
    Raises DataError where the table cannot be read or names none of the videos.
    """
    known = read_tags(tags)
    named = {str(video.path): video.tags for video in tagged(videos, tags)}

    def labeller_of(video: Given) -> Labeller:
        if str(video) not in named:
            raise DataError(f"{video}: no tag of it in {tags}, which names {len(known)} videos; add a row")
        try:
            return labeller.tagged(named[str(video)])
        except DataError as error:
            raise DataError(f"{video}: {error}") from None

    return run.over(videos, out, predictor_of=labeller_of)
