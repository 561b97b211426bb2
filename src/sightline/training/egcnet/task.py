"""Training of EGCNet from fixations, with or without scribbles, on clips whose frozen features are kept on disk."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

import lightning as L
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader, IterableDataset

from sightline.errors import DataError
from sightline.models.egcnet import losses
from sightline.models.egcnet.iimc import mixed_contrast, prototypes
from sightline.models.egcnet.network import Decision, EGCNet, Encoded
from sightline.models.egcnet.refinement import affinity, refine_mask
from sightline.nn.blocks import resize
from sightline.nn.guided import guided_filter
from sightline.training.egcnet.scenes import FINE, GRID, Scene, fixation_grid
from sightline.training.labels.observers import observe
from sightline.training.optimisation import configure
from sightline.training.recipe import EGCNetRecipe

FRAMES = 2
"""Frames of a clip in a batch."""
LONGEST_STEP = 8
"""Frames of a video between two of a clip, at most."""
BANK = 64
"""Clips whose winners and losers the contrast between videos remembers."""
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
        self.simulated = {
            id(scene): [
                simulate(network, scene, observers, generator, sigma)
                for sigma in (LABEL_SIGMA, network.config.fixations.sigma)
            ]
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


class EGCNetTask(L.LightningModule):
    """Trains what `decide` holds; the backbone and the fixation head stay as they are."""

    def __init__(self, network: EGCNet, clips: Clips, recipe: EGCNetRecipe) -> None:
        super().__init__()
        self.network, self.clips, self.recipe = network, clips, recipe
        network.backbone.requires_grad_(False)
        network.sight.requires_grad_(False)
        network.train()  # computing features leaves it in evaluation mode, which Lightning would keep
        self.bank: deque[Tensor] = deque(maxlen=BANK)

    def train_dataloader(self) -> DataLoader[Batch]:
        clips = self.clips
        clips.start, clips.seed = self.global_step, self.recipe.seed + 1000 * self.global_rank
        return DataLoader(clips, batch_size=None)

    def training_step(self, batch: Batch, _: int) -> Tensor:
        weights = self.recipe.losses
        decisions = watch(self.network, batch)
        found = [self._frame(decisions[t], batch.frame(t)) for t in range(FRAMES)]
        loss = torch.stack([cost for cost, _ in found]).mean()
        if weights.consistency:
            loss = loss + weights.consistency * view_consistency(decisions, batch.windows)
        if self.network.config.contrast:
            loss = loss + weights.contrast * self._contrast(decisions, torch.stack([target for _, target in found], 1))
        self.log("train_loss", loss)
        return loss

    def _frame(self, decision: Decision, frame: Batch) -> tuple[Tensor, Tensor]:
        """What a frame costs, and the target (N, 1, *FINE) in [0, 1] that colours and motion make of the winner."""
        weights, config = self.recipe.losses, self.network.config
        objects = self.network.objects(Encoded(*frame.encoded))
        labels = resize_labels(
            losses.seed_labels(frame.density, frame.motion, objects, config.density, weights.peak, weights.floor)
        )
        regions = config.regions if config.position_semantic else 0
        assigned = losses.assign_labels(labels, decision.points, regions)
        share = decision.competition.share
        # A query learns as much as it is likely to win; the competition learns which one fits all labels best.
        own = losses.partial_cross_entropy(decision.masks, assigned)
        fit = losses.partial_cross_entropy(decision.masks.detach(), labels)
        loss = ((share.detach() + 0.1) * own).sum(1) + (share * fit).sum(1)
        motion = resize(frame.motion, FINE)
        affinities = affinity(frame.images, motion, config.refinement)
        target = refine_mask(decision.winner.detach().sigmoid(), frame.images, motion, affinities, config.refinement)
        target = guided_filter(target, frame.images, config.mask.edges).clamp(0, 1)
        loss = loss + weights.coherence * losses.local_coherence(decision.winner.sigmoid(), affinities)[:, 0]
        drawn = frame.scribbles >= 0
        if drawn.any():
            strokes = frame.scribbles.clamp_min(0)
            per_pixel = F.binary_cross_entropy_with_logits(decision.winner, strokes, reduction="none")
            per_frame = (per_pixel * drawn).sum(dim=(1, 2, 3)) / drawn.sum(dim=(1, 2, 3)).clamp_min(1)
            loss = loss + weights.scribbles * per_frame
        if weights.sharpening:
            sure = (2 * target - 1).abs()
            per_pixel = F.binary_cross_entropy_with_logits(decision.winner, target, reduction="none")
            ramp = min(1.0, self.global_step / self.recipe.optimisation.warmup_steps / 3)
            loss = loss + ramp * weights.sharpening * (per_pixel * sure).mean(dim=(1, 2, 3))
        return loss.mean(), target

    def _contrast(self, decisions: list[Decision], targets: Tensor) -> Tensor:
        pixels = torch.stack([decision.pixels for decision in decisions], 1)
        targets = resize(targets.flatten(0, 1), pixels.shape[-2:]).view(*pixels.shape[:2], 1, *pixels.shape[-2:])
        bank = torch.stack(list(self.bank)) if self.bank else pixels.new_zeros(0, 2, pixels.shape[2])
        self.bank.extend(prototypes(pixels[:, 0], targets[:, 0]).detach())
        return mixed_contrast(pixels, targets, bank, self.recipe.losses.inter, self.network.config.recall)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["bank"] = list(self.bank)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.bank.extend(checkpoint["bank"])

    def configure_optimizers(self) -> Any:
        return configure(self.network, self.network.backbone, self.recipe.optimisation)


def watch(network: EGCNet, batch: Batch) -> list[Decision]:
    """The network along the frames of N clips."""
    memory = network.empty_memory(len(batch.given), (GRID[0] // 2, GRID[1] // 2), slots=FRAMES - 1)
    decisions = []
    for index in range(batch.images.shape[1]):
        frame = batch.frame(index)
        decision = network.decide(Encoded(*frame.encoded), frame.motion, frame.shown, frame.given, memory)
        remembered = decision.remembered
        # Attention is that of each frame alone here: with what was fixated in one other, masks became worse.
        memory = memory.push(remembered._replace(fixated=torch.zeros_like(remembered.fixated)))
        decisions.append(decision)
    return decisions


def resize_labels(labels: Tensor) -> Tensor:
    """Labels (N, 1, *GRID) at FINE."""
    return F.interpolate(labels, size=FINE, mode="nearest")


def view_consistency(decisions: list[Decision], windows: Tensor) -> Tensor:
    """Mean difference of what two views of one photograph say of the same place.

    windows: (N, T, 3) as in Scene. Frames of videos all show the whole, and are left out.
    """
    first, second = windows[:, 0], windows[:, 1]
    rows = (first != second).any(1).nonzero()[:, 0]
    if not len(rows):
        return windows.new_zeros(())
    height, width = FINE
    y, x = torch.meshgrid(
        (torch.arange(height, device=windows.device) + 0.5) / height,
        (torch.arange(width, device=windows.device) + 0.5) / width,
        indexing="ij",
    )
    a, b = (part[rows, :, None, None] for part in (first, second))
    across = torch.where(a[:, 2] < 0, 1 - x, x)
    column, row = a[:, 0] + a[:, 2].abs() * across, a[:, 1] + a[:, 2].abs() * y
    column, row = (column - b[:, 0]) / b[:, 2].abs(), (row - b[:, 1]) / b[:, 2].abs()
    column = torch.where(b[:, 2] < 0, 1 - column, column)
    grid = 2 * torch.stack([column, row], dim=-1) - 1
    inside = (grid.abs() < 1).all(-1)[:, None].float()
    there = F.grid_sample(decisions[1].winner[rows].sigmoid(), grid, align_corners=False)
    difference = (decisions[0].winner[rows].sigmoid() - there).abs()
    return (difference * inside).sum() / inside.sum().clamp_min(1)
