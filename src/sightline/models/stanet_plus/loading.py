"""STANet+'s weights folders: their configs, checked."""

from __future__ import annotations

from pathlib import Path

from sightline.errors import WeightsError
from sightline.models import weights
from sightline.models.stanet_plus.config import ScamPlusConfig, STANetPlusConfig
from sightline.models.stanet_plus.nets import ScamPlusNets
from sightline.models.stanet_plus.network import STANetPlus


def load_plus_nets(folder: Path) -> ScamPlusNets:
    """The nets of SCAM+ in a weights folder, in evaluation mode. Raises WeightsError where it holds none."""
    config = weights.checked_config(ScamPlusConfig, folder)
    if not config.scam.tags:
        raise WeightsError(f"{folder / 'config.json'}: scam.tags: there are none; restore it from where it came from")
    nets = weights.make(lambda: ScamPlusNets(config), folder)
    weights.load_into(nets, folder)
    return nets.eval()


def load_stanet_plus(folder: Path) -> STANetPlus:
    """STA+ of a weights folder, in evaluation mode, without its part. Raises WeightsError where it holds none."""
    return weights.build(STANetPlus, STANetPlusConfig, folder)
