"""How wide the Gaussian of a saliency map is, and the fixations on each frame of a stimulus."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sightline.errors import UsageError
from sightline.fixations import frames_of
from sightline.gaze.geometry import FloatArray
from sightline.gaze.stimulus import Stimulus


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
                f"`sigma` {text!r}: a positive number of degrees or pixels is expected, as in 1deg or 30px"
            )
        return cls(float(match[1]), match[2])

    def pixels(self, px_per_degree: tuple[float, float] | None) -> tuple[float, float]:
        """Horizontally and vertically, in pixels. Raises UsageError where degrees are asked and not known."""
        if self.unit == "px":
            return self.value, self.value
        if px_per_degree is None:
            raise UsageError(
                f"`sigma` {self.value:g}deg needs the screen's size and distance; import with `screen_cm` and "
                "`distance_cm`, or give pixels, as in 30px"
            )
        return self.value * px_per_degree[0], self.value * px_per_degree[1]


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
    """Go through the frames of a stimulus with the fixations on each (`sightline.fixations.frames_of`).

    Parameters
    ----------
    fixations : polars.DataFrame
        In align.TABLE_SCHEMA: subject, onset_s, duration_s, x_px, y_px, frame.
    stimulus : Stimulus
        An image is one frame with all of its fixations.

    Yields
    ------
    FrameFixations
        Of each frame in order: index, time_s, xy (K, 2) float64 in pixels, subjects (K,).

    Examples
    --------
    >>> from pathlib import Path
    >>> import numpy as np
    >>> film = Stimulus(Path("film.mp4"), (48, 64), np.array([0.0, 0.04, 0.08]), 0.12)
    >>> row = {"subject": "ann", "onset_s": 0.05, "duration_s": 0.2, "x_px": 3.0, "y_px": 4.0, "frame": 1}
    >>> [frame.xy.tolist() for frame in by_frame(pl.DataFrame([row]), film)]
    [[], [[3.0, 4.0]], [[3.0, 4.0]]]
    """
    table = fixations.sort("onset_s")
    onset, duration = table["onset_s"].to_numpy(), table["duration_s"].to_numpy()
    xy = table.select("x_px", "y_px").to_numpy()
    subjects = table["subject"].to_numpy().astype(object)
    first, last = frames_of(onset, duration, stimulus.frame_times_s, stimulus.end_s)
    going_on: list[int] = []
    arriving = 0
    for index, time_s in enumerate(stimulus.frame_times_s.tolist()):
        going_on = [i for i in going_on if last[i] > index]
        while arriving < len(first) and first[arriving] <= index:
            if last[arriving] > index:
                going_on.append(arriving)
            arriving += 1
        yield FrameFixations(index, time_s, xy[going_on], subjects[going_on])
