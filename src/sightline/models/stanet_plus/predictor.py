"""STANet+ on videos and pictures: STA of each frame, beside frames around it and frames seen before."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from sightline.models import weights
from sightline.models.exports import ExportPart
from sightline.models.stanet.network import AudioSwitch, STANet
from sightline.models.stanet.predictor import EMPTY, Moment, STANetPredictor, saliency_of
from sightline.models.stanet.windows import with_neighbours
from sightline.models.stanet_plus.context import Reservoir, filled
from sightline.models.stanet_plus.fusion import fuse
from sightline.models.stanet_plus.loading import load_stanet_plus
from sightline.models.stanet_plus.readout import ContextHead, recalled
from sightline.nn.blocks import resize
from sightline.types import Clip, Frame, Prompt, SoundWindow, VideoFrame


class Node(NamedTuple):
    """A frame after STA.

    fused, spatial: (1, C, h, w); logits: (1, 1, h', w'), of STA's own map; matches: (1, 1, h', w'), what its residual
    path of sound has added to them; heard: (1, tags), how surely each is heard, zeros where the switch is off and
    without one; levels: 4 and 5 of the backbone, while the frame may be a target."""

    frame: VideoFrame
    sound: SoundWindow | None
    fused: Tensor
    spatial: Tensor
    logits: Tensor
    matches: Tensor
    heard: Tensor
    levels: tuple[Tensor, ...]


class STANetPlusPredictor(STANetPredictor):
    """Where viewers look while they hear the sound, with memory. Memory in the machine does not grow with the video.

    Short-term context are frames before and after, long-term ones a seeded reservoir of what has been seen; with
    `look_ahead`, of the whole clip. A frame stands in for context that there is not: at the first frames, and in a
    picture alone.
    """

    name = "stanet-plus"
    looks_ahead = True

    def __init__(self, folder: Path, device: torch.device) -> None:
        self.plus = load_stanet_plus(folder)
        parts = self.plus.config.parts
        super().__init__(weights.find_part(folder, "sta", parts), device)
        self.name = self.plus.config.model  # and not that of its part
        both = weights.sha256(folder) + self.weights_sha256
        self.weights_sha256 = hashlib.sha256(both.encode()).hexdigest()
        self._seen_ahead: Reservoir[Node] | None = None

    def export_parts(self, size: tuple[int, int]) -> tuple[ExportPart, ...]:
        """See `Predictor.export_parts`."""
        from sightline.models.stanet_plus.exports import stanet_plus_parts

        return stanet_plus_parts(self.plus, self.network, size)

    def look_ahead(self, clip: Clip) -> None:
        """Fill the reservoir from all of a clip, for the next `stream`. Only frames that are kept are looked at."""
        window = self.network.config.window
        kept = self._reservoir()
        for around in with_neighbours(clip.frames(), lambda frame: frame.time_s, window.step_s):
            kept.offer(partial(self._look_at, clip, around))
        self._seen_ahead = kept

    def stream(self, clip: Clip, prompt: Prompt) -> Iterator[Frame]:
        """See `Predictor.stream`; a frame waits for its short-term context after it."""
        ahead, self._seen_ahead = self._seen_ahead, None
        far = self._reservoir() if ahead is None else ahead
        context, count = self.plus.config.context, self.plus.config.graph.nodes
        after = count // 2
        for near in with_neighbours(self._nodes(clip), _time, context.short_s, count - after, after):
            now = near[count - after]
            distant = far.best(len(far), partial(_apart, _time(now), context.short_s))
            yield self._result(now, [one for one in near if one is not now], distant)
            if ahead is None:
                far.offer(partial(_kept, now))

    def _look_at(self, clip: Clip, around: Sequence[VideoFrame]) -> Node:
        before, now, after = (self._see(frame) for frame in around)
        moment = self._moment(clip, before, now, after)
        (fused,) = self._run("fuse", _Features(self.network), moment.spatial, moment.audio, moment.switch)
        nothing = torch.empty(0)
        return _kept(Node(now.frame, None, fused, now.spatial, nothing, nothing, self._heard(moment), ()))

    def _reservoir(self) -> Reservoir[Node]:
        context = self.plus.config.context
        return Reservoir(context.samples, context.seed)

    def _nodes(self, clip: Clip) -> Iterator[Node]:
        for moment in self._moments(clip):
            fused, logits = self._run("sta", _WithFeatures(self.network), *moment.inputs)
            with torch.inference_mode():
                matches = self.network.add_matches(torch.zeros_like(logits), moment.places, moment.switch)
            now, levels = moment.now, (moment.now.level4, moment.now.level5)
            heard = self._heard(moment)
            yield Node(now.frame, moment.sound, fused, now.spatial, logits + matches, matches, heard, levels)

    @torch.inference_mode()
    def _heard(self, moment: Moment) -> Tensor:
        """How surely each tag is heard, (1, tags)."""
        switch = self.network.switch
        return torch.zeros(1, 0) if switch is None else switch.heard(moment.audio).softmax(dim=1) * moment.switch

    def _result(self, now: Node, near: list[Node], distant: list[Node]) -> Frame:
        frame = now.frame
        size = (frame.image.shape[0], frame.image.shape[1])
        whole = resize(fuse(*self._parts(now, near, distant), self.plus.config.output), size)
        highest = whole.max()
        saliency = (whole / highest if highest > EMPTY else whole)[0, 0].numpy()
        return Frame(frame.index, frame.time_s, frame.image, saliency, sound=now.sound)

    def _parts(self, now: Node, near: list[Node], distant: list[Node]) -> tuple[Tensor, Tensor, Tensor]:
        """The maps of STA and of STA+ with short- and with long-term context, (1, 1, h', w') in [0, 1].

        near, distant: all of each context that there is; the graphs read the first ones."""
        size = (now.logits.shape[-2], now.logits.shape[-1])
        density = self.network.config.output == "density"
        sta = saliency_of(now.logits, size, "density") if density else now.logits.sigmoid()
        residual, shift = self.plus.config.readout == "residual", self.network.encoders.backbone.shift(4)
        maps = []
        for name, head, found in (("short", self.plus.short, near), ("long", self.plus.long, distant)):
            nodes = [now, *filled(found, self.plus.config.graph.nodes, now)]
            fused = torch.stack([node.fused for node in nodes], dim=1)
            (logits,) = self._run(name, _Target(head), fused, now.spatial)
            with torch.inference_mode():
                logits = self._add_recalled(head, logits, now, found)
            maps.append((resize(logits, size, shift) + (now.logits if residual else now.matches)).sigmoid())
        return sta, maps[0], maps[1]

    def _add_recalled(self, head: ContextHead, logits: Tensor, now: Node, found: list[Node]) -> Tensor:
        """See `ContextHead.add_recalled`; places are looked at only where there is something to recall."""
        switch = self.network.switch
        if head.recall is None or switch is None or not found:
            return logits
        more = recalled(now.heard, torch.stack([node.heard for node in found]))
        if not more.any():
            return logits
        (places,) = self._run("places", _Places(switch), *now.levels)
        return head.add_recalled(logits, places, more)


def _time(node: Node) -> float:
    return node.frame.time_s


def _apart(time_s: float, least_s: float, node: Node) -> bool:
    return abs(_time(node) - time_s) > least_s


def _kept(node: Node) -> Node:
    """What context needs of a frame: neither the picture nor the backbone's levels."""
    empty = VideoFrame(node.frame.index, _time(node), node.frame.pts, np.empty((0, 0, 3), np.uint8))
    return node._replace(frame=empty, levels=())


