"""EG-Net under the tester of every model."""

from __future__ import annotations

from pathlib import Path

from models import small
from models.base import ModelTester
from sightline.models.wcsnet.predictor import EGNetPredictor


class TestEGNet(ModelTester):
    name = "egnet"
    predictor = EGNetPredictor
    ahead = 1  # a picture by itself has another input: whether the first frame is one, the second tells

    def save(self, folder: Path) -> None:
        small.save_egnet(folder)
