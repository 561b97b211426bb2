"""VGG-16 and ResNeXt-101: the layout of published weights, and how they load."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from sightline.errors import WeightsError
from sightline.nn.backbones import build_backbone
from sightline.nn.classic import VGG16, ResNeXt101


def parameters(network: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_sizes_are_the_published_ones() -> None:
    """138,357,544 and 88,791,336 parameters with classifiers (torchvision's documentation)."""
    with torch.device("meta"):
        vgg, resnext = VGG16(), ResNeXt101()
    fully_connected = (512 * 49 + 1) * 4096 + (4096 + 1) * 4096 + (4096 + 1) * 1000
    assert parameters(vgg) + fully_connected == 138_357_544
    assert parameters(resnext) + (2048 + 1) * 1000 == 88_791_336


def test_names_are_the_published_ones() -> None:
    with torch.device("meta"):
        vgg, resnext = VGG16().state_dict(), ResNeXt101().state_dict()
    assert vgg["features.0.weight"].shape == (64, 3, 3, 3)
    assert vgg["features.28.weight"].shape == (512, 512, 3, 3)
    assert resnext["layer1.0.conv2.weight"].shape == (256, 8, 3, 3)
    assert resnext["layer4.2.bn3.weight"].shape == (2048,)
    assert resnext["layer3.0.downsample.0.weight"].shape == (1024, 512, 1, 1)


def test_published_weights_load_without_their_classifier(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = VGG16()
    tensors = {**network.state_dict(), "classifier.0.weight": torch.zeros(2, 2)}
    save_file(tensors, tmp_path / "model.safetensors")
    backbone = build_backbone("vgg-16", tmp_path)
    torch.testing.assert_close(backbone.stages[4][0].weight, network.features[24].weight)
    images = torch.rand(1, 3, 32, 32)
    with torch.inference_mode():
        torch.testing.assert_close(backbone(images)[-1], network.features(backbone.normalise(images)))
    save_file({"features.0.weight": torch.zeros(64, 3, 3, 3)}, tmp_path / "model.safetensors")
    with pytest.raises(WeightsError, match="holds another network than VGG16"):
        build_backbone("vgg-16", tmp_path)
