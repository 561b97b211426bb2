"""Objects without their surroundings, cut out of photographs with masks."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from sightline.data import bsds, davis
from sightline.data.files import list_images, mask_values
from sightline.data.samples import ImageMask
from sightline.errors import DataError
from sightline.fixations import read_columns
from sightline.progress import track

Namer = Callable[[NDArray[np.uint8], NDArray[np.bool_]], str | None]
"""Says what a mask (H, W) of a photograph (H, W, 3) covers; None where it does not know."""

LAYOUTS = "DAVIS (JPEGImages/480p), BSDS500 (test/<id>_seg0.png), or pictures <id>.jpg with masks <id>.png beside them"
TAGGED = "<tag>/<id>.jpg with <tag>/<id>.png, or <id>.jpg with <id>.png and tags.csv (image,tag)"
AREA = (0.03, 0.3)
"""Smallest and largest part of its picture that a cut-out covers: smaller ones are blurred, larger ones backgrounds."""
SOLIDITY = 0.5
"""Part of its convex hull that a cut-out fills, at least; less is a net of branches, or a rest between objects."""


class Cutout(NamedTuple):
    """An object without its surroundings: (h, w, 4) float32, RGB in [0, 255] and opacity in [0, 1], and its name."""

    pixels: NDArray[np.float32]
    name: str


class Tagged(NamedTuple):
    """An object that can be cut out, and its tag."""

    sample: ImageMask
    tag: str


def objects(root: str | Path, split: str | None = "test") -> list[list[ImageMask]]:
    """List what may be cut out of a folder of photographs with masks.

    Parameters
    ----------
    root : str or Path
        DAVIS (every tenth frame of each sequence), BSDS500 (segments of its photographs: the largest that does not
        touch the border is mostly an object), or pictures `<id>.jpg` with masks `<id>.png` beside them.
    split : str or None, default "test"
        Of BSDS500; None for all three.

    Returns
    -------
    list of list of ImageMask
        For each photograph the masks in it, the largest first; photographs in a fixed order.

    Raises
    ------
    DataError
        Where the folder has none of these layouts.
    """
    root = Path(root)
    if (root / "JPEGImages").is_dir():
        return [
            [ImageMask(sequence.frames[index], mask)]
            for sequence in davis.sequences(root)
            for index, mask in enumerate(sequence.masks)
            if index % 10 == 0 and isinstance(mask, Path)
        ]
    if (root / "test").is_dir():
        return _segments(root, split)
    pictures = [path for path in list_images(root) if path.suffix.lower() != ".png"]
    found = [[ImageMask(path, path.with_suffix(".png"))] for path in pictures if path.with_suffix(".png").is_file()]
    if not found:
        raise DataError(f"{root}: no photographs with masks; one of these layouts is expected: {LAYOUTS}")
    return found


def tagged_objects(root: str | Path, namer: Namer | None = None, match: str = "*") -> list[Tagged]:
    """List the whole objects of a folder with what they are.

    Parameters
    ----------
    root : str or Path
        Pictures with masks and a tag each: `<tag>/<id>.jpg` with `<tag>/<id>.png`, or `<id>.jpg` with `<id>.png` and a
        table tags.csv (image,tag). Or a layout of `objects`, whose segments `namer` names.
    namer : callable, optional
        Names the segments of photographs without tags. What it does not know is left out.
    match : str, default "*"
        Only pictures whose path below the root is like this: `train/*`, `*/dog/*`.

    Returns
    -------
    list of Tagged
        In a fixed order; each can be cut out.

    Warns
    -----
    UserWarning
        A picture is damaged and left out.

    Raises
    ------
    DataError
        Where there are none, or photographs have no tags and there is no `namer`.
    """
    root = Path(root)
    found = _listed(root) if (root / "tags.csv").is_file() else _by_folder(root)
    if found is None:
        samples = [sample for photograph in objects(root, split=None) for sample in photograph]
        if namer is None:
            raise DataError(f"{root}: its objects have no tags; expected is {TAGGED}, or something that names them")
    else:
        samples = [each.sample for each in found]
    tags = {each.sample: each.tag for each in found or ()}
    samples = [each for each in samples if fnmatch(each.image_path.relative_to(root).as_posix(), match)]
    whole: list[Tagged] = []
    for sample in track(samples, "Looking for whole objects"):
        try:
            if cut_out(sample) is None:
                continue
        except DataError as error:
            warnings.warn(f"{error}; it is left out", stacklevel=2)
            continue
        tag = tags.get(sample) if namer is None or found is not None else namer(*sample.load())
        if tag:
            whole.append(Tagged(sample, tag))
    if not whole:
        raise DataError(f"{root}: no whole object with a tag among {len(samples)} that match {match!r}")
    return whole


def cut_out(sample: ImageMask) -> Cutout | None:
    """Cut an object out of its photograph.

    Parameters
    ----------
    sample : ImageMask
        The photograph and its mask.

    Returns
    -------
    Cutout or None
        None where the mask is no whole object: it touches the border, is too small or too large, in pieces, or thin.
    """
    image, mask = sample.load()
    labels, count = ndimage.label(mask)
    if not count:
        return None
    sizes = np.bincount(labels.ravel())[1:]
    largest = labels == 1 + int(sizes.argmax())
    border = largest[0].any() or largest[-1].any() or largest[:, 0].any() or largest[:, -1].any()
    if border or not AREA[0] <= largest.mean() <= AREA[1] or sizes.max() < 0.9 * mask.sum():
        return None
    largest = ndimage.binary_fill_holes(largest)
    rows, columns = (np.flatnonzero(largest.any(axis=axis)) for axis in (1, 0))
    box = np.s_[rows[0] - 1 : rows[-1] + 2, columns[0] - 1 : columns[-1] + 2]
    outline, _ = cv2.findContours(largest.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if largest.sum() < SOLIDITY * cv2.contourArea(cv2.convexHull(np.concatenate(outline))):
        return None
    # The outermost pixels show the old surroundings, too.
    inside = ndimage.binary_erosion(largest)
    opacity = cv2.GaussianBlur(inside[box].astype(np.float32), (0, 0), 0.8)
    pixels = np.concatenate([image[box].astype(np.float32), opacity[..., None]], axis=2)
    name = f"{sample.image_path.parent.name}/{sample.image_path.stem}"  # frames of DAVIS differ by folder alone
    return Cutout(pixels, f"{name}:{sample.instance}" if sample.instance else name)


def _segments(root: Path, split: str | None) -> list[list[ImageMask]]:
    """The first person's segments of each photograph, the largest first."""
    found: dict[Path, list[ImageMask]] = {}
    for sample in bsds.segments(root, split, *AREA):
        if sample.mask_path.stem.endswith("_seg0"):
            found.setdefault(sample.image_path, []).append(sample)
    for samples in found.values():
        areas = mask_values(samples[0].mask_path)
        samples.sort(key=lambda sample: -areas[sample.instance or 0])
    return list(found.values())


def _listed(root: Path) -> list[Tagged]:
    """The pictures of tags.csv."""
    table = read_columns(root / "tags.csv", (), ("image", "tag"))
    found = []
    for name, tag in zip(table.text["image"].tolist(), table.text["tag"].tolist(), strict=True):
        image = root / name
        mask = image.with_suffix(".png")
        for path in (image, mask):
            if not path.is_file():
                raise DataError(f"{root / 'tags.csv'}: {path} is not there; {TAGGED} is expected")
        found.append(Tagged(ImageMask(image, mask), tag))
    return found


def _by_folder(root: Path) -> list[Tagged] | None:
    """The pictures of folders that are called like tags; None where the layout is another one."""
    if (root / "JPEGImages").is_dir() or (root / "test").is_dir() or not root.is_dir():
        return None
    found = [
        Tagged(ImageMask(path, path.with_suffix(".png")), folder.name)
        for folder in sorted(entry for entry in root.iterdir() if entry.is_dir())
        for path in list_images(folder)
        if path.suffix.lower() != ".png" and path.with_suffix(".png").is_file()
    ]
    return found or None
