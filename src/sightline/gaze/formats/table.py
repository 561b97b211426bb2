"""Delimited text as eye trackers export it: any separator, encoding, decimal mark, compression and preamble."""

from __future__ import annotations

import codecs
import gzip
import io
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sightline.errors import DataError
from sightline.gaze.recording import Message

MISSING = ("", ".", "-", "NaN", "nan", "NA", "n/a", "N/A", "None", "null")
HEAD_BYTES = 65536
PREAMBLE_LINES = 200


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What a reader cannot know from the file.

    Attributes
    ----------
    lenient : bool
        Use trials that are cut short or have no calibration on record.
    rate_hz : float or None
        Samples a second, of files without times.
    columns : mapping of str to str
        Our names of columns to the file's own, of tables of no known maker.
    space : {"screen", "stimulus"} or None
        What the positions of such a table refer to.
    time_unit : {"s", "ms", "us", "ns"} or None
        Of the times of such a table.
    trial_message : str or None
        A regular expression whose group names the trial in the messages that match.

    Examples
    --------
    >>> ReadOptions(columns={"x": "gx", "y": "gy"}, time_unit="ms").lenient
    False
    """

    lenient: bool = False
    rate_hz: float | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    space: Literal["screen", "stimulus"] | None = None
    time_unit: str | None = None
    trial_message: str | None = None


@dataclass(frozen=True, slots=True)
class Head:
    """The beginning of a file, enough to recognise its format.

    lines: its first lines. columns: the names in its header. header: the header's index in `lines`; -1 for none.
    """

    path: Path
    lines: list[str]
    columns: list[str]
    header: int
    separator: str
    encoding: str


# What a file begins with that is no text, what it is, and what to export instead.
_BINARY = (
    (b"SR_RESEARCH", "an EyeLink EDF file; convert it with SR Research's edf2asc and give the .asc"),
    (b"PK\x03\x04", "a zip archive or an Excel workbook; unpack it, or save the sheet as .csv or .tsv"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook; save the sheet as .csv or .tsv"),
    (
        b"\x89HDF\r\n\x1a\n",
        "an HDF5 file, as PsychoPy's ioHub writes; save its samples as .csv with time, x and y",
    ),
    (b"MATLAB 5.0", "a MATLAB file; save its samples as .csv with time, x and y"),
    (b"PAR1", "a Parquet file; save it as .csv"),
    (b"$FL2", "an SPSS file; save it as .csv"),
    (b"%PDF", "a PDF; export the data as text"),
    (b"SQLite format 3", "a database; export the recording as .csv"),
)


def read_bytes(path: Path, most: int = -1) -> bytes:
    """The first `most` bytes of a file (all of them by default), unzipped where it is gzipped."""
    if not path.is_file():
        raise DataError(f"{path}: no such file" if not path.exists() else f"{path}: a file is expected")
    try:
        with path.open("rb") as raw:
            zipped = raw.read(2) == b"\x1f\x8b"
        with gzip.open(path) if zipped else path.open("rb") as stream:
            return stream.read(most)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read ({error}); copy or export it again") from None


def encoding_of(data: bytes) -> str:
    """UTF-16 by its mark, UTF-8 where the bytes are that, else Latin-1, which reads any byte."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data)  # a letter that the end cuts is no error
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8-sig"


def read_text(path: Path) -> str:
    """A whole text file, in whichever encoding it is."""
    data = read_bytes(path)
    return data.decode(encoding_of(data), errors="replace")


def read_head(path: Path) -> Head:
    """Look at the first 64 KB of a text file, gzipped or not. Raises DataError if there is no such file or no text."""
    data = read_bytes(path, HEAD_BYTES)
    if not data.strip():
        raise DataError(f"{path}: the file is empty; export the recording again")
    for mark, what in _BINARY:
        if data.startswith(mark):
            raise DataError(f"{path}: {what}")
    encoding = encoding_of(data)
    text = data.decode(encoding, errors="replace")
    if "\x00" in text:
        raise DataError(f"{path}: a binary file; export the recording as text (EyeLink: run edf2asc)")
    lines = re.split(r"\r\n|\r|\n", text.rstrip("\r\n"))  # str.splitlines would part lines at more
    return _at(Head(path, lines, [], 0, ",", encoding), _header_index(lines))


