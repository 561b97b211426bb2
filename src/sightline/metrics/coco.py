"""Average precision through pycocotools, with IoU or SoC as the likeness of two objects."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sightline.errors import UsageError
from sightline.metrics.functional import gaze

Box = Sequence[float]


@dataclass
class Objects:
    """The objects of one image. boxes: (N, 4) x0 y0 x1 y1. masks: COCO run-length codes, empty where there are none.

    scores: of detections; empty for the truth.
    """

    size: tuple[int, int]
    boxes: list[Box]
    labels: list[int]
    scores: list[float] = field(default_factory=list)
    masks: list[dict[str, Any]] = field(default_factory=list)


class AveragePrecision:
    """COCO average precision at 0.50:0.05:0.95 over the images and classes of a set.

    likeness: "box iou", "mask iou", "box soc", "box soc inclusive", "mask soc" (pixels) or "mask box soc" (the tight
    boxes of the masks). Everything else is COCO's: 101 recall points, 100 detections an image, all sizes.
    Raises UsageError where pycocotools is not installed, or there are not as many predictions as pictures.
    """

    def __init__(self, truth: Sequence[Objects], found: Sequence[Objects], likeness: str) -> None:
        if len(truth) != len(found):
            raise UsageError(f"`found`: {len(found)} pictures, `truth` has {len(truth)}; one for each is expected")
        self._images = len(truth)
        if not self._images:
            return
        with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints its progress
            self._evaluator = _evaluator(truth, found, likeness)
            self._evaluator.evaluate()
        self._of_images = self._evaluator.evalImgs

    def scores(self, times: Sequence[int] | NDArray[np.int64] | None = None) -> dict[str, float]:
        """`mean` over the thresholds, and at `50`, `75` and `95`; NaN where the truth is empty.

        times: how often each image counts, for resampling; once each by default.
        """
        if not self._images:
            return dict.fromkeys(("mean", "50", "75", "95"), float("nan"))
        chosen = np.arange(self._images) if times is None else np.repeat(np.arange(self._images), times)
        evaluator = self._evaluator
        classes = len(self._of_images) // self._images
        evaluator.evalImgs = [self._of_images[k * self._images + i] for k in range(classes) for i in chosen]
        evaluator.params.imgIds = evaluator._paramsEval.imgIds = list(range(len(chosen)))
        with contextlib.redirect_stdout(io.StringIO()):
            evaluator.accumulate()
        precision = evaluator.eval["precision"][..., 0, 0]  # (thresholds, recalls, classes)
        thresholds = np.round(evaluator.params.iouThrs, 2)

        def mean(values: NDArray[np.float64]) -> float:
            valid = values[values > -1]
            return float(valid.mean()) if valid.size else float("nan")

        return {"mean": mean(precision)} | {
            str(round(100 * at)): mean(precision[thresholds == at]) for at in (0.5, 0.75, 0.95)
        }


def encode_mask(mask: NDArray[np.bool_]) -> dict[str, Any]:
    """A mask (H, W) as COCO run-length code."""
    code: dict[str, Any] = _coco("mask").encode(np.asfortranarray(mask.astype(np.uint8)))
    return code


def decode_masks(codes: Sequence[dict[str, Any]]) -> NDArray[np.bool_]:
    """COCO run-length codes as masks (N, H, W)."""
    return _coco("mask").decode(list(codes)).transpose(2, 0, 1).astype(np.bool_)


def _coco(module: str) -> Any:
    import importlib

    try:
        return importlib.import_module(f"pycocotools.{module}")
    except ImportError:
        raise UsageError("scores of detected objects need pycocotools: pip install 'sightline[coco]'") from None


def _evaluator(truth: Sequence[Objects], found: Sequence[Objects], likeness: str) -> Any:
    base = _coco("cocoeval").COCOeval
    of_masks = likeness.startswith("mask")

    class Evaluator(base):  # type: ignore[misc, valid-type]
        def computeIoU(self, image: int, label: int) -> Any:
            if likeness.endswith("iou"):
                return super().computeIoU(image, label)
            gt, dt = self._gts[image, label], self._dts[image, label]
            if not gt or not dt:
                return []
            order = np.argsort([-one["score"] for one in dt], kind="mergesort")[: self.params.maxDets[-1]]
            return _likeness([dt[i] for i in order], gt, likeness)

    labels = sorted({label for one in (*truth, *found) for label in one.labels})
    evaluator = Evaluator(
        _dataset(truth, labels, of_masks), _dataset(found, labels, of_masks), "segm" if of_masks else "bbox"
    )
    evaluator.params.areaRng, evaluator.params.areaRngLbl = [[0, 1e10]], ["all"]
    evaluator.params.maxDets = [100]
    return evaluator


def _likeness(found: list[dict[str, Any]], truth: list[dict[str, Any]], likeness: str) -> NDArray[np.float64]:
    if likeness.startswith("box"):
        pred, gt = (torch.tensor([one["corners"] for one in side], dtype=torch.float64) for side in (found, truth))
        return gaze.soc_boxes(pred, gt, inclusive=likeness.endswith("inclusive")).numpy()
    pred, gt = (torch.from_numpy(decode_masks([one["segmentation"] for one in side])) for side in (found, truth))
    if likeness == "mask soc":
        return gaze.soc_masks(pred, gt).numpy()
    boxes = gaze.tight_boxes(pred), gaze.tight_boxes(gt)
    empty = (boxes[0] < 0).any(1)[:, None] | (boxes[1] < 0).any(1)[None]
    return gaze.soc_boxes(boxes[0], boxes[1], inclusive=True).masked_fill(empty, 0).numpy()


def _dataset(images: Sequence[Objects], labels: Sequence[int], with_masks: bool) -> Any:
    dataset = _coco("coco").COCO()
    annotations: list[dict[str, Any]] = []
    for image, one in enumerate(images):
        for index, (box, label) in enumerate(zip(one.boxes, one.labels, strict=True)):
            x0, y0, x1, y1 = box
            annotation = {
                "id": len(annotations) + 1,  # COCO takes 0 for "not matched"
                "image_id": image,
                "category_id": label,
                "bbox": [x0, y0, x1 - x0, y1 - y0],
                "corners": list(box),
                "area": (x1 - x0) * (y1 - y0),
                "iscrowd": 0,
            }
            if one.scores:
                annotation["score"] = one.scores[index]
            if with_masks:
                annotation["segmentation"] = one.masks[index]
            annotations.append(annotation)
    dataset.dataset = {
        "images": [{"id": i, "height": one.size[0], "width": one.size[1]} for i, one in enumerate(images)],
        "categories": [{"id": label} for label in labels],
        "annotations": annotations,
    }
    dataset.createIndex()
    return dataset
