"""Layers of composed videos: cut-outs on smooth paths over photographs that the camera pans across."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from sightline.data.cutouts import Cutout
from sightline.data.files import list_images, load_image
from sightline.errors import DataError

Colours = NDArray[np.uint8]

SIDE = (0.3, 0.5)
"""Longer side of a cut-out in the video, in parts of the frame's height."""
MARGIN = 1.15
"""Size of the background in parts of the frame's: room for the camera to pan."""
TRIES = 25
"""Photographs that are drawn to find one that is allowed."""
GRAIN = 2.0
"""Standard deviation of the sensor noise, grey levels: no two frames of a real video are equal."""


class Layer(Protocol):
    """Something that is in front of the background."""

    def at(self, index: int, size: tuple[int, int]) -> NDArray[np.float32]:
        """How frame `index` of (height, width) shows it: (H, W, 4) float32, RGB in [0, 255], opacity in [0, 1]."""
        ...


def render(
    ground: Colours,
    views: NDArray[np.int64],
    layers: Sequence[Layer],
    order: Sequence[int],
    rng: np.random.Generator,
    size: tuple[int, int],
    front: NDArray[np.float32] | None = None,
) -> Iterator[tuple[Colours, list[NDArray[np.bool_]]]]:
    """Put layers over a photograph that the camera pans across.

    ground: the photograph, larger than a frame. views: (T, 2), x and y of the frame's corner on it. order: the layers'
    indices, the hindmost first. front: a layer of its own before all of them. size: (height, width).
    Yields each frame (H, W, 3) with sensor noise, and where each layer is seen (H, W).
    """
    height, width = size
    for index, (x, y) in enumerate(views):
        image = ground[y : y + height, x : x + width].astype(np.float32)
        opacities = [np.zeros(size, np.float32) for _ in layers]
        for number in order:
            image, opacities = over(image, opacities, layers[number].at(index, size), number)
        if front is not None:
            image, opacities = over(image, opacities, front, None)
        image = image + GRAIN * rng.standard_normal(image.shape, np.float32)
        yield image.clip(0, 255).astype(np.uint8), [opacity > 0.5 for opacity in opacities]


def pan(rng: np.random.Generator, frames: int, ground: Colours, size: tuple[int, int]) -> NDArray[np.int64]:
    """Where the frame's corner lies on the ground, (T, 2), x and y: a smooth path over all the room that there is."""
    room = np.array([ground.shape[1] - size[1], ground.shape[0] - size[0]])
    return np.rint(room * (0.5 + 0.5 * smooth(rng, frames, 1))).astype(np.int64)


def wide(background: Colours, size: tuple[int, int]) -> Colours:
    """A photograph as the ground of frames of (height, width): larger by `MARGIN`."""
    return cover(background, (math.ceil(size[0] * MARGIN), math.ceil(size[1] * MARGIN)))


def photographs_in(folder: str | Path) -> list[Path]:
    """The photographs of a folder, without the masks (`<id>.png`, `<id>_seg0.png`) that lie beside them.

    Raises DataError where there are none.
    """
    pictures = list_images(Path(folder))
    stems = {path.stem for path in pictures if path.suffix.lower() != ".png"}
    found = [p for p in pictures if p.suffix.lower() != ".png" or p.stem.split("_seg")[0] not in stems]
    if not found:
        raise DataError(f"{folder}: no photographs; a folder of pictures is expected")
    return found


def any_ground(
    photographs: Sequence[Path], rng: np.random.Generator, allowed: Callable[[Colours], bool] = lambda image: True
) -> tuple[Path, Colours]:
    """Draw a photograph that is allowed, and read it; after `TRIES` any will do.

    Damaged ones are left out with a warning. Raises DataError where all that are drawn are damaged.
    """
    found: tuple[Path, Colours] | None = None
    for _ in range(TRIES):
        path = photographs[int(rng.integers(len(photographs)))]
        try:
            found = path, load_image(path)
        except DataError as error:
            warnings.warn(f"{error}; it is no background", stacklevel=2)
            continue
        if allowed(found[1]):
            break
    if found is None:
        raise DataError(f"{photographs[0].parent}: no photograph that can be read among {TRIES}; replace them")
    return found


class Sprite:
    """A cut-out on its path: it turns a little and changes its size, unless it is `still`.

    side: its longer side, smallest and largest, in parts of the frame's height.
    """

    def __init__(
        self,
        cutout: Cutout,
        path: NDArray[np.float64],
        rng: np.random.Generator,
        frames: int,
        height: int,
        still: bool = False,
        side: tuple[float, float] = SIDE,
    ) -> None:
        self.cutout, self.path = cutout, path
        longer = max(cutout.pixels.shape[:2])
        self.scales = height * rng.uniform(*side) / longer * np.exp(0.22 * smooth(rng, frames, 1)[:, 0])
        self.angles = np.deg2rad(8.0) * smooth(rng, frames, 2)[:, 0]
        if still:
            self.scales[:], self.angles[:] = self.scales[0], 0.0
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


def over(
    image: NDArray[np.float32], opacities: list[NDArray[np.float32]], layer: NDArray[np.float32], number: int | None
) -> tuple[NDArray[np.float32], list[NDArray[np.float32]]]:
    """Put a layer over an image; it hides what was there before. number: whose opacity it is."""
    opacity = layer[..., 3]
    image = image * (1 - opacity[..., None]) + layer[..., :3] * opacity[..., None]
    opacities = [each * (1 - opacity) for each in opacities]
    if number is not None:
        opacities[number] = opacity
    return image, opacities


def cover(image: Colours, size: tuple[int, int]) -> Colours:
    """A picture that covers a size (height, width), cut to it around its middle."""
    scale = max(size[0] / image.shape[0], size[1] / image.shape[1])
    shape = (max(size[1], round(image.shape[1] * scale)), max(size[0], round(image.shape[0] * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    large = cv2.resize(image, shape, interpolation=how)
    top, left = (large.shape[0] - size[0]) // 2, (large.shape[1] - size[1]) // 2
    return np.asarray(large[top : top + size[0], left : left + size[1]])


def smooth(rng: np.random.Generator, frames: int, cycles: int) -> NDArray[np.float64]:
    """A smooth random curve of two coordinates within [-1, 1], (frames, 2): sines of up to `cycles` and a half."""
    times = np.linspace(0, 1, frames)[:, None, None]
    speeds = rng.uniform(0.3, cycles + 0.5, (1, 2, 3))
    waves = np.sin(2 * np.pi * (speeds * times + rng.uniform(0, 1, (1, 2, 3))))
    return np.asarray(waves.mean(axis=2))


def wander(rng: np.random.Generator, frames: int, size: tuple[int, int]) -> NDArray[np.float64]:
    """A path (frames, 2), x and y in pixels, that stays in the frame."""
    height, width = size
    return np.asarray((0.5 + 0.42 * smooth(rng, frames, 1) * (1.0, 0.75)) * (width, height))
