"""What the readers yield: small records of paths that load their pixels when asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sightline.data.files import load_image, load_mask
from sightline.errors import DataError
from sightline.types import Box, Point

DENSEST = 0.05
"""The largest share of a frame's pixels that people can have fixated; above, it is a density, or no map at all."""

_WHITE = 128


@dataclass(frozen=True, slots=True)
class ImageMask:
    """A photograph and one object in it.

    Attributes
    ----------
    image_path, mask_path : Path
        The files; `load` opens them.
    instance : int or None
        The value that this object has in the mask file; None for a mask of one object: white on black (from 128 on),
        or all that is not 0 where no value reaches 128 (palette and one-bit masks).

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> folder = Path(tempfile.mkdtemp())
    >>> Image.new("RGB", (4, 3)).save(folder / "a.jpg")
    >>> Image.fromarray(np.array([[0, 0, 255, 255]] * 3, np.uint8)).save(folder / "a.png")
    >>> image, mask = ImageMask(folder / "a.jpg", folder / "a.png").load()
    >>> image.shape, mask[0].tolist()
    ((3, 4, 3), [False, False, True, True])
    """

    image_path: Path
    mask_path: Path
    instance: int | None = None

    def load(self) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """The image (H, W, 3) uint8 RGB and the object (H, W) bool. Raises DataError if their sizes differ."""
        image, labels = load_image(self.image_path), load_mask(self.mask_path)
        _check_sizes(self.image_path, image, self.mask_path, labels)
        if self.instance is not None:
            return image, labels == self.instance
        return image, labels >= (_WHITE if labels.max(initial=0) >= _WHITE else 1)


@dataclass(frozen=True, slots=True)
class VideoSequence:
    """The frames of a video, and the masks of one object or of all salient objects as one, where they are labelled.

    Attributes
    ----------
    name : str
        Of the sequence in its data set.
    frames : list of Path
        The T pictures, in the order of time.
    masks : sequence of Path, tuple of Path or None
        T of them; None where a frame has no label. A tuple is a file for each object, to be united.
    threshold : int
        The smallest value in a mask file that is object: 1 where values are clean, 128 where they are JPEG.
    inverted : bool
        The object lies below the threshold instead (FBMS: on white).
    fixation_maps : sequence of Path or None
        T binary maps; empty where the set has none.
    scribbles : sequence of (Path, Path) or None
        T pairs, a picture of the object's strokes and one of all strokes; empty where there are none.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> folder = Path(tempfile.mkdtemp())
    >>> for name in ("0.png", "1.png"):
    ...     Image.new("RGB", (4, 3)).save(folder / name)
    >>> sequence = VideoSequence("walk", [folder / "0.png", folder / "1.png"], [None, None])
    >>> image, mask = sequence.load(1)
    >>> len(sequence), image.shape, mask, sequence.fixations(1)
    (2, (3, 4, 3), None, None)
    """

    name: str
    frames: list[Path]
    masks: Sequence[Path | tuple[Path, ...] | None]
    threshold: int = 1
    inverted: bool = False
    fixation_maps: Sequence[Path | None] = ()
    scribbles: Sequence[tuple[Path, Path] | None] = ()

    def __len__(self) -> int:
        return len(self.frames)

    def load(self, index: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_] | None]:
        """Frame `index` (H, W, 3) uint8 RGB and its mask (H, W) bool, or None. Raises DataError if sizes differ."""
        image, paths = load_image(self.frames[index]), self.masks[index]
        if paths is None:
            return image, None
        mask = np.zeros(image.shape[:2], dtype=bool)
        for path in paths if isinstance(paths, tuple) else (paths,):
            labels = load_mask(path)
            _check_sizes(self.frames[index], image, path, labels)
            mask |= (labels >= self.threshold) != self.inverted
        return image, mask

    def fixations(self, index: int) -> NDArray[np.float64] | None:
        """Where frame `index` was fixated: (K, 2) x, y in its pixels; None where there is no record of it.

        A map has no subjects, and two fixations on one pixel are one. Raises DataError where it is not binary.
        """
        path = self.fixation_maps[index] if self.fixation_maps else None
        if path is None:
            return None
        marked = load_mask(path) > 0
        if marked.mean() > DENSEST:
            raise DataError(
                f"{path}: {marked.mean():.0%} of the pixels are fixated; a map of single points is expected"
            )
        rows, columns = marked.nonzero()
        return np.stack([columns, rows], axis=1).astype(np.float64) + 0.5

    def scribble(self, index: int) -> NDArray[np.int8] | None:
        """The strokes on frame `index`: (H, W) int8, 1 on the object, 0 on the background, -1 unknown; None if none."""
        paths = self.scribbles[index] if self.scribbles else None
        if paths is None:
            return None
        marked, known = (load_mask(path) > 0 for path in paths)
        if marked.shape != known.shape:
            raise DataError(f"{paths[1]}: {known.shape} pixels, {paths[0].name} of the object has {marked.shape}")
        return np.where(known, marked, -1).astype(np.int8)


