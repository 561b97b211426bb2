"""Tables of fixations: written by an import, read again whole or frame by frame, for models and scores."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sightline.errors import DataError
from sightline.gaze.align import TABLE_SCHEMA
from sightline.gaze.formats.table import Table, read_head, read_table
from sightline.gaze.geometry import FloatArray, inside
from sightline.gaze.stimulus import frames_of

# Viewers go on looking when a video is over, and published tables keep that; far longer ones are of another video.
LONGER, LONGER_S = 1.25, 1.0
SHORTER = 0.75


def write_fixations(folder: Path, table: pl.DataFrame) -> None:
    """Write fixations.parquet and fixations.csv, in order of subject and onset."""
    table = table.sort("subject", "onset_s")
    table.write_parquet(folder / "fixations.parquet")
    table.write_csv(folder / "fixations.csv", float_precision=6)


def read_fixations(path: str | Path) -> pl.DataFrame:
    """Read a table of fixations: what an import wrote (its .csv, .parquet or folder), or any table with its columns.

    Returns align.TABLE_SCHEMA: subject, onset_s, duration_s, x_px, y_px, frame. A table may give onset_ms and
    duration_ms instead, and leave out frame, which then is null. Raises DataError naming the file and the line or
    column.
    """
    path = Path(path)
    if path.is_dir():
        path = path / "fixations.parquet"
    if not path.is_file():
        raise DataError(f"{path}: no such table of fixations; make it with `sightline gaze import`")
    columns = _read_parquet(path) if path.suffix == ".parquet" else _read_csv(path)
    for name in ("onset", "duration"):
        if f"{name}_s" not in columns and f"{name}_ms" in columns:
            columns[f"{name}_s"] = columns[f"{name}_ms"] / 1000
    lacking = [name for name in TABLE_SCHEMA if name not in columns and name != "frame"]
    if lacking:
        raise DataError(f"{path}: no column {', '.join(lacking)}; {', '.join(TABLE_SCHEMA)} are expected")
    columns.setdefault("frame", pl.repeat(None, len(columns["subject"]), dtype=pl.Int32, eager=True))
    try:
        table = pl.DataFrame([columns[name].cast(dtype).alias(name) for name, dtype in TABLE_SCHEMA.items()])
    except pl.exceptions.PolarsError as error:
        raise DataError(f"{path}: {str(error).splitlines()[0]}; mend the column") from None
    _require_numbers(path, table)
    return table


def _read_parquet(path: Path) -> dict[str, pl.Series]:
    try:
        return {column.name: column for column in pl.read_parquet(path)}
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataError(f"{path}: the table cannot be read ({str(error).splitlines()[0]})") from None


def _read_csv(path: Path) -> dict[str, pl.Series]:
    head = read_head(path)
    if len(head.lines) < 2:  # a header alone: no fixations, which is for the caller to judge
        return {
            name: pl.Series(name, [], dtype=pl.String if name == "subject" else pl.Float64) for name in head.columns
        }
    table = read_table(head, [*TABLE_SCHEMA, "onset_ms", "duration_ms"])
    return {name: _column(table, name) for name in table.frame.columns}


def _column(table: Table, name: str) -> pl.Series:
    if name == "subject":
        return pl.Series(name, table.text(name), dtype=pl.String)
    if name == "frame":
        return pl.Series(name, table.integers(name))
    return pl.Series(name, table.numbers(name))


def _require_numbers(path: Path, table: pl.DataFrame) -> None:
    wrong = {
        "is no finite number": ~pl.all_horizontal(pl.col("onset_s", "duration_s", "x_px", "y_px").is_finite()),
        "has no subject": pl.col("subject").is_null() | (pl.col("subject") == ""),
        "lasts no time": pl.col("duration_s") <= 0,
    }
    for words, test in wrong.items():
        hits = table.select(test.fill_null(True)).to_series()
        if hits.any():
            raise DataError(f"{path}: fixation {int(hits.arg_max() or 0) + 1} {words}; mend or drop the row")


def fixations_by_frame(
    path: str | Path,
    frame_times_s: Sequence[float] | FloatArray,
    size: tuple[int, int] | None = None,
) -> list[NDArray[np.float32]]:
    """The points that were fixated while each frame of a video was on screen.

    path: as for `read_fixations`. frame_times_s: (T,) presentation times, seconds from the first frame's. size:
    (height, width) of the frames. Returns T arrays (K, 2) of x, y in pixels, K = 0 where nobody fixates anything.

    Raises DataError for a table without fixations, of another video (its frames or its duration do not fit) or with
    none inside of the frames. Warns, and goes on with what there is, where only some lie outside of the frames, where
    they end long before the video, and where there is one viewer alone.
    """
    times = np.asarray(frame_times_s, dtype=np.float64)
    if not len(times) or (np.diff(times) <= 0).any():
        raise ValueError("frame times must increase, and there must be one at least")
    table = read_fixations(path)
    if table.is_empty():
        raise DataError(f"{path}: no fixations in it; import the recordings again or leave the gaze out")
    end_s = float(times[-1] + (np.median(np.diff(times)) if len(times) > 1 else 0.0))
    table = _require_this_video(Path(path), table, times, end_s)
    table = _require_inside(path, table, size)
    if table["subject"].n_unique() == 1:
        warnings.warn(f"{path}: one viewer alone; what they look at need not be what people look at", stacklevel=2)
    xy = table.select("x_px", "y_px").to_numpy().astype(np.float32)
    first, last = frames_of(table["onset_s"].to_numpy(), table["duration_s"].to_numpy(), times)
    points = [xy[(first <= index) & (index < last)] for index in range(len(times))]
    if not any(len(each) for each in points):
        raise DataError(f"{path}: no frame of the video has a fixation; check that onset_s counts from its first frame")
    return points


def _require_this_video(path: Path, table: pl.DataFrame, times: FloatArray, end_s: float) -> pl.DataFrame:
    """The fixations that begin before the video ends. Raises DataError where they are those of another one."""
    frames = (path if path.is_dir() else path.parent) / "frames.csv"
    if frames.is_file():  # an import knows the frames it was made for
        known = len(read_table(read_head(frames), ["frame"]))
        if known != len(times):
            raise DataError(
                f"{path}: the fixations were imported onto a video of {known} frames, this one has {len(times)}; "
                "give the gaze of this video"
            )
    if len(times) == 1:
        return table  # a picture has no end
    latest = float(table["onset_s"].to_numpy().max())
    if latest > LONGER * end_s + LONGER_S:
        raise DataError(
            f"{path}: fixations go on to {latest:.1f} s, the video ends at {end_s:.1f} s; give the gaze of this video"
        )
    over = float((table["onset_s"] + table["duration_s"]).to_numpy().max())
    if over < SHORTER * end_s:
        warnings.warn(f"{path}: fixations end at {over:.1f} s, the video at {end_s:.1f} s", stacklevel=3)
    return table.filter(pl.col("onset_s") < end_s)


def _require_inside(path: str | Path, table: pl.DataFrame, size: tuple[int, int] | None) -> pl.DataFrame:
    if size is None:
        return table
    there = inside(table.select("x_px", "y_px").to_numpy(), size)
    shape = f"{size[1]}x{size[0]}"
    if 2 * there.sum() < len(table):
        raise DataError(
            f"{path}: {len(table) - there.sum()} of {len(table)} fixations lie outside of the {shape} frames; "
            "give positions in pixels of this video"
        )
    if not there.all():
        warnings.warn(
            f"{path}: {len(table) - there.sum()} of {len(table)} fixations outside of the {shape} frames left out",
            stacklevel=3,
        )
    return table.filter(pl.Series(there))
