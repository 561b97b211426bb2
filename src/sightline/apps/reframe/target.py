"""Which of several things to keep, over a shot: a dynamic programme over places, with cuts where they pay."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sightline.apps.reframe.config import ReframeConfig
from sightline.apps.reframe.kept import Array, Kept


def choose_target(
    times_s: Array, kept: Kept, size: float, config: ReframeConfig, *, cuts: bool = True, begin: float | None = None
) -> tuple[Array, NDArray[np.intp]]:
    """Where a crop should be in each frame, before it is made calm.

    Minimises, over all sequences of places, the loss over time plus `travel` for wandering plus `cut` for each jump.
    begin: where the first frame's crop is, of a shot that goes on.

    Returns
    -------
    (T,) places of the crop's beginning, pixels, and the frames, ascending, where the crop jumps to another target.
    """
    room = kept.extent - size
    if room <= 0:
        return np.zeros(len(times_s)), np.zeros(0, np.intp)
    places = np.linspace(0.0, room, config.offsets)
    knots = _knots(times_s, config.rate_hz)
    middle = (knots + np.append(knots[1:], len(times_s)) - 1) // 2  # the frame that stands for each knot's stretch
    seconds = np.diff(np.append(times_s[knots], times_s[-1] + _step(times_s)))
    sizes = np.full(len(knots), size)
    losses = kept.part(middle).lost(np.broadcast_to(places, (len(knots), len(places))), sizes)
    losses = (losses + config.middle * np.abs(places - room / 2) / size) * seconds[:, None]
    if begin is not None:
        losses[0] = np.where(np.abs(places - begin) <= places[1] / 2 + 1e-9, losses[0], np.inf)
    distance = np.abs(places[:, None] - places[None, :])
    chosen, jumps = _cheapest(losses, distance, seconds, size, config, cuts=cuts)
    at = places[chosen]
    jumped = knots[1:][jumps]
    return _between_knots(times_s, knots, at, jumped), jumped


def _cheapest(
    losses: Array, distance: Array, seconds: Array, size: float, config: ReframeConfig, *, cuts: bool
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """(K,) the place of each knot; (K - 1,) whether the crop jumps after it."""
    total = losses[0].copy()
    origins: list[NDArray[np.intp]] = []
    travel = config.travel * distance / size
    one_place = max(distance[0, 1], 1e-9)
    for loss, elapsed in zip(losses[1:], seconds[:-1], strict=True):
        reach = max(config.motion.max_speed * size * elapsed, one_place)
        step = np.where(distance <= reach + 1e-9, travel, np.inf)
        if cuts:
            step = np.minimum(step, config.cut + np.where(distance <= size / 2, np.inf, 0.0))
        arrive = total[:, None] + step
        origin = arrive.argmin(axis=0)
        origins.append(origin)
        total = arrive[origin, np.arange(len(total))] + loss
    chosen = [int(total.argmin())]
    for origin in reversed(origins):
        chosen.append(int(origin[chosen[-1]]))
    path = np.array(chosen[::-1], np.intp)
    moved = distance[path[:-1], path[1:]]
    reach = np.maximum(config.motion.max_speed * size * seconds[:-1], one_place)
    jumps = (moved > reach + 1e-9) | ((travel[path[:-1], path[1:]] > config.cut) & cuts & (moved > size / 2))
    return path, jumps


def _knots(times_s: Array, rate_hz: float) -> NDArray[np.intp]:
    """The first frame of each stretch of 1 / rate seconds that has frames."""
    stretches = np.floor((times_s - times_s[0]) * rate_hz + 1e-6).astype(np.int64)
    return np.unique(stretches, return_index=True)[1].astype(np.intp)


def _between_knots(times_s: Array, knots: NDArray[np.intp], at: Array, jumped: NDArray[np.intp]) -> Array:
    """Places of all frames: linear between knots, but for the jumps."""
    path = np.empty(len(times_s))
    ends = [0, *jumped.tolist(), len(times_s)]
    for first, end in pairwise(ends):
        inside = (knots >= first) & (knots < end)
        path[first:end] = np.interp(times_s[first:end], times_s[knots[inside]], at[inside])
    return path


def _step(times_s: Array) -> float:
    return float(np.median(np.diff(times_s))) if len(times_s) > 1 else 1.0
