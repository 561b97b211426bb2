"""Average precision is pycocotools' own, with another likeness where asked."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np
import pytest

from sightline.metrics.coco import AveragePrecision, Objects, decode_masks, encode_mask

coco = pytest.importorskip("pycocotools.coco")
cocoeval = pytest.importorskip("pycocotools.cocoeval")


def example(seed: int, images: int = 6) -> tuple[list[Objects], list[Objects]]:
    rng = np.random.default_rng(seed)
    truth, found = [], []
    for _ in range(images):
        number = int(rng.integers(1, 6))
        low = rng.uniform(0, 60, (number, 2))
        boxes = np.concatenate([low, low + rng.uniform(5, 35, (number, 2))], axis=1)
        labels = rng.integers(1, 4, number).tolist()
        truth.append(Objects((100, 100), boxes.tolist(), labels))
        guess = np.concatenate([boxes + rng.normal(0, 2, boxes.shape), boxes[:1] + 20])
        guess[:, 2:] = np.maximum(guess[:, 2:], guess[:, :2] + 1)
        found.append(Objects((100, 100), guess.tolist(), [*labels, 1], rng.random(number + 1).tolist()))
    return truth, found


def by_pycocotools(truth: list[Objects], found: list[Objects]) -> np.ndarray:
    def annotations(sides: list[Objects]) -> list[dict]:
        rows: list[dict[str, Any]] = []
        for image, side in enumerate(sides):
            for index, (x0, y0, x1, y1) in enumerate(side.boxes):
                row: dict[str, Any] = {
                    "id": len(rows) + 1,
                    "image_id": image,
                    "category_id": side.labels[index],
                    "iscrowd": 0,
                }
                row |= {"bbox": [x0, y0, x1 - x0, y1 - y0], "area": (x1 - x0) * (y1 - y0)}
                rows.append(row | ({"score": side.scores[index]} if side.scores else {}))
        return rows

    with contextlib.redirect_stdout(io.StringIO()):
        gt = coco.COCO()
        gt.dataset = {
            "images": [{"id": i} for i in range(len(truth))],
            "categories": [{"id": i} for i in (1, 2, 3)],
            "annotations": annotations(truth),
        }
        gt.createIndex()
        evaluator = cocoeval.COCOeval(gt, gt.loadRes(annotations(found)), "bbox")
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
    return evaluator.stats


@pytest.mark.parametrize("seed", range(4))
def test_box_precision_is_that_of_pycocotools(seed: int) -> None:
    truth, found = example(seed)
    expected = by_pycocotools(truth, found)
    scores = AveragePrecision(truth, found, "box iou").scores()
    assert [scores["mean"], scores["50"], scores["75"]] == pytest.approx(expected[:3].tolist())


def test_resampling_counts_images_as_often_as_told() -> None:
    truth, found = example(7, images=3)
    precision = AveragePrecision(truth, found, "box iou")
    assert precision.scores([1, 0, 2]) == pytest.approx(
        AveragePrecision([truth[0], truth[2], truth[2]], [found[0], found[2], found[2]], "box iou").scores()
    )
    assert precision.scores() == precision.scores([1, 1, 1])


def test_soc_takes_the_place_of_iou() -> None:
    truth = [Objects((20, 20), [[0, 0, 10, 10]], [1])]
    found = [Objects((20, 20), [[0, 0, 10, 8]], [1], [1.0])]  # IoU and SoC are 0.8
    for likeness in ("box iou", "box soc"):
        scores = AveragePrecision(truth, found, likeness).scores()
        assert (scores["75"], scores["95"]) == (pytest.approx(1), 0)
    found = [Objects((20, 20), [[10, 0, 20, 10]], [1], [1.0])]  # disjoint: IoU 0, SoC 0.5
    assert AveragePrecision(truth, found, "box iou").scores()["50"] == 0
    assert AveragePrecision(truth, found, "box soc").scores()["50"] == pytest.approx(1)


def test_masks_go_to_run_lengths_and_back() -> None:
    masks = np.random.default_rng(0).random((3, 7, 9)) < 0.5
    assert np.array_equal(decode_masks([encode_mask(mask) for mask in masks]), masks)


def test_nothing_found_is_zero_and_nothing_to_find_is_nan() -> None:
    truth = [Objects((20, 20), [[0, 0, 10, 10]], [1])]
    assert AveragePrecision(truth, [Objects((20, 20), [], [])], "box iou").scores()["mean"] == 0
    assert np.isnan(AveragePrecision([Objects((20, 20), [], [])], truth_with_score(), "box iou").scores()["mean"])


def truth_with_score() -> list[Objects]:
    return [Objects((20, 20), [[0, 0, 10, 10]], [1], [0.5])]
