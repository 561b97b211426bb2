"""Frame folders, images and arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hostile.corpus import number_of, picture, write_frames
from sightline.errors import SourceError
from sightline.video import open_source


@pytest.mark.parametrize("first", [0, 1, 117])
def test_a_folder_of_frames_from_any_first_number(tmp_path: Path, first: int) -> None:
    folder = write_frames(tmp_path / "run", range(first, first + 12))
    (folder / "notes.txt").write_text("not a frame")
    with open_source(folder, fps=10) as source:
        assert (source.kind, source.stem, source.size, source.frame_count) == ("frames", "run", (48, 64), 12)
        frames = list(source)
    assert [frame.index for frame in frames] == list(range(12))
    assert [frame.time_s for frame in frames] == pytest.approx([i / 10 for i in range(12)])
    assert [number_of(frame.image) for frame in frames] == [(first + i) % 45 for i in range(12)]


def test_frames_are_ordered_by_number_and_not_by_name(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    for number in range(8, 12):
        Image.fromarray(picture(number)).save(tmp_path / "run" / f"shot-{number}.png")
    with open_source(tmp_path / "run") as source:
        assert [number_of(frame.image) for frame in source] == [8, 9, 10, 11]


def test_missing_frames_are_named(tmp_path: Path) -> None:
    folder = write_frames(tmp_path / "run", [0, 1, 4, 5, 6, 8])
    with pytest.raises(SourceError, match=r"3 of frames 0-8 missing: 2-3, 7; add them or renumber"):
        open_source(folder)


def test_a_frame_of_another_size_is_left_out_with_a_note(tmp_path: Path) -> None:
    folder = write_frames(tmp_path / "run", range(4))
    Image.fromarray(picture(2, (32, 64))).save(folder / "00002.png")
    with open_source(folder) as source:
        assert [frame.index for frame in source] == [0, 1, 3]
        assert [source.frame_name(index) for index in (0, 3)] == ["00000", "00003"]
    assert "1 frames of another size than 48x64 are left out, as 00002.png (32x64)" in source.notes[0]


def test_photographs_of_several_sizes_are_no_frames(tmp_path: Path) -> None:
    folder = write_frames(tmp_path / "run", range(1))
    for number in (1, 2, 3):
        Image.fromarray(picture(number, (32 + number, 64))).save(folder / f"0000{number}.png")
    with open_source(folder) as source, pytest.raises(SourceError, match="make all frames one size, or predict `each`"):
        list(source)


@pytest.mark.parametrize(("first", "step"), [(0, 5), (3, 10), (1, 1)])
def test_numbers_may_go_in_steps_and_are_kept(tmp_path: Path, first: int, step: int) -> None:
    numbers = range(first, first + 4 * step, step)
    with open_source(write_frames(tmp_path / "run", numbers), fps=30) as source:
        frames = list(source)
        assert source.fps == pytest.approx(30 / step)
    assert [source.frame_name(frame.index) for frame in frames] == [f"{number:05d}" for number in numbers]
    assert [frame.time_s for frame in frames] == pytest.approx([i * step / 30 for i in range(4)])
    assert [frame.index for frame in frames] == [0, 1, 2, 3]


def test_a_step_that_is_missing_is_named(tmp_path: Path) -> None:
    folder = write_frames(tmp_path / "run", [0, 5, 10, 20])
    with pytest.raises(SourceError, match="1 of frames 0-20 missing: 15"):
        open_source(folder)


def test_a_folder_of_folders_says_what_to_give(tmp_path: Path) -> None:
    write_frames(tmp_path / "clips" / "a")
    with pytest.raises(SourceError, match=r"clips: no images in this folder, but folders; give each .*/clips/\*$"):
        open_source(tmp_path / "clips")


def test_files_that_are_no_images_are_told(tmp_path: Path) -> None:
    folder = write_frames(tmp_path / "run", range(2))
    (folder / "clip.mov").touch()
    (folder / ".hidden").touch()
    with open_source(folder) as source:
        assert source.notes == [f"{folder}: 1 file that is no image is left out: clip.mov"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "no images"),
        (["cat.png", "dog.png"], "cat.png: not a numbered frame"),
        (["cat1.png", "dog2.png"], "several sequences"),
        (["1.png", "01.png"], "frame 1 is there twice"),
    ],
)
def test_a_folder_that_is_no_sequence(tmp_path: Path, names: list[str], message: str) -> None:
    for name in names:
        Image.fromarray(picture(0)).save(tmp_path / name)
    with pytest.raises(SourceError, match=message):
        open_source(tmp_path)


@pytest.mark.parametrize("broken", [0, 1, 2])
def test_a_broken_frame_is_left_out_and_named(tmp_path: Path, broken: int) -> None:
    folder = write_frames(tmp_path / "run", range(3))
    data = (folder / f"0000{broken}.png").read_bytes()
    (folder / f"0000{broken}.png").write_bytes(data[: len(data) // 2])
    with open_source(folder) as source:
        frames = list(source)
        assert [number_of(frame.image) for frame in frames] == [frame.index for frame in frames]
        assert len(frames) == source.frame_count == 2
    assert f"0000{broken}.png: not an image that can be read" in source.notes[0]


def test_a_folder_of_broken_frames_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "1.png").write_text("no image")
    with pytest.raises(SourceError, match=r"1.png: not an image that can be read"):
        open_source(tmp_path / "run")


def test_an_image_upright_by_its_exif_orientation(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # shown after a quarter turn clockwise
    Image.fromarray(picture(9)).save(tmp_path / "phone.jpg", exif=exif, quality=95)
    with open_source(tmp_path / "phone.jpg") as source:
        (frame,) = source
    assert source.kind == "image"
    assert source.size == (64, 48)
    assert np.abs(frame.image.astype(int) - np.rot90(picture(9), -1)).mean() < 3


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1", "CMYK", "I;16"])
def test_every_kind_of_image_becomes_rgb(tmp_path: Path, mode: str) -> None:
    grey = np.repeat(np.repeat(np.array([[0, 255], [255, 0]], np.uint8), 8, 0), 8, 1)
    image = Image.fromarray(grey.astype(np.uint16) * 257) if mode == "I;16" else Image.fromarray(grey).convert(mode)
    image.save(tmp_path / "image.tif")
    with open_source(tmp_path / "image.tif") as source:
        (frame,) = source
    assert np.abs(frame.image.astype(int) - grey[..., None]).max() <= 1


def test_arrays_and_iterables() -> None:
    frames = np.stack([picture(index) for index in range(4)])
    for source in (open_source(frames), open_source(list(frames)), open_source(image for image in frames)):
        assert source.size == (48, 64)
        assert [number_of(frame.image) for frame in source] == [0, 1, 2, 3]
    assert [frame.time_s for frame in open_source(frames, fps=2)] == [0, 0.5, 1, 1.5]
    assert len(list(open_source(frames[0]))) == 1


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (np.zeros((2, 4, 4, 3), np.float32), "frame 0 is float32"),
        (np.zeros((2, 4, 4, 4), np.uint8), r"frame 0 is uint8 \(4, 4, 4\)"),
        (np.zeros((0, 4, 4, 3), np.uint8), "no frames"),
        ([picture(0), picture(1, (8, 8))], r"frame 1 is 8x8, frame 0 is 48x64"),
        (np.zeros((64, 48), np.uint8), r"frame 0 is uint8 \(64, 48\)"),
        (42, "int is neither a path nor frames"),
        (None, "NoneType is neither a path nor frames"),
    ],
)
def test_arrays_that_are_no_frames(frames: object, message: str) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        list(open_source(frames))
    assert isinstance(caught.value, ValueError)
