"""Labels for videos without drawing: the work behind `sightline label`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sightline.apps.outcome import Outcome
from sightline.apps.predict import Given, Run
from sightline.apps.watched import find_table
from sightline.data.tagged import read_tags, tagged
from sightline.errors import DataError
from sightline.types import Clip
from sightline.video import Ahead, open_source

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
    Raises DataError where the table cannot be read or names none of the videos. A labeller that wants context gets the
    video for a pass before, and the others that share a tag with it.
    """
    from sightline.models.stanet_plus.labeller import PlusLabeller

    known = read_tags(tags)
    named = {str(video.path): video.tags for video in tagged(videos, tags)}

    def with_context(made: Labeller, video: Given) -> Labeller:
        if not isinstance(made, PlusLabeller):
            return made
        others = {
            Path(path).name: partial(_clip, path)
            for path, own in named.items()
            if path != str(video) and {*own} & {*made.tags}
        }
        return made.beside(partial(_clip, str(video)), others)

    def labeller_of(video: Given) -> Labeller:
        if str(video) not in named:
            raise DataError(f"{video}: no tag of it in {tags}, which names {len(known)} videos; add a row")
        try:
            return with_context(labeller.tagged(named[str(video)]), video)
        except DataError as error:
            raise DataError(f"{video}: {error}") from None

    return run.over(videos, out, predictor_of=labeller_of)


@contextmanager
def _clip(path: str) -> Iterator[Clip]:
    """A video for a pass of its own."""
    with open_source(path) as source, Ahead(source) as clip:
        yield clip
