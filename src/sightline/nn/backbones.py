"""Backbones as five stages, one a feature level, so that a decoder can ask any backbone for the same five maps.

Level j has stride 2**j; level 5 of the DeepLab MobileNetV2 stays at stride 16, its output stride, unless `os32` is
asked for. Images come in as RGB in [0, 1]; each backbone normalises them as its pretraining did. Further input channels
(saliency) are passed on as they are and start with zero weights, so that a pretrained backbone is unchanged by them
at first.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.nn import functional as F

from sightline.errors import UsageError, WeightsError
from sightline.nn.blocks import Shift
from sightline.nn.classic import RESNEXT_CHANNELS, VGG16, VGG_CHANNELS, ResNeXt101, load_published

# Width and depth coefficients of EfficientNet (Tan and Le 2019, Table 1 and its code release).
_EFFICIENTNETS = {"b0": (1.0, 1.0), "b1": (1.0, 1.1), "b2": (1.1, 1.2), "b3": (1.2, 1.4), "b4": (1.4, 1.8)}
_RESNETS = {"50": [3, 4, 6, 3], "101": [3, 4, 23, 3]}

_CLASSIC: dict[str, tuple[type[VGG16] | type[ResNeXt101], tuple[int, ...]]] = {
    "vgg-16": (VGG16, VGG_CHANNELS),
    "resnext-101": (ResNeXt101, RESNEXT_CHANNELS),
}

# What tells a network of one kind from another of the same kind in its configuration.
_SIZES = ("depth_multiplier", "width_coefficient", "depth_coefficient", "depths", "layer_type")

HUB_IDS = {
    "mobilenet-v2": "google/mobilenet_v2_1.0_224",
    "mobilenet-v2-1280": "google/mobilenet_v2_1.0_224",
    "deeplab-mobilenet-v2": "google/deeplabv3_mobilenet_v2_1.0_513",
    "deeplab-mobilenet-v2-os32": "google/deeplabv3_mobilenet_v2_1.0_513",
    **{f"efficientnet-{name}": f"google/efficientnet-{name}" for name in _EFFICIENTNETS},
    **{f"resnet-{name}": f"microsoft/resnet-{name}" for name in _RESNETS},
    "vgg-16": "timm/vgg16.tv_in1k",
    "resnext-101": "timm/resnext101_32x8d.fb_wsl_ig1b_ft_in1k",
}
"""Every backbone by name, with the Hub repository that holds its pretrained weights."""


LOOKS = ((0.2, 0.1), (0.7, 0.6), (2.1, 1.6), (2.0, 1.0), (6.1, 5.1))
"""`Backbone.looks` of MobileNetV2 as ImageNet has trained it, pixels; measured with benchmarks/looks.py.

