"""Readers of pictures with people who look at something: GOO, heads found by detectors, plain cases as a table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sightline.data import goo
from sightline.data.files import image_size, require_folder
from sightline.data.samples import LookingImage, Onlooker
from sightline.data.tables import read_rows
from sightline.errors import DataError
from sightline.types import Box, Point

HEADS_LAYOUT = "gaze_objects/heads/<split>.csv with image_fixations/<split>/images.csv and images/"
HEADS_SPLITS = ("mit1003", "eyecrowd")
LOOKING_LAYOUT = "annotations.csv (file, sizes, head, target point, box and name) with the files"


def read_goo(root: str | Path) -> list[LookingImage]:
    """GOO in any of its layouts: see `goo.read_scenes`.

    Parameters
    ----------
    root : str or Path
        A folder with annotations.json, a JSON file, COCO annotations of SamGOP, or a published pickle.

    Returns
    -------
    list of LookingImage
        One shopper each; without a target where the set has no gaze (photographs with boxes alone).

    Raises
    ------
    DataError
        If the annotations cannot be read safely, or a picture is missing.
    """
    found = []
    for scene in goo.read_scenes(root).values():
        if scene.image is None:
            raise DataError(f"{root}: no picture of scene {scene.name}; {goo.LAYOUT} is expected")
        people: tuple[Onlooker, ...] = ()
        if scene.head_box is not None:
            inside = None if scene.gaze is None else True
            box = _box(scene.head_box)
            people = (Onlooker(box, scene.eye, scene.gaze, inside, scene.gaze_index, pose=scene.pose),)
        masks = scene.masks if scene.instances is not None or scene.codes else None
        found.append(LookingImage(scene.image, scene.size, people, scene.boxes, scene.names, masks, scene.name))
    return found


def read_heads(table: str | Path, images: str | Path) -> list[LookingImage]:
    """Heads that a detector found, with pose and direction of gaze where it saw the face.

    Parameters
    ----------
    table : str or Path
        CSV with image, x1_px, y1_px, x2_px, y2_px, score, pitch_deg, yaw_deg, roll_deg, gaze_x, gaze_y, gaze_z; the
        last six may be empty.
    images : str or Path
        The folder with images/ and images.csv, which has original_width_px, original_height_px, width_px, height_px.

    Returns
    -------
    list of LookingImage
        One for each picture that has a head, in the order of the table. Boxes are in pixels of the file, which may be
        smaller than the original.

    Raises
    ------
    DataError
        If a table is missing, or a row of it cannot be read or names a picture that images.csv does not.
    """
    images = Path(images)
    size = ("width_px", "height_px")
    before = ("original_width_px", "original_height_px")
    sizes = {}
    for row in read_rows(images / "images.csv", ("image", *size, *before)):
        now, then = [row.size(name) for name in size], [row.size(name) for name in before]
        sizes[row.text("image")] = (int(now[1]), int(now[0])), (now[0] / then[0], now[1] / then[1])
    found: dict[str, list[Onlooker]] = {}
    box = ("x1_px", "y1_px", "x2_px", "y2_px")
    pose, gaze = ("pitch_deg", "yaw_deg", "roll_deg"), ("gaze_x", "gaze_y", "gaze_z")
    for row in read_rows(Path(table), ("image", *box, "score", *pose, *gaze)):
        name = row.text("image")
        if name not in sizes:
            raise DataError(f"{row.place}: {name} is not among the pictures of {images / 'images.csv'}")
        people = found.setdefault(name, [])
        person = Onlooker(
            head=row.box(*box),
            direction=row.triple(*gaze),
            pose=row.triple(*pose),
            score=row.number("score"),
            number=len(people) + 1,
        )
        people.append(_scaled(person, *sizes[name][1]))
    return [
        LookingImage(images / "images" / name, sizes[name][0], tuple(people), name=Path(name).stem)
        for name, people in found.items()
    ]


def heads(root: str | Path, split: str | None = None) -> list[LookingImage]:
    """The tables of a folder that holds gaze_objects/heads/<split>.csv and image_fixations/<split>/.

    Parameters
    ----------
    root : str or Path
        The folder.
    split : str, optional
        "mit1003" or "eyecrowd"; None for both.

    Returns
    -------
    list of LookingImage
        See `read_heads`.
    """
    splits = HEADS_SPLITS if split is None else (split,)
    tables = Path(root) / "gaze_objects" / "heads"
    return [
        image for each in splits for image in read_heads(tables / f"{each}.csv", Path(root) / "image_fixations" / each)
    ]


def read_looking(root: str | Path) -> list[LookingImage]:
    """Photographs in which it is plain who looks at what: a person and a target each.

    Parameters
    ----------
    root : str or Path
        A folder with annotations.csv and the files that it names.

    Returns
    -------
    list of LookingImage
        In the order of the table, in pixels of the files. What is looked at is the only one of the `boxes`.

    Raises
    ------
    DataError
        If the table is missing, or a row of it cannot be read.
    """
    root = Path(root)
    head = ("head_x1_px", "head_y1_px", "head_x2_px", "head_y2_px")
    box = ("target_x1_px", "target_y1_px", "target_x2_px", "target_y2_px")
    point = ("target_x_px", "target_y_px")
    size, before = ("width_px", "height_px"), ("original_width_px", "original_height_px")
    found = []
    for row in read_rows(root / "annotations.csv", ("file", *head, *point, *box, "target_name", *size, *before)):
        x, y = (row.size(now) / row.size(then) for now, then in zip(size, before, strict=True))
        at = row.number(point[0]), row.number(point[1])
        person = _scaled(Onlooker(row.box(*head), target=at, inside=True, object=0), x, y)
        found.append(
            LookingImage(
                root / row.text("file"),
                (int(row.number("height_px")), int(row.number("width_px"))),
                (person,),
                np.array([row.box(*box)]) * (x, y, x, y),
                (row.text("target_name"),),
                name=Path(row.text("file")).stem,
            )
        )
    return found


def in_splits(root: Path, splits: Iterable[str], pattern: str, layout: str) -> list[Path]:
    """What matches a pattern in annotations/<split> of each split, in order; a / at the pattern's end: folders alone.

    Raises DataError where there is no such folder, or nothing in one.
    """
    found: list[Path] = []
    for split in splits:
        folder = require_folder(root, "annotations", split, layout=layout)
        matching = sorted(folder.glob(pattern))
        if not matching:
            raise DataError(f"{folder}: no {pattern} in it; {layout} is expected")
        found += matching
    return found


def by_picture(rows: Iterable[tuple[str, Path, Onlooker]], *, fractions: bool = False) -> list[LookingImage]:
    """People with the same picture together, pictures in the order in which they come first.

    fractions: the eye and the targets are fractions of the picture, and become pixels. Raises DataError where a
    picture is missing or damaged.
    """
    found: dict[tuple[str, Path], list[Onlooker]] = {}
    for name, path, person in rows:
        found.setdefault((name, path), []).append(person)
    images = []
    for (name, path), people in found.items():
        height, width = size = image_size(path)
        if fractions:
            people = [replace(_scaled(person, width, height), head=person.head) for person in people]
        images.append(LookingImage(path, size, tuple(people), name=name))
    return images


def _scaled(person: Onlooker, x: float, y: float) -> Onlooker:
    """The same person in a picture that is x times as wide and y times as high."""

    def point(at: Point) -> Point:
        return at[0] * x, at[1] * y

    head = person.head
    return replace(
        person,
        head=(head[0] * x, head[1] * y, head[2] * x, head[3] * y),
        eye=None if person.eye is None else point(person.eye),
        target=None if person.target is None else point(person.target),
        targets=tuple(map(point, person.targets)),
    )


def _box(values: NDArray[np.float64]) -> Box:
    x1, y1, x2, y2 = map(float, values)
    return x1, y1, x2, y2
