"""STANet's weights folders: their configs, checked."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from sightline.errors import WeightsError
from sightline.models import weights
from sightline.models.stanet.config import NetConfig, ScamConfig
from sightline.models.stanet.network import ScamNets

C = TypeVar("C", bound=NetConfig)


def read_config(kind: type[C], folder: Path) -> C:
    """The config of a weights folder. Raises WeightsError where it is not of this kind or names no tag."""
    try:
        config = kind.model_validate(weights.read_config(folder))
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(map(str, problem["loc"]))
        raise WeightsError(f"{folder / 'config.json'}: {place}: {problem['msg']}") from None
    if not config.tags:
        raise WeightsError(f"{folder / 'config.json'}: tags: there are none; restore it from where it came from")
    return config


def load_nets(folder: Path) -> ScamNets:
    """The classification nets of a weights folder, in evaluation mode. Raises WeightsError where it holds none."""
    nets = ScamNets(read_config(ScamConfig, folder))
    weights.load_into(nets, folder)
    return nets.eval()
