"""GazeFollow (Recasens et al., NIPS 2015) and sets like it: what people in a picture look at, in a text file."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from sightline.data.files import image_size
from sightline.data.observed import Observed, Table
from sightline.errors import DataError
from sightline.fixations import Points

LAYOUT = "a text file with a line a person and annotator (path, id, body box, eye, gaze), pictures beside it"
# The files have no header; the column of the source is missing in some releases.
COLUMNS = ("path", "id", "body_x", "body_y", "body_w", "body_h", "eye_x", "eye_y", "gaze_x", "gaze_y")


def stimuli(path: str | Path, images: str | Path | None = None) -> dict[str, Observed]:
    """GazeFollow-like annotations: a line a person and annotator, positions as fractions of the picture.

    Each person in a picture is a stimulus of their own: what they look at, by one annotator or ten. Lines that say
    the gaze leaves the picture (in-or-out 0, or a negative position) give no point. images: the folder that the paths
    count from; that of the file unless given.
    """
    path = Path(path)
    images = path.parent if images is None else Path(images)
    people: dict[tuple[str, str, str], list[tuple[float, float]]] = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            for number, row in enumerate(csv.reader(stream), start=1):
                if row:
                    _add(path, number, row, people)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read ({error})") from None
    found: dict[str, Observed] = {}
    for (name, _, _), gaze in people.items():
        if not (images / name).is_file():
            raise DataError(f"{images / name}: no such picture; give the folder that {path.name} counts from")
        height, width = image_size(images / name)
        stem = str(Path(name).with_suffix("")).replace("\\", "/")
        label = f"{stem}-{sum(key == stem or key.startswith(f'{stem}-') for key in found)}"
        annotators = [(str(k + 1), np.array([xy]) * (width, height)) for k, xy in enumerate(gaze)]
        found[label] = Table(label, (height, width), Points.of(annotators), (path,))
    return found


def _add(
    path: Path, number: int, row: list[str], people: dict[tuple[str, str, str], list[tuple[float, float]]]
) -> None:
    try:
        cells = dict(zip(COLUMNS, row[: len(COLUMNS)], strict=True))
        x, y = float(cells["gaze_x"]), float(cells["gaze_y"])
        float(cells["eye_x"]), float(cells["eye_y"])
    except ValueError:
        raise DataError(f"{path}, line {number}: {', '.join(COLUMNS)}, ... are expected; mend the line") from None
    gaze = people.setdefault((cells["path"], cells["eye_x"], cells["eye_y"]), [])
    outside = len(row) >= 15 and row[14].strip() == "0"
    if not outside and 0 <= x <= 1 and 0 <= y <= 1:
        gaze.append((x, y))
