"""The fixations on a source, frame by frame, for models that take them."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sightline.errors import DataError


@dataclass(frozen=True, slots=True)
class SourceFixations:
    """Fixations on one source.

    path: the table. points: (K, 2) float32 x, y in pixels of each frame that has some, by its index. notes: what was
    left out or looks odd.
    """

    path: Path
    points: dict[int, NDArray[np.float32]]
    notes: tuple[str, ...]

    @classmethod
    def read(cls, path: Path, times: Sequence[float], size: tuple[int, int]) -> SourceFixations:
        """Read a table for a source of (height, width) with its frames at these times (s).

        Raises DataError where the table is none, empty, or of another video.
        """
        if path.suffix == ".parquet":
            from sightline.gaze import fixations_by_frame
        else:
            from sightline.fixations import fixations_by_frame

        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            found = fixations_by_frame(path, times, size)
        points = {index: xy for index, xy in enumerate(found) if len(xy)}
        notes = [str(warning.message) for warning in caught if warning.category is UserWarning]
        if len(points) < len(times):
            notes.append(f"{path}: {len(times) - len(points)} of {len(times)} frames have no fixation")
        return cls(path, points, tuple(notes))

    def of_frames(self, numbers: Sequence[int]) -> Self:
        """The same for frames that have these numbers instead of 0, 1, 2, ..."""
        return replace(self, points={numbers[place]: xy for place, xy in self.points.items()})

    def as_dict(self) -> dict[str, Any]:
        """For summary.json."""
        return {
            "path": str(self.path.resolve()),
            "frames_with_fixations": len(self.points),
            "notes": list(self.notes),
        }


def sha256_of_table(path: Path) -> str:
    """Checksum of a table of fixations, or of the one in the folder of an import. Raises DataError without one."""
    file = path / "fixations.parquet" if path.is_dir() else path
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise DataError(
            f"{file}: the table of fixations cannot be read ({error.strerror}); make one with `sightline gaze import`"
        ) from None
