"""WCS-Net, with its parts, under the tester of every model."""

from __future__ import annotations

from pathlib import Path

from models import small
from models.base import ModelTester
from sightline.models.wcsnet.predictor import WCSNetPredictor


class TestWCSNet(ModelTester):
    name = "wcsnet"
    predictor = WCSNetPredictor

    def save(self, folder: Path) -> None:
        small.save_wcsnet(folder)
