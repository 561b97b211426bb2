"""How a crop moves through a piece of a shot: it stands still, pans evenly or follows; whatever costs least."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from sightline.apps.reframe.config import ReframeConfig
from sightline.apps.reframe.kept import Array, Kept
from sightline.apps.reframe.path import Band, Limits, Start, optimal_path

Motion = Literal["still", "pan", "follow"]
_STEADY = 1e-3  # crop sizes a second: slower than this is standing still


@dataclass(frozen=True)
class Move:
    """A path along one axis: `places` (T,) of the crop's beginning, pixels, and the mean loss on it."""

    motion: Motion
    places: Array
    lost: float

    @classmethod
    def of(cls, motion: Motion, places: Array, kept: Kept, sizes: Array) -> Move:
        """Of crops that are `sizes` (T,) long."""
        return cls(motion, places, float(kept.lost(places[:, None], sizes).mean()))


def choose_motion(
    times_s: Array, kept: Kept, sizes: Array, guide: Array, config: ReframeConfig, start: Start | None = None
) -> Move:
    """The cheapest way to move.

    Parameters
    ----------
    times_s
        (T,).
    kept
        The interest along the axis.
    sizes
        (T,) of the crop, pixels.
    guide
        (T,) where the crop would be if motion cost nothing.
    start
        Where an earlier window of the same shot left the path; its crop does not jump.
    """
    room = kept.extent - sizes
    if room.max() < 1:
        return Move.of("still", np.maximum(room, 0) / 2, kept, sizes)
    aim = kept.centre(guide, sizes) - sizes / 2  # with the target in its middle
    follow = _follow(times_s, kept, sizes, guide, aim, config, start)
    moves = [(follow, config.follow)]
    if np.ptp(sizes) < 1e-6:
        size = float(sizes[0])
        if start is None:
            moves.append((_pan(times_s, kept, size, aim, config), config.pan))
            moves.append((_still(kept, size, aim, config), 0.0))
        elif abs(start.speed) < _STEADY * size:
            rest = np.full(len(times_s), np.clip(start.place, 0, room[0]))
            moves.append((Move.of("still", rest, kept, sizes), 0.0))
    return min(moves, key=lambda choice: choice[0].lost + choice[1])[0]


def _still(kept: Kept, size: float, aim: Array, config: ReframeConfig) -> Move:
    places = np.linspace(0, kept.extent - size, 2 * config.offsets - 1)
    sizes = np.full(len(kept), size)
    losses = kept.lost(np.broadcast_to(places, (len(kept), len(places))), sizes).mean(axis=0)
    away = np.abs(places[None, :] - aim[:, None]).mean(axis=0) / size
    best = int((losses + config.composition * away).argmin())
    at = np.full(len(kept), np.round(places[best]))  # at whole pixels nothing is resampled
    return Move.of("still", np.clip(at, 0, kept.extent - size), kept, sizes)


def _pan(times_s: Array, kept: Kept, size: float, aim: Array, config: ReframeConfig) -> Move:
    elapsed = times_s - times_s[0]
    share = elapsed / max(float(elapsed[-1]), 1e-9)
    ends = np.linspace(0, kept.extent - size, config.offsets // 2 + 1)
    first, last = (grid.ravel() for grid in np.meshgrid(ends, ends, indexing="ij"))
    slow = np.abs(last - first) <= config.motion.max_speed * size * max(float(elapsed[-1]), 1e-9)
    first, last = first[slow], last[slow]
    some = np.unique(np.linspace(0, len(kept) - 1, min(len(kept), 60)).astype(np.intp))
    paths = first + share[some, None] * (last - first)
    losses = kept.part(some).lost(paths, np.full(len(some), size)).mean(axis=0)
    away = np.abs(paths - aim[some, None]).mean(axis=0) / size
    best = int((losses + config.composition * away).argmin())
    places = first[best] + share * (last[best] - first[best])
    return Move.of("pan", places, kept, np.full(len(kept), size))


def _follow(
    times_s: Array, kept: Kept, sizes: Array, guide: Array, aim: Array, config: ReframeConfig, start: Start | None
) -> Move:
    """The optimum of the linear programme, in units of the crop's mean size."""
    settings = config.motion
    unit = float(sizes.mean())
    room = np.maximum(kept.extent - sizes, 0)
    free = settings.free_zone * sizes
    bands = [Band((aim - free) / unit, (aim + free) / unit, settings.off_centre)]
    low, high = kept.boxes[:, 1] - sizes, kept.boxes[:, 0]
    air = np.minimum(settings.margin * sizes, np.maximum(high - low, 0) / 2)
    low, high = low + air, high - air
    fits = (low <= high) & (np.abs((kept.boxes.sum(axis=1) / 2) - (guide + sizes / 2)) < sizes / 2)
    bands.append(
        Band(
            np.where(fits, low, aim) / unit,
            np.where(fits, high, aim) / unit,
            np.where(fits, settings.outside, 0.0),
        )
    )
    limits = Limits(
        settings.max_speed, settings.max_acceleration, (settings.speed, settings.acceleration, settings.jerk)
    )
    scaled = None if start is None else Start(start.place / unit, start.speed / unit)
    places = unit * optimal_path(times_s, np.zeros(len(sizes)), room / unit, bands, limits, scaled)
    return Move.of("follow", places, kept, sizes)
