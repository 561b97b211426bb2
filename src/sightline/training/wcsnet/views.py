"""Views of targets for Gaze2Mask-Net and WCS-Net, kept on disk as frozen backbone features.

The backbone stays as it was pretrained, so its features of a view never change: they are computed once, kept as
float16 (about 1 MB a view), and shared by every network, fold and ablation that asks for the same views.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from torch import Tensor

from sightline.data.files import load_image
from sightline.errors import DataError
from sightline.models.wcsnet.geometry import Crop
from sightline.nn.backbones import Backbone
from sightline.nn.egnet import EGNet, predict_saliency
from sightline.nn.engine import Engine, engine_cache
from sightline.progress import track

SIZE = 256
"""Side of a view in pixels; a search crop of 320 has the same scale and a wider margin."""
PEAK = 0.5
"""Hotspot labels are where the fixation density in the object passes this part of its maximum (Sec. 3.3)."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A picture with a target: the mask (H, W), and the density of fixations (H, W) where people were recorded.

    group: scenes of one group show one target (the frames of a video). kind: pseudo, photo or video. path: the file of
    the picture.
    """

    group: str
    kind: str
    path: Path
    image: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    density: NDArray[np.float64] | None = None


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
    """Arrays on disk, one row a view: features of five levels, mask, gaze map, hotspot label; and what each is.

    features: five (N, C, h, w) float16 arrays; masks (N, SIZE/2, SIZE/2) uint8, 255 = target; gaze and hotspots
    (N, SIZE/8, SIZE/8) uint8; groups, kinds: N strings; has_hotspot: (N,) bool. The gaze maps come from an EG-Net and
    are made anew for another one; nothing else depends on it.
    """

    def __init__(self, folder: Path, gaze: EGNet, gaze_key: str) -> None:
        self.masks = np.load(folder / "masks.npy")
        self.hotspots = np.load(folder / "hotspots.npy")
        index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
        self.gaze = _gaze_maps(folder / f"gaze-{gaze_key[:16]}.npy", index["crops"], gaze)
        self.groups, self.kinds = np.array(index["groups"]), np.array(index["kinds"])
        self.has_hotspot = np.array(index["has_hotspot"])
        self.features = [
            _rows(folder / f"level{level}.raw", len(self), channels)
            for level, channels in enumerate(index["channels"], start=1)
        ]

    def __len__(self) -> int:
        return len(self.groups)


def build_bank(
    scenes: Iterator[Scene], key: str, backbone: Backbone, views: int, seed: int, backgrounds: list[Path]
) -> Path:
    """Make the files of a bank, unless they are there for the same key. Returns their folder.

    key: names everything that the views depend on. backgrounds: photographs that cut-out targets are pasted into.
    """
    folder = engine_cache() / "views" / hashlib.sha256(key.encode()).hexdigest()[:16]
    folder.parent.mkdir(parents=True, exist_ok=True)
    # The processes of one run want the same bank at the same time: one makes it, the others wait.
    with FileLock(folder.with_suffix(".lock")):
        if not folder.is_dir():
            with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
                partial = Path(temporary) / folder.name
                partial.mkdir()
                _compute(scenes, partial, backbone, views, seed, backgrounds)
                os.replace(partial, folder)
    return folder


def _compute(
    scenes: Iterator[Scene], partial: Path, backbone: Backbone, views: int, seed: int, backgrounds: list[Path]
) -> None:
    generator = np.random.default_rng(seed)
    engine = Engine(backbone, (torch.zeros(1, 3, SIZE, SIZE),))
    files = [(partial / f"level{level}.raw").open("wb") for level in range(1, 6)]
    masks, hotspots = [], []
    index: dict[str, list[object]] = {
        "groups": [],
        "kinds": [],
        "has_hotspot": [],
        "crops": [],
        "channels": [*backbone.channels],
    }
    for scene in track(scenes, "Computing the views' features"):
        for number in range(2 if scene.kind == "video" else views):
            crop = _framing(scene.mask, number, scene.kind, generator)
            image, mask = crop.take(scene.image, SIZE), crop.take_map(scene.mask, SIZE)
            hot = torch.zeros(1, 1, SIZE, SIZE)
            if scene.density is not None:
                inside = crop.take_map(scene.density, SIZE) * (mask > 0.5)
                hot = (inside > PEAK * inside.max()).float() if inside.max() > 0 else hot
            if number == 2 and backgrounds:
                image = _paste(image, mask, backgrounds, generator)
            if number:
                image = _recolour(image, generator)
            mirrored = bool(number and generator.integers(2))
            if mirrored:
                image, mask, hot = (x.flip(-1) for x in (image, mask, hot))
            for file, level in zip(files, engine(image), strict=True):
                file.write(level[0].numpy().astype(np.float16).tobytes())
            masks.append(_bytes(torch.nn.functional.avg_pool2d(mask, 2)))
            hotspots.append(_bytes(torch.nn.functional.avg_pool2d(hot, 8)))
            index["groups"].append(scene.group)
            index["kinds"].append(scene.kind)
            index["has_hotspot"].append(bool(hot.any()))
            index["crops"].append([str(scene.path), float(crop.x), float(crop.y), float(crop.side), mirrored])
    for file in files:
        file.close()
    if not masks:
        raise DataError("the recipe's sources: no target found in them; check their roots, families and splits")
    for name, rows in (("masks", masks), ("hotspots", hotspots)):
        np.save(partial / f"{name}.npy", np.stack(rows))
    (partial / "index.json").write_text(json.dumps(index), encoding="utf-8")


def _rows(path: Path, count: int, channels: int) -> NDArray[np.float16]:
    """A level's features, (count, channels, h, h) on disk; h is the level's own."""
    values = np.memmap(path, np.float16, "r")
    side = math.isqrt(len(values) // (count * channels))
    return values.reshape(count, channels, side, side)


def _gaze_maps(path: Path, crops: list[tuple[str, float, float, float, bool]], network: EGNet) -> NDArray[np.uint8]:
    """EG-Net's map of every view, (N, SIZE/8, SIZE/8) with a maximum of 255, kept at `path`.

    It looks at the whole picture; a view shows its part of that.
    """
    if path.is_file():
        return np.asarray(np.load(path))
    maps = []
    last, whole = "", np.zeros((1, 1), dtype=np.float32)
    for file, x, y, side, mirrored in track(crops, "Computing gaze maps"):
        if file != last:
            last, whole = file, predict_saliency(load_image(file), network)
        near = Crop(x, y, side).take_map(whole, SIZE // 8)
        near = near.flip(-1) if mirrored else near
        maps.append(_bytes(near / near.max().clamp_min(1e-6)))
    partial = path.with_suffix(".partial.npy")
    np.save(partial, np.stack(maps))
    os.replace(partial, path)
    return np.stack(maps)


def _paste(image: Tensor, mask: Tensor, backgrounds: list[Path], generator: np.random.Generator) -> Tensor:
    """The target cut out and put before a part of another photograph; its edge a pixel or two soft."""
    other = load_image(backgrounds[generator.integers(len(backgrounds))])
    side = generator.uniform(0.5, 1.0) * min(other.shape[:2])
    x = generator.uniform(side / 2, other.shape[1] - side / 2)
    y = generator.uniform(side / 2, other.shape[0] - side / 2)
    edge = torch.from_numpy(gaussian_filter(mask[0, 0].numpy(), 0.8))
    return edge * image + (1 - edge) * Crop(x, y, side).take(other, SIZE)


def _bytes(values: Tensor) -> NDArray[np.uint8]:
    return (values[0, 0].clamp(0, 1) * 255).round().byte().numpy()
