"""What a segment of a photograph shows: one of the twenty classes of PASCAL VOC, by DeepLab."""

from __future__ import annotations

from collections.abc import Mapping
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

    def shows(self, image: NDArray[np.uint8]) -> set[str]:
        """The classes that are in a photograph (H, W, 3): those that cover at least `PRESENCE` of it."""
        counts = np.bincount(self._classes(image).ravel(), minlength=len(VOC) + 1)
        return {name for name, count in zip(VOC, counts[1:], strict=True) if count >= PRESENCE * counts.sum()}

    def _classes(self, image: NDArray[np.uint8]) -> NDArray[np.int64]:
        """The class of each pixel, (H, W). The last photograph's are kept: its segments come one after another."""
        if self._last is None or not np.array_equal(self._last[0], image):
            scale = LONGER / max(image.shape[:2])
            size = (max(32, round(image.shape[0] * scale)), max(32, round(image.shape[1] * scale)))
            with torch.inference_mode():
                pixels = torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float() / 255
                scores = self.network(resize(pixels, size))[-1][:, -(len(VOC) + 1) :]
                self._last = (image, resize(scores, image.shape[:2]).argmax(dim=1)[0].numpy())
        return self._last[1]
