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
    """The chance that the place somebody looks at is hotter than another one, ties counted half.

    `update(heatmap, point)` adds pictures, `compute()` gives the mean, a float64 scalar; 0.5 is chance.

    Parameters
    ----------
    cells : int, optional
        Cells a side of the grid that heatmaps are sampled on: 5 as in GOO; 0 for their own pixels.
    **kwargs
        Of `torchmetrics.Metric`. What `update` takes: `heatmap`, (..., H, W) of any real type; `point`, (..., 2),
        x before y, as fractions of width and height.

    Attributes
    ----------
    scored, unscored : Tensor, () int64
        Pictures that are in the mean, and those that cannot be scored: a heatmap of one pixel.

    Raises
    ------
    UsageError
        In `update`, a ValueError: shapes that do not fit, or a point outside of the picture.

    Notes
    -----
    Source: Recasens et al., NeurIPS 2015; Tomas et al., CVPRW 2021 for the grid.

    Examples
    --------
    >>> import torch
    >>> from sightline.metrics import GazeAUC
    >>> metric = GazeAUC()
    >>> metric.update(torch.tensor([[0.0, 1.0], [2.0, 3.0]]), torch.tensor([0.2, 0.8]))
    >>> round(metric.compute().item(), 4)
    0.6667
    """

    higher_is_better = True

    def __init__(self, cells: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.cells = cells

    def frame_scores(self, heatmap: Tensor, point: Tensor) -> Tensor:
        return gaze.grid_auc(heatmap, point, self.cells) if self.cells else gaze.heatmap_auc(heatmap, point)


class GazeDistance(FrameMean):
    """The distance of the predicted from the true gaze target, in the picture stretched to a unit square.

    `update(pred, gt)` adds pictures, `compute()` gives the mean, a float64 scalar.

    Parameters
    ----------
    **kwargs
        Of `torchmetrics.Metric`. What `update` takes: `pred` and `gt`, (..., 2), x before y, as fractions of
        width and height.

    Attributes
    ----------
    scored, unscored : Tensor, () int64
        Pictures that are in the mean, and those that cannot be scored: a point that is NaN.

    Notes
    -----
    Source: Recasens et al., NeurIPS 2015.

    Examples
    --------
    >>> import torch
    >>> from sightline.metrics import GazeDistance
    >>> metric = GazeDistance()
    >>> metric.update(torch.tensor([0.3, 0.0]), torch.tensor([0.0, 0.4]))
    >>> round(metric.compute().item(), 6)
    0.5
    """

    higher_is_better = False

    def frame_scores(self, pred: Tensor, gt: Tensor) -> Tensor:
        return gaze.distance(pred, gt)


class AngularError(FrameMean):
    """The angle between the directions from the eye to the predicted and to the true gaze target, in degrees.

    `update(pred, gt, eye)` adds pictures, `compute()` gives the mean, a float64 scalar.

    Parameters
    ----------
    size : (height, width), optional
        Of the pictures, for the angle as it is seen in them; by default it is that in the unit square.
    **kwargs
        Of `torchmetrics.Metric`. What `update` takes: `pred`, `gt` and `eye`, (..., 2), x before y, as
        fractions of width and height.

    Attributes
    ----------
    scored, unscored : Tensor, () int64
        Pictures that are in the mean, and those that cannot be scored: a point at the eye.

    Notes
    -----
    Source: Recasens et al., NeurIPS 2015.

    Examples
    --------
    >>> import torch
    >>> from sightline.metrics import AngularError
    >>> metric = AngularError()
    >>> metric.update(torch.tensor([0.5, 0.0]), torch.tensor([1.0, 0.5]), torch.tensor([0.5, 0.5]))
    >>> round(metric.compute().item(), 4)
    90.0
    """

    higher_is_better = False

    def __init__(self, size: tuple[float, float] = (1, 1), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = size

    def frame_scores(self, pred: Tensor, gt: Tensor, eye: Tensor) -> Tensor:
        return gaze.angular_error(pred, gt, eye, self.size)


class ObjectPrecision(Metric):
    """COCO average precision of boxes by IoU, or by SoC (mSoC).

    Every `update(boxes, scores, labels, true_boxes, true_labels)` is one picture. `compute()` gives float64 scalars by
    name: `mean` over the thresholds 0.50:0.05:0.95, and `50`, `75`, `95`; NaN before the first picture.

    Parameters
    ----------
    likeness : str, optional
        "box iou", "box soc" or "box soc inclusive", see `AveragePrecision`.
    **kwargs
        Of `torchmetrics.Metric`. What `update` takes: `boxes`, (N, 4) x0 y0 x1 y1 in pixels, `scores` and `labels`,
        (N,); `true_boxes`, (M, 4), and `true_labels`, (M,).

    Raises
    ------
    UsageError
        In `compute`, where pycocotools is not installed.

    Notes
    -----
    Source: Lin et al., ECCV 2014; Wang et al., ECCV 2024 (SamGOP) for SoC.

    Examples
    --------
    >>> import torch
    >>> from sightline.metrics import ObjectPrecision
    >>> metric = ObjectPrecision()
    >>> box = torch.tensor([[0.0, 0.0, 8.0, 8.0]])
    >>> metric.update(box, torch.tensor([0.9]), torch.tensor([1]), box, torch.tensor([1]))
    >>> round(metric.compute()["mean"].item(), 6)
    1.0
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
