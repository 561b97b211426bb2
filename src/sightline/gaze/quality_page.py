"""The data-quality report as one HTML page that needs nothing else: a table, and a figure for each recording."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Sequence
from dataclasses import asdict
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sightline.gaze.align import Aligned
from sightline.gaze.quality import Quality
from sightline.gaze.quality_table import Column, Row, known, worst_first

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sightline.gaze.geometry import FloatArray
    from sightline.gaze.viewing import Viewing

LEGEND = 24  # viewers that a legend can name
MAX_POINTS = 3000  # more than a figure of this size can show
INK, X_INK, Y_INK, FIXATION_INK, PLACE_INK = "#222831", "#1f6fb2", "#d1495b", "#f2c14e", "#2f9e44"
PALE = 0.55  # how much of the picture's contrast is left under the gaze

STYLE = """
body{font:15px/1.45 system-ui,sans-serif;color:#222831;margin:2rem auto;max-width:1180px;padding:0 1rem}
h1{font-size:1.5rem;margin:0 0 .2rem} h2{font-size:1.1rem;margin:2rem 0 .3rem} h2 small{font-weight:400;color:#55606e}
p{margin:.2rem 0;color:#55606e} .wide{overflow-x:auto;margin-top:1rem}
table{border-collapse:collapse;font-size:13px;width:100%;font-variant-numeric:tabular-nums}
th,td{padding:.25rem .4rem;text-align:right;border-bottom:1px solid #e3e6ea;white-space:nowrap}
th{background:#f5f6f8;white-space:normal;vertical-align:bottom;line-height:1.25}
td:first-child,th:first-child{text-align:left} th{cursor:pointer}
td.look{background:#fff6d6} td.bad{background:#f8c9c4;font-weight:600}
img{max-width:100%} .bad{color:#a33a2c} .good{color:#2f7d3b} .note{font-size:13px} a{color:#1f6fb2}
"""


# A click on a heading sorts by that column, another one the other way round.
SORT = """
document.querySelectorAll("th").forEach((th,k)=>th.onclick=()=>{const b=th.closest("table").tBodies[0];
const key=r=>{const c=r.cells[k],v=c.dataset.value;return v===undefined?c.textContent:+v};
th.up=!th.up;[...b.rows].sort((a,c)=>{const x=key(a),y=key(c);
return (typeof x===typeof y?(x>y)-(x<y):typeof x==="number"?-1:1)*(th.up?1:-1)}).forEach(r=>b.append(r))});
""".replace("\n", "")


def figure(aligned: Aligned, picture: NDArray[np.uint8] | None = None) -> str:
    """The recording at a glance as a PNG in base64: gaze over time, on the screen, and how long fixations last.

    picture: (h, w, 3) RGB, the stimulus as it was shown, drawn where it lay; None for an empty rectangle.
    """
    from matplotlib.figure import Figure

    page = Figure(figsize=(13.5, 3), dpi=85)
    trace, screen, hist = page.subplots(1, 3, width_ratios=(3, 2, 1.1))
    page.subplots_adjust(left=0.05, right=0.99, top=0.9, bottom=0.18, wspace=0.12)
    every = max(1, len(aligned.time_s) // MAX_POINTS)
    _draw_trace(trace, aligned, every)
    _draw_screen(screen, aligned, every, picture)
    durations = 1000 * aligned.found["duration_s"].to_numpy()
    longest = max(1000, np.percentile(durations, 98) if len(durations) else 0)
    hist.hist(durations, bins=np.arange(0, longest + 50, 50), color=FIXATION_INK, edgecolor="white", linewidth=0.5)
    hist.set(xlabel="fixation duration (ms)", ylabel="fixations")
    for axes in (trace, hist):
        axes.spines[["top", "right"]].set_visible(False)
    return _encoded(page)


def overview(
    viewing: Viewing, viewers: Sequence[tuple[str, FloatArray]], picture: NDArray[np.uint8] | None = None
) -> str:
    """The fixations of all viewers on the screen and the stimulus, as `figure`. viewers: names and (K, 2) screen px."""
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    page = Figure(figsize=(9, 4.2), dpi=85)
    axes = page.subplots()
    page.subplots_adjust(left=0.01, right=0.8, top=0.92, bottom=0.02)
    _draw_place(axes, viewing, picture)
    colours = colormaps["tab20"].colors  # type: ignore[attr-defined]
    for k, (name, xy) in enumerate(viewers):
        axes.plot(*xy.T, "o", color=colours[k % 20], markersize=3.5, markeredgewidth=0, alpha=0.8, zorder=3, label=name)
    if 1 < len(viewers) <= LEGEND:
        axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False, fontsize=8)
    return _encoded(page)


def _encoded(page: Figure) -> str:
    buffer = io.BytesIO()
    page.savefig(buffer, format="png")
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


def _draw_screen(axes: Axes, aligned: Aligned, every: int, picture: NDArray[np.uint8] | None) -> None:
    """The screen, the stimulus where it lay on it, and the gaze on both."""
    _draw_place(axes, aligned.viewing, picture)
    axes.plot(*aligned.screen_xy[::every].T, ".", color=X_INK, markersize=1.5, alpha=0.35, zorder=2)
    axes.plot(*aligned.found.select("x", "y").to_numpy().T, "o", color=Y_INK, markersize=3, alpha=0.7, zorder=3)


def _draw_place(axes: Axes, viewing: Viewing, picture: NDArray[np.uint8] | None) -> None:
    from matplotlib.patches import Rectangle

    (height, width), place = viewing.screen.size_px, viewing.placement
    left, right = min(0, place.x), max(width, place.x + place.width)
    top, bottom = min(0, place.y), max(height, place.y + place.height)
    axes.add_patch(Rectangle((0, 0), width, height, facecolor="#d9dee5", edgecolor="none", zorder=0))
    box = (place.x, place.x + place.width, place.y + place.height, place.y)
    if picture is None:
        axes.add_patch(Rectangle((place.x, place.y), place.width, place.height, facecolor="white", zorder=1))
    else:
        axes.imshow(_pale(picture), extent=box, zorder=1, interpolation="bilinear")
    axes.add_patch(Rectangle((0, 0), width, height, fill=False, edgecolor=INK, zorder=4))
    axes.add_patch(
        Rectangle(
            (place.x, place.y), place.width, place.height, fill=False, edgecolor=PLACE_INK, linewidth=1.6, zorder=5
        )
    )
    margin_x, margin_y = 0.05 * (right - left), 0.05 * (bottom - top)
    axes.set(xlim=(left - margin_x, right + margin_x), ylim=(bottom + margin_y, top - margin_y), aspect="equal")
    axes.set_title(
        f"stimulus {place.width:.0f}x{place.height:.0f} at ({place.x:.0f}, {place.y:.0f}) of {width}x{height}: "
        f"{place.bars}",
        fontsize=9,
    )
    axes.axis("off")


def _pale(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The picture nearer to white, so that the gaze stands out on it."""
    return (255 - PALE * (255 - picture.astype(np.float32))).astype(np.uint8)


def write_page(
    path: Path,
    title: str,
    measures: Sequence[Quality],
    figures: Sequence[str],
    *,
    together: str = "",
    links: Sequence[tuple[str, str]] = (),
    about: str = "",
) -> None:
    """Write the page, the worst recordings first.

    figures: one of `figure` for each of `measures`, "" for none. together: `overview`, or "". links: names and
    addresses of other pages. about: a paragraph to stand under the title.
    """
    order = worst_first([asdict(q) for q in measures])
    measures, figures = [measures[k] for k in order], [figures[k] for k in order]
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
    bad = [q for q in measures if q.problems]
    verdict = f"{len(bad)} with problems: {', '.join(q.subject for q in bad)}." if bad else "No problem was found."
    pages = " · ".join(f'<a href="{escape(address)}">{escape(name)}</a>' for name, address in links)
    path.write_text(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title><style>{STYLE}</style>'
        f"<h1>{escape(title)}</h1>{f'<p>{escape(about)}</p>' if about else ''}"
        f'<p class="{"bad" if bad else "good"}">{count}. {escape(verdict)}</p>'
        "<p>The worst come first. Red cells are bad, yellow ones worth a look; a click on a heading sorts.</p>"
        f"{f'<p>{pages}</p>' if pages else ''}{_noted(common)}"
        f"{_image('All viewers', together)}"
        f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>{sections}'
        f"<script>{SORT}</script></html>\n",
        encoding="utf-8",
    )


def _cell(column: Column, row: Row) -> str:
    mark = f' class="{column.mark(row)}"' if column.mark(row) else ""
    value = row[column.key]
    order = f' data-value="{value}"' if isinstance(value, int | float) else ""
    return f"<td{mark}{order}>{escape(column.cell(row))}</td>"


def _section(q: Quality, png: str, common: Sequence[str]) -> str:
    problems = f'<p class="bad">{escape("; ".join(q.problems))}</p>' if q.problems else ""
    words = _noted([words for words in q.warnings if words not in (*common, *q.problems)])
    image = _image(f"Gaze of {q.subject}", png)
    return f"<h2>{escape(q.subject)} <small>{escape(Path(q.file).name)}</small></h2>{problems}{words}{image}"


def _image(words: str, png: str) -> str:
    return f'<img alt="{escape(words)}" src="data:image/png;base64,{png}">' if png else ""


def _noted(warnings: Sequence[str]) -> str:
    words = re.sub(r"`(\w+)`", r"<code>\1</code>", escape("; ".join(warnings)))
    return f'<p class="note">{words}</p>' if warnings else ""
