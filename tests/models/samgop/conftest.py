from pathlib import Path
from typing import Any

import pytest
import torch

from models.small import backbone, inner, save_egnet
from sightline.models import weights
from sightline.models.samgop.config import DetectorConfig, GazeConfig, SamGOPConfig
from sightline.models.samgop.network import SamGOP


def small(gaze: dict[str, Any] | None = None, **config: Any) -> SamGOP:
    """A network of a few channels."""
    torch.manual_seed(0)
    detector = DetectorConfig(width=16, attention_heads=2, hidden=16, queries=12, head_queries=5, mask_channels=8)
    settings = {"labels": ("cup", "book"), "detector": detector, "input_size": 64, "small_size": 32, **config}
    built = SamGOPConfig(gaze=GazeConfig(**{"crop_side": 32, "keys": 6, **(gaze or {})}), **settings)
    return SamGOP(built, backbone(), backbone()).eval()


def save(folder: Path, **rules: float) -> None:
    """A small network's weights folder, its EG-Net inside, whose rules take whatever is found."""
    save_egnet(folder / "egnet")
    made = {"head_score": 0.0, "object_score": 0.0, "label_score": 0.0, "inside_score": 0.0, **rules}
    network = small(rules=made, parts={"egnet": inner(folder, "egnet")})
    weights.save(network, network.config.model_dump(mode="json"), folder)


@pytest.fixture
def network() -> SamGOP:
    return small()
