"""Training of the nets with context, and of STA+."""

from __future__ import annotations

from typing import Any

import lightning as L
import torch
from torch import Tensor

from sightline.models.stanet import losses
from sightline.models.stanet_plus.config import sources_of, term_of
from sightline.models.stanet_plus.nets import ScamPlusNets
from sightline.models.stanet_plus.network import STANetPlus
from sightline.nn.blocks import Shift, resize
from sightline.training.optimisation import configure
from sightline.training.stanet_plus.data import NodeBatch, TagBatch
from sightline.training.stanet_plus.recipe import ScamPlusRecipe, STANetPlusRecipe


class ScamPlusTask(L.LightningModule):
    """Trains the nets with context side by side; those of SCAM stay as they are. Every node is asked for the tag."""

    def __init__(self, network: ScamPlusNets, recipe: ScamPlusRecipe) -> None:
        super().__init__()
        self.network, self.recipe = network, recipe
        network.scam.requires_grad_(False)
        network.train()
        network.scam.eval()  # Lightning keeps these modes

    def training_step(self, batch: TagBatch, _: int) -> Tensor:
        config = self.network.config
        loss = torch.zeros((), device=batch.tags.device)
        for name in config.nets:
            features = getattr(batch, term_of(name))[config.scam.nets.index(sources_of(name))]
            logits, _states = self.network.net(name)(features)
            tags = batch.tags[:, None].expand(-1, logits.shape[1], -1)
            own = losses.tag_loss(logits.flatten(0, 1), tags.flatten(0, 1), several=config.scam.several_tags)
            self.log(f"train_{name}", own)
            loss = loss + own
        self.log("train_loss", loss)
        return loss

    def configure_optimizers(self) -> Any:
        return configure(self.network, self.recipe.optimisation)


class STANetPlusTask(L.LightningModule):
    """Trains STA+ with short- and with long-term context: every node that has pseudo-fixations (Eq. 20).

    shift: of STA's features, see `resize`.
    """

    def __init__(self, network: STANetPlus, recipe: STANetPlusRecipe, shift: Shift) -> None:
        super().__init__()
        self.network, self.recipe, self.shift = network, recipe, shift
        network.train()

    def training_step(self, batch: NodeBatch, _: int) -> Tensor:
        loss = torch.zeros((), device=batch.short.fused.device)
        for name, head, nodes in (("short", self.network.short, batch.short), ("long", self.network.long, batch.long)):
            logits = head.add_recalled(head(nodes.fused, nodes.spatial), nodes.places, nodes.more)
            own = node_loss(logits, nodes.base, nodes.pseudo, self.recipe.kl_weight, self.shift)
            self.log(f"train_{name}", own)
            loss = loss + own
        self.log("train_loss", loss)
        return loss

    def configure_optimizers(self) -> Any:
        return configure(self.network, self.recipe.optimisation)


def node_loss(logits: Tensor, base: Tensor, pseudo: Tensor, kl_weight: float, shift: Shift = (0.0, 0.0)) -> Tensor:
    """Eq. 20: the sum over the nodes of what each one's map costs.

    logits: (N, K, 1, h, w); base: (N, K, h', w'), added to them at the size of the map; pseudo: (N, K, h', w') in
    [0, 1], empty where there is none, which then does not count; shift: of the logits, see `resize`.
    """
    nodes = logits.shape[1]
    there = pseudo.flatten(2).amax(dim=2).flatten() > 0
    maps = resize(logits.flatten(0, 1), pseudo.shape[-2:], shift) + base.flatten(0, 1)[:, None]
    return nodes * losses.fixation_loss(maps[there], pseudo.flatten(0, 1)[there][:, None], kl_weight)
