"""Clips of frames in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from sightline.types import Clip, VideoFrame


class FrameClip(Clip):
    """The given frames, read once; at least one."""

    def __init__(self, frames: Iterable[VideoFrame], fps: float = 25.0) -> None:
        frames = iter(frames)
        first = next(frames)
        height, width = first.image.shape[:2]
        self.size, self.fps = (height, width), fps
        self._frames = chain([first], frames)

    def frames(self) -> Iterator[VideoFrame]:
        return self._frames
