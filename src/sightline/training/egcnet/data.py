"""What EGCNet trains on: batches of clips, their fixations recorded or simulated."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from sightline.errors import DataError
from sightline.models.egcnet import losses
from sightline.models.egcnet.network import EGCNet, Encoded
from sightline.training.batches import Batches
from sightline.training.egcnet.scenes import FINE, GRID, Scene, fixation_grid
from sightline.training.labels.observers import observe

FRAMES = 2
"""Frames of a clip in a batch."""
LONGEST_STEP = 8
"""Frames of a video between two of a clip, at most."""
LABEL_SIGMA = 0.06
"""Blur of simulated fixations that make labels, in parts of the longer side: they speak for more of an object than the
spots that twelve people look at."""


class Batch(NamedTuple):
    """N clips of T frames. encoded: five levels (N, T, ...). images: (N, T, 3, *FINE). motion: (N, T, 1, *GRID).
    density: (N, T, 1, *GRID) of the fixations that make the labels; shown: likewise, of those that the network is shown
    where given (N,) is 1. windows: (N, T, 3). scribbles: (N, T, 1, *FINE), -1 where unlabelled."""

    encoded: tuple[Tensor, ...]
    images: Tensor
    motion: Tensor
    density: Tensor
    shown: Tensor
    windows: Tensor
    scribbles: Tensor
    given: Tensor

    def frame(self, index: int) -> Batch:
        """Frame `index` of every clip, the T axis gone."""
        return Batch(
            tuple(level[:, index] for level in self.encoded),
            self.images[:, index],
            self.motion[:, index],
            self.density[:, index],
            self.shown[:, index],
            self.windows[:, index],
            self.scribbles[:, index],
            self.given,
        )


class Clips(IterableDataset[Batch]):
    """Endless batches of clips: frames of videos in time order or backwards, views of photographs in any order.

    network: what simulated observers look with. scenes: by kind. counts: clips of each kind in a batch. scribbles: by
    the name of a scene, (F, 1, *FINE). Scenes without recorded fixations get simulated observers, drawn anew with every
    seed: some make the labels, as many others are shown to the network, which could copy those.
    """

    def __init__(
        self,
        network: EGCNet,
        scenes: dict[str, list[Scene]],
        counts: dict[str, int],
        scribbles: dict[str, Tensor],
        observers: int,
        seed: int,
        start: int = 0,
    ) -> None:
        missing = [kind for kind, count in counts.items() if count and not scenes.get(kind)]
        if missing:
            raise DataError(f"no scene of kind {', '.join(missing)} to train on; change `clips` or the sources")
        self.scenes, self.counts, self.scribbles, self.start, self.seed = scenes, counts, scribbles, start, seed
        generator = np.random.default_rng(seed)
        sigmas = LABEL_SIGMA, network.config.fixations.sigma
        self.simulated = {
            id(scene): [simulate(network, scene, observers, generator, sigma) for sigma in sigmas]
            for members in scenes.values()
            for scene in members
            if scene.density is None
        }

    def __iter__(self) -> Iterator[Batch]:
        return islice(self._all(), self.start, None)

    def _all(self) -> Iterator[Batch]:
        generator = np.random.default_rng([self.seed, 1])
        while True:
            clips = [
                self._clip(self.scenes[kind][generator.integers(len(self.scenes[kind]))], generator)
                for kind, count in self.counts.items()
                for _ in range(count)
            ]
            given = torch.from_numpy((generator.random(len(clips)) < 0.5).astype(np.float32))
            encoded, *parts = zip(*clips, strict=True)
            levels = tuple(torch.stack(level) for level in zip(*encoded, strict=True))
            images, motion, density, shown, windows, scribbles = (torch.stack(part) for part in parts)
            given = given * (shown.flatten(2).sum(2).amin(1) > 0)
            yield Batch(levels, images, motion, density, shown, windows, scribbles, given)

    def _clip(self, scene: Scene, generator: np.random.Generator) -> tuple[Any, ...]:
        if scene.kind == "photo":
            chosen = generator.permutation(len(scene))[:FRAMES]
        else:
            step = int(generator.integers(1, min(LONGEST_STEP, (len(scene) - 1) // (FRAMES - 1)) + 1))
            first = generator.integers(len(scene) - step * (FRAMES - 1))
            chosen = first + step * np.arange(FRAMES)
            chosen = chosen[::-1] if generator.integers(2) else chosen
        rows = torch.from_numpy(chosen.copy())
        density, shown = self.simulated[id(scene)] if scene.density is None else (scene.density, scene.density)
        drawn = self.scribbles.get(scene.name)
        return (
            tuple(level[rows].float() for level in scene.encoded),
            scene.images[rows].float() / 255,
            scene.motion[rows].float(),
            density[rows].float(),
            shown[rows].float(),
            scene.windows[rows].float(),
            torch.full((FRAMES, 1, *FINE), losses.UNKNOWN) if drawn is None else drawn[rows].float(),
        )


def simulate(network: EGCNet, scene: Scene, observers: int, generator: np.random.Generator, sigma: float) -> Tensor:
    """Densities of simulated observers of a scene, (F, 1, *GRID). sigma: blur, in parts of the longer side."""
    grids = [fixation_grid(places, sigma) for places in simulated(network, scene, observers, generator)]
    return torch.from_numpy(np.stack(grids))[:, None].half()


@torch.no_grad()
def simulated(
    network: EGCNet, scene: Scene, observers: int, generator: np.random.Generator
) -> Iterator[NDArray[np.float64]]:
    """Where simulated observers of a scene look in every frame, (observers, 2), x and y in [0, 1]: they follow the
    network's own density in each frame: that of the fixation head, weighted by motion. No mask comes near."""
    encoded, motion = Encoded(*(level.float() for level in scene.encoded)), scene.motion.float()
    own = network.own_density(encoded, motion, torch.zeros_like(motion))
    size = np.array(GRID[::-1], np.float64)
    return (points / size for points in observe(own[:, 0].numpy(), observers, generator))


class ClipData(Batches):
    """Clips without end, each process's own."""

    def __init__(self, clips: Clips, seed: int) -> None:
        super().__init__()
        self.clips, self.seed = clips, seed

    def train_dataloader(self) -> DataLoader[Batch]:
        self.clips.start, self.clips.seed = self.done, self.seed + 1000 * self.rank
        return DataLoader(self.clips, batch_size=None)
