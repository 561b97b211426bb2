"""Predictions of the task `gaze`: one table for a set of pictures, or what `predict` leaves for each of them.

A table is `predictions.json`, {id: {...}} for every picture, in pixels of the picture: `gaze_point_xy` or `heatmap` (a
file, relative to the folder; the point is then its maximum) or null for both, `head_box_xyxy` (for `gtr`), and of the
objects `boxes_xyxy`, `labels`, `scores` and, where there are masks, either `masks` (COCO run-length codes) or
`instances` (a file of numbers 1, 2, ... in the order of the boxes).

`predict` leaves a folder a picture, with people.csv, objects.csv, heatmaps/ and masks/. Of several people the one
counts whose head has the highest IoU with the annotated one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sightline.data.goo import CLASSES, Scene, read_json
from sightline.data.object_masks import read_instances
from sightline.data.tables import Row, read_rows
from sightline.errors import DataError
from sightline.metrics.coco import Objects, encode_mask
from sightline.metrics.evaluation.layout import frame_error, list_maps
from sightline.metrics.evaluation.outputs import HEATMAPS, MASKS, OBJECTS_TABLE, PEOPLE_TABLE
from sightline.metrics.evaluation.pictures import read_labels

TABLE = "predictions.json"
UNKNOWN = 0
"""The class of what the ground truth has no name for."""
HEAD = ("head_x1_px", "head_y1_px", "head_x2_px", "head_y2_px")
TARGET = ("target_x_px", "target_y_px")
BOX = ("x1_px", "y1_px", "x2_px", "y2_px")


@dataclass(frozen=True)
class Prediction:
    """What was predicted for one picture. point: (2,) as fractions of the picture, None where it is not given."""

    point: Tensor | None
    heatmap: Path | None
    head_box: list[float] | None
    objects: Objects | None
    files: list[Path] = field(default_factory=list)


def read_predictions(root: Path, scenes: dict[str, Scene], complete: bool) -> dict[str, Prediction]:
    """The prediction of each scene. complete: refuse predictions of pictures that are not among the scenes.

    Raises DataError that lists every missing and every extra picture, or names the file that is wrong.
    """
    if (root / TABLE).is_file() or not root.is_dir():
        table = root / TABLE
        entries = read_json(table)
        _check_names(table, entries, scenes, complete)
        return {name: _prediction(table, name, entries[name], scene) for name, scene in scenes.items()}
    if _is_left_by_predict(root):
        if root.resolve().name not in scenes and len(scenes) > 1:
            raise DataError(f"{root}: no picture {root.resolve().name} in the ground truth; choose it with `names`")
        folders = {root.resolve().name if len(scenes) > 1 else next(iter(scenes)): root}
    else:
        folders = {path.name: path for path in sorted(root.iterdir()) if path.is_dir() and _is_left_by_predict(path)}
    if not folders:
        raise DataError(
            f"{root}: no {TABLE} in it, and no folders with {PEOPLE_TABLE}, {OBJECTS_TABLE} or {HEATMAPS.name}/"
        )
    _check_names(root, folders, scenes, complete)
    classes = _classes(scenes)
    return {name: _of_source(folders[name], scene, classes) for name, scene in scenes.items()}


def _classes(scenes: dict[str, Scene]) -> dict[str, int]:
    """The numbers of the ground truth's classes, by their names and by the numbers themselves as text."""
    known = {name: number for number, name in enumerate(CLASSES, start=1)}
    for scene in scenes.values():
        known |= {name: int(number) for name, number in zip(scene.names, scene.labels, strict=True)}
    return known | {str(number): number for number in known.values()}


def _check_names(where: Path, given: dict[str, Any], scenes: dict[str, Scene], complete: bool) -> None:
    missing = [name for name in scenes if name not in given]
    extra = [name for name in given if name not in scenes] if complete else []
    if missing or extra:
        raise frame_error(where, missing, extra)


def _is_left_by_predict(folder: Path) -> bool:
    return any((folder / name).exists() for name in (PEOPLE_TABLE, OBJECTS_TABLE, HEATMAPS.name))


def _of_source(folder: Path, scene: Scene, classes: dict[str, int]) -> Prediction:
    """What `predict` left for one picture."""
    files = [path for path in (folder / PEOPLE_TABLE, folder / OBJECTS_TABLE) if path.is_file()]
    heatmaps = list_maps(folder / HEATMAPS.name)
    if len(heatmaps) > 1:
        raise DataError(f"{folder / HEATMAPS.name}: {len(heatmaps)} heatmaps of one picture; one is expected")
    people = _rows(folder / PEOPLE_TABLE, (*HEAD, *TARGET))
    head, point = None, None
    if people:
        heads = [[row.number(name) for name in HEAD] for row in people]
        wanted = None if scene.head_box is None else scene.head_box.tolist()
        best = 0 if wanted is None else int(np.argmax([iou(box, wanted) for box in heads]))
        head = heads[best]
        if people[best].cells[TARGET[0]].strip():
            x, y = (people[best].number(name) for name in TARGET)
            point = torch.tensor([x / scene.size[1], y / scene.size[0]], dtype=torch.float64)
    masks = list_maps(folder / MASKS.name)
    objects = _objects_of_source(folder / OBJECTS_TABLE, masks, scene, classes)
    heatmap = heatmaps[0] if heatmaps else None
    return Prediction(point, heatmap, head, objects, [*files, *heatmaps, *masks[:1]])


