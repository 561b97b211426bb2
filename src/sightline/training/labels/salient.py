"""Soft masks of what stands out in photographs that people looked at, by a salient-object network.

The network (U2-Net: Qin et al., 2020) looks at the whole picture, and again at a crop around what most viewers looked
at. It has seen masks: what learns from its maps says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from sightline.data.files import load_image
from sightline.data.samples import FixationImage
from sightline.fixations import grid_density
from sightline.progress import track
from sightline.training.cache import Features, Writer, cached
from sightline.training.digest import code_of
from sightline.training.labels.boxes import SIDE, SaliencyOfBox

KEPT = SIDE // 2
"""Side of the maps that are kept, in pixels."""
CROP = 0.6
"""Side of the crop around what is looked at, in parts of the picture's shorter side."""
BLUR = 0.03
"""Blur of the fixations that tell where the crop is, in parts of the longer side."""
SMALLEST, LARGEST = 0.005, 0.6
"""Shares of the picture that an object may take."""
CUT = 0.1
"""The most of an object's outline that may lie on the border of the crop: more of it is outside."""
SAME = 0.7
"""IoU above which two objects are one."""
PER_LOOK = 2
"""Objects of one look, the largest."""


@dataclass(frozen=True, slots=True)
class Salient:
    """An object that the network sees: its mask (H, W), and how likely each pixel belongs to it, (H, W) in [0, 1]."""

    mask: NDArray[np.bool_]
    soft: NDArray[np.float32]


def looks(samples: Sequence[FixationImage], model: Path) -> Features:
    """What the network says of each photograph: two rows, of the whole and of the crop around what is looked at.

    map: (KEPT, KEPT) uint8, 255 = 1, of the crop stretched to a square; zero where it sees nothing. crop: x1, y1, x2,
    y2 in pixels. peak: x, y of the most viewed point. Kept on disk.
    """
    graph = next(iter(sorted(model.glob("*.onnx"))), model) if model.is_dir() else model

    def make(writer: Writer) -> None:
        network = SaliencyOfBox(graph)
        for sample in track(samples, "Salient objects of photographs"):
            image = load_image(sample.image_path)
            height, width = image.shape[:2]
            points = sample.fixations_at(height, width)
            density = grid_density(points, (height, width), BLUR * max(height, width))
            y, x = (int(place) for place in np.unravel_index(int(density.argmax()), density.shape))
            for x1, y1, x2, y2 in ((0, 0, width, height), _around(x, y, (height, width))):
                found = network.saliency(image[y1:y2, x1:x2])
                nothing = np.zeros((KEPT, KEPT), np.float32)
                small = nothing if found is None else cv2.resize(found, (KEPT, KEPT), interpolation=cv2.INTER_AREA)
                writer.add(
                    map=np.rint(255 * small.clip(0, 1)).astype(np.uint8),
                    crop=np.array([x1, y1, x2, y2], np.int32),
                    peak=np.array([x, y], np.int32),
                )

    return cached("salient", [code_of(__name__), graph, samples], make)


def _around(x: int, y: int, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """The square crop about a point, moved into the picture."""
    height, width = size
    side = max(1, round(CROP * min(size)))
    left, top = min(max(0, x - side // 2), width - side), min(max(0, y - side // 2), height - side)
    return left, top, left + side, top + side


def objects_of(rows: Sequence[dict[str, NDArray[np.generic]]], size: tuple[int, int]) -> Iterator[Salient]:
    """The objects of one photograph's looks, those of the whole first.

    An object is a connected part of the map above one half whose pixels are sure ones. Of a crop it is the part that is
    looked at, where the crop does not cut it and the whole has not shown it.

    rows: `looks` of the photograph. size: its height and width.
    """
    shown: list[NDArray[np.bool_]] = []
    for number, row in enumerate(rows):
        x1, y1, x2, y2 = (int(value) for value in row["crop"])
        soft = np.zeros(size, np.float32)
        near = cv2.resize(np.asarray(row["map"], np.uint8), (x2 - x1, y2 - y1), interpolation=cv2.INTER_LINEAR)
        soft[y1:y2, x1:x2] = near / np.float32(255)
        regions, count = ndimage.label(soft > 0.5)
        areas = np.bincount(regions.ravel(), minlength=count + 1)[1:]
        wanted = [int(index) + 1 for index in np.argsort(-areas)[:PER_LOOK]]
        if number:
            x, y = (int(value) for value in row["peak"])
            wanted = [int(regions[y, x])] if regions[y, x] else []
        for region in wanted:
            mask = regions == region
            own = np.where(mask | (regions == 0), soft, 0)
            if not SMALLEST <= mask.mean() <= LARGEST or not _sure(own, mask):
                continue
            if number and (_cut(mask, (x1, y1, x2, y2)) or any(_iou(mask, other) > SAME for other in shown)):
                continue
            shown.append(mask)
            yield Salient(mask, _near(own, mask))


def _sure(soft: NDArray[np.float32], mask: NDArray[np.bool_]) -> bool:
    """Whether the IoU of mask and object is high where the map is taken for probabilities."""
    around = ndimage.binary_dilation(mask, iterations=max(1, round(0.02 * max(mask.shape)))) & ~mask
    return bool(soft[mask].sum() / (mask.sum() + soft[around].sum()) >= SaliencyOfBox.confidence)


def _near(soft: NDArray[np.float32], mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The map of one object: that of others beside it is left out."""
    reach = ndimage.binary_dilation(mask, iterations=max(1, round(0.02 * max(mask.shape))))
    return np.where(reach, soft, 0).astype(np.float32)


def _cut(mask: NDArray[np.bool_], crop: tuple[int, int, int, int]) -> bool:
    """Whether much of the outline lies on a side of the crop that is none of the picture's."""
    x1, y1, x2, y2 = crop
    height, width = mask.shape
    inner = mask[y1:y2, x1:x2]
    sides = [(x1 > 0, inner[:, 0]), (x2 < width, inner[:, -1]), (y1 > 0, inner[0]), (y2 < height, inner[-1])]
    on_border = sum(int(side.sum()) for cuts, side in sides if cuts)
    outline = int((mask & ~ndimage.binary_erosion(mask)).sum())
    return on_border > CUT * outline


def _iou(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    return float((first & second).sum() / max(int((first | second).sum()), 1))
