"""Scoring folders of predictions: the machinery behind `sightline evaluate`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sightline.errors import DataError, UsageError
from sightline.metrics.evaluation import runner, scores
from sightline.metrics.evaluation.layout import read_selection
from sightline.metrics.evaluation.report import Comparison, Report, Scored, distinct_names
from sightline.metrics.evaluation.scores import Array, SequenceScores
from sightline.metrics.evaluation.task import Task
from sightline.metrics.protocols import FIXATION, GAZE, TASKS, VOS, VSOD, choose

__all__ = ["Options", "Report", "evaluate", "make_task", "read_selection"]


@dataclass(frozen=True)
class Options:
    """How an evaluation is run.

    Attributes
    ----------
    workers : int, optional
        Threads, by default one a processor.
    draws : int
        Resamples of the bootstrap and of the permutation test.
    seed : int
        Of these and of protocols that draw at random.
    names : sequence of str, optional
        The sequences to score, all by default.
    sigma : float, optional
        Blur of true fixations in pixels of the stimulus (fixation); by default the protocol's, or one degree.
    yardsticks : bool
        Also score chance, a centre prior, the mean map and other observers (fixation).
    log_densities : bool
        The maps hold natural logarithms of densities (fixation).

    Examples
    --------
    >>> Options(names=["bear"]).draws
    1000
    """

    workers: int | None = None
    draws: int = 1000
    seed: int = 0
    names: Sequence[str] | None = None
    sigma: float | None = None
    yardsticks: bool = False
    log_densities: bool = False


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
    """Score the predictions in one folder against the ground truth in another.

    Parameters
    ----------
    task : {"fixation", "vsod", "vos", "gaze"}
        What is scored: saliency maps, maps of salient objects, masks, or gaze targets and objects.
    pred, gt : str or Path
        Folders; docs/metrics.md has their layouts.
    protocol : str, optional
        Whose rules to follow, see `sightline.metrics.protocols`.
    against : sequence of str or Path, optional
        Other predictions, scored alike and compared with the first pair by pair, on the frames both have a score of.
    options : Options, optional
        How it is run.
    journal : Path, optional
        A file that lets an interrupted run go on, one more for each of `against`. They stay until
        `Report.discard_journals` is called, so that no result is lost before the report is kept.
    begin : callable, optional
        Called with the name and the number of sequences of each prediction; what it returns, after each sequence.
    notice : callable, optional
        Gets a line on what a resumed run takes over.

    Returns
    -------
    Report
        Scores of frames, sequences and the set, with intervals and comparisons.

    Raises
    ------
    UsageError
        For an unknown task, protocol or option; a ValueError.
    DataError
        Where predictions do not fit the ground truth, with the files.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> root = Path(tempfile.mkdtemp())
    >>> for side, columns in (("pred", slice(2, 8)), ("gt", slice(4, 8))):
    ...     mask = np.zeros((10, 10), np.uint8)
    ...     mask[2:8, columns] = 255
    ...     (root / side / "bear").mkdir(parents=True)
    ...     Image.fromarray(mask).save(root / side / "bear" / "00000.png")
    >>> report = evaluate("vos", root / "pred", root / "gt")
    >>> round(report.overall["j_mean"], 4)
    0.6667
    """
    options = options or Options()
    gt, folders = Path(gt), [Path(folder) for folder in (pred, *against)]
    tasks = [make_task(task, folder, gt, protocol, options) for folder in folders]
    first = tasks[0]
    if not first.names:
        raise DataError(f"{gt}: no sequence to score")
    for one, folder in zip(tasks, folders, strict=True):
        if one.names != first.names:
            raise DataError(f"{folder}: other sequences than {folders[0]}; choose those of both with `names`")
    labels = distinct_names(folders)
    found, journals = [], []
    for index, one in enumerate(tasks):
        advance = begin(labels[index], len(one.names))
        note = None if journal is None else journal.with_name(journal.name + (f".{index}" if index else ""))
        journals += [] if note is None else [note]
        found.append(runner.run(one, options.workers, note, advance, notice))
    weights = scores.bootstrap_weights(len(first.names), options.draws, options.seed)
    scored = [
        _scored(one, result, weights, label, folder, gt)
        for one, result, label, folder in zip(tasks, found, labels, folders, strict=True)
    ]
    return Report(
        **vars(scored[0]),
        task=task,
        protocol=protocol,
        settings={**first.settings(), "bootstrap_draws": options.draws, "seed": options.seed},
        comparisons=[
            _compared((first, found[0]), (tasks[index], found[index]), weights, options, scored[index])
            for index in range(1, len(tasks))
        ],
        yardsticks=_yardsticks(found[0]),
        journals=journals,
    )


def make_task(task: str, pred: Path, gt: Path, protocol: str, options: Options) -> Task:
    """The task of this name. Raises UsageError that lists the tasks or protocols there are."""
    if task != "fixation" and (options.yardsticks or options.log_densities or options.sigma is not None):
        raise UsageError(f"{task}: `sigma`, `yardsticks` and `log_densities` belong to the task fixation")
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
        return FixationTask(
            pred, gt, chosen, options.names, options.seed, options.sigma, options.yardsticks, options.log_densities
        )
    raise UsageError(f"`task`: {task} is no task; choose {', '.join(TASKS)}")


def _scored(task: Task, found: Sequence[SequenceScores], weights: Array, label: str, folder: Path, gt: Path) -> Scored:
    once = np.ones((1, len(found)))
    return Scored(
        name=label,
        overall=_all_scores(task, found, once),
        interval=scores.intervals(_samples(task, found, weights)),
        sequences={one.name: scores.overall([one], task.finish) for one in found},
        unscored_frames=sum(one.unscored for one in found),
        inputs=_inputs(task, folder, gt),
        objects={one.name: one.objects for one in found if one.objects},
        curves=_curves(task, found),
        details=list(found),
    )


def _compared(
    first: tuple[Task, list[SequenceScores]],
    other: tuple[Task, list[SequenceScores]],
    weights: Array,
    options: Options,
    scored: Scored,
) -> Comparison:
    """What another prediction scored, and the differences on the frames that both have scored."""
    task, swaps = first[0], scores.permutation_weights(weights.shape[1], options.draws, options.seed)
    common = [task.on_common_frames(a, b) for a, b in zip(first[1], other[1], strict=True)]
    ours, theirs = [pair[0] for pair in common], [pair[1] for pair in common]
    both = task.in_both(other[0])
    once = both * np.ones((1, len(ours)))
    means = _all_scores(task, ours, once), _all_scores(other[0], theirs, once)
    samples = _samples(task, ours, weights * both), _samples(other[0], theirs, weights * both)
    return Comparison(
        **vars(scored),
        on_common_frames={"first": means[0], "other": means[1]},
        difference={key: _minus(means[0][key], means[1][key]) for key in means[0]},
        difference_interval=scores.intervals({key: _minus(samples[0][key], samples[1][key]) for key in samples[0]}),
        p_value=scores.permutation_p(ours, theirs, swaps, task.finish),
        frames_not_common=sum(_not_common(*pair) for pair in zip(first[1], other[1], strict=True)),
    )


def _not_common(first: SequenceScores, second: SequenceScores) -> int:
    """Frames of which some score is known of one of the predictions only."""
    keys = first.values.keys() & second.values.keys()
    return sum(
        any(np.isnan(first.values[key][index]) != np.isnan(second.values[key][index]) for key in keys)
        for index in range(len(first.frames))
    )


def _minus(first: Any, second: Any) -> Any:
    with np.errstate(invalid="ignore"):
        return first - second


def _samples(task: Task, found: Sequence[SequenceScores], weights: Array) -> dict[str, Array]:
    return scores.combine(found, weights, task.finish) | task.whole(weights)


def _all_scores(task: Task, found: Sequence[SequenceScores], once: Array) -> dict[str, float]:
    return {key: float(value[0]) for key, value in _samples(task, found, once).items()}


def _curves(task: Task, found: Sequence[SequenceScores]) -> dict[str, list[float]]:
    """The curves of the set at the thresholds 0, 1/255, ..., 1."""
    if not task.curves:
        return {}
    means: dict[str, Array] = {}
    scores.combine(found, np.ones((1, len(found))), lambda found: means.update(found) or {})
    return {key: means[key][0].tolist() for key in task.curves}


def _yardsticks(found: Sequence[SequenceScores]) -> dict[str, dict[str, float]]:
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
