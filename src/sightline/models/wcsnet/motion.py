"""What moves against the background: frames aligned by the camera's motion, and the flow that is left.

A still-image gaze model cannot know which of many cars is the one that drives; people who see the video do. This is
ours, not the paper's.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter, map_coordinates

LONGER_SIDE = 256
"""Frames are compared at this size."""
_LEVELS = (8, 4, 2, 1)
_ITERATIONS = 8
_NOISE_PX = 0.15
"""Flow that compression and interpolation make by themselves, in pixels at LONGER_SIDE."""

Grey = NDArray[np.float32]


def thumbnail(frame: NDArray[np.uint8], longer: int = LONGER_SIDE) -> Grey:
    """A frame (H, W, 3) uint8 RGB as a small grey picture, (h, w) float32 in [0, 255]; longer: its longer side."""
    height, width = frame.shape[:2]
    scale = min(1.0, longer / max(height, width))
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    return np.asarray(Image.fromarray(frame).convert("L").resize(size, Image.Resampling.BOX), dtype=np.float32)


def independent_motion(frame: Grey, others: Sequence[Grey]) -> NDArray[np.float32]:
    """How surely each pixel of `frame` moves against the background, (h, w) in [0, 1].

    frame, others: thumbnails of one size, the others from shortly before or after. The camera's motion to each of them
    is an affine map found by robust least squares; the flow that is left is measured along the gradients (normal flow),
    and compared with what most of the frame has. All zeros without others.
    """
    if not others:
        return np.zeros_like(frame)
    flows = []
    for other in others:
        aligned, inside = _warp(other, _camera_motion(frame, other))
        flows.append(np.where(inside, _normal_flow(frame, aligned), 0.0))
    flow = np.median(flows, axis=0)
    noise = _NOISE_PX + 3.0 * float(np.median(flow))
    return (1 - np.exp(-((flow / noise) ** 2))).astype(np.float32)


def shift(before: Grey, now: Grey, where: NDArray[np.floating]) -> tuple[float, float]:
    """How far what is at `where` in `now` has moved since `before`, (x, y) in their pixels: robust least squares.

    before, now: thumbnails; where: (h, w), weights from 0 on. It finds moves of some pixels, (0, 0) where nothing can
    be seen to move.
    """
    x, y = 0.0, 0.0
    for level in (4, 2, 1):
        small, moving, weights = _shrink(now, level), _shrink(before, level), _shrink(where.astype(np.float32), level)
        for _ in range(2):
            warped, inside = _warp(moving, np.array([[1.0, 0.0, -x / level], [0.0, 1.0, -y / level]]))
            chosen = inside & (weights > 0.3)
            if np.count_nonzero(chosen) < 4:
                break
            dy, dx = (gradient[chosen] for gradient in np.gradient(warped))
            error = (small - warped)[chosen]
            weight = weights[chosen] / (1 + (error / (1.5 * np.median(np.abs(error)) + 1.0)) ** 2) ** 2
            design = np.stack([dx, dy], axis=1)
            weighted = design * weight[:, None]
            step = np.linalg.solve(weighted.T @ design + 10.0 * np.eye(2), weighted.T @ error)
            x, y = x - level * float(np.clip(step[0], -1, 1)), y - level * float(np.clip(step[1], -1, 1))
    return x, y


def _normal_flow(frame: Grey, aligned: Grey) -> NDArray[np.float64]:
    """Size of the flow between two pictures in pixels, where the gradients can tell, averaged over a neighbourhood."""
    smooth = gaussian_filter(0.5 * (frame + aligned), 1.0)
    dy, dx = np.gradient(smooth)
    change = gaussian_filter(frame - aligned, 1.0)
    squared = dx**2 + dy**2
    # A weighted mean of |change| / |gradient|, the weights being the squared gradients.
    top = gaussian_filter(np.abs(change) * np.sqrt(squared), 4.0)
    return np.asarray(top / (gaussian_filter(squared, 4.0) + 30.0))


def _camera_motion(frame: Grey, other: Grey) -> NDArray[np.float64]:
    """The affine map, as (2, 3) on (x, y, 1) from the picture's middle, under which `other` looks like `frame`."""
    motion = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    for level in _LEVELS:
        small, moving = _shrink(frame, level), _shrink(other, level)
        motion[:, 2] /= level
        y, x = _grid(small.shape)
        # Targets are in the middle more often than at the border, so the background counts most there.
        prior = 0.05 + (2 * x / small.shape[1]) ** 2 + (2 * y / small.shape[0]) ** 2
        for _ in range(_ITERATIONS):
            warped, inside = _warp(moving, motion)
            if not inside.any():
                break
            dy, dx = np.gradient(warped)
            error = (small - warped)[inside]
            # The warped picture's gradients stand for the moving one's, as the map is close to the identity.
            columns = [dx * x, dx * y, dx, dy * x, dy * y, dy]
            design = np.stack([column[inside] for column in columns], axis=1)
            scale = 1.5 * np.median(np.abs(error)) + 1.0
            weight = prior[inside] / (1 + (error / scale) ** 2) ** 2
            weighted = design * weight[:, None]
            step = np.linalg.lstsq(weighted.T @ design, weighted.T @ error, rcond=None)[0]
            motion = motion + step.reshape(2, 3)
        motion[:, 2] *= level
    return motion


def _warp(picture: Grey, motion: NDArray[np.float64]) -> tuple[Grey, NDArray[np.bool_]]:
    y, x = _grid(picture.shape)
    height, width = picture.shape
    columns = motion[0, 0] * x + motion[0, 1] * y + motion[0, 2] + (width - 1) / 2
    rows = motion[1, 0] * x + motion[1, 1] * y + motion[1, 2] + (height - 1) / 2
    inside = (columns >= 0) & (columns <= width - 1) & (rows >= 0) & (rows <= height - 1)
    return map_coordinates(picture, [rows, columns], order=1, mode="nearest"), inside


def _grid(shape: tuple[int, ...]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rows, columns = np.indices(shape, dtype=np.float64)
    return rows - (shape[0] - 1) / 2, columns - (shape[1] - 1) / 2


def _shrink(picture: Grey, factor: int) -> Grey:
    if factor == 1:
        return picture
    size = (max(8, picture.shape[1] // factor), max(8, picture.shape[0] // factor))
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BOX))
