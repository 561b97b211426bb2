"""Frames that are no video: a folder of numbered images, arrays in memory."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sized
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sightline.errors import FrameError, SourceError
from sightline.files import IMAGE_SUFFIXES
from sightline.types import VideoFrame
from sightline.video.source import DEFAULT_FPS, Source
from sightline.video.stills import has_image_brand, read_image


def is_image(path: Path) -> bool:
    """Whether a file is an image, by its name, or HEIC or AVIF by its content."""
    return path.suffix.lower() in IMAGE_SUFFIXES or has_image_brand(path)


def list_images(folder: Path) -> list[Path]:
    """The image files directly inside `folder`, sorted by name. Raises SourceError where there are none."""
    files = [file for file in _files(folder) if file.suffix.lower() in IMAGE_SUFFIXES]
    if not files:
        if any(inner.is_dir() for inner in folder.iterdir()):
            raise SourceError(f"{folder}: no images in this folder, but folders; give each of them, as {folder}/*")
        raise SourceError(f"{folder}: no images in this folder ({', '.join(sorted(IMAGE_SUFFIXES))})")
    return files


def left_out(folder: Path) -> str | None:
    """What to tell of the files in `folder` that are no images; None where there are none."""
    names = [file.name for file in _files(folder) if file.suffix.lower() not in IMAGE_SUFFIXES and file.is_file()]
    if not names:
        return None
    more = ", ..." if len(names) > 5 else ""
    which = "file that is no image is" if len(names) == 1 else "files that are no images are"
    return f"{len(names)} {which} left out: {', '.join(names[:5])}{more}"


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except PermissionError as error:
        raise SourceError(f"{folder}: permission to list the folder is denied (chmod u+rx)") from error


class FrameFolder(Source):
    """A folder of images numbered in even steps from any first number: 00000.jpg, frame_17.png, 00000 00005 00010.

    Results keep the names of the frames. `fps` is that of the numbers: of every fifth frame of a video, a fifth as many
    are there. Frames that cannot be read, or are of another size than the first one, are left out.
    """

    path: Path

    def __init__(self, path: Path, fps: float = DEFAULT_FPS) -> None:
        super().__init__()
        self.path, self.name, self.stem, self.kind = path, str(path), path.resolve().name, "frames"
        self.files, step = _in_order(path)
        self.time_base = step / Fraction(fps).limit_denominator(1001)
        self.fps = fps / step
        self.frame_count = self.frames_expected = len(self.files)
        if (others := left_out(path)) is not None:
            self.note(others)
        self.size = self._first_size()

    def _first_size(self) -> tuple[int, int]:
        for number, file in enumerate(self.files):
            try:
                height, width = read_image(file).shape[:2]
            except SourceError:
                if number + 1 == len(self.files):
                    raise
                continue
            return height, width
        raise AssertionError("a folder has at least one image")

    def frame_name(self, index: int) -> str:
        return self.files[index].stem

    def __iter__(self) -> Iterator[VideoFrame]:
        broken, odd, good = 0, 0, 0
        cause = ""
        for index, file in enumerate(self.files):
            try:
                image = read_image(file, self.note)
            except SourceError as error:
                broken += 1
                few = "1 frame cannot" if broken == 1 else f"{broken} frames cannot"
                cause = cause or str(error)
                self.note(f"{few} be read and left out ({cause})", "broken")
                continue
            if image.shape[:2] != self.size:
                odd += 1
                got, usual = _by(image.shape[:2]), _by(self.size)
                if odd > good:
                    raise SourceError(
                        f"{file}: frame {index} is {got} where the first one is {usual} (height x width); make all "
                        "frames one size, or predict `each` as an image of its own"
                    )
                self.note(f"{odd} frames of another size than {usual} are left out, as {file.name} ({got})", "sizes")
                continue
            good += 1
            yield VideoFrame(index, float(index * self.time_base), index, image)
        self.frame_count = good


class ArraySource(Source):
    """Frames in memory: (H, W, 3), (T, H, W, 3), or an iterable of (H, W, 3); uint8 RGB."""

    def __init__(self, frames: NDArray[np.uint8] | Iterable[NDArray[np.uint8]], fps: float = DEFAULT_FPS) -> None:
        super().__init__()
        self.kind, self.fps, self.time_base = "array", fps, 1 / Fraction(fps).limit_denominator(1001)
        if isinstance(frames, np.ndarray) and frames.ndim in (2, 3):
            frames = frames[None]
        if not isinstance(frames, Iterable) or (isinstance(frames, np.ndarray) and not frames.ndim):
            raise FrameError(f"array: {type(frames).__name__} is neither a path nor frames, uint8 RGB (H, W, 3)")
        if isinstance(frames, Sized):
            self.frame_count = self.frames_expected = len(frames)
        self._frames = frames
        self._rest = iter(frames)
        try:
            self._first = _checked(next(self._rest), 0, None)
        except StopIteration:
            raise FrameError("array: no frames in it; give at least one (H, W, 3) uint8 frame") from None
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
        raise FrameError(f"array: frame {index} is {image.dtype} {image.shape}; expected uint8 RGB (H, W, 3)")
    if size is not None and image.shape[:2] != size:
        raise FrameError(f"array: frame {index} is {_by(image.shape[:2])}, frame 0 is {_by(size)} (height x width)")
    return image


def _in_order(folder: Path) -> tuple[list[Path], int]:
    """(images by frame number, the step between numbers); SourceError names what is missing, double or not numbered."""
    numbered: dict[int, Path] = {}
    names = set()
    for file in list_images(folder):
        found = re.fullmatch(r"(.*?)(\d+)(\D*)", file.stem)
        if found is None:
            raise SourceError(f"{file}: not a numbered frame; number the frames, or pass `each` for unrelated images")
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
            f"{folder}: frames of several sequences ({two}); one folder each, or `each` for unrelated images"
        )
    order = sorted(numbered)
    step = math.gcd(*(b - a for a, b in pairwise(order))) or 1
    missing = sorted(set(range(order[0], order[-1], step)) - set(order))
    if missing:
        raise SourceError(
            f"{folder}: {len(missing)} of frames {min(numbered)}-{max(numbered)} missing: {_ranges(missing)}; "
            "add them or renumber, or pass `each` for unrelated images"
        )
    return [numbered[number] for number in order], step


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
