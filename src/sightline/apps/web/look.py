"""One frame with the layers that are switched on, drawn from what a run wrote."""

from __future__ import annotations

import base64
from collections.abc import Collection
from pathlib import Path
from typing import Any, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from sightline.apps.web.media import Media, jpeg
from sightline.errors import DataError
from sightline.results import outputs
from sightline.results.kinds import Maps, Table
from sightline.results.overlay import Overlay, heat_paint
from sightline.types import Box, Frame, Hotspot, Object, Person, SoundWindow, State, Track

Rows = list[dict[str, str]]
WHY_BLANK = {
    "saliency": "nothing draws the eye in this frame",
    "heatmaps": "nobody in this frame looks at anything in it",
    "masks": "no mask in this frame",
    "hotspots": "nothing is followed in this frame",
    "objects": "no object of this frame has a name",
    "people": "no head in this frame",
    "sound": "no sound is told of this frame",
}
"""Why a layer shows nothing of a frame."""
FAINT = 8
"""Opacity of heat, of 255, below which nobody sees it."""


class Results:
    """What a run wrote, frame by frame. folder: of one source."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        tables = [kind for kind in outputs.OUTPUTS if isinstance(kind, Table) and kind.find(folder) is not None]
        self.tables: dict[str, Rows] = {kind.name: kind.read(folder / kind.entries[0]) for kind in tables}
        self._by_frame: dict[str, dict[int, Rows]] = {name: _by_frame(rows) for name, rows in self.tables.items()}

    @property
    def layers(self) -> list[str]:
        """The kinds of output that a run wrote, by name."""
        return [kind.name for kind in outputs.OUTPUTS if kind.find(self.folder) is not None]

    def rows(self, kind: str, index: int) -> Rows:
        """The rows of a table on a frame."""
        return self._by_frame.get(kind, {}).get(index, [])

    def frame(self, media: Media, index: int) -> Frame:
        """A frame of the page's size with all that there is about it."""
        image = media.page_image(index)
        height, width = media.page_size
        scale = width / media.size[1], height / media.size[0]
        here = {name: self.rows(name, index) for name in self._by_frame}
        return Frame(
            index,
            media.times[min(index, len(media.times) - 1)],
            image,
            saliency=self._map(outputs.SALIENCY, index, (height, width)),
            heatmap=self._map(outputs.HEATMAPS, index, (height, width)),
            mask=self._mask(index, (height, width)),
            hotspot=next((_hotspot(row, scale) for row in here.get("hotspots", []) if row["x_px"]), None),
            objects=tuple(_object(row, scale) for row in here.get("objects", [])),
            tracks=tuple(_track(row, scale) for row in here.get("tracks", [])),
            people=tuple(_person(row, scale) for row in here.get("people", [])),
            sound=next((_sound(row) for row in here.get("sound", []) if row["switch"]), None),
        )

    def _map(self, kind: Maps, index: int, size: tuple[int, int]) -> NDArray[np.float32] | None:
        path = self.folder / kind.name / f"{index:05d}.png"
        if not path.is_file():
            return None
        return np.asarray(cv2.resize(kind.read(path), size[::-1], interpolation=cv2.INTER_AREA), np.float32)

    def _mask(self, index: int, size: tuple[int, int]) -> NDArray[np.uint16] | None:
        path = self.folder / outputs.MASKS.name / f"{index:05d}.png"
        if not path.is_file():
            return None
        numbers = outputs.MASKS.read(path).astype(np.uint16)
        return np.asarray(cv2.resize(numbers, size[::-1], interpolation=cv2.INTER_NEAREST))


