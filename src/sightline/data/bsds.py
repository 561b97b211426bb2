"""BSDS500 (Arbelaez et al., PAMI 2011) as PNG: <split>/<id>.jpg and <id>_seg0.png, <id>_seg1.png, ... beside it.

A segmentation holds a region number from 1 for every pixel; each comes from another person.
"""

from __future__ import annotations

from pathlib import Path

from sightline.data.files import list_images, mask_values, require_folder
from sightline.data.samples import ImageMask
from sightline.errors import DataError
from sightline.progress import track

SPLITS = ("train", "val", "test")
LAYOUT = "<split>/<id>.jpg with <id>_seg0.png beside it"


def segments(
    root: str | Path, split: str | None = None, min_area: float = 0.0, max_area: float = 1.0
) -> list[ImageMask]:
    """Every human segment of every photograph of a split (None: of all of SPLITS) as an ImageMask.

    min_area, max_area: keep segments that cover such a fraction of the photograph, both ends included.
    Reads all segmentations for their areas (a few seconds). Raises DataError for a missing split or segmentation.
    """
    pairs = []
    for part in SPLITS if split is None else (split,):
        folder = require_folder(root, part, layout=LAYOUT)
        for image in (path for path in list_images(folder) if path.suffix.lower() != ".png"):
            labels = sorted(folder.glob(f"{image.stem}_seg*.png"))
            if not labels:
                raise DataError(f"{image}: no segmentation {image.stem}_seg0.png beside it; {LAYOUT} is expected")
            pairs += [(image, path) for path in labels]

    found = []
    for image, path in track(pairs, "Reading segmentations"):
        values = mask_values(path)
        total = sum(values.values())
        found += [
            ImageMask(image, path, value)
            for value, pixels in values.items()
            if value and min_area <= pixels / total <= max_area
        ]
    return found
