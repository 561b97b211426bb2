"""Videos with sound of which it is known what sounds: real cut-outs, real photographs, real sounds.

A tag is the cut-out's class, its sound a recording of that class. Of every ten videos

- three show one object that sounds (`single`);
- three show two that move, of which one sounds (`distractor`);
- two show two, of which the one that stands still sounds (`static`), so that movement alone misleads;
- one shows an object that is silent while another class is heard from off screen (`offscreen`);
- one shows an object that is silent in background noise (`noise`).

Objects keep to their half of the frame where there are two. The same seed gives the same videos.
"""

from __future__ import annotations

import csv
import json
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sightline.data.cutouts import Cutout, Namer, Tagged, cut_out, tagged_objects
from sightline.data.layers import Colours, Layer, Sprite, any_ground, pan, photographs_in, render, smooth, wide
from sightline.data.sounds import (
    NOISES,
    PAIRS,
    Samples,
    fill,
    heard,
    load_sound,
    sound_classes,
    sound_of,
    write_wav,
)
from sightline.errors import DataError, UsageError
from sightline.files import WholeFolder
from sightline.progress import track
from sightline.video import VideoWriter

Variant = Literal["single", "distractor", "static", "offscreen", "noise", "talking"]
VARIANTS: tuple[Variant, ...] = (
    "single", "distractor", "static", "distractor", "offscreen",
    "single", "static", "noise", "distractor", "single",
)  # fmt: skip
"""What the videos of `write` are in turn."""
FPS = 15
RATE = 32_000
"""Of the sound, Hz."""
SECONDS = (4.0, 6.0)
"""Shortest and longest video."""
SIZE = (270, 480)
SIDE = (0.4, 0.65)
"""Longer side of an object, in parts of the frame's height."""
_MARKER = "composites.json"
_REPLACES = ("videos", "masks", "tags.csv", "truth.csv")
_PALETTE = (0, 0, 0, 128, 0, 0, 0, 128, 0)  # of DAVIS: nothing, object 1, object 2


@dataclass(frozen=True, slots=True)
class Actor:
    """What is in front of the background.

    Attributes
    ----------
    layer : Layer
        Its picture.
    tag : str
        What it is.
    name : str
        Where it comes from.
    sounding : ndarray of bool, (T,)
        In which frames its sound is heard.
    moving : bool
        Whether it moves over the background.
    """

    layer: Layer
    tag: str
    name: str
    sounding: NDArray[np.bool_]
    moving: bool


@dataclass(frozen=True, slots=True)
class Scene:
    """One video before it is written.

    Attributes
    ----------
    variant : str
        What kind it is.
    tag : str
        Its category.
    actors : tuple of Actor
        The objects; the first has number 1.
    samples : ndarray of float32, (N,)
        The sound, at `RATE`.
    ground, views : ndarray
        The background, and the frame's place on it, as `layers.render` takes them.
    about : dict
        What else composites.json says of it.
    """

    variant: Variant
    tag: str
    actors: tuple[Actor, ...]
    samples: Samples
    ground: Colours
    views: NDArray[np.int64]
    about: dict[str, object] = field(default_factory=dict)


def write(
    root: str | Path,
    sounds: str | Path,
    backgrounds: str | Path,
    count: int,
    out: str | Path,
    seed: int = 0,
    *,
    namer: Namer | None = None,
    shows: Callable[[Colours], set[str]] | None = None,
    match: str = "*",
    sounds_match: str = "*",
    pairs: Mapping[str, str] | None = None,
    size: tuple[int, int] = SIZE,
    fps: int = FPS,
    seconds: tuple[float, float] = SECONDS,
) -> list[str]:
    """Write composed videos with sound.

    Parameters
    ----------
    root : str or Path
        Photographs with masks, see `cutouts.tagged_objects`.
    sounds : str or Path
        Folders of recordings by class, see `sounds.sound_classes`.
    backgrounds : str or Path
        A folder of photographs.
    count : int
        How many videos; shares of `VARIANTS` are exact for multiples of ten.
    out : str or Path
        The new folder. It appears whole or not at all: videos/*.mp4; tags.csv (video,tag); truth.csv
        (video,frame,object,tag,x1_px,y1_px,x2_px,y2_px,sounding,moving), a row where an object is seen; masks, palette
        PNG with the objects' numbers, masks/<video>/00000.png; composites.json with what each video is made of.
    seed : int, default 0
        The same seed gives the same videos.
    namer : callable, optional
        Names the objects of photographs without tags.
    shows : callable, optional
        Says which tags a photograph shows: backgrounds without any of those in use are preferred, since what is in them
        is not in truth.csv.
    match, sounds_match : str
        Only photographs, and only sounds, whose path below their root is like this: held-out parts of a collection.
    pairs : mapping, optional
        The sound class of tags whose names do not tell it; `sounds.PAIRS` if left out.
    size : tuple of int
        Height and width, pixels.
    fps : int
        Frames a second.
    seconds : tuple of float
        Shortest and longest video.

    Returns
    -------
    list of str
        The videos' names.

    Warns
    -----
    UserWarning
        A picture or a recording is damaged and left out.

    Raises
    ------
    UsageError
        Where `count`, `fps` or `seconds` make no video.
    DataError
        Where there are no objects that can be cut out, no sounds for them, or no photographs.
    OutputError
        Where `out` holds something else, or cannot be written.
    """
    check_request(count, fps, seconds)
    photographs = photographs_in(backgrounds)
    with WholeFolder(out, marker=_MARKER, replaces=_REPLACES).require_ours() as partial:
        classes = sound_classes(sounds, sounds_match)
        stock = _Stock(tagged_objects(root, namer, match), classes, PAIRS if pairs is None else pairs, root, sounds)

        def is_free(photograph: Colours) -> bool:
            return shows is None or not shows(photograph) & set(stock.tags)

        def scenes() -> Iterator[tuple[Scene, np.random.Generator]]:
            for number in range(count):
                rng = np.random.default_rng([seed, number])
                frames = round(fps * rng.uniform(*seconds))
                background = any_ground(photographs, rng, is_free)
                yield _scene(VARIANTS[number % len(VARIANTS)], stock, background, rng, frames, size, fps), rng

        about = {"seed": seed, "fps": fps, "size": size, "match": match, "sounds_match": sounds_match}
        return write_scenes(partial, scenes(), count, size, fps, about)


