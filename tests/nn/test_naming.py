"""Names of segments, with DeepLab as it is and as the shipped weights hold it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from sightline.data.files import load_image, load_mask
from sightline.errors import WeightsError
from sightline.nn.naming import VOC, SegmentNamer

DEEPLAB = "weights/deeplabv3_mobilenet_v2_1.0_513"


class Painted(SegmentNamer):
    """Sees the class that the red of a picture says."""

    def __init__(self) -> None:
        pass

    def _classes(self, image: np.ndarray) -> np.ndarray:
        return image[..., 0].astype(np.int64)


def painted(*boxes: tuple[slice, slice, int]) -> np.ndarray:
    image = np.zeros((20, 30, 3), np.uint8)
    for rows, columns, index in boxes:
        image[rows, columns] = index
    return image


def box(rows: slice, columns: slice) -> np.ndarray:
    mask = np.zeros((20, 30), bool)
    mask[rows, columns] = True
    return mask


def test_a_whole_region_has_its_class_and_parts_have_none() -> None:
    dog = VOC.index("dog") + 1
    image = painted((slice(2, 10), slice(2, 12), dog), (slice(14, 18), slice(20, 28), dog))
    assert Painted()(image, box(slice(2, 10), slice(2, 12))) == "dog"
    assert Painted()(image, box(slice(2, 10), slice(3, 11))) == "dog", "nearly all of it"
    assert Painted()(image, box(slice(2, 5), slice(2, 12))) is None, "a third of it"
    assert Painted()(image, box(slice(0, 20), slice(0, 30))) is None, "mostly background"
    assert Painted()(image, np.zeros((20, 30), bool)) is None


def test_a_photograph_shows_what_covers_some_of_it() -> None:
    image = painted((slice(0, 4), slice(0, 10), 15), (slice(10, 11), slice(0, 3), 3))
    assert Painted().shows(image) == {"person"}


def test_the_shipped_weights_name_as_deeplab_does(shared_data: Path) -> None:
    from sightline.apps.compose import LateNamer

    published = SegmentNamer(shared_data / DEEPLAB)
    shipped = LateNamer()
    root = shared_data / "segmentation" / "bsds500"
    image_path = next(path for path in sorted((root / "test").iterdir()) if path.suffix == ".jpg")
    labels = load_mask(image_path.with_name(f"{image_path.stem}_seg0.png"))
    image = load_image(image_path)
    names = [published(image, labels == value) for value in np.unique(labels)[:6]]
    assert names == [shipped(image, labels == value) for value in np.unique(labels)[:6]]
    assert published.shows(image) == shipped.shows(image)


def test_deeplab_knows_a_dog(shared_data: Path) -> None:
    root = shared_data / "vos" / "davis2016_dev"
    image = load_image(root / "JPEGImages/480p/dog/00000.jpg")
    mask = load_mask(root / "Annotations/480p/dog/00000.png") > 0
    namer = SegmentNamer(shared_data / DEEPLAB)
    assert namer(image, mask) == "dog"
    assert "dog" in namer.shows(image)


def test_tensors_of_another_network_are_refused() -> None:
    with pytest.raises(WeightsError, match="another network"):
        SegmentNamer({"stages.0.weight": torch.zeros(1)})


class Sure(SegmentNamer):
    """Sees the class that the red of a picture says, as surely as its green does, of 100."""

    def __init__(self) -> None:
        pass

    def _scores(self, image: np.ndarray) -> np.ndarray:
        sure = np.zeros((len(VOC) + 1, *image.shape[:2]), np.float32)
        rows, columns = np.indices(image.shape[:2])
        sure[image[..., 0], rows, columns] = image[..., 1] / 100
        return sure


def test_whole_objects_are_sure_large_and_inside() -> None:
    dog, bird = VOC.index("dog") + 1, VOC.index("bird") + 1
    image = np.full((400, 500, 3), (0, 90, 0), np.uint8)
    image[20:100, 20:60] = (dog, 90, 0)
    image[50:60, 30:40] = (0, 90, 0)  # a hole
    image[20:60, 100:140] = (dog, 90, 0)  # small
    image[200:300, 20:60] = (dog, 60, 0)  # unsure
    image[300:400, 100:160] = (dog, 90, 0)  # goes on below the picture
    image[200:280, 300:330] = (bird, 80, 0)
    found = list(Sure().objects(image))
    assert [name for name, _ in found] == ["bird", "dog"]
    assert found[1][1][20:100, 20:60].all()
    assert found[1][1].sum() == 80 * 40
