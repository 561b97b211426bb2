"""The task `vos`: masks that follow objects, by region similarity J, contour accuracy F and temporal stability T."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from sightline.errors import DataError
from sightline.metrics.evaluation import layout
from sightline.metrics.evaluation.annotations import read_annotations
from sightline.metrics.evaluation.outputs import READS
from sightline.metrics.evaluation.pictures import HALF, check_size, predicted_maps, read_labels
from sightline.metrics.evaluation.scores import Array, SequenceScores, Tally
from sightline.metrics.evaluation.task import Task
from sightline.metrics.functional import vos
from sightline.metrics.protocols import VosProtocol

VOID = 255
PROPOSALS = 20
BATCH = 8

Labels = NDArray[np.int32]


class VosTask(Task):
    """Masks against masks. pred, gt: folders in the layouts of `layout.find_sequences`."""

    name = "vos"

    def __init__(self, pred: Path, gt: Path, protocol: VosProtocol, names: Sequence[str] | None = None) -> None:
        super().__init__()
        self.protocol: VosProtocol = protocol
        self.names, truth, found = layout.match(
            layout.find_sequences(gt, layout.TRUTH_FOLDERS, layout.MASK_ROOTS, images=False),
            layout.find_sequences(pred, READS[self.name], images=False, annotations=True),
            names,
            (pred, gt),
        )
        self.totals = {name: len(truth[name].files) for name in self.names}
        self.firsts = {name: truth[name].files[0] for name in self.names}
        self.pairs = layout.match_all(truth, found, protocol.ends)
        measures = ("j_mean", "j_recall", "j_decay", "f_mean", "f_recall", "f_decay", "jf_mean")
        self.keys = (*measures, "t_mean") if protocol.stability else measures

    def files(self, name: str) -> Sequence[Path]:
        return (self.firsts[name], *self.pairs[name].files())

    def settings(self) -> dict[str, Any]:
        return {"tolerance": 0.008, "ends": self.protocol.ends}

    def score(self, name: str) -> SequenceScores:
        by_protocol = {"one": self._score_as_one, "assigned": self._score_assigned, "numbered": self._score_numbered}
        return by_protocol[self.protocol.objects](name)

    def finish(self, means: dict[str, Array]) -> dict[str, Array]:
        means["jf_mean"] = (means["j_mean"] + means["f_mean"]) / 2
        return super().finish(means)

    def _truth(self, path: Path) -> tuple[Labels, NDArray[np.bool_]]:
        """The true objects of a frame and its void pixels."""
        labels, palette = read_labels(path)
        unknown = labels == VOID if palette else np.zeros_like(labels, dtype=np.bool_)
        void = unknown if self.protocol.void else np.zeros_like(unknown)
        return np.where(unknown, 0, labels).astype(np.int32), void

    def _frames(self, name: str) -> Iterator[tuple[Labels, Labels, NDArray[np.bool_]]]:
        """Predicted labels, true labels and void pixels of every frame that is scored."""
        pair = self.pairs[name]
        for gt_path, (label, pred) in self.watched(zip(pair.gt, self._predictions(name), strict=True)):
            gt, void = self._truth(gt_path)
            check_size(pred, gt.shape, label, gt_path)
            yield pred, gt, void

    def _predictions(self, name: str) -> Iterator[tuple[object, Labels]]:
        pair, ends, total = self.pairs[name], self.protocol.ends, self.totals[name]
        if pair.archive is None:
            yield from ((path, read_labels(path)[0]) for path in pair.pred)
        elif pair.video is not None:
            for values in predicted_maps(pair, total, ends):
                yield pair.archive, (values.numpy() >= HALF).astype(np.int32)
        else:
            frames = list(read_annotations(pair.archive))
            if len(frames) != total:
                raise DataError(
                    f"{pair.archive}: {len(frames)} images, the ground truth has {total} frames; they must be the same"
                )
            yield from ((pair.archive, labels) for labels in frames[ends : total - ends])

    def _objects(self, name: str) -> int:
        """The number of objects, which the first frame of the truth names."""
        objects = int(self._truth(self.firsts[name])[0].max())
        if objects == 0:
            raise DataError(f"{self.firsts[name]}: the first frame has no object; it must name them all")
        return objects

    def _score_as_one(self, name: str) -> SequenceScores:
        j, f, t = [], [], []
        previous: Tensor | None = None
        if self.protocol.truth_first:
            previous = torch.from_numpy(self._truth(self.firsts[name])[0] != 0)
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
        both = torch.cat(j), torch.cat(f)
        values = {"j": both[0].tolist(), "f": both[1].tolist()} | ({"t": t} if self.protocol.stability else {})
        unscored = int((both[0].isnan() | both[1].isnan()).sum())
        found = SequenceScores(name, list(self.pairs[name].frames), values, {}, unscored)
        return replace(found, tallies=self.tallies(found))

    def tallies(self, scores: SequenceScores) -> dict[str, Tally]:
        series = {key: torch.tensor(values, dtype=torch.float64) for key, values in scores.values.items()}
        found: dict[str, list[float]] = {}
        for key in series:
            if key[0] == "j":  # each object counts once
                for statistic, value in _statistics(series[key], series["f" + key[1:]]).items():
                    found.setdefault(statistic, []).append(value)
        tallies = {key: Tally.of_frames(values, by_sequence=False) for key, values in found.items()}
        if "t" in scores.values:
            tallies["t_mean"] = Tally.of_frames(scores.values["t"], by_sequence=True)
        return tallies

    def _score_assigned(self, name: str) -> SequenceScores:
        """Assign proposals to objects by the mean J&F over all frames, then score the assigned ones."""
        objects, most, frames = self._objects(name), 0, []
        for index, (pred, gt, void) in enumerate(self._frames(name)):
            most = max(most, int(pred.max()))
            if most > PROPOSALS:
                raise DataError(f"{name}, frame {index}: object number {most}; {PROPOSALS} proposals are allowed")
            frames.append(_all_against_all(pred, gt, void, objects))
        # There are as many proposals as the highest number says, and empty ones for objects beyond that alone.
        scores = torch.stack(frames)[:, :, : max(most, objects)]  # (T, 2, proposals, objects)
        rows, columns = linear_sum_assignment(-scores.mean((0, 1)).numpy())
        chosen = scores[:, :, torch.from_numpy(rows), torch.from_numpy(columns)]  # (T, 2, objects)
        return self._of_objects(name, chosen, [column + 1 for column in columns.tolist()])

    def _score_numbered(self, name: str) -> SequenceScores:
        """Score the mask of each number against the object of that number."""
        objects, frames = self._objects(name), []
        numbers = torch.arange(1, objects + 1, dtype=torch.int32)[:, None, None]
        for index, (pred, gt, void) in enumerate(self._frames(name)):
            if pred.max() > objects:
                raise DataError(
                    f"{name}, frame {index + self.protocol.ends}: object number {pred.max()}; the first frame names "
                    f"{objects}"
                )
            first, second = torch.from_numpy(pred) == numbers, torch.from_numpy(gt) == numbers
            ignore = torch.from_numpy(void).expand(first.shape) if void.any() else None
            frames.append(torch.stack(vos.j_and_f(first, second, ignore, empty=self.protocol.empty)))
        return self._of_objects(name, torch.stack(frames), list(range(1, objects + 1)))

    def _of_objects(self, name: str, scores: Tensor, numbers: list[int]) -> SequenceScores:
        """From the scores (T, 2, objects) of the objects of these numbers."""
        values = {
            f"{measure}_{number}": scores[:, which, at].tolist()
            for which, measure in enumerate("jf")
            for at, number in enumerate(numbers)
        }
        objects = {}
        for at, number in sorted(enumerate(numbers), key=lambda pair: pair[1]):
            one = _statistics(scores[:, 0, at], scores[:, 1, at])
            objects[str(number)] = {**one, "jf_mean": (one["j_mean"] + one["f_mean"]) / 2}
        found = SequenceScores(name, list(self.pairs[name].frames), values, {}, objects=objects)
        return replace(found, tallies=self.tallies(found))


def _all_against_all(pred: Labels, gt: Labels, void: NDArray[np.bool_], objects: int) -> Tensor:
    """J and F of each proposal with each object of one frame: (2, proposals, objects); absent ones are empty masks."""
    present = [0, *(int(label) for label in np.unique(pred) if label)]
    proposals = torch.stack([torch.from_numpy((pred == label) & (label > 0)) for label in present])
    truth = torch.stack([torch.from_numpy(gt == label) for label in range(1, objects + 1)])
    size = (len(present), objects, *gt.shape)
    ignore = torch.from_numpy(void).expand(size) if void.any() else None
    scores = torch.stack(vos.j_and_f(proposals[:, None].expand(size), truth[None].expand(size), ignore))
    result = scores[:, :1].repeat(1, max(PROPOSALS, objects), 1)  # the empty mask against every object
    result[:, [label - 1 for label in present[1:]]] = scores[:, 1:]
    return result


def _statistics(j: Tensor, f: Tensor) -> dict[str, float]:
    """Mean, recall and decay of J and F over the frames of one object."""
    return {
        f"{measure}_{statistic}": float(value)
        for measure, series in (("j", j), ("f", f))
        for statistic, value in vos.statistics(series)._asdict().items()
    }


def _batches(frames: Iterator[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:
    batch = []
    for frame in frames:
        batch.append(frame)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
