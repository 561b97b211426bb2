"""Photographs with eye fixations as tables: images/*.jpg, images.csv and fixations.csv in one folder.

`images.csv` has image, original_width_px, original_height_px; `fixations.csv` has image, subject, order, x_px, y_px,
in pixels of the original picture, of which the file in images/ may be a smaller copy.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sightline.data.files import require_files, require_folder
from sightline.data.object_masks import MOST_PIXELS
from sightline.data.samples import FixationImage
from sightline.errors import DataError
from sightline.fixations import read_columns

LAYOUT = "images/, images.csv and fixations.csv"
EXPECTED = f"one of {LAYOUT}"


def images(root: str | Path, first_order: int = 2) -> list[FixationImage]:
    """The photographs of a folder with their fixations, in the order of images.csv; all viewers together.

    first_order: leave out fixations before this one. Fixation 1 already rests on the centre when the picture appears.
    Raises DataError that names the table and line, or every missing picture at once.
    """
    root = Path(root)
    folder = require_folder(root, "images", layout=LAYOUT)
    images = read_columns(
        root / "images.csv", ("original_width_px", "original_height_px"), ("image",), expected=EXPECTED
    )
    sizes = images.numbers["original_height_px"], images.numbers["original_width_px"]
    for line, *size in zip(images.lines, *sizes, strict=True):
        if not all(1 <= side <= MOST_PIXELS for side in size):
            raise DataError(
                f"{root / 'images.csv'}, line {line}: a picture of {size[1]:g}x{size[0]:g} pixels; mend its size"
            )
    names = images.text["image"].tolist()
    require_files((folder / name for name in names), root)
    table = root / "fixations.csv"
    fixations = read_columns(table, ("order", "x_px", "y_px"), ("image",), expected=EXPECTED)
    known = {name: number for number, name in enumerate(names)}
    of = np.array([known.get(name, -1) for name in fixations.text["image"].tolist()], dtype=np.int64)
    if (of < 0).any():
        at = int((of < 0).argmax())
        name = str(fixations.text["image"][at])
        raise DataError(
            f"{table}, line {fixations.lines[at]}: image {name!r} is not listed in images.csv; add it there"
        )
    xy = np.stack([fixations.numbers["x_px"], fixations.numbers["y_px"]], axis=1)
    wanted = np.flatnonzero(fixations.numbers["order"] >= first_order)
    wanted = wanted[np.argsort(of[wanted], kind="stable")]
    ends = np.searchsorted(of[wanted], np.arange(len(names) + 1))
    return [
        FixationImage(folder / name, xy[wanted[ends[k] : ends[k + 1]]], (int(sizes[0][k]), int(sizes[1][k])))
        for k, name in enumerate(names)
    ]
