"""People who look: our own tables, GazeFollow, VideoAttentionTarget and ChildPlay, as miniatures of their layouts."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sightline.data import family
from sightline.data.looking import read_goo, read_heads, read_looking
from sightline.data.samples import LookingImage
from sightline.errors import DataError


def picture(path: Path, size: tuple[int, int] = (40, 20)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size).save(path)


HEADS = "image,x1_px,y1_px,x2_px,y2_px,score,face_score,yaw_deg,pitch_deg,roll_deg,gaze_x,gaze_y,gaze_z\n"


@pytest.fixture
def heads(tmp_path: Path) -> Path:
    images = tmp_path / "image_fixations/mit1003"
    picture(images / "images/a.jpg")
    (images / "images.csv").write_text(
        "image,original_width_px,original_height_px,width_px,height_px\na.jpg,80,60,40,20\n"
    )
    table = tmp_path / "gaze_objects/heads/mit1003.csv"
    table.parent.mkdir(parents=True)
    table.write_text(f"{HEADS}a.jpg,8,9,16,18,0.9,1.0,10,20,30,0.6,0,-0.8\na.jpg,20,30,40,60,0.7,,,,,,,\n")
    return tmp_path


def test_heads_are_in_pixels_of_the_file(heads: Path) -> None:
    (image,) = family("heads").read(heads, "mit1003")
    assert isinstance(image, LookingImage)
    first, second = image.people
    assert first.head == (4, 3, 8, 6)
    assert (first.pose, first.direction, first.score) == ((20, 10, 30), (0.6, 0, -0.8), 0.9)
    assert (second.head, second.pose, second.direction, second.number) == ((10, 10, 20, 20), None, None, 2)
    assert (first.target, first.inside, image.boxes) == (None, None, None)
    assert image.load().shape == (20, 40, 3)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("b.jpg,8,9,16,18,0.9,1.0,,,,,,", r"mit1003\.csv, line 2: b\.jpg is not among the pictures of .*images\.csv"),
        ("a.jpg,8,9,6,18,0.9,1.0,,,,,,", r"line 2: the box x1_px to y2_px holds nothing"),
        ("a.jpg,8,9,16,x,0.9,1.0,,,,,,", r"line 2: y2_px is 'x', a number is expected"),
        ("a.jpg,8,9,16,nan,0.9,1.0,,,,,,", r"line 2: y2_px is 'nan', a number is expected"),
        ("a.jpg,8,9,16", r"line 2: 4 cells; image, x1_px"),
        ("a.jpg,8,9,16,18,0.9,1.0,,,,0.1,,", r"line 2: gaze_y is '', a number is expected"),
    ],
)
def test_rows_of_heads_that_cannot_be_read(heads: Path, row: str, message: str) -> None:
    table = heads / "gaze_objects/heads/mit1003.csv"
    table.write_text(f"{HEADS}{row}\n")
    with pytest.raises(DataError, match=message):
        read_heads(table, heads / "image_fixations/mit1003")


def test_a_table_without_its_columns(tmp_path: Path) -> None:
    (tmp_path / "annotations.csv").write_text("file,head_x1_px\n")
    with pytest.raises(DataError, match=r"annotations\.csv: no column head_y1_px, head_x2_px.*; the first line"):
        read_looking(tmp_path)


def test_the_target_of_looking_is_its_only_object(tmp_path: Path) -> None:
    picture(tmp_path / "images/a.jpg")
    columns = "set,image,head_x1_px,head_y1_px,head_x2_px,head_y2_px,target_x_px,target_y_px,target_x1_px,target_y1_px"
    columns += ",target_x2_px,target_y2_px,target_name,who,original_width_px,original_height_px,file,width_px,height_px"
    row = "osie,7.jpg,10,10,20,20,60,20,50,10,70,30,book,dog,80,40,images/a.jpg,40,20"
    (tmp_path / "annotations.csv").write_text(f"{columns}\n{row}\n")
    (image,) = read_looking(tmp_path)
    (person,) = image.people
    assert (person.head, person.target, person.inside, person.object) == ((5, 5, 10, 10), (30, 10), True, 0)
    assert image.boxes is not None
    assert image.boxes.tolist() == [[25, 5, 35, 15]]
    assert image.labels == ("book",)
    assert image.load().shape[:2] == image.size


def test_goo_as_pictures_with_people(tmp_path: Path) -> None:
    scene = {"width": 40, "height": 20, "boxes_xyxy": [[0, 0, 3, 3], [5, 5, 7, 7]], "labels": [7, -1]}
    gaze = {"gaze_box_index": 0, "gaze_point_xy": [1, 2], "head_point_xy": [6, 6], "head_pitch_yaw_roll": [1, 2, 3]}
    (tmp_path / "annotations.json").write_text(json.dumps({"a": scene | gaze}))
    with pytest.raises(DataError, match="no picture of scene a"):
        read_goo(tmp_path)
    picture(tmp_path / "images/a.png")
    (image,) = read_goo(tmp_path)
    (person,) = image.people
    assert (person.head, person.eye, person.target, person.object) == ((5, 5, 7, 7), (6, 6), (1, 2), 0)
    assert (person.pose, image.labels, image.masks()) == ((1, 2, 3), ("Wafer",), None)
    numbers = np.zeros((20, 40), np.uint16)
    numbers[0:4, 0:4] = 300
    (tmp_path / "instances").mkdir()
    Image.fromarray(numbers).save(tmp_path / "instances/a.png")
    (image,) = read_goo(tmp_path)
    masks = image.masks()
    assert masks is not None
    assert masks.sum() == 16
    Image.new("RGB", (41, 20)).save(tmp_path / "images/a.png")
    with pytest.raises(DataError, match=r"a\.png: 41x20 pixels, its annotation says 40x20"):
        image.load()


def test_gazefollow_joins_the_annotators_of_a_person(tmp_path: Path) -> None:
    picture(tmp_path / "test/00/7.jpg")
    picture(tmp_path / "train/1.jpg")
    line = "{path},{id},0,0,1,1,{eye},0.5,{x},0.25,{head},{inside},meta\n"
    rows = [line.format(path="test/00/7.jpg", id=k, eye=0.1, x=k / 10, head="8,9,4,3", inside="src") for k in (2, 4)]
    (tmp_path / "test_annotations_release.txt").write_text("".join(rows))
    outside = line.format(path="train/1.jpg", id=1, eye=0.9, x=-1, head="1,1,2,2", inside=0)
    outside += line.format(path="train/1.jpg", id=2, eye=0.8, x=-1, head="1,1,1,2", inside=0)
    (tmp_path / "train_annotations_release.txt").write_text(outside)
    (test,) = family("gazefollow").read(tmp_path, "test")
    assert isinstance(test, LookingImage)
    (person,) = test.people
    assert test.name == "test/00/7"
    assert (person.head, person.eye, person.inside) == ((4, 3, 8, 9), (4, 10), True)
    np.testing.assert_allclose(person.targets, [(8, 5), (16, 5)])
    np.testing.assert_allclose(person.target, (12, 5))
    (train,) = family("gazefollow").read(tmp_path, "train")
    assert isinstance(train, LookingImage)
    assert [(p.head, p.target, p.inside) for p in train.people] == [((1, 1, 2, 2), None, False)]  # one has no head box
    assert [image.name for image in family("gazefollow").read(tmp_path)] == ["train/1", "test/00/7"]


def test_videoattentiontarget_numbers_people_by_their_files(tmp_path: Path) -> None:
    for name in ("00000005.jpg", "00000006.jpg"):
        picture(tmp_path / "images/Show/5_9" / name)
    clip = tmp_path / "annotations/train/Show/5_9"
    clip.mkdir(parents=True)
    (clip / "s00.txt").write_text("00000005.jpg,1,2,3,4,20,10\n00000006.jpg,1,2,3,4,-1,-1\n")
    (clip / "s01.txt").write_text("00000006.jpg,5,6,7,8,0,0\n")
    first, second = family("videoattentiontarget").read(tmp_path, "train")
    assert isinstance(first, LookingImage)
    assert isinstance(second, LookingImage)
    assert (first.name, first.people[0].target, first.people[0].head) == ("Show/5_9/00000005", (20, 10), (1, 2, 3, 4))
    assert [(p.number, p.inside, p.target) for p in second.people] == [(1, False, None), (2, True, (0, 0))]
    with pytest.raises(DataError, match="annotations/test: no such folder"):
        family("videoattentiontarget").read(tmp_path)


def test_childplay_counts_frames_from_the_start_of_the_clip(tmp_path: Path) -> None:
    clip = "ab_C-9_405-451"
    for number in (405, 406):
        picture(tmp_path / f"images/{clip}-downsample/ab_C-9_{number}.jpg")
    table = tmp_path / f"annotations/val/{clip}.csv"
    table.parent.mkdir(parents=True)
    header = "clip,frame,person_id,bbox_x,bbox_y,bbox_width,bbox_height,gaze_class,gaze_x,gaze_y,is_child\n"
    row = "{clip}-downsample,{frame},{who},1,2,3,4,{kind},{x},{y},1\n"
    rows = [
        row.format(clip=clip, frame=2, who=7, kind="outside_frame", x=-1, y=-1),
        row.format(clip=clip, frame=1, who=7, kind="inside_visible", x=20, y=10),
        row.format(clip=clip, frame=1, who=3, kind="eyes_closed", x=-1, y=-1),
        row.format(clip=clip, frame=2, who=3, kind="inside_visible", x=-1, y=-1),
    ]
    table.write_text(header + "".join(rows))
    first, second = family("childplay").read(tmp_path, "val")
    assert isinstance(first, LookingImage)
    assert isinstance(second, LookingImage)
    assert first.image_path.name == "ab_C-9_405.jpg"
    assert [(p.number, p.inside, p.target) for p in first.people] == [(1, True, (20, 10)), (2, None, None)]
    assert [(p.number, p.inside, p.target) for p in second.people] == [(1, False, None), (2, None, None)]
    assert first.people[0].head == (1, 2, 4, 6)
    table.write_text(header + row.format(clip="film", frame=1, who=7, kind="inside_visible", x=1, y=1))
    with pytest.raises(DataError, match="line 2: the clip 'film-downsample' is not called <video>_<first frame>-"):
        family("childplay").read(tmp_path, "val")


def test_the_sets_here_are_read_whole(shared_data: Path) -> None:
    folder = shared_data / "gaze_objects"
    photographs = read_goo(folder / "goo_real_dev")
    assert len(photographs) == 93
    assert all(image.people[0].head is not None and image.people[0].target is None for image in photographs)
    found = family("heads").read(shared_data)
    assert sum(len(image.people) for image in found if isinstance(image, LookingImage)) == 1212 + 8536
    looking = read_looking(folder / "looking_dev")
    assert len(looking) == 40
    for image in looking:
        (person,) = image.people
        assert image.boxes is not None
        assert person.target is not None
        x1, y1, x2, y2 = image.boxes[0]
        assert x1 <= person.target[0] <= x2
        assert y1 <= person.target[1] <= y2
        assert x2 <= image.size[1] + 1
        assert y2 <= image.size[0] + 1
