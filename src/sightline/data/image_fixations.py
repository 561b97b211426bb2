"""Photographs with eye fixations as tables: images/*.jpg, images.csv and fixations.csv in one folder.

`images.csv` has image, original_width_px, original_height_px; `fixations.csv` has image, subject, order, x_px, y_px,
in pixels of the original picture, of which the file in images/ may be a smaller copy.
"""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np

from sightline.data.files import require_files, require_folder
from sightline.data.samples import FixationImage
from sightline.errors import DataError

LAYOUT = "images/, images.csv and fixations.csv"


def images(root: str | Path, first_order: int = 2) -> list[FixationImage]:
    """The photographs of a folder with their fixations, in the order of images.csv; all viewers together.

    first_order: leave out fixations before this one. Fixation 1 already rests on the centre when the picture appears.
    Raises DataError that names the table and line, or every missing picture at once.
    """
    root = Path(root)
    folder = require_folder(root, "images", layout=LAYOUT)
    sizes = {
        row["image"]: (int(row["original_height_px"]), int(row["original_width_px"]))
        for row in _rows(root / "images.csv", ("image", "original_width_px", "original_height_px"), text=("image",))
    }
    require_files((folder / name for name in sizes), root)
    points: dict[str, list[tuple[float, float]]] = {name: [] for name in sizes}
    table = root / "fixations.csv"
    for line, row in enumerate(_rows(table, ("image", "order", "x_px", "y_px"), text=("image",)), start=2):
        if row["image"] not in points:
            raise DataError(f"{table}, line {line}: image {row['image']!r} is not listed in images.csv; add it there")
        if float(row["order"]) >= first_order:
            points[row["image"]].append((float(row["x_px"]), float(row["y_px"])))
    return [
        FixationImage(folder / name, np.array(points[name], dtype=np.float64).reshape(-1, 2), size)
        for name, size in sizes.items()
    ]


def _rows(path: Path, columns: tuple[str, ...], text: tuple[str, ...]) -> list[dict[str, str]]:
    """The rows of a table, whose `columns` are there and, but for those of `text`, finite numbers."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            missing = [name for name in columns if name not in (reader.fieldnames or ())]
            if missing:
                raise DataError(
                    f"{path}: no column {', '.join(missing)}; its first line must name {', '.join(columns)}"
                )
            rows = list(reader)
    except FileNotFoundError:
        raise DataError(f"{path}: no such table; {LAYOUT} are expected in {path.parent}") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: the table cannot be read ({error}); a CSV file in UTF-8 is expected") from None
    numeric = [name for name in columns if name not in text]
    for line, row in enumerate(rows, start=2):
        for name in numeric:
            try:
                valid = math.isfinite(float(row[name]))
            except (TypeError, ValueError):
                valid = False
            if not valid:
                raise DataError(
                    f"{path}, line {line}: {name} is {row[name]!r}, a number is expected; mend or drop the line"
                )
    return rows
