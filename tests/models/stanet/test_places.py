"""Whether maps lie where things are: the map of a mirrored picture is the mirrored map."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor, nn

from models.stanet.conftest import TAGS
from sightline.models.stanet.config import ScamConfig
from sightline.models.stanet.network import ScamNets, STANet
from sightline.models.stanet.scam import stage_maps

SIZE = (128, 512)


def shift_of(maps: Tensor, other: Tensor, most: float = 32.0) -> float:
    """How many pixels further right `maps` lies than `other`, both (H, W), by the highest correlation."""
    values = (maps - maps.mean()).numpy()
    margin = int(most) + 1
    steps = np.arange(-most, most + 0.5, 0.5)
    moved = [ndimage.shift((other - other.mean()).numpy(), (0, step), order=1, mode="nearest") for step in steps]
    inside = np.s_[:, margin:-margin]
    return float(steps[int(np.argmax([np.corrcoef(values[inside].ravel(), m[inside].ravel())[0, 1] for m in moved]))])


def too_far_left(maps: Tensor, of_mirrored: Tensor) -> float:
    """How many pixels too far left a net draws, by its maps of a picture and of the mirrored one."""
    return shift_of(of_mirrored.flip(-1), maps) / 2


def even(network: nn.Module) -> None:
    """Random kernels that are the same mirrored: what is left of a shift is the geometry's."""
    for parameter in network.parameters():
        if parameter.ndim >= 4:
            nn.init.kaiming_normal_(parameter)  # those of transformers are so small that nothing comes through
            parameter.data.copy_((parameter.data + parameter.data.flip(-1)) / 2)


def pictures(count: int, size: tuple[int, int], seed: int = 0) -> NDArray[np.uint8]:
    """Noise of several scales: (count, H, W, 3)."""
    generator = np.random.default_rng(seed)
    noise = sum(
        sigma * ndimage.gaussian_filter(generator.standard_normal((count, *size, 3)), (0, sigma, sigma, 0))
        for sigma in (2, 8, 24)
    )
    return np.clip(128 + 300 * noise, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def nets() -> ScamNets:
    torch.manual_seed(0)
    made = ScamNets(ScamConfig(tags=TAGS, width=32, coarse_size=512, nets=("S", "ST"), maps=("S", "ST"))).eval()
    even(made)
    for net in made.coarse.values():
        net.classifier.weight.data.abs_()  # a map that is not 0 everywhere
    return made


def seen(nets: ScamNets | STANet, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Levels of the three frames of a clip that stands still."""
    levels = nets.encoders.see(pixels)
    return levels.level3, *(level[:, None].expand(-1, 3, -1, -1, -1) for level in (levels.level4, levels.level5))


@torch.inference_mode()
def test_class_activation_maps_lie_where_things_are(nets: ScamNets) -> None:
    pixels = torch.from_numpy(pictures(4, SIZE)).permute(0, 3, 1, 2).float() / 255
    nothing = torch.zeros(4, nets.encoders.audio.size), torch.zeros(4)
    tags = torch.tensor([[1.0, 0, 0]]).expand(4, -1)
    maps, turned = (
        stage_maps(nets, "coarse", *seen(nets, images)[1:], *nothing, tags).maps for images in (pixels, pixels.flip(-1))
    )
    found = [too_far_left(*pair) for pair in zip(maps.flatten(0, 1), turned.flatten(0, 1), strict=True)]
    assert abs(np.mean(found)) < 0.3, found  # 8 or 9 before
