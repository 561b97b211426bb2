"""The conservative graph network and its fixation refine layer (STANet+, Eq. 9 to 14).

Nodes are feature maps: the target first, then its context (short-, long- or cross-term). In each of m rounds every node
asks every other one what it has in common with each of its places, and lets through what they agree on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from sightline.nn.blocks import resize
from sightline.nn.config import Config


class GraphConfig(Config):
    """How context is taken in. One line turns the paper's form into that of the released code: `form: code`."""

    form: Literal["paper", "code"] = Field(
        "paper",
        description="paper: Eq. 10 to 12, a gate by the sum of the messages; code: projections of half the width, each "
        "message gated, all of them joined by a convolution, and a recurrent unit",
    )
    nodes: int = Field(2, ge=1, description="n, context nodes beside the target (Table 5)")
    rounds: int = Field(3, ge=0, description="m, rounds of messages (Table 5)")
    pool: int = Field(
        1,
        ge=1,
        description="places of the features, each way, that make one place of the graph; messages cost its square",
    )
    refine: bool = Field(True, description="the fixation refine layer after each round; Table 4, w/o FRL")
    refine_threshold: float = Field(
        0.8, ge=0, le=1, description="T_d, part of the highest mean response below which a place is held back (Eq. 13)"
    )
    refine_rate: float = Field(0.6, ge=0, le=1, description="T_r, what is left of the attention there (Eq. 14)")


def refine(features: Tensor, threshold: float = 0.8, rate: float = 0.6) -> Tensor:
    """The fixation refine layer: what responds weakly is held back.

    Parameters
    ----------
    features
        (..., C, H, W).
    threshold
        T_d: places below this part of the highest response count as weak. A response is the mean over the channels.
    rate
        T_r: what is left of the attention of a weak place.

    Returns
    -------
    The same shape; no value grows, and none changes its sign.

    Source: STANet+, Eq. 13 and 14. The text before Eq. 13 says that its mask marks strong responses; the equation marks
    the weak ones, as do Eq. 14 and the released code. Where the highest response is negative, every place is weak.

    Examples
    --------
    >>> refine(torch.tensor([[[4.0, 2.0, 0.0]]]))
    tensor([[[3.9640, 1.5285, 0.0000]]])
    """
    response = features.mean(dim=-3, keepdim=True)
    weak = response < threshold * response.amax(dim=(-2, -1), keepdim=True)
    attention = response.sigmoid() * torch.where(weak, rate, 1.0)
    return (features * attention + features) / 2


class RecurrentCell(nn.Module):
    """A convolutional gated recurrent unit with 1x1 kernels, of the released code."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.update, self.reset, self.candidate = (nn.Conv2d(2 * width, width, 1) for _ in range(3))

    def forward(self, message: Tensor, state: Tensor) -> Tensor:
        """message, state: (N, C, h, w). Returns the new state."""
        both = torch.cat([message, state], dim=1)
        update, reset = self.update(both).sigmoid(), self.reset(both).sigmoid()
        candidate = self.candidate(torch.cat([message, state * reset], dim=1)).tanh()
        return (1 - update) * state + update * candidate


class ContextGraph(nn.Module):
    """C-GCN: m rounds of messages between a target and its context, all with the same parameters.

    A node of zeros tells the others nothing: its messages are zero, whatever is asked. In the paper's form a state only
    shrinks, its gates are in (0, 1), and the order of the context does not matter.

    width: channels of a node. recurrent: of the code's form alone, whose ST+ net goes without.
    """

    def __init__(self, width: int, config: GraphConfig, recurrent: bool = True) -> None:
        super().__init__()
        self.config = config
        code = config.form == "code"
        inner = max(1, width // 2) if code else width
        self.asking, self.asked = nn.Conv2d(width, inner, 1), nn.Conv2d(width, inner, 1)
        self.gate = nn.Conv2d(width, 1, 1, bias=False) if code else None
        self.join = nn.Conv2d(config.nodes * width, width, 3, padding=1) if code else None
        self.cell = RecurrentCell(width) if code and recurrent else None

    def forward(self, states: Tensor) -> Tensor:
        """states: (N, 1 + n, C, h, w), the target first. Returns the states after m rounds, of the same shape.

        The paper's form takes any number of nodes, the code's the one of its config.
        """
        size = states.shape[-2:]
        states = _scaled(states, [max(1, length // self.config.pool) for length in size])
        for _ in range(self.config.rounds):
            states = self._updated(states, self.messages(states))
            if self.config.refine:
                states = refine(states, self.config.refine_threshold, self.config.refine_rate)
        return _scaled(states, size)

    def messages(self, states: Tensor) -> Tensor:
        """What each node hears: (N, K, K - 1, C, h, w), from the others in their order (Eq. 9, 10)."""
        count, nodes, _, height, across = states.shape
        flat = states.flatten(0, 1)
        asking = self.asking(flat).flatten(2).unflatten(0, (count, nodes)).transpose(2, 3)
        asked = self.asked(flat).flatten(2).unflatten(0, (count, nodes))
        values = states.flatten(3).transpose(2, 3)
        heard = []
        for node in range(nodes):
            others = [other for other in range(nodes) if other != node]
            shares = (asking[:, node, None] @ asked[:, others]).softmax(dim=-1)
            heard.append((shares @ values[:, others]).transpose(2, 3))
        messages = torch.stack(heard, dim=1).unflatten(-1, (height, across))
        if self.gate is None:
            return messages
        gates = self.gate(messages.flatten(0, 2)).sigmoid()
        return messages * gates.unflatten(0, messages.shape[:3])

    def _updated(self, states: Tensor, messages: Tensor) -> Tensor:
        if self.join is None:
            return states * messages.sum(dim=2).sigmoid()  # Eq. 11, 12
        joined = self.join(messages.flatten(2, 3).flatten(0, 1))
        if self.cell is not None:
            joined = self.cell(joined, states.flatten(0, 1))
        return joined.unflatten(0, states.shape[:2])


def _scaled(states: Tensor, size: Sequence[int]) -> Tensor:
    """States (N, K, C, h, w) at another size: means of places where it shrinks."""
    flat = states.flatten(0, 1)
    smaller = size[0] < states.shape[-2] or size[1] < states.shape[-1]
    scaled = F.adaptive_avg_pool2d(flat, (size[0], size[1])) if smaller else resize(flat, size)
    return scaled.unflatten(0, states.shape[:2])