def check_request(count: int, fps: int, seconds: tuple[float, float]) -> None:
    """Raise UsageError where a request makes no video."""
    if count < 1:
        raise UsageError(f"`count` is {count}; at least 1 is expected")
    if fps < 1:
        raise UsageError(f"`fps` is {fps}; at least 1 is expected")
    if not 0 < seconds[0] <= seconds[1] or round(seconds[0] * fps) < 1:
        raise UsageError(f"`seconds` is {seconds}; shortest and longest are expected, of a frame or more")


def write_scenes(
    root: Path,
    scenes: Iterator[tuple[Scene, np.random.Generator]],
    count: int,
    size: tuple[int, int],
    fps: int,
    about: Mapping[str, object],
) -> list[str]:
    """Write scenes, each with the generator of its noise, in the layout of `write`; the videos' names."""
    names: list[str] = []
    made: list[dict[str, object]] = []
    (root / "videos").mkdir()
    with (
        (root / "truth.csv").open("w", newline="", encoding="utf-8") as truth_file,
        (root / "tags.csv").open("w", newline="", encoding="utf-8") as tags_file,
    ):
        truth, tags = csv.writer(truth_file, lineterminator="\n"), csv.writer(tags_file, lineterminator="\n")
        truth.writerow(["video", "frame", "object", "tag", "x1_px", "y1_px", "x2_px", "y2_px", "sounding", "moving"])
        tags.writerow(("video", "tag"))
        for number, (scene, rng) in enumerate(track(scenes, "Composing videos", count)):
            names.append(f"composite{number:04d}")
            tags.writerow((f"{names[-1]}.mp4", scene.tag))
            for frame, index, box in _write_video(root, names[-1], scene, rng, size, fps):
                actor = scene.actors[index]
                row = (f"{names[-1]}.mp4", frame, index + 1, actor.tag, *box)
                truth.writerow((*row, int(actor.sounding[frame]), int(actor.moving)))
            objects = [{"tag": actor.tag, "name": actor.name, "moving": actor.moving} for actor in scene.actors]
            made.append({"video": f"{names[-1]}.mp4", "variant": scene.variant, "tag": scene.tag, "objects": objects})
            made[-1] |= scene.about
    text = json.dumps({**about, "rate": RATE, "videos": made}, indent=1)
    (root / _MARKER).write_text(text + "\n", encoding="utf-8")
    return names


def two_homes(rng: np.random.Generator, count: int) -> list[tuple[float, float]]:
    """Where objects belong, x and y in parts of the frame: the middle, or the halves in any order."""
    if count == 1:
        return [(0.5, 0.5)]
    sides = [0.27, 0.73] if rng.integers(2) else [0.73, 0.27]
    return [(side, 0.5 + float(rng.uniform(-0.12, 0.12))) for side in sides]


