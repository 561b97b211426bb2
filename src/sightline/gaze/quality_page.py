"""The data-quality report as one HTML page that needs nothing else: a table, and a figure for each recording."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sightline.gaze.align import Aligned
from sightline.gaze.quality import Quality

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_POINTS = 3000  # more than a figure of this size can show
INK, X_INK, Y_INK, FIXATION_INK = "#222831", "#1f6fb2", "#d1495b", "#f2c14e"

# Heading, attribute, format, and from which value on it is worth a look.
COLUMNS: tuple[tuple[str, str, str, float | None], ...] = (
    ("Subject", "subject", "{}", None),
    ("Format", "format", "{}", None),
    ("Eye", "eye", "{}", None),
    ("Duration (s)", "duration_s", "{:.1f}", None),
    ("Rate (Hz)", "rate_hz", "{:.1f}", None),
    ("Jitter (ms)", "jitter_ms", "{:.2f}", None),
    ("Pauses", "pauses", "{}", 1),
    ("Lost", "lost_share", "{:.1%}", 0.2),
    ("Off screen", "off_screen_share", "{:.1%}", 0.1),
    ("RMS-S2S (°)", "precision_rms_deg", "{:.3f}", 0.5),
    ("SD (°)", "precision_sd_deg", "{:.3f}", None),
    ("Fixations", "fixations", "{}", None),
    ("On stimulus", "fixations_on_stimulus", "{}", None),
    ("Median (s)", "fixation_median_s", "{:.3f}", None),
    ("Blinks", "blinks", "{}", None),
    ("Disparity (°)", "disparity_deg", "{:.2f}", 1.0),
    ("Validation (°)", "accuracy_deg", "{:.2f}", 1.0),
    ("Events", "events", "{}", None),
    ("Agreement", "agreement", "{:.1%}", None),
    ("Drift (ppm)", "drift_ppm", "{:.0f}", None),
)

STYLE = """
body{font:15px/1.45 system-ui,sans-serif;color:#222831;margin:2rem auto;max-width:1180px;padding:0 1rem}
h1{font-size:1.5rem;margin:0 0 .2rem} h2{font-size:1.1rem;margin:2rem 0 .3rem} p{margin:.2rem 0;color:#55606e}
.wide{overflow-x:auto} table{border-collapse:collapse;font-size:13px;margin-top:1rem;white-space:nowrap}
th,td{padding:.3rem .6rem;text-align:right;border-bottom:1px solid #e3e6ea} th{background:#f5f6f8;text-align:right}
td:first-child,th:first-child{text-align:left;position:sticky;left:0;background:#fff} td.look{background:#fdecea}
img{max-width:100%} .warn{color:#a33a2c}
"""


def figure(aligned: Aligned) -> str:
    """The recording at a glance as a PNG in base64: gaze over time, on the screen, and how long fixations last."""
    from matplotlib.figure import Figure

    page = Figure(figsize=(12, 2.9), dpi=80, layout="constrained")
    trace, screen, hist = page.subplots(1, 3, width_ratios=(3.2, 1.5, 1.1))
    every = max(1, len(aligned.time_s) // MAX_POINTS)
    _draw_trace(trace, aligned, every)
    _draw_screen(screen, aligned, every)
    durations = 1000 * aligned.found["duration_s"].to_numpy()
    hist.hist(durations, bins=np.arange(0, max(1000, np.percentile(durations, 98) if len(durations) else 0) + 50, 50))
    hist.set(xlabel="fixation duration (ms)", ylabel="fixations")
    for axes in (trace, hist):
        axes.spines[["top", "right"]].set_visible(False)
    buffer = io.BytesIO()
    page.savefig(buffer, format="png")
    return base64.b64encode(buffer.getvalue()).decode()


def _draw_trace(axes: Axes, aligned: Aligned, every: int) -> None:
    time, xy = aligned.time_s[::every], aligned.screen_xy[::every]
    onset = aligned.clock(aligned.found["onset_s"].to_numpy())
    spans: Any = np.column_stack([onset, aligned.found["duration_s"].to_numpy()])
    limit = max(aligned.viewing.screen.width_px, aligned.viewing.screen.height_px)
    axes.broken_barh(spans, (0, limit), color=FIXATION_INK, alpha=0.35, linewidth=0)
    axes.plot(time, xy[:, 0], color=X_INK, linewidth=0.7, label="x")
    axes.plot(time, xy[:, 1], color=Y_INK, linewidth=0.7, label="y")
    axes.set(xlabel="video time (s)", ylabel="screen px", ylim=(0, limit))
    axes.legend(loc="upper right", frameon=False, ncols=2, fontsize=8)
    axes.margins(x=0)


def _draw_screen(axes: Axes, aligned: Aligned, every: int) -> None:
    from matplotlib.patches import Rectangle

    screen, place = aligned.viewing.screen, aligned.viewing.placement
    axes.add_patch(Rectangle((0, 0), screen.width_px, screen.height_px, facecolor="#eceff3", edgecolor=INK))
    axes.add_patch(Rectangle((place.x, place.y), place.width, place.height, facecolor="white", edgecolor="none"))
    axes.plot(*aligned.screen_xy[::every].T, ".", color=X_INK, markersize=1.5, alpha=0.35)
    axes.plot(*aligned.found.select("x", "y").to_numpy().T, "o", color=Y_INK, markersize=3, alpha=0.6)
    axes.set(xlim=(-0.05 * screen.width_px, 1.05 * screen.width_px))
    axes.set(ylim=(1.05 * screen.height_px, -0.05 * screen.height_px), aspect="equal", xticks=[], yticks=[])
    axes.set_title(f"{place.bars}, {screen.width_px}x{screen.height_px}", fontsize=9)
    axes.axis("off")


def write_page(path: Path, title: str, measures: Sequence[Quality], figures: Sequence[str]) -> None:
    """Write the page. figures: one of `figure` for each of `measures`, "" for none."""
    head = "".join(f"<th>{escape(name)}</th>" for name, _, _, _ in COLUMNS)
    rows = "".join(f"<tr>{''.join(_cell(q, *column[1:]) for column in COLUMNS)}</tr>" for q in measures)
    sections = "".join(_section(q, png) for q, png in zip(measures, figures, strict=True))
    path.write_text(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title><style>{STYLE}</style>'
        f"<h1>{escape(title)}</h1><p>{len(measures)} recordings. Shaded cells are worth a look.</p>"
        f'<div class="wide"><table><tr>{head}</tr>{rows}</table></div>{sections}</html>\n',
        encoding="utf-8",
    )


def _cell(q: Quality, name: str, form: str, look: float | None) -> str:
    value = getattr(q, name)
    if value is None:
        return "<td>–</td>"
    mark = ' class="look"' if look is not None and value >= look else ""
    return f"<td{mark}>{escape(form.format(value))}</td>"


def _section(q: Quality, png: str) -> str:
    words = f'<p class="warn">{escape("; ".join(q.warnings))}</p>' if q.warnings else ""
    image = f'<img alt="Gaze of {escape(q.subject)}" src="data:image/png;base64,{png}">' if png else ""
    return f"<h2>{escape(q.subject)}</h2><p>{escape(Path(q.file).name)}</p>{words}{image}"
