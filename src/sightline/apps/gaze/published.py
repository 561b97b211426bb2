"""Fixations of any published set, of an import or of a table, each stimulus as `sightline.data.observed.Observed`.

`open_fixations` tells the layouts apart. Nothing is unpickled: MATLAB files are read by SciPy, objects in them refused.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sightline.data import gazefollow, osie, vsod
from sightline.data.files import image_size, load_matlab
from sightline.data.observed import Observed, Table, read_observed
from sightline.errors import DataError
from sightline.fixations import Points
from sightline.gaze.events import EventOptions, detect

FloatArray = NDArray[np.float64]

MIT1003_HZ = 240.0
MIT1003_PX_PER_DEGREE = 35.0


def open_fixations(path: str | Path, images: str | Path | None = None) -> dict[str, Observed]:
    """Every stimulus of a data set, or the one of an import, by name.

    images: the folder of pictures, where the annotations leave their sizes open. Raises DataError naming the file.
    """
    path = Path(path)
    if path.suffix == ".mat":
        return osie.stimuli(path, images)
    if path.suffix == ".txt":
        return gazefollow.stimuli(path, images)
    if (path / "DATA").is_dir():
        return mit1003(path)
    if vsod.packaged(path):
        return vsod.watched(path)
    return read_observed(path)


def mit1003(root: str | Path) -> dict[str, Observed]:
    """MIT1003's DATA/<subject>/<picture>.mat: raw gaze at 240 Hz in pixels of the picture, in ALLSTIMULI.

    Fixations are found by I-VT with 35 px a degree, as the set is viewed; the first of each subject is left out.
    """
    root = Path(root)
    gaze: dict[str, list[tuple[str, FloatArray]]] = {}
    files = sorted((root / "DATA").glob("*/*.mat"))
    if not files:
        raise DataError(f"{root / 'DATA'}: no <subject>/<picture>.mat in it; unpack MIT1003's DATA.zip there")
    for path in files:
        gaze.setdefault(path.stem, []).append((path.parent.name, _mit1003_fixations(path)))
    found: dict[str, Observed] = {}
    for name, subjects in gaze.items():
        picture = next(iter(sorted((root / "ALLSTIMULI").glob(f"{name}.*"))), None)
        if picture is None:
            raise DataError(f"{root / 'ALLSTIMULI'}: no picture {name}; unpack MIT1003's ALLSTIMULI.zip there")
        height, width = image_size(picture)
        source = tuple(root / "DATA" / subject / f"{name}.mat" for subject, _ in subjects)
        found[name] = Table(name, (height, width), Points.of(subjects), source, px_per_degree=MIT1003_PX_PER_DEGREE)
    return found


def _mit1003_fixations(path: Path) -> FloatArray:
    variables = {key: value for key, value in load_matlab(path).items() if not key.startswith("_")}
    try:
        data = next(iter(variables.values()))["DATA"]
        raw = np.asarray((data if isinstance(data, dict) else np.atleast_1d(data)[0])["eyeData"], dtype=np.float64)
        xy = raw[:, :2]
    except (StopIteration, KeyError, TypeError, ValueError, IndexError) as error:
        raise DataError(f"{path}: no <picture>.DATA.eyeData with x and y in it ({error}); unpack it again") from None
    xy = np.where((xy <= 0).any(axis=1, keepdims=True), np.nan, xy)
    time = np.arange(len(xy)) / MIT1003_HZ
    options = EventOptions(method="ivt", min_duration_s=0.1)
    fixations = detect(time, xy, xy / MIT1003_PX_PER_DEGREE, 1 / MIT1003_HZ, options)
    return np.asarray(fixations.select("x", "y").to_numpy()[1:], dtype=np.float64)
