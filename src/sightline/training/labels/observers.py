"""Simulated observers: fixations for videos that nobody watched with an eye tracker, drawn from saliency maps alone.

Each observer fixates for a while, then jumps to a point drawn from the map of that moment; while fixating, the eye
trembles and follows what moves beneath it, and jumps early where the map's attention leaves it behind. So the gaze of
many observers, blurred, is nearly the map that they follow, in every frame. No mask comes near: the maps are a fixation
model's (EG-Net's).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from sightline.errors import DataError

MEDIAN_S, SPREAD, SHORTEST_S = 0.25, 0.5, 0.08
"""Durations are log-normal: their median (that of the 9276 fixations of multi-face), spread of the logarithm, least."""
TREMOR = 0.004
"""Standard deviation of the gaze within a fixation, in parts of the frame's longer side."""
FOVEA = 0.06
"""Radius of what an observer follows, in parts of the frame's longer side."""
BLUR = 0.034
"""A fixation model's map shows fixations blurred by so much (EG-Net's recipe), in parts of the frame's longer side."""


def observe(
    maps: Iterable[NDArray[np.floating]], observers: int, generator: np.random.Generator, fps: float = 25.0
) -> Iterator[NDArray[np.float32]]:
    """Simulate where people look in every frame.

    Parameters
    ----------
    maps : iterable of ndarray, (H, W) float
        A saliency map a frame, not negative, of one size. It need not sum to 1.
    observers : int
        How many people look.
    generator : numpy.random.Generator
        The same state gives the same points.
    fps : float
        Frames a second.

    Yields
    ------
    ndarray, (observers, 2) float32
        x, y in pixels of the maps from the top-left corner.

    Raises
    ------
    DataError
        With the frame whose map is empty, not finite, negative, or of another size.

    Examples
    --------
    >>> spot = np.zeros((48, 64))
    >>> spot[24, 16] = 1
    >>> looks = list(observe([spot] * 3, 100, np.random.default_rng(0)))
    >>> len(looks), looks[2].shape
    (3, (100, 2))
    >>> looks[2].mean(axis=0).astype(int)
    array([16, 24])
    """
    previous: NDArray[np.float64] | None = None
    points = np.empty((observers, 2))
    remaining = np.zeros(observers)
    for index, frame in enumerate(maps):
        current = _checked(frame, index, previous)
        height, width = current.shape
        side = max(height, width)
        done, left = remaining <= 0, np.zeros(observers, dtype=bool)
        grown = current
        if previous is not None:
            before = _at(previous, points)
            points += _motion(previous, current, points, FOVEA * side)
            # As in a maximal coupling of the two maps (it would be one without pursuit): those who stay and those who
            # come to where attention grew are together spread nearly as the map is.
            left = ~done & (generator.random(observers) * before > _at(current, points))
            grown = np.maximum(current - previous, 0)
        for jumping, target in ((done, current), (left, grown if grown.any() else current)):
            points[jumping] = _sharpened(_draw(target, int(jumping.sum()), generator), current, BLUR * side)
            remaining[jumping] = _durations(int(jumping.sum()), generator) * fps
        remaining -= 1
        seen = points + generator.normal(scale=TREMOR * side, size=points.shape)
        last = np.nextafter(np.array([width, height], np.float32), np.float32(0))
        yield np.clip(seen.astype(np.float32), 0, last)
        previous = current


def _checked(frame: NDArray[np.floating], index: int, previous: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """The map as a density that sums to 1."""
    current = np.asarray(frame, dtype=np.float64)
    if current.ndim != 2 or not np.isfinite(current).all() or (current < 0).any() or not current.any():
        raise DataError(f"saliency map of frame {index}: a finite (H, W), not negative, somewhere above 0, is expected")
    if previous is not None and current.shape != previous.shape:
        raise DataError(f"saliency map of frame {index} is {current.shape}, frame 0 {previous.shape}; give one size")
    return current / current.sum()


def _draw(density: NDArray[np.float64], count: int, generator: np.random.Generator) -> NDArray[np.float64]:
    """`count` points (count, 2), x and y, uniform within pixels that are drawn by their density."""
    cumulative = density.ravel().cumsum()
    # A draw in [0, 1) times the total, found from the right, never lands on a pixel of density 0.
    pixels = np.searchsorted(cumulative, generator.random(count) * cumulative[-1], side="right")
    rows, columns = np.divmod(np.minimum(pixels, density.size - 1), density.shape[1])
    return np.stack([columns, rows], axis=1) + generator.random((count, 2))


def _sharpened(points: NDArray[np.float64], density: NDArray[np.float64], blur: float) -> NDArray[np.float64]:
    """Points drawn from a blurred density, (N, 2), brought to where unblurred ones would be: each to the centre of mass
    around it (for a Gaussian peak this is right within an eighth of its width)."""
    centres = _centres(density, points, blur)
    return np.where(np.isfinite(centres), centres, points)


def _at(density: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
    """The density in the pixel of each point, (N,); that of the nearest pixel for points outside."""
    height, width = density.shape
    columns, rows = np.clip(points.astype(int), 0, (width - 1, height - 1)).T
    return density[rows, columns]


def _durations(count: int, generator: np.random.Generator) -> NDArray[np.float64]:
    return np.maximum(generator.lognormal(np.log(MEDIAN_S), SPREAD, count), SHORTEST_S)


def _motion(
    before: NDArray[np.float64], now: NDArray[np.float64], points: NDArray[np.float64], radius: float
) -> NDArray[np.float64]:
    """How far the attention around each point moved between two maps: (N, 2), x and y.

    It is the change of the centre of mass under a Gaussian window at the point. The change alone, not the centre:
    else every gaze would slide into the nearest peak, and the points would no longer be spread as the map is.
    """
    shifts = _centres(now, points, radius) - _centres(before, points, radius)
    return np.where(np.isfinite(shifts), shifts, 0.0)


def _centres(density: NDArray[np.float64], points: NDArray[np.float64], radius: float) -> NDArray[np.float64]:
    """Centres of mass (N, 2) of the density under a separable Gaussian window at each point."""
    height, width = density.shape
    x, y = np.arange(width) + 0.5, np.arange(height) + 0.5
    across = np.exp(-0.5 * ((x - points[:, :1]) / radius) ** 2)
    down = np.exp(-0.5 * ((y - points[:, 1:]) / radius) ** 2)
    rows = across @ density.T
    with np.errstate(divide="ignore", invalid="ignore"):
        mass = (rows * down).sum(axis=1)
        return np.stack([((across * x) @ density.T * down).sum(axis=1) / mass, (rows * down * y).sum(axis=1) / mass], 1)
