"""Small nets with random weights, and clips that need no file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

import sightline.nn.engine
from sightline.models import weights
from sightline.models.stanet.config import ScamConfig
from sightline.models.stanet.network import ScamNets
from sightline.types import Clip, VideoFrame

TAGS = ("dog", "bird", "rain")


class Noise(Clip):
    """Pictures of noise at 25 frames/s. sound: noise; silence; or no track (None)."""

    def __init__(self, frames: int = 5, size: tuple[int, int] = (48, 64), sound: float | None = 0.1) -> None:
        self.size, self.fps = size, 25.0
        self.count, self.level = frames, sound

    def frames(self) -> Iterator[VideoFrame]:
        generator = np.random.default_rng(0)
        for index in range(self.count):
            image = generator.integers(0, 256, (*self.size, 3), dtype=np.uint8)
            yield VideoFrame(index, index / self.fps, index, image)

    def sound(self, start_s: float, end_s: float, rate: int) -> np.ndarray | None:
        if self.level is None:
            return None
        noise = np.random.default_rng(1).standard_normal(round((end_s - start_s) * rate))
        return (self.level * noise).astype(np.float32)


@pytest.fixture(autouse=True)
def without_onnxruntime(monkeypatch: pytest.MonkeyPatch) -> None:
    """No time goes into exporting graphs for a few frames."""
    monkeypatch.setattr(sightline.nn.engine, "has_onnxruntime", lambda: False)


@pytest.fixture(scope="session")
def scam_nets() -> ScamNets:
    """Nets whose fully connected layers are zero: every tag has a third, and nothing is predicted."""
    torch.manual_seed(0)
    nets = ScamNets(ScamConfig(tags=TAGS, width=8, coarse_size=64, fine_size=64))
    for stage in (nets.coarse, nets.fine):
        for net in stage.values():
            torch.nn.init.zeros_(net.classifier.bias)
            torch.nn.init.zeros_(net.classifier.weight)
    return nets.eval()


def save(nets: ScamNets, folder: Path) -> Path:
    weights.save(nets, nets.config.model_dump(mode="json"), folder)
    return folder
