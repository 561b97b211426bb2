"""A model that needs no weights: it attends the brightest part of a frame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from scipy.ndimage import uniform_filter

from sightline.models.predictor import Predictor
from sightline.results import Frame, Hotspot
from sightline.video import VideoFrame


class BrightestSpot(Predictor):
    """Saliency is a blob on the brightest region, the mask is the region around it."""

    name = "brightest"
    weights_sha256 = "0" * 64

    def __init__(self, outputs: Iterable[str] = ("saliency", "masks", "hotspots")) -> None:
        self.outputs = frozenset(outputs)

    def stream(self, frames: Iterable[VideoFrame]) -> Iterator[Frame]:
        for frame in frames:
            height, width = frame.image.shape[:2]
            grey = uniform_filter(frame.image.mean(axis=2, dtype=np.float32), max(3, height // 10))
            y, x = np.unravel_index(int(grey.argmax()), grey.shape)
            distance = np.hypot(*np.ogrid[-y : height - y, -x : width - x]) / height
            yield Frame(
                frame.index,
                frame.time_s,
                frame.image,
                saliency=np.exp(-((distance / 0.15) ** 2)).astype(np.float32),
                mask=(distance < 0.2).astype(np.uint8) if "masks" in self.outputs else None,
                hotspot=Hotspot(float(x), float(y), 0.9) if "hotspots" in self.outputs else None,
                state="track" if frame.index else "start",
            )
