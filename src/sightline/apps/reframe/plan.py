"""From the interest of a shot's frames to the crop of each: who is kept, how large, and how the crop moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sightline.apps.reframe.config import ReframeConfig
from sightline.apps.reframe.interest import Interest
from sightline.apps.reframe.kept import Array, Kept
from sightline.apps.reframe.motion import Motion, Move, choose_motion
from sightline.apps.reframe.path import Band, Limits, Start, optimal_path
from sightline.apps.reframe.target import choose_target

Fit = Literal["crop", "pad", "blur"]
_WIDER = 1.15  # step between the sizes that are tried where a crop is too narrow


@dataclass(frozen=True)
class Segment:
    """Frames `first` to `last`, both in, that one motion covers; lost: the mean share of the interest outside."""

    first: int
    last: int
    motion: Motion
    lost: float


@dataclass(frozen=True)
class State:
    """Where a window leaves the crop: x and y with their speeds, its size over the base size with its speed."""

    x: Start
    y: Start
    scale: Start


@dataclass(frozen=True)
class Planned:
    """The crops (T, 4) of frames: x, y, width and height in pixels of the source."""

    interests: Sequence[Interest]
    regions: Array
    segments: list[Segment]

    def head(self, count: int) -> Planned:
        """Its first frames alone."""
        last = self.interests[count - 1].index
        segments = [replace(part, last=min(part.last, last)) for part in self.segments if part.first <= last]
        return Planned(self.interests[:count], self.regions[:count], segments)

    def state(self, frame: int, base: tuple[int, int]) -> State:
        """Of the crop at one of the frames but the first."""
        elapsed = max(self.interests[frame].time_s - self.interests[frame - 1].time_s, 1e-3)
        here, before = self.regions[frame], self.regions[frame - 1]
        speed = (here - before) / elapsed
        return State(
            Start(float(here[0]), float(speed[0])),
            Start(float(here[1]), float(speed[1])),
            Start(float(here[2] / base[1]), float(speed[2] / base[1])),
        )


@dataclass(frozen=True)
class Planner:
    """Plans one shot, or one window of a long one, at a time.

    Attributes
    ----------
    size
        (height, width) of the source.
    base
        (height, width) of the crop without zoom.
    fit
        What becomes of interest that does not fit: "crop" leaves it out, the others show a wider part.
    zoom
        How much the crop may shrink towards the object: 1 not at all, 2 to half of the base.
    cuts
        Whether the crop may jump to another target inside of a shot.
    """

    size: tuple[int, int]
    base: tuple[int, int]
    config: ReframeConfig
    fit: Fit = "crop"
    zoom: float = 1.0
    cuts: bool = True

    def plan(self, interests: Sequence[Interest], start: State | None = None) -> Planned:
        """The crops of a shot's frames. start: where an earlier window of the same shot left the crop."""
        times = np.array([interest.time_s for interest in interests])
        grids = np.stack([interest.grid for interest in interests])
        axis = self._free_axis
        kept = self._kept(interests, grids.sum(axis=2 - axis), axis)
        begin = None if start is None else (start.x if axis == 1 else start.y).place
        guide, jumps = choose_target(times, kept, self.base[axis], self.config, cuts=self.cuts, begin=begin)
        regions = np.empty((len(interests), 4))
        segments = []
        for first, end in zip([0, *jumps.tolist()], [*jumps.tolist(), len(interests)], strict=True):
            part = slice(first, end)
            before = start if first == 0 else None
            regions[part], move = self._piece(
                times[part], interests[first:end], grids[part], kept.part(part), guide[part], before
            )
            segments.append(Segment(interests[first].index, interests[end - 1].index, move.motion, move.lost))
        return Planned(interests, regions, segments)

    @property
    def _free_axis(self) -> int:
        """The axis along which a crop without zoom can move: 0 up and down, 1 sideways."""
        return int(self.size[1] * self.base[0] >= self.base[1] * self.size[0])

    def _kept(self, interests: Sequence[Interest], marginal: NDArray[np.floating], axis: int) -> Kept:
        ends = (0, 2) if axis == 1 else (1, 3)
        boxes = np.array([[np.nan] * 2 if i.box is None else [i.box[end] for end in ends] for i in interests])
        return Kept(marginal, self.size[axis], boxes, self.config.box_cut)

    def _piece(
        self,
        times_s: Array,
        interests: Sequence[Interest],
        grids: NDArray[np.floating],
        kept: Kept,
        guide: Array,
        start: State | None,
    ) -> tuple[Array, Move]:
        axis, base = self._free_axis, float(self.base[self._free_axis])
        along, across = (None, None) if start is None else (start.x, start.y)[:: 1 if axis == 1 else -1]
        scale = np.ones(len(times_s))
        if self.zoom > 1:
            scale = self._zoomed(times_s, interests, grids, guide, start)
            guide = np.clip(guide + (1 - scale) * base / 2, 0, self.size[axis] - scale * base)
        move = choose_motion(times_s, kept, scale * base, guide, self.config, along)
        if start is not None and start.scale.place > 1:  # a wider part goes on as it is
            scale = np.full(len(times_s), start.scale.place)
            move = choose_motion(times_s, kept, scale * base, guide, self.config, along)
        elif self.fit != "crop" and start is None and move.lost > self.config.fits:
            scale, move = self._widened(times_s, kept, guide, move)
        regions = np.empty((len(times_s), 4))
        other = 1 - axis  # axis 0 is y, in columns 1 and 3; axis 1 is x, in columns 0 and 2
        regions[:, other] = move.places
        regions[:, 2 + other] = scale * base
        height = np.minimum(scale, 1.0) * self.base[other]  # a wider part has all of the picture's other side
        regions[:, 2 + axis] = np.where(scale > 1, self.size[other], height)
        regions[:, axis] = self._across(times_s, interests, grids, move.places, scale * base, height, across)
        regions[scale > 1, axis] = 0.0
        return regions, move

    def _widened(self, times_s: Array, kept: Kept, guide: Array, move: Move) -> tuple[Array, Move]:
        """The narrowest part that loses little; all of the picture where nothing less does."""
        axis = self._free_axis
        base, scale = float(self.base[axis]), 1.0
        while move.lost > self.config.widen and scale * base < self.size[axis]:
            scale = min(scale * _WIDER, self.size[axis] / base)
            middle = np.clip(guide + base / 2 - scale * base / 2, 0, self.size[axis] - scale * base)
            move = choose_motion(times_s, kept, np.full(len(times_s), scale * base), middle, self.config)
        return np.full(len(times_s), scale), move

    def _across(
        self,
        times_s: Array,
        interests: Sequence[Interest],
        grids: NDArray[np.floating],
        places: Array,
        sizes: Array,
        height: Array,
        start: Start | None,
    ) -> Array:
        """Places along the other axis, for the interest inside of the crop."""
        other = 1 - self._free_axis
        room = self.size[other] - height
        if self.zoom <= 1 or room.max() < 1:
            return np.round(room / 2)
        kept = self._kept(interests, self._inside(grids, places, sizes), other)
        guide = np.clip(kept.centre(np.zeros(len(height)), np.full(len(height), kept.extent)) - height / 2, 0, room)
        return choose_motion(times_s, kept, height, guide, self.config, start).places

    def _inside(self, grids: NDArray[np.floating], places: Array, sizes: Array) -> Array:
        """The interest along the other axis of what the crop holds along the free one: (T, n) with rows of sum 1."""
        axis = self._free_axis
        cells = grids.shape[1 + axis]
        middles = (np.arange(cells) + 0.5) * self.size[axis] / cells
        held = ((middles > places[:, None]) & (middles < (places + sizes)[:, None])).astype(np.float64)
        found = np.einsum("tyx,tx->ty" if axis == 1 else "tyx,ty->tx", grids, held)
        total = found.sum(axis=1, keepdims=True)
        return np.where(total > 1e-9, found / np.maximum(total, 1e-9), 1 / found.shape[1])

    def _zoomed(
        self,
        times_s: Array,
        interests: Sequence[Interest],
        grids: NDArray[np.floating],
        guide: Array,
        start: State | None,
    ) -> Array:
        """(T,) the crop's size over the base: as small as the object with some room around it allows, and calm."""
        axis, config = self._free_axis, self.config
        sizes = np.full(len(times_s), float(self.base[axis]))
        needed = np.zeros(len(times_s))
        whole = np.full(len(times_s), float(self.size[1 - axis]))
        for of, marginal, begin, length in (
            (axis, grids.sum(axis=2 - axis), guide, sizes),
            (1 - axis, self._inside(grids, guide, sizes), np.zeros(len(times_s)), whole),
        ):
            kept = self._kept(interests, marginal, of)
            extent = kept.spread(begin, length, config.spread)
            boxes = kept.boxes[:, 1] - kept.boxes[:, 0]
            needed = np.maximum(needed, np.where(np.isnan(boxes), extent, boxes) / self.base[of])
        low = 1 / self.zoom
        wanted = np.clip(config.headroom * needed, low, 1.0)
        bands = [Band(wanted, np.ones(len(wanted)), config.zoom_cost), Band(np.full(len(wanted), low), wanted, 1.0)]
        limits = Limits(config.zoom_speed, config.zoom_speed, (0.5, 0.5, 0.1))
        begin_scale = None if start is None else start.scale
        scale = optimal_path(times_s, np.full(len(wanted), low), np.ones(len(wanted)), bands, limits, begin_scale)
        return np.full(len(scale), scale.max()) if np.ptp(scale) < config.zoom_least else scale
