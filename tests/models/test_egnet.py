"""EG-Net under the tester of every model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from models import small
from models.base import ModelTester
from sightline.models.wcsnet.predictor import EGNetPredictor


class TestEGNet(ModelTester):
    name = "egnet"
    predictor = EGNetPredictor
    ahead = 0

    def save(self, folder: Path) -> None:
        small.save_egnet(folder)

    def batches(self) -> Sequence[tuple[nn.Module, tuple[Tensor, ...]]]:
        return [(small.egnet(), (torch.rand(2, 3, 64, 64),))]