def look(media: Media, results: Results | None, index: int, layers: Collection[str]) -> dict[str, Any]:
    """A frame for the page: its number, time, picture, the rows of tables on it, and which layers show nothing, why."""
    index = min(max(0, index), len(media.times) - 1)
    picture: bytes | None = None
    rows: dict[str, Rows] = {}
    blank: dict[str, str] = {}
    if results is not None:
        rows = {name: results.rows(name, index) for name in results.tables}
        frame = results.frame(media, index)
        blank = {name: why for name, why in why_blank(frame).items() if name in results.layers}
        if layers:
            drawing = Overlay(media.page_size, sound="sound" in layers, everything=True)
            picture = jpeg(drawing.draw(only(frame, layers)))
    return {
        "frame": index,
        "time_s": media.times[index],
        "picture": "data:image/jpeg;base64," + base64.b64encode(picture or media.frame(index).read_bytes()).decode(),
        "rows": rows,
        "blank": blank,
    }


def only(frame: Frame, layers: Collection[str]) -> Frame:
    """The frame with what the layers are drawn from alone."""
    return Frame(
        frame.index,
        frame.time_s,
        frame.image,
        saliency=frame.saliency if "saliency" in layers else None,
        heatmap=frame.heatmap if "heatmaps" in layers else None,
        mask=frame.mask if "masks" in layers else None,
        hotspot=frame.hotspot if "hotspots" in layers else None,
        objects=frame.objects if "objects" in layers else (),
        tracks=frame.tracks if "hotspots" in layers else (),
        people=frame.people if "people" in layers else (),
        sound=frame.sound if "sound" in layers else None,
    )


def why_blank(frame: Frame) -> dict[str, str]:
    """Which layers show nothing of a frame, and why."""
    opacity = heat_paint().alpha

    def seen(heat: NDArray[np.float32] | None) -> bool:
        return heat is not None and opacity[round(255 * float(heat.max()))] >= FAINT

    spots = [track.hotspot for track in frame.tracks] if len(frame.tracks) > 1 else [frame.hotspot]
    there = {
        "saliency": seen(frame.saliency),
        "heatmaps": seen(frame.heatmap),
        "masks": frame.mask is not None and bool(frame.mask.any()),
        "hotspots": any(spot is not None for spot in spots),
        "objects": any(thing.label for thing in frame.objects),
        "people": bool(frame.people),
        "sound": frame.sound is not None,
    }
    return {name: WHY_BLANK[name] for name, is_there in there.items() if not is_there}


def _by_frame(rows: Rows) -> dict[int, Rows]:
    found: dict[int, Rows] = {}
    for row in rows:
        if not row["frame"].isdecimal():
            raise DataError(f"frame {row['frame']}: no number of a frame; run it again")
        found.setdefault(int(row["frame"]), []).append(row)
    return found


def _hotspot(row: dict[str, str], scale: tuple[float, float]) -> Hotspot:
    return Hotspot(float(row["x_px"]) * scale[0], float(row["y_px"]) * scale[1], float(row["score"]))


def _track(row: dict[str, str], scale: tuple[float, float]) -> Track:
    state = next(state for state in get_args(State) if state == row["state"])
    return Track(int(row["object"]), state, _hotspot(row, scale) if row["x_px"] else None)


def _box(row: dict[str, str], prefix: str, scale: tuple[float, float]) -> Box:
    x1, y1, x2, y2 = (float(row[f"{prefix}{side}_px"]) for side in ("x1", "y1", "x2", "y2"))
    return x1 * scale[0], y1 * scale[1], x2 * scale[0], y2 * scale[1]


def _object(row: dict[str, str], scale: tuple[float, float]) -> Object:
    return Object(int(row["object"]), _box(row, "", scale), float(row["score"]), row["label"])


def _person(row: dict[str, str], scale: tuple[float, float]) -> Person:
    target = (
        (float(row["target_x_px"]) * scale[0], float(row["target_y_px"]) * scale[1]) if row["target_x_px"] else None
    )
    return Person(
        int(row["person"]),
        _box(row, "head_", scale),
        float(row["head_score"]),
        target,
        float(row["target_score"] or 0),
        int(row["object"]) if row["object"] else None,
    )


def _sound(row: dict[str, str]) -> SoundWindow:
    return SoundWindow(
        0.0, 0.0, row["switch"] == "1", float(row["switch_score"] or 0), row["tag"], float(row["tag_score"] or 0)
    )
