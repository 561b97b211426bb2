"""Interests of our own making."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sightline.apps.reframe.interest import Interest

SIZE = (180, 320)


def spots(*places: tuple[float, float, float], size: tuple[int, int] = SIZE, width: float = 12.0) -> np.ndarray:
    """A grid with Gaussian spots at (x, y, weight), pixels."""
    height, length = size
    rows, columns = (np.arange(36) + 0.5) / 36 * height, (np.arange(64) + 0.5) / 64 * length
    grid = sum(
        weight * np.exp(-((rows[:, None] - y) ** 2 + (columns[None, :] - x) ** 2) / (2 * width**2))
        for x, y, weight in places
    )
    return (grid / grid.sum()).astype(np.float32)


def shot(
    seconds: float,
    grid_at: Callable[[float], np.ndarray],
    *,
    fps: float = 25.0,
    box_at: Callable[[float], tuple[float, float, float, float]] | None = None,
    first: int = 0,
    cut: bool = False,
) -> list[Interest]:
    """Interests of a shot; `cut` marks its first frame as a new one's."""
    times = (np.arange(round(seconds * fps)) / fps).tolist()
    return [
        Interest(first + i, first / fps + t, grid_at(t), None if box_at is None else box_at(t), cut and i == 0)
        for i, t in enumerate(times)
    ]
