"""The data-quality report as one HTML page that needs nothing else: a table, and a figure for each recording."""

from __future__ import annotations

import base64
import gc
import io
from collections.abc import Sequence
from dataclasses import asdict
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sightline.gaze.align import Aligned
from sightline.gaze.quality import Quality
from sightline.gaze.quality_table import Column, Row, known

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_POINTS = 3000  # more than a figure of this size can show
INK, X_INK, Y_INK, FIXATION_INK = "#222831", "#1f6fb2", "#d1495b", "#f2c14e"

STYLE = """
body{font:15px/1.45 system-ui,sans-serif;color:#222831;margin:2rem auto;max-width:1180px;padding:0 1rem}
h1{font-size:1.5rem;margin:0 0 .2rem} h2{font-size:1.1rem;margin:2rem 0 .3rem} h2 small{font-weight:400;color:#55606e}
p{margin:.2rem 0;color:#55606e} .wide{overflow-x:auto;margin-top:1rem}
table{border-collapse:collapse;font-size:13px;width:100%;font-variant-numeric:tabular-nums}
th,td{padding:.25rem .4rem;text-align:right;border-bottom:1px solid #e3e6ea;white-space:nowrap}
th{background:#f5f6f8;white-space:normal;vertical-align:bottom;line-height:1.25}
td:first-child,th:first-child{text-align:left} td.look{background:#fdecea}
img{max-width:100%} .warn{color:#a33a2c}
"""


def figure(aligned: Aligned) -> str:
    """The recording at a glance as a PNG in base64: gaze over time, on the screen, and how long fixations last."""
    from matplotlib.figure import Figure

    page = Figure(figsize=(13.5, 3), dpi=85, layout="constrained")
    trace, screen, hist = page.subplots(1, 3, width_ratios=(3, 2, 1.1))
    every = max(1, len(aligned.time_s) // MAX_POINTS)
    _draw_trace(trace, aligned, every)
    _draw_screen(screen, aligned, every)
    durations = 1000 * aligned.found["duration_s"].to_numpy()
    longest = max(1000, np.percentile(durations, 98) if len(durations) else 0)
    hist.hist(durations, bins=np.arange(0, longest + 50, 50), color=FIXATION_INK, edgecolor="white", linewidth=0.5)
    hist.set(xlabel="fixation duration (ms)", ylabel="fixations")
    for axes in (trace, hist):
        axes.spines[["top", "right"]].set_visible(False)
    buffer = io.BytesIO()
    page.savefig(buffer, format="png")
    del page, trace, screen, hist, axes
    gc.collect()  # a figure refers to itself, and a hundred of them would pile up before Python looks
    return base64.b64encode(buffer.getvalue()).decode()


def _draw_trace(axes: Axes, aligned: Aligned, every: int) -> None:
    time, xy = aligned.time_s[::every], aligned.screen_xy[::every]
    onset = aligned.clock(aligned.found["onset_s"].to_numpy())
    spans: Any = np.column_stack([onset, aligned.found["duration_s"].to_numpy()])
    limit = max(aligned.viewing.screen.size_px)
    axes.broken_barh(spans, (0, limit), color=FIXATION_INK, alpha=0.35, linewidth=0, label="fixations")
    axes.plot(time, xy[:, 0], color=X_INK, linewidth=0.7, label="x")
    axes.plot(time, xy[:, 1], color=Y_INK, linewidth=0.7, label="y")
    axes.set(xlabel="video time (s)", ylabel="screen px", ylim=(0, limit))
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0, frameon=False, ncols=3, fontsize=9)
    axes.margins(x=0)


def _draw_screen(axes: Axes, aligned: Aligned, every: int) -> None:
    from matplotlib.patches import Rectangle

    (height, width), place = aligned.viewing.screen.size_px, aligned.viewing.placement
    axes.add_patch(Rectangle((0, 0), width, height, facecolor="#d9dee5", edgecolor="none"))
    axes.add_patch(Rectangle((place.x, place.y), place.width, place.height, facecolor="white", edgecolor="none"))
    axes.add_patch(Rectangle((0, 0), width, height, fill=False, edgecolor=INK))
    axes.plot(*aligned.screen_xy[::every].T, ".", color=X_INK, markersize=1.5, alpha=0.35)
    axes.plot(*aligned.found.select("x", "y").to_numpy().T, "o", color=Y_INK, markersize=3, alpha=0.6)
    axes.set(xlim=(-0.05 * width, 1.05 * width))
    axes.set(ylim=(1.05 * height, -0.05 * height), aspect="equal", xticks=[], yticks=[])
    axes.set_title(f"{place.bars}, {width}x{height}", fontsize=9)
    axes.axis("off")


def write_page(path: Path, title: str, measures: Sequence[Quality], figures: Sequence[str]) -> None:
    """Write the page. figures: one of `figure` for each of `measures`, "" for none."""
    rows = [asdict(q) for q in measures]
    columns = known(rows)
    head = "".join(f"<th>{escape(column.heading)}</th>" for column in columns)
    body = "".join(f"<tr>{''.join(_cell(column, row) for column in columns)}</tr>" for row in rows)
    # What is said of every recording is said once.
    common = [
        words for words in measures[0].warnings if len(measures) > 1 and all(words in q.warnings for q in measures)
    ]
    sections = "".join(_section(q, png, common) for q, png in zip(measures, figures, strict=True))
    count = f"{len(measures)} recordings" if len(measures) != 1 else "One recording"
    path.write_text(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title><style>{STYLE}</style>'
        f"<h1>{escape(title)}</h1><p>{count}. Shaded cells are worth a look.</p>{_warned(common)}"
        f'<div class="wide"><table><tr>{head}</tr>{body}</table></div>{sections}</html>\n',
        encoding="utf-8",
    )


def _cell(column: Column, row: Row) -> str:
    mark = ' class="look"' if column.striking(row) else ""
    return f"<td{mark}>{escape(column.cell(row))}</td>"


def _section(q: Quality, png: str, common: Sequence[str]) -> str:
    words = _warned([words for words in q.warnings if words not in common])
    image = f'<img alt="Gaze of {escape(q.subject)}" src="data:image/png;base64,{png}">' if png else ""
    return f"<h2>{escape(q.subject)} <small>{escape(Path(q.file).name)}</small></h2>{words}{image}"


def _warned(warnings: Sequence[str]) -> str:
    return f'<p class="warn">{escape("; ".join(warnings))}</p>' if warnings else ""
