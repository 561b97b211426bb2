"""What a segment of a photograph shows: one of the twenty classes of PASCAL VOC, by DeepLab."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from sightline.nn.backbones import Backbone, build_backbone
from sightline.nn.blocks import resize
from sightline.nn.checkpoint import fill

VOC = (
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable", "dog",
    "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)  # fmt: skip
"""The classes from 1; 0 is the background."""
BACKBONE = "deeplab-mobilenet-v2"
LONGER = 513
"""Longer side of the picture as DeepLab learned it, pixels."""
AGREEMENT = 0.5
"""Share of a segment's pixels that must be of the named class."""
WHOLENESS = 0.6
"""Share that the segment must have of the region of this class that it lies in: less is a part, or one of a group."""
PRESENCE = 0.01
"""Share of a photograph that a class must cover to be in it."""
SURENESS = 0.75
"""Mean probability of its class that a region must have to be an object by itself."""
SMALLEST = (24, 72)
"""Shorter and longer side of such a region, pixels, at least: less is blurred where it is shown larger."""


class SegmentNamer:
    """Names segments.

    Parameters
    ----------
    source : str, Path or mapping of str to Tensor
        A `transformers` folder of DeepLab-MobileNetV2, "hub" for the public one, or the tensors of a
        `deeplab-mobilenet-v2` backbone, such as another network has in it.

    Raises
    ------
    WeightsError
        The weights cannot be loaded or are of another network.
    """

    def __init__(self, source: str | Path | Mapping[str, Tensor]) -> None:
        self.network: Backbone
        if isinstance(source, Mapping):
            self.network = build_backbone(BACKBONE)
            fill(self.network, dict(source), Path(BACKBONE))
        else:
            self.network = build_backbone(BACKBONE, source)
        self.network.eval()
        self._last: tuple[NDArray[np.uint8], NDArray[np.int64]] | None = None

    def __call__(self, image: NDArray[np.uint8], mask: NDArray[np.bool_]) -> str | None:
        """The class of what a mask covers.

        Parameters
        ----------
        image : ndarray of uint8, (H, W, 3)
            The photograph, RGB.
        mask : ndarray of bool, (H, W)
            The segment.

        Returns
        -------
        str or None
            One of `VOC`; None where less than `AGREEMENT` of the segment is of one class, or it is a part of something
            larger: a sleeve, one of a crowd.
        """
        if not mask.any():
            return None
        classes = self._classes(image)
        counts = np.bincount(classes[mask], minlength=len(VOC) + 1)
        best = 1 + int(counts[1:].argmax())
        if counts[best] < AGREEMENT * mask.sum():
            return None
        regions, _ = ndimage.label(classes == best)
        around = np.isin(regions, np.unique(regions[mask & (regions > 0)]))
        return VOC[best - 1] if (around & mask).sum() >= WHOLENESS * around.sum() else None

    def objects(self, image: NDArray[np.uint8]) -> Iterator[tuple[str, NDArray[np.bool_]]]:
        """The objects of a photograph (H, W, 3) that are whole: regions of one class that do not touch the border.

        Yields
        ------
        tuple of str and ndarray of bool, (H, W)
            One of `VOC`, and where it is, without holes.
        """
        scores = self._scores(image)
        classes = scores.argmax(axis=0)
        for number in np.unique(classes[classes > 0]).tolist():
            regions, _ = ndimage.label(classes == number)
            for index, (rows, columns) in enumerate(ndimage.find_objects(regions), 1):
                shorter, longer = sorted((rows.stop - rows.start, columns.stop - columns.start))
                inside = rows.start > 0 and columns.start > 0
                inside &= rows.stop < classes.shape[0] and columns.stop < classes.shape[1]
                if not inside or shorter < SMALLEST[0] or longer < SMALLEST[1]:
                    continue
                region = regions == index
                if scores[number][region].mean() >= SURENESS:
                    yield VOC[number - 1], ndimage.binary_fill_holes(region)

    def shows(self, image: NDArray[np.uint8]) -> set[str]:
        """The classes that are in a photograph (H, W, 3): those that cover at least `PRESENCE` of it."""
        counts = np.bincount(self._classes(image).ravel(), minlength=len(VOC) + 1)
        return {name for name, count in zip(VOC, counts[1:], strict=True) if count >= PRESENCE * counts.sum()}

    def _classes(self, image: NDArray[np.uint8]) -> NDArray[np.int64]:
        """The class of each pixel, (H, W). The last photograph's are kept: its segments come one after another."""
        if self._last is None or not np.array_equal(self._last[0], image):
            self._last = (image, self._scores(image).argmax(axis=0))
        return self._last[1]

    def _scores(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The probability of each class, the background's first, at each pixel: (21, H, W)."""
        scale = LONGER / max(image.shape[:2])
        size = (max(32, round(image.shape[0] * scale)), max(32, round(image.shape[1] * scale)))
        with torch.inference_mode():
            pixels = torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float() / 255
            scores = self.network(resize(pixels, size))[-1][:, -(len(VOC) + 1) :]
            found: NDArray[np.float32] = resize(scores, image.shape[:2])[0].numpy()
        return found
