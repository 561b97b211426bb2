"""Where something moves, and where it moves as the sound does: what a speaking mouth is known by.

A mouth is smaller than a cell of the network's deep features, and one moment of it says little. So this is measured on
the pictures themselves, and gathered over the last moments.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sightline.models.stanet.config import MovementConfig
from sightline.models.stanet.windows import SILENCE
from sightline.types import Clip, VideoFrame

Maps = NDArray[np.float32]
CHANNELS = 3
CELL = 8
"""Pixels of the network's input that are a cell of the maps: those of its finest level."""


class Seen(NamedTuple):
    """A frame's time, and its grey values (h, w) in [0, 255]."""

    time_s: float
    grey: NDArray[np.uint8]


def seen(frame: VideoFrame, size: tuple[int, int], config: MovementConfig) -> Seen:
    """What is compared of a frame. size: (height, width) of the network's input."""
    small = cv2.resize(frame.image, (size[1] * config.detail, size[0] * config.detail), interpolation=cv2.INTER_AREA)
    return Seen(frame.time_s, np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8))


class Movement:
    """The movement of a clip's frames, given in their order. What is held does not grow."""

    def __init__(self, config: MovementConfig) -> None:
        self.config = config
        self._time_s: float | None = None
        self._short, self._long = _Mean(config.short_s), _Mean(config.long_s)
        self._both = _Mean(config.long_s)  # of what moves and is heard: see `_alike`

    def follow(self, clip: Clip, now: Seen, before: Seen, rate: int) -> Maps:
        """`update` with two frames of a clip and the sound between them, taken at a rate in Hz."""
        return self.update(now.time_s, now.grey, before.grey, loudness(clip, before.time_s, now.time_s, rate))

    def update(self, time_s: float, now: NDArray[np.uint8], before: NDArray[np.uint8], level: float | None) -> Maps:
        """What moved until now.

        Parameters
        ----------
        time_s
            Of the frame, seconds.
        now, before
            (h, w) grey values of the frame and of one before it, in multiples of CELL * `detail`.
        level
            The sound's loudness between the two, of `loudness`; None where nothing is heard.

        Returns
        -------
        (3, h', w'), a value a cell: the logarithm of the change in it, less that of the median cell, as a mean over the
        last `short_s` and `long_s`; and its covariance with the loudness over `long_s`, in standard deviations of the
        loudness, 0 where nothing is heard.
        """
        cell = CELL * self.config.detail
        size = now.shape[1] // cell, now.shape[0] // cell
        change = cv2.resize(cv2.absdiff(now, before).astype(np.float32), size, interpolation=cv2.INTER_AREA)
        moved = np.log(change + np.float32(self.config.floor))
        moved -= np.median(moved)  # what moves all, a camera or a cut, is nothing's own
        elapsed_s = math.inf if self._time_s is None else max(0.0, time_s - self._time_s)
        self._time_s = time_s
        short, long = self._short.add(moved, elapsed_s), self._long.add(moved, elapsed_s)
        return np.stack([short, long, self._alike(moved, level, elapsed_s)]).astype(np.float32)

    def _alike(self, moved: Maps, level: float | None, elapsed_s: float) -> NDArray[np.floating]:
        if level is None:
            self._both = _Mean(self.config.long_s)
            return np.zeros_like(moved)
        heard = np.full_like(moved, level)
        means = self._both.add(np.stack([moved, heard, moved * heard, heard * heard]), elapsed_s)
        moves, loud, product, square = means
        deviation = np.sqrt(np.maximum(square - loud**2, 0) + self.config.steadiness)
        alike: NDArray[np.floating] = (product - moves * loud) / deviation
        return alike


class _Mean:
    """A mean over the past whose weights fall by e in `length_s`."""

    def __init__(self, length_s: float) -> None:
        self.length_s = length_s
        self.total: NDArray[np.floating] | None = None
        self.weight = 0.0

    def add(self, values: NDArray[np.floating], elapsed_s: float) -> NDArray[np.floating]:
        keep = math.exp(-elapsed_s / self.length_s)
        new = 1 - keep if self.total is not None else 1 - math.exp(-1 / 8)
        self.total = new * values if self.total is None else keep * self.total + new * values
        self.weight = keep * self.weight + new
        return self.total / max(self.weight, 1e-9)


def silenced(movement: Tensor) -> Tensor:
    """Maps (N, 3, h, w) as they are where nothing is heard."""
    return torch.cat([movement[:, :-1], torch.zeros_like(movement[:, -1:])], dim=1)


def loudness(clip: Clip, start_s: float, end_s: float, rate: int) -> float | None:
    """The logarithm of the sound's root mean square; None without a track, and where no time passes."""
    samples = clip.sound(start_s, end_s, rate)
    if samples is None or not len(samples):
        return None
    return math.log(SILENCE + float(np.sqrt(np.mean(np.square(np.nan_to_num(samples), dtype=np.float64)))))
