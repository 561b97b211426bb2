"""Fixations to maps: binary or counts, and saliency maps by a Gaussian of one degree of visual angle.

A Gaussian at a point is an outer product of two vectors, so a map of K fixations is one matrix product of (H, K) and
(K, W). That is exact at sub-pixel positions, costs milliseconds a frame, and each fixation's mass in the picture can
be made exactly one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sightline.errors import UsageError
from sightline.gaze.geometry import FloatArray, inside
from sightline.gaze.stimulus import Stimulus, frames_of


@dataclass(frozen=True, slots=True)
class Sigma:
    """A Gaussian's standard deviation, in degrees of visual angle or in pixels of the stimulus."""

    value: float
    unit: str

    @classmethod
    def parse(cls, text: str) -> Sigma:
        """From "1deg" or "30px". Raises UsageError for anything else."""
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(deg|px)\s*", text)
        if match is None or float(match[1]) <= 0:
            raise UsageError(
                f"--sigma {text!r}: a positive number of degrees or pixels is expected, as in 1deg or 30px"
            )
        return cls(float(match[1]), match[2])

    def pixels(self, px_per_degree: tuple[float, float] | None) -> tuple[float, float]:
        """Horizontally and vertically, in pixels. Raises UsageError where degrees are asked and not known."""
        if self.unit == "px":
            return self.value, self.value
        if px_per_degree is None:
            raise UsageError(
                f"--sigma {self.value:g}deg needs the screen's size and distance; import with --screen-cm WxH and "
                "--distance-cm D, or give pixels, as in --sigma 30px"
            )
        return self.value * px_per_degree[0], self.value * px_per_degree[1]


def fixation_counts(xy: FloatArray, size: tuple[int, int]) -> NDArray[np.int32]:
    """How many fixations fall on each pixel: (H, W) int32.

    xy: (N, 2) pixels; those outside of the picture are left out. size: (height, width). The sum is the number of
    fixations in the picture.
    """
    counts = np.zeros(size, dtype=np.int32)
    x, y = np.floor(xy[inside(xy, size)]).astype(np.int64).T
    np.add.at(counts, (y, x), 1)
    return counts


def density(xy: FloatArray, size: tuple[int, int], sigma_px: tuple[float, float]) -> NDArray[np.float32]:
    """A Gaussian at each fixation, each with mass 1 inside of the picture: (H, W) float32.

    xy: (N, 2) pixels from the top-left corner, pixel i spanning [i, i + 1); fixations outside are left out.
    size: (height, width). sigma_px: standard deviation across and down. The sum is the number of fixations in the
    picture, as what a Gaussian would spill over the border is spread over its own part inside.
    """
    height, width = size
    points = xy[inside(xy, size)]
    across = _kernels(points[:, 0], width, sigma_px[0])
    down = _kernels(points[:, 1], height, sigma_px[1])
    result: NDArray[np.float32] = down.T @ across
    return result


def _kernels(centres: FloatArray, length: int, sigma: float) -> NDArray[np.float32]:
    """(N, length) Gaussians sampled at pixel centres, each summing to 1."""
    offsets = np.arange(length) + 0.5 - centres[:, None]
    kernels = np.exp(-0.5 * (offsets / sigma) ** 2)
    kernels /= kernels.sum(axis=1, keepdims=True)
    return kernels.astype(np.float32)


@dataclass(frozen=True, slots=True)
class FrameFixations:
    """The fixations that were going on while one frame was on screen. xy: (K, 2) pixels. subjects: (K,) names."""

    index: int
    time_s: float
    xy: FloatArray
    subjects: NDArray[np.object_]

    def of(self, subject: str) -> FloatArray:
        """One subject's points."""
        return self.xy[self.subjects == subject]

    def without(self, subject: str) -> FloatArray:
        """Every other subject's points."""
        return self.xy[self.subjects != subject]


def by_frame(fixations: pl.DataFrame, stimulus: Stimulus) -> Iterator[FrameFixations]:
    """Every frame of the stimulus with the fixations whose time overlaps the frame's own time on screen.

    fixations: a table in align.TABLE_SCHEMA. An image is one frame with all of its fixations.
    """
    table = fixations.sort("onset_s")
    onset, duration = table["onset_s"].to_numpy(), table["duration_s"].to_numpy()
    xy = table.select("x_px", "y_px").to_numpy()
    subjects = table["subject"].to_numpy().astype(object)
    first, last = frames_of(onset, duration, stimulus.frame_times_s)
    going_on: list[int] = []
    arriving = 0
    for index, time_s in enumerate(stimulus.frame_times_s.tolist()):
        going_on = [i for i in going_on if last[i] > index]
        while arriving < len(first) and first[arriving] <= index:
            if last[arriving] > index:
                going_on.append(arriving)
            arriving += 1
        yield FrameFixations(index, time_s, xy[going_on], subjects[going_on])
