"""A model that needs no weights: it attends the brightest part of a frame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from scipy.ndimage import uniform_filter

from sightline.models.base import Predictor
from sightline.types import Clip, Frame, Hotspot, Prompt


class BrightestSpot(Predictor):
    """Saliency is a blob on the brightest region, the mask is the region around it."""

    name = "brightest"
    weights_sha256 = "0" * 64

    def __init__(self, gives: Iterable[str] = ("saliency", "probability", "masks", "hotspots")) -> None:
        self.gives = frozenset(gives)  # type: ignore[misc]

    def stream(self, clip: Clip, prompt: Prompt) -> Iterator[Frame]:
        for frame in clip.frames():
            height, width = frame.image.shape[:2]
            grey = uniform_filter(frame.image.mean(axis=2, dtype=np.float32), max(3, height // 10))
            y, x = np.unravel_index(int(grey.argmax()), grey.shape)
            distance = np.hypot(*np.ogrid[-y : height - y, -x : width - x]) / height
            blob = np.exp(-((distance / 0.15) ** 2)).astype(np.float32)
            yield Frame(
                frame.index,
                frame.time_s,
                frame.image,
                saliency=blob,
                probability=blob,
                mask=(distance < 0.2).astype(np.uint8) if "masks" in self.gives else None,
                hotspot=Hotspot(float(x), float(y), 0.9) if "hotspots" in self.gives else None,
                state="track" if frame.index else "start",
            )
