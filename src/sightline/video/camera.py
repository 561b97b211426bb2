"""A camera of this machine, through OpenCV."""

from __future__ import annotations

import time
from collections.abc import Iterator
from fractions import Fraction

import cv2
import numpy as np

from sightline.errors import SourceError
from sightline.types import VideoFrame
from sightline.video.source import DEFAULT_FPS, Source


class Camera(Source):
    """The camera of a number, from 0: pictures as they come, timed by their arrival, until the run is stopped."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.name, self.stem, self.kind, self.once = f"camera:{number}", f"camera-{number}", "video", True
        self.time_base = Fraction(1, 1000)
        self._camera = cv2.VideoCapture(number)
        there, image = self._camera.read()
        if not there:
            self._camera.release()
            raise SourceError(f"{self.name}: no such camera, or another program uses it; check it")
        self.size = image.shape[:2]
        self.fps = float(self._camera.get(cv2.CAP_PROP_FPS) or DEFAULT_FPS)

    def __iter__(self) -> Iterator[VideoFrame]:
        began, pts, index = time.monotonic(), -1, 0
        while True:
            there, image = self._camera.read()
            if not there:
                self.note(f"gives no more pictures after frame {index - 1}")
                return
            pts = max(pts + 1, round((time.monotonic() - began) * 1000)) if index else 0
            yield VideoFrame(index, pts / 1000, pts, np.ascontiguousarray(image[..., ::-1]))
            index += 1

    def close(self) -> None:
        self._camera.release()
