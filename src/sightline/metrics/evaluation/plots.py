"""Plots of a report: a bar a sequence for every score, and the curves over thresholds."""

from __future__ import annotations

import math
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from sightline.files import WholeFile
from sightline.metrics.evaluation.report import Report

MOST_BARS = 60


def write_plots(report: Report, folder: Path) -> list[Path]:
    """Write sequences.png and, where there are curves, curves.png into `folder`. Returns what was written."""
    figures = {"sequences.png": _bars(report)}
    if report.curves:
        figures["curves.png"] = _curves(report)
    written = []
    for name, figure in figures.items():
        with WholeFile(folder / name) as partial:
            figure.savefig(partial, format="png", dpi=120)
        written.append(folder / name)
    return written


def _bars(report: Report) -> Figure:
    """The scores of each sequence in ascending order, with the mean as a line; many sequences become a profile."""
    keys = [
        key
        for key in report.overall
        if any(not math.isnan(one.get(key, math.nan)) for one in report.sequences.values())
    ]
    figure = Figure(figsize=(9, 1.9 * max(1, len(keys))), layout="constrained")
    for row, key in enumerate(keys, start=1):
        axes = figure.add_subplot(len(keys), 1, row)
        scores = {name: one[key] for name, one in report.sequences.items() if not math.isnan(one.get(key, math.nan))}
        names = sorted(scores, key=lambda name: scores[name])
        named = len(names) <= MOST_BARS
        axes.bar(range(len(names)), [scores[name] for name in names], width=0.8 if named else 1.0, color="#4878a8")
        axes.axhline(report.overall[key], color="#c04040", linewidth=1)
        axes.set_ylabel(key)
        axes.margins(x=0.01)
        axes.set_xticks(range(len(names)) if named else [], names if named else [], rotation=60, ha="right", fontsize=7)
    figure.suptitle(
        f"{report.task}, protocol {report.protocol}: {len(report.sequences)} sequences (red: the whole set)"
    )
    return figure


def _curves(report: Report) -> Figure:
    """Precision against recall, and every other curve against the threshold."""
    with mpl.rc_context({"axes.grid": True, "grid.alpha": 0.3}):
        figure = Figure(figsize=(9, 4), layout="constrained")
        left, right = figure.subplots(1, 2)
        left.plot(report.curves["recall"], report.curves["precision"])
        left.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1))
        for key, curve in report.curves.items():
            if key not in {"precision", "recall"}:
                right.plot([k / 255 for k in range(len(curve))], curve, label=key)
        right.set(xlabel="threshold", xlim=(0, 1), ylim=(0, 1))
        right.legend()
    return figure
