"""The task `gaze`: where people in pictures look, and at which objects, on GOO and alike.

A prediction is a folder with `predictions.json`, {id: {...}} for every picture, in pixels of the picture:
`gaze_point_xy` or `heatmap` (a file, relative to the folder; the point is then its maximum) or null for both,
`head_box_xyxy` (for `gtr`), and of the objects `boxes_xyxy`, `labels`, `scores` and, where there are masks, either
`masks` (COCO run-length codes) or `instances` (a file of numbers 1, 2, ... in the order of the boxes).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from sightline.data.goo import Scene, read_instances, read_json, read_scenes
from sightline.errors import DataError
from sightline.metrics.coco import AveragePrecision, Objects, encode_mask
from sightline.metrics.evaluation.layout import frame_error
from sightline.metrics.evaluation.pictures import read_map
from sightline.metrics.evaluation.scores import Array, SequenceScores, Tally
from sightline.metrics.evaluation.task import Task
from sightline.metrics.functional import gaze
from sightline.metrics.protocols import GazeProtocol

NEAR, OVERLAP = 0.15, 0.5
"""When a detection counts under `gtr`: distance of the gaze point, and IoU of the head box."""
RESAMPLES = 100
"""Bootstrap draws for average precision, which has to be worked out anew for each."""


@dataclass(frozen=True)
class Prediction:
    """What was predicted for one picture. point: (2,) as fractions of the picture, None where it is not given."""

    point: Tensor | None
    heatmap: Path | None
    head_box: list[float] | None
    objects: Objects | None
    files: list[Path] = field(default_factory=list)


class Cells(NamedTuple):
    """The heatmaps of a set on 5 x 5 cells. owners: (N,) which picture each is of. heat: (N, 5, 5). points: (N, 2)."""

    owners: np.ndarray[Any, np.dtype[np.int64]]
    heat: Tensor
    points: Tensor


class GazeTask(Task):
    """Gaze points and objects against GOO annotations. pred: a folder with predictions.json. gt: see `data.goo`."""

    name = "gaze"

    def __init__(self, pred: Path, gt: Path, protocol: GazeProtocol, names: Sequence[str] | None = None) -> None:
        super().__init__()
        self.protocol: GazeProtocol = protocol
        scenes = read_scenes(gt)
        self._gt = gt / "annotations.json" if gt.is_dir() else gt
        self._table = pred / "predictions.json"
        entries = read_json(self._table)
        wanted = list(scenes) if names is None else list(names)
        unknown = [name for name in wanted if name not in scenes]
        missing = [name for name in wanted if name not in entries]
        extra = [] if names is not None else [name for name in entries if name not in scenes]
        if unknown or missing or extra:
            raise frame_error(self._table, unknown + missing, extra)
        self.names = wanted
        self.scenes = {name: scenes[name] for name in wanted}
        self.found = {name: _prediction(self._table, name, entries[name], scenes[name]) for name in wanted}
        self._precision = self._prepare_precision()
        self.keys = ("auc", "l2", "angle", *(("detected",) if protocol.gated else ()), *self._whole_keys())

    def files(self, name: str) -> Sequence[Path]:
        instances = self.scenes[name].instances
        return [self._table, self._gt, *self.found[name].files, *([instances] if instances else [])]

    def settings(self) -> dict[str, Any]:
        return {"boxes_inclusive": self.protocol.inclusive, "auc_cells": self.protocol.cells, "near": NEAR}

    def score(self, name: str) -> SequenceScores:
        scene, found, protocol = self.scenes[name], self.found[name], self.protocol
        size = torch.tensor([scene.size[1], scene.size[0]], dtype=torch.float64)
        gt, eye = torch.tensor(scene.gaze) / size, torch.tensor(scene.eye) / size
        values = dict.fromkeys(("auc", "l2", "angle"), math.nan)
        point = found.point
        if found.heatmap is not None:
            heatmap = read_map(found.heatmap).double()
            point = gaze.heatmap_point(heatmap, centred=protocol.centred) if point is None else point
            auc = gaze.grid_auc(heatmap, gt, protocol.cells) if protocol.cells else gaze.heatmap_auc(heatmap, gt)
            values["auc"] = float(auc)
        if point is not None:
            values["l2"] = float(gaze.distance(point, gt))
            unit = (1.0, 1.0) if protocol.unit_square else (float(scene.size[0]), float(scene.size[1]))
            values["angle"] = float(gaze.angular_error(point, gt, eye, unit))
        detected = not protocol.gated or (values["l2"] < NEAR and _head_found(scene, found))
        scored = {key: value if detected else math.nan for key, value in values.items()}
        tallies = {key: Tally.of_frames([value], by_sequence=True) for key, value in scored.items()}
        if protocol.gated:
            tallies["detected"] = Tally([float(detected)], 1.0)
        return SequenceScores(
            name, [name], {key: [v] for key, v in scored.items()}, tallies, int(math.isnan(scored["l2"]))
        )

    def whole(self, weights: Array) -> dict[str, Array]:
        """The scores that only the set as a whole has: pooled AUC and average precision, (R,) by key."""
        scores: dict[str, Array] = {key: np.full(len(weights), np.nan) for key in self._whole_keys()}
        for row, times in enumerate(weights[:RESAMPLES].astype(np.int64)):
            for key, value in self._whole_once(times).items():
                scores[key][row] = value
        return scores

    def _whole_keys(self) -> tuple[str, ...]:
        columns = {"ap": ("", "_50", "_75"), "msoc": ("", "_50", "_75", "_95")}
        keys = [] if not self.protocol.pooled else ["auc_pooled"]
        for name in self._precision:
            keys += [name + column for column in columns[name.removesuffix("_mask")]]
        return tuple(keys)

    def _whole_once(self, times: np.ndarray[Any, np.dtype[np.int64]]) -> dict[str, float]:
        scores = {}
        for name, precision in self._precision.items():
            for column, value in precision.scores(times).items():
                scores[name if column == "mean" else f"{name}_{column}"] = value
        if self.protocol.pooled and len(self._cells.owners):
            chosen = np.repeat(np.arange(len(self._cells.owners)), times[self._cells.owners])
            scores["auc_pooled"] = float(gaze.pooled_grid_auc(self._cells.heat[chosen], self._cells.points[chosen]))
        return {key: value for key, value in scores.items() if key in self._whole_keys()}

    @functools.cached_property
    def _cells(self) -> Cells:
        """What the pooled AUC needs of the heatmaps, which themselves are too large to keep."""
        owners = [index for index, name in enumerate(self.names) if self.found[name].heatmap is not None]
        heat, points = torch.empty(len(owners), 5, 5, dtype=torch.float64), torch.empty(len(owners), 2).double()
        for row, index in enumerate(owners):
            scene, path = self.scenes[self.names[index]], self.found[self.names[index]].heatmap
            assert path is not None
            heat[row] = gaze.grid(read_map(path))
            points[row] = torch.tensor(scene.gaze) / torch.tensor(scene.size[::-1])
        return Cells(np.array(owners, dtype=np.int64), heat, points)

    def _prepare_precision(self) -> dict[str, AveragePrecision]:
        found = [self.found[name].objects for name in self.names]
        if not any(found):
            return {}
        masks = [
            self.scenes[name].masks() if one and one.masks else None
            for name, one in zip(self.names, found, strict=True)
        ]
        truth = [_truth(self.scenes[name], mask) for name, mask in zip(self.names, masks, strict=True)]
        given = [one or Objects(scene.size, [], []) for one, scene in zip(found, self.scenes.values(), strict=True)]
        soc = "box soc inclusive" if self.protocol.inclusive else "box soc"
        precision = {"msoc": AveragePrecision(truth, given, soc), "ap": AveragePrecision(truth, given, "box iou")}
        if any(mask is not None for mask in masks):
            soc = "mask box soc" if self.protocol.inclusive else "mask soc"
            precision |= {
                "msoc_mask": AveragePrecision(truth, given, soc),
                "ap_mask": AveragePrecision(truth, given, "mask iou"),
            }
        return precision


def _prediction(table: Path, name: str, entry: dict[str, Any], scene: Scene) -> Prediction:
    place = f"{table}: {name}"
    if not isinstance(entry, dict):
        raise DataError(f"{place}: an object with gaze_point_xy and boxes_xyxy is expected; see docs/metrics.md")
    files = []
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
        head = None if head is None else [float(value) for value in head]
    except (TypeError, ValueError, KeyError) as error:
        raise DataError(f"{place}: {type(error).__name__} {error}; see docs/metrics.md for what is expected") from None
    if point is not None and not bool(torch.isfinite(point).all()):
        raise DataError(f"{place}: gaze_point_xy is not finite; give null where no gaze was found")
    return Prediction(point, heatmap, head, objects, files + instances)


def _objects(table: Path, entry: dict[str, Any], scene: Scene) -> tuple[Objects | None, list[Path]]:
    if entry.get("boxes_xyxy") is None:
        return None, []
    boxes = [[float(value) for value in box] for box in entry["boxes_xyxy"]]
    labels, scores = [int(one) for one in entry["labels"]], [float(one) for one in entry["scores"]]
    if not len(boxes) == len(labels) == len(scores):
        raise ValueError(f"{len(boxes)} boxes with {len(labels)} labels and {len(scores)} scores")
    if any(len(box) != 4 or box[2] < box[0] or box[3] < box[1] for box in boxes):
        raise ValueError("boxes of x0 y0 x1 y1 with x0 <= x1 and y0 <= y1 are expected")
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


def _truth(scene: Scene, masks: np.ndarray[Any, np.dtype[np.bool_]] | None) -> Objects:
    truth = Objects(scene.size, scene.boxes.tolist(), scene.labels.tolist())
    if masks is not None:
        truth.masks = [encode_mask(mask) for mask in masks]
    return truth


def _head_found(scene: Scene, found: Prediction) -> bool:
    if found.head_box is None:
        return False
    x0, y0 = np.maximum(found.head_box[:2], scene.head_box[:2])
    x1, y1 = np.minimum(found.head_box[2:], scene.head_box[2:])
    common = max(0.0, x1 - x0) * max(0.0, y1 - y0)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (found.head_box, scene.head_box)]
    return bool(common > OVERLAP * (sum(areas) - common))
