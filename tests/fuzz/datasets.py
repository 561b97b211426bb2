"""Fuzzed data sets: a small folder of a family in its layout, and reading it to its end.

The folder is called as the family is, so that `read` knows which one it has.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io
from PIL import Image

from fuzz.target import Target, each

HEADS = (
    "image,x1_px,y1_px,x2_px,y2_px,score,yaw_deg,pitch_deg,roll_deg,gaze_x,gaze_y,gaze_z\n"
    "a.jpg,8,9,16,18,0.9,10,20,30,0.6,0,-0.8\na.jpg,20,30,40,60,0.7,,,,,,\n"
)
SIZES = "image,original_width_px,original_height_px,width_px,height_px\na.jpg,80,60,40,20\n"
LOOKING = (
    "file,head_x1_px,head_y1_px,head_x2_px,head_y2_px,target_x_px,target_y_px,target_x1_px,target_y1_px,target_x2_px,"
    "target_y2_px,target_name,original_width_px,original_height_px,width_px,height_px\n"
    "images/a.jpg,10,10,20,20,60,20,50,10,70,30,book,80,40,40,20\n"
)
CHILDPLAY = (
    "clip,frame,person_id,bbox_x,bbox_y,bbox_width,bbox_height,gaze_class,gaze_x,gaze_y\n"
    "v_10-20,1,p1,1,2,10,12,inside_visible,20,10\nv_10-20,1,p2,5,2,10,12,outside_frame,-1,-1\n"
)
GAZEFOLLOW = "a.jpg,1,0,0,1,1,0.2,0.5,0.4,0.25,8,9,4,3,1,src,meta\na.jpg,2,0,0,1,1,0.2,0.5,-1,-1,8,9,4,3,0,src,meta\n"
SAMGOP: dict[str, Any] = {
    "categories": [{"id": 1, "name": "cup"}, {"id": 2, "name": "Head"}],
    "images": [
        {
            "id": 1, "file_name": "a.jpg", "width": 40, "height": 20,
            "gaze_related_ann": {"gaze_cx": 320, "gaze_cy": 240, "hx": 30, "hy": 40, "gaze_box": [5, 5, 15, 12]},
        }
    ],
    "annotations": [
        {"id": 1, "image_id": 1, "category_id": 1, "bbox": [5, 5, 10, 7],
         "segmentation": [[5, 5, 15, 5, 15, 12, 5, 12]]},
        {"id": 2, "image_id": 1, "category_id": 1, "bbox": [20, 5, 9, 7],
         "segmentation": {"size": [20, 40], "counts": [405, 5, 15, 5, 370]}},
        {"id": 3, "image_id": 1, "category_id": 2, "bbox": [1, 1, 5, 5], "segmentation": []},
    ],
}  # fmt: skip
SALICON: dict[str, Any] = {
    "images": [{"id": 7, "file_name": "a.jpg", "height": 20, "width": 40}],
    "annotations": [
        {"image_id": 7, "fixations": [[3, 4], [5, 6]]},
        {"image_id": 7, "fixations": [[9, 30]]},
    ],
}
AVE = "Category&VideoID&Quality&StartTime&EndTime\nChurch bell&a&good&0&10\nBark&b&good&2&7\n"
PICTURES = "image,original_width_px,original_height_px,px_per_degree\na.jpg,40,20,30\n"
ON_PICTURES = "image,subject,order,x_px,y_px\na.jpg,ann,1,3,4\na.jpg,ann,2,5,6\na.jpg,ben,2,9,9\n"


def _family(name: str, *pictures: str, **files: str | bytes) -> Callable[[Path], Path]:
    """Writes a folder of a family: pictures of 40x20 pixels and files by their places."""

    def write(folder: Path) -> Path:
        root = folder / name
        for picture in pictures:
            (root / picture).parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (40, 20)).save(root / picture)
        for place, content in files.items():
            (root / place).parent.mkdir(parents=True, exist_ok=True)
            (root / place).write_bytes(content.encode() if isinstance(content, str) else content)
        return root

    return write


def _dhf1k(folder: Path) -> Path:
    maps = folder / "dhf1k/0001/fixation/maps"
    maps.mkdir(parents=True)
    for number in range(1, 3):
        scipy.io.savemat(maps / f"{number:04d}.mat", {"I": np.eye(8, 12, dtype=np.uint8)}, do_compression=True)
    return folder / "dhf1k"


def _avad(folder: Path) -> Path:
    video = folder / "avad/annotations/AVAD/V1"
    (video / "maps").mkdir(parents=True)
    (folder / "avad/fold_lists").mkdir()
    (folder / "avad/fold_lists/AVAD_list_test_1_fps.txt").write_text("V1 1 29.97\n")
    scipy.io.savemat(video / "fixMap_00001.mat", {"eyeMap": np.eye(8, 12, dtype=np.uint8)}, do_compression=True)
    Image.new("L", (12, 8)).save(video / "maps/eyeMap_00001.jpg")
    return folder / "avad"


def _osie(folder: Path) -> Path:
    cells = np.empty(2, dtype=object)
    for number in range(2):
        subjects = np.empty(1, dtype=object)
        subjects[0] = {"fix_x": np.arange(4.0), "fix_y": np.arange(4.0)}
        cells[number] = {"img": f"{number}.jpg", "subjects": subjects}
    (folder / "osie").mkdir()
    scipy.io.savemat(folder / "osie/fixations.mat", {"fixations": cells}, do_compression=True)
    return folder / "osie"


def _read(path: Path) -> None:
    """Every sample of a folder, with all that is read late."""
    from sightline.data import FixationImage, LookingImage, Observed, family

    root = path / "fixations.mat" if path.name == "osie" else path
    splits = {"avad": "test_1", "childplay": "train", "gazefollow": "train", "videoattentiontarget": "train"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for sample in family(path.name).read(root, splits.get(path.name)):
            if isinstance(sample, Observed):
                for frame in range(len(sample.frames)):
                    sample.at(frame)
                    sample.density(frame)
                sample.all()
            elif isinstance(sample, LookingImage):
                sample.load()
                sample.masks()
            elif isinstance(sample, FixationImage):
                sample.load()


def _read_heads(path: Path) -> None:
    from sightline.data.looking import heads

    for image in heads(path, "mit1003"):
        image.load()


DATASETS: dict[str, Target] = {
    "who looks at what": Target(
        each(
            _family("looking", "images/a.jpg", **{"annotations.csv": LOOKING}),
            _family(
                "gazefollow", "a.jpg", **{"train_annotations_release.txt": GAZEFOLLOW},
            ),
            _family(
                "videoattentiontarget", "images/Show/1_2/1.jpg",
                **{"annotations/train/Show/1_2/s00.txt": "1.jpg,1,2,10,12,20,10\n1.jpg,5,2,9,12,-1,-1\n"},
            ),
            _family("childplay", "images/v_10-20/v_10.jpg", **{"annotations/train/v_10-20.csv": CHILDPLAY}),
        ),
        _read, 200,
    ),
    "detected heads": Target(
        each(
            _family(
                "heads", "image_fixations/mit1003/images/a.jpg",
                **{"image_fixations/mit1003/images.csv": SIZES, "gaze_objects/heads/mit1003.csv": HEADS},
            )
        ),
        _read_heads, 100,
    ),
    "samgop": Target(each(_family("goo", "images/a.jpg", **{"annotations.json": json.dumps(SAMGOP)})), _read, 200),
    "salicon": Target(
        each(_family("salicon", "images/a.jpg", **{"fixations_train2014.json": json.dumps(SALICON)})), _read, 120
    ),
    "lists of videos": Target(
        each(
            _family("ave", **{"Annotations.txt": AVE, "AVE/a.mp4": b"", "AVE/b.mp4": b""}),
            _family("vggsound", **{"vggsound.csv": 'a,1,"cat, purring",train\nb,2,dog,test\n',
                                   "video/a_000001.mp4": b"", "video/b_000002.mp4": b""}),
        ),
        _read, 150,
    ),
    "fixations of data sets": Target(
        each(
            _dhf1k, _avad, _osie,
            _family("fixations", "images/a.jpg", **{"images.csv": PICTURES, "fixations.csv": ON_PICTURES}),
        ),
        _read, 150,
    ),
}  # fmt: skip
