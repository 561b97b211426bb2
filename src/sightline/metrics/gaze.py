"""Gaze metrics as torchmetrics; see `sightline.metrics.functional.gaze` and `sightline.metrics.coco`."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

from sightline.metrics._mean import FrameMean
from sightline.metrics.coco import AveragePrecision, Objects
from sightline.metrics.functional import gaze


class GazeAUC(FrameMean):
    """AUC of the pixel looked at; update(heatmap (..., H, W), point (..., 2)). cells: 5 for GOO's grid, 0 for none."""

    higher_is_better = True

    def __init__(self, cells: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.cells = cells

    def frame_scores(self, heatmap: Tensor, point: Tensor) -> Tensor:
        return gaze.grid_auc(heatmap, point, self.cells) if self.cells else gaze.heatmap_auc(heatmap, point)


class GazeDistance(FrameMean):
    """L2 distance in the unit square; update(pred (..., 2), gt (..., 2))."""

    higher_is_better = False

    def frame_scores(self, pred: Tensor, gt: Tensor) -> Tensor:
        return gaze.distance(pred, gt)


class AngularError(FrameMean):
    """Angle in degrees; update(pred, gt, eye), (..., 2) each. size: (height, width) of the pictures."""

    higher_is_better = False

    def __init__(self, size: tuple[float, float] = (1, 1), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = size

    def frame_scores(self, pred: Tensor, gt: Tensor, eye: Tensor) -> Tensor:
        return gaze.angular_error(pred, gt, eye, self.size)


class ObjectPrecision(Metric):
    """COCO average precision of boxes by IoU, or by SoC (mSoC); every update is one picture.

    likeness: "box iou", "box soc" or "box soc inclusive", see `AveragePrecision`.
    """

    is_differentiable = False
    higher_is_better = True
    full_state_update = False
    found: list[Tensor]
    true: list[Tensor]
    counts: list[Tensor]

    def __init__(self, likeness: str = "box iou", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.likeness = likeness
        for name in ("found", "true", "counts"):
            self.add_state(name, [], dist_reduce_fx="cat")

    def update(self, boxes: Tensor, scores: Tensor, labels: Tensor, true_boxes: Tensor, true_labels: Tensor) -> None:
        """Add one picture: detections (N, 4), (N,), (N,) and objects (M, 4), (M,); boxes are x0 y0 x1 y1."""
        self.found.append(torch.cat([boxes.double(), scores.double()[:, None], labels.double()[:, None]], dim=1))
        self.true.append(torch.cat([true_boxes.double(), true_labels.double()[:, None]], dim=1))
        self.counts.append(torch.tensor([[len(boxes), len(true_boxes)]], device=boxes.device))

    def compute(self) -> dict[str, Tensor]:
        """`mean` over 0.50:0.05:0.95, and `50`, `75`, `95`."""
        if isinstance(self.counts, list) and not self.counts:
            return dict.fromkeys(("mean", "50", "75", "95"), torch.tensor(float("nan"), dtype=torch.float64))
        found, true, counts = (
            torch.cat(list(x)).cpu() if isinstance(x, list) else x.cpu() for x in (self.found, self.true, self.counts)
        )
        size = (1, 1)  # boxes need no size
        detections = [
            Objects(size, part[:, :4].tolist(), part[:, 5].long().tolist(), part[:, 4].tolist())
            for part in found.split(counts[:, 0].tolist())
        ]
        truth = [
            Objects(size, part[:, :4].tolist(), part[:, 4].long().tolist())
            for part in true.split(counts[:, 1].tolist())
        ]
        scores = AveragePrecision(truth, detections, self.likeness).scores()
        return {key: torch.tensor(value, dtype=torch.float64) for key, value in scores.items()}
