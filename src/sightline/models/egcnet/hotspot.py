"""The focal point of where viewers look, on the object, along a video.

A frame's density flickers, and its mask does. Both are averaged while they move on with their pixels.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from sightline.models.egcnet.config import HotspotConfig
from sightline.models.egcnet.trail import warp_points
from sightline.nn.focus import Point, focus, nearest_on_mask
from sightline.nn.motion import warp


class HotspotTrack:
    """Goes along a video, frame after frame; memory is constant."""

    def __init__(self, config: HotspotConfig) -> None:
        self.config = config
        self._density: NDArray[np.float32] | None = None
        self._focus: Point | None = None

    def step(
        self, density: NDArray[np.float32], mask: NDArray[np.uint8], flow: NDArray[np.float32]
    ) -> tuple[float, float] | None:
        """The next frame's focal point (x, y), in pixels of the mask and on it; None where the mask is empty.

        density: (h, w), where viewers look; mask: (H, W), 1 on the object; flow: (r, c, 2), as in Motion.
        """
        size = flow.shape[1::-1]
        on_object: NDArray[np.float32] = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA)
        if not on_object.any():
            self._density = self._focus = None
            return None
        now = np.asarray(cv2.resize(density, size)) * on_object
        now = now / now.max() if now.max() > 0 else on_object  # nobody looks at the object: all of it counts
        if self._density is None or self._focus is None:
            self._density, before = now, None
        else:
            retention = self.config.retention
            self._density = retention * warp(self._density, flow) + (1 - retention) * now
            x, y = warp_points(np.array([self._focus]), flow)[0]
            before = (float(x), float(y))
        width = self.config.focus_width * math.sqrt(on_object.sum())
        self._focus = focus(self._density, before, width, self.config.focus)
        rows, columns = mask.shape
        return nearest_on_mask(mask > 0, (self._focus[0] * columns, self._focus[1] * rows))
