"""What an evaluation found: numbers for machines, tables for papers."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import math
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sightline import __version__
from sightline.errors import OutputError
from sightline.metrics.evaluation.scores import SequenceScores

Scores = dict[str, float]
Intervals = dict[str, tuple[float, float]]

LOWER_IS_BETTER = frozenset({"mae", "kld", "l2", "angle", "t_mean", "j_decay", "f_decay"})


@dataclass
class Comparison:
    """Another prediction of the same sequences. difference, difference_interval: the first one's scores minus its."""

    pred: str
    overall: Scores
    interval: Intervals
    difference: Scores
    difference_interval: Intervals


@dataclass
class Report:
    """The scores of one prediction.

    overall, interval: by key, with the bootstrap 95 % interval over sequences. sequences: by name and key.
    unscored_frames: frames that could not be scored and are in no mean. settings, inputs: what the scores depend on.
    yardsticks: scores of simple predictions, by name and key. curves: means over the set at 256 thresholds, by name.
    details: per-frame scores; they go to the CSV file, not to the JSON file.
    """

    task: str
    protocol: str
    overall: Scores
    interval: Intervals
    sequences: dict[str, Scores]
    unscored_frames: int
    settings: dict[str, Any]
    inputs: dict[str, Any]
    yardsticks: dict[str, Scores] = field(default_factory=dict)
    comparisons: list[Comparison] = field(default_factory=list)
    curves: dict[str, list[float]] = field(default_factory=dict)
    details: list[SequenceScores] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """For JSON: NaN becomes None."""
        whole = {**asdict(self), "sightline": __version__}
        del whole["details"]
        return _without_nan(whole)

    def write_json(self, path: Path) -> None:
        write_text(path, json.dumps(self.as_dict(), indent=2) + "\n")

    def write_csv(self, path: Path) -> None:
        """One row a frame: sequence, frame, and the per-frame scores; empty where a frame cannot be scored."""
        columns = list(dict.fromkeys(key for scores in self.details for key in scores.values))
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow(("sequence", "frame", *columns))
        for scores in self.details:
            for index, frame in enumerate(scores.frames):
                values = (scores.values[key][index] if key in scores.values else math.nan for key in columns)
                rows.writerow((scores.name, frame, *("" if math.isnan(v) else f"{v:.6f}" for v in values)))
        write_text(path, text.getvalue())

    def markdown(self) -> str:
        """A table with a row a score: of this prediction, the others, their differences, and the yardsticks."""
        head, *rows = zip(*self._table(), strict=True)
        lines = ["| " + " | ".join(head) + " |", "|---" + "|---:" * (len(head) - 1) + "|"]
        return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"

    def latex(self) -> str:
        """A table for a paper, with a column a score (package booktabs)."""
        head, *rows = ([_escaped(cell) for cell in row] for row in self._table())
        lines = [rf"\begin{{tabular}}{{l{'r' * (len(head) - 1)}}}", r"\toprule", " & ".join(head) + r" \\", r"\midrule"]
        lines += [" & ".join(row) + r" \\" for row in rows]
        return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])

    def _table(self) -> list[list[str]]:
        """Cells, with a row a prediction and a column a score."""
        keys = list(self.overall)
        name = Path(self.inputs["pred"]).name

        def row(label: str, scores: Scores, interval: Intervals | None = None, sign: str = "") -> list[str]:
            cells = (_cell(scores.get(key, math.nan), (interval or {}).get(key), sign) for key in keys)
            return [label, *cells]

        rows = [["", *(f"{key} {'↓' if key in LOWER_IS_BETTER else '↑'}" for key in keys)]]
        rows.append(row(name, self.overall, self.interval))
        for other in self.comparisons:
            label = Path(other.pred).name
            rows.append(row(label, other.overall, other.interval))
            rows.append(row(f"{name} - {label}", other.difference, other.difference_interval, "+"))
        return rows + [row(label, scores) for label, scores in self.yardsticks.items()]


def check_place(path: Path, folder: bool = False) -> None:
    """Raise OutputError where a file (or a folder of files) could not be written, before hours of work for it."""
    if path.exists() and path.is_dir() != folder:
        raise OutputError(f"{path}: {'a folder' if path.is_dir() else 'a file'} is in the way; choose another place")
    if not folder and not os.access(path.parent, os.W_OK):
        raise OutputError(f"{path}: its folder does not exist or cannot be written to; choose another place")


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all. Raises OutputError where it cannot be written."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        os.replace(partial, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise OutputError(f"{path}: cannot be written ({error.strerror}); choose another place") from error


def _cell(value: float, interval: tuple[float, float] | None, sign: str) -> str:
    if math.isnan(value):
        return "–"
    if interval is None or math.isnan(interval[0]):
        return f"{value:{sign}.3f}"
    return f"{value:{sign}.3f} [{interval[0]:{sign}.3f}, {interval[1]:{sign}.3f}]"


_LATEX = str.maketrans(
    {"_": r"\_", "%": r"\%", "&": r"\&", "#": r"\#", "↓": r"$\downarrow$", "↑": r"$\uparrow$", "–": "--"}
)


def _escaped(cell: str) -> str:
    return cell.translate(_LATEX)


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
