from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sightline.data.samples import FixationImage, ImageMask, VideoSequence
from sightline.errors import DataError


def save(path: Path, array: np.ndarray) -> Path:
    Image.fromarray(array).save(path)
    return path


def test_image_mask_takes_its_instance_only(tmp_path: Path) -> None:
    labels = np.array([[0, 1, 2], [255, 1, 2]], np.uint8)
    image = save(tmp_path / "image.png", np.zeros((2, 3, 3), np.uint8))
    mask = save(tmp_path / "mask.png", labels)
    assert (ImageMask(image, mask, 2).load()[1] == (labels == 2)).all()
    assert (ImageMask(image, mask).load()[1] == (labels >= 128)).all()


def test_video_sequence_threshold_and_missing_labels(tmp_path: Path) -> None:
    frame = save(tmp_path / "frame.png", np.zeros((1, 3, 3), np.uint8))
    mask = save(tmp_path / "mask.png", np.array([[0, 20, 240]], np.uint8))
    clean = VideoSequence("a", [frame, frame], [mask, None])
    assert len(clean) == 2
    assert clean.load(1)[1] is None
    assert clean.load(0)[1].tolist() == [[False, True, True]]
    assert VideoSequence("a", [frame], [mask], threshold=128).load(0)[1].tolist() == [[False, False, True]]


def test_sizes_that_differ_are_named(tmp_path: Path) -> None:
    image = save(tmp_path / "image.png", np.zeros((4, 6, 3), np.uint8))
    mask = save(tmp_path / "mask.png", np.zeros((6, 4), np.uint8))
    expected = r"mask\.png: the mask is 4x6 and its image image\.png 6x4; both must have the same size"
    with pytest.raises(DataError, match=expected):
        ImageMask(image, mask).load()
    with pytest.raises(DataError, match=expected):
        VideoSequence("a", [image], [mask]).load(0)


def test_fixations_scale_to_a_smaller_copy_and_drop_what_lies_outside() -> None:
    points = np.array([[0.0, 0.0], [400.0, 300.0], [799.9, 599.9], [800.0, 10.0], [-1.0, 5.0], [10.0, 600.0]])
    image = FixationImage(Path("a.jpg"), points, (600, 800))
    assert image.fixations_at(60, 80) == pytest.approx(np.array([[0, 0], [40, 30], [79.99, 59.99]]))


@pytest.mark.parametrize("value", [1, 255])
@pytest.mark.parametrize("mode", ["L", "P", "1"])
def test_a_mask_of_one_object_is_read_whatever_value_it_has(tmp_path: Path, mode: str, value: int) -> None:
    marked = np.zeros((6, 8), bool)
    marked[2:4, 3:6] = True
    Image.new("RGB", (8, 6)).save(tmp_path / "a.jpg")
    picture = Image.fromarray(marked) if mode == "1" else Image.fromarray(marked.astype(np.uint8) * value, mode)
    if mode == "P":
        picture.putpalette([0, 0, 0, 128, 0, 0])
    picture.save(tmp_path / "a.png")
    np.testing.assert_array_equal(ImageMask(tmp_path / "a.jpg", tmp_path / "a.png").load()[1], marked)


def test_a_soft_mask_is_the_object_from_half_on(tmp_path: Path) -> None:
    Image.new("RGB", (4, 1)).save(tmp_path / "a.jpg")
    Image.fromarray(np.array([[0, 127, 128, 255]], np.uint8)).save(tmp_path / "a.png")
    assert ImageMask(tmp_path / "a.jpg", tmp_path / "a.png").load()[1].tolist() == [[False, False, True, True]]
