"""Batches of varied pictures for SamGOP."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from sightline.data import image_fixations
from sightline.data.looking import LookingImage, read_goo, read_heads
from sightline.errors import DataError
from sightline.models.samgop.losses import Boxes
from sightline.training.batches import Batches
from sightline.training.samgop.recipe import SamGOPRecipe
from sightline.training.samgop.scenes import NOBODY, Crops, People, Picture, Sample, crop, vary

ROOM = (1.25, 2.0)
"""Longer side of pictures in memory, in that of the canvas: of scenes, and of photographs, which are zoomed into."""


class Batch(NamedTuple):
    """N pictures. picture: (P,) int64, the row of each person's. crops: heads alone, of other pictures."""

    images: Tensor
    objects: list[Boxes | None]
    heads: list[Boxes]
    people: People
    picture: Tensor
    crops: Crops | None = None


def read_sources(recipe: SamGOPRecipe) -> list[tuple[float, list[LookingImage]]]:
    """The pictures of each source, with its share. Raises DataError where there are none, or a name is unknown."""
    found = [(own.share, _kept(read_goo(own.root), own.skip, str(own.root))) for own in recipe.scenes]
    found += [(own.share, _kept(read_heads(own.table, own.images), own.skip, str(own.table))) for own in recipe.heads]
    if not found:
        raise DataError("no picture to train on: name `scenes` or `heads`")
    return found


def _kept(pictures: list[LookingImage], skip: Sequence[str], where: str) -> list[LookingImage]:
    unknown = {*skip} - {picture.name for picture in pictures}
    if unknown:
        raise DataError(f"{where}: has no picture {', '.join(sorted(unknown))}; mend skip")
    kept = [picture for picture in pictures if picture.name not in skip]
    if not kept:
        raise DataError(f"{where}: no picture is left to train on; mend skip")
    return kept


def classes_of(sources: Sequence[tuple[float, list[LookingImage]]]) -> tuple[str, ...]:
    """All labels of the sources, in order."""
    return tuple(sorted({label for _, pictures in sources for picture in pictures for label in picture.labels}))


class Views(IterableDataset[Batch]):
    """Endless batches: a source is drawn by its share, a picture of it, and a view. start: batches to leave out."""

    def __init__(
        self, recipe: SamGOPRecipe, sources: Sequence[tuple[float, list[LookingImage]]], classes: tuple[str, ...]
    ) -> None:
        self.recipe, self.classes, self.seed, self.start = recipe, classes, recipe.seed, 0
        shares = np.array([share for share, _ in sources])
        self.shares = shares / shares.sum()
        self.sources = [pictures for _, pictures in sources]
        self.zooms = [*(own.zoom for own in recipe.scenes), *(own.zoom for own in recipe.heads)] or [1.0] * len(sources)
        self.memory: dict[tuple[int, int], Picture] = {}
        self.heads = [_known_heads(pictures) for pictures in self.sources]
        self.fixations = {
            one.image_path: one.fixations / np.array(one.size[::-1])
            for own in recipe.heads
            if own.fixations
            for one in image_fixations.images(own.images)
        }

    def __iter__(self) -> Iterator[Batch]:
        rng = np.random.default_rng(self.seed)
        draws = self._draws(rng)
        for drawn in islice(draws, self.start, None):
            yield self._batch(*drawn)

    def _draws(self, rng: np.random.Generator) -> Iterator[tuple[list[tuple[int, int, int]], int]]:
        """Source, picture and seed of each view of a batch, and a seed for its heads alone.

        Each picture of a source comes before any comes again.
        """
        left: list[list[int]] = [[] for _ in self.sources]
        while True:
            batch = []
            for _ in range(self.recipe.batch_size):
                source = int(rng.choice(len(self.sources), p=self.shares))
                if not left[source]:
                    left[source] = rng.permutation(len(self.sources[source])).tolist()
                batch.append((source, left[source].pop(), int(rng.integers(2**31))))
            yield batch, int(rng.integers(2**31))

    def _batch(self, drawn: list[tuple[int, int, int]], seed_of_crops: int) -> Batch:
        recipe = self.recipe
        crops = self._crops(np.random.default_rng(seed_of_crops))
        if recipe.branches == "directions":
            return Batch(torch.zeros(0, 3, *recipe.canvas), [], [], NOBODY, torch.zeros(0, dtype=torch.int64), crops)
        samples = [
            vary(
                self._picture(source, number),
                np.random.default_rng(seed),
                recipe.canvas,
                recipe.variation,
                recipe.people,
                self.zooms[source],
            )
            for source, number, seed in drawn
        ]
        return collate(samples)._replace(crops=crops)

    def _crops(self, rng: np.random.Generator) -> Crops | None:
        """Heads alone: as many of each source that knows where heads look, by its share."""
        gaze, found = self.recipe.network.gaze, []
        known = [number for number, (heads, _) in enumerate(self.heads) if heads]
        if not known or not gaze.crop_side or not self.recipe.crops:
            return None
        shares = self.shares[known] / self.shares[known].sum()
        for source in rng.choice(known, self.recipe.crops, p=shares):
            heads, often = self.heads[source]
            number, person = heads[int(rng.choice(len(heads), p=often))]
            picture = self._picture(int(source), number)
            found.append(crop(picture, person, rng, gaze.crop_side, gaze.crop_factor, self.recipe.variation))
        return Crops(*(torch.stack(field) for field in zip(*found, strict=True)))

    def _picture(self, source: int, number: int) -> Picture:
        key = (source, number)
        if key not in self.memory:
            room = ROOM[source >= len(self.recipe.scenes)]
            longest = round(room * max(self.recipe.canvas))
            annotated = self.sources[source][number]
            watched = self.fixations.get(annotated.image_path)
            self.memory[key] = Picture.of(annotated, self.classes, longest, watched)
        return self.memory[key]


def _known_heads(pictures: Sequence[LookingImage]) -> tuple[list[tuple[int, int]], NDArray[np.float64]]:
    """Picture and person of those whose gaze is known, and how often each is drawn.

    Persons are counted among those with a head. A gaze to the camera says little of directions: heads are drawn by the
    length of their gaze in the picture.
    """
    known, often = [], []
    for number, picture in enumerate(pictures):
        for person, one in enumerate(p for p in picture.people if p.head is not None):
            if one.target is not None or one.direction is not None:
                known.append((number, person))
                often.append(1.0 if one.direction is None else float(np.hypot(*one.direction[:2])))
    return known, np.array(often) / max(sum(often), 1e-9)


def collate(samples: Sequence[Sample]) -> Batch:
    """One batch of samples; their people stand in one row."""
    people = People(*(torch.cat(field) for field in zip(*(sample.people for sample in samples), strict=True)))
    counts = torch.tensor([len(sample.people.boxes) for sample in samples])
    return Batch(
        torch.stack([sample.image for sample in samples]),
        [sample.objects for sample in samples],
        [sample.heads for sample in samples],
        people,
        torch.arange(len(samples)).repeat_interleave(counts),
    )


class ViewData(Batches):
    """Views without end, each process's own."""

    def __init__(self, views: Views) -> None:
        super().__init__()
        self.views, self.seed = views, views.seed

    def train_dataloader(self) -> DataLoader[Batch]:
        self.views.start, self.views.seed = self.done, self.seed + 1000 * self.rank
        return DataLoader(self.views, batch_size=None)
