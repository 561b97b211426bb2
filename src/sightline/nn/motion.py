"""What moves against the background: optical flow, less what the camera does, gathered along the video.

A picture alone cannot tell which of many cars is the one that drives; people who see the video can.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

LONGER_SIDE = 224
"""Frames are compared at this size."""
LEAD = 6
"""Frames that are looked ahead when a video begins, so that its first frames have a past too."""
_KEPT = 0.8
"""Share of what was known of a pixel in the frame before, where it looks the same."""
_SAME = 30.0
"""Change in brightness (0 to 255) at which a pixel is hardly the one of the frame before."""
_FLOOR_PX, _ABOVE = 0.4, 4.0
"""A pixel moves by itself if it does by more than the first, and the second times what half of the frame does."""
_NOISE = 8.0
"""Change in brightness (0 to 255) under which a pixel may as well be still."""
_REACH, _GAIN = 2.0, 3.0
"""What changes speaks for its neighbourhood too: standard deviation in pixels, and by how much it is raised then."""
_SCALE = 4
"""The camera's motion is fitted to the flow at a fourth of its size."""

Colours = NDArray[np.uint8]
Maps = NDArray[np.float32]


class Motion(NamedTuple):
    """independent: (h, w) float32 in [0, 1], how surely each pixel moves against the background. flow: (h, w, 2)
    float32, from where each pixel is to where it was in the frame before, x and y in pixels of (h, w); zeros at first.
    """

    independent: Maps
    flow: Maps


class MotionCue:
    """Goes along a video with constant memory; the flow is OpenCV's DIS (Kroeger et al., ECCV 2016).

    shown: whether motion has to show in the picture. It does not inside of what is even, be it ground or object; flow
    alone, which goes on into both, tells which parts of a known target stay behind.
    """

    def __init__(self, shown: bool = True) -> None:
        self._shown = shown
        self._dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)

    def over(self, frames: Iterable[Colours]) -> Iterator[tuple[Colours, Motion]]:
        """Every frame (H, W, 3) uint8 RGB with its motion, in order; nothing moves in a video of one frame."""
        frames = iter(frames)
        waiting = deque((image, thumbnail(image)) for image in islice(frames, LEAD + 1))
        known = self._backwards([small for _, small in waiting])
        before: Colours | None = None
        while waiting:
            image, small = waiting.popleft()
            flow = np.zeros((*small.shape, 2), np.float32)
            if before is not None:
                flow = self._dis.calc(small, before, flow)
                known = gather(known, self._moving(flow, small, before), small, before, flow)
            yield image, Motion(known, flow)
            before = small
            waiting.extend((image, thumbnail(image)) for image in islice(frames, 1))

    def _backwards(self, smalls: list[Colours]) -> Maps:
        """What moves in the first of some frames, gathered from the last of them back to it."""
        known = np.zeros(smalls[-1].shape, np.float32) if smalls else np.zeros((0, 0), np.float32)
        for number, (small, after) in enumerate(zip(smalls[-2::-1], smalls[:0:-1], strict=True)):
            flow = self._dis.calc(small, after, np.zeros((*small.shape, 2), np.float32))
            moving = self._moving(flow, small, after)
            known = gather(known, moving, small, after, flow) if number else moving
        return known

    def _moving(self, flow: Maps, now: Colours, before: Colours) -> Maps:
        return seen(flow, now, before) if self._shown else independent(flow, camera_in(flow))


