"""SamGOP under the tester of every model."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest

from models.base import ModelTester
from models.samgop.conftest import save
from models.small import backbone
from sightline.models.samgop.predictor import SamGOPPredictor


@pytest.fixture(autouse=True)
def small_backbones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sightline.models.samgop.network.build_backbone", lambda _name: backbone())


class TestSamGOP(ModelTester):
    name = "samgop"
    predictor = SamGOPPredictor
    alone: ClassVar = {"look": "its heads are those of one picture"}

    def save(self, folder: Path) -> None:
        save(folder)
