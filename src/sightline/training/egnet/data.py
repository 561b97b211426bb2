"""EG-Net's data: the frozen stages' features of views of photographs, in batches of one size."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Sampler

from sightline.data.samples import FixationImage
from sightline.errors import DataError
from sightline.nn.backbones import Backbone
from sightline.nn.engine import Engine
from sightline.progress import track
from sightline.training.batches import Batches
from sightline.training.cache import Features, Writer, cached
from sightline.training.digest import code_of
from sightline.training.egnet.views import LANDSCAPE, Window, view

if TYPE_CHECKING:
    from sightline.training.egnet.recipe import EGNetRecipe


@dataclass(frozen=True, slots=True)
class View:
    """A view after the frozen stages, all float16: features (C, h, w), density (1, H, W) with a mean of 1, counts."""

    features: Tensor
    density: Tensor
    counts: Tensor


Batch = tuple[Tensor, Tensor, Tensor]
"""Features, densities that sum to 1, and counts, float32."""


class CachedViews(Dataset[View]):
    """The frozen stages' features of every view of every photograph, on disk (about 400 kB a view).

    View 0 is the whole photograph, view 1 its mirror image, further ones random windows. portrait: (N,) bool.
    """

    def __init__(
        self,
        samples: Sequence[FixationImage],
        backbone: Backbone,
        recipe: EGNetRecipe,
        views: int,
        device: torch.device | str = "cpu",
    ) -> None:
        frozen = _FrozenStages(backbone, recipe.frozen_stages)
        weights = recipe.network.backbone, backbone.stages[: recipe.frozen_stages]
        made_of = [code_of(__name__), weights, samples, views, recipe.seed, recipe.density_sigma]
        self.kept: Features = cached("egnet", made_of, partial(_compute, samples, frozen, recipe, views, device))
        self.portrait = np.array(self.kept.info["portrait"], dtype=bool)

    def __len__(self) -> int:
        return len(self.kept)

    def __getitem__(self, index: int) -> View:
        return View(*(self._field(name, index) for name in ("features", "density", "counts")))

    def _field(self, name: str, index: int) -> Tensor:
        values = torch.from_numpy(self.kept[name][index])
        channels, height, width = values.shape
        return values.reshape(channels, width, height) if self.portrait[index] else values


def _compute(
    samples: Sequence[FixationImage],
    frozen: _FrozenStages,
    recipe: EGNetRecipe,
    views: int,
    device: torch.device | str,
    writer: Writer,
) -> None:
    generator = np.random.default_rng(recipe.seed)
    engines: dict[torch.Size, Engine] = {}
    portrait = writer.info["portrait"] = []
    for sample in track(samples, "Features of photographs"):
        for number in range(views):
            window = Window(mirrored=number == 1) if number < 2 else Window.random(generator)
            image, density, counts = view(sample, window, recipe.density_sigma)
            if counts.sum() == 0:
                continue
            if image.shape not in engines:
                engines[image.shape] = Engine(frozen, (image[None],), device)
            features = engines[image.shape](image[None])[0][0].half().cpu()
            portrait.append(density.shape[1:] != LANDSCAPE)
            rows = {"features": features, "density": (density * density.numel()).half(), "counts": counts.half()}
            # Rows have one shape: portraits lie on their side, as many numbers in the same order.
            writer.add(**{name: row.reshape(len(row), *sorted(row.shape[1:])) for name, row in rows.items()})


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
        self.groups: dict[bool, list[int]] = defaultdict(list)
        for index, portrait in enumerate(views.portrait.tolist()):
            self.groups[portrait].append(index)
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


def stack(views: Sequence[View]) -> Batch:
    """Views of one size as a batch."""
    density = torch.stack([view.density for view in views]).float()
    return (
        torch.stack([view.features for view in views]).float(),
        density / density.sum(dim=(2, 3), keepdim=True),
        torch.stack([view.counts for view in views]).float(),
    )


class EGNetData(Batches):
    """Photographs with fixations, a share of them held out for validation."""

    def __init__(self, samples: Sequence[FixationImage], backbone: Backbone, recipe: EGNetRecipe) -> None:
        super().__init__()
        self.backbone, self.recipe = backbone, recipe
        shuffled = np.random.default_rng(recipe.seed).permutation(len(samples))
        held_out = int(len(samples) * recipe.held_out)
        self.validation = [samples[i] for i in shuffled[:held_out]]
        self.training = [samples[i] for i in shuffled[held_out:]]

    def train_dataloader(self) -> DataLoader[View]:
        views = self._views(self.training, self.recipe.views)
        if not len(views):
            raise DataError("the recipe's data: no photograph with fixations to train on; check roots and `held_out`")
        seed = self.recipe.seed + 1000 * self.rank
        batches = SameSizeBatches(views, self.recipe.batch_size, seed, self.done)
        return DataLoader(views, batch_sampler=batches, collate_fn=stack)

    def val_dataloader(self) -> DataLoader[View]:
        return DataLoader(self._views(self.validation, views=1), batch_size=1, collate_fn=stack)

    def _views(self, samples: Sequence[FixationImage], views: int) -> CachedViews:
        device = self.trainer.strategy.root_device if self.trainer else "cpu"
        return CachedViews(samples, self.backbone, self.recipe, views, device)
