"""Photographs and pages, of every kind that people have."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hostile.corpus import number_of, picture
from sightline.errors import SourceError
from sightline.video import open_source
from sightline.video.frames import list_images
from sightline.video.stills import read_image


@pytest.mark.parametrize("suffix", ["jpg", "jfif", "jp2", "tga", "gif", "webp", "avif", "bmp", "png", "tif"])
def test_formats(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"photo.{suffix}"
    Image.fromarray(picture(9)).save(path, **({"format": "JPEG"} if suffix == "jfif" else {}))
    with open_source(path) as source:
        (frame,) = source
    assert source.kind == "image"
    assert number_of(frame.image) == 9
    assert list_images(tmp_path) == [path]


def test_heic_whole_and_by_its_content(tmp_path: Path) -> None:
    heif = pytest.importorskip("pillow_heif")
    heif.from_pillow(Image.fromarray(picture(9, (320, 480)))).save(tmp_path / "photo.heic", quality=90)
    (tmp_path / "renamed.jpg").write_bytes((tmp_path / "photo.heic").read_bytes())
    (tmp_path / "unnamed").write_bytes((tmp_path / "photo.heic").read_bytes())
    for name in ("photo.heic", "renamed.jpg", "unnamed"):
        with open_source(tmp_path / name) as source:
            (frame,) = source
        assert (source.kind, source.size) == ("image", (320, 480))
        assert number_of(frame.image) == 9


def test_heic_without_its_package_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "photo.heic").write_bytes(b"\x00\x00\x00\x1cftypheic\x00\x00\x00\x00mif1heicmiaf" + bytes(100))
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(SourceError, match=r"photo.heic: HEIC photographs need .*sightline\[heic\]"):
        open_source(tmp_path / "photo.heic")


@pytest.mark.parametrize("suffix", ["png", "webp", "tif"])
def test_transparent_parts_are_grey_and_said(tmp_path: Path, suffix: str) -> None:
    image = np.full((48, 64, 4), (255, 0, 255, 0), np.uint8)
    image[10:20, 10:20] = (60, 140, 60, 255)
    image[30:40, 10:20, 3] = 128
    Image.fromarray(image).save(tmp_path / f"cut.{suffix}", lossless=True)
    with open_source(tmp_path / f"cut.{suffix}") as source:
        (frame,) = source
        assert source.notes == [f"{tmp_path / f'cut.{suffix}'}: transparent parts are shown on grey"]
    assert frame.image[0, 0].tolist() == [128, 128, 128]
    assert frame.image[15, 15].tolist() == [60, 140, 60]
    if suffix != "webp":  # which drops the colour of what is not seen
        assert frame.image[35, 15].tolist() == [192, 64, 192]


@pytest.mark.parametrize("mode", ["palette", "grey", "opaque"])
def test_other_kinds_of_transparency(tmp_path: Path, mode: str) -> None:
    if mode == "palette":
        image = Image.fromarray(np.zeros((8, 8), np.uint8)).convert("P")
        image.putpalette([255, 0, 255])
        image.save(tmp_path / "a.png", transparency=0)
        expected = [128] * 3
    elif mode == "grey":
        Image.fromarray(np.full((8, 8, 2), (255, 0), np.uint8), "LA").save(tmp_path / "a.png")
        expected = [128] * 3
    else:
        Image.fromarray(np.full((8, 8, 4), (255, 0, 255, 255), np.uint8)).save(tmp_path / "a.png")
        expected = [255, 0, 255]
    notes: list[str] = []
    found = read_image(tmp_path / "a.png", lambda text, about: notes.append(text))
    assert found[0, 0].tolist() == expected
    assert bool(notes) == (mode != "opaque")


@pytest.mark.parametrize(("suffix", "format"), [("gif", "GIF"), ("webp", "WEBP"), ("png", "PNG"), ("avif", "AVIF")])
def test_all_pages_of_an_animation_with_their_times(tmp_path: Path, suffix: str, format: str) -> None:
    pages = [Image.fromarray(picture(3 * index)) for index in range(6)]
    path = tmp_path / f"moving.{suffix}"
    options = {"lossless": True} if format == "WEBP" else {}
    pages[0].save(path, save_all=True, append_images=pages[1:], duration=[100, 100, 40, 100, 200, 100], **options)
    with open_source(path) as source:
        assert (source.kind, source.stem, source.frames_expected) == ("video", "moving", 6)
        frames = list(source)
        assert [number_of(frame.image) for frame in frames] == [0, 3, 6, 9, 12, 15]
        assert [frame.time_s for frame in frames] == pytest.approx([0, 0.1, 0.2, 0.24, 0.34, 0.54], abs=0.011)
        assert [frame.index for frame in source] == list(range(6))


def test_all_pages_of_a_tiff_but_not_its_thumbnail(tmp_path: Path) -> None:
    pages = [Image.fromarray(picture(index)) for index in range(3)]
    thumbnail = Image.fromarray(picture(9)).resize((16, 12))
    thumbnail.encoderinfo = {"tiffinfo": {254: 1}}
    pages[0].save(tmp_path / "pages.tif", save_all=True, append_images=[thumbnail, *pages[1:]])
    with open_source(tmp_path / "pages.tif", fps=5) as source:
        frames = list(source)
    assert [number_of(frame.image) for frame in frames] == [0, 1, 2]
    assert [frame.time_s for frame in frames] == pytest.approx([0, 0.2, 0.4])


def test_a_page_of_another_size_is_told(tmp_path: Path) -> None:
    pages = [Image.fromarray(picture(0)), Image.fromarray(picture(1, (20, 20))), Image.fromarray(picture(2))]
    pages[0].save(tmp_path / "pages.tif", save_all=True, append_images=pages[1:])
    with open_source(tmp_path / "pages.tif") as source:
        assert [number_of(frame.image) for frame in source] == [0, 2]
        assert source.notes == [f"{tmp_path / 'pages.tif'}: 1 of 3 pages, broken or of another size, left out"]


@pytest.mark.parametrize(
    ("low", "high", "said"), [(0.0, 1.0, False), (0.0, 0.5, False), (0.0, 4000.0, True), (-3.0, 5.0, True)]
)
def test_floating_point_grey(tmp_path: Path, low: float, high: float, said: bool) -> None:
    values = np.linspace(low, high, 256, dtype=np.float32).reshape(16, 16)
    Image.fromarray(values).save(tmp_path / "float.tif")
    notes: list[str] = []
    image = read_image(tmp_path / "float.tif", lambda text, about: notes.append(text))
    top = 255 if said else round(255 * high)
    assert image[0, 0].tolist() == [0, 0, 0]
    assert image[-1, -1].tolist() == pytest.approx([top] * 3, abs=1)
    assert (np.diff(image[..., 0].ravel().astype(int)) >= 0).all()
    assert bool(notes) == said


def test_a_float_image_without_a_number_is_refused(tmp_path: Path) -> None:
    Image.fromarray(np.full((4, 4), np.nan, np.float32)).save(tmp_path / "none.tif")
    with pytest.raises(SourceError, match=r"none.tif: not an image that can be read \(no number in it is finite\)"):
        read_image(tmp_path / "none.tif")
