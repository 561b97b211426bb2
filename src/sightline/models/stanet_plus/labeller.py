"""Pseudo-fixations of a video with its context: SCAM+ on real input (STANet+, Sec. 4)."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Self

import torch
from torch import Tensor

from sightline.errors import SightlineError
from sightline.models.stanet.labeller import DONE, NOT_ON_CROP, NOT_PREDICTED, Examined, Labeller
from sightline.models.stanet.scam import tag_vector
from sightline.models.stanet.windows import listen, with_neighbours
from sightline.models.stanet_plus.config import Term
from sightline.models.stanet_plus.context import Reservoir, filled
from sightline.models.stanet_plus.loading import load_plus_nets
from sightline.models.stanet_plus.nets import plus_maps
from sightline.nn.blocks import resize
from sightline.types import Clip, Frame, Prompt, Step, VideoFrame

Opener = Callable[[], AbstractContextManager[Clip]]
"""Opens a clip for one pass over it."""


class PlusLabeller(Labeller):
    """As `Labeller`, with short-, long- and cross-term context.

    `beside` hands it the clip for a first pass, which fills the reservoir of long-term context, and the other videos of
    the tag. Without the first, long-term context is what has been seen so far; without the second, the nets with
    cross-term context have no map.
    """

    name = "scam-plus"

    def __init__(self, folder: Path, device: torch.device) -> None:
        self.plus = load_plus_nets(folder)
        super().__init__(folder, device, self.plus.scam)
        self._itself: Opener | None = None
        self._others: dict[str, Opener] = {}
        self._banks: dict[tuple[str, ...], Reservoir[Examined]] = {}  # of videos and tags; copies share them

    def beside(self, itself: Opener | None, others: Mapping[str, Opener]) -> Self:
        """The labeller of a clip among others of its tag.

        itself: opens the clip once more. others: by a name that stays the same from run to run; of many, a seeded draw
        takes as many as the config says, the same ones for every clip of the tag.
        """
        made = copy.copy(self)
        made._itself = itself
        seed = self.plus.config.context.seed
        drawn = sorted(others, key=lambda name: hashlib.sha256(f"{seed} {name}".encode()).digest())
        made._others = {name: others[name] for name in drawn[: self.plus.config.context.videos]}
        said = "\0".join((self.weights_sha256, str(itself is not None), *made._others))
        made.weights_sha256 = hashlib.sha256(said.encode()).hexdigest()
        return made

    @property
    def notes(self) -> tuple[str, ...]:
        """See `Labeller.notes`; and whether there was any cross-term context."""
        needed = any(name.endswith("cross") for name in self.plus.config.maps)
        alone = () if self._others or not needed else ("no other video has the tag: no maps with cross-term context",)
        return (*super().notes, *alone)

    def stream(self, clip: Clip, prompt: Prompt) -> Iterator[Frame]:
        """See `Labeller.stream`; a frame waits for its short-term context after it."""
        self._counts.clear()
        context, nodes = self.plus.config.context, self.plus.config.graph.nodes
        far = Reservoir[Examined](context.samples, context.seed) if self._itself is None else self._look(self._itself)
        cross = self._cross()
        after = nodes // 2
        for near in with_neighbours(self._examined(clip), _time, context.short_s, nodes - after, after):
            now = near[nodes - after]
            if self._itself is None:
                kept = self._usable(now)
                far.offer(lambda kept=kept: kept and kept.without_picture())  # type: ignore[misc]
            with torch.inference_mode():
                frame, outcome = self._with_context(now, near, far, cross)
            self._counts[outcome] += 1
            yield frame

    def _usable(self, examined: Examined) -> Examined | None:
        """What can stand beside a target: only what SCAM's last stage has looked at."""
        return examined if examined.stage == self.plus.config.scam.stage else None

    def _look(self, opener: Opener) -> Reservoir[Examined]:
        """Frames from all over a clip, drawn in one pass over it; only those that are kept are looked at.

        Of a damaged clip, those before the damage."""
        context, window = self.plus.config.context, self.nets.config.window
        kept = Reservoir[Examined](context.samples, context.seed)

        def examined(around: tuple[VideoFrame, ...]) -> Examined | None:
            seen = tuple(self._see(frame) for frame in around)
            heard = listen(clip, around[1].time_s, window.sound_s, self.nets.encoders.audio)
            with torch.inference_mode():
                found = self._usable(self._examine((seen[0], seen[1], seen[2]), heard))
            return found and found.without_picture()

        with suppress(SightlineError), opener() as clip:  # whoever labels this clip itself says what is wrong with it
            for around in with_neighbours(clip.frames(), lambda frame: frame.time_s, window.step_s):
                kept.offer(lambda around=around: examined(around))  # type: ignore[misc]
        return kept

    def _cross(self) -> list[Examined]:
        """Context from other videos of the tag: the best of each, then the next of each."""
        banks = []
        for name, opener in self._others.items():
            key = (name, *self.tags)
            if key not in self._banks:
                self._banks[key] = self._look(opener)
            banks.append(list(self._banks[key]))
        rounds = max(map(len, banks), default=0)
        return [bank[place] for place in range(rounds) for bank in banks if place < len(bank)]

    def _with_context(
        self, now: Examined, near: tuple[Examined, ...], far: Reservoir[Examined], cross: list[Examined]
    ) -> tuple[Frame, str]:
        """The frame with its pseudo-fixations, and the outcome."""
        config, stage = self.plus.config, self.plus.config.scam.stage
        if self._usable(now) is None:
            return now.result(None), now.outcome
        count, apart_s = config.graph.nodes, config.context.short_s
        beside = [one for one in near if one is not now and self._usable(one)]
        distant = far.best(count, lambda one: abs(_time(one) - _time(now)) > apart_s)
        found: dict[Term, list[Examined]] = {
            "short": filled(beside, count, now),
            "long": filled(distant, count, now),
        }
        if cross:
            found["cross"] = filled(cross, count, now)
        contexts = {term: _features(ones, now) for term, ones in found.items()}
        made = plus_maps(self.plus, now.maps, contexts, tag_vector(self.tags, self.nets.config))
        fused = made.fused(config)[0]
        steps = [
            Step(f"{stage} {name}", float(made.confidences[name][0]), maps[0].numpy(), now.box)
            for name, maps in made.maps.items()
            if name not in config.scam.nets
        ]
        steps.append(Step(f"{stage} SCAM+", None, fused.numpy(), now.box))
        if made.counted(config):
            return now.result(fused, steps), DONE
        return now.result(None, steps), NOT_PREDICTED if stage == "coarse" else NOT_ON_CROP


def _time(examined: Examined) -> float:
    return examined.frame.time_s


def _features(context: list[Examined], target: Examined) -> Tensor:
    """(M, 1, n, C, h, w): the features of the context, at the size of the target's, whose proportions may be others."""
    size = target.maps.features.shape[-2:]
    each = [resize(one.maps.features[:, 0], size) for one in context]
    return torch.stack(each, dim=1)[:, None]
