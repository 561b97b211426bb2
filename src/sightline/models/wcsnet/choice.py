"""The mask of what a person points out, or looks at, in one frame: Gaze2Mask-Net behind a map of guidance.

The paper's step (Sec. 3.1). Points beside the object, boxes and the second, closer look are ours.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from sightline.models.wcsnet.config import TrackerConfig
from sightline.models.wcsnet.evidence import log_ratio
from sightline.models.wcsnet.gaze2mask import Gaze2Mask
from sightline.models.wcsnet.geometry import Crop
from sightline.nn.engine import Engine
from sightline.types import Box, Cue, Point

Picture = NDArray[np.uint8]
Mask = NDArray[np.bool_]


class Choice:
    """Turns guidance, points and boxes into masks. Pictures are (H, W, 3) uint8 RGB, masks and maps (H, W)."""

    def __init__(self, gaze2mask: Gaze2Mask, config: TrackerConfig, device: torch.device) -> None:
        self.gaze2mask, self.config, self.device = gaze2mask, config, device
        self._engine: Engine | None = None

    def pointed_out(self, frame: Picture, cue: Cue, before: Mask | None = None) -> Mask:
        """The object of a cue. before: the object without the cue, which its points correct."""
        if cue.mask is not None:
            return cue.mask.astype(bool)
        target = np.zeros(frame.shape[:2], bool) if before is None else before
        if cue.box is not None:
            target = self._in_box(frame, cue.box)
        for x, y in cue.points:
            if not target[int(y), int(x)]:
                target = target | self._at(frame, (x, y))
        if any(target[int(y), int(x)] for x, y in cue.not_points):
            target = self._without(frame, target, cue)
        for x, y in cue.points:  # whatever the network says of it, it is of the object
            target[int(y), int(x)] = True
        return target

    def _at(self, frame: Picture, point: Point) -> Mask:
        """The object at a point. A wide guidance finds whole objects, but of a ball also the table around it. So what a
        close one leaves out counts only where its colours are not those of the surroundings."""
        wide = self.segment(frame, self.near(frame, [point]))
        close = self.segment(frame, self.near(frame, [point], self.config.start.close_sigma))
        between = wide & ~close
        if not between.any() or not close.any():
            return wide
        settings = self.config.evidence
        bins = settings.bins
        levels = frame.astype(np.intp) * bins // 256
        codes = (levels[..., 0] * bins + levels[..., 1]) * bins + levels[..., 2]
        on, off = (
            np.bincount(codes[part], minlength=bins**3) / max(int(part.sum()), 1) for part in (close, ~wide & ~close)
        )
        like_it = log_ratio(on, off, settings.rare, settings.colour)[codes[between]].mean()
        return close if like_it < 0 else wide

    def near(
        self, frame: Picture, points: tuple[Point, ...] | list[Point], sigma: float | None = None
    ) -> NDArray[np.float32]:
        """Points as a map, 1 at each. sigma: standard deviation in parts of the longer side, the config's if not
        given."""
        height, width = frame.shape[:2]
        sigma = max(1.0, (sigma or self.config.start.point_sigma) * max(height, width))
        found = np.zeros((height, width), np.float32)
        for x, y in points:
            rows = np.exp(-((np.arange(height) + 0.5 - y) ** 2) / (2 * sigma**2))
            columns = np.exp(-((np.arange(width) + 0.5 - x) ** 2) / (2 * sigma**2))
            np.maximum(found, np.outer(rows, columns).astype(np.float32), out=found)
        return found

    def segment(self, frame: Picture, guidance: NDArray[np.floating]) -> Mask:
        """The mask of what is looked at: Gaze2Mask-Net on the whole frame, then in a crop around its result."""
        settings = self.config.start
        height, width = frame.shape[:2]
        longer = max(height, width)
        target = self._segment_crop(frame, guidance, Crop(width / 2, height / 2, longer))
        if target is None:
            y, x = np.unravel_index(int(np.argmax(guidance)), guidance.shape)
            near = Crop(float(x), float(y), settings.fallback_crop * longer)
            target = self._segment_crop(frame, guidance, near)
        if target is None:  # no object stands out: what is looked at most stands for one
            return guidance >= max(np.quantile(guidance, settings.fallback_quantile), 1e-6)
        if not settings.zoom:
            return target
        around = Crop.around(target, self.config.crop.context).within(height, width)
        closer = self._segment_crop(frame, guidance, around)
        return target if closer is None else closer

    def _segment_crop(self, frame: Picture, guidance: NDArray[np.floating], crop: Crop) -> Mask | None:
        size = self.gaze2mask.config.input_size
        guide = crop.take_map(guidance, size // 8)
        if guide.max() <= 0:
            return None
        inputs = crop.take(frame, size), guide / guide.max()
        if self._engine is None:
            self._engine = Engine(self.gaze2mask, inputs, self.device)
        probability = self._engine(*inputs)[0].sigmoid()[0, 0].cpu()
        placed = crop.place(probability, frame.shape[0], frame.shape[1], precise=True)
        return main_components(placed > 0.5, guidance, self.config.component_weight)

    def _in_box(self, frame: Picture, box: Box) -> Mask:
        """The mask of what a box holds: Gaze2Mask-Net's, guided by the box; the box itself where that is empty."""
        rows, columns = np.indices(frame.shape[:2]) + 0.5
        x1, y1, x2, y2 = box
        inside = (columns > x1) & (columns < x2) & (rows > y1) & (rows < y2)
        inside[int(max(y1, 0)), int(max(x1, 0))] |= not inside.any()  # a box of less than a pixel
        # The object fills the middle of its box, and its corners hardly ever.
        across, down = (columns - (x1 + x2) / 2) / (x2 - x1), (rows - (y1 + y2) / 2) / (y2 - y1)
        guide = np.exp(-(across**2 + down**2) / (2 * self.config.start.box_sigma**2)) * inside
        found = self.segment(frame, guide.astype(np.float32)) & inside
        return found if found.any() else inside

    def _without(self, frame: Picture, target: Mask, cue: Cue) -> Mask:
        """A target without what is at the points beside it: each pixel goes with the points that it is reached from
        over the fewest edges (a watershed). Without points on the target its middle, away from them, stands for one."""
        away = self.near(frame, cue.not_points) > 0.5
        on = cue.points
        if not on:
            claimed = self.segment(frame, self.near(frame, cue.not_points))
            left = next((rest for rest in (target & ~claimed & ~away, target & ~away) if rest.any()), None)
            if left is None:
                return np.zeros_like(target)
            depth = cv2.distanceTransform(left.astype(np.uint8), cv2.DIST_L2, 5)
            row, column = np.unravel_index(int(depth.argmax()), depth.shape)
            on = ((float(column), float(row)),)
        seeds = np.zeros(target.shape, np.int32)
        radius = max(1, round(self.config.start.close_sigma * max(target.shape)))
        for label, points in ((1, on), (2, cue.not_points)):
            for x, y in points:
                cv2.circle(seeds, (int(x), int(y)), radius, label, -1)
        basins = cv2.watershed(np.ascontiguousarray(frame), seeds)
        kept = target & (basins == 1)
        return (
            np.asarray(cv2.dilate(kept.astype(np.uint8), np.ones((3, 3), np.uint8))).astype(bool)
            & target
            & (basins != 2)
        )


def main_components(mask: Mask, weight: NDArray[np.floating], share: float) -> Mask | None:
    """The connected components of a mask that weigh enough beside the heaviest, in parts of it; None for an empty
    mask."""
    count, components = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    if count == 1:
        return None
    if count == 2:
        return mask
    sums = np.bincount(components.ravel(), weight.ravel(), count)[1:]
    keep = np.concatenate([[False], sums >= share * sums.max()])
    return np.asarray(keep[components])
