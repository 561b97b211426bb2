"""Where the cells of MobileNetV2's levels look: `Backbone.looks`, measured by mirroring.

    python benchmarks/looks.py --data ../shared/data [--photographs 40]

What a level makes of a mirrored photograph, mirrored back, is what it makes of the photograph, but for twice the pixels
that its cells look off their middles. Of each level the length of its vectors at each place is compared; of level 5
also the maps of the five ImageNet classes that it finds most surely, and `LOOKS` is the mean of both. Upside down tells
how far below, left to right how far right. Beside them is where the fields of the cells lie, by gradients of random
weights, which have learned nothing.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from sightline.nn.backbones import Backbone, build_backbone
from sightline.nn.blocks import resize

SIZE = (320, 576)
MOST = 24
"""The largest shift that is looked for, pixels."""
CLASSES = 5


@torch.inference_mode()
def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--photographs", type=int, default=40)
    options = parser.parse_args()
    weights = options.data / "weights/mobilenet_v2_1.0_224"
    backbone, classes = build_backbone("mobilenet-v2-1280", weights).eval(), classifier(weights)
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for pixels in photographs(options.data / "image_fixations/mit1003/images", options.photographs):
        maps = seen(backbone, classes, pixels)
        turned = [seen(backbone, classes, pixels.flip(axis)) for axis in (-2, -1)]
        chosen = maps["classes"].amax(dim=(2, 3))[0].topk(CLASSES).indices
        for name in maps:
            below, right = (
                shift(whole(other[name], chosen, axis), whole(maps[name], chosen), axis) / 2
                for axis, other in zip((-2, -1), turned, strict=True)
            )
            found[name].append((below, right))
    print("| maps | below, pixels | right, pixels | standard errors |")
    for name, each in found.items():
        (below, right), errors = np.mean(each, axis=0), np.std(each, axis=0) / len(each) ** 0.5
        print(f"| {name} | {below:.1f} | {right:.1f} | {errors[0]:.1f}, {errors[1]:.1f} |")
    for level in range(1, 6):
        print(f"level {level}: its field lies {field(level):.1f} right of the middle")


def classifier(weights: Path) -> Tensor:
    """The weights of ImageNet's classes, (1001, 1280)."""
    from transformers import MobileNetV2ForImageClassification

    found: Tensor = MobileNetV2ForImageClassification.from_pretrained(weights).classifier.weight
    return found.detach()


def photographs(folder: Path, count: int) -> list[Tensor]:
    """Landscapes, evenly spread: (1, 3, H, W) each."""
    wide = []
    for path in sorted(folder.glob("*.jpg")):
        with Image.open(path) as picture:
            if picture.width > picture.height:
                wide.append(path)
    images = [
        Image.open(wide[n]).convert("RGB").resize(SIZE[::-1]) for n in np.linspace(0, len(wide) - 1, count, dtype=int)
    ]
    return [torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].float() / 255 for image in images]


def seen(backbone: Backbone, classes: Tensor, pixels: Tensor) -> dict[str, Tensor]:
    """Maps of each level by name, (1, K, h, w)."""
    levels = backbone(pixels)
    maps = {f"level {number}": level.norm(dim=1, keepdim=True) for number, level in enumerate(levels, start=1)}
    return {**maps, "classes": torch.einsum("nchw,kc->nkhw", levels[-1], classes)}


def whole(maps: Tensor, chosen: Tensor, mirrored: int | None = None) -> NDArray[np.float32]:
    """Maps at the size of the picture, mirrored back; of classes the chosen ones, and what speaks for them."""
    if maps.shape[1] > 1:
        maps = maps[:, chosen].relu()
    return resize(maps if mirrored is None else maps.flip(mirrored), SIZE).numpy()


def shift(maps: NDArray[np.float32], other: NDArray[np.float32], axis: int) -> float:
    """How many pixels further along the axis `maps` lies than `other`: the highest correlation, between steps."""
    one, two = (np.moveaxis(values, axis, -1) for values in (maps, other))
    length = one.shape[-1]

    def alike(step: int) -> float:
        here = one[..., max(0, step) : length + min(0, step)]
        there = two[..., max(0, -step) : length - max(0, step)]
        return float(np.corrcoef(here.ravel(), there.ravel())[0, 1])

    found = [alike(step) for step in range(-MOST, MOST + 1)]
    return peak(found) - MOST


def peak(values: Sequence[float]) -> float:
    """Where the highest value lies, by the parabola through it and its neighbours."""
    best = int(np.argmax(values))
    if not 0 < best < len(values) - 1:
        return best
    before, at, after = values[best - 1 : best + 2]
    return best + 0.5 * (before - after) / (before - 2 * at + after)


@torch.enable_grad()
def field(level: int) -> float:
    """How many pixels right of its middle the field of a cell lies."""
    with torch.inference_mode(False):
        torch.manual_seed(0)
        backbone = build_backbone("mobilenet-v2-1280").double().eval()
        for parameter in backbone.parameters():
            if parameter.ndim == 4:
                parameter.data.abs_()  # nothing cancels
        pixels = torch.rand(1, 3, 32, 1088, dtype=torch.float64, requires_grad=True)
        features = backbone(pixels)[level - 1]
        cell = features.shape[-1] // 2
        (gradient,) = torch.autograd.grad(features[..., cell].sum(), pixels)
        reached = gradient.abs().sum(dim=(0, 1, 2)).nonzero()[:, 0] + 0.5
        return float(reached[0] + reached[-1]) / 2 - (cell + 0.5) * 2**level


if __name__ == "__main__":
    main()