class _Stock:
    """The objects that have a sound, by tag, and the sounds."""

    def __init__(
        self,
        objects: Sequence[Tagged],
        classes: Mapping[str, list[Path]],
        pairs: Mapping[str, str],
        root: str | Path,
        sounds: str | Path,
    ) -> None:
        self.classes, self.root = classes, Path(sounds)
        self.sound = {each.tag: found for each in objects if (found := sound_of(each.tag, classes, pairs))}
        self.tags = sorted(self.sound)
        self.objects = {tag: [each for each in objects if each.tag == tag] for tag in self.tags}
        if not self.tags:
            tags = ", ".join(sorted({each.tag for each in objects}))
            raise DataError(
                f"{sounds}: no sound for the objects of {root} ({tags}) among the classes {', '.join(classes)}; name "
                "folders like tags, or pair them"
            )
        unused = [name for name in classes if name not in self.sound.values()]
        self.noises = [name for name in unused if name in NOISES] or unused

    def object(self, tag: str, rng: np.random.Generator) -> Cutout:
        chosen = self.objects[tag][int(rng.integers(len(self.objects[tag])))]
        cutout = cut_out(chosen.sample)
        assert cutout is not None, "`tagged_objects` lists what can be cut out"
        return cutout

    def recording(self, name: str, rng: np.random.Generator) -> tuple[Path, Samples]:
        """A file of a class; those without sound are left out with a warning."""
        while files := self.classes[name]:
            path = files[int(rng.integers(len(files)))]
            try:
                return path, load_sound(path, RATE)
            except DataError as error:
                warnings.warn(str(error), stacklevel=2)
                files.remove(path)
        raise DataError(f"{self.root / name}: none of its recordings has sound; replace them")

    def another(self, tag: str, rng: np.random.Generator) -> str:
        """Another tag that sounds otherwise; the same one where all sound alike."""
        others = [each for each in self.tags if self.sound[each] != self.sound[tag]]
        return others[int(rng.integers(len(others)))] if others else tag

    def elsewhere(self, tag: str, rng: np.random.Generator) -> str:
        """A class of sounds that an object of this tag does not make; things' sounds before mere noise."""
        made = sorted({name for name in self.sound.values() if name != self.sound[tag]})
        others = made or [name for name in self.classes if name != self.sound[tag]]
        return others[int(rng.integers(len(others)))] if others else ""


def _scene(
    variant: Variant,
    stock: _Stock,
    background: tuple[Path, Colours],
    rng: np.random.Generator,
    frames: int,
    size: tuple[int, int],
    fps: int,
) -> Scene:
    tag = stock.tags[int(rng.integers(len(stock.tags)))]
    tags = [tag, stock.another(tag, rng)] if variant in ("distractor", "static") else [tag]
    ground = wide(background[1], size)
    views = pan(rng, frames, ground, size)
    count = round(frames / fps * RATE)
    audible = {"offscreen": stock.elsewhere(tag, rng), "noise": _any(stock.noises, rng)}.get(variant, stock.sound[tag])
    if audible:
        recording, loud = stock.recording(audible, rng)
        samples, name = fill(loud, count, rng), f"{recording.parent.name}/{recording.name}"
    else:
        samples, name = _hiss(count, rng), "white noise"
    sounding = heard(samples, RATE, np.arange(frames) / fps)
    actors = []
    for index, (each, home) in enumerate(zip(tags, two_homes(rng, len(tags)), strict=True)):
        is_still = variant == "static" and index == 0
        cutout = stock.object(each, rng)
        way = _way(rng, frames, size, home, None if len(tags) > 1 else 0.36)
        if is_still:
            way = np.array(home) * (size[1], size[0]) + views[0] - views
        layer = Sprite(cutout, way, rng, frames, size[0], still=is_still, side=SIDE)
        is_source = index == 0 and variant in ("single", "distractor", "static")
        actors.append(Actor(layer, each, cutout.name, sounding & is_source, not is_still))
    about: dict[str, object] = {"sound": name, "background": background[0].name}
    return Scene(variant, tag, tuple(actors), samples, ground, views, about)


def _any(names: Sequence[str], rng: np.random.Generator) -> str:
    return names[int(rng.integers(len(names)))] if names else ""


def _hiss(count: int, rng: np.random.Generator) -> Samples:
    """What a microphone hears where nothing sounds."""
    return (0.05 * rng.standard_normal(count)).astype(np.float32)


def _way(
    rng: np.random.Generator, frames: int, size: tuple[int, int], home: tuple[float, float], reach: float | None
) -> NDArray[np.float64]:
    """A smooth path (T, 2), x and y in pixels, around a home; not across the middle unless it has a `reach`."""
    parts = np.array(home) + smooth(rng, frames, 1) * (reach or 0.14, 0.28)
    return np.asarray(parts * (size[1], size[0]))


def _write_video(
    root: Path, name: str, scene: Scene, rng: np.random.Generator, size: tuple[int, int], fps: int
) -> Iterator[tuple[int, int, tuple[int, int, int, int]]]:
    """Write a video and its masks; (frame, index of an object, its box) where one is seen."""
    masks = root / "masks" / name
    masks.mkdir(parents=True)
    order = list(range(len(scene.actors)))
    if rng.integers(2):
        order.reverse()
    with tempfile.TemporaryDirectory() as folder:
        sound = Path(folder) / "sound.wav"
        write_wav(sound, scene.samples, RATE)
        with VideoWriter(root / "videos" / f"{name}.mp4", size, fps, sound=sound) as writer:
            layers = [actor.layer for actor in scene.actors]
            for frame, (image, seen) in enumerate(render(scene.ground, scene.views, layers, order, rng, size)):
                writer.write(image)
                labels = np.zeros(size, np.uint8)
                for index, mask in enumerate(seen):
                    labels[mask] = index + 1
                    if mask.any():
                        yield frame, index, _box(mask)
                picture = Image.fromarray(labels, "P")
                picture.putpalette(_PALETTE)
                picture.save(masks / f"{frame:05d}.png")


def _box(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Left, top, right and bottom, the latter two exclusive."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
