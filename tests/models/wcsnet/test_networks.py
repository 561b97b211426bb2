"""What holds for all three networks: shapes, any resolution, gradients, weights that come back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from models import small
from sightline.models import weights
from sightline.models.wcsnet.config import WCSNetConfig

Make = Callable[..., Any]
NETWORKS = pytest.mark.parametrize("make", [small.egnet, small.gaze2mask, small.wcsnet])
# The rows of the paper's Table 6 that are one line of a recipe.
ABLATIONS = [
    {},
    {"levels": (4, 5)},
    {"levels": (3, 4, 5)},
    {"levels": (2, 3, 4, 5)},
    {"correlation": "concat"},
    {"correlation": "both"},
    {"correlation": "depthwise"},
    {"hotspot_branch": False},
    {"correlation": "depthwise", "hotspot_branch": False, "levels": (1, 5)},
]


def outputs(network: nn.Module, height: int, width: int, count: int = 1) -> list[Tensor]:
    """Mask or fixation logits first, hotspot logits second where there are any."""
    images, mask = torch.rand(count, 3, height, width), torch.zeros(count, 1, height, width)
    mask[..., height // 4 : height // 2, width // 4 : width // 2] = 1
    if type(network).__name__ == "EGNet":
        return [network(images)]
    if type(network).__name__ == "Gaze2Mask":
        return [network(images, torch.rand(count, 1, height, width))]
    return [out for out in network(images, mask, torch.rand_like(mask), torch.rand_like(images)) if out is not None]


@NETWORKS
@pytest.mark.parametrize("size", [(64, 64), (61, 83), (33, 96), (32, 32)])
def test_any_resolution(make: Make, size: tuple[int, int]) -> None:
    network = make()
    with torch.inference_mode():
        maps = outputs(network, *size, count=2)
        levels = network.backbone(torch.zeros(1, network.backbone.stages[0][0].in_channels, *size))
    finest = 3 if make is small.egnet else 1
    assert maps[0].shape == (2, 1, *levels[finest - 1].shape[-2:])
    assert all(bool(out.isfinite().all()) for out in maps)


@NETWORKS
def test_every_parameter_learns(make: Make) -> None:
    network = make().train()
    sum(out.square().mean() for out in outputs(network, 64, 96, count=2)).backward()  # type: ignore[union-attr]
    silent = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.isfinite().all()]
    assert silent == []


@NETWORKS
def test_weights_come_back_from_their_folder(make: Make, tmp_path: Path) -> None:
    network, other = make(), make()
    with torch.no_grad():
        for value in network.state_dict().values():
            if value.is_floating_point():
                value.copy_(value.half().float())
    weights.save(network, network.config.model_dump(mode="json"), tmp_path)
    weights.load_into(other, tmp_path)
    torch.manual_seed(1)
    expected = outputs(network, 64, 64)
    torch.manual_seed(1)
    for ours, theirs in zip(outputs(other, 64, 64), expected, strict=True):
        assert torch.equal(ours, theirs)
    assert type(network.config).model_validate(weights.read_config(tmp_path)) == network.config


@pytest.mark.parametrize("ablation", ABLATIONS, ids=str)
def test_every_ablation_gives_a_mask_and_learns(ablation: dict[str, Any]) -> None:
    network = small.wcsnet(**ablation).train()
    mask, hotspot = network(*small.pair(count=2))
    finest = 64 // 2 ** min(ablation.get("levels", (1,)))
    assert mask.shape == (2, 1, finest, finest)
    assert (hotspot is None) == (ablation.get("hotspot_branch") is False)
    if hotspot is not None:
        assert hotspot.shape == (2, 1, 8, 8)
    (mask.square().mean() + (0 if hotspot is None else hotspot.square().mean())).backward()
    decoder = [p for name, p in network.named_parameters() if not name.startswith("backbone")]
    assert all(p.grad is not None and p.grad.abs().sum() >= 0 for p in decoder)


def test_levels_may_come_in_any_order() -> None:
    torch.manual_seed(0)
    first = small.wcsnet(levels=(3, 5, 4))
    torch.manual_seed(0)
    second = small.wcsnet(levels=(3, 4, 5))
    pair = small.pair()
    assert torch.equal(first(*pair)[0], second(*pair)[0])


@pytest.mark.parametrize("levels", [(), (0, 5), (1, 6), (3, 3)])
def test_levels_that_are_none(levels: tuple[int, ...]) -> None:
    with pytest.raises(ValidationError, match="levels"):
        WCSNetConfig(levels=levels)


def test_the_mask_follows_the_template() -> None:
    """Another target in the same template frame gives another mask: the guidance is what decides."""
    network = small.wcsnet()
    template, mask, gaze, search = small.pair()
    other = torch.zeros_like(mask)
    other[..., 40:60, 40:60] = 1
    assert not torch.equal(network(template, mask, gaze, search)[0], network(template, other, gaze, search)[0])
    # The hotspot branch is guided by the gaze, not by the mask.
    assert torch.equal(network(template, mask, gaze, search)[1], network(template, other, gaze, search)[1])
    assert not torch.equal(network(template, mask, gaze, search)[1], network(template, mask, 1 - gaze, search)[1])


def test_gaze_of_any_resolution_guides_the_mask() -> None:
    network = small.gaze2mask()
    images, gaze = torch.rand(1, 3, 64, 64), torch.zeros(1, 1, 8, 8)
    gaze[..., 2, 2] = 1
    other = gaze.flip(-1)
    assert not torch.equal(network(images, gaze), network(images, other))


@pytest.mark.parametrize("kind", ["weighted", "both", "depthwise", "concat"])
@pytest.mark.parametrize("hotspot_branch", [True, False])
def test_a_folded_network_says_the_same(kind: str, hotspot_branch: bool) -> None:
    torch.manual_seed(0)
    network = small.wcsnet(correlation=kind, hotspot_branch=hotspot_branch)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, std=0.3)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
    network.eval()
    quick = network.folded()
    before, after = (
        sum(conv3.shape[1] for name, conv3 in each.mask_blocks.named_parameters() if "conv3" in name)
        for each in (network, quick)
    )
    fewer = 0 if kind == "concat" else len(network.levels) + bool(network.backbone.classes)
    assert after == before - fewer
    assert quick.backbone is network.backbone
    template, search = torch.rand(2, 1, 3, 64, 64)
    with torch.no_grad():
        kernels = network.template(network.backbone(template), torch.rand(1, 1, 64, 64), torch.rand(1, 1, 64, 64))
        said, quickly = (each.decode(each.backbone(search), kernels) for each in (network, quick))
    for one, other in zip(said, quickly, strict=True):
        if one is not None and other is not None:
            torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)
