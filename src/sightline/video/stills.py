"""Photographs and other images: one picture, or the pages of an animated one."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from sightline.errors import SourceError
from sightline.types import VideoFrame
from sightline.untrusted import PICTURE_ERRORS
from sightline.video.colour import on_grey
from sightline.video.source import DEFAULT_FPS, Source

Note = Callable[[str, str], None]
_HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"mif2"})
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_REDUCED = 254  # the TIFF tag NewSubfileType: bit 0 marks a smaller copy of another page
_SHORTEST_MS, _USUAL_MS = 10, 100  # browsers show a page without a duration, or with less than this, for so long


def read_image(path: Path, note: Note = lambda text, about: None) -> NDArray[np.uint8]:
    """Read an image as (H, W, 3) uint8 RGB, turned upright by its EXIF orientation.

    16-bit grey is scaled to 8 bits, floating-point grey from 0..1, or else from its own range; transparent parts show
    grey. `note` is called with (text, what it is about) where that is done. Raises SourceError where it cannot be read
    or is broken.
    """
    with _reading(path), _open(path) as file:
        if (pages := getattr(file, "n_frames", 1)) > 1:
            note(f"only the first of its {pages} pages is read", "pages")
        return _to_rgb(file, note)


def open_still(path: Path, fps: float = DEFAULT_FPS) -> Source:
    """An image, or all pages of one that has several; `fps` is for pages without times, of a TIFF."""
    with _reading(path), _open(path) as file:
        pages = getattr(file, "n_frames", 1)
    return ImagePages(path, fps) if pages > 1 else ImageFile(path)


def has_image_brand(path: Path) -> bool:
    """Whether a file is HEIC or AVIF by its content, whatever its name says."""
    return bool(_brands(path) & (_HEIF_BRANDS | _AVIF_BRANDS))


class ImageFile(Source):
    """One image."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path, self.name, self.stem, self.kind = path, str(path), path.stem, "image"
        self.fps, self.time_base = DEFAULT_FPS, 1 / Fraction(DEFAULT_FPS)
        self.frame_count = self.frames_expected = 1
        self._image = read_image(path, self.note)
        self.size = self._image.shape[:2]

    def __iter__(self) -> Iterator[VideoFrame]:
        yield VideoFrame(0, 0.0, 0, self._image)


class ImagePages(Source):
    """The pages of an animated GIF, WebP, PNG or AVIF with their times, or of a TIFF.

    Smaller copies in a TIFF and a default image that is no part of the animation are no pages. Pages that are broken or
    of another size are left out.
    """

    path: Path

    def __init__(self, path: Path, fps: float = DEFAULT_FPS) -> None:
        super().__init__()
        self.path, self.name, self.stem, self.kind = path, str(path), path.stem, "video"
        with _reading(path), _open(path) as file:
            self._pages = _pages(file)
            self._timed = file.format != "TIFF"
            self.fps = 1000 / _duration_ms(file) if self._timed else fps
            self.time_base = Fraction(1, 1000) if self._timed else 1 / Fraction(fps).limit_denominator(1001)
            file.seek(self._pages[0])
            self.size = _to_rgb(file, lambda text, about: None).shape[:2]
        self.frames_expected = len(self._pages)

    @property
    def end_s(self) -> float | None:
        """See `Source.end_s`; each page says how long it is shown."""
        return None if self._timed else super().end_s

    def __iter__(self) -> Iterator[VideoFrame]:
        pts, left_out = 0, 0
        with _reading(self.path), _open(self.path) as file:
            for index, page in enumerate(self._pages):
                image = None
                with contextlib.suppress(SourceError), _reading(self.path):
                    file.seek(page)
                    image = _to_rgb(file, self.note)
                if image is not None and image.shape[:2] == self.size:
                    yield VideoFrame(index, float(pts * self.time_base), pts, image)
                else:
                    left_out += 1
                    self.note(f"{left_out} of {len(self._pages)} pages, broken or of another size, left out", "pages")
                pts += _duration_ms(file) if self._timed else 1
        self.frame_count = len(self._pages) - left_out


def _pages(file: Image.Image) -> list[int]:
    numbers = list(range(getattr(file, "n_frames", 1)))
    if getattr(file, "default_image", False):
        return numbers[1:]
    if file.format == "TIFF":
        whole = []
        for number in numbers:
            file.seek(number)
            if not getattr(file, "tag_v2", {}).get(_REDUCED, 0) & 1:
                whole.append(number)
        return whole or numbers
    return numbers


def _duration_ms(file: Image.Image) -> int:
    duration = round(float(file.info.get("duration", 0)))
    return duration if duration > _SHORTEST_MS else _USUAL_MS


def _to_rgb(file: Image.Image, note: Note) -> NDArray[np.uint8]:
    image = ImageOps.exif_transpose(file)
    if image.mode.startswith("I") or image.mode == "F":
        return np.repeat(_grey_8_bits(np.asarray(image), note)[..., None], 3, axis=2)
    if not image.has_transparency_data:
        return np.array(image.convert("RGB"))
    rgba = np.asarray(image.convert("RGBA"))
    if (rgba[..., 3] == 255).all():
        return rgba[..., :3].copy()
    note("transparent parts are shown on grey", "alpha")
    return on_grey(rgba)


def _grey_8_bits(values: NDArray[np.generic], note: Note) -> NDArray[np.uint8]:
    """Pillow would clip these at 255 instead of scaling them."""
    grey = values.astype(np.float64)
    known = grey[np.isfinite(grey)]
    if not known.size:
        raise ValueError("no number in it is finite")
    low, high = float(known.min()), float(known.max())
    if np.issubdtype(values.dtype, np.integer) and low >= 0 and high < 1 << 16:
        return (values.astype(np.int64) >> 8).astype(np.uint8)
    if low < 0 or high > 1:
        note(f"its values from {low:g} to {high:g} are scaled to 0-255", "range")
        grey = (grey - low) / max(high - low, 1e-12)
    return (np.nan_to_num(grey, nan=0, posinf=1, neginf=0).clip(0, 1) * 255 + 0.5).astype(np.uint8)


def _open(path: Path) -> Image.Image:
    if _brands(path) & _HEIF_BRANDS and not _brands(path) & _AVIF_BRANDS:
        try:
            import pillow_heif
        except ImportError:
            raise SourceError(
                f"{path}: HEIC photographs need the package pillow-heif: pip install 'sightline[heic]', or export it "
                "as JPEG"
            ) from None
        pillow_heif.register_heif_opener()
    return Image.open(path)


def _brands(path: Path) -> frozenset[bytes]:
    """The names in an ISO media file's ftyp box, empty for other files and what is no regular file."""
    if not path.is_file():
        return frozenset()
    with path.open("rb") as file:
        size, kind = int.from_bytes(file.read(4), "big"), file.read(4)
        if kind != b"ftyp":
            return frozenset()
        names = file.read(max(0, min(size, 256) - 8))  # a box of less than its own head is damaged
    return frozenset({names[:4]} | {names[i : i + 4] for i in range(8, len(names), 4)})


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except PermissionError as error:
        raise SourceError(f"{path}: permission to read it is denied; change its permissions (chmod u+r)") from error
    except PICTURE_ERRORS as error:
        cause = str(error).split("\n")[0].replace(f"'{path}'", "it")
        raise SourceError(f"{path}: not an image that can be read ({cause}); export it again") from error
