"""People in pictures, where they look and at what, as annotated: samples and the readers of our own tables."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from sightline.data import goo
from sightline.data.files import image_size, load_image
from sightline.data.object_masks import Code, decode, masks_of_instances
from sightline.data.tables import read_rows
from sightline.errors import DataError
from sightline.types import Box, Point

HEADS_LAYOUT = "gaze_objects/heads/<split>.csv with image_fixations/<split>/images.csv and images/"
HEADS_SPLITS = ("mit1003", "eyecrowd")
LOOKING_LAYOUT = "annotations.csv (file, sizes, head, target point, box and name) with the files"


@dataclass(frozen=True, slots=True)
class Onlooker:
    """A person (or an animal) of a picture, as annotated; places in pixels of the file.

    Attributes
    ----------
    head : (x1, y1, x2, y2), optional
        Around the whole head; None where only the eye is marked.
    eye : (x, y), optional
        Where the person looks from.
    targets : tuple of (x, y)
        What the person looks at, one point an annotator; () where it lies outside or is not known.
    inside : bool, optional
        Whether the target lies in the picture; None where that is not annotated.
    object : int, optional
        The place among the picture's `boxes` of what is looked at.
    direction : (x, y, z), optional
        Unit vector of the gaze: x right, y down, z away from the camera.
    pose : (pitch, yaw, roll), optional
        Of the head, degrees, as the data set has them.
    score : float
        How sure a detector was of the head, in [0, 1]; 1 where people marked it.
    number : int
        From 1; the same in all frames of a clip.

    Examples
    --------
    >>> Onlooker(head=(0, 0, 9, 9), targets=((20, 40), (30, 40))).target
    (25.0, 40.0)
    """

    head: Box | None = None
    eye: Point | None = None
    targets: tuple[Point, ...] = ()
    inside: bool | None = None
    object: int | None = None
    direction: tuple[float, float, float] | None = None
    pose: tuple[float, float, float] | None = None
    score: float = 1.0
    number: int = 1

    @property
    def target(self) -> Point | None:
        """The mean of the annotators' points; None where there is none."""
        if not self.targets:
            return None
        return sum(x for x, _ in self.targets) / len(self.targets), sum(y for _, y in self.targets) / len(self.targets)

    def scaled(self, x: float, y: float) -> Self:
        """The same person in a picture that is x times as wide and y times as high."""
        head = self.head
        return replace(
            self,
            head=None if head is None else (head[0] * x, head[1] * y, head[2] * x, head[3] * y),
            eye=None if self.eye is None else (self.eye[0] * x, self.eye[1] * y),
            targets=tuple((px * x, py * y) for px, py in self.targets),
        )


@dataclass(frozen=True, slots=True)
class LookingImage:
    """A picture, or a frame of a clip, with its people and the objects that they may look at.

    Attributes
    ----------
    name : str
        Of the picture in its data set.
    image_path : Path
        Its file.
    size : (height, width)
        Of the file, pixels.
    people : tuple of Onlooker
        In the order of the annotations.
    boxes : ndarray, (N, 4) float64, optional
        The objects x1 y1 x2 y2, without heads; None where the set annotates none.
    labels : tuple of str
        The classes of the N objects: names, or numbers where the set has no names.
    instances : Path, optional
        A picture of instance numbers, told apart by the outlines of the boxes.
    codes : tuple, optional
        The masks of the N objects as COCO's run lengths or outlines, None for an object without one.
    """

    name: str
    image_path: Path
    size: tuple[int, int]
    people: tuple[Onlooker, ...]
    boxes: NDArray[np.float64] | None = None
    labels: tuple[str, ...] = ()
    instances: Path | None = None
    codes: tuple[Code | None, ...] | None = field(default=None, repr=False)

    def load(self) -> NDArray[np.uint8]:
        """Read the picture.

        Returns
        -------
        ndarray, (H, W, 3) uint8
            RGB.

        Raises
        ------
        DataError
            If it is missing, damaged, or of another size than annotated.
        """
        image = load_image(self.image_path)
        if image.shape[:2] != self.size:
            raise DataError(f"{self.image_path}: {image.shape[:2]} pixels, the annotation says {self.size}")
        return image

    def masks(self) -> NDArray[np.bool_] | None:
        """Read the masks of the objects.

        Returns
        -------
        ndarray, (N, H, W) bool
            In the order of `boxes`, empty for an object without a mask; None where the picture has no masks.

        Raises
        ------
        DataError
            If the file of them is damaged or of another size.
        """
        if self.boxes is None:
            return None
        if self.instances is not None:
            return masks_of_instances(self.instances, self.boxes, self.size)
        if self.codes is None:
            return None
        try:
            return np.stack([decode(code, self.size) for code in self.codes]) if self.codes else None
        except ValueError as error:
            raise DataError(f"{self.name}: a mask cannot be read: {error}") from None


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
        head = None if scene.head_box is None else _box(scene.head_box)
        person = Onlooker(
            head=head,
            eye=scene.eye,
            targets=() if scene.gaze is None else (scene.gaze,),
            inside=None if scene.gaze is None else True,
            object=scene.gaze_index,
            pose=scene.pose,
        )
        people = () if head is None and scene.gaze is None else (person,)
        labels = scene.names or tuple(str(label) for label in scene.labels)
        found.append(
            LookingImage(scene.name, scene.image, scene.size, people, scene.boxes, labels, scene.instances, scene.codes)
        )
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
        now, then = [row.number(name) for name in size], [row.number(name) for name in before]
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
        people.append(person.scaled(*sizes[name][1]))
    return [
        LookingImage(Path(name).stem, images / "images" / name, sizes[name][0], tuple(people))
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
        x, y = (row.number(now) / row.number(then) for now, then in zip(size, before, strict=True))
        at = row.number(point[0]), row.number(point[1])
        person = Onlooker(head=row.box(*head), targets=(at,), inside=True, object=0).scaled(x, y)
        name = row.text("file")
        found.append(
            LookingImage(
                Path(name).stem,
                root / name,
                (int(row.number("height_px")), int(row.number("width_px"))),
                (person,),
                np.array([row.box(*box)]) * (x, y, x, y),
                (row.text("target_name"),),
            )
        )
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
            people = [replace(person.scaled(width, height), head=person.head) for person in people]
        images.append(LookingImage(name, path, size, tuple(people)))
    return images


def _box(values: NDArray[np.float64]) -> Box:
    x1, y1, x2, y2 = map(float, values)
    return x1, y1, x2, y2
