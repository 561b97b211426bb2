"""PASCAL VOC segmentation (Everingham et al., IJCV 2010): JPEGImages, SegmentationObject, ImageSets/Segmentation."""

from __future__ import annotations

from pathlib import Path

from sightline.data.files import mask_values, read_names, require_files, require_folder
from sightline.data.samples import ImageMask
from sightline.progress import track

LAYOUT = "JPEGImages/<id>.jpg, SegmentationObject/<id>.png and ImageSets/Segmentation/<split>.txt"
VOID = 255


def objects(root: str | Path, split: str = "trainval", min_area: float = 0.0) -> list[ImageMask]:
    """Every object of a split (`train`, `val`, `trainval`) as an ImageMask; root is a VOC2012 folder.

    min_area: keep objects that cover at least such a fraction of their photograph.
    The void border (255) belongs to no object. Reads all masks for their objects (a few seconds). Raises DataError
    for a missing folder or list, or naming every missing file at once.
    """
    root = Path(root)
    images = require_folder(root, "JPEGImages", layout=LAYOUT)
    masks = require_folder(root, "SegmentationObject", layout=LAYOUT)
    names = read_names(root / "ImageSets" / "Segmentation" / f"{split}.txt")
    pairs = [(images / f"{name}.jpg", masks / f"{name}.png") for name in names]
    require_files((path for pair in pairs for path in pair), root)

    found = []
    for image, mask in track(pairs, "Reading object masks"):
        values = mask_values(mask)
        total = sum(values.values())
        found += [
            ImageMask(image, mask, value)
            for value, pixels in values.items()
            if value not in (0, VOID) and pixels >= min_area * total
        ]
    return found
