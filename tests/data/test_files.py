from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from sightline.data.files import list_images, load_image, load_mask, mask_values, read_names, require_files
from sightline.errors import DataError


def save(path: Path, array: np.ndarray, mode: str | None = None, **options: object) -> Path:
    image = Image.fromarray(array)
    (image.convert(mode) if mode else image).save(path, **options)
    return path


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "P", "1"])
def test_load_image_is_rgb_whatever_the_file_holds(tmp_path: Path, mode: str) -> None:
    path = save(tmp_path / "a.png", np.full((4, 6, 3), 255, np.uint8), mode)
    image = load_image(path)
    assert image.shape == (4, 6, 3)
    assert image.dtype == np.uint8
    assert (image == 255).all()


def test_load_image_turns_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # stored lying on its left side
    pixels = np.zeros((4, 6, 3), np.uint8)
    pixels[0] = 255
    image = load_image(save(tmp_path / "a.png", pixels, exif=exif))
    assert image.shape == (6, 4, 3)
    assert (image[:, -1] == 255).all()


@given(labels=arrays(np.uint8, (5, 7)))
def test_load_mask_keeps_grey_values(tmp_path_factory: pytest.TempPathFactory, labels: np.ndarray) -> None:
    path = save(tmp_path_factory.mktemp("masks") / "m.png", labels)
    assert (load_mask(path) == labels).all()
    assert mask_values(path) == {int(v): int((labels == v).sum()) for v in np.unique(labels)}


@given(labels=arrays(np.uint8, (5, 7), elements=st.sampled_from([0, 1, 2, 255])))
def test_load_mask_keeps_palette_indices(tmp_path_factory: pytest.TempPathFactory, labels: np.ndarray) -> None:
    indexed = Image.fromarray(labels)
    indexed.putpalette([7] * 768)  # colours that tell nothing
    path = tmp_path_factory.mktemp("masks") / "m.png"
    indexed.save(path)
    assert (load_mask(path) == labels).all()


def test_load_mask_of_black_and_white_and_colour(tmp_path: Path) -> None:
    object_pixels = np.zeros((4, 6), np.uint8)
    object_pixels[1:3] = 255
    assert (load_mask(save(tmp_path / "bw.png", object_pixels, "1")) == (object_pixels > 0)).all()
    assert (load_mask(save(tmp_path / "rgb.png", object_pixels, "RGB")) == object_pixels).all()


def test_load_mask_refuses_16_bits(tmp_path: Path) -> None:
    path = save(tmp_path / "deep.png", np.zeros((4, 6), np.uint16))
    with pytest.raises(DataError, match=r"deep\.png: a mask of at most 8 bits is expected"):
        load_mask(path)


def test_broken_pictures_are_named(tmp_path: Path) -> None:
    good = save(tmp_path / "good.jpg", np.random.default_rng(0).integers(0, 255, (64, 64, 3)).astype(np.uint8))
    (tmp_path / "short.jpg").write_bytes(good.read_bytes()[:900])
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "empty.png").touch()
    with pytest.raises(DataError, match=r"short\.jpg: the picture is damaged"):
        load_image(tmp_path / "short.jpg")
    for name in ("text.png", "empty.png"):
        with pytest.raises(DataError, match=f"{name}: not a picture"):
            load_image(tmp_path / name)
    with pytest.raises(DataError, match=r"none\.png: no such file"):
        load_mask(tmp_path / "none.png")
    with pytest.raises(DataError, match="the picture is damaged"):
        load_mask(tmp_path)


def test_list_images_sorts_and_skips_the_rest(tmp_path: Path) -> None:
    for name in ("b.JPG", "a.png", ".hidden.png", "notes.txt"):
        (tmp_path / name).touch()
    assert [path.name for path in list_images(tmp_path)] == ["a.png", "b.JPG"]
    assert list_images(tmp_path / "absent") == []


def test_read_names(tmp_path: Path) -> None:
    path = tmp_path / "train.txt"
    path.write_text("bear\r\n\n  cow \n")
    assert read_names(path) == ["bear", "cow"]
    with pytest.raises(DataError, match=r"val\.txt: this list of the data set is missing"):
        read_names(tmp_path / "val.txt")
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match=r"train\.txt: the list cannot be read"):
        read_names(path)


def test_missing_files_are_listed_at_once(tmp_path: Path) -> None:
    (tmp_path / "here").touch()
    require_files([tmp_path / "here"], tmp_path)
    with pytest.raises(DataError, match=r"1 file is missing: .*gone;"):
        require_files([tmp_path / "here", tmp_path / "gone"], tmp_path)
    with pytest.raises(DataError, match=r"8 files are missing: .*0, .*4 and 3 more;"):
        require_files([tmp_path / str(n) for n in range(8)], tmp_path)