def headers(head: Head) -> Iterator[Head]:
    """The head with each line as its header that may be one: the first that is no comment, then those of a preamble.

    Exports of Tobii Studio 2, BeGaze and others begin with lines that describe the recording.
    """
    yield head
    for index in range(head.header + 1, min(len(head.lines), PREAMBLE_LINES)):
        later = _at(head, index)
        if len(later.columns) > 2 and not any(re.fullmatch(r"[-+]?[\d.,]+", cell) for cell in later.columns):
            yield later


def _at(head: Head, index: int) -> Head:
    """The head with its header on another line."""
    separator = max("\t;,", key=head.lines[index].count)
    columns = [name.strip().strip('"') for name in head.lines[index].split(separator)]
    return replace(head, columns=columns, header=index, separator=separator)


def _header_index(lines: list[str]) -> int:
    """The first line that is no comment (SMI writes ##) and no empty line."""
    for index, line in enumerate(lines):
        if line.strip() and not line.startswith("##"):
            return index
    return 0


def beside(path: Path, name: str) -> Path | None:
    """The file of that name in the same folder as `path`, plain or gzipped."""
    found = (path.with_name(name), path.with_name(f"{name}.gz"))
    return next((file for file in found if file.is_file()), None)


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
        return self._raw(name).fill_null("").str.strip_chars().to_numpy().astype(object)

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

    def _raw(self, name: str) -> pl.Series:
        if name not in self:
            raise DataError(f"{self.path}: no column {name!r}; export the recording again")
        return self.frame[name]

    def _cast(self, name: str, dtype: type[pl.DataType]) -> pl.Series:
        raw = self._raw(name).str.strip_chars()
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
    try:
        frame = _parse(head, indices)
        # By position: headers may repeat a name, or leave one empty.
        frame.columns = [head.columns[i] for i in indices]
    except pl.exceptions.NoDataError:
        raise DataError(f"{head.path}: a header but no rows; export the recording again") from None
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{head.path}: the table is damaged ({reason}); export it again") from None
    if frame.is_empty():
        raise DataError(f"{head.path}: a header but no rows; export the recording again")
    return Table(head.path, frame, np.arange(head.header + 2, head.header + 2 + len(frame)))


def _parse(head: Head, indices: list[int]) -> pl.DataFrame:
    def parse(source: Path | io.BytesIO, encoding: Literal["utf8", "utf8-lossy"]) -> pl.DataFrame:
        return pl.read_csv(
            source,
            separator=head.separator,
            has_header=head.header >= 0,
            skip_lines=max(head.header, 0),
            columns=indices,
            infer_schema=False,
            truncate_ragged_lines=True,
            encoding=encoding,
        )

    if head.encoding == "utf-8-sig":
        try:
            return parse(head.path, "utf8")
        except pl.exceptions.ComputeError as error:
            if "utf" not in str(error).lower():
                raise
    # Not UTF-8, or only so far as its head goes.
    return parse(io.BytesIO(read_text(head.path).encode()), "utf8-lossy")


def separate_messages(table: Table, unit_s: float) -> tuple[Table, list[Message]]:
    """The rows of samples, and the messages of the rows MSG that PyGaze and OpenSesame write between them.

    Such a row has MSG, a date, the tracker's time in units of `unit_s` seconds, and the text; the date may be missing.
    """
    first = table.text(table.frame.columns[0])
    rows = np.flatnonzero(first == "MSG")
    messages = []
    for row in rows:
        cells = [str(cell or "").strip() for cell in table.frame.row(int(row))[1:]]
        at = next((k for k, cell in enumerate(cells) if re.fullmatch(r"\d+(\.\d+)?", cell)), None)
        if at is not None:
            text = " ".join(filter(None, cells[at + 1 :]))
            messages.append(Message(float(cells[at]) * unit_s, text, int(table.lines[row])))
    if len(rows) == len(table):
        raise DataError(f"{table.path}: messages alone and no samples; export the whole recording")
    return (table.where(first != "MSG") if len(rows) else table), messages


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
