"""The first pass: a model looks at a source, and each frame's interest is kept."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator

import numpy as np
from numpy.typing import NDArray

from sightline.apps.reframe.config import ReframeConfig
from sightline.apps.reframe.interest import Interest, interest_of
from sightline.models.base import Predictor
from sightline.nn.shots import ShotCuts
from sightline.types import Clip, Prompt, VideoFrame


def watch(
    clip: Clip, predictor: Predictor, config: ReframeConfig, prompt: Prompt | None = None, every: int = 1
) -> Generator[Interest]:
    """The interest of every frame of a clip, in order.

    every: the model looks at one frame of so many, and at the first of each shot; the others take the interest of the
    last one that it looked at.
    """
    seen = _Seen(clip, ShotCuts(config.shots), every)
    last: Interest | None = None
    for frame in predictor.stream(seen, prompt or Prompt()):
        while seen.passed and seen.passed[0][0] < frame.index:
            index, time_s, cut = seen.passed.popleft()
            if last is not None:
                yield last.at(index, time_s, cut)
        _, _, cut = seen.passed.popleft()
        last = interest_of(frame, config.interest, cut)
        yield last
    while seen.passed and last is not None:
        yield last.at(*seen.passed.popleft())


class _Seen(Clip):
    """A clip of which a model gets every n-th frame; `passed` has the (index, time_s, cut) of all that went by."""

    def __init__(self, clip: Clip, cuts: ShotCuts, every: int) -> None:
        self.size, self.fps = clip.size, clip.fps / every
        self._clip, self._cuts, self._every = clip, cuts, every
        self.passed: deque[tuple[int, float, bool]] = deque()

    def frames(self) -> Iterator[VideoFrame]:
        """Every n-th, counted from the first of each shot."""
        since = 0
        for frame in self._clip.frames():
            cut = self._cuts.is_cut(frame.image)
            since = 0 if cut else since
            self.passed.append((frame.index, frame.time_s, cut))
            if since % self._every == 0:
                yield frame
            since += 1

    def sound(self, start_s: float, end_s: float, rate: int) -> NDArray[np.float32] | None:
        """See `Clip.sound`."""
        return self._clip.sound(start_s, end_s, rate)
