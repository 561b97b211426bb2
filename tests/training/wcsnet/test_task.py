"""Steps of Gaze2Mask-Net's and WCS-Net's training: gaze inside targets, clicks, what learns."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from models import small
from sightline.training.wcsnet import Gaze2MaskRecipe, WCSNetRecipe
from sightline.training.wcsnet.data import load
from sightline.training.wcsnet.task import Gaze2MaskTask, MaskTask, WCSNetTask, _middle, _spot, saliency_inside
from training.wcsnet.conftest import SETTINGS


def test_saliency_is_cut_to_the_mask_or_the_mask_stands_in() -> None:
    gaze, mask = torch.zeros(2, 1, 4, 4), torch.zeros(2, 1, 16, 16)
    mask[:, :, :8, :8] = 1
    gaze[0, 0, 0, 0], gaze[0, 0, 3, 3] = 0.5, 1.0  # the strongest gaze lies outside
    gaze[1, 0, 3, 3] = 1.0
    inside = saliency_inside(gaze, mask)
    assert inside.shape == gaze.shape
    assert inside[0, 0, 0, 0] == 1
    assert inside[0].sum() == 1
    expected = torch.zeros(4, 4)
    expected[:2, :2] = 1
    assert torch.equal(inside[1, 0], expected)
    assert torch.equal(saliency_inside(gaze, torch.zeros_like(mask)), torch.zeros_like(gaze))


def test_a_click_falls_into_the_mask() -> None:
    torch.manual_seed(0)
    mask = torch.zeros(50, 1, 32, 32)
    mask[..., 8:16, 20:28] = 1
    spots = _spot(mask, 8)
    assert spots.shape == (50, 1, 8, 8)
    torch.testing.assert_close(spots.amax(dim=(1, 2, 3)), torch.ones(50))
    places = spots.flatten(1).argmax(dim=1)
    assert set((places // 8).tolist()) == {2, 3}
    assert set((places % 8).tolist()) == {5, 6}


def test_the_middle_is_half_a_map() -> None:
    maps = torch.arange(64.0).view(1, 1, 8, 8)
    assert torch.equal(_middle(maps), maps[..., 2:6, 2:6])


def tasks(**network: Any) -> list[MaskTask]:
    return [
        Gaze2MaskTask(small.gaze2mask(), Gaze2MaskRecipe(train="gaze2mask", **SETTINGS)),
        WCSNetTask(small.wcsnet(**network), WCSNetRecipe(train="wcsnet", **SETTINGS)),
    ]


@pytest.mark.parametrize(
    "network",
    [{}, {"correlation": "both"}, {"correlation": "depthwise"}, {"correlation": "concat"}, {"levels": (4, 5)}],
)
@pytest.mark.parametrize("number", [0, 1])
def test_a_step_of_training(bank: Any, number: int, network: dict[str, Any]) -> None:
    task = tasks(**network)[number].train()
    assert not task.network.backbone.training, "the backbone's batch normalisation keeps its statistics"
    assert task.network.head.training if number == 0 else task.network.mask_head.training
    loss = task.training_step(load(bank, [0, 6, 9], [1, 7, 10]), 0)
    loss.backward()
    assert loss.isfinite()
    assert all(p.grad is None for p in task.network.backbone.parameters())
    learning = [p for p in task.network.parameters() if p.requires_grad]
    assert learning
    assert all(p.grad is not None for p in learning)


@pytest.mark.parametrize("number", [0, 1])
def test_everything_of_a_step_is_on_the_devices_of_its_batch(bank: Any, number: int) -> None:
    """The meta device computes shapes only, and refuses what mixes it with the CPU, as a GPU would."""
    task = tasks()[number].train().to("meta")
    batch = load(bank, [0, 6, 9], [1, 7, 10])
    moved = {
        name: [level.to("meta") for level in value] if isinstance(value, list) else value.to("meta")
        for name, value in batch.items()
    }
    assert task.training_step(moved, 0).device.type == "meta"
