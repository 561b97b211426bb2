"""Videos with known masks: real cut-outs that move over real photographs.

The target moves on a smooth path, turns a little, and changes its size, while the camera pans. It can have a
distractor, a second cut-out that moves too; pass behind a pillar that hides it for some frames; or leave the frame and
come back. The same seed gives the same video. Sources are photographs with masks: nothing has to be annotated anew.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from sightline.data import bsds, davis
from sightline.data.files import list_images, load_image, mask_values
from sightline.data.samples import ImageMask
from sightline.errors import DataError, UsageError
from sightline.files import WholeFolder
from sightline.progress import track

Colours = NDArray[np.uint8]
Mask = NDArray[np.bool_]

LAYOUTS = "DAVIS (JPEGImages/480p), BSDS500 (test/<id>_seg0.png), or pictures <id>.jpg with masks <id>.png beside them"
AREA = (0.03, 0.3)
"""Smallest and largest part of its picture that a cut-out covers: smaller ones are blurred, larger ones backgrounds."""
SOLIDITY = 0.5
"""Part of its convex hull that a cut-out fills, at least; less is a net of branches, or a rest between objects."""
SIDE = (0.3, 0.5)
"""Longer side of a cut-out in the video, in parts of the frame's height."""
MARGIN = 1.15
"""Size of the background in parts of the frame's: room for the camera to pan."""
GRAIN = 2.0
"""Standard deviation of the sensor noise, grey levels: no two frames of a real video are equal."""


@dataclass(frozen=True, slots=True)
class Events:
    """What happens to the target.

    Attributes
    ----------
    distractor : bool
        A second cut-out moves, too.
    occluder : bool
        A pillar hides the target for some frames.
    leaves : bool
        The target leaves the frame and comes back.
    """

    distractor: bool = False
    occluder: bool = False
    leaves: bool = False


EVENTS = (Events(), Events(distractor=True), Events(occluder=True), Events(distractor=True, leaves=True))
"""What the videos of `write` get in turn."""


class CompositeFrame(NamedTuple):
    """image: (H, W, 3) uint8 RGB. mask: (H, W) bool, the visible part of the target. distractor: likewise, of that."""

    image: Colours
    mask: Mask
    distractor: Mask


class Cutout(NamedTuple):
    """An object without its surroundings: (h, w, 4) float32, RGB in [0, 255] and opacity in [0, 1], and its name."""

    pixels: NDArray[np.float32]
    name: str


