"""Videos with known masks: real cut-outs that move over real photographs.

The target moves on a smooth path, turns a little, and changes its size, while the camera pans. It can have a
distractor, a second cut-out that moves too; pass behind a pillar that hides it for some frames; or leave the frame and
come back. The same seed gives the same video. Sources are photographs with masks: nothing has to be annotated anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sightline.data.cutouts import Cutout, cut_out, objects
from sightline.data.files import load_image
from sightline.data.layers import Colours, Sprite, cover, pan, photographs_in, render, smooth, wander, wide
from sightline.data.samples import ImageMask
from sightline.errors import DataError, UsageError
from sightline.files import WholeFolder
from sightline.progress import track

__all__ = ["EVENTS", "CompositeFrame", "Cutout", "Events", "compose", "cut_out", "objects", "write"]

Mask = NDArray[np.bool_]


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


def compose(
    background: Colours,
    target: Cutout,
    rng: np.random.Generator,
    distractor: Cutout | None = None,
    pillar: Colours | None = None,
    leaves: bool = False,
    frames: int = 48,
    size: tuple[int, int] = (270, 480),
    cover_up: Cutout | None = None,
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
    cover_up : Cutout, optional
        An object that comes into the frame, hides the target for about a quarter of the video, and goes.

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
    ground = wide(background, size)
    views = pan(rng, frames, ground, size)
    across = pillar is not None or leaves
    path = _crossing(rng, frames, size, leaves) if across else wander(rng, frames, size)
    moving = [Sprite(target, path, rng, frames, size[0])]
    if distractor is not None:
        moving.append(Sprite(distractor, wander(rng, frames, size), rng, frames, size[0]))
    target_first = bool(rng.integers(2))
    order = list(range(len(moving)) if target_first else range(len(moving))[::-1])
    if cover_up is not None:
        moving.append(_coverer(cover_up, path, moving[0].longest, rng, size))
        order.append(len(moving) - 1)
    column = None
    if pillar is not None:
        column = _pillar(pillar, float(path[frames // 2, 0]), 1.3 * moving[0].longest, size)
    for image, masks in render(ground, views, moving, order, rng, size, column):
        yield CompositeFrame(image, masks[0], masks[1] if distractor else masks[0] & False)


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
    photographs = photographs_in(backgrounds)
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


COVERED = 0.25
"""Share of the video for which something lies before the target."""
COVER_SIDE = 2.0
"""Its longer side in those of the target: it is no rectangle, and has to hide it all the same."""
_FOLDERS = ("JPEGImages", "Annotations", "ImageSets")


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


def _pillar(texture: Colours, x: float, width: float, size: tuple[int, int]) -> NDArray[np.float32]:
    """The layer of something that stands in front, from the top to the bottom of the frame."""
    columns = np.arange(size[1]) + 0.5
    opacity = np.clip((width / 2 - np.abs(columns - x)) + 0.5, 0, 1).astype(np.float32)
    colours = cover(texture, size).astype(np.float32)
    return np.concatenate([colours, np.broadcast_to(opacity[None, :, None], (*size, 1))], axis=2)


def _coverer(
    cutout: Cutout, path: NDArray[np.float64], longest: float, rng: np.random.Generator, size: tuple[int, int]
) -> Sprite:
    """A larger object that comes from outside of the frame, stays before the target a while, and goes on."""
    steps = np.linspace(-1, 1, len(path))
    away = np.sign(steps) * np.clip((np.abs(steps) - COVERED) / (1 - COVERED), 0, 1)
    angle = rng.uniform(0, 2 * np.pi)
    offset = 1.2 * size[1] * away[:, None] * np.array([np.cos(angle), np.sin(angle)])
    side = COVER_SIDE * longest / size[0]
    return Sprite(cutout, path + offset, rng, len(path), size[0], still=True, side=(side, side))


def _crossing(rng: np.random.Generator, frames: int, size: tuple[int, int], leaves: bool) -> NDArray[np.float64]:
    """A path from one side to the other. leaves: out of the frame a third of the time, and back on the same side."""
    height, width = size
    steps = np.linspace(0, 1, frames)
    # Out of the frame by half a frame's width at the turning point, or from a fifth to four fifths of it.
    x = 0.35 + 1.05 * np.sin(np.pi * steps) ** 2 if leaves else 0.2 + 0.6 * steps
    y = 0.5 + 0.2 * smooth(rng, frames, 1)[:, 1]
    x = 1 - x if rng.integers(2) else x
    return np.stack([x * width, y * height], axis=1)
