"""STANet+ under the tester of every model."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from models.base import HAS_ONNXRUNTIME, ModelTester
from models.stanet.conftest import TAGS
from sightline.data.synthetic import render_frames
from sightline.models import load, weights
from sightline.models.base import Predictor
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

    @pytest.mark.skipif(not HAS_ONNXRUNTIME, reason="onnxruntime, onnx and onnxscript are not installed")
    def test_both_engines_agree(self, folder: Path, model: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
        """With the shipped weights. Random ones differ by more in a few cells, which is not explained."""
        clip = np.stack([image[::4, ::4] for image in islice(render_frames(), 3)])
        made = [frame.saliency for frame in load(self.name, "cpu").predict(clip)]
        monkeypatch.setattr("sightline.nn.engine.has_onnxruntime", lambda: True)
        theirs = [frame.saliency for frame in load(self.name, "cpu").predict(clip)]
        np.testing.assert_allclose(np.stack(theirs), np.stack(made), atol=2e-3)  # type: ignore[arg-type]
