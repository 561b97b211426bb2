"""What moves against the background: optical flow, less the camera's motion, accumulated along the video.

One picture cannot tell which of many cars drives. People who see the video can.
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
from pydantic import Field

from sightline.nn.config import Config

Colours = NDArray[np.uint8]
Maps = NDArray[np.float32]

_ROUNDS = 8
"""Of reweighted least squares, which go to the least absolute deviations."""
_NEAR = 1e-2
"""Deviations, pixels, that count as none."""


class MotionConfig(Config):
    """Independent motion of every pixel."""

    longer_side: int = Field(224, ge=16, description="frames are compared at this longer side, pixels")
    lookahead: int = Field(
        6, ge=0, description="frames read ahead when a video begins, so that its first frame has motion. 0 reads none"
    )
    retention: float = Field(
        0.8, ge=0, lt=1, description="share of the accumulated motion that a pixel keeps a frame. 0 keeps none"
    )
    change: float = Field(
        30.0,
        gt=0,
        description="change of brightness or colour, 0 to 255, at which a pixel is hardly that of the frame before",
    )
    change_window: int = Field(5, ge=1, description="side of the window that this change is averaged in, pixels: noise")
    floor_px: float = Field(0.4, gt=0, description="residual flow, pixels of the thumbnail, that is noise")
    floor_medians: float = Field(
        4.0, ge=0, description="the same in medians of the frame's residual flow: what the camera model leaves"
    )
    camera_stride: int = Field(
        4, ge=1, description="stride at which the camera's motion is fitted to the flow, for speed"
    )


class VisibleMotionConfig(MotionConfig):
    """The same where the picture has to prove the motion."""

    noise: float = Field(
        8.0, gt=0, description="difference of brightness, 0 to 255, that does not prove motion: sensor noise"
    )
    unexplained: float = Field(
        0.5, ge=0, description="part of the flow's own error that the camera's error has to exceed to prove motion"
    )
    error_window: int = Field(
        3, ge=1, description="side of the window that both errors are averaged in, pixels of the thumbnail: noise"
    )
    spread_px: float = Field(
        2.0, gt=0, description="standard deviation, pixels of the thumbnail, by which proof of motion spreads"
    )
    spread_gain: float = Field(3.0, gt=0, description="gain after the spread, so that an edge proves its inside")


class Motion(NamedTuple):
    """independent: (h, w) float32 in [0, 1], how surely each pixel moves against the background. flow: (h, w, 2)
    float32, from where each pixel is to where it was in the frame before, x and y in pixels of (h, w); zeros at first.
    """

    independent: Maps
    flow: Maps


class MotionCue:
    """Goes along a video with constant memory; the flow is OpenCV's DIS (Kroeger et al., ECCV 2016).

    config: a `VisibleMotionConfig` where the picture has to prove the motion. It cannot inside of an even area, of
    ground or object. Flow alone goes on into both, and tells which parts of a known target stay behind.
    """

    def __init__(self, config: MotionConfig) -> None:
        self.config = config
        self._dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)

    def over(self, frames: Iterable[Colours]) -> Iterator[tuple[Colours, Motion]]:
        """Every frame (H, W, 3) uint8 RGB with its motion, in order; nothing moves in a video of one frame."""
        frames, longer = iter(frames), self.config.longer_side
        waiting = deque((image, thumbnail(image, longer)) for image in islice(frames, self.config.lookahead + 1))
        accumulated = self._backwards([small for _, small in waiting])
        before: Colours | None = None
        while waiting:
            image, small = waiting.popleft()
            flow = np.zeros((*small.shape, 2), np.float32)
            if before is not None:
                flow = self._dis.calc(small, before, flow)
                now = self._independent(flow, small, before)
                accumulated = accumulate(accumulated, now, small, before, flow, self.config)
            yield image, Motion(accumulated, flow)
            before = small
            waiting.extend((image, thumbnail(image, longer)) for image in islice(frames, 1))

    def _backwards(self, smalls: list[Colours]) -> Maps:
        """The motion of the first of some frames, accumulated from the last of them back to it."""
        accumulated = np.zeros(smalls[-1].shape, np.float32) if smalls else np.zeros((0, 0), np.float32)
        for number, (small, after) in enumerate(zip(smalls[-2::-1], smalls[:0:-1], strict=True)):
            flow = self._dis.calc(small, after, np.zeros((*small.shape, 2), np.float32))
            now = self._independent(flow, small, after)
            accumulated = accumulate(accumulated, now, small, after, flow, self.config) if number else now
        return accumulated

    def _independent(self, flow: Maps, now: Colours, before: Colours) -> Maps:
        if isinstance(self.config, VisibleMotionConfig):
            return visible_motion(flow, now, before, self.config)
        return independent_motion(flow, camera_flow(flow, self.config.camera_stride), self.config)


def thumbnail(image: Colours, longer: int) -> Colours:
    """A frame (H, W, 3) uint8 RGB as a small grey picture (h, w) uint8; longer: its longer side."""
    height, width = image.shape[:2]
    scale = min(1.0, longer / max(height, width))
    size = (max(16, round(width * scale)), max(16, round(height * scale)))
    return np.asarray(cv2.cvtColor(cv2.resize(image, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY))


def visible_motion(flow: Maps, now: Colours, before: Colours, config: VisibleMotionConfig) -> Maps:
    """How surely each pixel moves against the background, by two frames (h, w) and the flow (h, w, 2) between them:
    (h, w) float32 in [0, 1].

    The flow has to say so, and the picture has to prove it. On even ground the flow of an object goes far beyond its
    edges, but there the camera's motion alone explains the picture.
    """
    camera = camera_flow(flow, config.camera_stride)
    return independent_motion(flow, camera, config) * _proof(now, before, flow, camera, config)


def independent_motion(flow: Maps, camera: Maps, config: MotionConfig) -> Maps:
    """How surely each pixel of a flow (h, w, 2) moves otherwise than the camera's flow (h, w, 2) says: (h, w) float32
    in [0, 1]. The residual flow is compared with its median over the frame."""
    residual = np.linalg.norm(flow - camera, axis=2)
    floor = config.floor_px + config.floor_medians * np.median(residual)
    return (1 - np.exp(-((residual / floor) ** 2))).astype(np.float32)


def _proof(now: Colours, before: Colours, flow: Maps, camera: Maps, config: VisibleMotionConfig) -> Maps:
    """How much worse the camera's motion explains the picture near a pixel than its flow does, (h, w) in [0, 1]."""
    first, second = now.astype(np.float32), before.astype(np.float32)
    window = (config.error_window, config.error_window)
    still, moved = (cv2.blur(np.abs(first - warp(second, by)), window) for by in (camera, flow))
    worse = 1 - np.exp(-((np.maximum(still - config.unexplained * moved, 0) / config.noise) ** 2))
    return np.minimum(1, config.spread_gain * cv2.GaussianBlur(worse, (0, 0), config.spread_px))


