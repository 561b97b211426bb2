"""Batches of frames for STANet's nets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from sightline.errors import DataError
from sightline.training.batches import Batches
from sightline.training.stanet.rows import Clip, Rows


class Batch(NamedTuple):
    """Frames, and their pseudo-fixations (N, 1, h, w) where STA is trained; an empty tensor otherwise."""

    rows: Rows
    pseudo: Tensor


class Frames(IterableDataset[Batch]):
    """Endless batches of frames: a tag, a video of it and a frame are drawn in turn; half of the frames are mirrored.

    Frames of a batch have one size; a size is drawn as often as there are videos of it.

    pseudo: by clip, (N, h, w), at the size of the network's output; frames whose map is empty are left out. start:
    batches to leave out, for a run that goes on.
    """

    def __init__(self, clips: Sequence[Clip], batch_size: int, seed: int, pseudo: Sequence[Tensor] = ()) -> None:
        self.clips, self.batch_size, self.seed, self.start = clips, batch_size, seed, 0
        self.pseudo = pseudo
        usable = [np.arange(len(clip)) for clip in clips]
        if pseudo:
            usable = [maps.flatten(1).amax(dim=1).nonzero()[:, 0].numpy() for maps in pseudo]
        self.usable = usable
        self.by_size: dict[tuple[int, ...], dict[str, list[int]]] = {}
        for number, clip in enumerate(clips):
            if len(usable[number]):
                of_size = self.by_size.setdefault(clip.features["level4"].shape[-2:], {})
                of_size.setdefault(clip.video.tags[0], []).append(number)
        if not self.by_size:
            raise DataError(
                "no frame to train on: "
                + ("no frame has pseudo-fixations; train the classification nets longer" if pseudo else "videos empty")
            )

    def __iter__(self) -> Iterator[Batch]:
        return islice(self._all(), self.start, None)

    def _all(self) -> Iterator[Batch]:
        generator = np.random.default_rng(self.seed)
        sizes = [list(of_size.values()) for of_size in self.by_size.values()]
        videos = np.array([sum(map(len, groups)) for groups in sizes])
        while True:
            groups = sizes[generator.choice(len(sizes), p=videos / videos.sum())]
            drawn = [self._draw(generator, groups) for _ in range(self.batch_size)]
            rows = Rows(*(torch.cat(field) for field in zip(*(row for row, _ in drawn), strict=True)))
            yield Batch(rows, torch.cat([maps for _, maps in drawn]))

    def _draw(self, generator: np.random.Generator, groups: list[list[int]]) -> tuple[Rows, Tensor]:
        group = groups[generator.integers(len(groups))]
        number = group[generator.integers(len(group))]
        chosen = self.usable[number][generator.integers(len(self.usable[number]))]
        row = self.clips[number].rows([chosen])
        pseudo = self.pseudo[number][chosen][None, None].float() if self.pseudo else torch.empty(0)
        if generator.integers(2):
            row = row._replace(level3=row.level3.flip(-1), level4=row.level4.flip(-1), level5=row.level5.flip(-1))
            pseudo = pseudo.flip(-1) if self.pseudo else pseudo
        return row, pseudo


class FrameData(Batches):
    """Frames without end, each process's own."""

    def __init__(self, frames: Frames) -> None:
        super().__init__()
        self.frames, self.seed = frames, frames.seed

    def train_dataloader(self) -> DataLoader[Batch]:
        self.frames.start, self.frames.seed = self.done, self.seed + 1000 * self.rank
        return DataLoader(self.frames, batch_size=None)
