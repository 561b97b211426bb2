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
