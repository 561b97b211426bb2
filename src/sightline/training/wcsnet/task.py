"""Training of Gaze2Mask-Net and WCS-Net on the cached views of targets (WCS-Net paper, Sec. 3.3)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import islice
from typing import Any

import lightning as L
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader, IterableDataset

from sightline.errors import DataError, UsageError
from sightline.models.wcsnet.gaze2mask import Gaze2Mask
from sightline.models.wcsnet.losses import joint_loss, mask_loss
from sightline.models.wcsnet.network import WCSNet
from sightline.nn.blocks import pool_to
from sightline.training.optimisation import configure
from sightline.training.recipe import Gaze2MaskRecipe, WCSNetRecipe
from sightline.training.wcsnet.views import ViewBank

Batch = dict[str, Any]


class PairBatches(IterableDataset[Batch]):
    """Endless batches of (template, search) pairs: two views of one target, the kinds mixed as the recipe says.

    The template of a still is its centred view; in a video any two views of the sequence make a pair.
    keep: the videos to draw from, None for all. start: batches to leave out, for a run that goes on.
    """

    def __init__(
        self, bank: ViewBank, kinds: dict[str, float], keep: set[str] | None, batch_size: int, seed: int, start: int = 0
    ) -> None:
        self.bank, self.batch_size, self.seed, self.start = bank, batch_size, seed, start
        groups: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        for row, (kind, group) in enumerate(zip(bank.kinds, bank.groups, strict=True)):
            if kind in kinds and (kind != "video" or keep is None or group in keep):
                groups[kind][group].append(row)
        self.kinds = [kind for kind in kinds if kinds[kind]]
        missing = [kind for kind in self.kinds if not groups[kind]]
        if missing:
            raise DataError(
                f"no targets of kind {', '.join(missing)} to train on; change `kinds`, `keep` or the sources"
            )
        self.members = {kind: list(groups[kind].values()) for kind in self.kinds}
        share = np.array([kinds[kind] for kind in self.kinds])
        self.share = share / share.sum()

    def __iter__(self) -> Iterator[Batch]:
        for pairs in islice(self._pairs(), self.start, None):
            yield load(self.bank, *zip(*pairs, strict=True))

    def _pairs(self) -> Iterator[list[tuple[int, int]]]:
        generator = np.random.default_rng(self.seed)
        while True:
            yield [self._pair(generator) for _ in range(self.batch_size)]

    def _pair(self, generator: np.random.Generator) -> tuple[int, int]:
        kind = self.kinds[generator.choice(len(self.kinds), p=self.share)]
        members = self.members[kind][generator.integers(len(self.members[kind]))]
        first = members[0] if kind != "video" else members[generator.integers(len(members))]
        others = [row for row in members if row != first] or [first]
        return first, others[generator.integers(len(others))]


def load(bank: ViewBank, templates: Any, searches: Any) -> Batch:
    """Rows of a bank as a batch: float32 tensors, maps (N, 1, h, w) in [0, 1]."""
    templates, searches = list(templates), list(searches)

    def maps(array: Any, rows: list[int]) -> Tensor:
        return torch.from_numpy(array[rows]).float().div_(255)[:, None]

    return {
        "template": [torch.from_numpy(level[templates]).float() for level in bank.features],
        "search": [torch.from_numpy(level[searches]).float() for level in bank.features],
        "template_mask": maps(bank.masks, templates),
        "template_gaze": maps(bank.gaze, templates),
        "mask": maps(bank.masks, searches),
        "gaze": maps(bank.gaze, searches),
        "hotspot": maps(bank.hotspots, searches),
        "has_hotspot": torch.from_numpy(bank.has_hotspot[searches]).float(),
    }


def gaze_inside(gaze: Tensor, mask: Tensor) -> Tensor:
    """The gaze map cut to the mask (the gaze that a target draws), scaled to a maximum of 1.

    Where no gaze falls into the mask, the mask itself stands in. gaze: (N, 1, h, w); mask: (N, 1, H, W).
    """
    area = pool_to(mask, gaze)
    inside = gaze * area
    inside = torch.where(inside.amax(dim=(2, 3), keepdim=True) > 0.02, inside, area)
    return inside / inside.amax(dim=(2, 3), keepdim=True).clamp_min(1e-6)


class MaskTask(L.LightningModule):
    """What both tasks share: batches from the bank, frozen backbone, J on the validation videos."""

    def __init__(self, network: Gaze2Mask | WCSNet, bank: ViewBank, recipe: Gaze2MaskRecipe | WCSNetRecipe) -> None:
        super().__init__()
        self.frozen, self.bank, self.recipe = network.backbone, bank, recipe
        self.frozen.requires_grad_(False)
        self.videos = {str(name) for name in bank.groups[bank.kinds == "video"]}
        unknown = {*(recipe.keep or ()), *recipe.validation} - self.videos
        if unknown:
            raise UsageError(f"the data has no video {', '.join(sorted(unknown))}; mend `keep` or `validation`")

    def train(self, mode: bool = True) -> MaskTask:
        super().train(mode)
        self.frozen.eval()
        return self

    def train_dataloader(self) -> DataLoader[Batch]:
        recipe = self.recipe
        names = self.videos if recipe.keep is None else set(recipe.keep)
        batches = PairBatches(
            self.bank,
            {str(kind): share for kind, share in recipe.kinds.items()},
            names - set(recipe.validation),
            recipe.optimisation.batch_size,
            recipe.seed + 1000 * self.global_rank,
            self.global_step,
        )
        return DataLoader(batches, batch_size=None)

    def val_dataloader(self) -> DataLoader[Batch] | list[Any]:
        rows = np.flatnonzero(np.isin(self.bank.groups, self.recipe.validation) & (self.bank.kinds == "video"))
        first = {str(self.bank.groups[row]): int(row) for row in rows[::-1]}
        rows = rows[::4]
        chunks = [rows[start : start + 8] for start in range(0, len(rows), 8)]
        pairs = [([first[str(self.bank.groups[row])] for row in chunk], chunk.tolist()) for chunk in chunks]
        return DataLoader(pairs, batch_size=None, collate_fn=lambda pair: load(self.bank, *pair))  # type: ignore[arg-type]

    def predict_masks(self, batch: Batch) -> Tensor:
        """Mask logits of a batch of the bank."""
        raise NotImplementedError

    def validation_step(self, batch: Batch, _: int) -> None:
        from sightline.metrics.functional.vos import region_similarity

        predicted = self.predict_masks(batch)[:, 0] > 0
        truth = F.interpolate(batch["mask"], predicted.shape[-2:])[:, 0] > 0.5
        score = region_similarity(predicted, truth).mean()
        self.log("val_j", score.float(), batch_size=len(truth), sync_dist=True, prog_bar=True)

    def configure_optimizers(self) -> Any:
        return configure(self, self.frozen, self.recipe.optimisation)


class Gaze2MaskTask(MaskTask):
    """Binary cross-entropy between mask and prediction; the gaze falls into the target, with some spill beside it.

    Half of the gaze maps are EG-Net's inside the target (as in the paper); the others are a spot at a random place
    of the target, so that a click or a live gaze point works too.
    """

    def __init__(self, network: Gaze2Mask, bank: ViewBank, recipe: Gaze2MaskRecipe) -> None:
        super().__init__(network, bank, recipe)
        self.network = network

    def training_step(self, batch: Batch, _: int) -> Tensor:
        mask, gaze = batch["mask"], batch["gaze"]
        inside = gaze_inside(gaze, mask)
        spill, chance = torch.rand(2, len(gaze), 1, 1, 1, device=gaze.device)
        guide = torch.maximum(inside, 0.7 * spill * gaze)
        guide = torch.where(chance < 0.4, _spot(mask, gaze.shape[-1]), guide)
        logits = self.network.decode(batch["search"], guide)
        loss = mask_loss(logits, mask).mean()
        self.log("train_loss", loss)
        return loss

    def predict_masks(self, batch: Batch) -> Tensor:
        return self.network.decode(batch["search"], batch["gaze"])


def _spot(mask: Tensor, size: int) -> Tensor:
    """A Gaussian spot of random width at a random pixel of each mask: (N, 1, size, size), maximum 1."""
    weights = F.adaptive_avg_pool2d(mask, size).flatten(1).clamp_min(1e-6)
    place = torch.multinomial(weights, 1)[:, 0]
    y, x = (place // size).float(), (place % size).float()
    grid = torch.arange(size, device=mask.device).float()
    sigma = (0.02 + 0.08 * torch.rand(len(mask), device=mask.device)) * size
    rows = torch.exp(-((grid[None] - y[:, None]) ** 2) / (2 * sigma[:, None] ** 2))
    columns = torch.exp(-((grid[None] - x[:, None]) ** 2) / (2 * sigma[:, None] ** 2))
    return (rows[:, :, None] * columns[:, None, :])[:, None]


class WCSNetTask(MaskTask):
    """The joint loss of mask and hotspot (Eq. 6) on pairs of views."""

    def __init__(self, network: WCSNet, bank: ViewBank, recipe: WCSNetRecipe) -> None:
        super().__init__(network, bank, recipe)
        self.network = network

    def _decode(self, batch: Batch) -> tuple[Tensor, Tensor | None]:
        template, mask = batch["template"], batch["template_mask"]
        gaze = gaze_inside(batch["template_gaze"], mask)
        if self.network.config.correlation == "depthwise":
            # "w/o. weighted pooling": the template has half the size of the search frame (Sec. 4.4).
            template = [_middle(level) for level in template]
        return self.network.decode(batch["search"], self.network.template(template, mask, gaze))

    def training_step(self, batch: Batch, _: int) -> Tensor:
        mask_logits, hotspot_logits = self._decode(batch)
        mask_logits = F.interpolate(mask_logits, batch["mask"].shape[-2:], mode="bilinear", align_corners=False)
        ones = torch.ones_like(batch["has_hotspot"])
        loss = joint_loss(mask_logits, batch["mask"], ones, hotspot_logits, batch["hotspot"], batch["has_hotspot"])
        self.log("train_loss", loss)
        return loss

    def predict_masks(self, batch: Batch) -> Tensor:
        return F.interpolate(self._decode(batch)[0], batch["mask"].shape[-2:], mode="bilinear", align_corners=False)


def _middle(level: Tensor) -> Tensor:
    height, width = level.shape[-2:]
    return level[..., height // 4 : height - height // 4, width // 4 : width - width // 4]
