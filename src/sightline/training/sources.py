"""From the data sources of a recipe to typed samples."""

from __future__ import annotations

from sightline.data import image_fixations
from sightline.data.samples import FixationImage
from sightline.errors import UsageError
from sightline.training.recipe import DataSource


def fixation_images(sources: list[DataSource]) -> list[FixationImage]:
    """All photographs with fixations of the sources. Raises UsageError for a family that has none."""
    samples: list[FixationImage] = []
    for source in sources:
        if source.family != "fixations":
            raise UsageError(f"data family {source.family!r} has no fixations; use fixations or salicon")
        samples += image_fixations.images(source.folder)
    return samples
