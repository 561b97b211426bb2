"""Pseudo-instances: connected regions of one class of DeepLab's, by size and certainty."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from sightline.data.files import load_image
from sightline.nn.backbones import Backbone, DeepLabLevel, build_backbone
from sightline.training.labels import pseudo
from sightline.training.labels.pseudo import CLASSES, PseudoLabeller


class Painted:
    """Stands in for the engine: class probabilities from a small label map, of a given certainty."""

    def __init__(self, labels: np.ndarray, certainty: float) -> None:
        self.labels, self.certainty = labels, certainty

    def __call__(self, pixels: Tensor) -> list[Tensor]:
        assert pixels.shape[1:] in {(3, *pseudo.INPUT_SIZE), (3, *pseudo.INPUT_SIZE[::-1])}
        chosen = torch.nn.functional.one_hot(torch.from_numpy(self.labels), CLASSES).permute(2, 0, 1).float()
        rest = (1 - self.certainty) / (CLASSES - 1)
        return [torch.zeros(1), (rest + chosen * (self.certainty - rest))[None]]


def label(
    labels: np.ndarray, monkeypatch: pytest.MonkeyPatch, certainty: float = 0.95, **limits: Any
) -> list[np.ndarray]:
    monkeypatch.setattr(pseudo, "Engine", lambda *_: Painted(labels, certainty))
    torch.manual_seed(0)
    return PseudoLabeller(build_backbone("deeplab-mobilenet-v2"), **limits)(np.zeros((40, 60, 3), dtype=np.uint8))


def test_each_connected_region_is_an_instance_largest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    labels = np.zeros((40, 60), dtype=np.int64)
    labels[5:15, 5:15] = 12
    labels[20:35, 5:25] = 12
    labels[5:15, 40:50] = 15
    found = label(labels, monkeypatch)
    assert [int(mask.sum()) for mask in found] == [300, 100, 100]
    np.testing.assert_array_equal(found[0], labels * 0 + np.pad(np.ones((15, 20)), ((20, 5), (5, 35))) > 0)


def test_what_is_too_small_too_large_or_unsure_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    labels = np.zeros((40, 60), dtype=np.int64)
    labels[5:9, 5:9] = 12
    labels[:, 20:] = 15
    assert label(labels, monkeypatch) == []
    assert [int(mask.sum()) for mask in label(labels, monkeypatch, min_area=0.005, max_area=0.7)] == [1600, 16]
    assert label(labels, monkeypatch, certainty=0.7, min_area=0.005, max_area=0.7) == []
    assert label(np.zeros((40, 60), dtype=np.int64), monkeypatch) == []


def test_the_real_deeplab_finds_the_dog(shared_data: Path) -> None:
    backbone = build_backbone("deeplab-mobilenet-v2", shared_data / "weights/deeplabv3_mobilenet_v2_1.0_513")
    assert isinstance(backbone, Backbone)
    assert isinstance(backbone.stages[-1], DeepLabLevel)
    davis = shared_data / "vos/davis2016_dev"
    image = load_image(davis / "JPEGImages/480p/dog/00000.jpg")
    truth = load_image(davis / "Annotations/480p/dog/00000.png")[..., 0] > 0
    masks = PseudoLabeller(backbone)(image)
    assert masks
    assert (masks[0] & truth).sum() / (masks[0] | truth).sum() > 0.6