def warp(maps: Maps, flow: Maps) -> Maps:
    """Maps (h, w) of the frame before, warped by the flow (h, w, 2) to where their pixels are now."""
    rows, columns = np.indices(maps.shape, dtype=np.float32)
    return np.asarray(
        cv2.remap(maps, columns + flow[..., 0], rows + flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    )


def consistency(now: Colours, before: Colours, flow: Maps, config: MotionConfig) -> Maps:
    """How surely each pixel shows what it showed in the frame before, after the warp: (h, w) in [0, 1]."""
    change = np.abs(now.astype(np.float32) - warp(before.astype(np.float32), flow))
    near = cv2.blur(change, (config.change_window, config.change_window))
    return np.asarray(np.exp(-((near / config.change) ** 2)))


def accumulate(
    accumulated: Maps, motion: Maps, now: Colours, before: Colours, flow: Maps, config: MotionConfig
) -> Maps:
    """The motion (h, w) accumulated up to the frame before, warped to this frame, with this frame's motion."""
    kept = config.retention * consistency(now, before, flow, config)
    return kept * warp(accumulated, flow) + (1 - kept) * motion


def camera_flow(flow: Maps, stride: int = 1) -> Maps:
    """The camera's part of a flow (h, w, 2): a quadratic function of the place, as the flow of a plane under a moving
    camera is. stride: of the cells that it is fitted to.

    The function with the least absolute deviations, so that what moves by itself hardly counts.
    """
    height, width = flow.shape[:2]
    coarse = (max(4, height // stride), max(4, width // stride))
    small = cv2.resize(flow, coarse[::-1], interpolation=cv2.INTER_AREA).reshape(-1, 2).astype(np.float64)
    design = _quadratic(*coarse).astype(np.float64)
    weights = np.ones(len(design))
    for _ in range(_ROUNDS):
        weighted = design * weights[:, None]
        terms = np.linalg.solve(weighted.T @ design, weighted.T @ small)
        weights = 1 / np.maximum(np.linalg.norm(small - design @ terms, axis=1), _NEAR)
    return (_quadratic(height, width) @ terms.astype(np.float32)).reshape(flow.shape)


@lru_cache(maxsize=8)
def _quadratic(height: int, width: int) -> Maps:
    """1, x, y, x^2, xy, y^2 of every cell of a grid, x and y in [-1, 1]: (height * width, 6)."""
    rows, columns = np.indices((height, width), dtype=np.float32)
    y, x = 2 * (rows + 0.5) / height - 1, 2 * (columns + 0.5) / width - 1
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1).reshape(-1, 6)
