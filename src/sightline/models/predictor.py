"""What every model offers: frames in, results out, one at a time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sightline.results.frame import Frame
from sightline.video import Source, VideoFrame, open_source, prefetch, queue_length

Input = str | Path | NDArray[np.uint8] | Iterable[NDArray[np.uint8]] | Source
"""A path of a video, image or frame folder; uint8 RGB (H, W, 3) or (T, H, W, 3); or an iterable of (H, W, 3)."""


class Predictor(ABC):
    """A model with its weights.

    name: the model's name. weights_sha256: checksum of its weights. outputs: what it gives, of "saliency", "masks" and
    "hotspots".
    """

    name: str
    weights_sha256: str
    outputs: frozenset[str]

    @abstractmethod
    def stream(self, frames: Iterable[VideoFrame]) -> Iterator[Frame]:
        """Results of one source's frames, in their order. Holds no more than a few frames at a time."""

    def predict(self, source: Input, fps: float = 25.0) -> Iterator[Frame]:
        """Results of a video, image, folder, array or iterable, frame by frame.

        fps: frames per second of a source without times of its own. Decoding runs ahead in a thread of its own.
        Raises SourceError where the source cannot be read.
        """
        with open_source(source, fps=fps) as opened:
            yield from self.stream(prefetch(opened, queue_length(opened.size)))
