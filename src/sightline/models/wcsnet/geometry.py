"""Square crops around a target, and the way back from a crop's map to the frame."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

_GREY = 0.5


@dataclass(frozen=True, slots=True)
class Crop:
    """A square of a frame, in pixels: centre and side. It may reach beyond the frame; what is there is grey."""

    x: float
    y: float
    side: float

    @staticmethod
    def around(mask: NDArray[np.bool_], context: float, smallest: float = 0.0) -> Crop:
        """The crop around a mask's box; `mask` (H, W) must have a pixel set. context: side in parts of the
        box's longer side; smallest: side, at least, pixels."""
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
        longer = max(bottom - top, right - left)
        return Crop((left + right) / 2, (top + bottom) / 2, max(context * longer, smallest))

    def to_frame(self, inner: Crop, size: int) -> Crop:
        """A crop given in pixels of this crop's `size` grid, in pixels of the frame."""
        scale = self.side / size
        return Crop(
            self.x - self.side / 2 + inner.x * scale, self.y - self.side / 2 + inner.y * scale, inner.side * scale
        )

    def interpolate(self, other: Crop, share: float) -> Crop:
        """The crop between this (share 0) and another (1)."""
        pairs = ((self.x, other.x), (self.y, other.y), (self.side, other.side))
        return Crop(*(here + share * (there - here) for here, there in pairs))

    def within(self, height: int, width: int) -> Crop:
        """No larger than a frame's longer side, nor centred outside of it, as beyond is only grey."""
        x, y = min(max(self.x, 0.0), float(width)), min(max(self.y, 0.0), float(height))
        return Crop(x, y, min(self.side, float(max(height, width))))

    def join(self, other: Crop) -> Crop:
        """The smallest crop that holds both."""
        (left, right), (top, bottom) = (
            (min(a - self.side / 2, b - other.side / 2), max(a + self.side / 2, b + other.side / 2))
            for a, b in ((self.x, other.x), (self.y, other.y))
        )
        return Crop((left + right) / 2, (top + bottom) / 2, max(right - left, bottom - top))

    def _overlap(self, centre: float, length: int) -> tuple[float, float]:
        """The part of a frame's side that the crop covers; the end comes before the start where it covers none."""
        return max(centre - self.side / 2, 0.0), min(centre + self.side / 2, float(length))

    def _spans(self, size: int, height: int, width: int) -> tuple[tuple[int, int, float, float], ...]:
        """For x and for y: first and last pixel of the `size` grid inside the frame, and their place in the frame."""
        scale = size / self.side
        spans = []
        for centre, length in ((self.x, width), (self.y, height)):
            start = centre - self.side / 2
            low, high = ((edge - start) * scale for edge in self._overlap(centre, length))
            first, last = round(low), round(high)
            if first >= last:  # less than a pixel of the grid
                first = min(int((low + high) / 2), size - 1)
                last = first + 1
            spans.append((first, last, max(start + first / scale, 0.0), min(start + last / scale, float(length))))
        return tuple(spans)

    def _sees(self, height: int, width: int) -> bool:
        """Whether any of a frame is inside."""
        (left, right), (top, bottom) = self._overlap(self.x, width), self._overlap(self.y, height)
        return left < right and top < bottom

    def take(self, image: NDArray[np.uint8], size: int) -> Tensor:
        """The crop of an image (H, W, 3) uint8 as (1, 3, size, size) float in [0, 1]."""
        out = torch.full((1, 3, size, size), _GREY)
        if not self._sees(*image.shape[:2]):
            return out
        (u0, u1, x0, x1), (v0, v1, y0, y1) = self._spans(size, *image.shape[:2])
        # Cut first, and in one piece: PIL would otherwise read the whole frame, or pixel by pixel.
        left, top = int(x0), int(y0)
        part = Image.fromarray(np.ascontiguousarray(image[top : int(np.ceil(y1)), left : int(np.ceil(x1))]))
        part = part.resize(
            (u1 - u0, v1 - v0), Image.Resampling.BILINEAR, box=(x0 - left, y0 - top, x1 - left, y1 - top)
        )
        out[0, :, v0:v1, u0:u1] = torch.from_numpy(np.array(part)).permute(2, 0, 1).float().div_(255)
        return out

    def take_map(self, values: NDArray[np.floating] | NDArray[np.bool_], size: int) -> Tensor:
        """The crop of a map (H, W) as (1, 1, size, size) float32, 0 outside of the frame."""
        out = torch.zeros(1, 1, size, size)
        if not self._sees(*values.shape):
            return out
        (u0, u1, x0, x1), (v0, v1, y0, y1) = self._spans(size, *values.shape)
        left, top = int(x0), int(y0)
        near = values[top : int(np.ceil(y1)), left : int(np.ceil(x1))].astype(np.float32)
        part = Image.fromarray(near).resize(
            (u1 - u0, v1 - v0), Image.Resampling.BILINEAR, box=(x0 - left, y0 - top, x1 - left, y1 - top)
        )
        out[0, 0, v0:v1, u0:u1] = torch.from_numpy(np.array(part))
        return out

    def resample(self, other: Crop, values: NDArray[np.float32], size: int) -> NDArray[np.float32]:
        """A map of this crop, (h, h), resampled to another crop: (size, size), 0 outside of this one."""
        # Bilinear sampling would skip cells where the map is much finer than what is asked for.
        needed = max(1, math.ceil(size * self.side / other.side))
        if values.shape[-1] >= 2 * needed:
            values = cv2.resize(values, (needed, needed), interpolation=cv2.INTER_AREA)
        step = values.shape[-1] * other.side / (self.side * size)
        left, top = (
            (there - here - other.side / 2 + self.side / 2) * values.shape[-1] / self.side + step / 2 - 0.5
            for there, here in ((other.x, self.x), (other.y, self.y))
        )
        return _sampled(values, step, left, top, (size, size), cv2.BORDER_CONSTANT)

    def places(self, size: int) -> NDArray[np.float32]:
        """Where the cells of this crop's `size` grid lie: (size, size, 2), x and y of their middles in the frame."""
        steps = self.side * ((np.arange(size) + 0.5) / size - 0.5)
        return np.stack(np.meshgrid(self.x + steps, self.y + steps), axis=2).astype(np.float32)

    def sample(self, values: NDArray[np.float32], places: NDArray[np.float32]) -> NDArray[np.float32]:
        """A map of this crop, (h, h), at some places (..., 2) of the frame, bilinear; 0 outside of the crop."""
        corner = np.array([self.x - self.side / 2, self.y - self.side / 2])
        cells = ((places - corner) * (values.shape[-1] / self.side) - 0.5).astype(np.float32)
        return np.asarray(cv2.remap(values, cells[..., 0], cells[..., 1], cv2.INTER_LINEAR))

    def place(self, values: Tensor, height: int, width: int, precise: bool = False) -> NDArray[np.float32]:
        """A map of the crop, (size, size), back in a frame: (height, width) float32, 0 outside of the crop.

        A map that is only shown need not be precise: where it is magnified it is sampled at 32nds of a cell, in a
        quarter of the time.
        """
        size = values.shape[-1]
        frame = np.zeros((height, width), dtype=np.float32)
        left, right, top, bottom = map(round, (*self._overlap(self.x, width), *self._overlap(self.y, height)))
        if right <= left or bottom <= top:
            return frame
        scale, x_start, y_start = size / self.side, self.x - self.side / 2, self.y - self.side / 2

        def inside(edge: int, start: float) -> float:
            return min(max((edge - start) * scale, 0.0), float(size))

        target = frame[top:bottom, left:right]
        if scale < 1 and not precise:
            at_x, at_y = ((edge + 0.5 - start) * scale - 0.5 for edge, start in ((left, x_start), (top, y_start)))
            target[:] = _sampled(values.numpy(), scale, at_x, at_y, target.shape, cv2.BORDER_REPLICATE)
            return frame
        box = (inside(left, x_start), inside(top, y_start), inside(right, x_start), inside(bottom, y_start))
        part = Image.fromarray(values.contiguous().numpy()).resize(
            (right - left, bottom - top), Image.Resampling.BILINEAR, box=box
        )
        target[:] = np.asarray(part)
        return frame


def _sampled(
    values: NDArray[np.float32], step: float, left: float, top: float, size: tuple[int, ...], border: int
) -> NDArray[np.float32]:
    """A map sampled every `step` cells from the one at (left, top) on, bilinear: (height, width) = `size`."""
    move = np.array([[step, 0, left], [0, step, top]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(values, move, (size[1], size[0]), flags=flags, borderMode=border))
