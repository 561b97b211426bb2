"""What an evaluation found: numbers for machines, tables for papers."""

from __future__ import annotations

import csv
import io
import json
import math
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sightline._version import __version__
from sightline.errors import OutputError
from sightline.files import WholeFile
from sightline.metrics.evaluation.scores import SequenceScores

Scores = dict[str, float]
Intervals = dict[str, tuple[float, float]]

LOWER_IS_BETTER = frozenset({"mae", "kld", "l2", "angle", "t_mean", "j_decay", "f_decay"})


@dataclass(kw_only=True)
class Scored:
    """The scores of one prediction.

    name: its folder's, told apart from others. overall, interval: by key, with the bootstrap 95 % interval over
    sequences. sequences: by name and key. unscored_frames: frames that could not be scored and are in no mean. inputs:
    folders, and checksums of the files. objects: by sequence, number and key, where objects are scored apart.
    curves: means over the set at 256 thresholds, by name. details: per-frame scores; they go to the CSV file, not to
    the JSON file.
    """

    name: str
    overall: Scores
    interval: Intervals
    sequences: dict[str, Scores]
    unscored_frames: int
    inputs: dict[str, Any]
    objects: dict[str, dict[str, Scores]] = field(default_factory=dict)
    curves: dict[str, list[float]] = field(default_factory=dict)
    details: list[SequenceScores] = field(default_factory=list)


@dataclass(kw_only=True)
class Comparison(Scored):
    """Another prediction of the same sequences, beside the first one.

    on_common_frames: the scores of the "first" and of this "other" on the frames that both have a score of.
    difference, difference_interval: the first one's minus this one's, on these frames. p_value: of a paired permutation
    test over the sequences, two-sided. frames_not_common: frames with a score of one of the two only.
    """

    on_common_frames: dict[str, Scores]
    difference: Scores
    difference_interval: Intervals
    p_value: Scores
    frames_not_common: int

    @property
    def pred(self) -> str:
        return str(self.inputs["pred"])


@dataclass(kw_only=True)
class Report(Scored):
    """The scores of a prediction, and of the others that it is compared with.

    Attributes
    ----------
    task, protocol, name : str
        What was scored by whose rules, and what the prediction is called.
    overall, interval : dict
        Score by key, and its 95 % bootstrap interval over sequences.
    sequences, objects : dict
        Scores of single sequences, and of single objects where they are scored apart.
    unscored_frames : int
        Frames that could not be scored and are in no mean.
    settings, inputs : dict
        What the scores depend on, and checksums of the files.
    yardsticks, curves : dict
        Scores of simple predictions, and means over the set at 256 thresholds.
    comparisons : list of Comparison
        The other predictions, and how the first differs from each.
    details : list of SequenceScores
        Per-frame scores.
    journals : list of Path
        Files of intermediate results that are still there.

    Examples
    --------
    >>> report = Report(
    ...     task="vos", protocol="exact", name="ours", overall={"j_mean": 0.8}, interval={}, sequences={},
    ...     unscored_frames=0, inputs={}, settings={},
    ... )
    >>> print(report.markdown(), end="")
    |  | ours |
    |---|---:|
    | j_mean ↑ | 0.800 |
    """

    task: str
    protocol: str
    settings: dict[str, Any]
    yardsticks: dict[str, Scores] = field(default_factory=dict)
    comparisons: list[Comparison] = field(default_factory=list)
    journals: list[Path] = field(default_factory=list)

    def predictions(self) -> list[Scored]:
        return [self, *self.comparisons]

    def discard_journals(self) -> None:
        """Remove the intermediate results, once the report is kept."""
        while self.journals:
            self.journals.pop().unlink(missing_ok=True)

    def as_dict(self) -> dict[str, Any]:
        """For JSON: NaN becomes None, infinity a text ("Infinity", "-Infinity")."""
        whole = {**asdict(self), "sightline": __version__}
        for one in (whole, *whole["comparisons"]):
            del one["details"]
        del whole["journals"]
        return _plain(whole)

    def write_json(self, path: Path) -> None:
        write_text(path, json.dumps(self.as_dict(), indent=2) + "\n")

    def write_csv(self, path: Path) -> None:
        """One row a frame of every prediction: prediction, sequence, frame, and the per-frame scores.

        A score is empty where the frame has none.
        """
        every = [(one.name, scores) for one in self.predictions() for scores in one.details]
        columns = list(dict.fromkeys(key for _, scores in every for key in scores.values))
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow(("prediction", "sequence", "frame", *columns))
        for name, scores in every:
            for index, frame in enumerate(scores.frames):
                values = (scores.values[key][index] if key in scores.values else math.nan for key in columns)
                rows.writerow((name, scores.name, frame, *("" if math.isnan(v) else f"{v:.6f}" for v in values)))
        write_text(path, text.getvalue())

    def markdown(self) -> str:
        """A table with a row a score: of this prediction, the others, their differences, and the yardsticks."""
        return _markdown([list(row) for row in zip(*self._table("**", "**"), strict=True)])

    def objects_markdown(self) -> str:
        """A table with a row an object of every prediction; nothing where objects are not scored apart."""
        if not self.objects:
            return ""
        keys = list(next(iter(next(iter(self.objects.values())).values())))
        rows = [["prediction", "sequence", "object", *keys]]
        for one in self.predictions():
            for sequence, objects in one.objects.items():
                for number, scores in objects.items():
                    rows.append([one.name, sequence, number, *(_cell(scores[key]) for key in keys)])
        return _markdown(rows, left=2)

    def latex(self) -> str:
        """A table for a paper, with a column a score (package booktabs)."""
        head, *rows = ([_escaped(cell) for cell in row] for row in self._table(r"\textbf{", "}"))
        lines = [rf"\begin{{tabular}}{{l{'r' * (len(head) - 1)}}}", r"\toprule", " & ".join(head) + r" \\", r"\midrule"]
        lines += [" & ".join(row) + r" \\" for row in rows]
        return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])

    def _table(self, bold: str, end: str) -> list[list[str]]:
        """Cells, with a row a prediction and a column a score; the best of several predictions in bold."""
        keys = list(self.overall)
        best = {key: self._best(key) for key in keys}
        unscored = any(one.unscored_frames for one in self.predictions())

        def row(label: str, cells: list[str], frames: str = "") -> list[str]:
            return [label, *cells, *([frames] if unscored else [])]

        def scores(one: Scored) -> list[str]:
            cells = {key: _cell(one.overall.get(key, math.nan), one.interval.get(key)) for key in keys}
            return [f"{bold}{cell}{end}" if one.name in best[key] else cell for key, cell in cells.items()]

        arrows = [f"{key} {'↓' if key in LOWER_IS_BETTER else '↑'}" for key in keys]
        rows = [row("", arrows, "unscored frames"), row(self.name, scores(self), str(self.unscored_frames))]
        for other in self.comparisons:
            rows.append(row(other.name, scores(other), str(other.unscored_frames)))
            cells = [
                _cell(other.difference[key], other.difference_interval.get(key), "+", other.p_value.get(key))
                for key in keys
            ]
            rows.append(row(f"{self.name} - {other.name}", cells, f"{other.frames_not_common} not common"))
        rest = ((label, [_cell(one.get(key, math.nan)) for key in keys]) for label, one in self.yardsticks.items())
        return rows + [row(label, cells) for label, cells in rest]

    def _best(self, key: str) -> set[str]:
        """Which of several predictions score best, by what they are ahead of the first on the frames of both."""
        ahead = {self.name: 0.0} | {one.name: -one.difference[key] for one in self.comparisons}
        known = {name: -value if key in LOWER_IS_BETTER else value for name, value in ahead.items()}
        known = {name: value for name, value in known.items() if not math.isnan(value)}
        if len(known) < 2:
            return set()
        most = max(known.values())
        return {name for name, value in known.items() if value >= most - 1e-12}


