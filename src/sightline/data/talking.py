"""Two faces side by side, of which one speaks: crops of videos in which people annotated who speaks when.

A scene has a stretch of a face that speaks, with the sound of its video, and one of a face that is silent, over a
photograph. Faces keep their own movement; both have one size, and stay where they are in the frame's background.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from sightline.data.audiovisual import (
    FPS,
    RATE,
    SECONDS,
    SIZE,
    Actor,
    Scene,
    check_request,
    two_homes,
    write_scenes,
)
from sightline.data.layers import any_ground, pan, photographs_in, wide
from sightline.errors import DataError, UsageError
from sightline.files import VIDEO_SUFFIXES, WholeFolder
from sightline.fixations import read_columns
from sightline.progress import track
from sightline.video import open_source

TAG = "speech"
_MEND = "give more videos, or shorter `seconds`"
LAYOUT = "<video>_faces.csv (frame,face,x1_px,y1_px,x2_px,y2_px,speaking) beside <video>.mp4"
HEIGHT = (0.3, 0.62)
"""Of the crops in a composed frame, in parts of it: from a scene of several people to two portraits."""
ROOM = (2.3, 2.1)
"""Height and width of a crop in heights of the face's box: with hair and shoulders."""
LOW = 0.25
"""How far the crop's centre lies below the face's, in heights of its box."""
STEADY_S = 1.0
"""Over which a crop's place is averaged."""
SPEAKS, HUSHED = 0.4, 0.1
"""A speaking face speaks in at least such a part of a stretch, and the others of its video in at most such a one."""
TALKS = 0.1
"""Part of its video in which a face speaks that may be taken for one that can: silent ones are drawn from those first,
so that a look does not tell who is silent."""
TRIES = 50
"""Stretches of a face that are looked at."""


class Face(NamedTuple):
    """One face of one video.

    name: video:face. crops: (T, h, w, 3) uint8, on disk. times_s: (T,). speaking: (T,) bool. others: (T,) bool, whether
    another face of the video speaks.
    """

    name: str
    video: str
    crops: NDArray[np.uint8]
    times_s: NDArray[np.float64]
    speaking: NDArray[np.bool_]
    others: NDArray[np.bool_]


def write_talking(
    root: str | Path,
    backgrounds: str | Path,
    count: int,
    out: str | Path,
    seed: int = 0,
    *,
    leave_out: Sequence[str] = (),
    size: tuple[int, int] = SIZE,
    fps: int = FPS,
    seconds: tuple[float, float] = SECONDS,
) -> list[str]:
    """Write videos of two faces, one of which speaks, with the sound of its speech.

    Parameters
    ----------
    root : str or Path
        Videos, each with a table `<video>_faces.csv`: frame, face, x1_px, y1_px, x2_px, y2_px, speaking.
    backgrounds, count, out, seed, size, fps, seconds
        As in `audiovisual.write`, whose layout the folder has. Both faces have the tag `speech`.
    leave_out : sequence of str
        Videos that give no crop, by name: those that a model is scored on.

    Returns
    -------
    list of str
        The videos' names.

    Raises
    ------
    UsageError
        Where a video to be left out is not there, or the request makes no video.
    DataError
        Where there are no such videos, a table is malformed, or no stretch is long enough.
    OutputError
        Where `out` holds something else, or cannot be written.
    """
    check_request(count, fps, seconds)
    photographs = photographs_in(backgrounds)
    tables = _tables(Path(root), leave_out)
    marker, replaces = "composites.json", ("videos", "masks", "tags.csv", "truth.csv")
    with (
        tempfile.TemporaryDirectory() as spool,
        WholeFolder(out, marker=marker, replaces=replaces).require_ours() as partial,
    ):
        faces = [
            face
            for table, video in track(tables.items(), "Cutting faces out", len(tables))
            for face in _faces(table, video, round(HEIGHT[1] * size[0]), Path(spool))
        ]

        def scenes() -> Iterator[tuple[Scene, np.random.Generator]]:
            for number in range(count):
                rng = np.random.default_rng([seed, number])
                frames = round(fps * rng.uniform(*seconds))
                ground = wide(any_ground(photographs, rng)[1], size)
                yield _scene(faces, tables, rng, frames, size, fps, ground, root), rng

        about = {"seed": seed, "fps": fps, "size": size, "leave_out": list(leave_out)}
        return write_scenes(partial, scenes(), count, size, fps, about)