def _objects_of_source(path: Path, masks: tuple[Path, ...], scene: Scene, classes: dict[str, int]) -> Objects | None:
    """The objects of a picture. A label that is none of the ground truth's classes is never right."""
    if not path.is_file():
        return None
    rows = _rows(path, ("object", "label", "score", *BOX))
    boxes = [[row.number(name) for name in BOX] for row in rows]
    objects = Objects(
        scene.size,
        list(boxes),
        [classes.get(row.cells["label"].strip(), UNKNOWN) for row in rows],
        [row.number("score") for row in rows],
    )
    if masks:
        numbers = read_labels(masks[0])[0]
        if numbers.shape != scene.size:
            raise DataError(f"{masks[0]}: {numbers.shape} pixels, the picture has {scene.size}; resize it")
        objects.masks = [encode_mask(numbers == row.number("object")) for row in rows]
    return objects


def _rows(path: Path, columns: tuple[str, ...]) -> list[Row]:
    return list(read_rows(path, columns)) if path.is_file() else []


def iou(first: list[float], second: list[float]) -> float:
    """Intersection over union of two boxes x0 y0 x1 y1 as areas."""
    x0, y0 = np.maximum(first[:2], second[:2])
    x1, y1 = np.minimum(first[2:], second[2:])
    common = max(0.0, float(x1 - x0)) * max(0.0, float(y1 - y0))
    union = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (first, second)) - common
    return common / union if union > 0 else 0.0


def _prediction(table: Path, name: str, entry: dict[str, Any], scene: Scene) -> Prediction:
    place = f"{table}: {name}"
    if not isinstance(entry, dict):
        raise DataError(f"{place}: an object with gaze_point_xy and boxes_xyxy is expected; see docs/metrics.md")
    files = [table]
    heatmap = None
    if entry.get("heatmap") is not None:
        files.append(table.parent / str(entry["heatmap"]))
        heatmap = files[-1]
        if not heatmap.is_file():
            raise DataError(f"{place}: no file {heatmap}; heatmap is a path from the folder of {table.name}")
    point = None
    try:
        if entry.get("gaze_point_xy") is not None:
            x, y = (float(value) for value in entry["gaze_point_xy"])
            point = torch.tensor([x / scene.size[1], y / scene.size[0]], dtype=torch.float64)
        objects, instances = _objects(table, entry, scene)
        head = entry.get("head_box_xyxy")
        head = None if head is None else _box(head)
    except (TypeError, ValueError, KeyError, OverflowError) as error:
        raise DataError(f"{place}: {type(error).__name__} {error}; see docs/metrics.md for what is expected") from None
    if point is not None and not bool(torch.isfinite(point).all()):
        raise DataError(f"{place}: gaze_point_xy is not finite; give null where no gaze was found")
    return Prediction(point, heatmap, head, objects, files + instances)


def _box(values: Any) -> list[float]:
    box = [float(value) for value in values]
    if len(box) != 4 or not np.isfinite(box).all() or box[2] < box[0] or box[3] < box[1]:
        raise ValueError("boxes of x0 y0 x1 y1 with x0 <= x1 and y0 <= y1 are expected")
    return box


def _objects(table: Path, entry: dict[str, Any], scene: Scene) -> tuple[Objects | None, list[Path]]:
    if entry.get("boxes_xyxy") is None:
        return None, []
    boxes = [_box(box) for box in entry["boxes_xyxy"]]
    labels, scores = [int(one) for one in entry["labels"]], [float(one) for one in entry["scores"]]
    if not len(boxes) == len(labels) == len(scores):
        raise ValueError(f"{len(boxes)} boxes with {len(labels)} labels and {len(scores)} scores")
    if not np.isfinite(scores).all():
        raise ValueError("scores that are finite are expected")
    objects = Objects(scene.size, list(boxes), labels, scores)
    if entry.get("instances") is not None:
        path = table.parent / str(entry["instances"])
        numbers = read_instances(path)
        if numbers.shape != scene.size:
            raise DataError(f"{path}: {numbers.shape} pixels, the picture has {scene.size}; resize it")
        objects.masks = [encode_mask(numbers == index + 1) for index in range(len(boxes))]
        return objects, [path]
    if entry.get("masks") is not None:
        objects.masks = list(entry["masks"])
        if len(objects.masks) != len(boxes):
            raise ValueError(f"{len(boxes)} boxes with {len(objects.masks)} masks")
    return objects, []
