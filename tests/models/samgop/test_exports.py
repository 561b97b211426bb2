"""SamGOP's networks as files: the same numbers in ONNX and OpenVINO."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from models.small import backbone, egnet
from sightline.apps.export import export_networks
from sightline.models.base import Predictor
from sightline.models.exports import ExportPart
from sightline.models.samgop.config import DetectorConfig, GazeConfig, SamGOPConfig
from sightline.models.samgop.exports import samgop_parts
from sightline.models.samgop.network import SamGOP
from sightline.models.samgop.sight import Sight
from sightline.types import Clip, Frame, Prompt

DETECTOR = DetectorConfig(
    width=16,
    attention_heads=2,
    hidden=16,
    queries=12,
    head_queries=5,
    mask_channels=8,
    encoder_layers=1,
    decoder_layers=1,
    head_layers=1,
)


class _Given(Predictor):
    name, weights_sha256, gives = "samgop", "0" * 64, frozenset()

    def __init__(self) -> None:
        torch.manual_seed(0)
        config = SamGOPConfig(
            input_size=64,
            small_size=32,
            labels=("cup", "book"),
            detector=DETECTOR,
            gaze=GazeConfig(crop_side=32, keys=6),
        )
        self.parts = samgop_parts(SamGOP(config, backbone(), backbone()).eval(), Sight(egnet()), (48, 64))

    def stream(self, clip: Clip, prompt: Prompt) -> Iterator[Frame]:
        yield from ()

    def export_parts(self, size: tuple[int, int]) -> tuple[ExportPart, ...]:
        return self.parts


def test_both_networks_say_the_same_in_onnx_and_openvino(tmp_path: Path) -> None:
    for name in ("onnxscript", "openvino"):
        pytest.importorskip(name)
    card = export_networks(_Given(), ["onnx", "openvino"], tmp_path / "out")
    assert [part["name"] for part in card["parts"]] == ["see", "look"]
    for part in card["parts"]:
        for kind in ("onnx", "openvino"):
            assert part["parity"].get(kind, 1.0) <= 1e-3, part["not_in"]
