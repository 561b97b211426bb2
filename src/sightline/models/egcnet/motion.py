"""The motion that guides EGCNet: how surely each place moves against the background since a moment ago."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from sightline.models.wcsnet.motion import independent_motion, thumbnail

LAG = 3
"""Frames between the two that are compared; the first frames are compared with the one LAG after them."""
LONGER_SIDE = 128


class MotionCue:
    """Goes along a video, LAG frames behind its end."""

    def over(self, frames: Iterable[NDArray[np.uint8]]) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.float32]]]:
        """Every frame (H, W, 3) uint8 with its motion (h, w) float32 in [0, 1], in order."""
        waiting: deque[tuple[NDArray[np.uint8], NDArray[np.float32]]] = deque()
        seen: deque[NDArray[np.float32]] = deque(maxlen=LAG + 1)
        for index, image in enumerate(frames):
            small = thumbnail(image, LONGER_SIDE)
            seen.append(small)
            if index < LAG:
                waiting.append((image, small))
                continue
            while waiting:
                first, early = waiting.popleft()
                yield first, independent_motion(early, [small])
            yield image, independent_motion(small, [seen[0]])
        while waiting:  # a video of LAG frames or fewer, or a picture
            first, early = waiting.popleft()
            others = [seen[-1]] if len(seen) > 1 and seen[-1] is not early else []
            yield first, independent_motion(early, others)
