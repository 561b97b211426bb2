"""The task `vsod`: maps of salient objects against masks, in videos and single images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sightline.errors import DataError, UsageError
from sightline.metrics.evaluation import layout
from sightline.metrics.evaluation.outputs import READS
from sightline.metrics.evaluation.pictures import check_size, integer_top, predicted_maps, read_truth
from sightline.metrics.evaluation.scores import Array, SequenceScores, Tally
from sightline.metrics.evaluation.task import Task
from sightline.metrics.functional import vsod
from sightline.metrics.functional._inputs import EPS
from sightline.metrics.protocols import VsodProtocol

FRAME_KEYS = ("s_measure", "e_measure_adp", "f_measure_adp", "weighted_f", "mae")
CURVES = ("e_measure", "f_measure", "precision", "recall")


class VsodTask(Task):
    """Maps against masks. pred, gt: folders in the layouts of `layout.find_sequences`."""

    name = "vsod"
    keys = (
        "s_measure",
        "e_measure_adp",
        "e_measure_mean",
        "e_measure_max",
        "f_measure_adp",
        "f_measure_mean",
        "f_measure_max",
        "weighted_f",
        "mae",
    )
    curves = CURVES

    def __init__(self, pred: Path, gt: Path, protocol: VsodProtocol, names: Sequence[str] | None = None) -> None:
        super().__init__()
        self.protocol: VsodProtocol = protocol
        true = layout.find_sequences(gt, layout.TRUTH_FOLDERS, layout.MASK_ROOTS)
        self.names, truth, found = layout.match(
            true,
            layout.find_sequences(pred, READS[self.name], images=all(len(one.files) == 1 for one in true.values())),
            names,
            (pred, gt),
        )
        self.totals = {name: len(truth[name].files) for name in self.names}
        self.pairs = layout.match_all(truth, found, protocol.ends)
        self.top = integer_top(path for pair in self.pairs.values() for path in pair.pred)

    def files(self, name: str) -> Sequence[Path]:
        return self.pairs[name].files()

    def settings(self) -> dict[str, Any]:
        return {"beta2": 0.3, "thresholds": 256, "ends": self.protocol.ends, "average": self.protocol.average}

    def score(self, name: str) -> SequenceScores:
        pair, protocol = self.pairs[name], self.protocol
        values: dict[str, list[float]] = {key: [] for key in FRAME_KEYS}
        curves: dict[str, list[list[float]]] = {key: [] for key in CURVES}
        maps = predicted_maps(pair, self.totals[name], protocol.ends, self.top)
        for index, (path, saliency) in enumerate(self.watched(zip(pair.gt, maps, strict=True))):
            place = pair.archive or pair.pred[index]
            gt = read_truth(path)
            check_size(saliency, gt.shape, place, path)
            try:
                scores, of_frame = score_frame(saliency, gt, protocol)
            except UsageError as error:
                raise DataError(str(error).replace("`pred`", str(place), 1)) from None
            for key, value in scores.items():
                values[key].append(value)
            for key, curve in of_frame.items():
                curves[key].append(curve)
        unscored = sum(math.isnan(value) for value in values["s_measure"])
        scored = SequenceScores(name, list(pair.frames), values, {}, unscored)
        by_sequence = protocol.average == "sequences"
        curve_tallies = {key: Tally.of_curves(curves[key], by_sequence) for key in CURVES}
        return replace(scored, tallies=self.tallies(scored) | curve_tallies)

    def tallies(self, scores: SequenceScores) -> dict[str, Tally]:
        # Which frames have curves is a matter of the truth, so these are the same for all predictions.
        by_sequence = self.protocol.average == "sequences"
        return {key: Tally.of_frames(scores.values[key], by_sequence) for key in FRAME_KEYS}

    def finish(self, means: dict[str, Array]) -> dict[str, Array]:
        for measure in ("e_measure", "f_measure"):
            means[f"{measure}_mean"] = means[measure].mean(1, keepdims=True)
            means[f"{measure}_max"] = means[measure].max(1, keepdims=True)
        return super().finish(means)


def score_frame(pred: Tensor, gt: Tensor, protocol: VsodProtocol) -> tuple[dict[str, float], dict[str, list[float]]]:
    """The scores of one map (H, W) and its curves at 256 thresholds."""
    summary = vsod.summarize(pred, gt, protocol.stretch, protocol.floor)
    s = vsod.s_measure_pysodmetrics(pred, gt) if protocol.accidents else vsod.s_measure_of(summary)[0]
    e, f = vsod.e_measure_of(summary, protocol.unbiased), vsod.f_measure_of(summary)
    precision, recall = vsod.precision_recall(summary)
    scores = {
        "s_measure": float(s),
        "e_measure_adp": float(e.adaptive),
        "f_measure_adp": float(f.adaptive),
        "weighted_f": float(vsod.weighted_f(pred, gt, stretch=protocol.stretch)),
        "mae": float(vsod.mae_of(summary)),
    }
    curves = [e.curve[0], f.curve[0], precision[0], recall[0]]
    if protocol.empty_scores and not bool(gt.any()):
        area = gt.numel()
        freedom = area - 1 + EPS if protocol.unbiased else area
        found, adaptive = summary.above.sum(1)[0], summary.adaptive.sum(1)[0]
        mean = float(summary.total.sum()) / area
        zeros = torch.zeros_like(found)
        scores |= {"s_measure": 1 - mean, "e_measure_adp": float((area - adaptive) / freedom)}
        scores |= {"f_measure_adp": 0.0, "weighted_f": 0.0}
        curves = [(area - found) / freedom, zeros, zeros, zeros]
    return scores, {key: curve.tolist() for key, curve in zip(CURVES, curves, strict=True)}
