"""GOO annotations, and pickles that would rather run something."""

from __future__ import annotations

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


class Evil:
    def __reduce__(self) -> tuple:
        return os.mkdir, ("owned",)


def test_code_in_pickles_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "evil.pkl"
    path.write_bytes(pickle.dumps([{"ann": Evil()}]))
    with pytest.raises(DataError, match=r"evil\.pkl: not a pickle of GOO that can be read safely .*mkdir"):
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
