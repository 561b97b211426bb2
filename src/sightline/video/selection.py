"""A part of a source: from one time to another, every n-th frame."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from sightline.errors import SourceError, UsageError
from sightline.types import VideoFrame
from sightline.video.source import Source


class Selection(Source):
    """Some frames of a source. They keep their numbers and times; an overlay of them starts at 0.

    Parameters
    ----------
    source
        Where they come from.
    start_s, end_s
        Seconds from the first frame: frames from `start_s` on and before `end_s`, None for all that follow.
    every
        Takes one frame of so many, by their numbers, beginning with the first that is selected.

    Raises
    ------
    UsageError
        `start` is not before `end`, or `every` is less than 1.
    SourceError
        The source ends before `start`.
    """

    def __init__(self, source: Source, start_s: float = 0.0, end_s: float | None = None, every: int = 1) -> None:
        if start_s < 0 or (end_s is not None and end_s <= start_s):
            raise UsageError(f"`start` {start_s:g}, `end` {end_s}: give seconds from the first frame, in this order")
        if every < 1:
            raise UsageError(f"`every` {every}: give 1 for all frames, 5 for every fifth")
        super().__init__()
        self._source, self._start_s, self._end_s, self._every = source, start_s, end_s, every
        self.path, self.name, self.stem, self.kind = source.path, source.name, source.stem, source.kind
        self.size, self.pixel_aspect, self.once = source.size, source.pixel_aspect, source.once
        self.fps, self.time_base, self.start_pts = source.fps / every, source.time_base, source.start_pts
        self.has_audio, self.sound_track = source.has_audio, source.sound_track
        self._frames = source.since(start_s)
        self._first = next(self._frames, None)
        if self._first is None or (end_s is not None and self._first.time_s >= end_s):
            source.close()
            until = "on; it ends before" if end_s is None else f"to `end` {end_s:g} s"
            raise SourceError(f"{self.name}: no frame from `start` {start_s:g} s {until}")
        self.zero_s = self._first.pts * self.time_base if start_s > 0 else source.zero_s
        self.frames_expected = self._estimate()

    def _estimate(self) -> int | None:
        whole = self._source.frames_expected
        ends = None if self._end_s is None else (self._end_s - self._start_s) * self._source.fps
        if whole is not None:
            left = whole - self._start_s * self._source.fps
            ends = left if ends is None else min(left, ends)
        return None if ends is None else max(1, round(ends / self._every))

    def __iter__(self) -> Iterator[VideoFrame]:
        if self._first is None:
            self._frames = self._source.since(self._start_s)
            self._first = next(self._frames)
        first, self._first = self._first, None
        for frame in chain((first,), self._frames):
            if self._end_s is not None and frame.time_s >= self._end_s:
                return
            if (frame.index - first.index) % self._every == 0:
                yield frame

    @property
    def end_s(self) -> float | None:
        """See `Source.end_s`; the end of the selection where that comes first."""
        ends = [end for end in (self._source.end_s, self._end_s) if end is not None]
        return min(ends, default=None)

    def sound(self, start_s: float, end_s: float, rate: int) -> NDArray[np.float32] | None:
        return self._source.sound(start_s, end_s, rate)

    @property
    def notes(self) -> list[str]:
        return [*self._source.notes, *super().notes]

    def frame_name(self, index: int) -> str:
        return self._source.frame_name(index)

    def close(self) -> None:
        self._source.close()
