"""Plots of a report: every score of every sequence, the set's scores side by side, and the curves over thresholds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sightline.files import WholeFile
from sightline.metrics.evaluation.report import LOWER_IS_BETTER, Report, Scored
from sightline.metrics.explain import title_of

MOST_NAMES = 40
"""More sequences than this are drawn as a profile without their names."""
LINES = {"chance": ":", "other observers": "--"}
"""Yardsticks that are drawn as lines: the floor and the ceiling."""
COLOURS = ("#2f6da8", "#c8553d", "#3f8f5f", "#8a5aa8", "#b58900", "#5b6770")


def write_plots(report: Report, folder: Path) -> list[Path]:
    """Write sequences.png, summary.png and, where there are curves, curves.png into `folder`; returns their paths."""
    figures = {"sequences.png": _sequences(report), "summary.png": _summary(report)}
    if report.curves:
        figures["curves.png"] = _curves(report)
    written = []
    for name, figure in figures.items():
        with WholeFile(folder / name) as partial:
            figure.savefig(partial, format="png", dpi=120)
        written.append(folder / name)
    return written


def _keys(report: Report) -> list[str]:
    """The scores that some sequence has."""
    every = [one.sequences.values() for one in report.predictions()]
    return [
        key
        for key in report.overall
        if any(math.isfinite(scores.get(key, math.nan)) for sequences in every for scores in sequences)
    ]


def _title(report: Report, what: str) -> str:
    names = " and ".join(one.name for one in report.predictions())
    return f"{what}: {names}\n{report.task}, protocol {report.protocol}, {len(report.sequences)} sequences"


def _sequences(report: Report) -> Figure:
    """A panel a score, with the sequences in the order of the first prediction's scores."""
    keys = _keys(report)
    figure = Figure(figsize=(10, 1.2 + 2.1 * max(1, len(keys))), layout="constrained")
    figure.suptitle(_title(report, "Scores of sequences"))
    for row, key in enumerate(keys, start=1):
        axes = figure.add_subplot(len(keys), 1, row)
        _panel(axes, report, key)
        if row == 1:
            axes.legend(loc="lower left", bbox_to_anchor=(0, 1.02), ncols=6, fontsize=8, frameon=False)
    return figure


def _panel(axes: Axes, report: Report, key: str) -> None:
    scores = {name: one.get(key, math.nan) for name, one in report.sequences.items()}
    names = sorted(scores, key=lambda name: (math.isnan(scores[name]), scores[name]))
    at, few = np.arange(len(names)), len(names) <= MOST_NAMES
    shown = report.predictions()
    width = 0.8 / len(shown)
    for index, one in enumerate(shown):
        values = [_finite(one.sequences[name].get(key, math.nan)) for name in names]
        colour = COLOURS[index % len(COLOURS)]
        if few:
            axes.bar(at + (index - (len(shown) - 1) / 2) * width, values, width, color=colour, label=one.name)
        else:
            axes.plot(at, values, ".", markersize=3, color=colour, label=one.name)
        if math.isfinite(one.overall.get(key, math.nan)):
            axes.axhline(one.overall[key], color=colour, linewidth=1, alpha=0.7)
    _yardsticks(axes, report, key)
    arrow = "lower is better" if key in LOWER_IS_BETTER else "higher is better"
    axes.set_title(f"{title_of(key)} ({key}, {arrow})", fontsize=9, loc="right")
    axes.set_ylabel(key)
    axes.use_sticky_edges = False  # a line of chance at 0 stays in sight
    axes.margins(x=0.01, y=0.06)
    axes.set_xticks(at if few else [], names if few else [], rotation=45, ha="right", fontsize=7)
    if not few:
        axes.set_xlabel(f"{len(names)} sequences, in the order of {report.name}", fontsize=8)


def _yardsticks(axes: Axes, report: Report, key: str, across: bool = True) -> None:
    for name, style in LINES.items():
        value = report.yardsticks.get(name, {}).get(key, math.nan)
        if math.isfinite(value):
            line = axes.axhline if across else axes.axvline
            line(value, color="black", linewidth=1, linestyle=style, label=name)


def _summary(report: Report) -> Figure:
    """A small panel a score, with the 95 % intervals of all predictions."""
    keys = [key for key in report.overall if any(math.isfinite(one.overall[key]) for one in report.predictions())]
    columns = min(4, max(1, len(keys)))
    rows = max(1, math.ceil(len(keys) / columns))
    shown = report.predictions()
    figure = Figure(figsize=(3 * columns, 1.2 + (1.2 + 0.35 * len(shown)) * rows), layout="constrained")
    figure.suptitle(_title(report, "Scores of the set, with 95 % intervals"))
    for place, key in enumerate(keys, start=1):
        axes = figure.add_subplot(rows, columns, place)
        for index, one in enumerate(shown):
            _interval(axes, one, key, index)
        _yardsticks(axes, report, key, across=False)
        axes.set_yticks(range(len(shown)), [one.name for one in shown], fontsize=8)
        axes.set_ylim(len(shown) - 0.5, -0.5)
        axes.set_title(f"{key} {'↓' if key in LOWER_IS_BETTER else '↑'}", fontsize=9)
        axes.tick_params(axis="x", labelsize=7)
    if report.yardsticks:
        drawn = dict(zip(*reversed(figure.axes[0].get_legend_handles_labels()), strict=True))
        figure.legend(drawn.values(), drawn.keys(), loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    return figure


def _interval(axes: Axes, one: Scored, key: str, row: int) -> None:
    value, (low, high) = one.overall[key], one.interval.get(key, (math.nan, math.nan))
    if math.isfinite(value):
        known = math.isfinite(low) and math.isfinite(high)
        reach = [[max(0.0, value - low)], [max(0.0, high - value)]] if known else None
        axes.errorbar([value], [row], xerr=reach, fmt="o", color=COLOURS[row % len(COLOURS)], capsize=3)


def _curves(report: Report) -> Figure:
    """Precision against recall, and every other curve against the threshold."""
    with mpl.rc_context({"axes.grid": True, "grid.alpha": 0.3}):
        others = [key for key in report.curves if key not in {"precision", "recall"}]
        figure = Figure(figsize=(4.5 * (1 + len(others)), 4.4), layout="constrained")
        figure.suptitle(_title(report, "Curves of the set"))
        panels: Sequence[Axes] = figure.subplots(1, 1 + len(others), squeeze=False)[0]
        for index, one in enumerate(report.predictions()):
            colour = COLOURS[index % len(COLOURS)]
            panels[0].plot(one.curves["recall"], one.curves["precision"], color=colour, label=one.name)
            for axes, key in zip(panels[1:], others, strict=True):
                axes.plot([k / 255 for k in range(256)], one.curves[key], color=colour, label=one.name)
        panels[0].set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02), title="precision and recall")
        for axes, key in zip(panels[1:], others, strict=True):
            axes.set(xlabel="threshold", ylabel=key, xlim=(0, 1), ylim=(0, 1.02), title=title_of(key))
        for axes in panels:
            axes.legend(fontsize=8)
    return figure


def _finite(value: float) -> float:
    return value if math.isfinite(value) else math.nan
