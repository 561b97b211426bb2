"""The measures of recordings as a table: the columns of the HTML page, and what a terminal shows of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

Row = Mapping[str, Any]

# From these values on a recording is bad: of samples lost, noise from sample to sample, the error of the validation,
# and how much faster or slower the video's clock runs than the tracker's (1000 ppm are a frame in 40 s).
LOST, NOISE_DEG, ACCURACY_DEG, DRIFT_PPM = 0.10, 0.5, 1.0, 1000.0


@dataclass(frozen=True, slots=True)
class Column:
    """A measure in a table.

    key: of quality.Quality. look: from this value on it is worth a look; bad: above this one it is bad. brief: shown in
    a terminal too.
    """

    heading: str
    key: str
    form: str = "{}"
    look: float | None = None
    bad: float | None = None
    brief: bool = True

    def cell(self, row: Row) -> str:
        """The value as text, a dash where there is none."""
        value = row[self.key]
        return "–" if value is None else self.form.format(value)

    def mark(self, row: Row) -> str:
        """ "bad", "look" or "": how the value is to be taken."""
        value = row[self.key]
        if value is None:
            return ""
        size = abs(value) if isinstance(value, int | float) else 0
        if self.bad is not None and size > self.bad:
            return "bad"
        return "look" if self.look is not None and size >= self.look else ""


COLUMNS = (
    Column("Subject", "subject"),
    Column("Format", "format", brief=False),
    Column("Eye", "eye", brief=False),
    Column("Duration (s)", "duration_s", "{:.1f}", brief=False),
    Column("Rate (Hz)", "rate_hz", "{:.1f}"),
    Column("Jitter (ms)", "jitter_ms", "{:.2f}"),
    Column("Pauses", "pauses", look=1, brief=False),
    Column("Lost", "lost_share", "{:.1%}", bad=LOST),
    Column("Off screen", "off_screen_share", "{:.1%}", 0.1),
    Column("RMS-S2S (°)", "precision_rms_deg", "{:.3f}", bad=NOISE_DEG),
    Column("SD (°)", "precision_sd_deg", "{:.3f}"),
    Column("RMS-S2S (px)", "precision_rms_px", "{:.1f}"),
    Column("SD (px)", "precision_sd_px", "{:.1f}"),
    Column("Disparity (°)", "disparity_deg", "{:.2f}", 1.0),
    Column("Disparity (px)", "disparity_px", "{:.1f}"),
    Column("Validation (°)", "accuracy_deg", "{:.2f}", bad=ACCURACY_DEG),
    Column("Events by", "events", brief=False),
    Column("Fixations", "fixations"),
    Column("On stimulus", "fixations_on_stimulus", brief=False),
    Column("Median (s)", "fixation_median_s", "{:.3f}"),
    Column("Saccades", "saccades", brief=False),
    Column("Blinks", "blinks"),
    Column("Tracker agrees", "agreement", "{:.1%}"),
    Column("Drift (ppm)", "drift_ppm", "{:.0f}", bad=DRIFT_PPM, brief=False),
)


def known(rows: Sequence[Row]) -> list[Column]:
    """The columns of which any recording has a value; pixels only where a recording has no degrees."""

    def missing(key: str) -> list[bool]:
        return [row[key] is None for row in rows]

    return [
        column
        for column in COLUMNS
        if not all(missing(column.key))
        and (not column.key.endswith("_px") or missing(column.key) != missing(column.key.replace("_px", "_deg")))
    ]


def worst_first(rows: Sequence[Row]) -> list[int]:
    """The order of recordings by how many measures are bad, then by what they lost."""
    return sorted(range(len(rows)), key=lambda k: (-len(rows[k]["problems"]), -(rows[k]["lost_share"] or 0.0), k))


def summary(rows: Sequence[Row]) -> Table:
    """The measures that fit a terminal, a row for each recording. rows: quality.Quality as dictionaries."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    columns = [column for column in known(rows) if column.brief]
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for column in columns:
        heading, side = column.heading.replace(" ", "\n"), "left" if column.key == "subject" else "right"
        table.add_column(heading, justify=side, no_wrap=True, vertical="bottom")  # type: ignore[arg-type]
    colours = {"bad": "bold red", "look": "yellow"}
    for row in (rows[k] for k in worst_first(rows)):
        words = [(escape(column.cell(row)), colours.get(column.mark(row))) for column in columns]
        table.add_row(*(f"[{colour}]{word}[/]" if colour else word for word, colour in words))
    return table
