"""EGCNet under the tester of every model."""

from __future__ import annotations

from pathlib import Path

from models.base import ModelTester
from sightline.models import weights
from sightline.models.egcnet.config import EGCNetConfig
from sightline.models.egcnet.network import EGCNet
from sightline.models.egcnet.predictor import EGCNetPredictor
from sightline.nn.egnet import EGNetConfig


class TestEGCNet(ModelTester):
    name = "egcnet"
    predictor = EGCNetPredictor

    def save(self, folder: Path) -> None:
        sight = EGNetConfig(backbone="mobilenet-v2", width=16, input_size=64)
        network = EGCNet(EGCNetConfig(sight=sight, width=8, query_width=32, input_size=96))
        weights.save(network, network.config.model_dump(mode="json"), folder)
