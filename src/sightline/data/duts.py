"""DUTS salient objects (Wang et al., CVPR 2017): DUTS-TR/DUTS-TR-Image and -Mask, DUTS-TE alike."""

from __future__ import annotations

from pathlib import Path

from sightline.data.files import list_images, require_files, require_folder
from sightline.data.samples import ImageMask

LAYOUT = "DUTS-TR/DUTS-TR-Image/<id>.jpg with DUTS-TR/DUTS-TR-Mask/<id>.png (DUTS-TE alike)"


def pairs(root: str | Path, split: str = "TR") -> list[ImageMask]:
    """The photographs of a split (`TR` or `TE`) with their grey masks; root holds DUTS-TR or DUTS-TE.

    Raises DataError for a missing folder, or naming every missing mask at once.
    """
    part = f"DUTS-{split}"
    images = require_folder(root, part, f"{part}-Image", layout=LAYOUT)
    masks = require_folder(root, part, f"{part}-Mask", layout=LAYOUT)
    found = [ImageMask(image, masks / f"{image.stem}.png") for image in list_images(images)]
    require_files((pair.mask_path for pair in found), root)
    return found
