"""The task `gaze`: where people in pictures look, and at which objects, on GOO and alike."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from sightline.data.goo import Scene, read_scenes
from sightline.errors import DataError, UsageError
from sightline.metrics.coco import AveragePrecision, Objects, encode_mask
from sightline.metrics.evaluation.gaze_predictions import Prediction, iou, read_predictions
from sightline.metrics.evaluation.pictures import read_map
from sightline.metrics.evaluation.scores import Array, SequenceScores, Tally
from sightline.metrics.evaluation.task import Task
from sightline.metrics.functional import gaze
from sightline.metrics.protocols import GazeProtocol

NEAR, OVERLAP = 0.15, 0.5
"""When a detection counts under `gtr`: distance of the gaze target, and IoU of the head box."""
RESAMPLES = 100
"""Bootstrap draws for average precision, which has to be worked out anew for each."""


class Cells(NamedTuple):
    """The heatmaps of a set on 5 x 5 cells. owners: (N,) which picture each is of. heat: (N, 5, 5). points: (N, 2)."""

    owners: np.ndarray[Any, np.dtype[np.int64]]
    heat: Tensor
    points: Tensor


class GazeTask(Task):
    """Gaze targets and objects against GOO annotations. pred: see `read_predictions`. gt: see `data.goo`."""

    name = "gaze"

    def __init__(self, pred: Path, gt: Path, protocol: GazeProtocol, names: Sequence[str] | None = None) -> None:
        super().__init__()
        self.protocol: GazeProtocol = protocol
        scenes = read_scenes(gt)
        self._gt = gt / "annotations.json" if gt.is_dir() else gt
        unknown = [] if names is None else [name for name in names if name not in scenes]
        if unknown:
            raise DataError(f"{gt}: no picture {', '.join(unknown)} in it; see `names`")
        self.names = list(scenes) if names is None else list(names)
        self.scenes = {name: scenes[name] for name in self.names}
        self.found = read_predictions(pred, self.scenes, complete=names is None)
        self._precision = self._prepare_precision()
        proximate = [f"{kind}_{at:g}" for kind in ("pa", "cpa") for at in protocol.proximate]
        self.keys = ("auc", "l2", "angle", *(("detected",) if protocol.gated else ()), *proximate, *self._whole_keys())

    def files(self, name: str) -> Sequence[Path]:
        instances = self.scenes[name].instances
        return [self._gt, *self.found[name].files, *([instances] if instances else [])]

    def settings(self) -> dict[str, Any]:
        return {"boxes_inclusive": self.protocol.inclusive, "auc_cells": self.protocol.cells, "near": NEAR}

    def score(self, name: str) -> SequenceScores:
        scene, found, protocol = self.scenes[name], self.found[name], self.protocol
        size = torch.tensor([scene.size[1], scene.size[0]], dtype=torch.float64)
        values = dict.fromkeys(("auc", "l2", "angle"), math.nan)
        if scene.gaze is None or scene.eye is None:
            return self._unseen(name)
        gt, eye = (torch.tensor(point, dtype=torch.float64) / size for point in (scene.gaze, scene.eye))
        heatmap = None if found.heatmap is None else read_map(found.heatmap).double()
        try:
            if heatmap is not None:
                auc = gaze.grid_auc(heatmap, gt, protocol.cells) if protocol.cells else gaze.heatmap_auc(heatmap, gt)
                values["auc"] = float(auc)
            point = self._point(found, heatmap)
            if point is not None:
                values["l2"] = float(gaze.distance(point, gt))
                unit = (1.0, 1.0) if protocol.unit_square else (float(scene.size[0]), float(scene.size[1]))
                values["angle"] = float(gaze.angular_error(point, gt, eye, unit, protocol.damping))
        except UsageError as error:
            raise DataError(f"{name}: {error}") from None
        detected = not protocol.gated or self._detected(name, values["l2"])
        scored = {key: value if detected else math.nan for key, value in values.items()}
        if protocol.proximate:
            scored |= self._proximate(scene, point, values["l2"])
        if protocol.gated:
            scored["detected"] = float(detected)
        scores = SequenceScores(name, [name], {key: [v] for key, v in scored.items()}, {})
        return replace(scores, tallies=self.tallies(scores), unscored=int(math.isnan(scored["l2"])))

    def _unseen(self, name: str) -> SequenceScores:
        """The scores of a picture whose annotation says nothing of gaze: its objects alone count."""
        values = dict.fromkeys((key for key in self.keys if key not in self._whole_keys()), math.nan)
        if self.protocol.gated:
            values["detected"] = float(_head_found(self.scenes[name], self.found[name]))
        scores = SequenceScores(name, [name], {key: [value] for key, value in values.items()}, {})
        return replace(scores, tallies=self.tallies(scores), unscored=1)

    def tallies(self, scores: SequenceScores) -> dict[str, Tally]:
        return {key: Tally.of_frames(values, by_sequence=True) for key, values in scores.values.items()}

    def _point(self, found: Prediction, heatmap: Tensor | None) -> Tensor | None:
        if found.point is None and heatmap is not None:
            return gaze.heatmap_point(heatmap, centred=self.protocol.centred)
        return found.point

    def _detected(self, name: str, apart: float) -> bool:
        return apart < NEAR and _head_found(self.scenes[name], self.found[name])

    def _proximate(self, scene: Scene, point: Tensor | None, apart: float) -> dict[str, float]:
        """PA and CPA at each distance: whether the point is nearer than that, and nearest to an object of its class.

        A picture without a point is a miss.
        """
        right = False
        if point is not None and len(scene.labels) and scene.gaze_index is not None:
            size = torch.tensor([*scene.size[::-1], *scene.size[::-1]], dtype=torch.float64)
            heads = np.empty((0, 4)) if scene.head_box is None else scene.head_box[None]
            boxes = torch.from_numpy(np.vstack([scene.boxes, heads])) / size
            nearest = int(gaze.nearest_box(point, boxes))
            right = nearest < len(scene.labels) and scene.labels[nearest] == scene.labels[scene.gaze_index]
        near = {at: apart < at for at in self.protocol.proximate}
        return {f"pa_{at:g}": float(hit) for at, hit in near.items()} | {
            f"cpa_{at:g}": float(hit and right) for at, hit in near.items()
        }

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
        """What the pooled AUC needs of the heatmaps, which themselves are too large to keep; of detected pictures only
        where the protocol asks for that."""
        owners, heat, points = [], [], []
        for index, name in enumerate(self.names):
            scene, found = self.scenes[name], self.found[name]
            if found.heatmap is None or scene.gaze is None:
                continue
            values = read_map(found.heatmap).double()
            looked = torch.tensor(scene.gaze, dtype=torch.float64) / torch.tensor(scene.size[::-1])
            point = self._point(found, values)
            assert point is not None
            if not self.protocol.gated or self._detected(name, float(gaze.distance(point, looked))):
                owners.append(index)
                heat.append(gaze.grid(values, self.protocol.cells))
                points.append(looked)
        none = torch.empty(0, self.protocol.cells, self.protocol.cells), torch.empty(0, 2)
        return Cells(np.array(owners, dtype=np.int64), *(map(torch.stack, (heat, points)) if owners else none))

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


def _truth(scene: Scene, masks: np.ndarray[Any, np.dtype[np.bool_]] | None) -> Objects:
    truth = Objects(scene.size, scene.boxes.tolist(), scene.labels.tolist())
    if masks is not None:
        truth.masks = [encode_mask(mask) for mask in masks]
    return truth


def _head_found(scene: Scene, found: Prediction) -> bool:
    if found.head_box is None or scene.head_box is None:
        return False
    return iou(found.head_box, scene.head_box.tolist()) > OVERLAP
