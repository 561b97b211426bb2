"""S+, SA+ and ST+: classification nets that look at a target and its context (STANet+, Fig. 5 E to G)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from sightline.models.stanet.config import ScamConfig
from sightline.models.stanet.network import ScamNets, tag_net
from sightline.models.stanet.scam import StageMaps
from sightline.models.stanet_plus.config import MapName, PlusMap, ScamPlusConfig, Term, sources_of, term_of
from sightline.models.stanet_plus.graph import ContextGraph, GraphConfig, refine
from sightline.nn import cam
from sightline.nn.audio import AudioEncoder
from sightline.nn.audiovisual import Sources, TagNet
from sightline.nn.backbones import Backbone
from sightline.nn.blocks import resize


class Nodes(NamedTuple):
    """N targets, each with its context behind it.

    level4, level5: (N, 1 + n, 3, C, h, w), each node's frame between its neighbours; audio: (N, 1 + n, A); switch:
    (N, 1 + n).
    """

    level4: Tensor
    level5: Tensor
    audio: Tensor
    switch: Tensor

    @classmethod
    def stack(cls, nodes: Sequence[tuple[Tensor, Tensor, Tensor, Tensor]]) -> Nodes:
        """Of one field each, (N, ...), the target's first. Maps of other proportions are brought to the target's."""
        level4, level5 = ([_like(node[level], nodes[0][level]) for node in nodes] for level in (0, 1))
        audio, switch = ([node[field] for node in nodes] for field in (2, 3))
        return cls(*(torch.stack(values, dim=1) for values in (level4, level5, audio, switch)))


def _like(levels: Tensor, target: Tensor) -> Tensor:
    """levels: (N, 3, C, h, w) at the size of another such tensor."""
    return resize(levels.flatten(0, 1), target.shape[-2:]).unflatten(0, levels.shape[:2])


class ContextNet(nn.Module):
    """A net of SCAM as every node's branch, a graph between the branches, and a classifier of what comes out.

    The branch keeps its own classifier: training asks the nodes for the tag before the graph, too, as the released code
    does.
    """

    def __init__(
        self, sources: Sources, config: ScamConfig, graph: GraphConfig, channels: tuple[int, ...], audio_width: int
    ) -> None:
        super().__init__()
        self.branch: TagNet = tag_net(sources, config, channels, audio_width)
        self.graph = ContextGraph(config.width, graph, recurrent="T" not in sources)
        self.classifier = nn.Linear(config.width, len(config.tags))

    def forward(self, nodes: Nodes) -> tuple[Tensor, Tensor, Tensor]:
        """Returns logits before and after the graph, (N, 1 + n, tags) each, and the states (N, 1 + n, width, h, w)."""
        count, each = nodes.audio.shape[:2]
        flat = (value.flatten(0, 1) for value in nodes)
        states = self.branch.features(*flat)
        before = self.branch.classifier(states.mean(dim=(2, 3))).unflatten(0, (count, each))
        after = self.graph(states.unflatten(0, (count, each)))
        return before, self.classifier(after.mean(dim=(3, 4))), after


class ScamPlusNets(nn.Module):
    """The nets of SCAM, and those with context of the stage at which SCAM stops."""

    def __init__(
        self, config: ScamPlusConfig, backbone: Backbone | None = None, audio: AudioEncoder | None = None
    ) -> None:
        super().__init__()
        self.config = config
        self.scam = ScamNets(config.scam, backbone, audio)
        encoders = self.scam.encoders
        self.plus = nn.ModuleDict(
            {
                name: ContextNet(
                    sources_of(name), config.scam, config.graph, encoders.backbone.channels, encoders.audio.size
                )
                for name in config.nets
            }
        )

    def begin_with(self, scam: ScamNets) -> None:
        """Take over the nets of SCAM, and each of its last stage as the branch of those that build on it."""
        self.scam.load_state_dict(scam.state_dict())
        branches = getattr(scam, self.config.scam.stage)
        for name in self.config.nets:
            net = self.net(name)
            net.branch.load_state_dict(branches[sources_of(name)].state_dict())

    def net(self, name: PlusMap) -> ContextNet:
        """One of the nets with context."""
        return cast(ContextNet, self.plus[name])


class NamedMaps(NamedTuple):
    """Maps of N frames, each (N, s, s) in [0, 1], and the confidences that the soft filter leaves, (N,), by net."""

    maps: dict[MapName, Tensor]
    confidences: dict[MapName, Tensor]

    def fused(self, config: ScamPlusConfig) -> Tensor:
        """Eq. 8 or the plain average of those maps that are wanted and there: (N, s, s).

        A net whose context there is not has no map.
        """
        chosen = [name for name in config.maps if name in self.maps]
        if not chosen:
            return torch.zeros_like(next(iter(self.maps.values())))
        maps = torch.stack([self.maps[name] for name in chosen])
        if config.fusion == "average":
            return cam.fuse_average(maps)
        return cam.fuse_selective(maps, torch.stack([self.confidences[name] for name in chosen]))

    def counted(self, config: ScamPlusConfig) -> bool:
        """Whether any net counts. The plain average asks none for its confidence."""
        sure = [self.confidences[name].max() > 0 for name in config.maps if name in self.confidences]
        return config.fusion == "average" or any(map(bool, sure))


def plus_maps(
    nets: ScamPlusNets, scam: StageMaps, target: Nodes, contexts: dict[Term, Nodes], tags: Tensor
) -> NamedMaps:
    """All maps of N frames: those of SCAM's last stage, and those of the nets whose context is there.

    scam: what SCAM's stage made of the frames; target: nodes without context; contexts: with it, by term; tags: (N, K).
    """
    config, whole = nets.config, scam.maps.shape[-2:]
    maps: dict[MapName, Tensor] = {}
    confidences: dict[MapName, Tensor] = {}

    def add(name: MapName, logits: Tensor, features: Tensor, weight: Tensor) -> None:
        raw = resize(cam.class_maps(features, weight), whole)
        maps[name] = cam.activation(raw, tags)
        confidences[name] = cam.soft_filter(nets.scam.confidences(logits), tags)

    for index, sources in enumerate(config.scam.nets):
        if sources != "STA":  # Eq. 8 has none of it
            maps[sources], confidences[sources] = scam.maps[index], scam.confidences[index]
    if "S refined" in config.maps:
        plain = cast(TagNet, getattr(nets.scam, config.scam.stage)["S"])
        features = plain.features(*(value.flatten(0, 1) for value in target))
        features = refine(features, config.graph.refine_threshold, config.graph.refine_rate)
        add("S refined", plain.classifier(features.mean(dim=(2, 3))), features, plain.classifier.weight)
    for name in config.nets:
        nodes = contexts.get(term_of(name))
        if nodes is not None:
            net = nets.net(name)
            _, logits, states = net(nodes)
            add(name, logits[:, 0], states[:, 0], net.classifier.weight)
    return NamedMaps(maps, confidences)
