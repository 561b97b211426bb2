"""Frames of tagged videos after SCAM's nets or after STA, held in memory: what STANet+ is trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from sightline.models.stanet.network import ScamNets, STANet
from sightline.models.stanet_plus.config import Term
from sightline.models.stanet_plus.nets import NamedMaps, ScamPlusNets, plus_maps
from sightline.nn.audiovisual import FRAMES
from sightline.nn.blocks import resize
from sightline.training.stanet.rows import Clip, Inside, Rows, RowStore, insides, maps_of
from sightline.training.stanet_plus.draw import abroad, companions, distant

CHUNK = 16
"""Frames that go through a network at a time."""


@dataclass(frozen=True)
class Examined:
    """A clip's frames after the last stage of SCAM. features: (M, N, C, h, w) float16, of each of its nets."""

    seen: Inside
    features: Tensor

    @property
    def clip(self) -> Clip:
        """The frames."""
        return self.seen.whole

    def __len__(self) -> int:
        return self.features.shape[1]

    def at(self, rows: Sequence[int], size: Sequence[int]) -> Tensor:
        """(M, n, C, h, w) float: the features of some rows, at a size."""
        chosen = self.features[:, list(rows)].float()
        return resize(chosen.flatten(0, 1), size).unflatten(0, chosen.shape[:2])


def examine(nets: ScamNets, store: RowStore, clips: Sequence[Clip]) -> list[Examined]:
    """The last stage of SCAM of each clip."""
    found = insides(nets, store, clips)
    return [
        Examined(one, maps_of(nets, nets.config.stage, one.whole, one.inside).features.half().clone()) for one in found
    ]


def of_tags(clips: Sequence[Clip]) -> dict[str, list[int]]:
    """Numbers of the clips of each tag; a clip of several counts for each."""
    found: dict[str, list[int]] = {}
    for number, clip in enumerate(clips):
        for tag in clip.video.tags:
            found.setdefault(tag, []).append(number)
    return found


class ContextDraw:
    """Draws the context of frames, as features of SCAM's nets."""

    def __init__(self, examined: Sequence[Examined], nodes: int) -> None:
        self.examined, self.nodes = examined, nodes
        self.by_tag = of_tags([one.clip for one in examined])
        self.lengths = [len(one) for one in examined]

    def draw(self, number: int, row: int, generator: np.random.Generator) -> dict[Term, Tensor]:
        """(M, n, C, h, w) of each term that there is, for a row of a clip."""
        own = self.examined[number]
        size = own.features.shape[-2:]
        found: dict[Term, Tensor] = {
            "short": own.at(companions(row, len(own), self.nodes), size),
            "long": own.at(distant(row, len(own), self.nodes, generator), size),
        }
        same = sorted({other for tag in own.clip.video.tags for other in self.by_tag[tag]})
        cross = abroad(number, same, self.lengths, self.nodes, generator)
        if cross:
            found["cross"] = torch.cat([self.examined[other].at([place], size) for other, place in cross], dim=1)
        return found


@torch.inference_mode()
def plus_pseudo_fixations(nets: ScamPlusNets, examined: Sequence[Examined]) -> list[Tensor]:
    """SCAM+ of every frame, (N, size, size) of each clip over the whole frames; zeros where no net predicts the tag."""
    config = nets.config
    context = ContextDraw(examined, config.graph.nodes)
    pseudo = []
    for number in range(len(examined)):
        fused = maps_with_context(nets, examined, context, number).fused(config)
        pseudo.append(examined[number].seen.placed(fused, config.scam.coarse_size).clone())
    return pseudo


@torch.inference_mode()
def maps_with_context(nets: ScamPlusNets, examined: Sequence[Examined], context: ContextDraw, number: int) -> NamedMaps:
    """All maps of a clip's frames, with context that the config's seed draws."""
    own = examined[number]
    scam = maps_of(nets.scam, nets.config.scam.stage, own.seen.whole, own.seen.inside)
    generator = np.random.default_rng((nets.config.context.seed, number))
    drawn = [context.draw(number, row, generator) for row in range(len(own))]
    contexts = {term: torch.stack([one[term] for one in drawn], dim=1) for term in drawn[0]}
    tags = own.clip.tags.expand(len(own), -1)
    return plus_maps(nets, scam, contexts, tags)


@dataclass(frozen=True)
class Heard:
    """A clip's frames after STA, float16 but for `pseudo`.

    fused, spatial: (N, C, h, w); logits: (N, h', w'), of STA's map; matches: (N, h', w'), what the residual path of
    sound adds to them; places: (N, tags, h, w), logits of the tags that each place shows; heard: (N, tags), how surely
    each is heard, zeros where the switch is off; pseudo: (N, h', w') in [0, 1]. Without a switch there are no tags."""

    clip: Clip
    fused: Tensor
    spatial: Tensor
    logits: Tensor
    matches: Tensor
    places: Tensor
    heard: Tensor
    pseudo: Tensor

    def __len__(self) -> int:
        return len(self.fused)


@torch.inference_mode()
def after_sta(sta: STANet, clips: Sequence[Clip], pseudo: Sequence[Tensor]) -> list[Heard]:
    """What STA makes of each clip's frames. pseudo: by clip, (N, h', w')."""
    return [Heard(clip=clip, pseudo=maps, **_chunks(sta, clip)) for clip, maps in zip(clips, pseudo, strict=True)]


def _chunks(sta: STANet, clip: Clip) -> dict[str, Tensor]:
    chunks = [
        _after(sta, clip.rows(range(begin, min(begin + CHUNK, len(clip))))) for begin in range(0, len(clip), CHUNK)
    ]
    names = ("fused", "spatial", "logits", "matches", "places", "heard")
    return {
        name: torch.cat(values).half().clone() for name, values in zip(names, zip(*chunks, strict=True), strict=True)
    }


def _after(sta: STANet, rows: Rows) -> tuple[Tensor, ...]:
    middle = FRAMES // 2
    level4, level5 = rows.level4[:, middle], rows.level5[:, middle]
    each = sta.spatial(rows.level4.flatten(0, 1), rows.level5.flatten(0, 1)).unflatten(0, (-1, FRAMES))
    switch, match = sta.switched(level4, level5, rows.audio, rows.sound)
    fused = sta.fusion(each, rows.audio, switch)
    plain = sta.decode(fused, rows.level3, level4, level5 if sta.config.egnet_decoder else None)
    logits = sta.add_matches(plain, match, switch)
    places = heard = fused.new_zeros(len(fused), 0, *fused.shape[-2:])
    if sta.switch is not None:
        places = sta.switch.places(level4, level5)
        heard = sta.switch.heard(rows.audio).softmax(dim=1) * switch[:, None]
    return fused, each[:, middle], logits[:, 0], (logits - plain)[:, 0], places, heard
