"""The task `fixation`: saliency maps against the fixations of viewers, on pictures and on videos."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from sightline.data.observed import Observed, read_observed
from sightline.errors import DataError, UsageError
from sightline.metrics.evaluation import layout, pictures
from sightline.metrics.evaluation.outputs import READS
from sightline.metrics.evaluation.scores import SequenceScores, Tally
from sightline.metrics.evaluation.task import Task
from sightline.metrics.evaluation.truth import FrameTruth, Truth
from sightline.metrics.functional import fixation
from sightline.metrics.functional.density import gaussian_density
from sightline.metrics.protocols import FixationProtocol

KEYS = ("auc_judd", "auc_borji", "s_auc", "nss", "cc", "sim", "kld", "ig")
PER_FIXATION = frozenset({"auc_borji", "s_auc", "nss", "ig"})
YARDSTICK_FRAMES = 50
"""Frames of a video on which the yardsticks are measured, evenly spaced."""
CENTRE = 0.25
"""Standard deviation of the centre prior, in widths and heights of the picture."""


@dataclass(frozen=True)
class Against:
    """What a map is scored against, besides the truth of its frame. others: (M, 2) pixels. seed: for what is drawn."""

    others: Tensor
    baseline: Tensor
    seed: int


class FixationTask(Task):
    """Maps against fixations. sigma: of the true density in stimulus pixels, None for the protocol's or one degree.

    yardsticks: also score chance, a centre prior, the mean map of the other stimuli, and how well the other observers
    predict each one. log_densities: the maps hold natural logarithms of densities.
    """

    name = "fixation"
    keys: tuple[str, ...] = KEYS

    def __init__(
        self,
        pred: Path,
        gt: Path,
        protocol: FixationProtocol,
        names: Sequence[str] | None = None,
        seed: int = 0,
        sigma: float | None = None,
        yardsticks: bool = False,
        log_densities: bool = False,
    ) -> None:
        if sigma is not None and not 0.5 <= sigma < math.inf:
            raise UsageError(f"`sigma` is {sigma:g}: at least half a pixel is expected")
        super().__init__()
        self.protocol: FixationProtocol = protocol
        self.seed, self.yardsticks, self.log_densities = seed, yardsticks, log_densities
        observed = read_observed(gt)
        self.truth = Truth(observed, protocol, seed, sigma)
        expected = {name: _frames(one) for name, one in observed.items()}
        pictures_only = all(len(one.files) == 1 for one in expected.values())
        found = layout.find_sequences(pred, READS[self.name], images=pictures_only)
        self.names, expected, found = layout.match(expected, found, names, (pred, gt))
        self.pairs = layout.match_all(expected, found)
        self.chosen = self._choose_frames()
        self.top = pictures.integer_top(path for pair in self.pairs.values() for path in pair.pred)
        videos = any(len(pair.frames) > 1 for pair in self.pairs.values())
        self.keys = (*KEYS, *(("steadiness",) if protocol.steadiness and videos else ()))

    def files(self, name: str) -> Sequence[Path]:
        pair = self.pairs[name]
        return (*pair.pred, *(() if pair.archive is None else (pair.archive,)), *self.truth.observed[name].source)

    def shared_files(self) -> Sequence[Path]:
        # Shuffled AUC and information gain look at the fixations of all stimuli.
        return list(dict.fromkeys(path for one in self.truth.observed.values() for path in one.source))

    def settings(self) -> dict[str, Any]:
        grid = "stimulus" if self.protocol.to_truth else "prediction"
        return {
            **self.truth.settings(),
            "pixels_of": grid,
            "seed": self.seed,
            "yardsticks": self.yardsticks,
            "log_densities": self.log_densities,
        }

    def score(self, name: str) -> SequenceScores:
        pair, stimulus = self.pairs[name], self.truth.observed[name]
        total = len(stimulus.frames)
        values: dict[str, list[float]] = {key: [] for key in self.keys}
        before: Tensor | None = None
        weights: list[float] = []
        measured: dict[str, dict[str, list[float]]] = {}
        every = max(1, math.ceil(total / YARDSTICK_FRAMES))
        frames = []
        for index, raw in enumerate(self.watched(self._maps(pair, total))):
            if self.chosen is not None and (name, index) not in self.chosen:
                continue
            saliency = self._prepared(raw, stimulus, name, index)
            size = (saliency.shape[0], saliency.shape[1])
            truth = self.truth.frame(name, index, size)
            against = self._against(name, index, size)
            frames.append(stimulus.frames[index])
            weights.append(len(truth.points))
            for key, value in self.score_map(saliency, truth, against).items():
                values[key].append(value)
            if "steadiness" in self.keys:
                alike = math.nan
                if before is not None and before.shape == saliency.shape:
                    alike = float(fixation.sim(saliency, before))
                values["steadiness"].append(alike)
                before = saliency
            if self.yardsticks and index % every == 0:
                for label, scores in self._yardsticks(name, index, size, truth, against).items():
                    for key, value in scores.items():
                        measured.setdefault(label, {}).setdefault(key, []).append(value)
        unscored = sum(math.isnan(a) or math.isnan(b) for a, b in zip(values["nss"], values["auc_judd"], strict=True))
        found = SequenceScores(name, frames, values, {}, unscored, weights)
        found.tallies = self.tallies(found)
        for label, by_key in measured.items():
            for key, series in by_key.items():
                found.tallies[f"{label}/{key}"] = Tally.of_frames(series, by_sequence=True)
        return found

    def tallies(self, scores: SequenceScores) -> dict[str, Tally]:
        return {key: self._tally(key, scores.values[key], scores.weights) for key in self.keys}

    def score_map(self, saliency: Tensor, truth: FrameTruth, against: Against) -> dict[str, float]:
        """All scores of one map (H, W) under the protocol."""
        p = self.protocol
        counts, density, baseline = truth.counts, truth.density, against.baseline
        constant = bool(fixation.is_constant(saliency))
        if p.smooth and constant:  # the map is divided by its own range first
            return dict.fromkeys(KEYS, math.nan)
        if len(truth.points) == 0:
            return {**dict.fromkeys(KEYS, math.nan), "sim": p.unseen_sim}
        mass = torch.ones_like(saliency) if p.flat_is_zero and not bool(saliency.any()) else saliency
        judd, borji, shuffled = self._aucs(saliency, truth, against)
        scores = {
            "auc_judd": judd,
            "auc_borji": borji,
            "s_auc": shuffled,
            "nss": fixation.nss(saliency, counts, p.correction),
            "cc": fixation.cc(saliency, density),
            "sim": fixation.sim(mass, density, rescale=p.rescale),
            "kld": fixation.kld(mass, density, p.floor),
            "ig": self._gain(mass, counts, baseline, constant),
        }
        found = {key: float(value) for key, value in scores.items()}
        return {**found, "nss": 0.0, "cc": 0.0} if p.flat_is_zero and constant else found

    def _maps(self, pair: layout.Pair, total: int) -> Iterator[Tensor]:
        for index, values in enumerate(
            pictures.predicted_maps(pair, total, top=self.top, finite=not self.log_densities)
        ):
            place = pair.archive or pair.pred[index]
            if self.log_densities:
                try:
                    values = fixation.from_log_density(values)
                except UsageError as error:
                    raise DataError(f"{place}: {error}") from None
            yield values

    def _gain(self, mass: Tensor, counts: Tensor, baseline: Tensor, constant: bool) -> Tensor:
        if not self.protocol.rescale:
            return fixation.information_gain(mass, counts, baseline, self.protocol.eps)
        if constant:  # the toolbox divides by the map's range
            return torch.tensor(math.nan)
        prior = torch.ones_like(baseline) if bool(fixation.is_constant(baseline)) else fixation.rescaled(baseline)
        return fixation.information_gain(fixation.rescaled(mass), counts, prior)

    def _aucs(self, saliency: Tensor, truth: FrameTruth, against: Against) -> tuple[Tensor, Tensor, Tensor]:
        counts, others = truth.counts, against.others
        exact = fixation.auc_judd(saliency, counts)
        if not self.protocol.sampled:
            pixels = (cells[:, 1] * saliency.shape[1] + cells[:, 0] for cells in (truth.points, others))
            shuffled = fixation.s_auc_at(saliency, *pixels)
            if self.protocol.auc == "exact":
                return exact, exact, shuffled
            # Reseeded for each map: pysaliency goes on drawing, so that its jitter depends on the order of the set.
            jitter = torch.from_numpy(np.random.RandomState(42 + self.seed).randn(*saliency.shape) * 1e-7)
            return fixation.auc_judd_pysaliency(saliency, counts, jitter), exact, shuffled
        generator = torch.Generator().manual_seed(against.seed)
        noise = torch.rand(saliency.shape, generator=generator, dtype=torch.float64) * 1e-7
        negatives = torch.zeros_like(counts)
        negatives[others[:, 1], others[:, 0]] = 1
        return (
            fixation.auc_judd_mit(saliency, counts, noise),
            fixation.auc_borji(saliency, counts, against.seed),
            fixation.s_auc_mit(saliency, counts, negatives, against.seed),
        )

    def _against(self, name: str, frame: int, size: tuple[int, int]) -> Against:
        uniform = self.protocol.baseline == "uniform"
        baseline = torch.ones(size, dtype=torch.float64) if uniform else self.truth.baseline(name, size)
        seed = self.seed + zlib.crc32(f"{name}/{frame}".encode())
        return Against(self.truth.others(name, frame, size), baseline, seed)

    def _yardsticks(
        self, name: str, frame: int, size: tuple[int, int], truth: FrameTruth, against: Against
    ) -> dict[str, dict[str, float]]:
        """The scores of simple predictions of one frame, by yardstick and key."""
        centre = torch.tensor([[size[1] / 2, size[0] / 2]], dtype=torch.float64)
        uniform = torch.ones(size, dtype=torch.float64)
        chance = self.score_map(uniform, truth, against)
        if len(truth.points):  # a map that knows nothing of the picture is expected to score so
            chance |= {"auc_judd": 0.5, "auc_borji": 0.5, "s_auc": 0.5, "nss": 0.0, "cc": 0.0}
        found = {
            "chance": chance,
            "centre prior": self.score_map(
                gaussian_density(centre, size, (CENTRE * size[1], CENTRE * size[0])), truth, against
            ),
            "mean map": self.score_map(self.truth.baseline(name, size), truth, against),
        }
        points = self.truth.observed[name].at(frame)
        observers = []
        for subject in np.unique(points.subjects):
            own = points.subjects == subject
            if not own.all():
                rest = self.truth.of_points(name, points.where(~own), size).density
                observers.append(self.score_map(rest, self.truth.of_points(name, points.where(own), size), against))
        if observers:
            found["other observers"] = {key: _mean_of_known([one[key] for one in observers]) for key in KEYS}
        return found

    def _prepared(self, saliency: Tensor, stimulus: Observed, name: str, index: int) -> Tensor:
        """A prediction as it is scored: 8 bits as they are or in [0, 1], smoothed and resized if the protocol does."""
        p, (height, width) = self.protocol, stimulus.size
        pair = self.pairs[name]
        place = pair.archive or pair.pred[index]
        # The shape must be that of the stimulus, up to the rounding of its shorter side.
        if abs(saliency.shape[0] * width - saliency.shape[1] * height) > max(width, height):
            raise DataError(
                f"{place}: {saliency.shape[1]} x {saliency.shape[0]} pixels, but {name} is {width} x {height}; "
                "the map must cover the whole picture in its own shape"
            )
        if not (p.to_truth or p.smooth or p.sampled):
            return saliency
        values = saliency.double() / (255 if saliency.dtype == torch.uint8 else 1)
        if p.smooth:
            if bool(fixation.is_constant(values)):
                return torch.zeros(stimulus.size, dtype=torch.float64)
            values = torch.where(values > 0, fixation.rescaled(values), 0.0)
            values = torch.from_numpy(gaussian_filter(values.numpy(), p.smooth, mode="reflect", truncate=3))
        if p.to_truth and tuple(values.shape) != (height, width):
            values = torch.nn.functional.interpolate(
                values[None, None], (height, width), mode="bicubic", antialias=True, align_corners=False
            )[0, 0]
        return values

    def _tally(self, key: str, values: list[float], weights: list[float]) -> Tally:
        if self.protocol.average == "fixations":
            if key not in PER_FIXATION:
                return Tally.of_frames(values, by_sequence=False)
            scored = [(value * n, n) for value, n in zip(values, weights, strict=True) if not math.isnan(value)]
            return Tally([sum(total for total, _ in scored)] if scored else [], float(sum(n for _, n in scored)))
        return Tally.of_frames(values, by_sequence=self.protocol.average == "sequences")

    def _choose_frames(self) -> set[tuple[str, int]] | None:
        """The frames to score where the protocol takes a random choice of them."""
        every = [(name, index) for name in self.names for index in range(len(self.pairs[name].frames))]
        most = self.protocol.most_frames
        if most is None or len(every) <= most:
            return None
        chosen = np.random.default_rng(self.seed).choice(len(every), most, replace=False)
        return {every[index] for index in chosen.tolist()}


def _frames(observed: Observed) -> layout.Frames:
    return layout.Frames(observed.name, tuple(Path(frame) for frame in observed.frames))


def _mean_of_known(values: Sequence[float]) -> float:
    """NaN left out; NaN where nothing else is there, as of shuffled AUC in a set of one stimulus."""
    known = [value for value in values if not math.isnan(value)]
    return float(np.mean(known)) if known else math.nan
