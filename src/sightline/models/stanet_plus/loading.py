"""STANet+'s weights folders: their configs, checked."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from sightline.errors import WeightsError
from sightline.models import weights
from sightline.models.stanet_plus.config import ScamPlusConfig
from sightline.models.stanet_plus.nets import ScamPlusNets


def load_plus_nets(folder: Path) -> ScamPlusNets:
    """The nets of SCAM+ in a weights folder, in evaluation mode. Raises WeightsError where it holds none."""
    try:
        config = ScamPlusConfig.model_validate(weights.read_config(folder))
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(map(str, problem["loc"]))
        raise WeightsError(f"{folder / 'config.json'}: {place}: {problem['msg']}") from None
    if not config.scam.tags:
        raise WeightsError(f"{folder / 'config.json'}: scam.tags: there are none; restore it from where it came from")
    nets = ScamPlusNets(config)
    weights.load_into(nets, folder)
    return nets.eval()
