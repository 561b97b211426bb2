"""From the states of a graph to fixation maps (STANet+, Eq. 18 and 19)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sightline.models.stanet_plus.graph import ContextGraph, GraphConfig

READOUT_WIDTH = 32
"""Channels that Ref_32 of Eq. 19 leaves."""


class Readout(nn.Module):
    """RO of Eq. 19: a state beside the spatial features of its frame, to a map.

    The paper upsamples before the last 1x1 convolution. Both are linear and exchange, so the map comes out at the
    states' size, and who shows it upsamples. Between the two convolutions stand batch normalisation and ReLU, as in the
    released code.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(2 * width, READOUT_WIDTH, 1, bias=False)
        self.norm = nn.BatchNorm2d(READOUT_WIDTH)
        self.head = nn.Conv2d(READOUT_WIDTH, 1, 1)

    def forward(self, states: Tensor, spatial: Tensor) -> Tensor:
        """states, spatial: (N, C, h, w). Returns logits (N, 1, h, w)."""
        return self.head(self.norm(self.reduce(torch.cat([states, spatial], dim=1))).relu())


class ContextHead(nn.Module):
    """STA+ without its branches: what STA makes of a target and its context, to a fixation map of each.

    width: channels of STA's fused features.
    """

    def __init__(self, width: int, config: GraphConfig) -> None:
        super().__init__()
        self.graph = ContextGraph(width, config)
        self.readout = Readout(width)

    def forward(self, fused: Tensor, spatial: Tensor) -> Tensor:
        """fused: (N, 1 + n, C, h, w), sta of each node, the target first; spatial: the same, S of each node's frame.

        Returns logits (N, 1 + n, 1, h, w): Eq. 18 and 19 for every node."""
        states = self.graph(fused)
        return self.readout(states.flatten(0, 1), spatial.flatten(0, 1)).unflatten(0, states.shape[:2])