On maps of even sides, TensorFlow's padding "SAME" puts a layer of stride 2 half a pixel below and right of the middle:
after k halvings (2**k - 1) / 2 pixels, 15.5 at level 5. That is where its field lies, but training has made good for
two thirds of it."""


@contextlib.contextmanager
def for_any_size() -> Iterator[None]:
    """While a graph is made for pictures of any size in multiples of 32: MobileNetV2 pads all of them alike.

    Its padding otherwise reads the size as a number, and the graph would be for that one alone.
    """
    from transformers.models.mobilenet_v2 import modeling_mobilenet_v2 as mobilenet

    own = mobilenet.apply_tf_padding
    mobilenet.apply_tf_padding = _pad_whole
    try:
        yield
    finally:
        mobilenet.apply_tf_padding = own


def _pad_whole(features: Tensor, layer: nn.Conv2d) -> Tensor:
    """TensorFlow's padding "SAME" of maps whose sides are multiples of the layer's stride."""
    padding: list[int] = []
    for kernel, stride, dilation in zip(layer.kernel_size[::-1], layer.stride[::-1], layer.dilation[::-1], strict=True):
        both = max(kernel - stride, 0)
        padding += [both // 2 * dilation, (both - both // 2) * dilation]
    return F.pad(features, padding)


class Backbone(nn.Module):
    """Five stages in a row; `forward` returns the output of each, finest first.

    channels: channel count of each level. classes: how many of the last level's channels, its last ones, are class
    probabilities. mean, std: what RGB in [0, 1] is normalised with.

    looks: how far below and right of its middle a cell of each level looks, pixels of the input. Decoders learn that;
    what draws a level on the picture by itself has to know it (`shift`).
    """

    def __init__(
        self,
        stages: Sequence[nn.Module],
        channels: Sequence[int],
        mean: Sequence[float],
        std: Sequence[float],
        classes: int = 0,
        looks: Sequence[tuple[float, float]] = (),
    ) -> None:
        super().__init__()
        self.classes = classes
        self.looks = tuple(looks) or ((0.0, 0.0),) * len(stages)
        self.stages = nn.ModuleList(stages)
        self.channels = tuple(channels)
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)

    def normalise(self, images: Tensor) -> Tensor:
        """(N, C, H, W): the first three channels are RGB in [0, 1], any others are left as they are."""
        mean, std = self.get_buffer("mean"), self.get_buffer("std")
        rgb = (images[:, :3] - mean) / std
        return rgb if images.shape[1] == 3 else torch.cat([rgb, images[:, 3:]], dim=1)

    def shift(self, level: int, beside: int | None = None) -> Shift:
        """How far below and right of their middles the cells of a level look, in sides of a cell, as `resize` takes it.

        level, beside: from 1. Where the level is put on the grid of `beside`, which looks elsewhere itself, only the
        difference counts.
        """
        base = (0.0, 0.0) if beside is None else self.looks[beside - 1]
        down, right = ((look - other) / 2**level for look, other in zip(self.looks[level - 1], base, strict=True))
        return down, right

    def forward(self, images: Tensor) -> list[Tensor]:
        """images: (N, C, H, W) float, RGB in [0, 1] first. Returns five maps, strides 2, 4, 8, 16, 32 (or 16)."""
        features = []
        hidden = self.normalise(images)
        for stage in self.stages:
            hidden = stage(hidden)
            features.append(hidden)
        return features


class DeepLabLevel(nn.Module):
    """Level 5 with what DeepLab knows: its pooled features (256) beside its class probabilities (21).

    The probabilities make "of the same class as the template" a plain product for the correlation block.
    """

    def __init__(self, layers: Sequence[nn.Module], head: Any) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)
        self.conv_pool, self.conv_aspp = head.conv_pool, head.conv_aspp
        self.conv_projection, self.classifier = head.conv_projection, head.classifier

    def forward(self, hidden: Tensor) -> Tensor:
        hidden = self.layers(hidden)
        pooled = self.conv_pool(hidden.mean(dim=(2, 3), keepdim=True)).expand(-1, -1, *hidden.shape[2:])
        hidden = self.conv_projection(torch.cat([pooled, self.conv_aspp(hidden)], dim=1))
        return torch.cat([hidden, self.classifier(hidden).softmax(dim=1)], dim=1)


def build_backbone(name: str, weights: str | Path | None = None, in_channels: int = 3) -> Backbone:
    """Make a backbone by name.

    weights: a `transformers` folder, a Hub id, "hub" for the id in HUB_IDS, or None for random weights (which a
    checkpoint then fills). in_channels: 3, or more with a guidance map behind RGB.

    Raises UsageError for an unknown name and WeightsError where the weights cannot be loaded.
    """
    if name not in HUB_IDS:
        raise UsageError(f"unknown backbone {name!r}: choose one of {', '.join(HUB_IDS)}")
    source = HUB_IDS[name] if weights == "hub" else weights
    if name == "mobilenet-v2":
        backbone = _mobilenet_v2(source)
    elif name == "mobilenet-v2-1280":
        backbone = _mobilenet_v2(source, whole=True)
    elif name.startswith("deeplab"):
        backbone = _mobilenet_v2(source, deeplab_stride=32 if name.endswith("os32") else 16)
    elif name.startswith("efficientnet"):
        backbone = _efficientnet(name.removeprefix("efficientnet-"), source)
    elif name in _CLASSIC:
        backbone = _classic(name, source)
    else:
        backbone = _resnet(name.removeprefix("resnet-"), source)
    if in_channels > 3:
        _widen_first_convolution(backbone, in_channels)
    return backbone


def _load(model_class: Any, config: Any, source: str | Path | None, **changes: Any) -> Any:
    if source is None:
        return model_class(config)
    try:
        model, report = model_class.from_pretrained(str(source), output_loading_info=True, **changes)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise WeightsError(
            f"{source}: cannot load backbone weights ({next(iter(str(error).splitlines()), 'no reason given')}); "
            "give a folder with config.json and model.safetensors, or a Hub id and a network connection"
        ) from error
    # transformers fills what it does not find with random numbers, and follows whatever size the folder asks for.
    missing = [name for name in report["missing_keys"] if not name.startswith("classifier")]
    other = [name for name in _SIZES if getattr(model.config, name, None) != getattr(config, name, None)]
    if missing or other:
        reason = f"another {other[0]}" if other else f"no {missing[0]}"
        raise WeightsError(
            f"{source}: holds the weights of another backbone ({reason}); give those of the one asked for"
        )
    return model


def _mobilenet_v2(source: str | Path | None, deeplab_stride: int | None = None, whole: bool = False) -> Backbone:
    """whole: level 5 is what ImageNet's classifier reads, where classes are nearly linear: 1280 channels, not 320."""
    from transformers import MobileNetV2Config, MobileNetV2ForImageClassification, MobileNetV2ForSemanticSegmentation

    if deeplab_stride:
        # DeepLab dilates its last blocks at stride 16; the same weights without dilation see the same at stride 32,
        # for a quarter of the cost.
        config = MobileNetV2Config(output_stride=deeplab_stride, num_labels=21, tf_padding=True)
        model = _load(MobileNetV2ForSemanticSegmentation, config, source, output_stride=deeplab_stride)
    else:
        config = MobileNetV2Config(num_labels=1001, tf_padding=True)
        model = _load(MobileNetV2ForImageClassification, config, source)
    trunk, layers = model.mobilenet_v2, list(model.mobilenet_v2.layer)
    if deeplab_stride:
        last: nn.Module = DeepLabLevel(layers[12:], model.segmentation_head)
    else:
        last = nn.Sequential(*layers[12:], *([trunk.conv_1x1] if whole else []))
    stages = [
        trunk.conv_stem,
        nn.Sequential(*layers[:2]),
        nn.Sequential(*layers[2:5]),
        nn.Sequential(*layers[5:12]),
        last,
    ]
    channels = (16, 24, 32, 96, 277 if deeplab_stride else 1280 if whole else 320)
    return Backbone(
        stages,
        channels,
        mean=(0.5,) * 3,
        std=(0.5,) * 3,
        classes=21 if deeplab_stride else 0,
        looks=() if deeplab_stride else LOOKS,
    )


