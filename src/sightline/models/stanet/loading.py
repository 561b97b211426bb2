"""STANet's weights folders: their configs, checked."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from torch import Tensor

from sightline.errors import WeightsError
from sightline.models import weights
from sightline.models.stanet.config import NetConfig, ScamConfig, STANetConfig
from sightline.models.stanet.network import ScamNets, STANet
from sightline.nn.checkpoint import read_tensors
from sightline.nn.egnet import EGNet, EGNetConfig

C = TypeVar("C", bound=NetConfig)


def read_config(kind: type[C], folder: Path) -> C:
    """The config of a weights folder. Raises WeightsError where it is not of this kind or lacks the tags it needs."""
    config = weights.checked_config(kind, folder)
    if config.needs_tags and not config.tags:
        raise WeightsError(f"{folder / 'config.json'}: tags: there are none; restore it from where it came from")
    return config


def load_stanet(folder: Path) -> STANet:
    """The STA network of a weights folder, in evaluation mode. Raises WeightsError where it holds none."""
    config = read_config(STANetConfig, folder)
    backbone = None
    if "egnet" in config.parts:
        eyes = weights.build(EGNet, EGNetConfig, weights.find_part(folder, "egnet", config.parts))
        backbone = eyes.backbone
    lent = ("encoders.backbone.",) if config.parts else ()
    network = weights.make(lambda: STANet(config, backbone), folder, lent)
    if "trunk" in config.parts:
        network.borrow(trunk_of(weights.find_part(folder, "trunk", config.parts)))
    weights.load_into(network, folder, new=tuple(network.lent))
    return network.eval()


def trunk_of(folder: Path) -> dict[str, Tensor]:
    """The tensors of the backbone of a weights folder."""
    prefix = "backbone."
    tensors = read_tensors(folder)
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def load_nets(folder: Path) -> ScamNets:
    """The classification nets of a weights folder, in evaluation mode. Raises WeightsError where it holds none."""
    config = read_config(ScamConfig, folder)
    nets = weights.make(lambda: ScamNets(config), folder)
    weights.load_into(nets, folder)
    return nets.eval()
