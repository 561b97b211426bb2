"""What the memory trains on: frames of videos in their order, seen through crops that follow the target as a tracker's.

Videos are those of data sets, and composed ones, in which the target passes behind a pillar, meets its like or leaves.
Like the views of single targets they are kept on disk as features of the frozen backbone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import avg_pool2d
from torch.utils.data import IterableDataset

from sightline.data.composites import compose
from sightline.data.cutouts import Cutout, cut_out, objects
from sightline.data.files import load_image
from sightline.data.layers import photographs_in
from sightline.errors import DataError
from sightline.models.wcsnet.geometry import Crop
from sightline.nn.backbones import Backbone
from sightline.nn.engine import Engine
from sightline.progress import track
from sightline.training.cache import Features, Writer, cached
from sightline.training.digest import code_of
from sightline.training.sources import videos
from sightline.training.wcsnet.recipe import Clips, Composed
from sightline.training.wcsnet.views import SIZE

CONTEXT = 1.6
"""Side of a crop in parts of the target's longer side: the target is as large as in a search crop of 320 pixels."""
SIZES, SHIFTS, INERTIA = 0.12, 0.08, 0.8
"""How far a crop is off: standard deviation of its size's logarithm and of its place, in parts of its side; and what of
the frame before stays, as a tracker errs slowly."""

Frames = Iterator[tuple[NDArray[np.uint8], NDArray[np.bool_]]]


def bank_of_clips(clips: Clips, backbone: Backbone) -> Features:
    """The frames that a recipe asks for, made where they are not kept yet: fields level1 to level5 and mask, one row a
    frame; info: kind, video and variant of every row."""
    made_of = [
        code_of(__name__),
        backbone,
        clips.model_dump_json(),
        [source.root for source in clips.sources],
    ]

    def make(writer: Writer) -> None:
        engine = Engine(backbone, (torch.zeros(1, 3, SIZE, SIZE),))
        info: dict[str, list[Any]] = {"kinds": [], "videos": [], "variants": []}
        for kind, name, variants, frames in _videos(clips):
            generator = np.random.default_rng([clips.seed, *name.encode()])
            followers = [_Follower(generator) for _ in range(variants)]
            for image, mask in frames:
                for variant, follower in enumerate(followers):
                    crop = follower.follow(mask)
                    levels = {f"level{n}": maps[0].half() for n, maps in enumerate(engine(crop.take(image, SIZE)), 1)}
                    inside = avg_pool2d(crop.take_map(mask, SIZE), 2)[0, 0]
                    writer.add(**levels, mask=(inside * 255).round().byte().numpy())
                    for key, value in (("kinds", kind), ("videos", name), ("variants", variant)):
                        info[key].append(value)
        if not info["kinds"]:
            raise DataError("the recipe's clips: no videos; check their roots, families and splits")
        writer.info.update(info)

    return cached("clips", made_of, make)


class _Follower:
    """Crops that follow a target, a little off; where nothing of it is seen they wait."""

    def __init__(self, generator: np.random.Generator) -> None:
        self.generator = generator
        self.off = generator.standard_normal(3)
        self.last: Crop | None = None

    def follow(self, mask: NDArray[np.bool_]) -> Crop:
        if mask.any():
            self.last = Crop.around(mask, CONTEXT, smallest=32.0)
        assert self.last is not None, "a video begins with its target in sight"
        self.off = INERTIA * self.off + (1 - INERTIA**2) ** 0.5 * self.generator.standard_normal(3)
        side = self.last.side * float(np.exp(SIZES * self.off[2]))
        dx, dy = SHIFTS * side * self.off[:2]
        return Crop(self.last.x + float(dx), self.last.y + float(dy), side)


def _videos(clips: Clips) -> Iterator[tuple[str, str, int, Frames]]:
    """Kind, name, variants and frames of every video."""
    for source in clips.sources:
        for sequence in track(videos(source), "Features of videos"):
            loaded = (sequence.load(index) for index in range(len(sequence)))
            known = ((image, mask) for image, mask in loaded if mask is not None)
            yield "video", sequence.name, clips.variants, _from_first_seen(known)
    if clips.composed is not None:
        yield from _composed(clips.composed)


def _from_first_seen(frames: Frames) -> Frames:
    seen = False
    for image, mask in frames:
        seen = seen or bool(mask.any())
        if seen:
            yield image, mask


def _composed(settings: Composed) -> Iterator[tuple[str, str, int, Frames]]:
    """Composed videos: nothing happens, a distractor moves beside the target, a pillar or an object hides it, or it
    leaves. In every second of those with a distractor that is the target's like."""
    rng = np.random.default_rng(settings.seed)
    cutouts = _cutouts(settings, rng)
    grounds = [path for root in settings.backgrounds for path in photographs_in(root)]
    for number in track(range(settings.count), "Composing videos"):
        target, other = next(cutouts), next(cutouts)
        ground, pillar = (grounds[index] for index in rng.choice(len(grounds), 2, replace=False))
        event = number % 5
        distractor = (target if number % 10 >= 5 else other) if event in (1, 3) else None
        video = compose(
            load_image(ground),
            target,
            np.random.default_rng([settings.seed, number]),
            distractor,
            load_image(pillar) if event == 2 else None,
            event == 3,
            settings.frames,
            cover_up=other if event == 4 else None,
        )
        yield "composed", f"composed{number:03d}", 1, ((frame.image, frame.mask) for frame in video)


