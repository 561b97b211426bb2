"""The networks of STANet+ as they are exported."""

from __future__ import annotations

from torch import Tensor, cat, nn, stack

from sightline.models.exports import ExportPart, Input
from sightline.models.stanet.exports import stanet_parts
from sightline.models.stanet.network import STANet
from sightline.models.stanet_plus.network import STANetPlus
from sightline.models.stanet_plus.predictor import _Target


class _Fuse(nn.Module):
    """The features that STA's decoder reads, from those of three frames as three inputs."""

    def __init__(self, network: STANet) -> None:
        super().__init__()
        self.fusion = network.fusion

    def forward(self, before: Tensor, now: Tensor, after: Tensor, audio: Tensor, switch: Tensor) -> Tensor:
        """before, now, after: (1, C, h, w). Returns (1, 1, C, h, w), a node."""
        fused: Tensor = self.fusion(stack([before, now, after], dim=1), audio, switch)
        return fused[:, None]


class _Head(nn.Module):
    """STA+ of a target and as many frames around it as the graph has nodes."""

    def __init__(self, target: _Target) -> None:
        super().__init__()
        self.target = target

    def forward(self, now: Tensor, spatial: Tensor, *others: Tensor) -> Tensor:
        """now, others: nodes (1, 1, C, h, w)."""
        logits: Tensor = self.target(cat([now, *others], dim=1), spatial)
        return logits


LOGITS = {
    "residual": "what is added to the logits of `decide`, at their size; as a map, the sigmoid of both",
    "map": "of where viewers look; as a map, their sigmoid",
}


def stanet_plus_parts(network: STANetPlus, sta: STANet, size: tuple[int, int]) -> tuple[ExportPart, ...]:
    """Those of STANet, a frame as a node, and what frames near it and far from it make of its map.

    What is recalled of their sounds is no network: the maps of `places` for other sounds, see `ContextHead`."""
    *_, decide = parts = stanet_parts(sta, size)
    switch = next(entry for entry in decide.inputs if entry.name == "switch")
    audio = next(entry for entry in decide.inputs if entry.name == "audio")
    fuse = ExportPart(
        "fuse",
        "a frame as a node of the graphs",
        _Fuse(sta).eval(),
        (*decide.inputs[:3], audio, switch),
        {"node": "the features that STA's decoder reads"},
    )
    heads = (("short", network.short, "near"), ("long", network.long, "far"))
    return (
        *parts,
        fuse,
        *(
            ExportPart(
                name,
                f"where viewers look in a frame, beside frames {where}",
                _Head(_Target(head)).eval(),
                (
                    Input("now", "the node of the frame", (), "fuse.node"),
                    Input("spatial", "its spatial features", (), "see.spatial"),
                    *(
                        Input(
                            f"other{number}",
                            f"the node of a frame {where}, or the frame's own",
                            (),
                            "fuse.node",
                        )
                        for number in range(1, network.config.graph.nodes + 1)
                    ),
                ),
                {"logits": LOGITS[network.config.readout]},
            )
            for name, head, where in heads
        ),
    )
