"""STANet as `stanet-fixations` has it: with EG-Net's decoder, densities and movement, without an audio switch."""

from __future__ import annotations

from pathlib import Path

from models.base import ModelTester
from models.small import inner, save_egnet
from sightline.models import weights
from sightline.models.stanet.config import MovementConfig, STANetConfig
from sightline.models.stanet.network import STANet
from sightline.models.stanet.predictor import STANetPredictor


class TestSTANetFixations(ModelTester):
    name = "stanet-fixations"
    predictor = STANetPredictor

    def save(self, folder: Path) -> None:
        save_egnet(folder / "egnet")
        config = STANetConfig(
            model="stanet-fixations", tags=(), width=8, decoder_width=8, input_size=64, egnet_decoder=True,
            output="density", centre_prior=True, movement=MovementConfig(), audio_switch=False,
            parts={"egnet": inner(folder, "egnet")},
        )  # fmt: skip
        weights.save(STANet(config), config.model_dump(mode="json"), folder)
