"""The task `vos`: masks that follow objects, by region similarity J, contour accuracy F and temporal stability T."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from sightline.errors import DataError
from sightline.metrics.evaluation import layout
from sightline.metrics.evaluation.pictures import check_size, predicted_maps, read_labels
from sightline.metrics.evaluation.scores import Array, SequenceScores, Tally
from sightline.metrics.evaluation.task import Task
from sightline.metrics.functional import vos
from sightline.metrics.protocols import VosProtocol

VOID = 255
PROPOSALS = 20
BATCH = 8


class VosTask(Task):
    """Masks against masks. pred, gt: folders in the layouts of `layout.find_sequences`."""

    name = "vos"

    def __init__(self, pred: Path, gt: Path, protocol: VosProtocol, names: Sequence[str] | None = None) -> None:
        super().__init__()
        self.protocol: VosProtocol = protocol
        self.names, truth, found = layout.match(
            layout.find_sequences(gt, layout.MASK_FOLDERS, layout.MASK_ROOTS, images=False),
            layout.find_sequences(pred, layout.MASK_FOLDERS, images=False),
            names,
            (pred, gt),
        )
        self.totals = {name: len(truth[name].files) for name in self.names}
        self.pairs = layout.match_all(truth, found, protocol.ends)
        measures = ("j_mean", "j_recall", "j_decay", "f_mean", "f_recall", "f_decay", "jf_mean")
        self.keys = (*measures, "t_mean") if protocol.stability else measures

    def files(self, name: str) -> Sequence[Path]:
        return self.pairs[name].files()

    def settings(self) -> dict[str, Any]:
        return {"tolerance": 0.008, "ends": self.protocol.ends}

    def score(self, name: str) -> SequenceScores:
        return self._score_objects(name) if self.protocol.objects else self._score_as_one(name)

    def finish(self, means: dict[str, Array]) -> dict[str, Array]:
        means["jf_mean"] = (means["j_mean"] + means["f_mean"]) / 2
        return super().finish(means)

    def _frames(self, name: str) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.bool_]]]:
        """Predicted labels, true labels and void pixels of every frame that is scored."""
        pair = self.pairs[name]
        for gt_path, (label, pred) in self.watched(zip(pair.gt, self._predictions(name), strict=True)):
            gt, palette = read_labels(gt_path)
            check_size(torch.from_numpy(pred), gt.shape, label, gt_path)
            void = gt == VOID if palette else np.zeros_like(gt, dtype=np.bool_)
            yield pred, np.where(void, 0, gt).astype(np.uint8), void

    def _predictions(self, name: str) -> Iterator[tuple[object, NDArray[np.uint8]]]:
        pair = self.pairs[name]
        if pair.video is None:
            yield from ((path, read_labels(path)[0]) for path in pair.pred)
            return
        for values in predicted_maps(pair, self.totals[name], self.protocol.ends):
            yield pair.video, (values.numpy() >= 128).astype(np.uint8)

    def _score_as_one(self, name: str) -> SequenceScores:
        j, f, t = [], [], []
        previous: Tensor | None = None
        for batch in _batches(self._frames(name)):
            pred, gt, void = (torch.from_numpy(np.stack(x)) for x in zip(*batch, strict=True))
            pred, gt = pred != 0, gt != 0
            scores = vos.j_and_f(pred, gt, void if bool(void.any()) else None, empty=self.protocol.empty)
            j.append(scores[0])
            f.append(scores[1])
            if self.protocol.stability:
                for mask in pred:
                    t.append(float("nan") if previous is None else float(vos.instability(previous, mask)))
                    previous = mask
        both = torch.cat(j) if j else torch.empty(0), torch.cat(f) if f else torch.empty(0)
        tallies = _tallies([both])
        values = {"j": both[0].tolist(), "f": both[1].tolist()}
        if self.protocol.stability:
            values["t"] = t
            tallies["t_mean"] = Tally.of_frames(t, by_sequence=True)
        unscored = int((both[0].isnan() | both[1].isnan()).sum())
        return SequenceScores(name, list(self.pairs[name].frames), values, tallies, unscored)

    def _score_objects(self, name: str) -> SequenceScores:
        """Assign proposals to objects by the mean J&F over all frames, then score the assigned ones."""
        frames = []
        objects = 0
        for index, (pred, gt, void) in enumerate(self._frames(name)):
            if index == 0:
                objects = int(gt.max())
                if objects == 0:
                    raise DataError(f"{self.pairs[name].gt[0]}: the first frame has no object; it must name them all")
            if pred.max() > PROPOSALS:
                raise DataError(f"{name}, frame {index}: object number {pred.max()}; {PROPOSALS} proposals are allowed")
            frames.append(_all_against_all(pred, gt, void, objects))
        scores = torch.stack(frames)  # (T, 2, proposals, objects)
        fit = scores.mean((0, 1)).numpy()
        rows, columns = linear_sum_assignment(-fit)
        chosen = scores[:, :, torch.from_numpy(rows), torch.from_numpy(columns)]  # (T, 2, objects)
        values = {
            f"{measure}_{column + 1}": chosen[:, which, at].tolist()
            for which, measure in enumerate("jf")
            for at, column in enumerate(columns.tolist())
        }
        tallies = _tallies([(chosen[:, 0, at], chosen[:, 1, at]) for at in range(len(columns))])
        return SequenceScores(name, list(self.pairs[name].frames), values, tallies)


def _all_against_all(pred: NDArray[np.uint8], gt: NDArray[np.uint8], void: NDArray[np.bool_], objects: int) -> Tensor:
    """J and F of each proposal with each object of one frame: (2, 20, objects). Absent proposals are empty masks."""
    present = [0, *(int(label) for label in np.unique(pred) if label)]
    proposals = torch.stack([torch.from_numpy((pred == label) & (label > 0)) for label in present])
    truth = torch.stack([torch.from_numpy(gt == label) for label in range(1, objects + 1)])
    size = (len(present), objects, *gt.shape)
    ignore = torch.from_numpy(void).expand(size) if void.any() else None
    scores = torch.stack(vos.j_and_f(proposals[:, None].expand(size), truth[None].expand(size), ignore))
    result = scores[:, :1].repeat(1, PROPOSALS, 1)  # the empty mask against every object
    result[:, [label - 1 for label in present[1:]]] = scores[:, 1:]
    return result


def _tallies(scores: Sequence[tuple[Tensor, Tensor]]) -> dict[str, Tally]:
    """Mean, recall and decay of J and F of one or more objects, each of which counts once."""
    found: dict[str, list[float]] = {}
    for pair in scores:
        for measure, series in zip("jf", pair, strict=True):
            for statistic, value in vos.statistics(series)._asdict().items():
                found.setdefault(f"{measure}_{statistic}", []).append(float(value))
    return {key: Tally.of_frames(values, by_sequence=False) for key, values in found.items()}


def _batches(frames: Iterator[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:
    batch = []
    for frame in frames:
        batch.append(frame)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
