"""A contact sheet: frames of a video, each with the maps of its intermediate results beside it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sightline.results.kinds import Kind, Lane, Sink
from sightline.results.marks import draw_word
from sightline.results.overlay import heat_paint
from sightline.types import Frame, Step
from sightline.video import Source

ROWS = 16
"""Frames on a sheet, at most; half as many at least, of a video that has them."""
_HEIGHT = 108  # of a picture on the sheet, pixels
_GAP = 4  # between two pictures, pixels
_GROUND = 24  # grey of the sheet


class ContactSheet(Kind):
    """sheet.png: a row a frame: the frame, the map of each step, and the result. Frames are spread over the video."""

    name = "sheet"
    about = "a contact sheet of the intermediate results"
    entries = ("sheet.png",)
    lane: Lane = "film"
    on_request = True

    def given_by(self, gives: frozenset[str]) -> bool:
        """Of models that give steps."""
        return "steps" in gives

    def begin(self, folder: Path, source: Source | None, before: int = 0) -> Sink:
        """See `Kind.begin`."""
        return _SheetSink(folder / self.entries[0])


class _SheetSink(Sink):
    """Keeps every n-th row; n doubles when there are too many, so that memory does not grow."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rows: list[NDArray[np.uint8]] = []
        self._every, self._seen = 1, 0

    def write(self, frame: Frame, name: str | None = None) -> None:
        if self._seen % self._every == 0:
            if len(self._rows) == ROWS:
                self._rows, self._every = self._rows[::2], self._every * 2
            if self._seen % self._every == 0:
                self._rows.append(_row(frame, name or f"{frame.index:05d}"))
        self._seen += 1

    def close(self, *, whole: bool = True) -> None:
        if not self._rows:
            return
        width = max(row.shape[1] for row in self._rows)
        sheet = np.full((sum(len(row) + _GAP for row in self._rows), width, 3), _GROUND, np.uint8)
        top = 0
        for row in self._rows:
            sheet[top : top + len(row), : row.shape[1]] = row
            top += len(row) + _GAP
        Image.fromarray(sheet).save(self._path)


def _row(frame: Frame, name: str) -> NDArray[np.uint8]:
    """The frame, its steps and its result side by side."""
    height, width = frame.image.shape[:2]
    size = (_HEIGHT, max(1, round(_HEIGHT * width / height)))
    small = np.asarray(Image.fromarray(frame.image).resize(size[::-1], Image.Resampling.BILINEAR))
    pictures = [_picture(small, None, None, 1.0, name)]
    scale = _HEIGHT / height
    for step in frame.steps:
        score = "" if step.score is None else f" {step.score:.2f}"
        pictures.append(_picture(small, step.map, step, scale, f"{step.name}{score}"))
    result = "no map" if frame.saliency is None else "result"
    pictures.append(_picture(small, frame.saliency, None, scale, result))
    gap = np.full((_HEIGHT, _GAP, 3), _GROUND, np.uint8)
    return np.hstack([part for picture in pictures for part in (picture, gap)])


def _picture(
    small: NDArray[np.uint8], values: NDArray[np.float32] | None, step: Step | None, scale: float, word: str
) -> NDArray[np.uint8]:
    """A thumbnail with a map on it, over the step's box where it has one."""
    height, width = small.shape[:2]
    x1, y1, x2, y2 = (0, 0, width, height)
    if step is not None and step.box is not None:
        left, top, right, bottom = (round(side * scale) for side in step.box)
        x1, y1 = min(max(0, left), width - 1), min(max(0, top), height - 1)
        x2, y2 = max(x1 + 1, min(width, right)), max(y1 + 1, min(height, bottom))
    picture = Image.fromarray(small)
    if values is not None:
        heat = cv2.resize(values, (x2 - x1, y2 - y1), interpolation=cv2.INTER_AREA)
        heat_paint().apply(picture, Image.fromarray(cv2.convertScaleAbs(heat, alpha=255)), (x1, y1))
    drawn = np.array(picture)
    if step is not None and step.box is not None:
        cv2.rectangle(drawn, (x1, y1), (x2 - 1, y2 - 1), (255, 255, 255), 1)
    draw_word(drawn, word)
    return drawn
