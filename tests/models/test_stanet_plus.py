"""STANet+ under the tester of every model."""

from __future__ import annotations

from pathlib import Path

from models.base import ModelTester
from models.stanet.conftest import TAGS
from sightline.models import weights
from sightline.models.stanet.config import STANetConfig
from sightline.models.stanet.network import STANet
from sightline.models.stanet_plus.config import STANetPlusConfig
from sightline.models.stanet_plus.network import STANetPlus
from sightline.models.stanet_plus.predictor import STANetPlusPredictor


class TestSTANetPlus(ModelTester):
    name = "stanet-plus"
    predictor = STANetPlusPredictor
    ahead = 40  # its short-term context are frames half a second on

    def save(self, folder: Path) -> None:
        config = STANetConfig(tags=TAGS, width=8, decoder_width=8, input_size=64)
        weights.save(STANet(config), config.model_dump(mode="json"), folder / "sta")
        part = weights.Part(weights="./sta", sha256=weights.sha256(folder / "sta"))
        network = STANetPlus(STANetPlusConfig(width=8, parts={"sta": part}))
        weights.save(network, network.config.model_dump(mode="json"), folder)