@dataclass(frozen=True, slots=True)
class FixationImage:
    """A photograph and where people fixated it.

    Attributes
    ----------
    image_path : Path
        The file; it may be a smaller copy of the picture that was shown.
    fixations : ndarray, (N, 2) float64
        x and y in pixels of the picture that was shown, from its top-left corner.
    size : (height, width)
        Of that picture, in pixels.
    map_path : Path or None
        The published fixation density map, where the data set has one.

    Examples
    --------
    >>> photograph = FixationImage(Path("a.jpg"), np.array([[300.0, 200.0], [900.0, 10.0]]), (600, 800))
    >>> photograph.fixations_at(300, 400).tolist()
    [[150.0, 100.0]]
    """

    image_path: Path
    fixations: NDArray[np.float64]
    size: tuple[int, int]
    map_path: Path | None = None

    def load(self) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
        """The image as the file has it, (H, W, 3) uint8 RGB, and the fixations in its pixels (N, 2)."""
        image = load_image(self.image_path)
        return image, self.fixations_at(*image.shape[:2])

    def fixations_at(self, height: int, width: int) -> NDArray[np.float64]:
        """The fixations in pixels of a (height, width) copy, those outside of the picture left out: (N, 2)."""
        scaled = self.fixations * (width / self.size[1], height / self.size[0])
        inside = (scaled >= 0).all(axis=1) & (scaled[:, 0] < width) & (scaled[:, 1] < height)
        return scaled[inside]


@dataclass(frozen=True, slots=True)
class Onlooker:
    """Somebody in a picture, and what is known of where they look. Points and boxes are in pixels of the file.

    Attributes
    ----------
    head : (x1, y1, x2, y2)
        Box around the whole head.
    eye : (x, y) or None
        Where the line of sight begins.
    target : (x, y) or None
        The point looked at; None where it is not known, or outside of the picture.
    inside : bool or None
        Whether the target is in the picture; None where nobody said.
    object : int or None
        The row of `LookingImage.boxes` that is looked at.
    direction : (x, y, z) or None
        Unit vector of the gaze: x right, y down, z away from the camera.
    pose : (pitch, yaw, roll) or None
        Of the head, degrees, in the set's own axes.
    score : float
        How sure the box is, in [0, 1]; 1 where a person drew it.
    targets : tuple of (x, y)
        The point of each annotator, where there are several; `target` is their mean.
    number : int
        From 1; the same in all frames of a clip.

    Examples
    --------
    >>> Onlooker((10, 10, 30, 40), target=(90.0, 20.0), inside=True).object is None
    True
    """

    head: Box
    eye: Point | None = None
    target: Point | None = None
    inside: bool | None = None
    object: int | None = None
    direction: tuple[float, float, float] | None = None
    pose: tuple[float, float, float] | None = None
    score: float = 1.0
    targets: tuple[Point, ...] = ()
    number: int = 1


@dataclass(frozen=True, slots=True)
class LookingImage:
    """A picture with people who look at something.

    Attributes
    ----------
    image_path : Path
        The file.
    size : (height, width)
        Of the file's picture, pixels.
    people : tuple of Onlooker
        Those who are annotated.
    boxes : ndarray, (N, 4) float64, or None
        x1, y1, x2, y2 of the objects, without heads; None where the set does not annotate objects.
    labels : tuple of str
        N names of classes; a number where the set has no names.
    masks_reader : callable or None
        Gives the objects' masks, (N, H, W) bool, empty where one has none; None where the set has no masks.
    name : str
        Of the picture in its set.

    Examples
    --------
    >>> picture = LookingImage(Path("a.jpg"), (480, 640), (Onlooker((10, 10, 30, 40)),))
    >>> picture.boxes is None, picture.masks() is None
    (True, True)
    """

    image_path: Path
    size: tuple[int, int]
    people: tuple[Onlooker, ...]
    boxes: NDArray[np.float64] | None = None
    labels: tuple[str, ...] = ()
    masks_reader: Callable[[], NDArray[np.bool_] | None] | None = None
    name: str = ""

    def load(self) -> NDArray[np.uint8]:
        """The picture (H, W, 3) uint8 RGB. Raises DataError where it is not of the size that the annotations say."""
        image = load_image(self.image_path)
        if image.shape[:2] != self.size:
            (height, width), (given_height, given_width) = image.shape[:2], self.size
            raise DataError(
                f"{self.image_path}: {width}x{height} pixels, its annotation says {given_width}x{given_height}; give "
                "boxes in pixels of the file"
            )
        return image

    def masks(self) -> NDArray[np.bool_] | None:
        """The masks of the objects, (N, H, W) bool; an object without one has an empty mask. None where none has."""
        return None if self.masks_reader is None else self.masks_reader()


def _check_sizes(image_path: Path, image: NDArray[np.uint8], mask_path: Path, mask: NDArray[np.uint8]) -> None:
    if image.shape[:2] != mask.shape:
        (height, width), (mask_height, mask_width) = image.shape[:2], mask.shape
        raise DataError(
            f"{mask_path}: the mask is {mask_width}x{mask_height} and its image {image_path.name} {width}x{height}; "
            "both must have the same size"
        )
