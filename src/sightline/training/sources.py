"""From the data sources of a recipe to typed samples and scenes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sightline.data import (
    bsds,
    davis,
    duts,
    fbms,
    image_fixations,
    salicon,
    segtrack,
    visal,
    voc,
    vsod,
    youtube_objects,
)
from sightline.data.files import load_image, load_mask
from sightline.data.samples import FixationImage, ImageMask, VideoSequence
from sightline.errors import UsageError
from sightline.fixations import grid_density
from sightline.nn.backbones import Backbone, DeepLabLevel
from sightline.training.labels.pseudo import PseudoLabeller
from sightline.training.recipe import VIDEOS, DataSource
from sightline.training.wcsnet.views import Scene

PSEUDO_PER_IMAGE = 2
SEGMENTS_PER_IMAGE = 2
HOTSPOT_SIGMA = 0.02
"""Blur of the fixations for hotspot labels, in parts of the picture's longer side."""


def fixation_images(sources: Sequence[DataSource]) -> list[FixationImage]:
    """All photographs with fixations of the sources. Raises UsageError for a family that has none."""
    samples: list[FixationImage] = []
    for source in sources:
        if source.family in {"fixations", "pseudo"}:
            samples += image_fixations.images(source.folder)
        elif source.family == "salicon":
            samples += salicon.images(source.folder, source.split or "train")
        else:
            raise UsageError(f"data family {source.family!r} has no fixations; use fixations or salicon")
    return samples


def videos(source: DataSource) -> list[VideoSequence]:
    """The sequences of a source of videos, those of `keep` and not of `skip`. Raises UsageError for unknown names."""
    match source.family:
        case "davis2016":
            found = davis.sequences(source.folder, source.split)
        case "fbms":
            found = fbms.sequences(source.folder, source.split)
        case "segtrackv2":
            found = segtrack.sequences(source.folder)
        case "visal":
            found = visal.sequences(source.folder)
        case "youtube-objects":
            found = youtube_objects.sequences(source.folder)
        case _:
            found = vsod.sequences(source.folder, needs=vsod.NEEDS[source.family])
    unknown = {*(source.keep or []), *source.skip} - {sequence.name for sequence in found}
    if unknown:
        raise UsageError(f"{source.root}: has no sequence {', '.join(sorted(unknown))}; mend keep or skip")
    return [s for s in found if (source.keep is None or s.name in source.keep) and s.name not in source.skip]


def scenes(sources: Sequence[DataSource], backbone: Backbone) -> Iterator[Scene]:
    """Every target of the sources, one at a time. backbone: the DeepLab one, for pseudo-instances."""
    for source in sources:
        match source.family:
            case "pseudo":
                yield from _pseudo(fixation_images([source]), backbone)
            case "bsds500":
                yield from _central_segments(source.folder)
            case "voc":
                yield from _photos(voc.objects(source.folder, source.split or "trainval"))
            case "duts":
                yield from _photos(duts.pairs(source.folder, source.split or "TR"))
            case _ if source.family in VIDEOS:
                yield from _frames(videos(source))
            case _:
                raise UsageError(f"data family {source.family!r} has no masks; use pseudo for its DeepLab segments")


def _pseudo(samples: list[FixationImage], backbone: Backbone) -> Iterator[Scene]:
    if not isinstance(backbone.stages[-1], DeepLabLevel):
        raise UsageError("data family 'pseudo' needs DeepLab to find objects: a recipe with deeplab-mobilenet-v2")
    label = PseudoLabeller(backbone)
    for sample in samples:
        image = load_image(sample.image_path)
        height, width = image.shape[:2]
        points = sample.fixations_at(height, width)
        density = grid_density(points, (height, width), HOTSPOT_SIGMA * max(height, width)).astype(np.float64)
        for number, mask in enumerate(label(image)[:PSEUDO_PER_IMAGE]):
            yield Scene(f"{sample.image_path.stem}#{number}", "pseudo", sample.image_path, image, mask, density)


def _central_segments(root: Path) -> Iterator[Scene]:
    """The most central segments of each photograph, of those that can be objects: people frame what they show."""
    segments = [s for s in bsds.segments(root, min_area=0.02, max_area=0.4) if s.mask_path.stem.endswith("_seg0")]
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
            yield Scene(f"{path.stem}#{number}", "photo", path, image, mask)


def _photos(samples: Sequence[ImageMask]) -> Iterator[Scene]:
    for number, sample in enumerate(samples):
        image, mask = sample.load()
        if mask.any():
            yield Scene(f"{sample.image_path.stem}#{number}", "photo", sample.image_path, image, mask)


def _frames(sequences: Sequence[VideoSequence]) -> Iterator[Scene]:
    for sequence in sequences:
        for index in range(len(sequence)):
            image, mask = sequence.load(index)
            if mask is not None and mask.any():
                yield Scene(sequence.name, "video", sequence.frames[index], image, mask)
