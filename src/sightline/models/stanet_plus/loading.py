"""STANet+'s weights folders: their configs, checked."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from sightline.errors import WeightsError
from sightline.models import weights
from sightline.models.stanet_plus.config import ScamPlusConfig, STANetPlusConfig
from sightline.models.stanet_plus.nets import ScamPlusNets
from sightline.models.stanet_plus.network import STANetPlus
from sightline.nn.config import Config

C = TypeVar("C", bound=Config)


def load_plus_nets(folder: Path) -> ScamPlusNets:
    """The nets of SCAM+ in a weights folder, in evaluation mode. Raises WeightsError where it holds none."""
    config = _checked(ScamPlusConfig, folder)
    if not config.scam.tags:
        raise WeightsError(f"{folder / 'config.json'}: scam.tags: there are none; restore it from where it came from")
    nets = ScamPlusNets(config)
    weights.load_into(nets, folder)
    return nets.eval()


def load_stanet_plus(folder: Path) -> STANetPlus:
    """STA+ of a weights folder, in evaluation mode, without its part. Raises WeightsError where it holds none."""
    network = STANetPlus(_checked(STANetPlusConfig, folder))
    weights.load_into(network, folder)
    return network.eval()


def _checked(kind: type[C], folder: Path) -> C:
    try:
        return kind.model_validate(weights.read_config(folder))
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(map(str, problem["loc"]))
        raise WeightsError(f"{folder / 'config.json'}: {place}: {problem['msg']}") from None