class _Places(nn.Module):
    """Which tags each place shows."""

    def __init__(self, switch: AudioSwitch) -> None:
        super().__init__()
        self.switch = switch

    def forward(self, level4: Tensor, level5: Tensor) -> Tensor:
        """See `AudioSwitch.places`."""
        return self.switch.places(level4, level5)


class _Features(nn.Module):
    """The features that STA's decoder reads."""

    def __init__(self, network: STANet) -> None:
        super().__init__()
        self.network = network

    def forward(self, spatial: Tensor, audio: Tensor, switch: Tensor) -> Tensor:
        """As STANet's. Returns (1, C, h, w)."""
        fused: Tensor = self.network.fusion(spatial, audio, switch)
        return fused


class _WithFeatures(nn.Module):
    """STA, and the features that its decoder reads."""

    def __init__(self, network: STANet) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, spatial: Tensor, level3: Tensor, level4: Tensor, audio: Tensor, switch: Tensor, *more: Tensor
    ) -> tuple[Tensor, Tensor]:
        """As STANet's."""
        fused = self.network.fusion(spatial, audio, switch)
        return fused, self.network.decode(fused, level3, level4, *more)


class _Target(nn.Module):
    """STA+ of the target alone."""

    def __init__(self, head: ContextHead) -> None:
        super().__init__()
        self.head = head

    def forward(self, fused: Tensor, spatial: Tensor) -> Tensor:
        """fused: (1, 1 + n, C, h, w); spatial: (1, C, h, w), of the target. Returns logits (1, 1, h, w)."""
        return self.head.readout(self.head.graph(fused)[:, 0], spatial)