def thumbnail(image: Colours, longer: int = LONGER_SIDE) -> Colours:
    """A frame (H, W, 3) uint8 RGB as a small grey picture (h, w) uint8; longer: its longer side."""
    height, width = image.shape[:2]
    scale = min(1.0, longer / max(height, width))
    size = (max(16, round(width * scale)), max(16, round(height * scale)))
    return np.asarray(cv2.cvtColor(cv2.resize(image, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY))


def seen(flow: Maps, now: Colours, before: Colours) -> Maps:
    """How surely each pixel moves against the background, by two frames (h, w) and the flow (h, w, 2) between them:
    (h, w) float32 in [0, 1].

    It has to move by the flow, and the picture has to show it: on even ground the flow of an object goes far beyond its
    edges, but there the camera's motion alone explains the picture.
    """
    camera = camera_in(flow)
    return independent(flow, camera) * _changed(now, before, flow, camera)


def independent(flow: Maps, camera: Maps) -> Maps:
    """How surely each pixel of a flow (h, w, 2) moves otherwise than the background does, (h, w, 2): (h, w) float32 in
    [0, 1]. What is left of its flow is compared with what most of the frame has left."""
    left = np.linalg.norm(flow - camera, axis=2)
    return (1 - np.exp(-((left / (_FLOOR_PX + _ABOVE * np.median(left))) ** 2))).astype(np.float32)


def _changed(now: Colours, before: Colours, flow: Maps, camera: Maps) -> Maps:
    """How much worse the background's motion explains what is near a pixel than its flow does, (h, w) in [0, 1]."""
    first, second = now.astype(np.float32), before.astype(np.float32)
    still, moved = (cv2.blur(np.abs(first - follow(second, by)), (3, 3)) for by in (camera, flow))
    worse = 1 - np.exp(-((np.maximum(still - 0.5 * moved, 0) / _NOISE) ** 2))
    return np.minimum(1, _GAIN * cv2.GaussianBlur(worse, (0, 0), _REACH))


def follow(maps: Maps, flow: Maps) -> Maps:
    """Maps (h, w) of the frame before, moved to where their pixels are now."""
    rows, columns = np.indices(maps.shape, dtype=np.float32)
    return np.asarray(
        cv2.remap(maps, columns + flow[..., 0], rows + flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    )


def same(now: Colours, before: Colours, flow: Maps) -> Maps:
    """How surely each pixel shows what it showed in the frame before, followed by the flow: (h, w) in [0, 1]."""
    change = np.abs(now.astype(np.float32) - follow(before.astype(np.float32), flow))
    return np.asarray(np.exp(-((cv2.blur(change, (5, 5)) / _SAME) ** 2)))


def gather(known: Maps, seen: Maps, now: Colours, before: Colours, flow: Maps) -> Maps:
    """What is known of the frame before, followed to this one, beside what is seen in this one."""
    kept = _KEPT * same(now, before, flow)
    return kept * follow(known, flow) + (1 - kept) * seen


def camera_in(flow: Maps) -> Maps:
    """The background's part of a flow (h, w, 2): a quadratic function of the place, as the flow of a plane under a
    moving camera is, found by robust least squares."""
    height, width = flow.shape[:2]
    coarse = (max(4, height // _SCALE), max(4, width // _SCALE))
    small = cv2.resize(flow, coarse[::-1], interpolation=cv2.INTER_AREA).reshape(-1, 2).astype(np.float64)
    design = _quadratic(*coarse).astype(np.float64)
    # Targets are in the middle more often than at the border, so the background counts most there.
    prior = 0.05 + design[:, 3] + design[:, 5]
    weights = prior
    for _ in range(6):
        weighted = design * weights[:, None]
        terms = np.linalg.solve(weighted.T @ design + 1e-3 * np.eye(design.shape[1]), weighted.T @ small)
        error = np.linalg.norm(small - design @ terms, axis=1)
        weights = prior / (1 + (error / (1.5 * np.median(error) + 0.1)) ** 2) ** 2
    return (_quadratic(height, width) @ terms.astype(np.float32)).reshape(flow.shape)


@lru_cache(maxsize=8)
def _quadratic(height: int, width: int) -> Maps:
    """1, x, y, x^2, xy, y^2 of every cell of a grid, x and y in [-1, 1]: (height * width, 6)."""
    rows, columns = np.indices((height, width), dtype=np.float32)
    y, x = 2 * (rows + 0.5) / height - 1, 2 * (columns + 0.5) / width - 1
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1).reshape(-1, 6)
