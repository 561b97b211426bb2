"""The hotspot of a tracked target: a map of where on it people look, and the focal point in it.

The paper shows the network's map as it is. Ours follows EG-Net, which passes over every few frames. One pass is noisy,
but what people look at belongs to the object. So the passes are averaged in a square that moves with the target's own
pixels: a mask's box flickers, and would shake the map.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor, from_numpy

from sightline.models.wcsnet.config import HotspotConfig
from sightline.models.wcsnet.geometry import Crop
from sightline.nn.focus import Point, focus

Maps = NDArray[np.float32]


class HotspotMap:
    """Where on a target people look. All maps are (size, size) in `square`, which moves with the target."""

    def __init__(self, square: Crop, mask: Tensor, saliency: NDArray[np.floating], config: HotspotConfig) -> None:
        """square: of the frame, around the target; mask: the target in it, (h, w) in [0, 1]; saliency: (H, W)."""
        self.square, self.config = square, config
        self._saliency = self._on_target(saliency, self._soft_mask(mask, square))
        self._smoothed = (self._saliency / self._saliency.max()) ** config.exponent
        self._focus: Point | None = None

    def move(self, crop: Crop, shift: tuple[float, float]) -> None:
        """Move with the target: by shift, (x, y) in pixels of the frame, and a little to the search crop."""
        config = self.config
        x, y, side = self.square.x + shift[0], self.square.y + shift[1], self.square.side
        smallest, largest = config.jump_scales
        away = max(abs(crop.x - x), abs(crop.y - y))
        if away > config.jump * crop.side or not smallest < side / crop.side < largest:
            self.square = crop  # the shift missed a fast target, or it was lost in between
        else:
            rate = config.recentre
            self.square = Crop(x + rate * (crop.x - x), y + rate * (crop.y - y), side + rate * (crop.side - side))

    def update(self, crop: Crop, mask: Tensor, network: Tensor, saliency: NDArray[np.floating] | None = None) -> None:
        """One more frame. mask and network: probabilities of target and hotspot in the crop; saliency: (H, W), a new
        map of EG-Net."""
        config = self.config
        if saliency is not None:
            now = self._on_target(saliency, self._soft_mask(mask, crop))
            self._saliency = config.retention * self._saliency + (1 - config.retention) * now
        size = config.size
        finer = cv2.resize(network.numpy(), (size, size), interpolation=cv2.INTER_LINEAR)
        own = crop.resample(self.square, finer, size)
        mean = (self._saliency / self._saliency.max()) ** config.exponent
        combined = mean * np.maximum(own, 1e-6) ** config.network_exponent
        self._smoothed = config.smoothing * self._smoothed + (1 - config.smoothing) * combined / combined.max()

    def render(self, crop: Crop, mask: Tensor, height: int, width: int) -> tuple[NDArray[np.float32], Point]:
        """The map in the frame, (height, width) with a maximum of 1, and its focal point (x, y) in pixels."""
        config, soft_mask = self.config, self._soft_mask(mask, crop)
        inside = self._smoothed * soft_mask
        if inside.max() <= 0:
            inside = np.ones_like(soft_mask)  # a target of less than a cell
        inside = inside / inside.max()
        self._focus = focus(inside, self._focus, config.focus_width * config.size, config.focus)
        corner_x, corner_y = self.square.x - self.square.side / 2, self.square.y - self.square.side / 2
        x, y = corner_x + self.square.side * self._focus[0], corner_y + self.square.side * self._focus[1]
        placed = self.square.place(from_numpy(inside), height, width)
        return placed, (min(max(x, 0.0), width - 1.0), min(max(y, 0.0), height - 1.0))

    def _soft_mask(self, mask: Tensor, crop: Crop) -> Maps:
        """The target in the square with a soft rim."""
        side = 2 * self.config.rim + 1
        inside = crop.resample(self.square, mask.numpy(), self.config.size)
        wider = cv2.dilate(inside, np.ones((side, side), np.uint8))
        for _ in range(2):
            wider = cv2.blur(wider, (3, 3), borderType=cv2.BORDER_CONSTANT)
        return np.maximum(wider, 0.0)  # running sums leave -1e-28

    def _on_target(self, saliency: NDArray[np.floating], soft_mask: Maps) -> Maps:
        """Saliency in the square, 1 at its peak on the target and no higher elsewhere; the target if none is on it."""
        here: Maps = self.square.take_map(saliency, self.config.size)[0, 0].numpy()
        peak = float((here * soft_mask).max())
        if peak <= self.config.gaze_floor * float(saliency.max()):
            return soft_mask / max(float(soft_mask.max()), 1e-6) + np.float32(1e-6)
        return np.clip(here / np.float32(peak), 1e-6, 1.0)
