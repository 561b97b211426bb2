"""Delimited text as eye trackers export it: any separator, encoding, decimal mark, compression and preamble."""

from __future__ import annotations

import gzip
import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sightline.errors import DataError

MISSING = ("", ".", "-", "NaN", "nan", "NA", "n/a", "N/A", "None", "null")
HEAD_BYTES = 65536


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What a reader cannot know from the file.

    lenient: use a file that is cut short or has no calibration on record. rate_hz: of files without times.
    columns: our names of columns to the file's own, and space: what their positions refer to, both for tables of no
    known maker.
    """

    lenient: bool = False
    rate_hz: float | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    space: Literal["screen", "stimulus"] | None = None


@dataclass(frozen=True, slots=True)
class Head:
    """The beginning of a file, enough to recognise its format.

    lines: its first lines. columns: the names in its header. header: the header's index in `lines`.
    """

    path: Path
    lines: list[str]
    columns: list[str]
    header: int
    separator: str
    encoding: str


def read_head(path: Path) -> Head:
    """Look at the first 64 KB of a text file, gzipped or not. Raises DataError if there is no such file or no text."""
    if not path.is_file():
        raise DataError(f"{path}: no such file" if not path.exists() else f"{path}: a file is expected")
    try:
        with path.open("rb") as raw:
            zipped = raw.read(2) == b"\x1f\x8b"
        with gzip.open(path) if zipped else path.open("rb") as stream:
            data = stream.read(HEAD_BYTES)
    except (OSError, EOFError) as error:
        raise DataError(f"{path}: cannot be read ({error}); copy or export it again") from None
    if not data.strip():
        raise DataError(f"{path}: the file is empty; export the recording again")
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    text = data.decode(encoding, errors="replace")
    if "\x00" in text:
        raise DataError(f"{path}: a binary file; export the recording as text (EyeLink: run edf2asc)")
    lines = text.splitlines()
    header = _header_index(lines)
    separator = max("\t;,", key=lines[header].count)
    columns = [name.strip().strip('"') for name in lines[header].split(separator)]
    return Head(path, lines, columns, header, separator, encoding)


def _header_index(lines: list[str]) -> int:
    """The first line that is no comment (SMI writes ##) and no empty line."""
    for index, line in enumerate(lines):
        if line.strip() and not line.startswith("##"):
            return index
    return 0


@dataclass(frozen=True, slots=True)
class Table:
    """Columns of text, and the line of the file on which each row stands."""

    path: Path
    frame: pl.DataFrame
    lines: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.frame)

    def __contains__(self, name: str) -> bool:
        return name in self.frame.columns

    def where(self, keep: NDArray[np.bool_]) -> Table:
        """The rows where `keep` is true."""
        return Table(self.path, self.frame.filter(pl.Series(keep)), self.lines[keep])

    def text(self, name: str) -> NDArray[np.object_]:
        """A column as words, stripped; "" where empty."""
        return self.frame[name].fill_null("").str.strip_chars().to_numpy().astype(object)

    def numbers(self, name: str) -> NDArray[np.float64]:
        """A column as float64, NaN where it is empty; decimal commas are understood.

        Raises DataError naming the line and the column of the first cell that is no number.
        """
        return np.asarray(self._cast(name, pl.Float64).fill_null(float("nan")).to_numpy(), dtype=np.float64)

    def integers(self, name: str) -> NDArray[np.int64]:
        """A column as exact int64 (nanosecond clocks). Raises DataError where one is empty or no whole number."""
        values = self._cast(name, pl.Int64)
        if values.null_count():
            line = int(self.lines[int(values.is_null().arg_max() or 0)])
            raise DataError(f"{self.path}, line {line}: {name!r} is empty; a whole number is expected")
        return np.asarray(values.to_numpy(), dtype=np.int64)

    def _cast(self, name: str, dtype: type[pl.DataType]) -> pl.Series:
        raw = self.frame[name].str.strip_chars()
        raw = raw.set(raw.is_in(MISSING), None)
        values = raw.cast(dtype, strict=False)
        if values.null_count() > raw.null_count():
            values = raw.str.replace(",", ".", literal=True).cast(dtype, strict=False)
        wrong = values.is_null() & raw.is_not_null()
        if wrong.any():
            at = int(wrong.arg_max() or 0)
            raise DataError(
                f"{self.path}, line {int(self.lines[at])}: {name!r} is {raw[at]!r}, a number is expected; "
                "mend or drop the line"
            )
        return values


def read_table(head: Head, names: Iterable[str]) -> Table:
    """Read the named columns of the file as text. Raises DataError if it is damaged or has no rows."""
    wanted = list(dict.fromkeys(name for name in names if name in head.columns))
    indices = sorted(head.columns.index(name) for name in wanted)
    source: Path | io.BytesIO = head.path
    if head.encoding == "utf-16":
        source = io.BytesIO(head.path.read_bytes().decode("utf-16").encode())
    try:
        frame = pl.read_csv(
            source,
            separator=head.separator,
            has_header=head.header >= 0,
            skip_lines=max(head.header, 0),
            columns=indices,
            infer_schema=False,
            truncate_ragged_lines=True,
            encoding="utf8-lossy",
        )
        # By position: headers may repeat a name, or leave one empty.
        frame.columns = [head.columns[i] for i in indices]
    except pl.exceptions.NoDataError:
        raise DataError(f"{head.path}: a header but no rows; export the recording again") from None
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{head.path}: the table is damaged ({reason}); export it again") from None
    if frame.is_empty():
        raise DataError(f"{head.path}: a header but no rows; export the recording again")
    return Table(head.path, frame, np.arange(head.header + 2, head.header + 2 + len(frame)))


def lacking(head: Head, needs: Mapping[str, str]) -> list[str]:
    """The names in `needs` whose pattern matches no column of the file (whole names, letters' case ignored)."""
    return [
        name
        for name, pattern in needs.items()
        if not any(re.fullmatch(pattern, column, re.IGNORECASE) for column in head.columns)
    ]


def find(head: Head, pattern: str) -> str | None:
    """The first column whose whole name matches, letters' case ignored."""
    return next((name for name in head.columns if re.fullmatch(pattern, name, re.IGNORECASE)), None)
