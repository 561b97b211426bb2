"""Which frames a fixation is on, and what was fixated on each frame of a video."""

from __future__ import annotations

import math
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sightline.errors import DataError
from sightline.fixations.maps import Size, inside
from sightline.fixations.records import Fixations
from sightline.fixations.tables import read_columns, read_fixations

Frames = NDArray[np.int64]

# Viewers go on looking when a video is over, and published tables keep that; far longer ones are of another video.
LONGER, LONGER_S = 1.25, 1.0
SHORTER = 0.75


def end_of(frame_times_s: ArrayLike) -> float:
    """When the last frame of a video is over, in seconds.

    Parameters
    ----------
    frame_times_s : array_like, (T,) float
        When each frame is presented, in seconds, increasing.

    Returns
    -------
    float
        The last time and the median step; infinity for one frame, which is a picture.

    Examples
    --------
    >>> end_of([0.0, 0.04, 0.08])
    0.12
    """
    times = np.asarray(frame_times_s, dtype=np.float64)
    return float(times[-1] + np.median(np.diff(times))) if len(times) > 1 else math.inf


def frames_of(
    onset_s: ArrayLike, duration_s: ArrayLike, frame_times_s: ArrayLike, end_s: float | None = None
) -> tuple[Frames, Frames]:
    """Find the frames that each fixation is on: those that were on screen at some moment of it.

    Frame i is on screen from its own time until the time of frame i + 1, the last one until `end_s`. A fixation takes
    the time from its onset until onset + duration, the end not included. It is on every frame that shares a moment
    with it. So one that begins before the video ends and outlasts it is on the last frame, and one that begins when
    the video is over is on none: viewers go on looking, but no longer at that frame.

    Parameters
    ----------
    onset_s, duration_s : array_like, (N,) float
        In seconds of the video.
    frame_times_s : array_like, (T,) float
        When each frame is presented, in seconds, increasing.
    end_s : float, optional
        When the last frame is over; `end_of(frame_times_s)` unless given.

    Returns
    -------
    first, last : ndarray, (N,) int64
        The first frame and the one behind the last; equal where a fixation is on none.

    Examples
    --------
    Four frames of 40 ms. The first fixation touches frame 2 when it ends, the second outlasts the video, the third
    begins when the video is over.

    >>> first, last = frames_of([0.02, 0.13, 0.16], [0.06, 0.50, 0.20], [0.0, 0.04, 0.08, 0.12])
    >>> [list(range(a, b)) for a, b in zip(first, last)]
    [[0, 1], [3], []]
    """
    onset, times = np.asarray(onset_s, dtype=np.float64), np.asarray(frame_times_s, dtype=np.float64)
    over = end_of(times) if end_s is None else end_s
    first = np.maximum(np.searchsorted(times, onset, side="right") - 1, 0)
    last = np.maximum(np.searchsorted(times, onset + np.asarray(duration_s, dtype=np.float64), side="left"), first)
    return first, np.where(onset < over, last, first)


