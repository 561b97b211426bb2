"""Training of EG-Net (WCS-Net paper, Sec. 3.3): frozen early stages, features cached, the rest by Adam."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import lightning as L
import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Sampler

from sightline.data.samples import FixationImage
from sightline.errors import DataError
from sightline.models.wcsnet.losses import fixation_loss
from sightline.nn.backbones import Backbone
from sightline.nn.egnet import EGNet
from sightline.nn.engine import Engine
from sightline.progress import track
from sightline.training.egnet.data import Window, view
from sightline.training.optimisation import configure
from sightline.training.recipe import EGNetRecipe


@dataclass(frozen=True, slots=True)
class Cached:
    """A view after the frozen stages, all float16: features (C, h, w), density (1, H, W) with a mean of 1, counts."""

    features: Tensor
    density: Tensor
    counts: Tensor


class CachedViews(Dataset[Cached]):
    """The frozen stages' features of every view of every photograph, in memory (about 400 kB a view).

    View 0 is the whole photograph, view 1 its mirror image, further ones random windows.
    """

    def __init__(
        self,
        samples: list[FixationImage],
        backbone: Backbone,
        recipe: EGNetRecipe,
        views: int,
        device: torch.device | str = "cpu",
    ) -> None:
        generator = np.random.default_rng(recipe.seed)
        frozen = _FrozenStages(backbone, recipe.frozen_stages)
        engines: dict[torch.Size, Engine] = {}
        self.items: list[Cached] = []
        for sample in track(samples, "Caching features of the frozen stages"):
            for number in range(views):
                window = Window(mirrored=number == 1) if number < 2 else Window.random(generator)
                image, density, counts = view(sample, window, recipe.density_sigma)
                if counts.sum() == 0:
                    continue
                if image.shape not in engines:
                    engines[image.shape] = Engine(frozen, (image[None],), device)
                self.items.append(
                    Cached(
                        engines[image.shape](image[None])[0][0].half().cpu(),
                        (density * density.numel()).half(),
                        counts.half(),
                    )
                )

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Cached:
        return self.items[index]


class _FrozenStages(nn.Module):
    def __init__(self, backbone: Backbone, count: int) -> None:
        super().__init__()
        self.backbone, self.count = backbone, count

    def forward(self, images: Tensor) -> Tensor:
        hidden = self.backbone.normalise(images)
        for stage in self.backbone.stages[: self.count]:
            hidden = stage(hidden)
        return hidden


class SameSizeBatches(Sampler[list[int]]):
    """Endless shuffled batches whose views have one size, as landscape and portrait cannot be stacked.

    start: batches to leave out, for a run that goes on.
    """

    def __init__(self, views: CachedViews, batch_size: int, seed: int, start: int = 0) -> None:
        self.groups: dict[torch.Size, list[int]] = defaultdict(list)
        for index, item in enumerate(views.items):
            self.groups[item.density.shape].append(index)
        self.batch_size, self.seed, self.start = batch_size, seed, start

    def __iter__(self) -> Iterator[list[int]]:
        return islice(self._all(), self.start, None)

    def _all(self) -> Iterator[list[int]]:
        generator = np.random.default_rng(self.seed)
        while True:
            batches = []
            for members in self.groups.values():
                order = generator.permutation(members)
                batches += [order[i : i + self.batch_size].tolist() for i in range(0, len(order), self.batch_size)]
            for number in generator.permutation(len(batches)):
                yield batches[number]


def _stack(items: list[Cached]) -> tuple[Tensor, Tensor, Tensor]:
    density = torch.stack([item.density for item in items]).float()
    return (
        torch.stack([item.features for item in items]).float(),
        density / density.sum(dim=(2, 3), keepdim=True),
        torch.stack([item.counts for item in items]).float(),
    )


class EGNetTask(L.LightningModule):
    """Trains the decoder and the backbone's later stages on cached features; validates by NSS and CC."""

    def __init__(self, network: EGNet, recipe: EGNetRecipe, samples: list[FixationImage]) -> None:
        super().__init__()
        self.network, self.recipe = network, recipe
        shuffled = np.random.default_rng(recipe.seed).permutation(len(samples))
        held_out = int(len(samples) * recipe.held_out)
        self.validation = [samples[i] for i in shuffled[:held_out]]
        self.training_samples = [samples[i] for i in shuffled[held_out:]]
        network.backbone.stages[: recipe.frozen_stages].requires_grad_(False)

    def train(self, mode: bool = True) -> EGNetTask:
        # The backbone's batch normalisation keeps the statistics of its pretraining: batches here are too small.
        super().train(mode)
        self.network.backbone.eval()
        return self

    def train_dataloader(self) -> DataLoader[Cached]:
        recipe = self.recipe
        views = CachedViews(self.training_samples, self.network.backbone, recipe, recipe.views, self.device)
        if not len(views):
            raise DataError("the recipe's data: no photograph with fixations to train on; check roots and `held_out`")
        seed = recipe.seed + 1000 * self.global_rank
        batches = SameSizeBatches(views, recipe.optimisation.batch_size, seed, self.global_step)
        return DataLoader(views, batch_sampler=batches, collate_fn=_stack)

    def val_dataloader(self) -> DataLoader[Cached]:
        views = CachedViews(self.validation, self.network.backbone, self.recipe, views=1, device=self.device)
        return DataLoader(views, batch_size=1, collate_fn=_stack)

    def forward(self, cached: Tensor) -> Tensor:
        """Logits from the frozen stages' features."""
        maps, hidden = [cached], cached
        for stage in self.network.backbone.stages[self.recipe.frozen_stages :]:
            hidden = stage(hidden)
            maps.append(hidden)
        return self.network.decode(maps[-3:])

    def training_step(self, batch: tuple[Tensor, Tensor, Tensor], _: int) -> Tensor:
        cached, density, counts = batch
        loss = fixation_loss(self(cached), density, counts, self.recipe.nss_weight)
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor, Tensor], _: int) -> None:
        from sightline.metrics.functional.fixation import cc, nss
        from sightline.nn.blocks import resize
        from sightline.nn.egnet import fixation_density

        cached, density, counts = batch
        predicted = fixation_density(resize(self(cached), density.shape[-2:]))
        self.log("val_nss", nss(predicted[0, 0], counts[0, 0]), batch_size=1, sync_dist=True)
        self.log("val_cc", cc(predicted[0, 0], density[0, 0]), batch_size=1, sync_dist=True)

    def configure_optimizers(self) -> Any:
        return configure(self.network, self.network.backbone, self.recipe.optimisation)