@dataclass(frozen=True, slots=True)
class _Panel:
    """A stretch of a face at its place: `pictures` are the indices of its crops, `corners` (T, 2) where they begin."""

    face: Face
    pictures: NDArray[np.int64]
    corners: NDArray[np.int64]
    opacity: NDArray[np.float32]

    def at(self, index: int, size: tuple[int, int]) -> NDArray[np.float32]:
        layer = np.zeros((*size, 4), np.float32)
        height, width = self.opacity.shape
        crop = cv2.resize(self.face.crops[self.pictures[index]], (width, height), interpolation=cv2.INTER_AREA)
        x, y = self.corners[index]
        top, left = max(0, y), max(0, x)
        inside = np.s_[top - y : size[0] - y, left - x : size[1] - x]
        part = crop[inside]
        there = np.s_[top : top + part.shape[0], left : left + part.shape[1]]
        layer[(*there, np.s_[:3])] = part
        layer[(*there, 3)] = self.opacity[inside]
        return layer


def _tables(root: Path, leave_out: Sequence[str]) -> dict[Path, Path]:
    """The tables and their videos."""
    found: dict[Path, Path] = {}
    for table in sorted(root.glob("*_faces.csv")):
        name = table.stem.removesuffix("_faces")
        video = next((p for p in sorted(root.glob(f"{name}.*")) if p.suffix.lower() in VIDEO_SUFFIXES), None)
        if video is None:
            raise DataError(f"{table}: no video {name}.mp4 beside it; {LAYOUT} is expected")
        found[table] = video
    absent = sorted(set(leave_out) - {video.stem for video in found.values()})
    if absent:
        known = ", ".join(video.stem for video in found.values())
        raise UsageError(f"`leave_out`: no video {absent[0]!r} in {root}; it has {known or 'none'}")
    kept = {table: video for table, video in found.items() if video.stem not in leave_out}
    if not kept:
        raise DataError(f"{root}: no videos of faces; {LAYOUT} is expected, and not all of them left out")
    return kept


def _faces(table: Path, video: Path, height: int, spool: Path) -> list[Face]:
    """The faces of a video that are in every frame of it."""
    columns = read_columns(table, ("frame", "x1_px", "y1_px", "x2_px", "y2_px", "speaking"), ("face",))
    values = np.stack([columns.numbers[name] for name in ("frame", "x1_px", "y1_px", "x2_px", "y2_px", "speaking")], 1)
    by_face = {name: values[columns.text["face"] == name] for name in sorted(set(columns.text["face"].tolist()))}
    frames = min(int(rows[:, 0].max()) + 1 for rows in by_face.values())
    whole: dict[str, NDArray[np.float64]] = {}
    for name, rows in by_face.items():
        rows = rows[np.argsort(rows[:, 0], kind="stable")]
        if np.array_equal(rows[:frames, 0], np.arange(frames)):
            whole[name] = rows[:frames]
    if not whole:
        raise DataError(f"{table}: no face has a row for every frame; {LAYOUT} is expected")
    width = round(height * ROOM[1] / ROOM[0])
    crops = {
        name: np.lib.format.open_memmap(
            spool / f"{video.stem}-{number}.npy", mode="w+", dtype=np.uint8, shape=(frames, height, width, 3)
        )
        for number, name in enumerate(whole)
    }
    times = []
    with open_source(video) as source:
        steady = max(1, round(STEADY_S * float(source.fps)))
        boxes = {name: _crop_boxes(rows[:, 1:5], steady) for name, rows in whole.items()}
        for frame in source:
            if frame.index >= frames:
                break
            times.append(frame.time_s)
            for name, box in boxes.items():
                crops[name][frame.index] = _crop(frame.image, box[frame.index], (height, width))
    if len(times) < frames:
        raise DataError(f"{table}: speaks of {frames} frames, {video.name} has {len(times)}; they are no pair")
    speaking = {name: rows[:, 5] > 0.5 for name, rows in by_face.items() if name in whole}
    talk = np.sum([speaking[name] for name in whole], axis=0)
    return [
        Face(f"{video.stem}:{name}", video.stem, crops[name], np.array(times), speaking[name], talk > speaking[name])
        for name in whole
    ]


