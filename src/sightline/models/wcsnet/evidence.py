"""What tells a target from its surroundings beside the network: where its pixels went, what moves, and its colours.

Ours, not the paper's: a template of pooled features cannot tell the dancer from the crowd behind, and the video can.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor, from_numpy

from sightline.models.motion import LEAD, MotionCue, camera_in, gather, independent, thumbnail
from sightline.models.wcsnet.geometry import CONTEXT, Crop

MOTIONS, SHADES = 8, 8
"""Steps in which motion is counted, and each of red, green and blue."""
HABIT = 0.9
"""Share of the past in the colours of the target and of what is around it."""
REACH, CREEP = 0.15, 0.05
"""How far beyond its last mask a target can be in the next frame, and how far on a rival, in parts of the crop's side
divided by CONTEXT."""
LIMIT = 2.0
"""Most that motion or colour can say, in log-odds; the followed mask says half of that."""

Maps = NDArray[np.float32]
Histogram = NDArray[np.float64]


class Change(NamedTuple):
    """A frame beside the one before, at a thumbnail's size: itself (h, w) uint8, the flow (h, w, 2) to where each pixel
    was, and how surely each moves against the background, (h, w) in [0, 1]."""

    small: NDArray[np.uint8]
    flow: Maps
    moving: Maps


def change(frame: NDArray[np.uint8], before: NDArray[np.uint8]) -> Change:
    """frame: (H, W, 3) uint8; before: thumbnail of the one before. No target has to be known for it."""
    small = thumbnail(frame)
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    flow: Maps = dis.calc(small, before, np.zeros((*small.shape, 2), np.float32))
    return Change(small, flow, independent(flow, camera_in(flow)))


class Evidence:
    """Goes along a video with one target; memory is constant.

    A frame's turn is `step`, then `look` at a crop, `weigh` the network's mask in it, and `keep` what came of it.
    moving: (h, w) in [0, 1], at a thumbnail's size, how surely each pixel moves against the background. small: the
    thumbnail of the frame it has come to.
    """

    def __init__(self, frame: NDArray[np.uint8], following: Sequence[NDArray[np.uint8]] = ()) -> None:
        """frame: (H, W, 3) uint8, the first; following: those after it, of which LEAD count."""
        self.moving, self._flow = next(MotionCue(shown=False).over([frame, *islice(following, LEAD)]))[1]
        self.small = thumbnail(frame)
        self._size = np.array(frame.shape[1::-1], dtype=np.float32)
        self._scale = np.array(self.small.shape[::-1], dtype=np.float32) / self._size
        self._target = self._rivals = np.zeros((1, 1), np.float32)
        self._crop = Crop(0, 0, 1)
        self._colours: tuple[Histogram, Histogram] | None = None

    def step(self, changed: Change) -> None:
        """Go on to the next frame."""
        small, self._flow, moving = changed
        self.moving = gather(self.moving, moving, small, self.small, self._flow)
        self.small = small

    def before(self, places: Maps) -> Maps:
        """Where what is at some places (h, w, 2), x and y in pixels of the frame, was in the frame before."""
        return np.asarray(places + self._sample(self._flow, places) / self._scale, dtype=np.float32)

    def look(self, search: Tensor, crop: Crop, cells: int) -> None:
        """search: a crop's pixels (1, 3, H, W) in [0, 1]; cells: the side of the maps that are asked for."""
        self._seen = crop
        places = crop.places(cells)
        self._inside = np.all((places >= 0) & (places < self._size), axis=2).astype(np.float32)
        past = self.before(places)
        self.followed = self._crop.sample(self._target, past)
        """The target of the frame before, its pixels followed into this one: (cells, cells) in [0, 1]."""
        self.rivals = self._crop.sample(self._rivals, past)
        """What the network has taken for the target ever since that was chosen, but is not; likewise."""
        on_target = (past - places)[self.followed > 0.5]
        x, y = -np.median(on_target, axis=0) if len(on_target) else (0.0, 0.0)
        self.shift = (float(x), float(y))
        """How far the target has moved since the frame before, (x, y) in pixels of the frame."""
        self._moves = self._sample(self.moving, places)
        small = cv2.resize(search[0].permute(1, 2, 0).numpy(), (cells, cells), interpolation=cv2.INTER_AREA)
        shades = np.minimum((small * SHADES).astype(np.intp), SHADES - 1)
        self._codes = (shades[..., 0] * SHADES + shades[..., 1]) * SHADES + shades[..., 2]

    def weigh(self, mask: Tensor) -> Tensor:
        """The network's mask (cells, cells), probabilities, after what the followed target, motion and colour say."""
        odds = 2 * self.followed - 1
        steps = np.clip(self._moves * MOTIONS - 0.5, 0, MOTIONS - 1)
        says = _log_ratio(*self._count(steps.round().astype(np.intp), MOTIONS, self.followed))
        odds = odds + self._inside * np.interp(steps, np.arange(MOTIONS), says)
        if self._colours is not None:
            says = _log_ratio(*self._colours)
            odds = odds + self._inside * cv2.blur(says[self._codes], (3, 3))
        return (mask.logit(1e-4) + from_numpy(odds.astype(np.float32))).sigmoid()

    def reachable(self) -> Tensor:
        """1 where the target can be, after where its last mask went, 0 elsewhere: (cells, cells). Look-alikes further
        off are left out, and over rivals that it touches it spreads but slowly."""
        near, next_to = (_wider(self.followed, by) for by in (REACH, CREEP))
        return from_numpy(np.where(self.rivals > 0.5, next_to, near))

    def keep(self, mask: Tensor, taken: Tensor, chosen: bool = False) -> None:
        """What came out: the target in the crop that was looked at, (cells, cells) in [0, 1], and what the network
        alone took for it, likewise. chosen: whether it is another target than before, or the first."""
        self._target, self._crop = mask.numpy().copy(), self._seen
        self._rivals = taken.numpy() * (1 - self._target)
        if not chosen:
            self._rivals = self._rivals * _wider(self.rivals, CREEP)
        now = self._count(self._codes, SHADES**3, self._target)
        before = now if chosen or self._colours is None else self._colours
        self._colours = (HABIT * before[0] + (1 - HABIT) * now[0], HABIT * before[1] + (1 - HABIT) * now[1])

    def _sample(self, values: Maps, places: Maps) -> Maps:
        x, y = np.moveaxis(places * self._scale - np.float32(0.5), 2, 0)
        return np.asarray(cv2.remap(values, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))

    def _count(self, codes: NDArray[np.intp], number: int, target: Maps) -> tuple[Histogram, Histogram]:
        """Shares of each code among the target's cells and among the others."""
        on, off = (np.bincount(codes.ravel(), (part * self._inside).ravel(), number) for part in (target, 1 - target))
        return on / max(on.sum(), 1e-6), off / max(off.sum(), 1e-6)


def _wider(mask: Maps, by: float) -> Maps:
    """1 in a mask (cells, cells) and around it, 0 elsewhere."""
    side = 2 * max(1, round(by * mask.shape[-1] / CONTEXT)) + 1
    return np.asarray(cv2.dilate((mask > 0.5).astype(np.float32), np.ones((side, side), np.uint8)))


def _log_ratio(on: Histogram, off: Histogram) -> Histogram:
    """What each code says for the target, in log-odds; next to nothing where it is rare in both."""
    rare = 0.25 / len(on)
    return np.clip(np.log((on + rare) / (off + rare)), -LIMIT, LIMIT)
