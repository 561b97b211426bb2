"""Views of targets for Gaze2Mask-Net and WCS-Net, kept on disk as frozen backbone features.

The backbone stays as it was pretrained, so its features of a view never change: they are computed once, kept as
float16 (about 1 MB a view), and shared by every network, fold and ablation that asks for the same views.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from torch import Tensor
from torch.nn.functional import avg_pool2d

from sightline.data.files import load_image
from sightline.errors import DataError
from sightline.models.wcsnet.geometry import Crop
from sightline.nn.backbones import Backbone
from sightline.nn.egnet import EGNet, predict_saliency
from sightline.nn.engine import Engine
from sightline.progress import track
from sightline.training.cache import Features, Writer, cached
from sightline.training.digest import code_of
from sightline.training.wcsnet.targets import Target

SIZE = 256
"""Side of a view in pixels; a search crop of 320 has the same scale and a wider margin."""
PEAK = 0.5
"""Hotspot labels are where the fixation density in the object passes this part of its maximum (Sec. 3.3)."""


def _framing(mask: NDArray[np.bool_], number: int, kind: str, generator: np.random.Generator) -> Crop:
    """View 0 of a still is centred on the target; others are off-centre, near or (the last) wide."""
    centred = Crop.around(mask, context=1.6, smallest=48.0)
    if number == 0 and kind != "video":
        return centred
    wide = number == 3 or (kind == "video" and number == 1)
    zoom = np.exp(generator.uniform(np.log(1.5), np.log(3.2))) if wide else generator.uniform(0.8, 1.5)
    shift = 0.3 if wide else 0.15
    side = centred.side * zoom
    dx, dy = generator.uniform(-shift, shift, 2) * side
    return Crop(centred.x + dx, centred.y + dy, side)


def _recolour(image: Tensor, generator: np.random.Generator) -> Tensor:
    """Brightness, contrast and saturation, each by up to a quarter."""
    brightness, contrast, saturation = generator.uniform(0.75, 1.25, 3)
    grey = image.mean(dim=1, keepdim=True)
    image = grey + (image - grey) * saturation
    return ((image - image.mean()) * contrast + image.mean() * brightness).clamp(0, 1)


class ViewBank:
    """The views of a recipe, one row a view: features of five levels, mask, saliency, hotspot label; and what each is.

    features: five (N, C, h, w) float16 arrays on disk. masks: (N, SIZE/2, SIZE/2) uint8, 255 = target. saliency,
    hotspots: (N, SIZE/8, SIZE/8) uint8. groups, kinds: N strings. has_hotspot: (N,) bool. Saliency comes from an EG-Net
    and is made anew for another one; nothing else depends on it.
    """

    def __init__(self, views: Features, egnet: EGNet) -> None:
        self.masks, self.hotspots = views["mask"].copy(), views["hotspot"].copy()
        self.saliency = saliency_maps(views, egnet)
        self.groups, self.kinds = np.array(views.info["groups"]), np.array(views.info["kinds"])
        self.has_hotspot = np.array(views.info["has_hotspot"])
        self.features = [views[f"level{level}"] for level in range(1, 6)]

    def __len__(self) -> int:
        return len(self.groups)


def compute_views(
    targets: Iterator[Target], backbone: Backbone, stills: int, seed: int, backgrounds: Sequence[Path], writer: Writer
) -> None:
    """Write the views of every target. stills: views of a target in a still; videos have 2 a frame.

    backgrounds: photographs that cut-out targets are pasted into. Raises DataError where there is no target.
    """
    generator = np.random.default_rng(seed)
    engine = Engine(backbone, (torch.zeros(1, 3, SIZE, SIZE),))
    info: dict[str, list[object]] = {"groups": [], "kinds": [], "has_hotspot": [], "crops": []}
    for target in track(targets, "Features of views"):
        for number in range(2 if target.kind == "video" else stills):
            crop = _framing(target.mask, number, target.kind, generator)
            image = crop.take(target.image, SIZE)
            mask = crop.take_map(target.mask if target.soft is None else target.soft, SIZE)
            hot = torch.zeros(1, 1, SIZE, SIZE)
            if target.density is not None:
                inside = crop.take_map(target.density, SIZE) * (mask > 0.5)
                hot = (inside > PEAK * inside.max()).float() if inside.max() > 0 else hot
            if number == 2 and backgrounds:
                image = _paste(image, mask, backgrounds, generator)
            if number:
                image = _recolour(image, generator)
            mirrored = bool(number and generator.integers(2))
            if mirrored:
                image, mask, hot = (x.flip(-1) for x in (image, mask, hot))
            levels = {f"level{level}": maps[0].half() for level, maps in enumerate(engine(image), start=1)}
            small = {"mask": _bytes(avg_pool2d(mask, 2)), "hotspot": _bytes(avg_pool2d(hot, 8))}
            writer.add(**levels, **small)
            info["groups"].append(target.group)
            info["kinds"].append(target.kind)
            info["has_hotspot"].append(bool(hot.any()))
            info["crops"].append([str(target.path), float(crop.x), float(crop.y), float(crop.side), mirrored])
    if not info["groups"]:
        raise DataError("the recipe's sources: no target found in them; check their roots, families and splits")
    writer.info.update(info)


def saliency_maps(views: Features, network: EGNet) -> NDArray[np.uint8]:
    """EG-Net's map of every view, (N, SIZE/8, SIZE/8) with a maximum of 255.

    It looks at the whole picture; a view shows its part of that.
    """

    def make(writer: Writer) -> None:
        last, whole = "", np.zeros((1, 1), dtype=np.float32)
        for file, x, y, side, mirrored in track(views.info["crops"], "Saliency of views"):
            if file != last:
                last, whole = file, predict_saliency(load_image(Path(file)), network)
            near = Crop(x, y, side).take_map(whole, SIZE // 8)
            near = near.flip(-1) if mirrored else near
            writer.add(saliency=_bytes(near / near.max().clamp_min(1e-6)))

    settings = network.config.model_dump_json()
    return cached("saliency", [code_of(__name__), views.key, network, settings], make)["saliency"].copy()


def _paste(image: Tensor, mask: Tensor, backgrounds: Sequence[Path], generator: np.random.Generator) -> Tensor:
    """The target cut out and put before a part of another photograph; its edge a pixel or two soft."""
    other = load_image(backgrounds[int(generator.integers(len(backgrounds)))])
    side = generator.uniform(0.5, 1.0) * min(other.shape[:2])
    x = generator.uniform(side / 2, other.shape[1] - side / 2)
    y = generator.uniform(side / 2, other.shape[0] - side / 2)
    edge = torch.from_numpy(gaussian_filter(mask[0, 0].numpy(), 0.8))
    return edge * image + (1 - edge) * Crop(x, y, side).take(other, SIZE)


def _bytes(values: Tensor) -> NDArray[np.uint8]:
    return (values[0, 0].clamp(0, 1) * 255).round().byte().numpy()
