"""The hotspot of a tracked target: a map of where on it people look, and the focal point in it.

The paper shows the network's map as it is. Ours is drawn mainly by EG-Net, which looks again every few frames. Each
look is noisy, but what people look at belongs to the object, so the looks are averaged in a square that moves with the
target's own pixels: a mask's box flickers, and would shake the map.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from sightline.models.wcsnet.geometry import Crop
from sightline.nn.blocks import resize
from sightline.nn.focus import Point, focus

SIZE = 80
"""Side of the map in cells."""
LOOK_EVERY, HABIT = 5, 0.8
"""Frames between two looks of EG-Net; share of the past looks in their average."""
SHARPER, NETWORK = 1.25, 0.05
"""Exponents of the looks' average, and of the network's own map beside it."""
MEMORY = 0.85
"""Share of the past in the map that is shown."""
BEYOND = 2
"""Cells beyond the mask where fixations on the target still fall: masks, eyes and eye trackers err by as much."""
FAINT = 0.02
"""Gaze on the target, in parts of the map's highest value, that says nothing about where on it people look."""
RETURN = 0.05
"""How much the square goes to the search crop, a frame: it must not lose the target however the shifts add up."""
NEARBY = 0.08
"""Standard deviation of the window in which the focal point climbs, in parts of the square's side."""


class HotspotMap:
    """Where on a target people look. All maps are (SIZE, SIZE) in `square`, which moves with the target."""

    def __init__(self, square: Crop, mask: Tensor, gaze: NDArray[np.floating]) -> None:
        """square: of the frame, around the target; mask: the target in it, (h, w) in [0, 1]; gaze: (H, W)."""
        self.square = square
        self._age = 0
        self._looks = self._gaze_on(gaze, self._edge(mask, square))
        self._shown = (self._looks / self._looks.max()) ** SHARPER
        self._focus: Point | None = None

    @property
    def wants_look(self) -> bool:
        """Whether the next `update` should be given a gaze map."""
        return (self._age + 1) % LOOK_EVERY == 0

    def follow(self, crop: Crop, shift: tuple[float, float]) -> None:
        """Move with the target: by shift, (x, y) in pixels of the frame, and a little to the search crop."""
        x, y, side = self.square.x + shift[0], self.square.y + shift[1], self.square.side
        if max(abs(crop.x - x), abs(crop.y - y)) > 0.15 * crop.side or not 0.7 < side / crop.side < 1.4:
            self.square = crop  # the shift missed a fast target, or it was lost in between
        else:
            self.square = Crop(x + RETURN * (crop.x - x), y + RETURN * (crop.y - y), side + RETURN * (crop.side - side))

    def update(self, crop: Crop, mask: Tensor, network: Tensor, gaze: NDArray[np.floating] | None = None) -> None:
        """A frame more. mask and network: probabilities of target and hotspot in the crop; gaze: (H, W), a new look."""
        self._age += 1
        if gaze is not None:
            self._looks = HABIT * self._looks + (1 - HABIT) * self._gaze_on(gaze, self._edge(mask, crop))
        seen = crop.seen_from(self.square, resize(network[None, None], (SIZE, SIZE))[0, 0], SIZE)
        drawn = (self._looks / self._looks.max()) ** SHARPER * seen.clamp_min(1e-6) ** NETWORK
        self._shown = MEMORY * self._shown + (1 - MEMORY) * drawn / drawn.max()

    def read(self, crop: Crop, mask: Tensor, height: int, width: int) -> tuple[NDArray[np.float32], Point]:
        """The map in the frame, (height, width) with a maximum of 1, and its focal point (x, y) in pixels."""
        edge = self._edge(mask, crop)
        inside = self._shown * edge
        if inside.max() <= 0:
            inside = torch.ones_like(edge)  # a target of less than a cell
        inside = inside / inside.max()
        self._focus = focus(inside.numpy(), self._focus, NEARBY * SIZE)
        corner_x, corner_y = self.square.x - self.square.side / 2, self.square.y - self.square.side / 2
        x, y = corner_x + self.square.side * self._focus[0], corner_y + self.square.side * self._focus[1]
        placed = self.square.place(inside, height, width)
        return placed, (min(max(x, 0.0), width - 1.0), min(max(y, 0.0), height - 1.0))

    def _edge(self, mask: Tensor, crop: Crop) -> Tensor:
        """The target in the square with a soft rim of BEYOND cells."""
        inside = crop.seen_from(self.square, mask, SIZE)[None, None]
        wider = F.max_pool2d(inside, 2 * BEYOND + 1, stride=1, padding=BEYOND)
        return F.avg_pool2d(F.avg_pool2d(wider, 3, 1, 1), 3, 1, 1)[0, 0]

    def _gaze_on(self, gaze: NDArray[np.floating], edge: Tensor) -> Tensor:
        """A look in the square, 1 at its peak on the target and no higher elsewhere; the target if none falls on it."""
        seen = self.square.take_map(gaze, SIZE)[0, 0]
        peak = float((seen * edge).max())
        if peak <= FAINT * float(gaze.max()):
            return edge / edge.max().clamp_min(1e-6) + 1e-6
        return (seen / peak).clamp(1e-6, 1.0)
