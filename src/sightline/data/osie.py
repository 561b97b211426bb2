"""OSIE (Xu et al., JoV 2014) and EyeCrowd (Jiang et al., ECCV 2014) as published: fixations.mat, a MATLAB file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sightline.data.files import image_size, load_matlab
from sightline.data.observed import Observed, Table
from sightline.errors import DataError
from sightline.fixations import Points

SIZE = (600, 800)
"""(height, width) of OSIE's pictures."""
LAYOUT = "fixations.mat: a cell a picture with img and subjects, each with fix_x and fix_y"


def stimuli(path: str | Path, images: str | Path | None = None) -> dict[str, Observed]:
    """OSIE's and EyeCrowd's fixations.mat: a cell a picture with img and subjects, each with fix_x and fix_y.

    images: the folder of pictures, for their sizes; OSIE's are all of SIZE. The fixation that was there when the
    picture appeared is the first of each subject and is left out.
    """
    path = Path(path)
    cells = load_matlab(path).get("fixations")
    if cells is None:
        raise DataError(f"{path}: no variable 'fixations'; OSIE's fixations.mat is expected")
    found: dict[str, Observed] = {}
    for number, cell in enumerate(np.atleast_1d(cells), start=1):
        try:
            name, subjects = str(cell["img"]), np.atleast_1d(cell["subjects"])
            xy = [
                np.column_stack([np.atleast_1d(s["fix_x"]), np.atleast_1d(s["fix_y"])]).astype(np.float64)
                for s in subjects
            ]
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise DataError(
                f"{path}: picture {number} has no img and subjects with fix_x and fix_y ({error})"
            ) from None
        size = SIZE if images is None else image_size(Path(images) / name)
        found[Path(name).stem] = Table(
            Path(name).stem, size, Points.of((str(k + 1), each[1:]) for k, each in enumerate(xy)), (path,)
        )
    return found
