"""Scoring gaze targets and objects, with the definitions and pycocotools beside it."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sightline.errors import DataError
from sightline.metrics.evaluation import Options, evaluate


def scene(index: int) -> dict:
    return {
        "width": 64,
        "height": 48,
        "boxes_xyxy": [[4, 4, 15, 13], [30, 20, 45, 35], [50, 2, 60, 12]],
        "labels": [1, 2, 25],
        "gaze_point_xy": [10 + index, 8],
        "gaze_box_index": 0,
        "head_point_xy": [55, 7],
    }


def prediction(index: int) -> dict:
    return {
        "gaze_point_xy": [10 + index, 8],
        "head_box_xyxy": [50, 2, 60, 12],
        "boxes_xyxy": [[4, 4, 15, 13], [30, 20, 45, 35]],
        "labels": [1, 2],
        "scores": [0.9, 0.8],
    }


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    pred, gt = tmp_path / "pred", tmp_path / "gt"
    (gt / "instances").mkdir(parents=True)
    pred.mkdir()
    numbers = np.zeros((48, 64), np.uint16)
    numbers[4:14, 4:16], numbers[20:36, 30:46] = 5, 9
    for index in range(3):
        Image.fromarray(numbers).save(gt / "instances" / f"{index}.png")
    write(gt / "annotations.json", {str(i): scene(i) for i in range(3)})
    write(pred / "predictions.json", {str(i): prediction(i) for i in range(3)})
    return pred, gt


def write(path: Path, entries: dict) -> None:
    path.write_text(json.dumps(entries))


@pytest.mark.parametrize("protocol", ["exact", "goo", "gtr"])
def test_a_perfect_prediction_is_perfect(folders: tuple[Path, Path], protocol: str) -> None:
    report = evaluate("gaze", *folders, protocol, options=Options(draws=10))
    assert report.overall["l2"] == 0
    # GOO's damping keeps even a perfect direction away from 0.
    assert (
        report.overall["angle"] == pytest.approx(0, abs=1e-9)
        if protocol == "exact"
        else 0.05 < report.overall["angle"] < 0.2
    )
    for key in ("msoc", "msoc_50", "msoc_75", "msoc_95", "ap", "ap_50", "ap_75"):
        assert report.overall[key] == pytest.approx(1)
    assert report.overall.get("detected", 1) == 1
    assert math.isnan(report.overall["auc"])  # there is no heatmap


def test_gtr_scores_what_was_detected_only(folders: tuple[Path, Path]) -> None:
    pred, gt = folders
    entries = {str(i): prediction(i) for i in range(3)}
    entries["0"]["gaze_point_xy"] = [60, 40]  # far away
    entries["1"]["head_box_xyxy"] = [0, 0, 10, 10]  # another head
    entries["2"]["gaze_point_xy"] = [13, 8]
    write(pred / "predictions.json", entries)
    report = evaluate("gaze", pred, gt, "gtr", options=Options(draws=10))
    assert report.overall["detected"] == pytest.approx(1 / 3)
    assert report.overall["l2"] == pytest.approx(1 / 64)
    assert report.unscored_frames == 2
    assert evaluate("gaze", pred, gt, "goo", options=Options(draws=10)).overall["l2"] > 0.2


def test_heatmaps_give_the_point_and_the_auc(folders: tuple[Path, Path]) -> None:
    pred, gt = folders
    entries = {str(i): {"heatmap": "heat.npy"} for i in range(3)}
    write(pred / "predictions.json", entries)
    heat = np.zeros((64, 64), np.float32)
    heat[10, 12] = 1
    np.save(pred / "heat.npy", heat)
    exact = evaluate("gaze", pred, gt, options=Options(draws=10))
    first = exact.details[0].values
    assert first["l2"][0] == pytest.approx(math.hypot(12.5 / 64 - 10 / 64, 10.5 / 64 - 8 / 48))
    assert first["auc"][0] == pytest.approx(0.5, abs=0.001)
    assert "ap" not in exact.overall
    goo = evaluate("gaze", pred, gt, "goo", options=Options(draws=10))
    assert goo.details[0].values["l2"][0] == pytest.approx(math.hypot(12 / 64 - 10 / 64, 10 / 64 - 8 / 48))
    assert "auc_pooled" in goo.overall


def test_masks_are_scored_where_both_sides_have_them(folders: tuple[Path, Path]) -> None:
    pred, gt = folders
    numbers = np.zeros((48, 64), np.uint8)
    numbers[4:14, 4:16], numbers[20:36, 30:38] = 1, 2  # the second one is half of the object
    Image.fromarray(numbers).save(pred / "i.png")
    write(pred / "predictions.json", {str(i): {**prediction(i), "instances": "i.png"} for i in range(3)})
    exact = evaluate("gaze", pred, gt, options=Options(draws=10)).overall
    assert exact["ap_mask_50"] == pytest.approx(1)
    assert exact["ap_mask_75"] == pytest.approx(0.5)  # one class of two
    assert exact["msoc_mask_50"] == pytest.approx(1)
    assert exact["msoc_mask_75"] == pytest.approx(0.5)
    assert evaluate("gaze", pred, gt, "goo", options=Options(draws=10)).overall["msoc_mask_75"] == pytest.approx(0.5)


def test_bad_predictions_are_named(folders: tuple[Path, Path]) -> None:
    pred, gt = folders
    entries = {str(i): prediction(i) for i in range(2)} | {"9": prediction(9)}
    write(pred / "predictions.json", entries)
    with pytest.raises(DataError, match=r"missing frames \(1\): 2, extra frames \(1\): 9"):
        evaluate("gaze", pred, gt)
    entries = {str(i): prediction(i) for i in range(3)}
    entries["1"]["scores"] = [1]
    write(pred / "predictions.json", entries)
    with pytest.raises(DataError, match=r"predictions\.json: 1: ValueError 2 boxes with 2 labels and 1 scores"):
        evaluate("gaze", pred, gt)
    (pred / "predictions.json").write_text("[")
    with pytest.raises(DataError, match="not JSON that can be read"):
        evaluate("gaze", pred, gt)


def test_a_picture_without_gaze_is_counted(folders: tuple[Path, Path]) -> None:
    pred, gt = folders
    entries = {str(i): prediction(i) for i in range(3)}
    entries["1"]["gaze_point_xy"] = None
    write(pred / "predictions.json", entries)
    report = evaluate("gaze", pred, gt, options=Options(draws=10))
    assert report.unscored_frames == 1
    assert report.overall["l2"] == 0


def test_real_scenes(shared_data: Path, tmp_path: Path) -> None:
    root = shared_data / "gaze_objects" / "goo_synth_dev"
    entries = json.loads((root / "annotations.json").read_text())
    names = list(entries)[:3]
    guess = {
        name: {
            "boxes_xyxy": entries[name]["boxes_xyxy"][:-1],
            "labels": entries[name]["labels"][:-1],
            "scores": [1.0] * (len(entries[name]["labels"]) - 1),
            "gaze_point_xy": entries[name]["gaze_point_xy"],
        }
        for name in names
    }
    write(tmp_path / "predictions.json", guess)
    report = evaluate("gaze", tmp_path, root, options=Options(draws=2, names=names))
    assert report.overall["msoc"] == pytest.approx(1)
    assert report.overall["ap"] == pytest.approx(1)


def photographs(root: Path) -> tuple[Path, Path]:
    """What `predict` leaves of two photographs, and their boxes with names, without gaze."""
    pred, gt = root / "pred", root / "gt"
    gt.mkdir()
    boxes = [[4, 4, 16, 14], [50, 2, 60, 12], [30, 20, 46, 36]]
    entry = {"width": 64, "height": 48, "boxes_xyxy": boxes, "names": ["Fita", "Head", "Danisa"]}
    write(gt / "annotations.json", {"a": entry, "b": entry})
    for name in ("a", "b"):
        (pred / name).mkdir(parents=True)
        head = "frame,time_s,person,head_x1_px,head_y1_px,head_x2_px,head_y2_px,head_score,target_x_px,target_y_px\n"
        (pred / name / "people.csv").write_text(f"{head}0,0,1,50,2,60,12,0.9,10,10\n")
        columns = "frame,time_s,object,label,score,x1_px,y1_px,x2_px,y2_px\n"
        rows = "0,0,1,Fita,0.9,4,4,16,14\n0,0,2,Danisa,0.8,30,20,46,36\n0,0,3,bottle,0.7,0,30,9,40\n"
        (pred / name / "objects.csv").write_text(columns + rows)
    return pred, gt


@pytest.mark.parametrize("protocol", ["exact", "goo", "gtr"])
def test_pictures_without_gaze_are_scored_by_their_objects(tmp_path: Path, protocol: str) -> None:
    pred, gt = photographs(tmp_path)
    report = evaluate("gaze", pred, gt, protocol, options=Options(draws=10))
    assert report.overall["ap"] == report.overall["msoc"] == pytest.approx(1)
    assert math.isnan(report.overall["l2"])
    assert report.unscored_frames == 2
    if protocol == "gtr":
        assert report.overall["detected"] == 1  # both heads


def test_the_name_of_another_product_is_wrong(tmp_path: Path) -> None:
    pred, gt = photographs(tmp_path)
    table = pred / "a/objects.csv"
    table.write_text(table.read_text().replace("Fita", "Hansel"))
    assert evaluate("gaze", pred, gt, options=Options(draws=10)).overall["ap"] == pytest.approx(0.75, abs=0.01)
    table.write_text(table.read_text().replace("Hansel", "4"))  # Fita's number
    assert evaluate("gaze", pred, gt, options=Options(draws=10)).overall["ap"] == pytest.approx(1)
