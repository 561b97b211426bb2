"""Objects of photographs, written as composites take them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sightline.apps.cutouts import write_cutouts
from sightline.data.cutouts import tagged_objects
from sightline.errors import DataError


def red_and_blue(image: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    for name, channel in (("dog", 0), ("bird", 2)):
        mask = image[..., channel] > 128
        if mask.any():
            yield name, mask


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    root = tmp_path / "photographs"
    (root / "more").mkdir(parents=True)
    image = np.zeros((100, 160, 3), np.uint8)
    image[30:60, 20:50, 0] = 255
    image[40:70, 100:130, 2] = 255
    Image.fromarray(image).save(root / "a.png")
    Image.fromarray(image[:, :80]).save(root / "more" / "b.png")
    (root / "c.jpg").write_bytes(b"nothing")
    return root


def test_each_object_has_a_picture_and_a_mask_that_composites_take(photographs: Path, tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match=r"c\.jpg.*left out"):
        counts = write_cutouts([photographs], tmp_path / "out", red_and_blue)
    assert counts == {"dog": 2, "bird": 1}
    found = tagged_objects(tmp_path / "out")
    assert [(each.tag, each.sample.image_path.stem) for each in found] == [
        ("bird", "photographs-a_1"),
        ("dog", "photographs-a_0"),
        ("dog", "photographs-more-b_0"),
    ]
    image, mask = found[1].sample.load()
    assert image.shape == (56, 56, 3), "13 pixels around it"
    assert mask[13:43, 13:43].all()
    assert mask.sum() == 900
    with (tmp_path / "out" / "cutouts.csv").open(encoding="utf-8") as file:
        assert next(file) == "file,tag,source\n"


def test_some_of_the_photographs_and_tags(photographs: Path, tmp_path: Path) -> None:
    assert write_cutouts([photographs], tmp_path / "out", red_and_blue, "more/*") == {"dog": 1}
    assert write_cutouts([photographs], tmp_path / "out", red_and_blue, "a*", ["bird"]) == {"bird": 1}
    assert not (tmp_path / "out" / "dog").exists()


def test_nothing_found_leaves_nothing(photographs: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no photographs that match 'z\*'"):
        write_cutouts([photographs], tmp_path / "out", red_and_blue, "z*")
    with pytest.raises(DataError, match="no whole object in 1 photographs"):
        write_cutouts([photographs], tmp_path / "out", lambda image: iter(()), "a*")
    assert not (tmp_path / "out").exists()
