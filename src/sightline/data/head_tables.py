"""A table of heads that a user gives with sources: whose they are, and in which frames."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sightline.data.tables import Row, read_rows
from sightline.errors import DataError, UsageError

FORMS = (
    ("x1_px", "y1_px", "x2_px", "y2_px"),
    ("head_x1_px", "head_y1_px", "head_x2_px", "head_y2_px"),
)
"""What the four columns of the boxes are called: the second is how people.csv has them."""
Heads = NDArray[np.float64] | dict[int, NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class HeadTable:
    """The heads of one source or several.

    Attributes
    ----------
    path : Path
        The file.
    heads : dict
        By the name of the source, "" where the table names none: (K, 4) x1, y1, x2, y2 in pixels of every frame, or
        such arrays by the index of a frame.
    sha256 : str
        Checksum of the file.
    """

    path: Path
    heads: dict[str, Heads]
    sha256: str

    @classmethod
    def read(cls, path: str | Path) -> HeadTable:
        """Read a CSV file with a row a head.

        Parameters
        ----------
        path : str or Path
            With the columns x1_px, y1_px, x2_px, y2_px (or those of people.csv), and if need be `frame`, the index of
            the frame from 0, and `source`, the name of the video or picture with or without suffix. Without `frame` a
            head is in every frame.

        Returns
        -------
        HeadTable
            In the order of the rows.

        Raises
        ------
        DataError
            If the file cannot be read, has no rows or lacks a column, or a row holds no box.
        """
        path = Path(path)
        rows = list(read_rows(path, ()))
        if not rows:
            raise DataError(f"{path}: no head in it; a row with {', '.join(FORMS[0])} is expected for each")
        columns = next((form for form in FORMS if set(form) <= set(rows[0].cells)), None)
        if columns is None:
            raise DataError(f"{path}: no columns {', '.join(FORMS[0])}; its first line must name them")
        boxes: dict[str, dict[int, list[tuple[float, ...]]]] = {}
        timed = "frame" in rows[0].cells
        for row in rows:
            source = row.text("source") if "source" in row.cells else ""
            frames = boxes.setdefault(Path(source).stem, {})
            frames.setdefault(_frame(row) if timed else 0, []).append(row.box(*columns))
        arrays = {name: {at: np.array(rows) for at, rows in frames.items()} for name, frames in boxes.items()}
        heads: dict[str, Heads] = {name: frames if timed else frames[0] for name, frames in arrays.items()}
        return cls(path, heads, hashlib.sha256(path.read_bytes()).hexdigest())

    def require_sources(self, count: int) -> None:
        """Raise UsageError where the table does not say whose of several sources its heads are."""
        if count > 1 and "" in self.heads:
            raise UsageError(f"`heads` {self.path}: {count} sources; a column `source` has to say whose each head is")

    def of(self, source: str | Path) -> Heads:
        """The heads of a source. Raises DataError where the table has none of it."""
        if "" in self.heads:
            return self.heads[""]
        if (name := Path(source).stem) not in self.heads:
            raise DataError(f"{source}: no head of it in {self.path}; its column `source` names no {name}")
        return self.heads[name]


def _frame(row: Row) -> int:
    value = row.number("frame")
    if value != int(value) or value < 0:
        raise DataError(f"{row.place}: frame is {row.cells['frame']!r}; a number from 0 is expected, mend the line")
    return int(value)
