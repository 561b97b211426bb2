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
    otherwise it is the map's logits. recall: whether sounds of the context count (`add_recalled`); how much is learned,
    1 at first.
    """

    def __init__(self, width: int, config: GraphConfig, residual: bool = False, recall: bool = False) -> None:
        super().__init__()
        self.graph = ContextGraph(width, config)
        self.readout = Readout(width)
        self.recall = nn.Parameter(torch.ones(())) if recall else None
        for parameter in self.readout.head.parameters() if residual else ():
            nn.init.zeros_(parameter)

    def forward(self, fused: Tensor, spatial: Tensor) -> Tensor:
        """fused: (N, 1 + n, C, h, w), sta of each node, the target first; spatial: the same, S of each node's frame.

        Returns logits (N, 1 + n, 1, h, w): Eq. 18 and 19 for every node, without what is recalled."""
        states = self.graph(fused)
        return self.readout(states.flatten(0, 1), spatial.flatten(0, 1)).unflatten(0, states.shape[:2])

    def add_recalled(self, logits: Tensor, places: Tensor, more: Tensor) -> Tensor:
        """Logits (..., 1, h, w) of `forward` with what is recalled.

        places: (..., tags, h, w), logits of the tags that each place shows; more: (..., tags), see `recalled`. A place
        counts as far as it matches what is recalled."""
        if self.recall is None:
            return logits
        return logits + self.recall * torch.einsum("...khw,...k->...hw", places, more).unsqueeze(-3)


def recalled(heard: Tensor, before: Tensor) -> Tensor:
    """What was heard beside a frame's context, and is not heard beside the frame.

    A tag counts as often as it was heard: one frame that mishears among many says little.

    Parameters
    ----------
    heard
        (N, tags) in [0, 1]: how surely each tag is heard; zeros where the audio switch is off.
    before
        (M, N, tags): the same of M other frames; M may be 0.

    Returns
    -------
    (N, tags) in [0, 1]; zeros where there is nothing to recall.

    Examples
    --------
    >>> bark, silence = torch.tensor([[0.8, 0.2]]), torch.zeros(1, 2)
    >>> recalled(silence, torch.stack([bark, silence])), recalled(bark, torch.stack([bark, silence]))
    (tensor([[0.4000, 0.1000]]), tensor([[0., 0.]]))
    """
    return (before.sum(dim=0) / max(1, len(before)) - heard).clamp_min(0)
