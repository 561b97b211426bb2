"""How well the other viewers predict one: the ceiling that no model of the average viewer can be expected to pass."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from sightline.data.observed import Observed
from sightline.errors import DataError
from sightline.fixations import Points, density, fixation_counts
from sightline.metrics.functional import fixation

KEYS = ("nss", "auc_judd", "cc", "sim", "kld")
MAX_FRAMES = 50


@dataclass(frozen=True, slots=True)
class Ceiling:
    """Scores of one stimulus.

    viewers: how many there are. frames: how many were scored, each viewer who fixates something in them against the
    others. scores: means over viewers, then frames, by KEYS; NaN where nothing could be scored.
    """

    name: str
    viewers: int
    frames: int
    scores: dict[str, float]


def inter_observer(observed: Observed, sigma_px: tuple[float, float], max_frames: int = MAX_FRAMES) -> Ceiling:
    """Leave each viewer out in turn: the others' density is the prediction, their own fixations are the truth.

    sigma_px: of the density, across and down. CC, SIM and KLD compare with the density of their own fixations. A video
    is scored on at most max_frames, evenly spaced. Raises DataError with fewer than two viewers.
    """
    viewers = np.unique(observed.all().subjects)
    if len(viewers) < 2:
        raise DataError(
            f"{observed.source[0]}: {observed.name} has {len(viewers)} named viewers; the ceiling needs two at least"
        )
    every = max(1, math.ceil(len(observed.frames) / max_frames))
    rows = [
        scores
        for index in range(0, len(observed.frames), every)
        if (scores := _frame(observed.at(index), observed.size, sigma_px)) is not None
    ]
    means = {key: float(np.nanmean([row[key] for row in rows])) if rows else math.nan for key in KEYS}
    return Ceiling(observed.name, len(viewers), len(rows), means)


def _frame(points: Points, size: tuple[int, int], sigma_px: tuple[float, float]) -> dict[str, float] | None:
    """Means over the viewers of one frame; None where fewer than two fixate anything."""
    viewers = np.unique(points.subjects)
    if len(viewers) < 2:
        return None
    everyone = density(points.xy, size, sigma_px)
    found: dict[str, list[float]] = {key: [] for key in KEYS}
    for viewer in viewers:
        xy = points.xy[points.subjects == viewer]
        own = density(xy, size, sigma_px)
        # A density is a sum over fixations: taking one viewer's away leaves the others'.
        others, truth = torch.from_numpy(np.maximum(everyone - own, 0)), torch.from_numpy(own)
        counts = torch.from_numpy(fixation_counts(xy, size))
        found["nss"].append(float(fixation.nss(others, counts)))
        found["auc_judd"].append(float(fixation.auc_judd(others, counts)))
        for key, metric in (("cc", fixation.cc), ("sim", fixation.sim), ("kld", fixation.kld)):
            found[key].append(float(metric(others, truth)))
    return {key: float(np.mean(values)) for key, values in found.items()}


def mean_ceiling(ceilings: Sequence[Ceiling] | Iterable[Ceiling]) -> dict[str, float]:
    """The mean over stimuli, by KEYS; those that could not be scored are left out."""
    scored = [c for c in ceilings if c.frames]
    return {key: float(np.mean([c.scores[key] for c in scored])) if scored else math.nan for key in KEYS}
