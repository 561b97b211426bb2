"""Every reader of a published layout, on miniature copies that are made here."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sightline.data import bsds, davis, duts, image_fixations, salicon, segtrack, voc, youtube_objects
from sightline.errors import DataError

HEIGHT, WIDTH = 12, 16


def picture(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (WIDTH, HEIGHT), (200, 120, 40)).save(path)
    return path


def labels(*values: int) -> np.ndarray:
    """Columns of labels, from left to right."""
    return np.repeat(np.repeat(np.array([values], np.uint8), HEIGHT, 0), WIDTH // len(values), 1)


def mask(path: Path, array: np.ndarray, mode: str = "L") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(array)
    if mode == "P":
        image.putpalette([channel for value in range(256) for channel in (value, 255 - value, 90)])
    Image.Image.save(image if mode in "LP" else image.convert(mode), path)
    return path


@pytest.fixture
def davis_root(tmp_path: Path) -> Path:
    for name, frames in (("bear", 3), ("cow", 2)):
        for index in range(frames):
            picture(tmp_path / f"JPEGImages/480p/{name}/{index:05d}.jpg")
            mask(tmp_path / f"Annotations/480p/{name}/{index:05d}.png", labels(0, 255, 0, 0))
    lists = tmp_path / "ImageSets/480p"
    lists.mkdir(parents=True)
    (lists / "sequences.txt").write_text("cow\nbear\n")
    (lists / "val.txt").write_text(
        "".join(f"/JPEGImages/480p/cow/{i:05d}.jpg /Annotations/480p/cow/{i:05d}.png\n" for i in range(2))
    )
    return tmp_path


def test_davis(davis_root: Path) -> None:
    everything = davis.sequences(davis_root)
    assert [(s.name, len(s)) for s in everything] == [("bear", 3), ("cow", 2)]
    image, truth = everything[0].load(2)
    assert image.shape == (HEIGHT, WIDTH, 3)
    assert (truth == (labels(0, 255, 0, 0) == 255)).all()
    assert [s.name for s in davis.sequences(davis_root, "sequences")] == ["cow", "bear"]
    assert [s.name for s in davis.sequences(davis_root, "val")] == ["cow"]


def test_davis_names_what_is_missing(davis_root: Path, tmp_path: Path) -> None:
    for index in (0, 2):
        (davis_root / f"Annotations/480p/bear/{index:05d}.png").unlink()
    with pytest.raises(DataError, match=r"2 files are missing: .*bear/00000\.png, .*bear/00002\.png"):
        davis.sequences(davis_root)
    with pytest.raises(DataError, match=r"train\.txt: this list"):
        davis.sequences(davis_root, "train")
    (davis_root / "ImageSets/480p/sequences.txt").write_text("horse\n")
    with pytest.raises(DataError, match="horse: no frames"):
        davis.sequences(davis_root, "sequences")
    with pytest.raises(DataError, match="no such folder; JPEGImages/480p"):
        davis.sequences(tmp_path / "elsewhere")


def test_bsds(tmp_path: Path) -> None:
    image = picture(tmp_path / "train/100.jpg")
    mask(tmp_path / "train/100_seg0.png", labels(1, 1, 1, 2))
    mask(tmp_path / "train/100_seg1.png", labels(1, 2, 3, 3))
    found = bsds.segments(tmp_path, "train")
    assert [(s.mask_path.name, s.instance) for s in found] == [
        ("100_seg0.png", 1), ("100_seg0.png", 2), ("100_seg1.png", 1), ("100_seg1.png", 2), ("100_seg1.png", 3)
    ]  # fmt: skip
    assert found[0].load()[1].mean() == 0.75
    assert {s.load()[1].mean() for s in bsds.segments(tmp_path, "train", 0.3, 0.6)} == {0.5}
    (tmp_path / "train/100_seg0.png").unlink()
    (tmp_path / "train/100_seg1.png").unlink()
    with pytest.raises(DataError, match=f"{image.name}: no segmentation"):
        bsds.segments(tmp_path, "train")
    with pytest.raises(DataError, match="val: no such folder"):
        bsds.segments(tmp_path, "val")


def test_voc_objects_without_background_and_void(tmp_path: Path) -> None:
    for name, values in (("2007_000032", (0, 1, 255, 2)), ("2007_000039", (0, 0, 255, 255))):
        picture(tmp_path / f"JPEGImages/{name}.jpg")
        mask(tmp_path / f"SegmentationObject/{name}.png", labels(*values), "P")
    lists = tmp_path / "ImageSets/Segmentation"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("2007_000032\n2007_000039\n")
    found = voc.objects(tmp_path, "train")
    assert [(o.image_path.stem, o.instance) for o in found] == [("2007_000032", 1), ("2007_000032", 2)]
    assert (found[1].load()[1] == (labels(0, 1, 255, 2) == 2)).all()
    assert voc.objects(tmp_path, "train", min_area=0.3) == []
    (lists / "val.txt").write_text("2007_000032\nlost\n")
    with pytest.raises(DataError, match=r"2 files are missing: .*lost\.jpg, .*lost\.png"):
        voc.objects(tmp_path, "val")


def test_duts(tmp_path: Path) -> None:
    picture(tmp_path / "DUTS-TR/DUTS-TR-Image/a.jpg")
    mask(tmp_path / "DUTS-TR/DUTS-TR-Mask/a.png", labels(0, 100, 200, 255))
    (pair,) = duts.pairs(tmp_path)
    assert (pair.load()[1] == (labels(0, 100, 200, 255) >= 128)).all()
    picture(tmp_path / "DUTS-TR/DUTS-TR-Image/b.jpg")
    with pytest.raises(DataError, match=r"1 file is missing: .*DUTS-TR-Mask/b\.png"):
        duts.pairs(tmp_path)
    with pytest.raises(DataError, match="DUTS-TE-Image: no such folder"):
        duts.pairs(tmp_path, "TE")


def test_segtrack_has_a_sequence_for_each_object(tmp_path: Path) -> None:
    for index in range(2):
        picture(tmp_path / f"JPEGImages/frog/frog_{index:05d}.png")
        mask(tmp_path / f"GroundTruth/frog/frog_{index:05d}.bmp", labels(0, 255, 0, 0), "RGB")
        picture(tmp_path / f"JPEGImages/bmx/bmx_{index:05d}.jpg")
    for number, values in ((1, (255, 0, 0, 0)), (2, (0, 0, 0, 255))):
        mask(tmp_path / f"GroundTruth/bmx/{number}/bmx_00001.png", labels(*values))
    found = segtrack.sequences(tmp_path)
    assert [s.name for s in found] == ["bmx/1", "bmx/2", "frog"]
    assert found[0].masks[0] is None
    assert (found[1].load(1)[1] == (labels(0, 0, 0, 255) == 255)).all()
    assert (found[2].load(0)[1] == (labels(0, 255, 0, 0) == 255)).all()
    merged = segtrack.sequences(tmp_path, merged=True)
    assert [s.name for s in merged] == ["bmx", "frog"]
    assert merged[0].masks[0] is None
    assert (merged[0].load(1)[1] == (labels(255, 0, 0, 255) == 255)).all()
    assert (merged[1].load(0)[1] == (labels(0, 255, 0, 0) == 255)).all()
    mask(tmp_path / "GroundTruth/frog/frog_00007.bmp", labels(0, 255, 0, 0))
    with pytest.raises(DataError, match="frog: no frame for frog_00007"):
        segtrack.sequences(tmp_path)


def test_youtube_objects_pairs_sparse_jpeg_labels_by_number(tmp_path: Path) -> None:
    shot = tmp_path / "dog/data/0003/shots/001"
    for index in range(1, 13):
        picture(shot / f"images/frame{index:04d}.jpg")
    for index in (1, 11):
        mask(shot / f"labels/{index:05d}.jpg", labels(0, 255))
    (sequence,) = youtube_objects.sequences(tmp_path)
    assert sequence.name == "dog/0003/001"
    assert [index for index, path in enumerate(sequence.masks) if path] == [0, 10]
    assert (sequence.load(10)[1] == (labels(0, 255) == 255)).all()
    mask(shot / "labels/00099.jpg", labels(0, 255))
    with pytest.raises(DataError, match="labels 99 have no frame"):
        youtube_objects.sequences(tmp_path, ("dog",))
    with pytest.raises(DataError, match="none of the folders aeroplane"):
        youtube_objects.sequences(tmp_path / "dog")
    picture(shot / "images/cover.jpg")
    with pytest.raises(DataError, match=r"cover\.jpg: the name ends in no frame number"):
        youtube_objects.sequences(tmp_path)


@pytest.fixture
def salicon_content(tmp_path: Path) -> dict[str, list[dict[str, object]]]:
    picture(tmp_path / "images/train/COCO_train2014_000000000009.jpg")
    mask(tmp_path / "maps/train/COCO_train2014_000000000009.png", labels(0, 90))
    return {
        "images": [{"id": 9, "file_name": "COCO_train2014_000000000009.jpg", "height": HEIGHT, "width": WIDTH}],
        "annotations": [
            {"id": 1, "image_id": 9, "worker_id": 1, "fixations": [[1, 16], [12, 1]]},
            {"id": 2, "image_id": 9, "worker_id": 2, "fixations": [[3, 4]]},
        ],
    }


def test_salicon(tmp_path: Path, salicon_content: dict[str, list[dict[str, object]]]) -> None:
    (tmp_path / "fixations_train2014.json").write_text(json.dumps(salicon_content))
    (image,) = salicon.images(tmp_path)
    assert image.fixations.tolist() == [[15, 0], [0, 11], [3, 2]]
    assert image.size == (HEIGHT, WIDTH)
    assert image.map_path == tmp_path / "maps/train/COCO_train2014_000000000009.png"


def test_salicon_hostile(tmp_path: Path, salicon_content: dict[str, list[dict[str, object]]]) -> None:
    table = tmp_path / "fixations_train2014.json"
    with pytest.raises(DataError, match=r"fixations_train2014\.json: no such file"):
        salicon.images(tmp_path)
    for text in ("{", "[]", '{"images": []}'):
        table.write_text(text)
        with pytest.raises(DataError, match="not SALICON's JSON"):
            salicon.images(tmp_path)
    salicon_content["annotations"][1]["fixations"] = [[3, 4, 5]]
    table.write_text(json.dumps(salicon_content))
    with pytest.raises(DataError, match=r"images\[0\] is malformed"):
        salicon.images(tmp_path)
    salicon_content["annotations"][1] = {"image_id": 10, "fixations": [[1, 1]]}
    table.write_text(json.dumps(salicon_content))
    with pytest.raises(DataError, match=r"images that are not listed: \[10\]"):
        salicon.images(tmp_path)
    salicon_content["annotations"].pop()
    table.write_text(json.dumps(salicon_content))
    (tmp_path / "images/train/COCO_train2014_000000000009.jpg").unlink()
    with pytest.raises(DataError, match="1 file is missing"):
        salicon.images(tmp_path)


@pytest.fixture
def fixation_root(tmp_path: Path) -> Path:
    picture(tmp_path / "images/a.jpg")
    (tmp_path / "images.csv").write_text("image,original_width_px,original_height_px\na.jpg,1600,1200\n")
    (tmp_path / "fixations.csv").write_text(
        "image,subject,order,x_px,y_px,duration_ms\na.jpg,1,1,800,600,200\na.jpg,1,2,100.5,50,200\na.jpg,2,3,1500,1100,9\n"
    )
    return tmp_path


def test_image_fixations_leave_out_the_one_at_onset(fixation_root: Path) -> None:
    (image,) = image_fixations.images(fixation_root)
    assert image.size == (1200, 1600)
    assert image.fixations.tolist() == [[100.5, 50], [1500, 1100]]
    assert len(image_fixations.images(fixation_root, first_order=1)[0].fixations) == 3
    assert image.fixations_at(HEIGHT, WIDTH)[0] == pytest.approx([1.005, 0.5])


@pytest.mark.parametrize(
    ("table", "content", "message"),
    [
        ("fixations.csv", "image,order,x_px\n", "no column y_px"),
        ("fixations.csv", "image,order,x_px,y_px\na.jpg,2,left,3\n", "line 2: x_px is 'left', a number is expected"),
        ("fixations.csv", "image,order,x_px,y_px\na.jpg,2,1,2\na.jpg,2,nan,3\n", "line 3: x_px is 'nan'"),
        ("fixations.csv", "image,order,x_px,y_px\na.jpg,2\n", "line 2: 2 cells, the first line has 4"),
        ("fixations.csv", "image,order,x_px,y_px\nb.jpg,2,1,3\n", "line 2: image 'b.jpg' is not listed"),
        ("images.csv", "image,original_width_px,original_height_px\nz.jpg,8,8\n", "1 file is missing: .*z.jpg"),
        (
            "images.csv",
            "image,original_width_px,original_height_px\na.jpg,8,0\n",
            "csv, line 2: a picture of 8x0 pixels",
        ),
        ("images.csv", "", "images.csv: the file is empty"),
    ],
)
def test_image_fixations_name_table_and_line(fixation_root: Path, table: str, content: str, message: str) -> None:
    (fixation_root / table).write_text(content)
    with pytest.raises(DataError, match=message):
        image_fixations.images(fixation_root)


def test_image_fixations_without_a_table(fixation_root: Path) -> None:
    (fixation_root / "images.csv").unlink()
    with pytest.raises(DataError, match=r"images\.csv: no such table"):
        image_fixations.images(fixation_root)


@pytest.mark.data
def test_real_folders_read_whole(shared_data: Path) -> None:
    sequences = davis.sequences(shared_data / "vos/davis2016_dev", "sequences")
    assert len(sequences) == 10
    assert all(sequence.load(0)[1].any() for sequence in sequences)
    osie = image_fixations.images(shared_data / "image_fixations/osie_dev")
    assert len(osie) == 350
    assert np.mean([len(image.fixations_at(*image.size)) / len(image.fixations) for image in osie]) > 0.99
    segments = bsds.segments(shared_data / "segmentation/bsds500", "val", min_area=0.02)
    assert len({segment.image_path for segment in segments}) == 100
