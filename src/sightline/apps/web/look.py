"""One frame with the layers that are switched on, drawn from what a run wrote."""

from __future__ import annotations

import base64
from collections.abc import Collection
from pathlib import Path
from typing import Any, get_args

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sightline.apps.web.media import Media, jpeg
from sightline.errors import DataError
from sightline.results import outputs
from sightline.results.kinds import Maps, Table
from sightline.results.overlay import Overlay
from sightline.types import Box, Frame, Hotspot, Object, Person, SoundWindow, State, Track

Rows = list[dict[str, str]]


class Results:
    """What a run wrote, frame by frame. folder: of one source."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        tables = [kind for kind in outputs.OUTPUTS if isinstance(kind, Table) and kind.find(folder) is not None]
        self.tables: dict[str, Rows] = {kind.name: kind.read(folder / kind.entries[0]) for kind in tables}
        self._by_frame: dict[str, dict[int, Rows]] = {name: _by_frame(rows) for name, rows in self.tables.items()}

    @property
    def layers(self) -> list[str]:
        """The kinds of output that there is something to draw of, by name."""
        there = [kind.name for kind in outputs.OUTPUTS if kind.find(self.folder) is not None]
        named = any(row["label"] for row in self.tables.get("objects", []))
        return [name for name in there if name != "objects" or named]

    def rows(self, kind: str, index: int) -> Rows:
        """The rows of a table on a frame."""
        return self._by_frame.get(kind, {}).get(index, [])

    def frame(self, media: Media, index: int, layers: Collection[str]) -> Frame:
        """A frame of the page's size with what the layers name, and nothing else."""
        image = np.asarray(Image.open(media.frame(index)).convert("RGB"))
        height, width = media.page_size
        scale = width / media.size[1], height / media.size[0]
        here = {name: self.rows(name, index) if name in layers else [] for name in self._by_frame}
        mask = self._mask(index, (height, width)) if "masks" in layers else None
        return Frame(
            index,
            media.times[min(index, len(media.times) - 1)],
            image,
            saliency=self._map(outputs.SALIENCY, index, (height, width), layers),
            heatmap=self._map(outputs.HEATMAPS, index, (height, width), layers),
            mask=mask,
            hotspot=next((_hotspot(row, scale) for row in here.get("hotspots", []) if row["x_px"]), None),
            objects=tuple(_object(row, scale) for row in here.get("objects", [])),
            tracks=tuple(_track(row, scale) for row in self.rows("tracks", index) if "hotspots" in layers),
            people=tuple(_person(row, scale) for row in here.get("people", [])),
            sound=next((_sound(row) for row in here.get("sound", []) if row["switch"]), None),
        )

    def _map(
        self, kind: Maps, index: int, size: tuple[int, int], layers: Collection[str]
    ) -> NDArray[np.float32] | None:
        path = self.folder / kind.name / f"{index:05d}.png"
        if kind.name not in layers or not path.is_file():
            return None
        return np.asarray(cv2.resize(kind.read(path), size[::-1], interpolation=cv2.INTER_AREA), np.float32)

    def _mask(self, index: int, size: tuple[int, int]) -> NDArray[np.uint8] | None:
        path = self.folder / outputs.MASKS.name / f"{index:05d}.png"
        if not path.is_file():
            return None
        numbers = outputs.MASKS.read(path).astype(np.uint16)
        return np.asarray(cv2.resize(numbers, size[::-1], interpolation=cv2.INTER_NEAREST))


def look(media: Media, results: Results | None, index: int, layers: Collection[str]) -> dict[str, Any]:
    """A frame for the page: its number, time, picture, and the rows of tables on it."""
    index = min(max(0, index), len(media.times) - 1)
    if results is None or not layers:
        picture = media.frame(index).read_bytes()
    else:
        picture = jpeg(Overlay(media.page_size).draw(results.frame(media, index, layers)))
    rows = {} if results is None else {name: results.rows(name, index) for name in results.tables}
    return {
        "frame": index,
        "time_s": media.times[index],
        "picture": "data:image/jpeg;base64," + base64.b64encode(picture).decode(),
        "rows": rows,
    }


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
