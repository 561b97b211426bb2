"""Whether maps lie where things are: the map of a mirrored picture is the mirrored map."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor, nn

from models.stanet.conftest import TAGS
from sightline.models import load
from sightline.models.stanet.config import ScamConfig, STANetConfig
from sightline.models.stanet.network import ScamNets, STANet
from sightline.models.stanet.scam import stage_maps
from sightline.nn.backbones import Backbone, build_backbone
from sightline.nn.blocks import resize
from sightline.types import Clip, Prompt, VideoFrame
from sightline.video import open_source

SIZE = (64, 1024)


def shift_of(maps: Tensor, other: Tensor, most: int = 24) -> int:
    """How many pixels further right `maps` lies than `other`, both (H, W), by the highest correlation."""
    inner = np.s_[::4, maps.shape[1] // 4 : -maps.shape[1] // 4]  # less of what zeros around the picture do
    one, two = (values[inner].numpy() for values in (maps, other))
    width = one.shape[1]

    def alike(step: int) -> float:
        here, there = one[:, max(0, step) : width + min(0, step)], two[:, max(0, -step) : width - max(0, step)]
        return float(np.corrcoef(here.ravel(), there.ravel())[0, 1])

    return max(range(-most, most + 1), key=alike)


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


def random_backbone() -> Backbone:
    """Even kernels that have learned nothing, so that cells look at the middle of their fields.

    TensorFlow's padding moves it by half a pixel of a level at each halving.
    """
    backbone = build_backbone("mobilenet-v2-1280")
    backbone.looks = tuple(((2**level - 1) / 2,) * 2 for level in range(1, 6))
    even(backbone)
    return backbone


def seen(nets: ScamNets | STANet, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Levels of the three frames of a clip that stands still."""
    levels = nets.encoders.see(pixels)
    level4, level5 = (level[:, None].expand(-1, 3, -1, -1, -1) for level in (levels.level4, levels.level5))
    return levels.level3, level4, level5


@torch.inference_mode()
def test_class_activation_maps_lie_where_things_are() -> None:
    torch.manual_seed(0)
    config = ScamConfig(tags=TAGS, width=32, coarse_size=1024, nets=("S",), maps=("S",))
    nets = ScamNets(config, random_backbone()).eval()
    even(nets.coarse)
    for net in nets.coarse.values():
        net.classifier.weight.data.abs_()  # a map that is not 0 everywhere
    pixels = torch.from_numpy(pictures(4, SIZE)).permute(0, 3, 1, 2).float() / 255
    nothing = torch.zeros(4, nets.encoders.audio.size), torch.zeros(4)
    tags = torch.tensor([[1.0, 0, 0]]).expand(4, -1)
    maps, turned = (
        stage_maps(nets, "coarse", *seen(nets, images)[1:], *nothing, tags).maps[0]
        for images in (pixels, pixels.flip(-1))
    )
    found = [too_far_left(*pair) for pair in zip(maps, turned, strict=True)]
    assert abs(np.median(found)) < 2, found


@torch.inference_mode()
def test_stas_maps_lie_where_things_are() -> None:
    torch.manual_seed(0)
    network = STANet(STANetConfig(tags=TAGS, width=32, decoder_width=32, input_size=512), random_backbone()).eval()
    for part in (network.spatial, network.fusion, network.block5, network.block4, network.block3, network.head):
        even(part)
    pixels = torch.from_numpy(pictures(4, SIZE)).permute(0, 3, 1, 2).float() / 255
    found = []
    for images in (pixels, pixels.flip(-1)):
        level3, level4, level5 = seen(network, images)
        spatial = network.spatial(level4.flatten(0, 1), level5.flatten(0, 1)).unflatten(0, (-1, 3))
        logits = network(spatial, level3, level4[:, 1], torch.zeros(4, network.encoders.audio.size), torch.zeros(4))
        found.append(resize(logits, SIZE)[:, 0])
    off = [too_far_left(*pair) for pair in zip(*found, strict=True)]
    assert abs(np.median(off)) < 2, off


class Still(Clip):
    """One picture."""

    def __init__(self, image: NDArray[np.uint8]) -> None:
        self.size, self.fps, self.image = (image.shape[0], image.shape[1]), 1.0, image

    def frames(self) -> Iterator[VideoFrame]:
        yield VideoFrame(0, 0.0, 0, self.image)


@pytest.mark.parametrize("name", ["stanet", "egnet"])
def test_maps_of_the_weights_that_ship(name: str, shared_data: Path) -> None:
    """Frames of a real video: noise says nothing to networks that have learned."""
    with open_source(shared_data / "video_fixations/multiface/012.mp4") as source:
        images = [frame.image for frame in islice(source, 0, 60, 30)]
    model = load(name)

    def maps(image: NDArray[np.uint8]) -> Tensor:
        (frame,) = model.stream(Still(image), Prompt())
        assert frame.saliency is not None
        return torch.from_numpy(np.asarray(frame.saliency, np.float32))[::4, ::4]

    off = [4 * too_far_left(maps(image), maps(np.ascontiguousarray(image[:, ::-1]))) for image in images]
    assert abs(np.mean(off)) < 4, off  # of 1280 pixels
