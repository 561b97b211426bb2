"""Scoring folders of predictions: the machinery behind `sightline evaluate`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sightline.errors import DataError, UsageError
from sightline.metrics.evaluation import runner, scores
from sightline.metrics.evaluation.layout import read_selection
from sightline.metrics.evaluation.report import Comparison, Report
from sightline.metrics.evaluation.task import Task
from sightline.metrics.protocols import FIXATION, GAZE, TASKS, VOS, VSOD, choose

__all__ = ["Options", "Report", "evaluate", "make_task", "read_selection"]


@dataclass(frozen=True)
class Options:
    """How an evaluation is run.

    workers: threads, by default one a processor. draws: bootstrap resamples. seed: of the bootstrap and of protocols
    that draw at random. names: the sequences to score, all by default. sigma, yardsticks: see `FixationTask`.
    """

    workers: int | None = None
    draws: int = 1000
    seed: int = 0
    names: Sequence[str] | None = None
    sigma: float | None = None
    yardsticks: bool = False


def evaluate(
    task: str,
    pred: str | Path,
    gt: str | Path,
    protocol: str = "exact",
    *,
    against: Sequence[str | Path] = (),
    options: Options | None = None,
    journal: Path | None = None,
    begin: Callable[[str, int], Callable[[], None]] = lambda name, total: lambda: None,
    notice: Callable[[str], None] = lambda text: None,
) -> Report:
    """Score the predictions in the folder `pred` against the ground truth in `gt`.

    task: fixation, vsod, vos or gaze. protocol: whose rules to follow, see `sightline.metrics.protocols`.
    against: other predictions, scored alike and compared pair by pair.
    journal: a file that lets an interrupted run go on; notice: gets a line on what a resumed run takes over.
    begin: called with the name and the number of sequences of each prediction; what it returns, after each sequence.
    Raises UsageError for an unknown task or protocol, DataError for predictions that do not fit the ground truth.
    """
    options = options or Options()
    gt = Path(gt)
    make = functools.partial(make_task, task, gt=gt, protocol=protocol, options=options)
    tasks = [make(Path(folder)) for folder in (pred, *against)]
    if not tasks[0].names:
        raise DataError(f"{gt}: no sequence to score")
    found = []
    for index, one in enumerate(tasks):
        advance = begin(Path((pred, *against)[index]).name, len(one.names))
        note = None if journal is None else journal.with_name(journal.name + (f".{index}" if index else ""))
        found.append(runner.run(one, options.workers, note, advance, notice))
    first = tasks[0]
    weights = scores.bootstrap_weights(len(first.names), options.draws, options.seed)
    once = np.ones((1, len(first.names)))
    samples = [
        scores.combine(result, weights, one.finish) | one.whole(weights)
        for one, result in zip(tasks, found, strict=True)
    ]
    overall = [
        scores.overall(result, one.finish) | {key: float(value[0]) for key, value in one.whole(once).items()}
        for one, result in zip(tasks, found, strict=True)
    ]
    return Report(
        task=task,
        protocol=protocol,
        overall=overall[0],
        interval=scores.intervals(samples[0]),
        sequences={one.name: scores.overall([one], first.finish) for one in found[0]},
        unscored_frames=sum(one.unscored for one in found[0]),
        settings={**first.settings(), "bootstrap_draws": options.draws, "seed": options.seed},
        inputs=_inputs(first, Path(pred), gt),
        comparisons=[
            Comparison(
                str(folder),
                overall[index],
                scores.intervals(samples[index]),
                {key: overall[0][key] - overall[index][key] for key in overall[0]},
                scores.intervals({key: samples[0][key] - samples[index][key] for key in samples[0]}),
            )
            for index, folder in enumerate(against, start=1)
        ],
        yardsticks=_yardsticks(found[0]),
        curves=_curves(first, found[0]),
        details=found[0],
    )


def make_task(task: str, pred: Path, gt: Path, protocol: str, options: Options) -> Task:
    """The task of this name. Raises UsageError that lists the tasks or protocols there are."""
    if task != "fixation" and (options.yardsticks or options.sigma is not None):
        raise UsageError(f"{task}: --sigma and --yardsticks belong to the task fixation; leave them out")
    if task == "vos":
        from sightline.metrics.evaluation.vos import VosTask

        return VosTask(pred, gt, choose(VOS, task, protocol), options.names)
    if task == "vsod":
        from sightline.metrics.evaluation.vsod import VsodTask

        return VsodTask(pred, gt, choose(VSOD, task, protocol), options.names)
    if task == "gaze":
        from sightline.metrics.evaluation.gaze import GazeTask

        return GazeTask(pred, gt, choose(GAZE, task, protocol), options.names)
    if task == "fixation":
        from sightline.metrics.evaluation.fixation import FixationTask

        chosen = choose(FIXATION, task, protocol)
        return FixationTask(pred, gt, chosen, options.names, options.seed, options.sigma, options.yardsticks)
    raise UsageError(f"{task}: not a task; choose {', '.join(TASKS)}")


def _curves(task: Task, found: Sequence[scores.SequenceScores]) -> dict[str, list[float]]:
    """The curves of the set at the thresholds 0, 1/255, ..., 1."""
    if not task.curves:
        return {}
    means: dict[str, scores.Array] = {}
    scores.combine(found, np.ones((1, len(found))), lambda found: means.update(found) or {})
    return {key: means[key][0].tolist() for key in task.curves}


def _yardsticks(found: Sequence[scores.SequenceScores]) -> dict[str, dict[str, float]]:
    """Tallies named "<yardstick>/<key>", by yardstick and key."""
    means = scores.overall(found, lambda means: {key: value[:, 0] for key, value in means.items() if "/" in key})
    grouped: dict[str, dict[str, float]] = {}
    for key, value in means.items():
        label, _, score = key.partition("/")
        grouped.setdefault(label, {})[score] = value
    return grouped


def _inputs(task: Task, pred: Path, gt: Path) -> dict[str, Any]:
    """Where the inputs are, and a hash of the files that each sequence was scored from."""
    return {
        "pred": str(pred),
        "gt": str(gt),
        "sha256": {name: runner.digest(task.files(name)) for name in task.names},
    }
