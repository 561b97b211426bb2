"""Shot boundaries of a video: what was remembered of one shot says nothing of the next."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from sightline.nn.config import Config


class ShotConfig(Config):
    """When a new shot begins."""

    cut_difference: float = Field(
        0.30,
        gt=0,
        le=1,
        description="distance of two frames' colour histograms, 0 to 1, above which a shot ends; motion stays below it."
        " 1 finds no cut",
    )


class ShotCuts:
    """Looks at a video frame by frame."""

    def __init__(self, config: ShotConfig) -> None:
        self.config = config
        self._last: NDArray[np.float64] | None = None

    def is_cut(self, frame: NDArray[np.uint8]) -> bool:
        """Whether a new shot begins with this frame, (H, W, 3) uint8 RGB; the first frame begins none."""
        histogram, last = _histogram(frame), self._last
        self._last = histogram
        if last is None:
            return False
        return bool(0.5 * np.abs(histogram - last).sum() > self.config.cut_difference)


def _histogram(frame: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Share of each of 512 colours among some thousands of the frame's pixels."""
    small = frame[:: max(1, frame.shape[0] // 64), :: max(1, frame.shape[1] // 64)] // 32
    codes = small[..., 0].astype(np.intp) * 64 + small[..., 1] * 8 + small[..., 2]
    return np.bincount(codes.ravel(), minlength=512) / codes.size