def _efficientnet(variant: str, source: str | Path | None) -> Backbone:
    from transformers import EfficientNetConfig, EfficientNetModel

    width, depth = _EFFICIENTNETS[variant]
    model = _load(EfficientNetModel, EfficientNetConfig(width_coefficient=width, depth_coefficient=depth), source)
    stages: list[list[nn.Module]] = [[model.embeddings]]
    for block in model.encoder.blocks:
        # A level ends where the next block halves the resolution.
        if block.depthwise_conv.depthwise_conv.stride[0] == 2:
            stages.append([])
        stages[-1].append(block)
    channels = [cast(Any, stage[-1]).projection.project_conv.out_channels for stage in stages]
    return Backbone(
        [nn.Sequential(*stage) for stage in stages], channels, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)
    )


def _resnet(variant: str, source: str | Path | None) -> Backbone:
    from transformers import ResNetConfig, ResNetModel

    model = _load(ResNetModel, ResNetConfig(depths=_RESNETS[variant]), source)
    first, rest = model.encoder.stages[0], model.encoder.stages[1:]
    stages = [model.embedder.embedder, nn.Sequential(model.embedder.pooler, first), *rest]
    return Backbone(stages, (64, 256, 512, 1024, 2048), mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))


def _classic(name: str, source: str | Path | None) -> Backbone:
    kind, channels = _CLASSIC[name]
    network = kind()
    if source is not None:
        load_published(network, source)
    return Backbone(network.stages(), channels, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))


def _widen_first_convolution(backbone: Backbone, in_channels: int) -> None:
    """Give the first convolution more input channels, with zero weights for the new ones."""
    for module in backbone.stages[0].modules():
        for name, child in module.named_children():
            if isinstance(child, nn.Conv2d):
                wide = copy.deepcopy(child)
                wide.in_channels = in_channels
                zeros = child.weight.new_zeros(child.out_channels, in_channels - child.in_channels, *child.kernel_size)
                wide.weight = nn.Parameter(torch.cat([child.weight.detach(), zeros], dim=1))
                setattr(module, name, wide)
                return
    raise AssertionError("a backbone's first stage holds no convolution")
