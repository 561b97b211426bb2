"""The networks of WCS-Net as they are exported."""

from __future__ import annotations

from torch import Tensor, nn

from sightline.models.exports import ExportPart, Input, picture
from sightline.models.wcsnet.gaze2mask import Gaze2Mask
from sightline.models.wcsnet.network import HOTSPOT_LEVELS, MEMORY_LEVELS, WCSNet
from sightline.models.wcsnet.tracker import _Step
from sightline.nn.blocks import resize
from sightline.nn.egnet import EGNet, network_size, saliency_map
from sightline.nn.memory import remember


class _Saliency(nn.Module):
    def __init__(self, egnet: EGNet) -> None:
        super().__init__()
        self.egnet = egnet

    def forward(self, images: Tensor) -> Tensor:
        """images: (1, 3, H, W). Returns (1, 1, H, W)."""
        return saliency_map(self.egnet(images), (images.shape[-2], images.shape[-1]))


class _Mask(nn.Module):
    def __init__(self, gaze2mask: Gaze2Mask) -> None:
        super().__init__()
        self.gaze2mask = gaze2mask

    def forward(self, images: Tensor, gaze: Tensor) -> Tensor:
        """images: (1, 3, H, W); gaze: (1, 1, H, W). Returns (1, 1, H, W)."""
        return resize(self.gaze2mask(images, gaze).sigmoid(), images.shape[-2:])


class _Template(nn.Module):
    """Kernels of a template, and the memory's first frame as often as the memory holds frames."""

    def __init__(self, network: WCSNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """inputs: the feature maps, the mask and the saliency (1, 1, H, W)."""
        *features, mask, saliency = inputs
        kernels, memory = self.network.template(features, mask, saliency), self.network.memory
        found = (*kernels.mask, *kernels.hotspot)
        if memory is None:
            return found
        first = remember(memory.cells(self.network.keys(features)), mask)
        return *found, first[:, None].repeat(1, memory.config.frames, 1, 1, 1)


def egnet_parts(egnet: EGNet, size: tuple[int, int]) -> tuple[ExportPart, ...]:
    """EG-Net, for pictures of a size (height, width)."""
    return (_saliency(egnet, network_size(*size, egnet.config.input_size)),)


def _saliency(egnet: EGNet, size: tuple[int, int]) -> ExportPart:
    about = "EG-Net: where viewers look in a picture"
    outputs = {"saliency": "where viewers look, in [0, 1], its maximum 1"}
    return ExportPart("egnet", about, _Saliency(egnet).eval(), (picture(size),), outputs, any_size=True)


def wcsnet_parts(network: WCSNet, gaze2mask: Gaze2Mask, egnet: EGNet) -> tuple[ExportPart, ...]:
    """The networks in the order of the first frame: what is looked at, its template, and where it is in a crop."""
    square = (network.config.input_size,) * 2
    levels = [f"level{number}" for number in range(1, len(network.backbone.channels) + 1)]
    features = tuple(Input(name, f"{name} of the backbone, of the crop", (), f"encode.{name}") for name in levels)
    kernels = {f"mask_kernel{level}": f"kernel of the mask on level {level}" for level in network.levels}
    if network.config.hotspot_branch:
        kernels |= {f"hotspot_kernel{level}": f"kernel of the hotspot on level {level}" for level in HOTSPOT_LEVELS}
    kept, seen = {}, {}
    remembered: tuple[Input, ...] = ()
    if network.memory is not None:
        kept = {"memory": "the frames in memory: the first, some between, the last"}
        seen = {"cells": f"keys of levels {MEMORY_LEVELS} of this crop, which the memory keeps with its mask"}
        remembered = (
            Input("memory", kept["memory"], (), "template.memory"),
            Input("reach", "1 where the crop is about where the target was last; 0 for another", ()),
        )
    step = _Step(network, len(levels))
    return (
        _saliency(egnet, square),
        ExportPart(
            "gaze2mask",
            "Gaze2Mask-Net: the mask of what is looked at",
            _Mask(gaze2mask).eval(),
            (picture(square), Input("saliency", "where viewers look, in [0, 1]", (), "egnet.saliency")),
            {"mask": "probability that a pixel is of what is looked at"},
            any_size=True,
        ),
        ExportPart(
            "encode",
            "the backbone's feature maps of a square crop, of the template or of a later frame",
            network.backbone,
            (picture(square, "crop"),),
            {name: f"{name} of the backbone" for name in levels},
        ),
        ExportPart(
            "template",
            "the kernels of a target, once, from the crop that shows it",
            _Template(network).eval(),
            (
                *features,
                Input("mask", "the target in the crop, in [0, 1]", (), "gaze2mask.mask"),
                Input("saliency", "where viewers look in the crop, in [0, 1]", (), "egnet.saliency"),
            ),
            kernels | kept,
        ),
        ExportPart(
            "decode",
            "the target's mask and hotspot in a crop of any later frame",
            step.eval(),
            (*features, *remembered, *(Input(name, about, (), f"template.{name}") for name, about in kernels.items())),
            {
                "mask": "probability that a pixel is of the target",
                "hotspot": "where on the target viewers look, in [0, 1]",
                "presence": "probability that the target is in the crop at all",
                **seen,
            },
        ),
    )
