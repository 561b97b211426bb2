"""Training of EG-Net (WCS-Net paper, Sec. 3.3) on the features of its frozen stages."""

from __future__ import annotations

from typing import Any

import lightning as L
from torch import Tensor

from sightline.metrics.functional.fixation import cc, nss
from sightline.models.wcsnet.losses import fixation_loss
from sightline.nn.blocks import resize
from sightline.nn.egnet import EGNet, fixation_density
from sightline.training.egnet.data import Batch
from sightline.training.egnet.recipe import EGNetRecipe
from sightline.training.optimisation import configure


class EGNetTask(L.LightningModule):
    """Trains the decoder and the backbone's later stages; validates by NSS and CC."""

    def __init__(self, network: EGNet, recipe: EGNetRecipe) -> None:
        super().__init__()
        self.network, self.recipe = network, recipe
        network.backbone.stages[: recipe.frozen_stages].requires_grad_(False)

    def train(self, mode: bool = True) -> EGNetTask:
        # The backbone's batch normalisation keeps the statistics of its pretraining: batches here are too small.
        super().train(mode)
        self.network.backbone.eval()
        return self

    def forward(self, cached: Tensor) -> Tensor:
        """Logits from the frozen stages' features."""
        maps, hidden = [cached], cached
        for stage in self.network.backbone.stages[self.recipe.frozen_stages :]:
            hidden = stage(hidden)
            maps.append(hidden)
        return self.network.decode(maps[-3:])

    def training_step(self, batch: Batch, _: int) -> Tensor:
        cached, density, counts = batch
        loss = fixation_loss(self(cached), density, counts, self.recipe.nss_weight)
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch: Batch, _: int) -> None:
        cached, density, counts = batch
        predicted = fixation_density(resize(self(cached), density.shape[-2:]))
        self.log("val_nss", nss(predicted[0, 0], counts[0, 0]), batch_size=1, sync_dist=True)
        self.log("val_cc", cc(predicted[0, 0], density[0, 0]), batch_size=1, sync_dist=True)

    def configure_optimizers(self) -> Any:
        return configure(self.network, self.recipe.optimisation)
