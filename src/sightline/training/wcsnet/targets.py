"""The targets of a recipe's sources: pictures with the mask of what is looked at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from sightline.data import bsds
from sightline.data.families import FAMILIES
from sightline.data.files import load_image, load_mask
from sightline.data.samples import FixationImage, ImageMask, VideoSequence
from sightline.errors import UsageError
from sightline.fixations import grid_density
from sightline.nn.backbones import Backbone, DeepLabLevel
from sightline.training.labels.pseudo import PseudoLabeller
from sightline.training.labels.salient import looks, objects_of
from sightline.training.sources import fixation_images, videos

if TYPE_CHECKING:
    from sightline.training.recipe import DataSource

PSEUDO_PER_IMAGE = 2
SEGMENTS_PER_IMAGE = 2
HOTSPOT_SIGMA = 0.02
"""Blur of the fixations for hotspot labels, in parts of the picture's longer side."""


@dataclass(frozen=True, slots=True)
class Target:
    """A picture with a target: the mask (H, W), and the density of fixations (H, W) where people were recorded.

    group: targets of one group are one object (in the frames of a video). kind: pseudo, taught, photo or video. path:
    the file of the picture. soft: how likely each pixel belongs to it, (H, W) in [0, 1], where a teacher says so.
    """

    group: str
    kind: str
    path: Path
    image: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    density: NDArray[np.float64] | None = None
    soft: NDArray[np.float32] | None = None


def targets(sources: Sequence[DataSource], backbone: Backbone) -> Iterator[Target]:
    """Every target of the sources, one at a time. backbone: the DeepLab one, for pseudo-instances.

    Raises UsageError for a family that has no masks.
    """
    for source in sources:
        family = FAMILIES[source.layout]
        if source.teacher is not None:
            yield from _taught(fixation_images([source]), source.teacher)
        elif source.family != source.layout:
            yield from _pseudo(fixation_images([source]), backbone)
        elif family.reader is bsds.segments:
            yield from _central_segments(source.root, source.split)
        elif family.sample is ImageMask:
            yield from _photos(cast("list[ImageMask]", family.read(source.root, source.split)))
        elif family.sample is VideoSequence:
            yield from _frames(videos(source))
        else:
            raise UsageError(f"data family {source.family!r} has no masks; use pseudo for its DeepLab segments")


def _pseudo(samples: list[FixationImage], backbone: Backbone) -> Iterator[Target]:
    if not isinstance(backbone.stages[-1], DeepLabLevel):
        raise UsageError("data family 'pseudo' needs DeepLab to find objects: a recipe with deeplab-mobilenet-v2")
    label = PseudoLabeller(backbone)
    for sample in samples:
        image = load_image(sample.image_path)
        for number, mask in enumerate(label(image)[:PSEUDO_PER_IMAGE]):
            name = f"{sample.image_path.stem}#{number}"
            yield Target(name, "pseudo", sample.image_path, image, mask, _density(sample, image))


def _taught(samples: list[FixationImage], teacher: Path) -> Iterator[Target]:
    seen = looks(samples, teacher)
    for index, sample in enumerate(samples):
        image = load_image(sample.image_path)
        rows = [{name: seen[name][row] for name in ("map", "crop", "peak")} for row in (2 * index, 2 * index + 1)]
        for number, found in enumerate(objects_of(rows, (image.shape[0], image.shape[1]))):
            name = f"{sample.image_path.stem}#t{number}"
            density = _density(sample, image)
            yield Target(name, "taught", sample.image_path, image, found.mask, density, found.soft)


def _density(sample: FixationImage, image: NDArray[np.uint8]) -> NDArray[np.float64]:
    height, width = image.shape[:2]
    points = sample.fixations_at(height, width)
    return grid_density(points, (height, width), HOTSPOT_SIGMA * max(height, width)).astype(np.float64)


def _central_segments(root: Path, split: str | None) -> Iterator[Target]:
    """The most central segments of each photograph, of those that can be objects: people frame what they show."""
    found = bsds.segments(root, split, min_area=0.02, max_area=0.4)
    segments = [segment for segment in found if segment.mask_path.stem.endswith("_seg0")]
    by_image: dict[Path, list[ImageMask]] = {}
    for segment in segments:
        by_image.setdefault(segment.image_path, []).append(segment)
    for path, candidates in by_image.items():
        image, labels = load_image(path), load_mask(candidates[0].mask_path)
        scored: list[tuple[float, NDArray[np.bool_]]] = []
        for candidate in candidates:
            mask = labels == candidate.instance
            borders = sum(bool(side.any()) for side in (mask[0], mask[-1], mask[:, 0], mask[:, -1]))
            if borders <= 1:
                y, x = (points.mean() / length - 0.5 for points, length in zip(mask.nonzero(), mask.shape, strict=True))
                scored.append((float(np.hypot(x, y)), mask))
        scored.sort(key=lambda entry: entry[0])
        for number, (_, mask) in enumerate(scored[:SEGMENTS_PER_IMAGE]):
            yield Target(f"{path.stem}#{number}", "photo", path, image, mask)


def _photos(samples: Sequence[ImageMask]) -> Iterator[Target]:
    for number, sample in enumerate(samples):
        image, mask = sample.load()
        if mask.any():
            yield Target(f"{sample.image_path.stem}#{number}", "photo", sample.image_path, image, mask)


def _frames(sequences: Sequence[VideoSequence]) -> Iterator[Target]:
    for sequence in sequences:
        for index in range(len(sequence)):
            image, mask = sequence.load(index)
            if mask is not None and mask.any():
                yield Target(sequence.name, "video", sequence.frames[index], image, mask)
