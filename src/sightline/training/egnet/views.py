"""Photographs with fixations as training samples: an image and the density that its fixations have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from sightline.data.files import load_image
from sightline.data.samples import FixationImage
from sightline.fixations import fixation_counts, grid_density

LANDSCAPE = (240, 320)
"""Input size of training, (height, width), for landscapes; portraits have its transpose, so that batches stack."""


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a photograph as fractions of its size, maybe mirrored: what one augmented view shows."""

    left: float = 0.0
    top: float = 0.0
    size: float = 1.0
    mirrored: bool = False

    @staticmethod
    def random(generator: np.random.Generator, smallest: float = 0.7) -> Window:
        size = generator.uniform(smallest, 1.0)
        left, top = generator.uniform(0, 1 - size, 2)
        return Window(left, top, size, bool(generator.integers(2)))


def view(sample: FixationImage, window: Window, sigma: float) -> tuple[Tensor, Tensor, Tensor]:
    """One view of a photograph.

    sigma: standard deviation of the blur in parts of the whole photograph's longer side.
    Returns the image (3, h, w) in [0, 1], the density (1, h, w) summing to 1, and fixation counts (1, h, w); h and w
    are LANDSCAPE or its transpose.
    """
    picture = Image.fromarray(load_image(sample.image_path))
    width, height = picture.size
    size = LANDSCAPE if width >= height else LANDSCAPE[::-1]
    box = (window.left * width, window.top * height, (window.left + window.size) * width,
           (window.top + window.size) * height)  # fmt: skip
    picture = picture.resize((size[1], size[0]), Image.Resampling.BILINEAR, box=box)
    points = sample.fixations_at(height, width) - box[:2]
    points = points * (size[1] / (box[2] - box[0]), size[0] / (box[3] - box[1]))
    counts = fixation_counts(points, size)
    density = grid_density(points, size, sigma * max(size) / window.size)
    pixels = np.asarray(picture, dtype=np.float32) / 255
    if window.mirrored:
        pixels, counts, density = pixels[:, ::-1], counts[:, ::-1], density[:, ::-1]
    image = torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))
    return image, _map(density), _map(counts)


def _map(values: NDArray[np.int32] | NDArray[np.float32] | NDArray[np.float64]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values[None], dtype=np.float32))
