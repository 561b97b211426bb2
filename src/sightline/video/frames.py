"""Frames that are no video: a folder of numbered images, one image, arrays in memory."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sized
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from sightline.errors import SourceError
from sightline.files import IMAGE_SUFFIXES as IMAGE_SUFFIXES
from sightline.video.source import DEFAULT_FPS, Source, VideoFrame


def read_image(path: Path) -> NDArray[np.uint8]:
    """Read an image as (H, W, 3) uint8 RGB, turned upright by its EXIF orientation; 16-bit grey is scaled to 8.

    Raises SourceError where it cannot be read or is broken.
    """
    try:
        with Image.open(path) as file:
            image = ImageOps.exif_transpose(file)
            if image.mode.startswith("I"):  # Pillow would clip 16-bit grey at 255 instead of scaling it
                grey = (np.asarray(image).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8)
                return np.repeat(grey[..., None], 3, axis=2)
            return np.array(image.convert("RGB"))
    except PermissionError as error:
        raise SourceError(f"{path}: permission to read it is denied; change its permissions (chmod u+r)") from error
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        cause = str(error).split("\n")[0].replace(f"'{path}'", "it")
        raise SourceError(f"{path}: not an image that can be read ({cause}); export it again") from error


def list_images(folder: Path) -> list[Path]:
    """The image files directly inside `folder`, sorted by name. Raises SourceError where there are none."""
    try:
        files = sorted(p for p in folder.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES and not p.name.startswith("."))
    except PermissionError as error:
        raise SourceError(f"{folder}: permission to list the folder is denied (chmod u+rx)") from error
    if not files:
        raise SourceError(f"{folder}: no images in this folder ({', '.join(sorted(IMAGE_SUFFIXES))})")
    return files


class FrameFolder(Source):
    """A folder of images numbered without gaps, from any first number: 00000.jpg, frame_17.png, ..."""

    def __init__(self, path: Path, fps: float = DEFAULT_FPS) -> None:
        self.path, self.stem, self.kind = path, path.resolve().name, "frames"
        self.fps, self.time_base = fps, 1 / Fraction(fps).limit_denominator(1001)
        self.files = _in_order(path)
        self.frame_count = self.frames_expected = len(self.files)
        self.size = read_image(self.files[0]).shape[:2]

    def __iter__(self) -> Iterator[VideoFrame]:
        for index, file in enumerate(self.files):
            image = read_image(file)
            if image.shape[:2] != self.size:
                got, first = _by(image.shape[:2]), _by(self.size)
                raise SourceError(
                    f"{file}: frame {index} is {got} where {self.files[0].name} is {first} (height x width); "
                    "make all frames one size, or pass --each for unrelated images"
                )
            yield VideoFrame(index, float(index * self.time_base), index, image)


class ImageFile(Source):
    """One image."""

    def __init__(self, path: Path) -> None:
        self.path, self.stem, self.kind = path, path.stem, "image"
        self.fps, self.time_base = DEFAULT_FPS, 1 / Fraction(DEFAULT_FPS)
        self.frame_count = self.frames_expected = 1
        self._image = read_image(path)
        self.size = self._image.shape[:2]

    def __iter__(self) -> Iterator[VideoFrame]:
        yield VideoFrame(0, 0.0, 0, self._image)


class ArraySource(Source):
    """Frames in memory: (H, W, 3), (T, H, W, 3), or an iterable of (H, W, 3); uint8 RGB."""

    def __init__(self, frames: NDArray[np.uint8] | Iterable[NDArray[np.uint8]], fps: float = DEFAULT_FPS) -> None:
        self.kind, self.fps, self.time_base = "array", fps, 1 / Fraction(fps).limit_denominator(1001)
        if isinstance(frames, np.ndarray) and frames.ndim == 3:
            frames = frames[None]
        if isinstance(frames, Sized):
            self.frame_count = self.frames_expected = len(frames)
        self._frames = frames
        self._rest = iter(frames)
        try:
            self._first = _checked(next(self._rest), 0, None)
        except StopIteration:
            raise SourceError("array: no frames in it; give at least one (H, W, 3) uint8 frame") from None
        self.size = self._first.shape[:2]

    def __iter__(self) -> Iterator[VideoFrame]:
        # An iterator can be read only once; its first frame was taken to learn the size.
        rest = self._rest if self._rest is self._frames else iter(self._frames)
        if rest is self._rest:
            yield self._frame(0, self._first)
        for index, image in enumerate(rest, start=int(rest is self._rest)):
            yield self._frame(index, image)

    def _frame(self, index: int, image: NDArray[np.uint8]) -> VideoFrame:
        return VideoFrame(index, float(index * self.time_base), index, _checked(image, index, self.size))


def _checked(image: NDArray[np.uint8], index: int, size: tuple[int, int] | None) -> NDArray[np.uint8]:
    image = np.asarray(image)
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
        raise SourceError(f"array: frame {index} is {image.dtype} {image.shape}; expected uint8 RGB (H, W, 3)")
    if size is not None and image.shape[:2] != size:
        raise SourceError(f"array: frame {index} is {_by(image.shape[:2])}, frame 0 is {_by(size)} (height x width)")
    return image


def _in_order(folder: Path) -> list[Path]:
    """The folder's images by frame number; SourceError names what is missing, double or not numbered."""
    numbered: dict[int, Path] = {}
    names = set()
    for file in list_images(folder):
        found = re.fullmatch(r"(.*?)(\d+)(\D*)", file.stem)
        if found is None:
            raise SourceError(f"{file}: not a numbered frame; number the frames, or pass --each for unrelated images")
        names.add((found[1], found[3]))
        number = int(found[2])
        if number in numbered:
            raise SourceError(
                f"{folder}: frame {number} is there twice ({numbered[number].name}, {file.name}); keep one"
            )
        numbered[number] = file
    if len(names) > 1:
        two = ", ".join(f"{before}*{after}" for before, after in sorted(names)[:2])
        raise SourceError(
            f"{folder}: frames of several sequences ({two}); one folder each, or --each for unrelated images"
        )
    missing = sorted(set(range(min(numbered), max(numbered))) - set(numbered))
    if missing:
        raise SourceError(
            f"{folder}: {len(missing)} of frames {min(numbered)}-{max(numbered)} missing: {_ranges(missing)}; "
            "add them or renumber, or pass --each for unrelated images"
        )
    return [numbered[number] for number in sorted(numbered)]


def _ranges(numbers: list[int], most: int = 8) -> str:
    """[1, 2, 3, 7] -> "1-3, 7"."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    text = ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in runs[:most])
    return text + (", ..." if len(runs) > most else "")


def _by(size: tuple[int, ...]) -> str:
    return "x".join(map(str, size))
