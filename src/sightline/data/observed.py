"""Fixations of several viewers on pictures and videos, from tables or from the maps that data sets ship.

`read_observed` tells the layouts apart:

- pictures: `images.csv` (image, original_width_px, original_height_px, optionally px_per_degree) and `fixations.csv`
  (image, subject, order, x_px, y_px), in pixels of the original picture;
- videos: a table `<video>_fixations.csv` a video (subject, onset_ms, duration_ms, x_px, y_px), the video beside it;
- DHF1K: `<video>/maps/*.png` with `<video>/fixation/maps/*.mat` (variable I) or `<video>/fixation/*.png`;
- STAViS: `<video>/fixMap_00001.mat` (variable eyeMap) with `<video>/maps/eyeMap_00001.jpg`;
- single pictures as maps: `fixations/<image>.png` or `.mat` with `maps/<image>.png`;
- a folder that `sightline gaze import` made, its fixations.csv, or a folder of such folders.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sightline.data.files import list_images, load_mask, load_matlab
from sightline.errors import DataError
from sightline.files import VIDEO_SUFFIXES
from sightline.fixations import Points, frames_of, inside, read_columns, read_fixations
from sightline.untrusted import parse_json

Floats = NDArray[np.float64]
IMPORTED = "provenance.json"
EXPECTED = (
    "images.csv with fixations.csv, <video>_fixations.csv, <sequence>/fixation/ and <sequence>/maps/, or what "
    "`sightline gaze import` writes,"
)


class Observed(ABC):
    """One stimulus with the fixations on it: a picture (one frame) or a video.

    `read_observed` makes them.

    Attributes
    ----------
    name : str
        What its predictions are called.
    size : (height, width)
        In pixels.
    px_per_degree : float or None
        Pixels across a degree of visual angle; None where it is unknown.
    ships_density : bool
        Whether `density` gives maps.
    frames : tuple of str
        The names of its frames.
    source : tuple of Path
        The files that it was read from.
    stimulus : Path or None
        The video or picture that was watched, where its place is known.

    Examples
    --------
    >>> from sightline.data.observed import Table
    >>> from sightline.fixations import Points
    >>> points = Points.of([("ann", np.array([[3.0, 4.0]])), ("ben", np.array([[5.0, 1.0], [90.0, 1.0]]))])
    >>> photograph: Observed = Table("a", (30, 40), points, ())
    >>> photograph.at(0).xy.tolist(), photograph.all().subjects.tolist()
    ([[3.0, 4.0], [5.0, 1.0]], ['ann', 'ben'])
    """

    name: str
    size: tuple[int, int]
    px_per_degree: float | None = None
    ships_density: bool = False
    frames: tuple[str, ...]
    source: tuple[Path, ...]
    stimulus: Path | None = None

    @abstractmethod
    def at(self, frame: int) -> Points:
        """The fixations on one frame, those outside of the picture left out."""

    @abstractmethod
    def all(self) -> Points:
        """The fixations on the whole stimulus, each once."""

    def density(self, frame: int) -> NDArray[np.uint8] | None:
        """The saliency map that the data set ships for a frame, (H, W); None where it ships none."""
        return None


class Table(Observed):
    """Fixations from a table. spans: first and last (exclusive) frame of each; None for a picture, where all count."""

    def __init__(
        self,
        name: str,
        size: tuple[int, int],
        points: Points,
        source: tuple[Path, ...],
        frames: int = 1,
        spans: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None,
        px_per_degree: float | None = None,
        stimulus: Path | None = None,
    ) -> None:
        self.name, self.size, self.source, self.px_per_degree = name, size, source, px_per_degree
        self.stimulus = stimulus
        there = inside(points.xy, size)
        self._points = points.where(there)
        self._spans = None if spans is None else (spans[0][there], spans[1][there])
        self.frames = tuple(f"{index:05d}" for index in range(frames))

    def at(self, frame: int) -> Points:
        if self._spans is None:
            return self._points
        return self._points.where((self._spans[0] <= frame) & (frame < self._spans[1]))

    def all(self) -> Points:
        return self._points


class Maps(Observed):
    """Fixations from binary maps, a file a frame; densities from pictures beside them, where there are any."""

    def __init__(self, name: str, fixations: Sequence[Path], densities: Sequence[Path]) -> None:
        self.name = name
        if densities and len(densities) != len(fixations):
            raise DataError(
                f"{densities[0].parent}: {len(densities)} maps for {len(fixations)} fixation maps in "
                f"{fixations[0].parent}; one for each is expected"
            )
        self._fixations, self._densities = list(fixations), list(densities)
        self.frames = tuple(path.stem for path in fixations)
        self.source = (*fixations, *densities)
        self.ships_density = bool(densities)
        self.size = _fixation_map(fixations[0]).shape

    def at(self, frame: int) -> Points:
        marked = _fixation_map(self._fixations[frame])
        if marked.shape != self.size:
            raise DataError(f"{self._fixations[frame]}: the map is {marked.shape}, the first one {self.size} pixels")
        rows, columns = marked.nonzero()
        return Points(np.stack([columns, rows], axis=1).astype(np.float64) + 0.5, np.full(len(rows), "", dtype=np.str_))

    def all(self) -> Points:
        found = [self.at(frame) for frame in range(len(self.frames))]
        return Points(np.concatenate([p.xy for p in found]), np.concatenate([p.subjects for p in found]))

    def density(self, frame: int) -> NDArray[np.uint8] | None:
        return load_mask(self._densities[frame]) if self._densities else None


def read_observed(root: str | Path, first_order: int = 2) -> dict[str, Observed]:
    """Read every stimulus of a folder with its fixations, in any of the layouts above.

    Parameters
    ----------
    root : str or Path
        The folder; of an import, its table will do.
    first_order : int
        Leave out earlier fixations on pictures; the first one already rests somewhere when a picture appears.

    Returns
    -------
    dict of str to Observed
        By the name of the stimulus.

    Raises
    ------
    DataError
        If there are no fixations, or a file is damaged or malformed; with the file, and the line of a table.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "images.csv").write_text("image,original_width_px,original_height_px\\na.jpg,40,30\\n")
    >>> _ = (folder / "fixations.csv").write_text("image,subject,order,x_px,y_px\\na.jpg,ann,2,3.5,4\\n")
    >>> read_observed(folder)["a"].at(0).xy.tolist()
    [[3.5, 4.0]]
    """
    root = Path(root)
    if root.is_file() and (root.parent / IMPORTED).is_file():
        root = root.parent
    if (root / "images.csv").is_file():
        return _pictures(root, first_order)
    imports = [root] if (root / IMPORTED).is_file() else sorted(file.parent for file in root.glob(f"*/{IMPORTED}"))
    if imports:
        return _imports(imports)
    tables = sorted(root.glob("*_fixations.csv"))
    if tables:
        videos = [_video(path) for path in tables]
        return {video.name: video for video in videos}
    if not root.is_dir():
        raise DataError(f"{root}: no such folder; {EXPECTED} are expected")
    for inner in ("annotation", "annotations"):
        if (root / inner).is_dir():
            return read_observed(root / inner, first_order)
    found: dict[str, Observed] = {}
    for folder in sorted(path for path in root.iterdir() if path.is_dir()):
        fixations = _fixation_files(folder)
        if fixations:
            found[folder.name] = Maps(folder.name, fixations, list_images(folder / "maps"))
    if not found:
        densities = {path.stem: path for path in list_images(root / "maps")}
        for path in _fixation_files(root):
            shipped = [densities[path.stem]] if path.stem in densities else []
            found[path.stem] = Maps(path.stem, [path], shipped)
    if not found:
        raise DataError(f"{root}: no fixations in it; {EXPECTED} are expected")
    return found


def _pictures(root: Path, first_order: int) -> dict[str, Observed]:
    images = read_columns(
        root / "images.csv", ("original_width_px", "original_height_px"), ("image",), ("px_per_degree",), EXPECTED
    )
    fixations = read_columns(root / "fixations.csv", ("order", "x_px", "y_px"), ("image", "subject"), expected=EXPECTED)
    names = fixations.text["image"]
    unknown = sorted(set(names.tolist()) - set(images.text["image"].tolist()))
    if unknown:
        raise DataError(f"{root / 'fixations.csv'}: image {unknown[0]!r} is not in images.csv; add it there")
    order = np.argsort(names, kind="stable")
    keep = order[fixations.numbers["order"][order] >= first_order]
    xy = np.stack([fixations.numbers["x_px"], fixations.numbers["y_px"]], axis=1)[keep]
    points = Points(xy, fixations.text["subject"][keep])
    names = names[keep]
    found: dict[str, Observed] = {}
    for index, image in enumerate(images.text["image"].tolist()):
        of_image = slice(np.searchsorted(names, image, "left"), np.searchsorted(names, image, "right"))
        degree = images.numbers["px_per_degree"][index] if "px_per_degree" in images.numbers else None
        size = int(images.numbers["original_height_px"][index]), int(images.numbers["original_width_px"][index])
        stem = Path(image).stem
        found[stem] = Table(
            stem,
            size,
            Points(points.xy[of_image], points.subjects[of_image]),
            (root / "images.csv", root / "fixations.csv"),
            px_per_degree=degree,
        )
    return found


def _imports(folders: Sequence[Path]) -> dict[str, Observed]:
    found: dict[str, Observed] = {}
    for folder in folders:
        observed = _imported(folder)
        if observed.name in found:
            raise DataError(f"{folder}: {observed.name} has been imported twice, see {found[observed.name].source[0]}")
        found[observed.name] = observed
    return found


def _imported(folder: Path) -> Observed:
    """What `sightline gaze import` wrote: the stimulus's name and size, its frames' times, the table of fixations."""
    try:
        said = parse_json((folder / IMPORTED).read_text())
        stimulus, (height, width) = Path(said["stimulus"]["path"]), map(int, said["stimulus"]["size"])
        degrees = [entry["stimulus_px_per_degree"] for entry in said["recordings"]]
        is_image = said["stimulus"]["end_s"] is None
        across, down = sorted(degrees)[len(degrees) // 2] if degrees and None not in degrees else (math.nan, math.nan)
        per_degree = None if math.isnan(across) else math.sqrt(across * down)
    except (OSError, ValueError, KeyError, TypeError, OverflowError) as error:
        raise DataError(f"{folder / IMPORTED}: cannot be read ({error!r}); import the recordings again") from None
    times = read_columns(folder / "frames.csv", ("time_s",), expected=EXPECTED).numbers["time_s"]
    fixations = read_fixations(folder / "fixations.csv")
    return Table(
        stimulus.stem,
        (height, width),
        fixations.points,
        (folder / "fixations.csv", folder / "frames.csv"),
        len(times),
        None if is_image else frames_of(fixations.onset_s, fixations.duration_s, times),
        px_per_degree=per_degree,
        stimulus=stimulus,
    )


def _video(path: Path) -> Observed:
    name = path.stem.removesuffix("_fixations")
    found = read_fixations(path)
    video = next(
        (
            file
            for file in sorted(path.parent.iterdir())
            if file.stem == name and file.suffix.lower() in VIDEO_SUFFIXES and file.is_file()
        ),
        None,
    )
    if video is None:
        raise DataError(f"{path}: no video {name}.mp4 beside it; its size and the times of its frames are needed")
    size, times = _frame_times(video)
    spans = frames_of(found.onset_s, found.duration_s, times)
    return Table(name, size, found.points, (path, video), len(times), spans, stimulus=video)


def _frame_times(video: Path) -> tuple[tuple[int, int], Floats]:
    """(height, width) of a video and the times of its frames, which decoding it tells for sure."""
    from sightline.progress import track
    from sightline.video import open_source

    with open_source(video) as source:
        frames = track(source, f"Frame times of {video.name}", total=source.frames_expected)
        return source.size, np.array([frame.time_s for frame in frames])


def _fixation_files(folder: Path) -> list[Path]:
    for place, pattern in (
        (folder / "fixation" / "maps", "*.mat"),
        (folder / "fixation", "*.mat"),
        (folder / "fixations", "*.mat"),
        (folder, "fixMap_*.mat"),
    ):
        files = sorted(place.glob(pattern))
        if files:
            return files
    return list_images(folder / "fixation") or list_images(folder / "fixations")


def _fixation_map(path: Path) -> NDArray[np.bool_]:
    """A binary fixation map (H, W), from a picture or the variable I or eyeMap of a MATLAB file."""
    if path.suffix.lower() != ".mat":
        return load_mask(path) > 0
    variables = load_matlab(path)
    for name in ("I", "eyeMap"):
        if name in variables:
            values = np.asarray(variables[name])
            if values.ndim == 2 and values.dtype.kind in "buif":
                return values > 0
    raise DataError(f"{path}: no fixation map in it; a matrix I (DHF1K) or eyeMap (STAViS) is expected")
