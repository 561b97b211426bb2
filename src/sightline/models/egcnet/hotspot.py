"""The focal point of attention on the object, along a video.

A frame's attention flickers, and its mask does: both are averaged while they move on with their pixels.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from sightline.models.egcnet.gaze import carried
from sightline.nn.focus import Point, focus, onto
from sightline.nn.motion import follow

HABIT = 0.8
"""Share of the past in the attention that a peak is sought in."""
NEARBY = 0.25
"""Standard deviation of the window in which the focal point climbs, in parts of the root of the mask's area."""


class HotspotTrack:
    """Goes along a video, frame after frame; memory is constant."""

    def __init__(self) -> None:
        self._attention: NDArray[np.float32] | None = None
        self._focus: Point | None = None

    def focus(
        self, density: NDArray[np.float32], mask: NDArray[np.uint8], flow: NDArray[np.float32]
    ) -> tuple[float, float] | None:
        """The next frame's focal point (x, y), in pixels of the mask and on it; None where the mask is empty.

        density: (h, w), where people look; mask: (H, W), 1 on the object; flow: (r, c, 2), as in Motion.
        """
        size = flow.shape[1::-1]
        on_object: NDArray[np.float32] = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA)
        if not on_object.any():
            self._attention = self._focus = None
            return None
        now = np.asarray(cv2.resize(density, size)) * on_object
        now = now / now.max() if now.max() > 0 else on_object  # nobody looks at the object: all of it counts
        if self._attention is None or self._focus is None:
            self._attention, before = now, None
        else:
            self._attention = HABIT * follow(self._attention, flow) + (1 - HABIT) * now
            x, y = carried(np.array([self._focus]), flow)[0]
            before = (float(x), float(y))
        self._focus = focus(self._attention, before, NEARBY * math.sqrt(on_object.sum()))
        height, width = mask.shape
        return onto(mask > 0, (self._focus[0] * width, self._focus[1] * height))
