"""What Gaze2Mask-Net and WCS-Net train on: pairs of views of one target."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from sightline.errors import DataError, UsageError
from sightline.models import weights
from sightline.models.wcsnet.predictor import load_egnet
from sightline.nn.backbones import Backbone
from sightline.training.batches import Batches
from sightline.training.cache import Features, cached
from sightline.training.digest import code_of
from sightline.training.wcsnet.clips import ClipBatches
from sightline.training.wcsnet.recipe import MaskRecipe, Views, WCSNetRecipe
from sightline.training.wcsnet.targets import targets
from sightline.training.wcsnet.views import ViewBank, compute_views

Batch = dict[str, Any]


def bank_of(views: Views, backbone: Backbone) -> ViewBank:
    """The views that a recipe asks for, made where they are not kept yet. backbone: what makes their features."""
    egnet = load_egnet(weights.find_weights(views.saliency))
    photographs = [source.root for source in views.sources if source.family == "bsds500"]
    backgrounds = [path for root in photographs for path in sorted(root.glob("*/*.jpg"))]
    settings = views.model_dump_json(exclude={"backbone_weights", "saliency"})
    files = [(source.root, source.teacher) for source in views.sources]
    made_of = [code_of("sightline.training.wcsnet.views"), backbone, settings, files]
    make = partial(compute_views, targets(views.sources, backbone), backbone, views.stills, views.seed, backgrounds)
    return ViewBank(cached("views", made_of, make), egnet)


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
        "template_saliency": maps(bank.saliency, templates),
        "mask": maps(bank.masks, searches),
        "saliency": maps(bank.saliency, searches),
        "hotspot": maps(bank.hotspots, searches),
        "has_hotspot": torch.from_numpy(bank.has_hotspot[searches]).float(),
    }


class Together(IterableDataset[dict[str, Batch]]):
    """Batches of several sources at once, by name."""

    def __init__(self, **sources: IterableDataset[Batch]) -> None:
        self.sources = sources

    def __iter__(self) -> Iterator[dict[str, Batch]]:
        for batches in zip(*self.sources.values(), strict=False):
            yield dict(zip(self.sources, batches, strict=True))


class Pairs(Batches):
    """Pairs from the bank to train on, and those of the validation videos; for a memory clips beside them."""

    def __init__(self, bank: ViewBank, recipe: MaskRecipe, clips: Features | None = None) -> None:
        super().__init__()
        self.bank, self.recipe, self.clips = bank, recipe, clips
        self.videos = {str(name) for name in bank.groups[bank.kinds == "video"]}
        unknown = {*(recipe.keep or ()), *recipe.validation} - self.videos
        if unknown:
            raise UsageError(f"the data has no video {', '.join(sorted(unknown))}; mend `keep` or `validation`")

    def train_dataloader(self) -> DataLoader[Any]:
        recipe = self.recipe
        names = self.videos if recipe.keep is None else set(recipe.keep)
        keep, seed = names - set(recipe.validation), recipe.seed + 1000 * self.rank
        kinds = {str(kind): share for kind, share in recipe.kinds.items()}
        pairs = PairBatches(self.bank, kinds, keep, recipe.batch_size, seed, self.done)
        if self.clips is None or not isinstance(recipe, WCSNetRecipe) or recipe.memory is None:
            return DataLoader(pairs, batch_size=None)
        settings, memory = recipe.memory, recipe.network.memory
        assert memory != "none"  # the recipe says so
        clips = ClipBatches(
            self.clips,
            {str(kind): share for kind, share in settings.kinds.items()},
            keep,
            memory.frames,
            settings.unroll,
            settings.batch_size,
            seed,
            self.done,
        )
        return DataLoader(Together(pairs=pairs, clips=clips), batch_size=None)

    def val_dataloader(self) -> DataLoader[Batch]:
        rows = np.flatnonzero(np.isin(self.bank.groups, self.recipe.validation) & (self.bank.kinds == "video"))
        first = {str(self.bank.groups[row]): int(row) for row in rows[::-1]}
        rows = rows[::4]
        chunks = [rows[start : start + 8] for start in range(0, len(rows), 8)]
        pairs = [([first[str(self.bank.groups[row])] for row in chunk], chunk.tolist()) for chunk in chunks]
        return DataLoader(pairs, batch_size=None, collate_fn=lambda pair: load(self.bank, *pair))  # type: ignore[arg-type]
