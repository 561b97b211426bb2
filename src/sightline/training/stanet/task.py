"""Training of the classification nets with the audio switch, and of STA."""

from __future__ import annotations

from typing import Any, cast

import lightning as L
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sightline.models.stanet import losses
from sightline.models.stanet.network import ScamNets, STANet, pool
from sightline.models.stanet.scam import Stage
from sightline.models.wcsnet.losses import fixation_loss as density_loss
from sightline.nn.audiovisual import FRAMES, TagNet
from sightline.training.optimisation import configure
from sightline.training.recipe import Recipe
from sightline.training.stanet.data import Batch
from sightline.training.stanet.recipe import ScamRecipe, STANetRecipe, WatchedRecipe
from sightline.training.stanet.rows import Rows
from sightline.training.stanet.watched import WatchedBatch


class ScamTask(L.LightningModule):
    """Trains the nets of one stage, side by side: each has its own parameters and loss. With the coarse ones comes the
    audio switch."""

    def __init__(self, network: ScamNets, recipe: ScamRecipe) -> None:
        super().__init__()
        self.network, self.recipe = network, recipe
        trained = [getattr(network, recipe.stage), *([network.switch] if recipe.stage == "coarse" else [])]
        network.requires_grad_(False)
        for part in trained:
            part.requires_grad_(True)
        network.train()

    def training_step(self, batch: Batch, _: int) -> Tensor:
        config, rows = self.network.config, batch.rows
        switch = rows.switch if config.audio_switch else rows.sound
        loss = torch.zeros((), device=rows.audio.device)
        for sources, net in self._nets():
            logits, _features = net(rows.level4, rows.level5, rows.audio, switch)
            own = losses.tag_loss(logits, rows.tags, several=config.several_tags)
            self.log(f"train_{sources}", own)
            loss = loss + own
        if self.recipe.stage == "coarse":
            loss = loss + self._switch_loss(rows)
        self.log("train_loss", loss)
        return loss

    def _nets(self) -> list[tuple[str, TagNet]]:
        stage: Stage = self.recipe.stage
        return [(sources, cast(TagNet, net)) for sources, net in getattr(self.network, stage).items()]

    def _switch_loss(self, rows: Rows) -> Tensor:
        """The tagger's labels, and as many frames with the sound of another frame: those match where both have the same
        tag and the sound is one of it. Matches and mismatches count as much as each other, whatever their numbers. With
        them come the tags that are seen, and those that are heard."""
        switch, tags = self.network.switch, rows.tags
        seen = switch.places(rows.level4[:, FRAMES // 2], rows.level5[:, FRAMES // 2])
        heard = switch.heard(rows.audio)
        other = torch.roll(torch.arange(len(heard), device=heard.device), 1)
        same = (tags * tags[other]).amax(dim=1)
        truth = torch.cat([rows.switch, rows.switch[other] * same])
        counted = torch.cat([rows.sound, rows.sound[other]])
        matches = torch.cat([switch.belongs(seen, sound) for sound in (heard, heard[other])])
        each = F.binary_cross_entropy_with_logits(matches, truth, reduction="none")
        loss = losses.tag_loss(pool(seen), tags, several=True)
        for side in (counted * truth, counted * (1 - truth)):
            loss = loss + 0.5 * (each * side).sum() / side.sum().clamp_min(1)
        known = rows.switch > 0
        if known.any():
            loss = loss + losses.tag_loss(heard[known], tags[known], several=self.network.config.several_tags)
        self.log("train_switch", loss)
        return loss

    def configure_optimizers(self) -> Any:
        return configure(self.network, self.recipe.optimisation)


class STATask(L.LightningModule):
    """STA on rows; encoders and switch stay as they are."""

    def __init__(self, network: STANet, recipe: Recipe) -> None:
        super().__init__()
        self.network, self.recipe = network, recipe
        if network.switch is not None:
            network.switch.requires_grad_(False)
        network.train()
        if network.switch is not None:
            network.switch.eval()  # Lightning keeps these modes

    def forward(self, rows: Rows, movement: Tensor | None = None, belongs: Tensor | None = None) -> Tensor:
        """The logits of frames, (N, 1, h, w).

        movement: (N, 3, h, w), where the config has it. belongs: (N,) of 0 and 1, instead of what the switch says.
        """
        network = self.network
        level4, level5 = (level[:, FRAMES // 2] for level in (rows.level4, rows.level5))
        switch, places = network.switched(level4, level5, rows.audio, rows.sound)
        if belongs is not None:
            switch = belongs
        spatial = network.spatial(rows.level4.flatten(0, 1), rows.level5.flatten(0, 1)).unflatten(0, (-1, FRAMES))
        deepest = level5 if network.config.egnet_decoder else None
        logits: Tensor = network(spatial, rows.level3, level4, rows.audio, switch, deepest, movement)
        return network.add_matches(logits, places, switch)

    def configure_optimizers(self) -> Any:
        return configure(self.network, self.recipe.optimisation)


class STANetTask(STATask):
    """Trains STA on pseudo-fixations. The switch is what the tagger says, as in the classification nets."""

    recipe: STANetRecipe

    def training_step(self, batch: Batch, _: int) -> Tensor:
        rows = batch.rows
        logits = self(rows, belongs=rows.switch if self.network.config.audio_switch else rows.sound)
        loss = losses.fixation_loss(logits, batch.pseudo, self.recipe.kl_weight)
        self.log("train_loss", loss)
        return loss


class WatchedTask(STATask):
    """Trains STA on recorded fixations: the density over the places, and its NSS."""

    recipe: WatchedRecipe

    def __init__(self, network: STANet, recipe: WatchedRecipe) -> None:
        super().__init__(network, recipe)
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):  # a batch holds photographs or frames, whose statistics differ
                module.eval()

    def training_step(self, batch: WatchedBatch, _: int) -> Tensor:
        loss = density_loss(self(batch.rows, batch.movement), batch.density, batch.counts, self.recipe.nss_weight)
        self.log("train_loss", loss)
        return loss
