"""Photographs and frames of videos that were watched with an eye tracker, after the frozen encoders."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from sightline.data.observed import Observed, read_observed
from sightline.data.samples import FixationImage
from sightline.errors import DataError, UsageError
from sightline.fixations import density, fixation_counts
from sightline.models.stanet.movement import CELL, CHANNELS, Movement, Seen, seen, silenced
from sightline.models.stanet.network import STANet
from sightline.models.stanet.windows import fitted, input_shape, listen, with_neighbours
from sightline.nn.audiovisual import FRAMES
from sightline.progress import track
from sightline.training.batches import Batches
from sightline.training.cache import Features, Writer, cached
from sightline.training.digest import code_of, digest
from sightline.training.sources import fixation_images
from sightline.training.stanet.recipe import WatchedRecipe, WatchedVideos
from sightline.training.stanet.rows import Rows
from sightline.types import VideoFrame
from sightline.video import open_source

PHOTOGRAPH = (224, 288)
"""Input size of photographs in training, (height, width), for landscapes; portraits have its transpose."""


class WatchedBatch(NamedTuple):
    """Frames, their densities (N, 1, h, w) that sum to 1, and the fixations in each cell (N, 1, h, w).

    movement: (N, 3, h, w), where the network takes it.
    """

    rows: Rows
    movement: Tensor | None
    density: Tensor
    counts: Tensor


class Pair(NamedTuple):
    """The rows of stimuli, and those of the mirrored stimuli.

    Mirrored features are not the latter: a cell does not look at its middle, and EG-Net's decoder has learned where."""

    plain: Features
    mirrored: Features


class _Small(NamedTuple):
    """A frame of a video, as the network takes it, and what is compared of it."""

    frame: VideoFrame
    pixels: Tensor
    small: Seen | None


