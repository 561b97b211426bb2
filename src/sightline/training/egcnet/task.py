"""Training of EGCNet from fixations, with or without scribbles."""

from __future__ import annotations

from collections import deque
from typing import Any

import lightning as L
import torch
from torch import Tensor
from torch.nn import functional as F

from sightline.models.egcnet import losses
from sightline.models.egcnet.iimc import mixed_contrast, prototypes
from sightline.models.egcnet.network import Decision, EGCNet, Encoded
from sightline.models.egcnet.refinement import affinity, refine_mask
from sightline.nn.blocks import resize
from sightline.nn.guided import guided_filter
from sightline.training.egcnet.data import FRAMES, Batch
from sightline.training.egcnet.recipe import EGCNetRecipe
from sightline.training.egcnet.scenes import FINE, GRID
from sightline.training.optimisation import configure

BANK = 64
"""Clips whose winners and losers the contrast between videos remembers."""
RAMP = 3
"""Warm-ups until sharpening has its full weight."""


class EGCNetTask(L.LightningModule):
    """Trains what `decide` holds; the backbone and the fixation head stay as they are."""

    def __init__(self, network: EGCNet, recipe: EGCNetRecipe) -> None:
        super().__init__()
        self.network, self.recipe = network, recipe
        network.backbone.requires_grad_(False)
        network.sight.requires_grad_(False)
        network.train()  # computing features leaves it in evaluation mode, which Lightning would keep
        self.bank: deque[Tensor] = deque(maxlen=BANK)

    def training_step(self, batch: Batch, _: int) -> Tensor:
        weights = self.recipe.losses
        decisions = watch(self.network, batch)
        found = [self._frame(decisions[t], batch.frame(t)) for t in range(FRAMES)]
        loss = torch.stack([cost for cost, _ in found]).mean()
        if weights.consistency:
            first, second = (decision.winner for decision in decisions)
            loss = loss + weights.consistency * losses.view_consistency(first, second, batch.windows)
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
        queries = losses.query_loss(decision.masks, decision.competition.share, decision.points, labels, regions)
        motion = resize(frame.motion, FINE)
        affinities = affinity(frame.images, motion, config.refinement)
        target = refine_mask(decision.winner.detach().sigmoid(), frame.images, motion, affinities, config.refinement)
        target = guided_filter(target, frame.images, config.mask.edges).clamp(0, 1)
        loss = losses.frame_loss(
            queries,
            decision.winner,
            affinities,
            target,
            frame.scribbles,
            coherence=weights.coherence,
            sharpening=self._ramp() * weights.sharpening,
            on_scribbles=weights.scribbles,
        )
        return loss.mean(), target

    def _ramp(self) -> float:
        """The network's own masks are no teachers at first: from 0 to 1 in RAMP times the warm-up."""
        warmup = self.recipe.optimisation.warmup_steps
        return min(1.0, self.global_step / warmup / RAMP) if warmup else 1.0

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
        return configure(self.network, self.recipe.optimisation)


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
