"""Fixations of published data sets, each stimulus as `sightline.data.fixations.Observed`.

That module reads tables (images.csv with fixations.csv, <video>_fixations.csv: multi-face), maps (DHF1K, STAViS) and
imports. Here are the MATLAB files of OSIE, EyeCrowd and MIT1003, DAVSOD's folders and GazeFollow-like points;
`open_fixations` tells them all apart. Nothing is unpickled: MATLAB files are read by SciPy, objects in them refused.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from sightline.data.files import list_images
from sightline.data.fixations import Maps, Observed, Points, Table, read_observed
from sightline.errors import DataError
from sightline.gaze.events import EventOptions, detect

FloatArray = NDArray[np.float64]

OSIE_PX = (800, 600)
MIT1003_HZ = 240.0
MIT1003_PX_PER_DEGREE = 35.0

# The GazeFollow annotation files have no header; the column of the source is missing in some releases.
GAZEFOLLOW = ("path", "id", "body_x", "body_y", "body_w", "body_h", "eye_x", "eye_y", "gaze_x", "gaze_y")


def open_fixations(path: str | Path, images: str | Path | None = None) -> dict[str, Observed]:
    """Every stimulus of a data set, or the one of an import, by name.

    images: the folder of pictures, where the annotations leave their sizes open. Raises DataError naming the file.
    """
    path = Path(path)
    if path.suffix == ".mat":
        return osie(path, images)
    if path.suffix == ".txt":
        return gazefollow(path, images or path.parent)
    if (path / "DATA").is_dir():
        return mit1003(path)
    if next(path.glob("**/Imgs"), None) is not None:
        return davsod(path)
    return read_observed(path)


def osie(path: str | Path, images: str | Path | None = None) -> dict[str, Observed]:
    """OSIE's and EyeCrowd's fixations.mat: a cell a picture with img and subjects, each with fix_x and fix_y.

    images: the folder of pictures, for their sizes; OSIE's are all of OSIE_PX. The fixation that was there when the
    picture appeared is the first of each subject and is left out.
    """
    path = Path(path)
    cells = _loadmat(path).get("fixations")
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
        size = OSIE_PX if images is None else _image_size(Path(images) / name)
        found[Path(name).stem] = Table(
            Path(name).stem, (size[1], size[0]), _points((str(k + 1), each[1:]) for k, each in enumerate(xy)), (path,)
        )
    return found


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
        width, height = _image_size(picture)
        source = tuple(root / "DATA" / subject / f"{name}.mat" for subject, _ in subjects)
        found[name] = Table(name, (height, width), _points(subjects), source, px_per_degree=MIT1003_PX_PER_DEGREE)
    return found


def _mit1003_fixations(path: Path) -> FloatArray:
    variables = {key: value for key, value in _loadmat(path).items() if not key.startswith("_")}
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


def davsod(root: str | Path) -> dict[str, Observed]:
    """DAVSOD's sequences: <sequence>/Imgs with a binary fixation map for every frame in <sequence>/Fixation_maps.

    Saliency maps in <sequence>/Fixation_maps_smoothed come along where they are. DHF1K's names, fixation and maps, will
    do as well. Raises DataError where frames and maps do not pair up.
    """
    found: dict[str, Observed] = {}
    for frames in sorted(Path(root).glob("**/Imgs")):
        folder = frames.parent
        marked, densities = (
            next((images for name in names if (images := list_images(folder / name))), [])
            for names in (("Fixation_maps", "fixation", "fixations"), ("Fixation_maps_smoothed", "maps"))
        )
        names = {path.stem for path in list_images(frames)}
        if {path.stem for path in marked} != names:
            raise DataError(f"{folder}: {len(names)} frames in Imgs, {len(marked)} fixation maps; they must pair up")
        found[folder.name] = Maps(folder.name, marked, densities)
    if not found:
        raise DataError(f"{root}: no <sequence>/Imgs with <sequence>/Fixation_maps in it")
    return found


def gazefollow(path: str | Path, images: str | Path) -> dict[str, Observed]:
    """GazeFollow-like annotations: a line a person and annotator, positions as fractions of the picture.

    Each person in a picture is a stimulus of their own: what they look at, by one annotator or ten. Lines that say
    the gaze leaves the picture (in-or-out 0, or a negative position) give no point.
    """
    path, images = Path(path), Path(images)
    people: dict[tuple[str, str, str], list[tuple[float, float]]] = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            for number, row in enumerate(csv.reader(stream), start=1):
                if row:
                    _gazefollow_line(path, number, row, people)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read ({error})") from None
    found: dict[str, Observed] = {}
    for (name, _, _), gaze in people.items():
        if not (images / name).is_file():
            raise DataError(f"{images / name}: no such picture; give the folder that {path.name} counts from")
        width, height = _image_size(images / name)
        stem = str(Path(name).with_suffix("")).replace("\\", "/")
        label = f"{stem}-{sum(key == stem or key.startswith(f'{stem}-') for key in found)}"
        annotators = [(str(k + 1), np.array([xy]) * (width, height)) for k, xy in enumerate(gaze)]
        found[label] = Table(label, (height, width), _points(annotators), (path,))
    return found


def _gazefollow_line(
    path: Path, number: int, row: list[str], people: dict[tuple[str, str, str], list[tuple[float, float]]]
) -> None:
    try:
        cells = dict(zip(GAZEFOLLOW, row[: len(GAZEFOLLOW)], strict=True))
        x, y = float(cells["gaze_x"]), float(cells["gaze_y"])
        float(cells["eye_x"]), float(cells["eye_y"])
    except ValueError:
        raise DataError(f"{path}, line {number}: {', '.join(GAZEFOLLOW)}, ... are expected; mend the line") from None
    gaze = people.setdefault((cells["path"], cells["eye_x"], cells["eye_y"]), [])
    outside = len(row) >= 15 and row[14].strip() == "0"
    if not outside and 0 <= x <= 1 and 0 <= y <= 1:
        gaze.append((x, y))


def _points(subjects: Iterable[tuple[str, FloatArray]]) -> Points:
    named = [(name, xy) for name, xy in subjects if len(xy)]
    if not named:
        return Points(np.empty((0, 2)), np.empty(0, dtype=np.str_))
    return Points(
        np.concatenate([xy for _, xy in named]), np.repeat([name for name, _ in named], [len(xy) for _, xy in named])
    )


def _loadmat(path: Path) -> dict[str, Any]:
    from scipy.io import loadmat

    try:
        variables: dict[str, Any] = loadmat(path, simplify_cells=True)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except Exception as error:  # SciPy raises whatever its parser trips over in a damaged file
        raise DataError(f"{path}: not a MATLAB file that can be read ({error}); save it with -v7") from None
    return variables


def _image_size(path: Path) -> tuple[int, int]:
    """(width, height) from the picture's header."""
    try:
        with Image.open(path) as image:
            return image.size
    except FileNotFoundError:
        raise DataError(f"{path}: no such picture") from None
    except (OSError, UnidentifiedImageError) as error:
        raise DataError(f"{path}: not a picture that can be read ({error})") from None
