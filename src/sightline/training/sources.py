"""From the data sources of a recipe to typed samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from sightline.data.families import FAMILIES
from sightline.data.samples import FixationImage, VideoSequence
from sightline.errors import UsageError

if TYPE_CHECKING:
    from sightline.training.recipe import DataSource


def fixation_images(sources: Sequence[DataSource]) -> list[FixationImage]:
    """All photographs with fixations of the sources. Raises UsageError for a family that has none."""
    found: list[FixationImage] = []
    for source in sources:
        if FAMILIES[source.layout].sample is not FixationImage:
            names = ", ".join(family.name for family in FAMILIES.values() if family.sample is FixationImage)
            raise UsageError(f"data family {source.family!r} has no fixations on photographs; use one of {names}")
        found += cast("list[FixationImage]", FAMILIES[source.layout].read(source.root, source.split))
    return found


def videos(source: DataSource) -> list[VideoSequence]:
    """The sequences of a source of videos, those of `keep` and not of `skip`.

    Raises UsageError for a family that is no videos, and for names that it does not have.
    """
    if FAMILIES[source.layout].sample is not VideoSequence:
        names = ", ".join(family.name for family in FAMILIES.values() if family.sample is VideoSequence)
        raise UsageError(f"data family {source.family!r} is no videos; use one of {names}")
    found = cast("list[VideoSequence]", FAMILIES[source.layout].read(source.root, source.split))
    unknown = {*(source.keep or []), *source.skip} - {sequence.name for sequence in found}
    if unknown:
        raise UsageError(f"{source.root}: has no sequence {', '.join(sorted(unknown))}; mend keep or skip")
    return [s for s in found if (source.keep is None or s.name in source.keep) and s.name not in source.skip]
