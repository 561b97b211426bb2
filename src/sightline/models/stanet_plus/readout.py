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

    width: channels of STA's fused features. residual: what comes out is added to STA's logits, and is nothing at first;
    otherwise it is the map's logits. recall: see `recalled`; what it is multiplied with is learned, 1 at first.
    """

    def __init__(self, width: int, config: GraphConfig, residual: bool = False, recall: bool = False) -> None:
        super().__init__()
        self.graph = ContextGraph(width, config)
        self.readout = Readout(width)
        self.recall = nn.Parameter(torch.ones(())) if recall else None
        if residual:
            nn.init.zeros_(self.readout.head.weight)
            nn.init.zeros_(self.readout.head.bias)

    def forward(self, fused: Tensor, spatial: Tensor) -> Tensor:
        """fused: (N, 1 + n, C, h, w), sta of each node, the target first; spatial: the same, S of each node's frame.

        Returns logits (N, 1 + n, 1, h, w): Eq. 18 and 19 for every node, without what is recalled."""
        states = self.graph(fused)
        return self.readout(states.flatten(0, 1), spatial.flatten(0, 1)).unflatten(0, states.shape[:2])

    def add_recalled(self, logits: Tensor, places: Tensor, heard: Tensor) -> Tensor:
        """`forward`'s logits with what the other nodes have heard.

        places: (N, 1 + n, tags, h, w); heard: (N, 1 + n, tags); see `recalled`."""
        return logits if self.recall is None else logits + self.recall * recalled(places, heard)


def recalled(places: Tensor, heard: Tensor) -> Tensor:
    """How well each place of a node matches what the other nodes have heard and it has not.

    Parameters
    ----------
    places
        (N, K, tags, h, w): logits of the tags that each place shows.
    heard
        (N, K, tags) in [0, 1]: how surely each tag is heard; zeros where the audio switch is off.

    Returns
    -------
    (N, K, 1, h, w), on the scale of `places`; zeros where there is nothing to recall.

    Examples
    --------
    >>> places = torch.tensor([[[3.0], [5.0]], [[1.0], [2.0]]]).reshape(1, 2, 2, 1, 1)
    >>> heard = torch.tensor([[[0.0, 0.0], [0.8, 0.2]]])
    >>> [round(value, 4) for value in recalled(places, heard).flatten().tolist()]
    [3.4, 0.0]
    """
    nodes = heard.shape[1]
    others = [torch.cat([heard[:, :node], heard[:, node + 1 :]], dim=1).amax(dim=1) for node in range(nodes)]
    more = (torch.stack(others, dim=1) - heard).clamp_min(0)
    return torch.einsum("nkthw,nkt->nkhw", places, more)[:, :, None]
