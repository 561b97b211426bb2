"""GOO annotations, and pickles that would rather run something."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from sightline.data.goo import read_scenes
from sightline.errors import DataError

ENTRY = {
    "filename": "test\\images\\7.png",
    "width": 640,
    "height": 480,
    "ann": {"bboxes": np.array([[1.0, 2, 3, 4], [5, 6, 7, 8]]), "labels": np.array([3, -1])},
    "gaze_item": 3,
    "gazeIdx": 0,
    "gaze_cx": 2,
    "gaze_cy": np.float64(3),
    "hx": 6,
    "hy": 7,
}


def test_published_pickles_are_read(tmp_path: Path) -> None:
    path = tmp_path / "test.pickle"
    path.write_bytes(pickle.dumps([ENTRY]))
    scene = read_scenes(path)["7"]
    assert scene.boxes.tolist() == [[1, 2, 3, 4]]
    assert scene.head_box.tolist() == [5, 6, 7, 8]
    assert (scene.size, scene.gaze, scene.eye, scene.gaze_index) == ((480, 640), (2, 3), (6, 7), 0)
    assert scene.masks() is None


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickles_of_every_protocol_are_read(tmp_path: Path, protocol: int) -> None:
    path = tmp_path / "test.pkl"
    path.write_bytes(pickle.dumps([ENTRY], protocol))
    assert read_scenes(path)["7"].boxes.tolist() == [[1, 2, 3, 4]]


@pytest.mark.parametrize("cut", [0, 1, 40, 100])
def test_damaged_pickles_are_named(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "cut.pkl"
    path.write_bytes(pickle.dumps([ENTRY])[:cut])
    with pytest.raises(DataError, match=r"cut\.pkl: a damaged pickle .*; download it again"):
        read_scenes(path)


def test_an_entry_without_gaze_is_named(tmp_path: Path) -> None:
    path = tmp_path / "part.pkl"
    path.write_bytes(pickle.dumps([{key: ENTRY[key] for key in ENTRY if key != "gazeIdx"}]))
    with pytest.raises(DataError, match=r"part\.pkl: an entry lacks 'gazeIdx'"):
        read_scenes(path)


def test_photographs_with_names_have_a_head_and_no_gaze(tmp_path: Path) -> None:
    entry = {"width": 20, "height": 10, "boxes_xyxy": [[0, 0, 4, 4], [5, 5, 9, 9], [1, 1, 2, 2]]}
    (tmp_path / "annotations.json").write_text(
        json.dumps(
            {"a": entry | {"names": ["Fita", "Head", "Danisa"]}, "b": entry | {"names": ["Danisa", "Fita", "Danisa"]}}
        )
    )
    scenes = read_scenes(tmp_path)
    scene = scenes["a"]
    assert (scene.names, scene.labels.tolist()) == (("Fita", "Danisa"), [4, 20])
    assert scene.head_box is not None
    assert scene.head_box.tolist() == [5, 5, 9, 9]
    assert scene.boxes.tolist() == [[0, 0, 4, 4], [1, 1, 2, 2]]
    assert (scene.gaze, scene.eye, scene.gaze_index, scene.masks()) == (None, None, None, None)
    assert scenes["b"].head_box is None
    assert scenes["b"].labels.tolist() == [20, 4, 20]


COCO = {
    "categories": [{"id": 4, "name": "Fita"}, {"id": 25, "name": "Head"}],
    "images": [
        {
            "id": 9,
            "file_name": "real/7.png",
            "width": 1920,
            "height": 1080,
            "gaze_related_ann": {"gaze_cx": 320, "gaze_cy": 120, "hx": 64, "hy": 48, "gaze_box": [90, 100, 210, 200]},
        }
    ],
    "annotations": [
        {"id": 1, "image_id": 9, "category_id": 25, "bbox": [10, 20, 30, 40]},
        {"id": 2, "image_id": 9, "category_id": 4, "bbox": [500, 500, 10, 10], "segmentation": []},
        {
            "id": 3,
            "image_id": 9,
            "category_id": 4,
            "bbox": [100, 100, 100, 100],
            "segmentation": [[100, 100, 200, 100, 200, 200, 100, 200]],
        },
    ],
}


def test_coco_of_samgop_is_read(tmp_path: Path) -> None:
    path = tmp_path / "train.json"
    path.write_text(json.dumps(COCO))
    scene = read_scenes(path)["7"]
    assert scene.gaze == (960, 270)  # the gaze counts in 640x480, whatever the picture
    assert scene.eye == (192, 108)
    assert scene.head_box is not None
    assert scene.head_box.tolist() == [10, 20, 40, 60]
    assert scene.boxes.tolist() == [[500, 500, 510, 510], [100, 100, 200, 200]]
    assert (scene.gaze_index, scene.names, scene.labels.tolist()) == (1, ("Fita", "Fita"), [4, 4])
    masks = scene.masks()
    assert masks is not None
    assert not masks[0].any()
    assert masks[1].sum() == masks[1, 100:200, 100:200].sum() == 100 * 100


def test_coco_without_a_head_or_gaze_says_so(tmp_path: Path) -> None:
    path = tmp_path / "train.json"
    plain = COCO | {"annotations": COCO["annotations"][1:]}  # type: ignore[index]
    plain["images"] = [{key: value for key, value in COCO["images"][0].items() if key != "gaze_related_ann"}]  # type: ignore
    path.write_text(json.dumps(plain))
    scene = read_scenes(path)["7"]
    assert (scene.head_box, scene.gaze, scene.gaze_index) == (None, None, None)
    plain["annotations"] = [{"id": 1, "image_id": 4}]
    path.write_text(json.dumps(plain))
    with pytest.raises(DataError, match=r"train\.json: not COCO annotations that can be read \(KeyError\(4\)\)"):
        read_scenes(path)


class Evil:
    def __reduce__(self) -> tuple:
        return os.mkdir, ("owned",)


def test_code_in_pickles_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "evil.pkl"
    path.write_bytes(pickle.dumps([{"ann": Evil()}]))
    with pytest.raises(DataError, match=r"evil\.pkl: not a pickle of GOO that can be read safely: it asks for .*mkdir"):
        read_scenes(path)
    assert not (tmp_path / "owned").exists()


def test_other_contents_are_named(tmp_path: Path) -> None:
    path = tmp_path / "list.pkl"
    path.write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(DataError, match="a list of GOO annotations is expected"):
        read_scenes(path)
    (tmp_path / "annotations.json").write_text('{"0": {"width": 3}}')
    with pytest.raises(DataError, match="scene 0: KeyError"):
        read_scenes(tmp_path)


def test_masks_belong_to_the_boxes_they_fill(shared_data: Path) -> None:
    scenes = read_scenes(shared_data / "gaze_objects" / "goo_synth_dev")
    scene = scenes["0000"]
    masks = scene.masks()
    assert masks is not None
    rows, columns = masks[scene.gaze_index].nonzero()
    assert [columns.min(), rows.min(), columns.max(), rows.max()] == scene.boxes[scene.gaze_index].tolist()