class WatchedStore:
    """Computes what the frozen encoders make of stimuli, and the densities of their fixations, once."""

    def __init__(self, network: STANet, recipe: WatchedRecipe) -> None:
        self.encoders, self.recipe = network.encoders.eval(), recipe
        self.size, self.window = network.config.input_size, network.config.window
        self.movement = network.config.movement
        self._made_of = digest(
            code_of(__name__),
            self.encoders,
            self.encoders.backbone,
            self.size,
            self.window,
            self.movement,
            recipe.density_sigma,
        )

    def photographs(self, samples: Sequence[FixationImage]) -> Pair:
        """A row each, without neighbours and sound; those without fixations are left out."""
        return Pair(
            *(
                cached("stanet", (self._made_of, list(samples), side), partial(self._write_photographs, samples, side))
                for side in (False, True)
            )
        )

    def videos(self, source: WatchedVideos) -> list[Pair]:
        """Those of a folder: a row for every frame that is trained on; those without fixations are left out."""
        found = read_observed(source.root)
        unknown = {*source.skip} - {*found}
        if unknown:
            raise UsageError(f"{source.root}: has no video {', '.join(sorted(unknown))}; mend `skip`")
        return [
            Pair(self.video(watched), self.video(watched, mirrored=True))
            for name, watched in found.items()
            if name not in source.skip
        ]

    def video(self, watched: Observed, sound: Path | None = None, mirrored: bool = False) -> Features:
        """The rows of a video, whose `info` has the numbers of their frames. sound: another video to hear instead."""
        parts = (self._made_of, self.recipe.every_s, *watched.source, watched.stimulus, sound, mirrored)
        return cached("stanet", parts, partial(self._write_video, watched, sound, mirrored))

    def _write_photographs(self, samples: Sequence[FixationImage], mirrored: bool, writer: Writer) -> None:
        """Portraits lie on their side, as many numbers in the same order, so that rows have one shape."""
        portrait = writer.info["portrait"] = []
        for sample in track(samples, "Features of photographs"):
            image, points = sample.load()
            if not len(points):
                continue
            height, width = image.shape[:2]
            if mirrored:
                image, points = image[:, ::-1], _mirrored(points, width)
            size = PHOTOGRAPH if width >= height else PHOTOGRAPH[::-1]
            small = np.array(Image.fromarray(np.ascontiguousarray(image)).resize(size[::-1], Image.Resampling.BILINEAR))
            pixels = torch.from_numpy(small).permute(2, 0, 1)[None]
            grid = (size[0] // CELL, size[1] // CELL)
            still = {} if self.movement is None else {"movement": np.zeros((CHANNELS, *grid), np.float16)}
            made = {
                **self._seen(pixels.float() / 255),
                **still,
                **self._looked(points, (height, width), grid),
            }
            portrait.append(height > width)
            writer.add(
                **{name: np.asarray(v).reshape(*v.shape[:-2], *sorted(v.shape[-2:])) for name, v in made.items()},
                **self._heard(None),
            )

    def _write_video(self, watched: Observed, sound: Path | None, mirrored: bool, writer: Writer) -> None:
        if watched.stimulus is None:
            raise DataError(f"{watched.source[0]}: the video that was watched is not known; put it beside the table")
        size = input_shape(watched.size, self.size)
        grid = (size[0] // CELL, size[1] // CELL)
        movement = None if self.movement is None else Movement(self.movement)
        encoder, next_s = self.encoders.audio, 0.0
        writer.info["portrait"] = None
        numbers = writer.info["frames"] = []
        with open_source(watched.stimulus) as source, open_source(sound or watched.stimulus) as heard_from:
            for before, now, after in with_neighbours(
                map(partial(self._small, size=size, mirrored=mirrored), source.frames()),
                lambda one: one.frame.time_s,
                self.window.step_s,
            ):
                moved = {}
                if movement is not None and now.small is not None and before.small is not None:
                    found = movement.follow(heard_from, now.small, before.small, encoder.front_end.rate)
                    moved["movement"] = found.astype(np.float16)
                frame = now.frame
                points = watched.at(frame.index).xy if frame.index < len(watched.frames) else np.empty((0, 2))
                if frame.time_s < next_s or not len(points):
                    continue
                next_s += self.recipe.every_s
                numbers.append(frame.index)
                heard = listen(heard_from, frame.time_s, self.window.sound_s, encoder)
                writer.add(
                    **self._seen(torch.cat([before.pixels, now.pixels, after.pixels])),
                    **self._heard(None if heard is None else heard.spectrogram),
                    **moved,
                    **self._looked(_mirrored(points, watched.size[1]) if mirrored else points, watched.size, grid),
                )

    def _small(self, frame: VideoFrame, size: tuple[int, int], mirrored: bool) -> _Small:
        if mirrored:
            frame = replace(frame, image=frame.image[:, ::-1].copy())
        small = None if self.movement is None else seen(frame, size, self.movement)
        return _Small(frame, fitted([frame.image], self.size), small)

    @torch.inference_mode()
    def _seen(self, pixels: Tensor) -> dict[str, Any]:
        """Of one frame, or of three: (1 or 3, 3, s, s)."""
        level3, level4, level5 = self.encoders.see(pixels)
        return {"level3": level3[len(pixels) // 2].half(), "level4": level4.half(), "level5": level5.half()}

    @torch.inference_mode()
    def _heard(self, spectrogram: NDArray[np.floating] | None) -> dict[str, Any]:
        if spectrogram is None:
            return {"audio": torch.zeros(self.encoders.audio.size), "sound": np.array(0, np.float32)}
        vector = self.encoders.hear(torch.from_numpy(spectrogram)[None].float())[0]
        return {"audio": vector, "sound": np.array(1, np.float32)}

    def _looked(self, points: NDArray[np.floating], size: tuple[int, int], grid: tuple[int, int]) -> dict[str, Any]:
        """Densities are kept with a mean of 1, which float16 holds well."""
        height, width = size
        cells = points * (grid[1] / width, grid[0] / height)
        sigma = self.recipe.density_sigma * max(height, width)
        drawn = density(cells, grid, (sigma * grid[1] / width, sigma * grid[0] / height))
        counts = fixation_counts(cells, grid)
        return {"density": (drawn / drawn.mean())[None].astype(np.float16), "counts": counts[None].astype(np.float16)}


def _mirrored(points: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Points (K, 2), x and y, in the mirrored picture."""
    return np.stack([width - points[:, 0], points[:, 1]], axis=1)


class WatchedFrames(IterableDataset[WatchedBatch]):
    """Endless batches of pictures of one size: photographs in their share, frames of videos otherwise.

    Each video is drawn as often as another; those of one size make a batch. Half of all frames are mirrored. start:
    batches to leave out, for a run that goes on.
    """

    def __init__(self, photographs: Sequence[Pair], videos: Sequence[Pair], recipe: WatchedRecipe) -> None:
        self.recipe, self.seed, self.start = recipe, recipe.seed, 0
        self.photographs = [
            [(pair, number) for pair in photographs for number in np.flatnonzero(upright(pair.plain) == side).tolist()]
            for side in (False, True)
        ]
        self.videos: dict[tuple[int, ...], list[Pair]] = {}
        for pair in videos:
            if len(pair.plain):
                self.videos.setdefault(pair.plain["density"].shape[1:], []).append(pair)
        for share, count, name in (
            (recipe.photo_share, sum(map(len, self.photographs)), "photograph"),
            (1 - recipe.photo_share, len(self.videos), "frame of a video"),
        ):
            if share > 0 and not count:
                raise DataError(f"the recipe's data: no {name} has fixations; check roots and `skip`")

    def __iter__(self) -> Iterator[WatchedBatch]:
        return islice(self._all(), self.start, None)

    def _all(self) -> Iterator[WatchedBatch]:
        generator = np.random.default_rng(self.seed)
        while True:
            drawn = self._photographs if generator.random() < self.recipe.photo_share else self._frames
            yield stack(
                [row(pair[generator.integers(2)], number, self._muted(generator)) for pair, number in drawn(generator)]
            )

    def _photographs(self, generator: np.random.Generator) -> list[tuple[Pair, int]]:
        sizes = np.array([len(group) for group in self.photographs], np.float64)
        group = self.photographs[generator.choice(len(sizes), p=sizes / sizes.sum())]
        return [group[number] for number in generator.integers(len(group), size=self.recipe.batch_size)]

    def _frames(self, generator: np.random.Generator) -> list[tuple[Pair, int]]:
        groups = list(self.videos.values())
        sizes = np.array([len(group) for group in groups], np.float64)
        group = groups[generator.choice(len(sizes), p=sizes / sizes.sum())]
        chosen = [group[number] for number in generator.integers(len(group), size=self.recipe.batch_size)]
        return [(pair, int(generator.integers(len(pair.plain)))) for pair in chosen]

    def _muted(self, generator: np.random.Generator) -> bool:
        return bool(generator.random() < self.recipe.mute_share)


def muted(rows: Rows, movement: Tensor | None) -> tuple[Rows, Tensor | None]:
    """Frames as they are where nothing is heard."""
    quiet = torch.zeros_like(rows.sound)
    return rows._replace(sound=quiet, switch=quiet), None if movement is None else silenced(movement)


def upright(kept: Features) -> NDArray[np.bool_]:
    """Which rows are portraits, which lie on their side: (N,)."""
    said = kept.info["portrait"]
    return np.zeros(len(kept), bool) if said is None else np.array(said, bool)


def stack(batches: Sequence[WatchedBatch]) -> WatchedBatch:
    """Batches as one."""
    rows = Rows(*(torch.cat(field) for field in zip(*(one.rows for one in batches), strict=True)))
    moved = [one.movement for one in batches if one.movement is not None]
    return WatchedBatch(
        rows,
        torch.cat(moved) if moved else None,
        torch.cat([one.density for one in batches]),
        torch.cat([one.counts for one in batches]),
    )


def row(kept: Features, number: int, mute: bool = False) -> WatchedBatch:
    """One row as a batch; a photograph is its own neighbour."""
    held = {name: torch.from_numpy(kept[name][number : number + 1]).float() for name in kept.rows.dtype.names or ()}
    if upright(kept)[number]:
        held |= {name: v.reshape(*v.shape[:-2], v.shape[-1], v.shape[-2]) for name, v in held.items() if v.ndim > 2}
    level4, level5 = (held[name].expand(-1, FRAMES, -1, -1, -1) for name in ("level4", "level5"))
    sound, movement = held["sound"], held.get("movement")
    rows = Rows(held["level3"], level4, level5, held["audio"], sound, sound, torch.zeros(1, 0))
    if mute:
        rows, movement = muted(rows, movement)
    return WatchedBatch(rows, movement, held["density"] / held["density"].sum(), held["counts"])


class WatchedData(Batches):
    """Frames without end, each process's own."""

    def __init__(self, frames: WatchedFrames) -> None:
        super().__init__()
        self.frames = frames

    def train_dataloader(self) -> DataLoader[WatchedBatch]:
        self.frames.start, self.frames.seed = self.done, self.frames.recipe.seed + 1000 * self.rank
        return DataLoader(self.frames, batch_size=None)


def watched_frames(network: STANet, recipe: WatchedRecipe) -> WatchedFrames:
    """All stimuli of a recipe."""
    store = WatchedStore(network, recipe)
    videos = [kept for source in recipe.videos for kept in store.videos(source)]
    photographs = [store.photographs(fixation_images([source])) for source in recipe.photographs]
    return WatchedFrames(photographs, videos, recipe)
