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
from scipy import ndimage
from torch import Tensor, from_numpy

from sightline.models.wcsnet.geometry import CONTEXT, Crop
from sightline.nn.motion import LEAD, MotionCue, camera_in, gather, independent, thumbnail

MOTIONS, SHADES = 8, 8
"""Steps in which motion is counted, and each of red, green and blue."""
HABIT = 0.9
"""Share of the past in the colours of the target and of what is around it."""
REACH, CREEP = 0.15, 0.05
"""How far beyond its last mask a target can be in the next frame, and how far on a rival, in parts of the crop's side
divided by CONTEXT."""
OTHER = 30.0
"""Change in red, green or blue (0 to 255) at which a pixel is hardly the one of the frame before."""
CUT = 0.97
"""Share of a rival that stays one in a frame where the network does not take it for the target."""
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

    A frame's turn is `step`, then `look` at a crop, `weigh` the network's mask in it, and `keep` what came of it; or
    `lose`, and from the next frame on `recognise` in the place of `weigh`, until the target is back.
    moving: (h, w) in [0, 1], at a thumbnail's size, how surely each pixel moves against the background. small: the
    thumbnail of the frame it has come to.
    """

    def __init__(self, frame: NDArray[np.uint8], following: Sequence[NDArray[np.uint8]] = ()) -> None:
        """frame: (H, W, 3) uint8, the first; following: those after it, of which LEAD count."""
        self.moving, self._flow = next(MotionCue(shown=False).over([frame, *islice(following, LEAD)]))[1]
        self.small = thumbnail(frame)
        self._size = np.array(frame.shape[1::-1], dtype=np.float32)
        self._scale = np.array(self.small.shape[::-1], dtype=np.float32) / self._size
        rows, columns = np.indices(self.small.shape, dtype=np.float32) + np.float32(0.5)
        self._pixels: Maps = np.stack([columns, rows], axis=2) / self._scale
        self._target = np.zeros((1, 1), np.float32)
        self._crop = Crop(0, 0, 1)
        self._rivals = np.zeros(self.small.shape, np.float32)
        self._colours: tuple[Histogram, Histogram] | None = None
        self._new: Maps | None = None
        self._shades = np.zeros((*self.small.shape, 3), np.float32)

    def step(self, changed: Change, frame: NDArray[np.uint8]) -> None:
        """Go on to the next frame, (H, W, 3) uint8."""
        small, self._flow, moving = changed
        self.moving = gather(self.moving, moving, small, self.small, self._flow)
        past = self.before(self._pixels)
        self._rivals = self._sample(self._rivals, past, beyond=0)
        if self._new is not None:
            before, self._shades = self._shades, self._shades_of(frame)
            worse = np.abs(self._shades - self._sample(before, past)).max(axis=2)
            known = np.clip(2 * np.exp(-((cv2.blur(worse, (5, 5)) / OTHER) ** 2)), 0, 1)
            self._new = 1 - known * self._sample(1 - self._new, past, beyond=0)
        self.small = small

    def before(self, places: Maps) -> Maps:
        """Where what is at some places (h, w, 2), x and y in pixels of the frame, was in the frame before."""
        return np.asarray(places + self._sample(self._flow, places) / self._scale, dtype=np.float32)

    def look(self, search: Tensor, crop: Crop, cells: int) -> None:
        """search: a crop's pixels (1, 3, H, W) in [0, 1]; cells: the side of the maps that are asked for."""
        self._seen = crop
        places = self._places = crop.places(cells)
        self._inside = np.all((places >= 0) & (places < self._size), axis=2).astype(np.float32)
        past = self.before(places)
        self.followed = self._crop.sample(self._target, past)
        """The target of the frame before, its pixels followed into this one: (cells, cells) in [0, 1]."""
        self.rivals = self._sample(self._rivals, places)
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
        return _with(mask, odds + self._by_colour())

    def lose(self, frame: NDArray[np.uint8]) -> None:
        """The target is not in this frame: from now on it may be in the crop where it was last, but for its rivals, and
        in what comes into view."""
        if self._new is None:
            self._shades = self._shades_of(frame)
            near = self._crop.sample(np.ones_like(self._target), self._pixels)
            self._new = near * (1 - self._rivals)

    def recognise(self, mask: Tensor) -> Tensor:
        """The network's mask (cells, cells) of a lost target, after what its colours say, without the parts that have
        been in view all the time: those are rivals."""
        assert self._new is not None
        likely = _with(mask, self._by_colour())
        parts, count = ndimage.label(likely.numpy() > 0.5)
        shares = ndimage.mean(self._sample(self._new, self._places), parts, index=np.arange(1, count + 1))
        known = np.concatenate([[False], np.asarray(shares) <= 0.5])[parts]
        rivals = self._seen.sample(known.astype(np.float32), self._pixels)
        self._rivals = np.maximum(self._rivals, rivals)
        self._new = self._new * (1 - rivals)  # they stay what they are, however their looks change
        return likely * from_numpy((~known).astype(np.float32))

    def reachable(self) -> Tensor:
        """1 where the target can be, after where its last mask went, 0 elsewhere: (cells, cells). Look-alikes further
        off are left out, and over rivals that it touches it spreads but slowly."""
        near, next_to = (_wider(self.followed, by) for by in (REACH, CREEP))
        return from_numpy(np.where(self.rivals > 0.5, next_to, near))

    def keep(self, mask: Tensor, taken: Tensor, chosen: bool = False) -> None:
        """What came out: the target in the crop that was looked at, (cells, cells) in [0, 1], and what the network
        alone took for it, likewise. chosen: whether it is another target than before, or the first."""
        self._target, self._crop, self._new = mask.numpy().copy(), self._seen, None
        rivals, elsewhere = taken.numpy(), self._rivals
        if chosen:
            elsewhere = np.zeros_like(elsewhere)
        else:  # the network does not see what the crop cuts off
            rivals = np.maximum(rivals * _wider(self.rivals, CREEP), CUT * self.rivals)
        looked_at = self._crop.sample(np.ones_like(rivals), self._pixels)
        found = self._crop.sample(rivals * (1 - self._target), self._pixels)
        self._rivals = looked_at * found + (1 - looked_at) * elsewhere
        now = self._count(self._codes, SHADES**3, self._target)
        before = now if chosen or self._colours is None else self._colours
        self._colours = (HABIT * before[0] + (1 - HABIT) * now[0], HABIT * before[1] + (1 - HABIT) * now[1])

    def _by_colour(self) -> NDArray[np.float64]:
        """What colours say for the target in the crop that is looked at, in log-odds (cells, cells)."""
        if self._colours is None:
            return np.zeros(self._codes.shape)
        return np.asarray(self._inside * cv2.blur(_log_ratio(*self._colours)[self._codes], (3, 3)))

    def _shades_of(self, frame: NDArray[np.uint8]) -> Maps:
        small = cv2.resize(frame, self.small.shape[::-1], interpolation=cv2.INTER_AREA)
        return np.asarray(small, dtype=np.float32)

    def _sample(self, values: Maps, places: Maps, beyond: float | None = None) -> Maps:
        """A map of the whole frame, (h, w) or (h, w, 3), at some places of it, bilinear. beyond: its value outside of
        the frame, that of the border if not given."""
        x, y = np.moveaxis(places * self._scale - np.float32(0.5), 2, 0)
        border = cv2.BORDER_REPLICATE if beyond is None else cv2.BORDER_CONSTANT
        return np.asarray(cv2.remap(values, x, y, cv2.INTER_LINEAR, borderMode=border, borderValue=beyond or 0))

    def _count(self, codes: NDArray[np.intp], number: int, target: Maps) -> tuple[Histogram, Histogram]:
        """Shares of each code among the target's cells and among the others."""
        on, off = (np.bincount(codes.ravel(), (part * self._inside).ravel(), number) for part in (target, 1 - target))
        return on / max(on.sum(), 1e-6), off / max(off.sum(), 1e-6)


def _wider(mask: Maps, by: float) -> Maps:
    """1 in a mask (cells, cells) and around it, 0 elsewhere."""
    side = 2 * max(1, round(by * mask.shape[-1] / CONTEXT)) + 1
    return np.asarray(cv2.dilate((mask > 0.5).astype(np.float32), np.ones((side, side), np.uint8)))


def _with(mask: Tensor, odds: NDArray[np.float64]) -> Tensor:
    """Probabilities (cells, cells) after evidence in log-odds."""
    return (mask.logit(1e-4) + from_numpy(odds.astype(np.float32))).sigmoid()


def _log_ratio(on: Histogram, off: Histogram) -> Histogram:
    """What each code says for the target, in log-odds; next to nothing where it is rare in both."""
    rare = 0.25 / len(on)
    return np.clip(np.log((on + rare) / (off + rare)), -LIMIT, LIMIT)
