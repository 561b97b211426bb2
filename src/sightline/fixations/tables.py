"""Tables in text, and those of fixations, with the line of whatever is wrong."""

from __future__ import annotations

import csv
import gzip
import io
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from sightline.errors import DataError
from sightline.fixations.labels import COLUMNS, EYE_COLUMNS, VALIDITY_COLUMNS, eyes_of, invalid_by, kinds_of
from sightline.fixations.records import LONGEST_S, Fixations, Points
from sightline.fixations.units import SECONDS, units_of_columns

Floats = NDArray[np.float64]
Texts = NDArray[np.str_]

EXPECTED = "subject, onset_s, duration_s, x_px, y_px"


@dataclass(frozen=True, slots=True)
class Columns:
    """Columns of a table.

    Attributes
    ----------
    numbers : dict of str to ndarray, (N,) float64
        By the column's name.
    text : dict of str to ndarray, (N,) str
        Likewise.
    lines : ndarray, (N,) int64
        The line of the file on which each row stands.

    Examples
    --------
    >>> len(Columns({"x_px": np.array([3.0, 5.0])}, {}, np.array([2, 3])))
    2
    """

    numbers: dict[str, Floats]
    text: dict[str, Texts]
    lines: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.lines)


def read_columns(
    path: str | Path,
    numbers: Sequence[str],
    text: Sequence[str] = (),
    optional: Sequence[str] = (),
    expected: str = "a table",
) -> Columns:
    """Read columns of a delimited text file whose first line names them.

    Commas, semicolons and tabs delimit; with the latter two a decimal comma is understood. UTF-8 and UTF-16 with a
    byte-order mark, plain or gzipped. Empty lines are left out.

    Parameters
    ----------
    path : str or Path
        The file.
    numbers, text : sequence of str
        Columns that must be there: of finite numbers, and of words.
    optional : sequence of str
        Columns of numbers that are read where they are there.
    expected : str
        What the error says is expected where there is no such file.

    Returns
    -------
    Columns
        Those columns alone.

    Raises
    ------
    DataError
        If the file is missing or no text, lacks a column, or has a row of another length or a cell that is no finite
        number, with its line.

    Examples
    --------
    >>> import tempfile
    >>> table = Path(tempfile.mkdtemp()) / "sizes.csv"
    >>> _ = table.write_text("image;width_px\\na.jpg;40,5\\n")
    >>> read = read_columns(table, ["width_px"], ["image"])
    >>> read.numbers["width_px"].tolist(), read.text["image"].tolist()
    ([40.5], ['a.jpg'])
    """
    path = Path(path)
    return _columns(path, _read(path, expected), numbers, text, optional)


def _columns(
    path: Path, sheet: _Sheet, numbers: Sequence[str], text: Sequence[str] = (), optional: Sequence[str] = ()
) -> Columns:
    missing = [name for name in (*numbers, *text) if name not in sheet.header]
    if missing:
        names = ", ".join((*numbers, *text))
        raise DataError(f"{path}: no column {', '.join(missing)}; its first line must name {names}")
    width = len(sheet.header)
    for row, line in zip(sheet.rows, sheet.lines, strict=True):
        if len(row) != width:
            raise DataError(f"{path}, line {line}: {len(row)} cells, the first line has {width}")
    cells = dict(zip(sheet.header, zip(*sheet.rows, strict=True) if sheet.rows else [()] * width, strict=True))
    wanted = (*numbers, *(name for name in optional if name in sheet.header))
    return Columns(
        {name: _numbers(path, name, cells[name], sheet) for name in wanted},
        {name: np.array([cell.strip() for cell in cells[name]], dtype=np.str_) for name in text},
        np.array(sheet.lines, dtype=np.int64),
    )


def read_fixations(path: str | Path) -> Fixations:
    """Read a table of fixations on one stimulus.

    The columns are subject, onset_s, duration_s, x_px and y_px; onset_ms and duration_ms, or x and y, will do. Where
    the names of the times have no unit, it is the one that fits both (`units.unit_of_fixations`). Where columns say so
    (`labels`), rows that are no fixations, that are invalid, or of a second eye are left out: of a subject whose eyes
    both have fixations the one with more counts, else the first.

    Parameters
    ----------
    path : str or Path
        The table, or the folder that `sightline gaze import` made.

    Returns
    -------
    Fixations
        In the order of the table; empty for a header alone.

    Raises
    ------
    DataError
        If the table is missing, lacks a column, the unit of its times is not certain, or a fixation has no subject, no
        finite number or no duration; with the line.

    Examples
    --------
    >>> import tempfile
    >>> table = Path(tempfile.mkdtemp()) / "film_fixations.csv"
    >>> _ = table.write_text("subject,onset_ms,duration_ms,x_px,y_px\\nann,120,250,31.5,20\\n")
    >>> found = read_fixations(table)
    >>> found.points.xy.tolist(), found.onset_s.tolist()
    ([[31.5, 20.0]], [0.12])
    """
    path = Path(path)
    if path.is_dir():
        path = path / "fixations.csv"
    sheet = _read(path, f"a table of fixations, with {EXPECTED}; make it with `sightline gaze import`:")
    names = _fixation_columns(path, sheet.header)
    sheet = _one_eye(_valid(_only_fixations(sheet), names[3:]), names[0])
    table = _columns(path, sheet, names[1:], names[:1])
    subjects, (onset, duration, x, y) = table.text[names[0]], (table.numbers[name] for name in names[1:])
    scales = _scales(path, names[1:3], onset, duration, subjects)
    found = Fixations(Points(np.stack([x, y], axis=1), subjects), onset * scales[0], duration * scales[1])
    for wrong, words in (
        (found.points.subjects == "", "the fixation has no subject"),
        (found.duration_s <= 0, "the fixation lasts no time"),
        (found.duration_s > LONGEST_S, "the fixation lasts more than an hour"),
    ):
        if wrong.any():
            raise DataError(f"{path}, line {table.lines[wrong.argmax()]}: {words}; mend or drop the line")
    return found


