"""What can be cut out, and its tags."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sightline.data.cutouts import cut_out, objects, tagged_objects
from sightline.errors import DataError


def picture(path: Path, radius: int = 14) -> None:
    """A disc on grey, and its mask beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows, columns = np.ogrid[:60, :80]
    mask = (rows - 30) ** 2 + (columns - 40) ** 2 < radius**2
    Image.fromarray(np.where(mask[..., None], (220, 30, 30), 90).astype(np.uint8)).save(path)
    Image.fromarray(mask.astype(np.uint8) * 255).save(path.with_suffix(".png"))


def test_folders_are_tags(tmp_path: Path) -> None:
    for name in ("dog/a.jpg", "dog/b.jpg", "bird/c.jpg"):
        picture(tmp_path / name)
    picture(tmp_path / "dog/small.jpg", radius=2)
    found = tagged_objects(tmp_path)
    assert [(each.tag, each.sample.image_path.name) for each in found] == [
        ("bird", "c.jpg"),
        ("dog", "a.jpg"),
        ("dog", "b.jpg"),
    ]
    assert [each.sample.image_path.name for each in tagged_objects(tmp_path, match="*/[ac].jpg")] == ["c.jpg", "a.jpg"]


def test_a_table_gives_tags(tmp_path: Path) -> None:
    for name in ("a.jpg", "deep/b.jpg"):
        picture(tmp_path / name)
    (tmp_path / "tags.csv").write_text("image,tag\na.jpg,dog\ndeep/b.jpg,cat\n")
    assert [each.tag for each in tagged_objects(tmp_path)] == ["dog", "cat"]
    (tmp_path / "tags.csv").write_text("image,tag\nabsent.jpg,dog\n")
    with pytest.raises(DataError, match=r"absent.jpg is not there"):
        tagged_objects(tmp_path)


def test_something_names_the_others_or_they_are_left_out(tmp_path: Path) -> None:
    for name in "abc":
        picture(tmp_path / f"{name}.jpg", radius=12 + ord(name) - ord("a"))

    def by_size(image: np.ndarray, mask: np.ndarray) -> str | None:
        return {True: "large", False: None}[bool(mask.sum() > 560)]

    assert [each.sample.image_path.stem for each in tagged_objects(tmp_path, by_size)] == ["c"]
    with pytest.raises(DataError, match="have no tags"):
        tagged_objects(tmp_path)
    with pytest.raises(DataError, match=r"no whole object with a tag among 0 that match 'x\*'"):
        tagged_objects(tmp_path, by_size, match="x*")


def test_bsds_gives_one_split_or_all(tmp_path: Path) -> None:
    for split in ("train", "val", "test"):
        picture(tmp_path / split / f"{split}.jpg")
        (tmp_path / split / f"{split}.png").rename(tmp_path / split / f"{split}_seg0.png")
    assert [each[0].image_path.stem for each in objects(tmp_path)] == ["test"]
    assert [each[0].image_path.stem for each in objects(tmp_path, split=None)] == ["train", "val", "test"]


@pytest.mark.parametrize("value", [1, 255])
def test_davis_gives_every_tenth_frame_by_folder_and_number(tmp_path: Path, value: int) -> None:
    for number in range(12):
        frame = tmp_path / f"JPEGImages/480p/dog/{number:05d}.jpg"
        picture(frame)
        mask = tmp_path / f"Annotations/480p/dog/{number:05d}.png"
        mask.parent.mkdir(parents=True, exist_ok=True)
        marked = np.asarray(Image.open(frame.with_suffix(".png"))) // 255 * value
        Image.fromarray(marked.astype(np.uint8)).save(mask)
        frame.with_suffix(".png").unlink()
    found = [cut_out(each[0]) for each in objects(tmp_path)]
    assert [each.name for each in found if each is not None] == ["dog/00000", "dog/00010"]