def distinct_names(folders: Sequence[Path]) -> list[str]:
    """Names of predictions: those of their folders, or as much of their paths as tells them apart."""
    paths = [folder.resolve().parts for folder in folders]
    for depth in range(1, max(map(len, paths)) + 1):
        names = ["/".join(parts[-depth:]) for parts in paths]
        if len(set(names)) == len(names):
            return names
    return [f"{folder} ({index})" for index, folder in enumerate(folders, start=1)]


def check_place(path: Path, folder: bool = False) -> None:
    """Raise OutputError where a file (or a folder of files) could not be written, before hours of work for it."""
    if path.exists() and path.is_dir() != folder:
        raise OutputError(f"{path}: {'a folder' if path.is_dir() else 'a file'} is in the way; choose another place")
    if not folder and not os.access(path.parent, os.W_OK):
        raise OutputError(f"{path}: its folder does not exist or cannot be written to; choose another place")


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all. Raises OutputError where it cannot be written."""
    with WholeFile(path) as partial:
        partial.write_text(text, encoding="utf-8")


def _cell(value: float, interval: tuple[float, float] | None = None, sign: str = "", p: float | None = None) -> str:
    if math.isnan(value):
        return "–"
    cell = f"{value:{sign}.3f}"
    if interval is not None and not math.isnan(interval[0]):
        cell += f" [{interval[0]:{sign}.3f}, {interval[1]:{sign}.3f}]"
    return cell if p is None or math.isnan(p) else f"{cell} p = {p:.3f}"


def _markdown(rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """A table of which the first `left` columns are aligned to the left."""
    rule = "|---" * left + "|---:" * (len(rows[0]) - left) + "|"
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], rule, *lines[1:]]) + "\n"


_LATEX = str.maketrans(
    {"_": r"\_", "%": r"\%", "&": r"\&", "#": r"\#", "↓": r"$\downarrow$", "↑": r"$\uparrow$", "–": "--"}
)


def _escaped(cell: str) -> str:
    return cell.translate(_LATEX)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value