def _crop_boxes(boxes: NDArray[np.float64], steady: int) -> NDArray[np.float64]:
    """Centre and size of a crop a frame, (T, 4): x, y, width, height; of one size, and following calmly."""
    tall = float(np.median(boxes[:, 3] - boxes[:, 1]))
    x, y = (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2 + LOW * tall
    calm = [ndimage.uniform_filter1d(values, steady, mode="nearest") for values in (x, y)]
    return np.stack([*calm, np.full(len(x), ROOM[1] * tall), np.full(len(x), ROOM[0] * tall)], axis=1)


def _crop(image: NDArray[np.uint8], box: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.uint8]:
    """A box of a picture at a size (height, width); the picture's edge goes on where the box leaves it."""
    x, y, width, height = box
    scale_x, scale_y = size[1] / width, size[0] / height
    matrix = np.array([[scale_x, 0, -scale_x * (x - width / 2)], [0, scale_y, -scale_y * (y - height / 2)]])
    how = cv2.INTER_AREA if scale_y < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.warpAffine(image, matrix, size[::-1], flags=how, borderMode=cv2.BORDER_REPLICATE))


def _scene(
    faces: Sequence[Face],
    tables: dict[Path, Path],
    rng: np.random.Generator,
    frames: int,
    size: tuple[int, int],
    fps: int,
    ground: NDArray[np.uint8],
    root: str | Path,
) -> Scene:
    """A face that speaks and one that does not."""
    length_s = frames / fps
    speaking = _stretch(faces, rng, length_s, speaks=True)
    if speaking is None:
        raise DataError(f"{root}: no {length_s:.1f} s found in which one face speaks and no other does; {_MEND}")
    speaker, starts_s = speaking
    others = [face for face in faces if face.name != speaker.name]
    talkers = [face for face in others if face.speaking.mean() >= TALKS]
    silent = _stretch(talkers, rng, length_s, speaks=False) or _stretch(others, rng, length_s, speaks=False)
    if silent is None:
        raise DataError(f"{root}: no {length_s:.1f} s found in which another face is silent; {_MEND}")
    listener, from_s = silent
    views = pan(rng, frames, ground, size)
    tall = rng.uniform(*HEIGHT) * size[0]
    height, width = round(tall), round(tall * ROOM[1] / ROOM[0])
    actors = []
    for face, begins_s, home in zip((speaker, listener), (starts_s, from_s), two_homes(rng, 2), strict=True):
        at = begins_s + np.arange(frames) / fps
        pictures = np.clip(np.searchsorted(face.times_s, at - 1e-6), 0, len(face.times_s) - 1)
        corner = np.array([home[0] * size[1] - width / 2, home[1] * size[0] - height / 2])
        corners = np.rint(corner + views[0] - views).astype(np.int64)
        panel = _Panel(face, pictures, corners, _soft(height, width))
        sounding = face.speaking[pictures] if face is speaker else np.zeros(frames, bool)
        actors.append(Actor(panel, TAG, face.name, sounding, False))
    video = next(path for path in tables.values() if path.stem == speaker.video)
    with open_source(video) as source:
        samples = source.sound(starts_s, starts_s + length_s, RATE)
    if samples is None:
        raise DataError(f"{video}: no sound, but somebody is said to speak; take its table out of the folder")
    about = {"sound": f"{video.name} from {starts_s:.3f} s"}
    return Scene("talking", TAG, tuple(actors), samples, ground, views, dict(about))


def _stretch(
    faces: Sequence[Face], rng: np.random.Generator, length_s: float, speaks: bool
) -> tuple[Face, float] | None:
    """A face, and when a stretch begins in which it speaks alone, or is silent; None where none is found."""
    for index in rng.permutation(len(faces)):
        face = faces[int(index)]
        room_s = float(face.times_s[-1]) - length_s
        for begins_s in rng.uniform(0, room_s, TRIES).tolist() if room_s > 0 else ():
            here = (face.times_s >= begins_s) & (face.times_s < begins_s + length_s)
            if speaks and face.speaking[here].mean() >= SPEAKS and face.others[here].mean() <= HUSHED:
                return face, begins_s
            if not speaks and not face.speaking[here].any():
                return face, begins_s
    return None


def _soft(height: int, width: int) -> NDArray[np.float32]:
    """The opacity of a crop: a rounded shape with a soft rim."""
    y, x = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    distance = (np.abs(x) ** 4 + np.abs(y) ** 4) ** 0.25
    return np.clip((1 - distance) / 0.12, 0, 1).astype(np.float32)
