"""Tables of fixations: written by an import, read again whole or frame by frame, for models and scores."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sightline import fixations
from sightline.errors import DataError
from sightline.gaze.align import TABLE_SCHEMA
from sightline.gaze.geometry import FloatArray


def write_fixations(folder: Path, table: pl.DataFrame) -> None:
    """Write fixations.parquet and fixations.csv, in order of subject and onset."""
    table = table.sort("subject", "onset_s")
    table.write_parquet(folder / "fixations.parquet")
    table.write_csv(folder / "fixations.csv", float_precision=6)


def read_fixations(path: str | Path) -> pl.DataFrame:
    """Read a table of fixations: what an import wrote, or any table with its columns.

    A table may give onset_ms and duration_ms instead, and leave out frame, which then is null.

    Parameters
    ----------
    path : str or Path
        The .csv or .parquet file, or the folder of an import.

    Returns
    -------
    polars.DataFrame
        In align.TABLE_SCHEMA: subject, onset_s, duration_s (seconds), x_px, y_px (pixels of the stimulus), frame.

    Raises
    ------
    DataError
        If there is no such table or it is malformed; with the line or the column.

    Examples
    --------
    >>> import tempfile
    >>> table = Path(tempfile.mkdtemp()) / "film_fixations.csv"
    >>> _ = table.write_text("subject,onset_ms,duration_ms,x_px,y_px\\nann,120,250,31.5,20\\n")
    >>> read_fixations(table).row(0)
    ('ann', 0.12, 0.25, 31.5, 20.0, None)
    """
    path = Path(path)
    if path.is_dir():
        path = path / "fixations.parquet"
    if path.suffix != ".parquet":
        return _frame_of(fixations.read_fixations(path), fixations.read_columns(path, (), optional=("frame",)))
    if not path.is_file():
        raise DataError(f"{path}: no such table of fixations; make it with `sightline gaze import`")
    return _read_parquet(path)


def _frame_of(found: fixations.Fixations, more: fixations.Columns) -> pl.DataFrame:
    frame = more.numbers.get("frame", np.empty(0))
    whole = len(frame) == len(found)
    return pl.DataFrame(
        {
            "subject": found.points.subjects,
            "onset_s": found.onset_s,
            "duration_s": found.duration_s,
            "x_px": found.points.xy[:, 0],
            "y_px": found.points.xy[:, 1],
            "frame": frame.astype(np.int32) if whole else pl.repeat(None, len(found), eager=True),
        },
        schema=TABLE_SCHEMA,
    )


def read_parquet(path: Path) -> pl.DataFrame:
    """A Parquet file as it is. Raises DataError where it cannot be read."""
    try:
        return pl.read_parquet(path)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:  # damaged files make it panic
        raise DataError(f"{path}: the table cannot be read ({str(error).splitlines()[0]}); write it again") from None


def _read_parquet(path: Path) -> pl.DataFrame:
    columns = {column.name: column for column in read_parquet(path)}
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


def _require_numbers(path: Path, table: pl.DataFrame) -> None:
    wrong = {
        "is no finite number": ~pl.all_horizontal(pl.col("onset_s", "duration_s", "x_px", "y_px").is_finite()),
        "has no subject": pl.col("subject").is_null() | (pl.col("subject") == ""),
        "lasts no time": pl.col("duration_s") <= 0,
        "lasts more than an hour": pl.col("duration_s") > fixations.LONGEST_S,
    }
    for words, test in wrong.items():
        hits = table.select(test.fill_null(True)).to_series()
        if hits.any():
            raise DataError(f"{path}: fixation {int(hits.arg_max() or 0) + 1} {words}; mend or drop the row")


def fixations_by_frame(
    path: str | Path, frame_times_s: Sequence[float] | FloatArray, size: tuple[int, int] | None = None
) -> list[NDArray[np.float32]]:
    """Read a table of fixations and give each frame of a video its points.

    As `sightline.fixations.fixations_by_frame`, see there for parameters, errors and warnings; Parquet will do as well.

    Examples
    --------
    >>> import tempfile
    >>> table = Path(tempfile.mkdtemp()) / "film_fixations.csv"
    >>> _ = table.write_text("subject,onset_s,duration_s,x_px,y_px\\nann,0,0.05,3,4\\nben,0.05,0.05,5,6\\n")
    >>> [len(frame) for frame in fixations_by_frame(table, [0.0, 0.04, 0.08])]
    [1, 2, 1]
    """
    path = Path(path)
    if path.suffix != ".parquet":
        return fixations.fixations_by_frame(path, frame_times_s, size)
    return fixations.points_by_frame(path, fixations_of(_read_parquet(path)), frame_times_s, size)


def fixations_of(table: pl.DataFrame) -> fixations.Fixations:
    """A table in align.TABLE_SCHEMA as `sightline.fixations` has it."""
    return fixations.Fixations(
        fixations.Points(table.select("x_px", "y_px").to_numpy(), table["subject"].to_numpy().astype(np.str_)),
        table["onset_s"].to_numpy(),
        table["duration_s"].to_numpy(),
    )
