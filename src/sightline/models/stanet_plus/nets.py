"""S+, SA+ and ST+: classification nets that look at a target and its context (STANet+, Fig. 5 E to G)."""

from __future__ import annotations

from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from sightline.models.stanet.config import ScamConfig
from sightline.models.stanet.network import ScamNets
from sightline.models.stanet.scam import StageMaps
from sightline.models.stanet_plus.config import MapName, PlusMap, ScamPlusConfig, Term, sources_of, term_of
from sightline.models.stanet_plus.graph import ContextGraph, GraphConfig, refine
from sightline.nn import cam
from sightline.nn.audio import AudioEncoder
from sightline.nn.audiovisual import Sources, TagNet
from sightline.nn.backbones import Backbone
from sightline.nn.blocks import resize


class ContextNet(nn.Module):
    """A graph between the branches of a target and its context, and a classifier of what comes out.

    A branch is the net of SCAM of the same sources, whose features come in; the paper takes it over nearly as it is, we
    as it is.
    """

    def __init__(self, sources: Sources, config: ScamConfig, graph: GraphConfig) -> None:
        super().__init__()
        self.graph = ContextGraph(config.width, graph, recurrent="T" not in sources)
        self.classifier = nn.Linear(config.width, len(config.tags))

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """features: (N, 1 + n, C, h, w), the target first. Returns logits (N, 1 + n, tags) and the states, as the
        features."""
        states = self.graph(features)
        return self.classifier(states.mean(dim=(3, 4))), states


class ScamPlusNets(nn.Module):
    """The nets of SCAM, and those with context of the stage at which SCAM stops."""

    def __init__(
        self, config: ScamPlusConfig, backbone: Backbone | None = None, audio: AudioEncoder | None = None
    ) -> None:
        super().__init__()
        self.config = config
        self.scam = ScamNets(config.scam, backbone, audio)
        self.plus = nn.ModuleDict(
            {name: ContextNet(sources_of(name), config.scam, config.graph) for name in config.nets}
        )

    def begin_with(self, scam: ScamNets) -> None:
        """Take over the nets of SCAM, and the classifiers of its last stage to begin with."""
        self.scam.load_state_dict(scam.state_dict())
        for name in self.config.nets:
            self.net(name).classifier.load_state_dict(self.branch(name).classifier.state_dict())

    def branch(self, name: PlusMap) -> TagNet:
        """The net of SCAM whose features a net with context reads."""
        return cast(TagNet, getattr(self.scam, self.config.scam.stage)[sources_of(name)])

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


def plus_maps(nets: ScamPlusNets, scam: StageMaps, contexts: dict[Term, Tensor], tags: Tensor) -> NamedMaps:
    """All maps of N frames: those of SCAM's last stage, and those of the nets whose context is there.

    scam: what SCAM's stage made of the frames; contexts: by term, the features of their context by each of SCAM's nets,
    (M, N, n, C, h, w); tags: (N, K) of 0 and 1.
    """
    config, shift = nets.config, nets.scam.encoders.backbone.shift(4)  # as of SCAM's own maps
    places = {sources: place for place, sources in enumerate(config.scam.nets)}
    maps: dict[MapName, Tensor] = {}
    confidences: dict[MapName, Tensor] = {}

    def add(name: MapName, logits: Tensor, features: Tensor, weight: Tensor) -> None:
        raw = resize(cam.class_maps(features, weight), scam.maps.shape[-2:], shift)
        maps[name] = cam.activation(raw, tags)
        confidences[name] = cam.soft_filter(nets.scam.confidences(logits), tags)

    for sources, place in places.items():
        if sources != "STA":  # Eq. 8 has none of it
            maps[sources], confidences[sources] = scam.maps[place], scam.confidences[place]
    if "S refined" in config.maps:
        classifier = cast(TagNet, getattr(nets.scam, config.scam.stage)["S"]).classifier
        features = refine(scam.features[places["S"]], config.graph.refine_threshold, config.graph.refine_rate)
        add("S refined", classifier(features.mean(dim=(2, 3))), features, classifier.weight)
    for name in config.nets:
        context, place = contexts.get(term_of(name)), places[sources_of(name)]
        if context is not None:
            net = nets.net(name)
            logits, states = net(torch.cat([scam.features[place][:, None], context[place]], dim=1))
            add(name, logits[:, 0], states[:, 0], net.classifier.weight)
    return NamedMaps(maps, confidences)
