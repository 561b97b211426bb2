"""GOO (Tomas et al., CVPRW 2021): shoppers, where they look, and at which product; as JSON or in the published pickles.

JSON: `annotations.json`, {id: {width, height, boxes_xyxy (the last is the head), labels, gaze_box_index, gaze_point_xy,
head_point_xy, head_pitch_yaw_roll}}, with `images/<id>.jpg` and, where there are masks, 16-bit `instances/<id>.png` of
instance numbers. Of photographs with boxes alone {id: {width, height, boxes_xyxy, names}}, "Head" among the names.
COCO's JSON is SamGOP's: see goo_coco.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.data import goo_coco
from sightline.data.goo_coco import CLASSES, HEAD
from sightline.data.object_masks import Code, decode, masks_of_instances
from sightline.data.pickles import read_pickle
from sightline.errors import DataError
from sightline.untrusted import parse_json

LAYOUT = "annotations.json with images/<id>.jpg and, for masks, instances/<id>.png; or the published .pickle, or COCO"


@dataclass(frozen=True)
class Scene:
    """One picture. size: (height, width). boxes: (N, 4) x0 y0 x1 y1 of the products, without the head.

    labels: (N,) classes, numbers of `CLASSES` from 1. names: the same as names. gaze, eye: the points
    looked at and from, in pixels; gaze_index: the product looked at; None where the set does not say. head_box: None
    where none is annotated. pose: pitch, yaw and roll of the head in degrees, as GOO-Synth has them. image: the
    picture, None where it is not there. instances: the file of instance numbers, None where there is none. codes: the
    masks of the products as outlines or run lengths, None where there are none.
    """

    name: str
    size: tuple[int, int]
    boxes: NDArray[np.float64]
    labels: NDArray[np.int64]
    head_box: NDArray[np.float64] | None
    gaze: tuple[float, float] | None
    eye: tuple[float, float] | None
    gaze_index: int | None
    instances: Path | None = None
    image: Path | None = None
    names: tuple[str, ...] = ()
    pose: tuple[float, float, float] | None = None
    codes: tuple[Code | None, ...] | None = None

    def masks(self) -> NDArray[np.bool_] | None:
        """The masks of the products, (N, H, W), empty for a product that has none; None where the scene has none."""
        if self.instances is not None:
            return masks_of_instances(self.instances, self.boxes, self.size)
        if not self.codes:
            return None
        try:
            return np.stack([decode(code, self.size) for code in self.codes])
        except ValueError as error:
            raise DataError(
                f"{self.image or self.name}: a mask of it in the annotations cannot be read: {error}"
            ) from None


def read_scenes(root: str | Path) -> dict[str, Scene]:
    """The scenes of a folder with annotations.json, of a JSON file, or of a published .pickle / .pkl file, by name.

    Pickles are read without running any code in them. Raises DataError that names the file and the scene.
    """
    root = Path(root)
    path = root / "annotations.json" if root.is_dir() else root
    if path.suffix.lower() in {".pickle", ".pkl"}:
        entries = dict(_from_pickle(path, entry) for entry in read_pickle(path))
    else:
        entries = read_json(path)
        if goo_coco.is_coco(entries):
            entries = goo_coco.entries_of(path, entries)
    return {str(name): _scene(path, str(name), entry) for name, entry in entries.items()}


def read_json(path: Path) -> dict[str, Any]:
    """A JSON file with an object in it. Raises DataError otherwise."""
    try:
        entries = parse_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; an entry a picture is expected in it, see docs/metrics.md") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: not JSON that can be read ({error}); write it again") from None
    if not isinstance(entries, dict):
        raise DataError(f"{path}: an object with an entry for each picture is expected, this is a list or a value")
    return entries


def _names(numbers: Iterable[int]) -> tuple[str, ...]:
    """The names of numbered classes; a number that is none of GOO's stays a number."""
    return tuple(CLASSES[number - 1] if 1 <= number <= len(CLASSES) else str(number) for number in numbers)


