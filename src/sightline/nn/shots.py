"""Where the shots of a video begin: what was remembered of one says nothing of the next."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

CUT_DIFFERENCE = 0.30
"""The distance of two frames' colour histograms, in [0, 1], that no motion reaches."""


class ShotCuts:
    """Looks at a video frame by frame."""

    def __init__(self) -> None:
        self._last: NDArray[np.float64] | None = None

    def look(self, frame: NDArray[np.uint8]) -> bool:
        """Whether another shot begins with this frame, (H, W, 3) uint8 RGB; not with the first."""
        found, last = _histogram(frame), self._last
        self._last = found
        return last is not None and bool(0.5 * np.abs(found - last).sum() > CUT_DIFFERENCE)


def _histogram(frame: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Share of each of 512 colours among some thousands of the frame's pixels."""
    small = frame[:: max(1, frame.shape[0] // 64), :: max(1, frame.shape[1] // 64)] // 32
    codes = small[..., 0].astype(np.intp) * 64 + small[..., 1] * 8 + small[..., 2]
    return np.bincount(codes.ravel(), minlength=512) / codes.size
