"""STANet under the tester of every model."""

from __future__ import annotations

from pathlib import Path

from models.base import ModelTester
from models.stanet.conftest import TAGS
from sightline.models import weights
from sightline.models.stanet.config import STANetConfig
from sightline.models.stanet.network import STANet
from sightline.models.stanet.predictor import STANetPredictor


class TestSTANet(ModelTester):
    name = "stanet"
    predictor = STANetPredictor

    def save(self, folder: Path) -> None:
        network = STANet(STANetConfig(tags=TAGS, width=8, decoder_width=8, input_size=64))
        weights.save(network, network.config.model_dump(mode="json"), folder)