def _fixation_columns(path: Path, header: Sequence[str]) -> list[str]:
    """The columns that are there for subject, onset, duration, x and y."""
    ways = (("subject",), *((f"{t}_s", f"{t}_ms", t) for t in ("onset", "duration")), ("x_px", "x"), ("y_px", "y"))
    found = [next((name for name in way if name in header), None) for way in ways]
    missing = [name for name, there in zip(EXPECTED.split(", "), found, strict=True) if there is None]
    if missing:
        raise DataError(f"{path}: no column {', '.join(missing)}; {EXPECTED} are expected")
    return [name for name in found if name is not None]


def _only_fixations(sheet: _Sheet) -> _Sheet:
    """The rows that are fixations, where a column tells them from saccades and blinks."""
    for words in sheet.words(COLUMNS):
        if (kinds := kinds_of(words)) is not None:
            return sheet.where(kinds == "fixation")
    return sheet


def _valid(sheet: _Sheet, xy: Sequence[str]) -> _Sheet:
    """The rows that a column of validity does not call lost."""
    for words in sheet.words(VALIDITY_COLUMNS):
        columns = ([_number(cell.replace(",", ".")) for cell in next(sheet.words([name]))] for name in xy)
        points = np.stack([np.array(column, dtype=np.float64) for column in columns], axis=1)
        nowhere = np.isnan(points).any(axis=1) | (points == 0).all(axis=1)
        return sheet.where(~invalid_by(words, nowhere))
    return sheet


def _one_eye(sheet: _Sheet, subject: str) -> _Sheet:
    """The rows of one eye of each subject, where a column tells the eyes apart."""
    for words in sheet.words(EYE_COLUMNS):
        eyes = eyes_of(words)
        if eyes is not None:
            keep = np.ones(len(eyes), dtype=bool)
            subjects = np.array(next(sheet.words([subject])), dtype=object)
            for name in set(subjects.tolist()):
                (chosen, _), *_ = Counter(eyes[subjects == name].tolist()).most_common()
                keep &= (subjects != name) | (eyes == chosen)
            return sheet.where(keep)
    return sheet


def _scales(path: Path, names: Sequence[str], onset: Floats, duration: Floats, subjects: Texts) -> list[float]:
    """Seconds of a unit of the onsets and of the durations."""
    if not len(onset):
        return [1.0, 1.0]
    units = units_of_columns((names[0], names[1]), onset, duration, subjects)
    if units is None:
        raise DataError(
            f"{path}: the unit of {' and '.join(names)} is not certain; call them onset_s and duration_s, or "
            "onset_ms and duration_ms"
        )
    return [SECONDS[unit] for unit in units]


class _Sheet(NamedTuple):
    """header; the rows that are not empty; the line of each; whether numbers may have a decimal comma."""

    header: list[str]
    rows: list[list[str]]
    lines: list[int]
    comma: bool

    def words(self, names: Sequence[str]) -> Iterator[list[str]]:
        """The cells of each of these columns that is there; "" where a row is too short."""
        for name in names:
            if name in self.header:
                at = self.header.index(name)
                yield [row[at].strip() if len(row) > at else "" for row in self.rows]

    def where(self, keep: NDArray[np.bool_]) -> _Sheet:
        rows = np.flatnonzero(keep).tolist()
        return self._replace(rows=[self.rows[k] for k in rows], lines=[self.lines[k] for k in rows])


def _read(path: Path, expected: str, most: int | None = None) -> _Sheet:
    """The cells of a file, of the first `most` rows where that is given."""
    try:
        with _open(path) as stream:
            first = stream.readline()
            delimiter = max(",;\t", key=first.count)
            sheet = _Sheet([], [], [], comma=delimiter != ",")
            sheet.header.extend(name.strip() for name in next(csv.reader([first], delimiter=delimiter), []))
            reader = csv.reader(stream, delimiter=delimiter)
            for row in islice((row for row in reader if row), most):
                sheet.rows.append(row)
                sheet.lines.append(reader.line_num + 1)
    except FileNotFoundError:
        raise DataError(f"{path}: no such table; {expected} is expected") from None
    except (OSError, EOFError, UnicodeError, csv.Error) as error:
        raise DataError(f"{path}: the table cannot be read ({error}); a CSV file in UTF-8 is expected") from None
    if not sheet.header:
        raise DataError(f"{path}: the file is empty; {expected} is expected")
    return sheet


def _open(path: Path) -> io.TextIOWrapper:
    with path.open("rb") as raw:
        zipped = raw.read(2) == b"\x1f\x8b"
    stream = cast("IO[bytes]", gzip.open(path) if zipped else path.open("rb"))  # noqa: SIM115  (the caller closes it)
    mark = stream.read(2)
    stream.seek(0)
    encoding = "utf-16" if mark in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    return io.TextIOWrapper(stream, encoding=encoding, newline="")


def _numbers(path: Path, name: str, cells: Sequence[str], sheet: _Sheet) -> Floats:
    """A column as finite float64. Raises DataError naming the line of the first cell that is none."""
    try:
        values = np.array(cells, dtype=np.float64)
    except ValueError:
        values = np.array([_number(cell.replace(",", ".") if sheet.comma else cell) for cell in cells])
    if not np.isfinite(values).all():
        at = int((~np.isfinite(values)).argmax())
        raise DataError(
            f"{path}, line {sheet.lines[at]}: {name} is {cells[at]!r}, a number is expected; mend or drop the line"
        )
    return values


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return math.nan
