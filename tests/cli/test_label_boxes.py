"""`sightline label --method boxes`, with a teacher that takes the inner half of each box."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sightline.cli import main
from sightline.data.goo import read_scenes
from sightline.data.looking import read_goo

pytest.importorskip("pycocotools")


class Inner:
    """The inner half of each box; a box that begins at x = 0 makes it unsure."""

    confidence = 0.5
    about = "inner halves"

    def __init__(self) -> None:
        self.seen: list[int] = []

    def __call__(self, image: np.ndarray, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self.seen.append(len(boxes))
        masks = np.zeros((len(boxes), *image.shape[:2]), bool)
        for mask, (x1, y1, x2, y2) in zip(masks, boxes.astype(int), strict=True):
            mask[y1 + (y2 - y1) // 4 : y2 - (y2 - y1) // 4, x1 + (x2 - x1) // 4 : x2 - (x2 - x1) // 4] = True
        return masks, np.where(boxes[:, 0] == 0, 0.2, 0.9)


COCO = {
    "categories": [{"id": 1, "name": "Fita"}, {"id": 25, "name": "Head"}],
    "images": [
        {"id": 1, "file_name": "a.png", "width": 40, "height": 20, "gaze_related_ann": {"gaze_cx": 1, "gaze_cy": 2}},
        {"id": 2, "file_name": "b.png", "width": 40, "height": 20},
    ],
    "annotations": [
        {"id": 1, "image_id": 1, "category_id": 1, "bbox": [4, 4, 8, 8]},
        {"id": 2, "image_id": 1, "category_id": 1, "bbox": [0, 4, 8, 8]},
        {"id": 3, "image_id": 1, "category_id": 25, "bbox": [20, 4, 8, 8]},
        {"id": 4, "image_id": 1, "category_id": 1, "bbox": [50, 4, 8, 8]},
        {"id": 5, "image_id": 1, "category_id": 1, "bbox": [5, 4, 0, 8]},
        {"id": 6, "image_id": 1, "category_id": 1, "bbox": [5, 4, "x", 8]},
        {"id": 7, "image_id": 2, "category_id": 1, "bbox": [4, 4, 8, 8], "difficult": 1},
    ],
}
Label = Callable[..., tuple[int, str, str]]


@pytest.fixture
def teacher() -> Inner:
    return Inner()


@pytest.fixture
def label(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], teacher: Inner) -> Label:
    def run(*args: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sightline.training.labels.boxes.box_teacher", lambda name, device: teacher)
        with pytest.raises(SystemExit) as stop:
            main(["label", "--method", "boxes", "--model", "inner", *map(str, args)])
        out, err = capsys.readouterr()
        return int(stop.value.code or 0), out, " ".join(err.split())

    return run


@pytest.fixture
def boxes(tmp_path: Path) -> Path:
    for name in ("a", "b"):
        (tmp_path / "pictures").mkdir(exist_ok=True)
        Image.new("RGB", (40, 20)).save(tmp_path / f"pictures/{name}.png")
    (tmp_path / "boxes.json").write_text(json.dumps(COCO))
    return tmp_path / "boxes.json"


def test_masks_are_written_and_counted_and_bad_boxes_named(label: Label, boxes: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    code, _, err = label(tmp_path / "pictures", "--boxes", boxes, "--out", out)
    assert code == 0
    for said in (
        "box 4: [50, 4, 8, 8] is outside of the 40x20",
        "box 5: [5, 4, 0, 8] is empty",
        "box 6: [5, 4, 'x', 8]",
    ):
        assert said in err
    summary = json.loads((out / "summary.json").read_text())
    counts = {name: summary[name] for name in ("pictures", "boxes", "masks", "below_confidence", "bad_boxes")}
    assert counts == {"pictures": 2, "boxes": 3, "masks": 2, "below_confidence": 1, "bad_boxes": 3}
    assert (summary["teacher"], summary["complete"]) == ("inner halves", True)
    said = json.loads((out / "annotations.coco.json").read_text())
    assert [one["id"] for one in said["annotations"]] == [1, 2, 3, 7]
    assert ["segmentation" in one for one in said["annotations"]] == [True, False, False, True]
    assert said["annotations"][3]["difficult"] == 1
    assert said["images"][0] == COCO["images"][0] | {"file_name": "../pictures/a.png"}
    image = read_goo(out / "annotations.coco.json")[0]  # what training reads
    assert image.load().shape == (20, 40, 3)
    scene = read_scenes(out / "annotations.coco.json")["a"]
    masks = scene.masks()
    assert masks is not None
    assert masks.sum(axis=(1, 2)).tolist() == [16, 0]
    assert masks[0, 6:10, 6:10].all()
    assert not (out / ".masks.jsonl").exists()


def test_a_second_run_skips_and_another_is_refused(label: Label, boxes: Path, tmp_path: Path, teacher: Inner) -> None:
    out = tmp_path / "out"
    assert label(tmp_path / "pictures", "--boxes", boxes, "--out", out)[0] == 0
    code, said, _ = label(tmp_path / "pictures", "--boxes", boxes, "--out", out)
    assert (code, said.count("skipped"), len(teacher.seen)) == (0, 2, 2)
    code, _, err = label(tmp_path / "pictures", "--boxes", boxes, "--out", out, "--confidence", 0.95)
    assert code == 1
    assert "has masks of other boxes or settings" in err
    assert label(tmp_path / "pictures", "--boxes", boxes, "--out", out, "--confidence", 0.95, "--overwrite")[0] == 0
    assert json.loads((out / "summary.json").read_text())["masks"] == 0


def test_a_run_that_was_cut_goes_on(label: Label, boxes: Path, tmp_path: Path, teacher: Inner) -> None:
    out = tmp_path / "out"
    (tmp_path / "pictures/b.png").rename(tmp_path / "b.png")
    (tmp_path / "pictures/b.png").write_bytes(b"no picture")
    code, _, err = label(tmp_path / "pictures", "--boxes", boxes, "--out", out)
    assert code == 1
    assert "b.png: not a picture that can be read" in err
    summary = json.loads((out / "summary.json").read_text())
    assert (summary["complete"], summary["pictures"], len(summary["failed"])) == (False, 1, 1)
    with (out / ".masks.jsonl").open("a") as log:
        log.write('{"file_name": "b.png", "annotat')  # a kill in the middle of a line
    code, said, _ = label(tmp_path / "pictures", "--boxes", boxes, "--out", out)
    assert (code, said.count("skipped"), said.count("failed"), len(teacher.seen)) == (1, 1, 1, 1)


def test_annotations_of_goo_and_pictures_of_another_size(label: Label, boxes: Path, tmp_path: Path) -> None:
    entry = {"width": 40, "height": 20, "boxes_xyxy": [[4, 4, 12, 12], [20, 4, 28, 12]], "names": ["Fita", "Head"]}
    boxes.write_text(
        json.dumps({"a": entry | {"file_name": "a.png"}, "b": entry | {"file_name": "b.png", "width": 41}})
    )
    code, _, err = label(tmp_path / "pictures", "--boxes", boxes, "--out", tmp_path / "out")
    assert code == 1
    assert "b.png: 40x20 pixels, its annotation says 41x20" in err
    scene = read_scenes(tmp_path / "out/annotations.coco.json")["a"]
    assert scene.head_box is not None
    assert (scene.head_box.tolist(), scene.names, scene.gaze) == ([20, 4, 28, 12], ("Fita",), None)
    masks = scene.masks()
    assert masks is not None
    assert masks.sum() == 16


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[]", r"a list or a value"),
        ('{"a": {"width": 3}}', r"neither COCO annotations nor those of GOO"),
        ('{"images": [], "annotations": [{"image_id": 4}]}', r"1 annotations of no image in it"),
        (
            '{"images": [{"id": 1, "file_name": "z.png"}], "annotations": []}',
            r"names none of the pictures (z.png, ...)",
        ),
    ],
)
def test_annotations_that_cannot_be(label: Label, boxes: Path, tmp_path: Path, content: str, message: str) -> None:
    boxes.write_text(content)
    code, _, err = label(tmp_path / "pictures", "--boxes", boxes, "--out", tmp_path / "out")
    assert code in (1, 2)
    assert message in err
    assert not (tmp_path / "out").exists()


def test_what_goes_together(label: Label, boxes: Path, tmp_path: Path) -> None:
    assert "takes annotations" in label(tmp_path / "pictures", "--out", tmp_path / "out")[2]
    with pytest.raises(SystemExit):
        main(["label", "x.mp4", "--boxes", str(boxes), "--out", str(tmp_path / "out")])
