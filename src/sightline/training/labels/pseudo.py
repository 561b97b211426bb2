"""Pseudo-instances: what DeepLab finds in photographs, as objects to train on without a mask drawn by a person."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from sightline.nn.backbones import Backbone, DeepLabLevel
from sightline.nn.blocks import resize
from sightline.nn.engine import Engine

INPUT_SIZE = (384, 512)
"""(height, width) that landscapes are brought to; portraits to its transpose."""
CLASSES = 21


class PseudoLabeller:
    """Finds connected regions of one PASCAL VOC class.

    backbone: `deeplab-mobilenet-v2`, pretrained. min_area, max_area: in parts of the picture. confidence: mean
    probability of the class in a region.
    """

    def __init__(
        self, backbone: Backbone, min_area: float = 0.01, max_area: float = 0.6, confidence: float = 0.8
    ) -> None:
        assert isinstance(backbone.stages[-1], DeepLabLevel)
        self.engines = {size: Engine(backbone, (torch.zeros(1, 3, *size),)) for size in (INPUT_SIZE, INPUT_SIZE[::-1])}
        self.min_area, self.max_area, self.confidence = min_area, max_area, confidence

    def __call__(self, image: NDArray[np.uint8]) -> list[NDArray[np.bool_]]:
        """Masks (H, W) of what is in `image`, (H, W, 3) uint8 RGB, largest first."""
        height, width = image.shape[:2]
        size = INPUT_SIZE if width >= height else INPUT_SIZE[::-1]
        small = Image.fromarray(image).resize(size[::-1], Image.Resampling.BILINEAR)
        pixels = torch.from_numpy(np.array(small)).permute(2, 0, 1)[None].float() / 255
        probabilities = resize(self.engines[size](pixels)[-1][:, -CLASSES:], (height, width))[0]
        best, labels = probabilities.max(dim=0)
        found = []
        for label in labels.unique().tolist():
            if label == 0:
                continue
            regions, count = ndimage.label((labels == label).numpy())
            for number in range(1, count + 1):
                region = regions == number
                if self.min_area <= region.mean() <= self.max_area and best.numpy()[region].mean() >= self.confidence:
                    found.append(region)
        return sorted(found, key=lambda region: -int(region.sum()))
