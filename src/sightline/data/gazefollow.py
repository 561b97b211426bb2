"""GazeFollow (Recasens et al., NIPS 2015) and sets like it: what people in a picture look at, in a text file."""

from __future__ import annotations

import csv
from pathlib import Path
from statistics import fmean

import numpy as np

from sightline.data.files import image_size
from sightline.data.looking import by_picture
from sightline.data.observed import Observed, Table
from sightline.data.samples import LookingImage, Onlooker
from sightline.data.tables import Row, read_rows
from sightline.errors import DataError
from sightline.fixations import Points
from sightline.types import Box

LAYOUT = "<split>_annotations_release.txt (path, id, body box, eye, gaze, head box, in or out), pictures beside it"
SPLITS = ("train", "test")
# The files have no header; the column of the source is missing in some releases.
COLUMNS = ("path", "id", "body_x", "body_y", "body_w", "body_h", "eye_x", "eye_y", "gaze_x", "gaze_y")
HEAD = ("head_x1", "head_y1", "head_x2", "head_y2")


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


def people(root: str | Path, split: str | None = None) -> list[LookingImage]:
    """The people of GazeFollow's pictures, each with the points that its annotators chose.

    Parameters
    ----------
    root : str or Path
        The folder with train_annotations_release.txt and test_annotations_release.txt; their paths count from it.
    split : str, optional
        "train" or "test"; None for both.

    Returns
    -------
    list of LookingImage
        In the order of the files. A person all of whose annotators say that the target is not in the picture has none.
        A person without a head box is left out.

    Raises
    ------
    DataError
        If a file or a picture is missing, or a line cannot be read.
    """
    root = Path(root)
    splits = SPLITS if split is None else (split,)
    return [image for each in splits for image in _people(root, root / f"{each}_annotations_release.txt")]


def _people(root: Path, path: Path) -> list[LookingImage]:
    found: dict[tuple[str, str, str], list[Row]] = {}
    for row in read_rows(path, (*COLUMNS, *HEAD, "inside"), header=False):
        found.setdefault((row.text("path"), row.cells["eye_x"], row.cells["eye_y"]), []).append(row)
    numbers: dict[str, int] = {}
    lookers = []
    for (name, _, _), rows in found.items():
        numbers[name] = numbers.get(name, 0) + 1
        points = [(row.number("gaze_x"), row.number("gaze_y")) for row in rows if row.cells["inside"].strip() != "0"]
        targets = tuple((x, y) for x, y in points if 0 <= x <= 1 and 0 <= y <= 1)
        if (head := _sorted_box(rows[0])) is None:
            continue
        looker = Onlooker(
            head,
            eye=(rows[0].number("eye_x"), rows[0].number("eye_y")),
            target=None if not targets else (fmean(x for x, _ in targets), fmean(y for _, y in targets)),
            inside=bool(targets),
            targets=targets,
            number=numbers[name],
        )
        lookers.append((str(Path(name).with_suffix("")).replace("\\", "/"), root / name, looker))
    return by_picture(lookers, fractions=True)


def _sorted_box(row: Row) -> Box | None:
    """The head box; corners come in any order in the release, and a box without area is none."""
    x1, y1, x2, y2 = (row.number(name) for name in HEAD)
    box = (min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2))
    return box if box[0] < box[2] and box[1] < box[3] else None