def points_by_frame(
    path: str | Path, fixations: Fixations, frame_times_s: ArrayLike, size: Size | None = None
) -> list[NDArray[np.float32]]:
    """Give each frame of a video the points that were fixated while it was on screen.

    Parameters
    ----------
    path : str or Path
        Where the fixations come from, for errors.
    fixations : Fixations
        Of this video.
    frame_times_s : array_like, (T,) float
        When each frame is presented, in seconds from the first one, increasing.
    size : (height, width), optional
        Of the frames, in pixels; where it is given, fixations beside them are left out.

    Returns
    -------
    list of ndarray, T times (K, 2) float32
        x, y in pixels; K is 0 where nobody fixates anything.

    Raises
    ------
    DataError
        If there are no fixations, they are of another video (its duration does not fit, most lie beside the frames,
        or `path` is an import's that was made for another number of frames), or no frame has one.

    Warns
    -----
    UserWarning
        Where some lie beside the frames, where they end long before the video, and where there is one viewer alone.

    Examples
    --------
    >>> from sightline.fixations import Points
    >>> two = Points(np.array([[3.0, 4.0], [5.0, 6.0]]), np.array(["ann", "ben"]))
    >>> watched = Fixations(two, np.array([0.0, 0.05]), np.full(2, 0.05))
    >>> [frame.tolist() for frame in points_by_frame("film.csv", watched, [0.0, 0.04, 0.08])]
    [[[3.0, 4.0]], [[3.0, 4.0], [5.0, 6.0]], [[5.0, 6.0]]]
    """
    times = np.asarray(frame_times_s, dtype=np.float64)
    if not len(times) or (np.diff(times) <= 0).any():
        raise ValueError("frame times must increase, and there must be one at least")
    _require_frames(Path(path), len(times))
    if not len(fixations):
        raise DataError(f"{path}: no fixations in it; import the recordings again or leave the gaze out")
    if len(times) > 1:  # a picture has no end
        _require_duration(path, fixations, end_of(times))
    if size is not None:
        fixations = _require_inside(path, fixations, size)
    if len(np.unique(fixations.points.subjects)) == 1:
        warnings.warn(f"{path}: one viewer alone; what they look at need not be what people look at", stacklevel=2)
    xy = fixations.points.xy.astype(np.float32)
    first, last = frames_of(fixations.onset_s, fixations.duration_s, times)
    points = [xy[(first <= index) & (index < last)] for index in range(len(times))]
    if not any(len(each) for each in points):
        raise DataError(f"{path}: no frame of the video has a fixation; check that onset_s counts from its first frame")
    return points


def fixations_by_frame(
    path: str | Path, frame_times_s: ArrayLike, size: Size | None = None
) -> list[NDArray[np.float32]]:
    """Read a table of fixations and give each frame of a video its points.

    `read_fixations` and `points_by_frame` in one; see there for parameters, errors and warnings.

    Examples
    --------
    >>> import tempfile
    >>> table = Path(tempfile.mkdtemp()) / "film_fixations.csv"
    >>> _ = table.write_text("subject,onset_s,duration_s,x_px,y_px\\nann,0,0.05,3,4\\nben,0.05,0.05,5,6\\n")
    >>> [len(frame) for frame in fixations_by_frame(table, [0.0, 0.04, 0.08])]
    [1, 2, 1]
    """
    return points_by_frame(path, read_fixations(path), frame_times_s, size)


def _require_frames(path: Path, count: int) -> None:
    """Raise DataError if `path` is an import's and it was made for another number of frames."""
    frames = (path if path.is_dir() else path.parent) / "frames.csv"
    if frames.is_file() and (known := len(read_columns(frames, ["frame"]))) != count:
        raise DataError(
            f"{path}: the fixations were imported onto a video of {known} frames, this one has {count}; "
            "give the gaze of this video"
        )


def _require_duration(path: str | Path, fixations: Fixations, end_s: float) -> None:
    """Raise DataError where fixations begin long after the video, warn where they end long before."""
    latest = float(fixations.onset_s.max())
    if latest > LONGER * end_s + LONGER_S:
        raise DataError(
            f"{path}: fixations go on to {latest:.1f} s, the video ends at {end_s:.1f} s; give the gaze of this video"
        )
    over = float((fixations.onset_s + fixations.duration_s).max())
    if over < SHORTER * end_s:
        warnings.warn(f"{path}: fixations end at {over:.1f} s, the video at {end_s:.1f} s", stacklevel=4)


def _require_inside(path: str | Path, fixations: Fixations, size: Size) -> Fixations:
    """Those in the picture. Raises DataError where that is less than half of them."""
    there = inside(fixations.points.xy, size)
    beside = f"{len(there) - there.sum()} of {len(there)} fixations"
    shape = f"{size[1]}x{size[0]}"
    if 2 * there.sum() < len(there):
        raise DataError(f"{path}: {beside} lie outside of the {shape} frames; give positions in pixels of this video")
    if not there.all():
        warnings.warn(f"{path}: {beside} outside of the {shape} frames left out", stacklevel=3)
    return fixations.where(there)