def objects(root: str | Path) -> list[list[ImageMask]]:
    """List what may be cut out of a folder of photographs with masks.

    Parameters
    ----------
    root : str or Path
        DAVIS (every tenth frame of each sequence), BSDS500 (segments of its `test` photographs: the largest that does
        not touch the border is mostly an object), or pictures `<id>.jpg` with masks `<id>.png` beside them.

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
        return _segments(root)
    pictures = [path for path in list_images(root) if path.suffix.lower() != ".png"]
    found = [[ImageMask(path, path.with_suffix(".png"))] for path in pictures if path.with_suffix(".png").is_file()]
    if not found:
        raise DataError(f"{root}: no photographs with masks; one of these layouts is expected: {LAYOUTS}")
    return found


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
    return Cutout(pixels, f"{sample.image_path.stem}:{sample.instance}" if sample.instance else sample.image_path.stem)


def compose(
    background: Colours,
    target: Cutout,
    rng: np.random.Generator,
    distractor: Cutout | None = None,
    pillar: Colours | None = None,
    leaves: bool = False,
    frames: int = 48,
    size: tuple[int, int] = (270, 480),
) -> Iterator[CompositeFrame]:
    """Compose a video.

    Parameters
    ----------
    background : ndarray of uint8, (h, w, 3)
        A photograph, RGB.
    target : Cutout
        The object whose mask is given.
    rng : numpy.random.Generator
        Draws paths, sizes and noise.
    distractor : Cutout, optional
        A second object that moves; it passes before or behind the target.
    pillar : ndarray of uint8, (h, w, 3), optional
        A photograph whose texture a pillar has, from the top to the bottom of the frame; the target passes behind it.
    leaves : bool, default False
        Whether the target leaves the frame and comes back.
    frames : int, default 48
        The video's length.
    size : tuple of int, default (270, 480)
        Height and width, pixels.

    Yields
    ------
    CompositeFrame
        In order. The target is whole in the first frame.

    Examples
    --------
    >>> ground = np.full((200, 300, 3), 90, np.uint8)
    >>> ball = Cutout(np.full((20, 20, 4), (255.0, 0.0, 0.0, 1.0), np.float32), "ball")
    >>> first, *rest = compose(ground, ball, np.random.default_rng(0), frames=5, size=(60, 100))
    >>> first.image.shape, bool(first.mask.any()), len(rest)
    ((60, 100, 3), True, 4)
    """
    height, width = size
    pan = _smooth(rng, frames, 1)
    ground = _cover(background, (math.ceil(height * MARGIN), math.ceil(width * MARGIN)))
    across = pillar is not None or leaves
    path = _crossing(rng, frames, size, leaves) if across else _wander(rng, frames, size)
    moving = [_Sprite(target, path, rng, frames, height)]
    if distractor is not None:
        moving.append(_Sprite(distractor, _wander(rng, frames, size), rng, frames, height))
    target_first = bool(rng.integers(2))
    column = None
    if pillar is not None:
        middle = frames // 2
        column = _Pillar(pillar, float(path[middle, 0]), 1.3 * moving[0].longest, size)
    for index in range(frames):
        x, y = (round(float(room * (0.5 + 0.5 * pan[index, axis]))) for axis, room in _rooms(ground, size))
        image = ground[y : y + height, x : x + width].astype(np.float32)
        opacities = [np.zeros(size, np.float32) for _ in moving]
        for number in range(len(moving)) if target_first else reversed(range(len(moving))):
            layer = moving[number].at(index, size)
            image, opacities = _over(image, opacities, layer, number)
        if column is not None:
            image, opacities = _over(image, opacities, column.layer, None)
        image = image + GRAIN * rng.standard_normal(image.shape, np.float32)
        masks = [opacity > 0.5 for opacity in opacities]
        yield CompositeFrame(
            image.clip(0, 255).astype(np.uint8), masks[0], masks[-1] if distractor else masks[0] & False
        )


def write(
    root: str | Path,
    backgrounds: str | Path,
    count: int,
    out: str | Path,
    seed: int = 0,
    frames: int = 48,
    size: tuple[int, int] = (270, 480),
) -> list[str]:
    """Write videos with masks in the layout of DAVIS, the events of `EVENTS` in turn.

    Parameters
    ----------
    root : str or Path
        Photographs with masks, see `objects`.
    backgrounds : str or Path
        A folder of photographs.
    count : int
        How many videos.
    out : str or Path
        The new folder: JPEGImages/480p, Annotations/480p, ImageSets/480p/sequences.txt, and composites.json with what
        each video is made of. It appears whole or not at all.
    seed : int, default 0
        The same seed gives the same videos.
    frames, size
        As in `compose`.

    Returns
    -------
    list of str
        The videos' names.

    Raises
    ------
    DataError
        Where there are no objects that can be cut out, or no photographs.
    OutputError
        Where `out` holds something else, or cannot be written.
    """
    if count < 1:
        raise UsageError(f"`count` is {count}; at least 1 is expected")
    photographs = list_images(Path(backgrounds))
    if not photographs:
        raise DataError(f"{backgrounds}: no photographs; a folder of pictures is expected")
    samples, rng = objects(root), np.random.default_rng(seed)
    order = iter(rng.permutation(len(samples)))
    names, made = [], []
    with WholeFolder(out, marker="composites.json", replaces=_FOLDERS).require_ours() as partial:
        for number in track(range(count), "Composing videos"):
            events = EVENTS[number % len(EVENTS)]
            target = _next_cutout(samples, order, root)
            distractor = _next_cutout(samples, order, root) if events.distractor else None
            ground, pillar = (photographs[index] for index in rng.choice(len(photographs), 2, replace=False))
            video = compose(
                load_image(ground),
                target,
                np.random.default_rng([seed, number]),
                distractor,
                load_image(pillar) if events.occluder else None,
                events.leaves,
                frames,
                size,
            )
            names.append(f"composite{number:03d}")
            _write_video(partial, names[-1], video)
            made.append(
                {
                    "name": names[-1],
                    "target": target.name,
                    "distractor": distractor.name if distractor else None,
                    "background": ground.name,
                    **asdict(events),
                }
            )
        lists = partial / "ImageSets" / "480p"
        lists.mkdir(parents=True)
        (lists / "sequences.txt").write_text("\n".join(names) + "\n", encoding="utf-8")
        about = {"seed": seed, "frames": frames, "size": size, "videos": made}
        (partial / "composites.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    return names


_FOLDERS = ("JPEGImages", "Annotations", "ImageSets")


def _segments(root: Path) -> list[list[ImageMask]]:
    """The first person's segments of each photograph, the largest first."""
    found: dict[Path, list[ImageMask]] = {}
    for sample in bsds.segments(root, "test", *AREA):
        if sample.mask_path.stem.endswith("_seg0"):
            found.setdefault(sample.image_path, []).append(sample)
    for samples in found.values():
        areas = mask_values(samples[0].mask_path)
        samples.sort(key=lambda sample: -areas[sample.instance or 0])
    return list(found.values())


def _next_cutout(photographs: Sequence[Sequence[ImageMask]], order: Iterator[np.intp], root: str | Path) -> Cutout:
    for index in order:
        for sample in photographs[int(index)]:
            if (found := cut_out(sample)) is not None:
                return found
    raise DataError(f"{root}: too few whole objects for so many videos; ask for fewer, or give more photographs")


