"""Small nets with random weights that predict one tag everywhere."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from sightline.models.stanet.config import ScamConfig
from sightline.models.stanet_plus.config import PLUS_MAPS, ScamPlusConfig
from sightline.models.stanet_plus.nets import ScamPlusNets
from sightline.nn.audiovisual import SpatialFeatures

TAGS = ("dog", "bird", "rain")
SCAM = ScamConfig(tags=TAGS, width=8, coarse_size=64, fine_size=64, box_factor=0.5)


def small_nets(**changes: object) -> ScamPlusNets:
    """Nets that take everything for a dog."""
    torch.manual_seed(0)
    nets = ScamPlusNets(ScamPlusConfig(scam=SCAM, **changes))  # type: ignore[arg-type]
    classifiers = [net.classifier for stage in (nets.scam.coarse, nets.scam.fine) for net in stage.values()]
    for classifier in [*classifiers, *(nets.net(name).classifier for name in nets.config.nets)]:
        classifier.weight.data = 0.1 * classifier.weight.data.abs()
        classifier.bias.data = torch.tensor([3.0, -3.0, -3.0])
    for module in nets.modules():
        if isinstance(module, SpatialFeatures):  # small enough for gates that are not 1
            module.mix.weight.data *= 0.03
            torch.nn.init.zeros_(module.mix.bias)
    calibrate(nets.scam.encoders.backbone)
    return nets.eval()


def calibrate(backbone: nn.Module) -> None:
    """Statistics of noise, without which random layers leave nothing of a picture."""
    norms = [module for module in backbone.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 1.0
    with torch.no_grad():
        backbone.train()(torch.rand(4, 3, 64, 64, generator=torch.Generator().manual_seed(0)))
    backbone.eval()


@pytest.fixture(scope="session")
def plus_nets() -> ScamPlusNets:
    nets = small_nets()
    assert nets.config.nets == PLUS_MAPS
    return nets
