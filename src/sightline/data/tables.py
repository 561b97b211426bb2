"""Rows of the CSV tables that data sets come with: numbers and boxes, or an error that names file, line and column."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sightline.errors import DataError
from sightline.types import Box


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a table. line: its number in the file, from 1. cells: text by column."""

    path: Path
    line: int
    cells: dict[str, str]

    @property
    def place(self) -> str:
        """File and line, for messages."""
        return f"{self.path}, line {self.line}"

    def text(self, column: str) -> str:
        """A cell without the blanks around it; DataError where it is empty."""
        if not (value := self.cells[column].strip()):
            raise DataError(f"{self.place}: no {column}; mend or drop the line")
        return value

    def number(self, column: str) -> float:
        """A cell as a finite number; DataError where it is none."""
        try:
            value = float(self.cells[column])
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise DataError(f"{self.place}: {column} is {self.cells[column]!r}, a number is expected; mend the line")
        return value

    def size(self, column: str) -> float:
        """A cell as a number above zero; DataError where it is none."""
        if (value := self.number(column)) <= 0:
            raise DataError(f"{self.place}: {column} is {value:g}, more than 0 is expected; mend the line")
        return value

    def box(self, x1: str, y1: str, x2: str, y2: str) -> Box:
        """Four cells as a box; DataError where it is empty."""
        box = (self.number(x1), self.number(y1), self.number(x2), self.number(y2))
        if box[2] <= box[0] or box[3] <= box[1]:
            raise DataError(f"{self.place}: the box {x1} to {y2} holds nothing: {box}; left < right, top < bottom")
        return box

    def triple(self, first: str, second: str, third: str) -> tuple[float, float, float] | None:
        """Three cells as numbers; None where all are empty."""
        if not any(self.cells[name].strip() for name in (first, second, third)):
            return None
        return self.number(first), self.number(second), self.number(third)


def read_rows(path: Path, columns: Sequence[str], *, header: bool = True) -> Iterator[Row]:
    """The rows of a CSV file in UTF-8, one at a time; empty lines are left out.

    columns: that the first line has to name, in any order and with others between; without a header, what the cells are
    called, in order; further cells are left out. Raises DataError where the file cannot be read, a column is missing,
    or a line has fewer cells.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.reader(stream)
            names = list(columns)
            if header:
                names = [name.strip() for name in next(reader, [])]
                missing = [name for name in columns if name not in names]
                if missing:
                    raise DataError(f"{path}: no column {', '.join(missing)}; the first line must name it")
            for cells in reader:
                if not any(cell.strip() for cell in cells):
                    continue
                if len(cells) < len(names):
                    raise DataError(
                        f"{path}, line {reader.line_num}: {len(cells)} cells; {', '.join(names)} are expected"
                    )
                yield Row(path, reader.line_num, dict(zip(names, cells, strict=False)))
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: the table cannot be read ({error}); CSV in UTF-8 is expected") from None