def _write_video(root: Path, name: str, video: Iterator[CompositeFrame]) -> None:
    pictures, masks = (root / folder / "480p" / name for folder in _FOLDERS[:2])
    pictures.mkdir(parents=True)
    masks.mkdir(parents=True)
    for index, frame in enumerate(video):
        Image.fromarray(frame.image).save(pictures / f"{index:05d}.jpg", quality=92)
        Image.fromarray(frame.mask.astype(np.uint8) * 255).save(masks / f"{index:05d}.png")


class _Sprite:
    """A cut-out on its path."""

    def __init__(
        self, cutout: Cutout, path: NDArray[np.float64], rng: np.random.Generator, frames: int, height: int
    ) -> None:
        self.cutout, self.path = cutout, path
        longer = max(cutout.pixels.shape[:2])
        self.scales = height * rng.uniform(*SIDE) / longer * np.exp(0.22 * _smooth(rng, frames, 1)[:, 0])
        self.angles = np.deg2rad(8.0) * _smooth(rng, frames, 2)[:, 0]
        self.longest = float(self.scales.max()) * longer
        self.mirrored = bool(rng.integers(2))

    def at(self, index: int, size: tuple[int, int]) -> NDArray[np.float32]:
        """The layer of frame `index`: (H, W, 4) float32."""
        h, w = self.cutout.pixels.shape[:2]
        cos, sin = (self.scales[index] * part(self.angles[index]) for part in (math.cos, math.sin))
        flip = -1.0 if self.mirrored else 1.0
        turn = np.array([[cos * flip, -sin], [sin * flip, cos]])
        move = self.path[index] - turn @ np.array([w / 2, h / 2])
        matrix = np.concatenate([turn, move[:, None]], axis=1)
        return np.asarray(cv2.warpAffine(self.cutout.pixels, matrix, size[::-1], flags=cv2.INTER_AREA))


class _Pillar:
    """Something that stands in front, from the top to the bottom of the frame."""

    def __init__(self, texture: Colours, x: float, width: float, size: tuple[int, int]) -> None:
        columns = np.arange(size[1]) + 0.5
        opacity = np.clip((width / 2 - np.abs(columns - x)) + 0.5, 0, 1).astype(np.float32)
        colours = _cover(texture, size).astype(np.float32)
        self.layer = np.concatenate([colours, np.broadcast_to(opacity[None, :, None], (*size, 1))], axis=2)


def _over(
    image: NDArray[np.float32], opacities: list[NDArray[np.float32]], layer: NDArray[np.float32], number: int | None
) -> tuple[NDArray[np.float32], list[NDArray[np.float32]]]:
    """Put a layer over an image; it hides what was there before. number: whose opacity it is."""
    opacity = layer[..., 3]
    image = image * (1 - opacity[..., None]) + layer[..., :3] * opacity[..., None]
    opacities = [each * (1 - opacity) for each in opacities]
    if number is not None:
        opacities[number] = opacity
    return image, opacities


def _rooms(ground: Colours, size: tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int]]:
    """How far the frame can go on the ground, x and y: the axis of the path and pixels."""
    return (0, ground.shape[1] - size[1]), (1, ground.shape[0] - size[0])


def _cover(image: Colours, size: tuple[int, int]) -> Colours:
    """A picture that covers a size (height, width), cut to it around its middle."""
    scale = max(size[0] / image.shape[0], size[1] / image.shape[1])
    shape = (max(size[1], round(image.shape[1] * scale)), max(size[0], round(image.shape[0] * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    large = cv2.resize(image, shape, interpolation=how)
    top, left = (large.shape[0] - size[0]) // 2, (large.shape[1] - size[1]) // 2
    return np.asarray(large[top : top + size[0], left : left + size[1]])


def _smooth(rng: np.random.Generator, frames: int, cycles: int) -> NDArray[np.float64]:
    """A smooth random curve of two coordinates within [-1, 1], (frames, 2): sines of up to `cycles` and a half."""
    times = np.linspace(0, 1, frames)[:, None, None]
    speeds = rng.uniform(0.3, cycles + 0.5, (1, 2, 3))
    waves = np.sin(2 * np.pi * (speeds * times + rng.uniform(0, 1, (1, 2, 3))))
    return np.asarray(waves.mean(axis=2))


def _wander(rng: np.random.Generator, frames: int, size: tuple[int, int]) -> NDArray[np.float64]:
    """A path (frames, 2), x and y in pixels, that stays in the frame."""
    height, width = size
    return np.asarray((0.5 + 0.42 * _smooth(rng, frames, 1) * (1.0, 0.75)) * (width, height))


def _crossing(rng: np.random.Generator, frames: int, size: tuple[int, int], leaves: bool) -> NDArray[np.float64]:
    """A path from one side to the other. leaves: out of the frame a third of the time, and back on the same side."""
    height, width = size
    steps = np.linspace(0, 1, frames)
    # Out of the frame by half a frame's width at the turning point, or from a fifth to four fifths of it.
    x = 0.35 + 1.05 * np.sin(np.pi * steps) ** 2 if leaves else 0.2 + 0.6 * steps
    y = 0.5 + 0.2 * _smooth(rng, frames, 1)[:, 1]
    x = 1 - x if rng.integers(2) else x
    return np.stack([x * width, y * height], axis=1)