def _cutouts(settings: Composed, rng: np.random.Generator) -> Iterator[Cutout]:
    """Whole objects of the photographs, over and over in a random order."""
    samples = [photograph for split in settings.splits for photograph in objects(settings.objects, split)]
    kept: list[Cutout] = []
    for index in rng.permutation(len(samples)):
        for sample in samples[int(index)]:
            if (found := cut_out(sample)) is not None:
                kept.append(found)
                yield found
    if len(kept) < 2:
        raise DataError(f"{settings.objects}: no objects that can be cut out; give other photographs")
    while True:
        yield kept[int(rng.integers(len(kept)))]


class Clip(NamedTuple):
    """Rows of one sample: the frames that the memory begins with, and those to find the target in, in their order."""

    known: list[int]
    asked: list[int]


class ClipBatches(IterableDataset[dict[str, Any]]):
    """Endless batches of clips: some known frames of a video, the first first, and `unroll` frames that follow.

    keep: the videos of data sets to draw from, None for all. kinds: the share of each kind. start: batches left out.
    """

    def __init__(
        self,
        bank: Features,
        kinds: dict[str, float],
        keep: set[str] | None,
        known: int,
        unroll: int,
        batch_size: int,
        seed: int,
        start: int = 0,
    ) -> None:
        self.bank, self.known, self.unroll, self.batch_size = bank, known, unroll, batch_size
        self.seed, self.start = seed, start
        self.rows: dict[str, list[list[int]]] = {kind: [] for kind in kinds if kinds[kind]}
        groups: dict[tuple[str, str, int], list[int]] = {}
        info = bank.info
        for row, key in enumerate(zip(info["kinds"], info["videos"], info["variants"], strict=True)):
            groups.setdefault(key, []).append(row)
        for (kind, video, _), rows in groups.items():
            if kind in self.rows and (kind != "video" or keep is None or video in keep):
                self.rows[kind].append(rows)
        missing = [kind for kind, rows in self.rows.items() if not rows]
        if missing:
            raise DataError(f"no clips of kind {', '.join(missing)} to train on; change `kinds`, `keep` or `clips`")
        share = np.array([kinds[kind] for kind in self.rows])
        self.share = share / share.sum()
        self.seen = bank["mask"].max(axis=(1, 2)) > 127

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for clips in islice(self._batches(), self.start, None):
            yield load_clips(self.bank, clips)

    def _batches(self) -> Iterator[list[Clip]]:
        generator = np.random.default_rng([self.seed, 1])
        while True:
            yield [self._clip(generator) for _ in range(self.batch_size)]

    def _clip(self, generator: np.random.Generator) -> Clip:
        kinds = list(self.rows)
        videos = self.rows[kinds[generator.choice(len(kinds), p=self.share)]]
        rows = videos[generator.integers(len(videos))]
        stride = min(int(generator.integers(1, 4)), max(1, (len(rows) - 2) // self.unroll))
        length = min(self.unroll * stride, len(rows) - 1)
        last = int(generator.integers(0, len(rows) - length))
        seen = [row for row in rows[: last + 1] if self.seen[row]]
        first = seen[0] if generator.random() < 0.5 else seen[int(generator.integers(len(seen)))]
        between = [row for row in seen if row >= first]
        chosen = sorted(generator.integers(len(between), size=self.known - 2).tolist())
        known = [first, *(between[index] for index in chosen), between[-1]]
        asked = [rows[min(last + stride * step, len(rows) - 1)] for step in range(1, self.unroll + 1)]
        return Clip(known, asked)


def load_clips(bank: Features, clips: Sequence[Clip]) -> dict[str, Any]:
    """Rows of clips as a batch.

    known, asked: for each frame of a clip, its five levels, (N, C, h, w) float32; known_masks, asked_masks: of each,
    (N, 1, h, w) in [0, 1]; present: (N,) float32 of each asked frame, 1 where the target is seen.
    """
    known, asked = (list(zip(*rows, strict=True)) for rows in zip(*clips, strict=True))

    def features(rows: Sequence[int]) -> list[Tensor]:
        return [torch.from_numpy(bank[f"level{level}"][list(rows)]).float() for level in range(1, 6)]

    def masks(rows: Sequence[int]) -> Tensor:
        return torch.from_numpy(bank["mask"][list(rows)]).float().div_(255)[:, None]

    asked_masks = [masks(rows) for rows in asked]
    return {
        "known": [features(rows) for rows in known],
        "known_masks": [masks(rows) for rows in known],
        "asked": [features(rows) for rows in asked],
        "asked_masks": asked_masks,
        "present": [(mask.amax(dim=(1, 2, 3)) > 0.5).float() for mask in asked_masks],
    }
