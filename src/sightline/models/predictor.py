"""What every model offers: frames in, results out, one at a time."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.errors import UsageError
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

    def require(self, *names: str) -> None:
        """Raise UsageError where `stream` does not take one of `names` beside the frames."""
        takes = inspect.signature(self.stream).parameters
        for name in names:
            if name not in takes:
                raise UsageError(f"{self.name} takes no {name}; `sightline models` says which model does")

    def predict(self, source: Input, fps: float = 25.0, **given: Any) -> Iterator[Frame]:
        """Results of a video, image, folder, array or iterable, frame by frame.

        fps: frames per second of a source without times of its own. given: what the model's `stream` takes beside the
        frames. Decoding runs ahead in a thread of its own. Raises UsageError for what the model does not take,
        SourceError where the source cannot be read.
        """
        self.require(*given)
        with open_source(source, fps=fps) as opened:
            yield from self.stream(prefetch(opened, queue_length(opened.size)), **given)
