"""STA+ with short- and with long-term context (STANet+, Fig. 12 H)."""

from __future__ import annotations

from torch import nn

from sightline.models.stanet_plus.config import STANetPlusConfig
from sightline.models.stanet_plus.readout import ContextHead


class STANetPlus(nn.Module):
    """What is trained beside STA: two graphs with their readouts, which read STA's features of several frames.

    The paper trains two networks, each with an STA of its own in it; here both look with the one that is there.
    """

    def __init__(self, config: STANetPlusConfig) -> None:
        super().__init__()
        self.config = config
        residual = config.readout == "residual"
        self.short, self.long = (ContextHead(config.width, config.graph, residual, config.recall) for _ in range(2))
