"""SALICON (Jiang et al., CVPR 2015): fixations_<split>2014.json, images/ and maps/.

The JSON is COCO-like: `images` with id, file_name, width and height; `annotations` with image_id and one observer's
`fixations`, a list of [row, column] that count from 1. The pictures lie in images/ or images/<split>/, the density
maps in maps/ or maps/<split>/ as <stem>.png.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sightline.data.files import require_files, require_folder
from sightline.data.object_masks import size_of
from sightline.data.samples import FixationImage
from sightline.errors import DataError
from sightline.untrusted import parse_json

LAYOUT = "fixations_<split>2014.json, images/<split>/ and maps/<split>/"


def images(root: str | Path, split: str = "train") -> list[FixationImage]:
    """The photographs of a split (`train` or `val`) with all observers' fixations and their density maps.

    Fixations become x and y from 0 in pixels of the picture (640x480). Maps that are not there are left None.
    Raises DataError naming the JSON and the entry at fault, or every missing picture at once.
    """
    table = Path(root) / f"fixations_{split}2014.json"
    entries, annotations = _read(table)
    folder = _split_folder(require_folder(root, "images", layout=LAYOUT), split)
    maps = _split_folder(Path(root) / "maps", split)
    points: dict[int, list[list[float]]] = {}
    where = "the lists"
    try:
        for number, annotation in enumerate(annotations):
            where = f"annotations[{number}]"
            points.setdefault(annotation["image_id"], []).extend(annotation["fixations"])
        found = []
        for number, entry in enumerate(entries):
            where = f"images[{number}]"
            rows_columns = np.asarray(points.pop(entry["id"], []), dtype=np.float64).reshape(-1, 2)
            size = size_of(entry)
            density = maps / f"{Path(entry['file_name']).stem}.png"
            found.append(
                FixationImage(
                    folder / entry["file_name"], rows_columns[:, ::-1] - 1, size, density if density.is_file() else None
                )
            )
    except (KeyError, TypeError, ValueError, OverflowError, OSError) as error:
        raise DataError(f"{table}: {where} is malformed ({error!r}); SALICON's own layout is expected") from None
    if points:
        raise DataError(
            f"{table}: annotations name images that are not listed: {sorted(points, key=str)[:5]}; download it again"
        )
    require_files((image.image_path for image in found), root)
    return found


def _read(table: Path) -> tuple[list[Any], list[Any]]:
    try:
        content = parse_json(table.read_text(encoding="utf-8"))
        return content["images"], content["annotations"]
    except FileNotFoundError:
        raise DataError(f"{table}: no such file; {LAYOUT} are expected in {table.parent}") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{table}: not SALICON's JSON ({error!r}); an object with `images` and `annotations` is expected"
        ) from None


def _split_folder(folder: Path, split: str) -> Path:
    return folder / split if (folder / split).is_dir() else folder
