"""STANet as `stanet-fixations` has it: with EG-Net's decoder, densities and movement, without an audio switch."""

from __future__ import annotations

from pathlib import Path

from models.base import ModelTester
from models.small import inner
from sightline.models import weights
from sightline.models.stanet.config import MovementConfig, STANetConfig
from sightline.models.stanet.network import STANet
from sightline.models.stanet.predictor import STANetPredictor
from sightline.nn.egnet import EGNet, EGNetConfig


class TestSTANetFixations(ModelTester):
    name = "stanet-fixations"
    predictor = STANetPredictor

    def save(self, folder: Path) -> None:
        eyes = EGNetConfig(backbone="mobilenet-v2", width=8)
        egnet = EGNet(eyes)
        weights.save(egnet, eyes.model_dump(mode="json"), folder / "egnet")
        config = STANetConfig(
            model="stanet-fixations", backbone="mobilenet-v2", width=8, decoder_width=8, input_size=64,
            egnet_decoder=True, output="density", centre_prior=True, movement=MovementConfig(), audio_switch=False,
            parts={"egnet": inner(folder, "egnet")},
        )  # fmt: skip
        weights.save(STANet(config, egnet.backbone), config.model_dump(mode="json"), folder)
