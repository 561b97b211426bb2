"""The shipped weights: on top of the shipped STANet, small, and they run."""

from __future__ import annotations

import numpy as np
import pytest

import sightline
from sightline.models import weights
from sightline.models.stanet_plus.config import STANetPlusConfig

FOLDER = weights.SHIPPED / "stanet-plus"
pytestmark = pytest.mark.skipif(not (FOLDER / "model.safetensors").is_file(), reason="the weights do not ship yet")


def test_they_build_on_the_stanet_that_ships() -> None:
    config = weights.checked_config(STANetPlusConfig, FOLDER)
    assert config.parts["sta"] == weights.part("stanet")
    assert (FOLDER / "model.safetensors").stat().st_size < 4e6


def test_a_picture_gets_a_map() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (96, 128, 3), dtype=np.uint8)
    (frame,) = sightline.load("stanet-plus", device="cpu").predict(picture)
    assert frame.saliency is not None
    assert frame.saliency.shape == (96, 128)
    assert 0 <= frame.saliency.min() < frame.saliency.max() == 1
