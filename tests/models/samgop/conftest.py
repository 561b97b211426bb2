from typing import Any

import pytest
import torch

from models.small import backbone
from sightline.models.samgop.config import DetectorConfig, GazeConfig, SamGOPConfig
from sightline.models.samgop.network import SamGOP


def small(gaze: dict[str, Any] | None = None, **config: Any) -> SamGOP:
    """A network of a few channels."""
    torch.manual_seed(0)
    detector = DetectorConfig(width=16, attention_heads=2, hidden=16, queries=12, head_queries=5, mask_channels=8)
    settings = {"labels": ("cup", "book"), "detector": detector, "input_size": 64, **config}
    built = SamGOPConfig(gaze=GazeConfig(**{"crop_side": 32, "keys": 6, **(gaze or {})}), **settings)
    return SamGOP(built, backbone(), backbone()).eval()


@pytest.fixture
def network() -> SamGOP:
    return small()
