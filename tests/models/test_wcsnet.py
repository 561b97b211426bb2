"""WCS-Net, with its parts, under the tester of every model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from models import small
from models.base import ModelTester
from sightline.models.wcsnet.predictor import WCSNetPredictor


class TestWCSNet(ModelTester):
    name = "wcsnet"
    predictor = WCSNetPredictor

    def save(self, folder: Path) -> None:
        small.save_wcsnet(folder)

    def batches(self) -> Sequence[tuple[nn.Module, tuple[Tensor, ...]]]:
        pictures = torch.rand(2, 3, 64, 64)
        return [(small.wcsnet(), small.pair(count=2)), (small.gaze2mask(), (pictures, torch.rand(2, 1, 64, 64)))]
