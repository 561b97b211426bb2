"""Maps and masks as they are stored, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from sightline.errors import DataError
from sightline.metrics.evaluation import pictures


def save(path: Path, array: np.ndarray, **options: object) -> Path:
    Image.fromarray(array).save(path, **options)
    return path


def test_maps_keep_their_values(tmp_path: Path) -> None:
    grey = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20
    assert np.array_equal(pictures.read_map(save(tmp_path / "8.png", grey)).numpy(), grey)
    deep = grey.astype(np.uint16) * 257
    assert pictures.read_map(save(tmp_path / "16.png", deep)).numpy() == pytest.approx(deep / 65535)
    floats = np.linspace(-3, 9, 12, dtype=np.float32).reshape(3, 4)
    assert np.array_equal(pictures.read_map(save(tmp_path / "f.tiff", floats)).numpy(), floats)
    np.save(tmp_path / "f.npy", floats)
    assert np.array_equal(pictures.read_map(tmp_path / "f.npy").numpy(), floats)
    same = np.repeat(grey[..., None], 3, axis=2)
    assert np.array_equal(pictures.read_map(save(tmp_path / "rgb.png", same)).numpy(), grey)
    bilevel = pictures.read_map(save(tmp_path / "1.png", grey > 100))
    assert bilevel.unique().tolist() == [0, 255]


def test_bad_maps_name_their_file(tmp_path: Path) -> None:
    colour = np.zeros((4, 4, 3), np.uint8)
    colour[0, 0] = (255, 0, 0)
    with pytest.raises(DataError, match=r"c\.png: a grey picture is expected, this is in colour"):
        pictures.read_map(save(tmp_path / "c.png", colour))
    broken = np.ones((4, 4), np.float32)
    broken[1, 1] = np.nan
    for path in (save(tmp_path / "n.tiff", broken), tmp_path / "n.npy"):
        if path.suffix == ".npy":
            np.save(path, broken)
        with pytest.raises(DataError, match=rf"{path.name}: the map holds NaN or infinite values"):
            pictures.read_map(path)
    np.save(tmp_path / "o.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match=r"o\.npy: not an array of numbers"):
        pictures.read_map(tmp_path / "o.npy")
    (tmp_path / "d.png").write_bytes(save(tmp_path / "whole.png", np.eye(64, dtype=np.uint8)).read_bytes()[:60])
    with pytest.raises(DataError, match=r"d\.png: the picture is damaged"):
        pictures.read_map(tmp_path / "d.png")
    with pytest.raises(DataError, match=r"absent\.png: no such file"):
        pictures.read_map(tmp_path / "absent.png")


def test_labels_of_palette_pictures_have_void_and_those_of_grey_ones_have_not(tmp_path: Path) -> None:
    labels = np.array([[0, 1, 255]], dtype=np.uint8)
    image = Image.fromarray(labels)
    image.putpalette(list(range(256)) * 3)
    image.save(tmp_path / "p.png")
    found, palette = pictures.read_labels(tmp_path / "p.png")
    assert (found.tolist(), palette) == (labels.tolist(), True)
    greys = np.array([[0, 1, 64]], dtype=np.uint8)
    found, palette = pictures.read_labels(save(tmp_path / "l.png", greys))
    assert (found.tolist(), palette) == (greys.tolist(), False)
    with pytest.raises(DataError, match=r"l\.png: 3 grey levels up to 255"):  # void, an object, or half of one?
        pictures.read_labels(save(tmp_path / "l.png", labels))
    binary = np.array([[0, 255]], dtype=np.uint8)
    assert pictures.read_labels(save(tmp_path / "b.png", binary))[0].tolist() == [[0, 1]]


def test_maps_and_deep_pictures_are_no_masks(tmp_path: Path) -> None:
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    with pytest.raises(DataError, match="256 grey levels up to 255, which looks like a map"):
        pictures.read_labels(save(tmp_path / "m.png", ramp))
    with pytest.raises(DataError, match="a mask is expected, this is a 'F' picture"):
        pictures.read_labels(save(tmp_path / "f.tiff", ramp.astype(np.float32)))
    many = ramp.astype(np.uint16) + 300  # what `predict` writes of more than 255 objects
    assert np.array_equal(pictures.read_labels(save(tmp_path / "16.png", many))[0], many)


def test_truth_is_above_the_middle_grey(tmp_path: Path) -> None:
    grey = np.array([[0, 100, 128, 129, 255]], dtype=np.uint8)
    assert pictures.read_truth(save(tmp_path / "g.png", grey)).tolist() == [[False, False, False, True, True]]
    ones = np.array([[0, 1]], dtype=np.uint8)
    assert pictures.read_truth(save(tmp_path / "01.png", ones)).tolist() == [[False, True]]


def test_sizes_must_agree() -> None:
    with pytest.raises(DataError, match=r"p: 5 x 4 pixels, but g has 6 x 4"):
        pictures.check_size(torch.zeros(4, 5), (4, 6), "p", "g")