def _numbers(names: Iterable[str]) -> list[int]:
    """The numbers of named classes. Raises ValueError for a name that is none of GOO's."""
    known = {name: number for number, name in enumerate(CLASSES, start=1)} | {HEAD: -1}
    unknown = sorted({name for name in names if name not in known})
    if unknown:
        raise ValueError(f"no products of GOO: {', '.join(unknown)}")
    return [known[name] for name in names]


def _scene(path: Path, name: str, entry: dict[str, Any]) -> Scene:
    try:
        boxes = np.array(entry["boxes_xyxy"], dtype=np.float64).reshape(-1, 4)
        named = "names" in entry
        numbers = _numbers(entry["names"]) if named else entry["labels"]
        labels = np.array(numbers, dtype=np.int64).reshape(-1)
        if len(boxes) != len(labels):
            raise ValueError(f"{len(boxes)} boxes with {len(labels)} labels; one for each is expected")
        head, products = _split_head(entry, boxes, labels if named else None)
        index = entry.get("gaze_box_index")
        codes = entry.get("codes")
        instances = path.parent / "instances" / f"{name}.png"
        return Scene(
            name,
            (int(entry["height"]), int(entry["width"])),
            boxes[products],
            labels[products],
            head,
            _point(entry.get("gaze_point_xy")),
            _point(entry.get("head_point_xy")),
            None if index is None else int(index),
            instances if instances.is_file() else None,
            _picture(path.parent, name, entry.get("file_name")),
            tuple(entry["class_names"]) if "class_names" in entry else _names(labels[products].tolist()),
            _pose(entry.get("head_pitch_yaw_roll")),
            None if codes is None else tuple(codes),
        )
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, ArithmeticError, OSError) as error:
        raise DataError(f"{path}: scene {name}: {type(error).__name__} {error}; see sightline.data.goo") from None


def _split_head(
    entry: dict[str, Any], boxes: NDArray[np.float64], named: NDArray[np.int64] | None
) -> tuple[NDArray[np.float64] | None, NDArray[np.int64]]:
    """(the head's box, which boxes are products): the head is named, or given apart, or the last of the boxes.

    named: the numbers of the classes where they were names.
    """
    every = np.arange(len(boxes))
    if "head_box_xyxy" in entry:
        head = entry["head_box_xyxy"]
        return None if head is None else np.array(head, dtype=np.float64).reshape(4), every
    if named is None:
        return boxes[-1], every[:-1]
    heads = np.flatnonzero(named == -1)
    return (boxes[heads[0]] if len(heads) else None), np.flatnonzero(named != -1)


def _picture(folder: Path, name: str, file: Any) -> Path | None:
    """The picture of a scene: as the annotations call it, or images/<id>.jpg or .png; None where it is not there."""
    called = [] if file is None else [folder / str(file), folder / "images" / str(file)]
    candidates = [*called, *(folder / "images" / f"{name}{suffix}" for suffix in (".jpg", ".png", ".jpeg"))]
    return next((path for path in candidates if path.is_file()), None)


def _from_pickle(path: Path, entry: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    try:
        file = str(entry["filename"]).replace("\\", "/")
        return Path(file).stem, {
            "file_name": file,
            "width": entry["width"],
            "height": entry["height"],
            "boxes_xyxy": entry["ann"]["bboxes"],
            "labels": entry["ann"]["labels"],
            "gaze_point_xy": (entry["gaze_cx"], entry["gaze_cy"]),
            "head_point_xy": (entry["hx"], entry["hy"]),
            "gaze_box_index": entry["gazeIdx"],
        }
    except (KeyError, TypeError) as error:
        raise DataError(f"{path}: an entry lacks {error}; a pickle of GOO is expected") from None


def _point(values: Any) -> tuple[float, float] | None:
    if values is None:
        return None
    x, y = values
    return float(x), float(y)


def _pose(values: Any) -> tuple[float, float, float] | None:
    if values is None:
        return None
    pitch, yaw, roll = values
    return float(pitch), float(yaw), float(roll)
