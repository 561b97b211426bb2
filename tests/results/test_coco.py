"""COCO annotations, read back by those whom they are for: pycocotools, FiftyOne, and Datumaro, which CVAT imports with.

The last two want environments of their own: IMPORTERS_PYTHON names the interpreter of one that has them.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from sightline.results.outputs import COCO
from sightline.types import Frame, Object

pycocotools = pytest.importorskip("pycocotools.coco", reason="pycocotools is not installed (extra `coco`)")
Written = tuple[Path, list[NDArray[np.uint8]]]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """(folder with frames/ and annotations.coco.json, the masks): three frames, of which the last has no object."""
    folder = tmp_path_factory.mktemp("coco")
    (folder / "frames").mkdir()
    sink, masks = COCO.begin(folder, None), []
    for index in range(3):
        mask = np.zeros((48, 64), np.uint8)
        objects: tuple[Object, ...] = ()
        if index < 2:
            mask[4 + index : 20, 6:30] = 1
            mask[10:14, 10:12] = 0  # a hole, which polygons would lose
            mask[30:44, 40:60] = 2
            objects = (Object(1, (6, 4 + index, 30, 20), 0.9, "dog"), Object(2, (40, 30, 60, 44), 0.5, "ball"))
        image = np.full((48, 64, 3), 40 * index, np.uint8)
        Image.fromarray(image).save(folder / "frames" / f"{index:05d}.png")
        sink.write(Frame(index, index / 25, image, mask=mask, objects=objects))
        masks.append(mask)
    sink.close()
    return folder, masks


def test_pycocotools_reads_the_same_masks(written: Written) -> None:
    folder, masks = written
    coco = pycocotools.COCO(str(folder / "annotations.coco.json"))
    assert [image["file_name"] for image in coco.loadImgs(coco.getImgIds())] == ["00000.png", "00001.png", "00002.png"]
    for image, mask in zip(coco.getImgIds(), masks, strict=True):
        again = np.zeros_like(mask)
        for entry in coco.loadAnns(coco.getAnnIds(imgIds=image)):
            found = coco.annToMask(entry).astype(bool)
            again[found] = entry["track_id"]
            assert entry["area"] == found.sum()
            assert coco.loadCats(entry["category_id"])[0]["name"] == {1: "dog", 2: "ball"}[entry["track_id"]]
        np.testing.assert_array_equal(again, mask)
    boxes = [entry["bbox"] for entry in coco.loadAnns(coco.getAnnIds(imgIds=1))]
    assert boxes == [[6, 4, 24, 16], [40, 30, 20, 14]]


DATUMARO = """
import json, sys, datumaro
found = datumaro.Dataset.import_from(sys.argv[1], "coco_instances")
names = [label.name for label in found.categories()[datumaro.AnnotationType.label]]
said = {item.id: sorted((names[mark.label], int(mark.image.sum())) for mark in item.annotations
                        if mark.type == datumaro.AnnotationType.mask) for item in found}
print(json.dumps(said))
"""
FIFTYONE = """
import json, sys
from fiftyone.utils.coco import COCODetectionDatasetImporter  # what Dataset.from_dir uses, which wants a database
labels = sys.argv[1] + "/annotations.coco.json"
importer = COCODetectionDatasetImporter(
    data_path=sys.argv[1] + "/frames", labels_path=labels, label_types=["segmentations"]
)
said = {}
with importer:
    for path, metadata, label in importer:
        marks = [] if label is None else label.detections
        name = path.rpartition("/")[2].partition(".")[0]
        said[name] = sorted((mark.label, int(mark.mask.sum())) for mark in marks)
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def importers() -> str:
    python = os.environ.get("IMPORTERS_PYTHON")
    if python is None:
        pytest.skip(
            "neither Datumaro nor FiftyOne is there: name the interpreter of an environment in IMPORTERS_PYTHON"
        )
    return python


@pytest.mark.parametrize(("package", "script"), [("datumaro", DATUMARO), ("fiftyone", FIFTYONE)])
def test_an_importer_reads_the_same_objects(
    written: Written, importers: str, package: str, script: str, tmp_path: Path
) -> None:
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    if subprocess.run([importers, "-c", f"import importlib.util as u; assert u.find_spec({package!r})"]).returncode:
        pytest.skip(f"{package} is not installed in {importers}")
    folder, masks = written
    place = folder
    if package == "datumaro":  # which wants CVAT's layout
        place = tmp_path / "set"
        (place / "annotations").mkdir(parents=True)
        (place / "images").symlink_to(folder / "frames")
        (place / "annotations" / "instances_default.json").write_bytes((folder / COCO.entries[0]).read_bytes())
    home = {"HOME": str(tmp_path), "FIFTYONE_DO_NOT_TRACK": "1"}
    done = subprocess.run([importers, "-c", script, str(place)], env=env | home, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    expected = {
        f"{index:05d}": [
            [name, int((mask == number).sum())] for name, number in (("ball", 2), ("dog", 1)) if mask.any()
        ]
        for index, mask in enumerate(masks)
    }
    assert json.loads(done.stdout.splitlines()[-1]) == expected
