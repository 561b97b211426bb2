"""What tells a target from its surroundings beside the network: its warped mask, motion, colours and distractors.

Ours, not the paper's. A template of pooled features cannot tell the dancer from the crowd behind; the video can.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor, from_numpy

from sightline.models.wcsnet.config import TrackerConfig
from sightline.models.wcsnet.geometry import Crop
from sightline.nn.motion import (
    MotionConfig,
    MotionCue,
    accumulate,
    camera_flow,
    independent_motion,
    thumbnail,
)

Maps = NDArray[np.float32]
Histogram = NDArray[np.float64]


class FrameMotion(NamedTuple):
    """A frame beside the one before, at a thumbnail's size: itself (h, w) uint8, the flow (h, w, 2) to where each pixel
    was, and how surely each moves against the background, (h, w) in [0, 1]."""

    small: NDArray[np.uint8]
    flow: Maps
    independent: Maps


def frame_motion(frame: NDArray[np.uint8], before: NDArray[np.uint8], config: MotionConfig) -> FrameMotion:
    """frame: (H, W, 3) uint8; before: thumbnail of the one before. It needs no target."""
    small = thumbnail(frame, config.longer_side)
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    flow: Maps = dis.calc(small, before, np.zeros((*small.shape, 2), np.float32))
    return FrameMotion(small, flow, independent_motion(flow, camera_flow(flow, config.camera_stride), config))


class Evidence:
    """Goes along a video with one target; memory is constant.

    Each frame: `step`; `observe` a crop; `combine` the network's mask with the evidence; `update` with the result. For
    a lost target: `lose` in the frame of the loss, and `redetect` in the place of `combine` until the target is back.

    moving: (h, w) in [0, 1], at a thumbnail's size, how surely each pixel moves against the background. small: the
    thumbnail of the current frame.
    """

    def __init__(
        self, frame: NDArray[np.uint8], config: TrackerConfig, following: Sequence[NDArray[np.uint8]] = ()
    ) -> None:
        """frame: (H, W, 3) uint8, the first; following: frames after it, of which the lookahead counts."""
        self.config, self._settings = config, config.evidence
        ahead = [frame, *islice(following, config.motion.lookahead)]
        self.moving, self._flow = next(MotionCue(config.motion).over(ahead))[1]
        self.small = thumbnail(frame, config.motion.longer_side)
        self._size = np.array(frame.shape[1::-1], dtype=np.float32)
        self._scale = np.array(self.small.shape[::-1], dtype=np.float32) / self._size
        rows, columns = np.indices(self.small.shape, dtype=np.float32) + np.float32(0.5)
        self._pixels: Maps = np.stack([columns, rows], axis=2) / self._scale
        self._mask = np.zeros((1, 1), np.float32)
        self._crop = Crop(0, 0, 1)
        self._distractors = np.zeros(self.small.shape, np.float32)
        self._histograms: tuple[Histogram, Histogram] | None = None
        self._novelty: Maps | None = None
        self._colours = np.zeros((*self.small.shape, 3), np.float32)

    def step(self, motion: FrameMotion, frame: NDArray[np.uint8]) -> None:
        """Go on to the next frame, (H, W, 3) uint8."""
        small, self._flow, independent = motion
        self.moving = accumulate(self.moving, independent, small, self.small, self._flow, self.config.motion)
        before = self.before(self._pixels)
        self._distractors = self._sample(self._distractors, before, beyond=0)
        if self._novelty is not None:
            settings = self.config.motion
            past, self._colours = self._colours, self._colours_of(frame)
            change = np.abs(self._colours - self._sample(past, before)).max(axis=2)
            change = cv2.blur(change, (settings.change_window, settings.change_window))
            same = np.clip(self.config.lost.colour_margin * np.exp(-((change / settings.change) ** 2)), 0, 1)
            self._novelty = 1 - same * self._sample(1 - self._novelty, before, beyond=0)
        self.small = small

    def before(self, places: Maps) -> Maps:
        """Where what is at some places (h, w, 2), x and y in pixels of the frame, was in the frame before."""
        return np.asarray(places + self._sample(self._flow, places) / self._scale, dtype=np.float32)

    def observe(self, search: Tensor, crop: Crop, cells: int) -> None:
        """search: a crop's pixels (1, 3, H, W) in [0, 1]; cells: the side of the maps that are asked for."""
        self._observed = crop
        places = self._places = crop.places(cells)
        self._in_frame = np.all((places >= 0) & (places < self._size), axis=2).astype(np.float32)
        before = self.before(places)
        self.warped_mask = self._crop.sample(self._mask, before)
        """The target's mask of the frame before, warped into this one: (cells, cells) in [0, 1]."""
        self.distractors = self._sample(self._distractors, places)
        """What the network mistakes for the target, since that was chosen; likewise."""
        on_target = (before - places)[self.warped_mask > 0.5]
        x, y = -np.median(on_target, axis=0) if len(on_target) else (0.0, 0.0)
        self.shift = (float(x), float(y))
        """How far the target has moved since the frame before, (x, y) in pixels of the frame."""
        self._motion = self._sample(self.moving, places)
        small = cv2.resize(search[0].permute(1, 2, 0).numpy(), (cells, cells), interpolation=cv2.INTER_AREA)
        bins = self._settings.bins
        levels = np.minimum((small * bins).astype(np.intp), bins - 1)
        self._codes = (levels[..., 0] * bins + levels[..., 1]) * bins + levels[..., 2]

    def combine(self, mask: Tensor) -> Tensor:
        """The network's mask (cells, cells), probabilities, after the evidence of warped mask, motion and colour."""
        settings, bins = self._settings, self._settings.bins
        log_odds = settings.warped_mask * (2 * self.warped_mask - 1)
        steps = np.clip(self._motion * bins - 0.5, 0, bins - 1)
        shares = self._shares(steps.round().astype(np.intp), bins, self.warped_mask)
        ratios = log_ratio(*shares, settings.rare, settings.motion)
        log_odds = log_odds + self._in_frame * np.interp(steps, np.arange(bins), ratios)
        return _add_log_odds(mask, log_odds + self._colour_log_odds())

    def lose(self, frame: NDArray[np.uint8]) -> None:
        """The target is not in this frame. From now on it may be in the crop where it was last, but for its
        distractors, and in what comes into view."""
        if self._novelty is None:
            self._colours = self._colours_of(frame)
            near = self._crop.sample(np.ones_like(self._mask), self._pixels)
            self._novelty = near * (1 - self._distractors)

    def after_cut(self, frame: NDArray[np.uint8]) -> Evidence:
        """What is still known of a target in the first frame of a new shot, (H, W, 3) uint8, where all is new: its
        colours."""
        after = Evidence(frame, self.config)
        after._histograms, after._colours = self._histograms, after._colours_of(frame)
        after._novelty = np.ones(after.small.shape, np.float32)
        return after

    def redetect(self, mask: Tensor) -> Tensor:
        """The network's mask (cells, cells) of a lost target, after the evidence of colour. Components that have been
        in view all the time are distractors, and left out."""
        assert self._novelty is not None
        likely = _add_log_odds(mask, self._colour_log_odds())
        components, count = ndimage.label(likely.numpy() > 0.5)
        novelty = ndimage.mean(self._sample(self._novelty, self._places), components, index=np.arange(1, count + 1))
        seen_before = np.concatenate([[False], np.asarray(novelty) <= self.config.lost.novelty])[components]
        distractors = self._observed.sample(seen_before.astype(np.float32), self._pixels)
        self._distractors = np.maximum(self._distractors, distractors)
        self._novelty = self._novelty * (1 - distractors)  # they stay what they are, however their appearance changes
        return likely * from_numpy((~seen_before).astype(np.float32))

    def reachable(self) -> Tensor:
        """1 where the target can be, after where its last mask went, 0 elsewhere: (cells, cells). Look-alikes further
        off are left out, and over distractors that it touches it spreads but slowly."""
        settings = self._settings
        near, next_to = (self._dilate(self.warped_mask, by) for by in (settings.reach, settings.distractor_reach))
        return from_numpy(np.where(self.distractors > 0.5, next_to, near))

    def update(self, mask: Tensor, network_mask: Tensor, chosen: bool = False) -> None:
        """The result of the frame: the target in the observed crop, (cells, cells) in [0, 1], and the network's own
        mask, likewise. chosen: whether it is another target than before, or the first."""
        settings = self._settings
        self._mask, self._crop, self._novelty = mask.numpy().copy(), self._observed, None
        distractors, elsewhere = network_mask.numpy(), self._distractors
        if chosen:
            elsewhere = np.zeros_like(elsewhere)
        else:  # the network does not see what the crop cuts off
            near = self._dilate(self.distractors, settings.distractor_reach)
            distractors = distractors * near
        observed = self._crop.sample(np.ones_like(distractors), self._pixels)
        found = self._crop.sample(distractors * (1 - self._mask), self._pixels)
        self._distractors = observed * found + (1 - observed) * elsewhere
        now = self._shares(self._codes, settings.bins**3, self._mask)
        past, kept = now if chosen or self._histograms is None else self._histograms, settings.colour_retention
        self._histograms = (kept * past[0] + (1 - kept) * now[0], kept * past[1] + (1 - kept) * now[1])

    def _colour_log_odds(self) -> NDArray[np.float64]:
        """What colours say for the target in the observed crop, in log-odds (cells, cells)."""
        if self._histograms is None:
            return np.zeros(self._codes.shape)
        settings = self._settings
        ratios = log_ratio(*self._histograms, settings.rare, settings.colour)[self._codes]
        return np.asarray(self._in_frame * cv2.blur(ratios, (settings.colour_window, settings.colour_window)))

    def _colours_of(self, frame: NDArray[np.uint8]) -> Maps:
        small = cv2.resize(frame, self.small.shape[::-1], interpolation=cv2.INTER_AREA)
        return np.asarray(small, dtype=np.float32)

    def _sample(self, values: Maps, places: Maps, beyond: float | None = None) -> Maps:
        """A map of the whole frame, (h, w) or (h, w, 3), at some places of it, bilinear. beyond: its value outside of
        the frame, that of the border if not given."""
        x, y = np.moveaxis(places * self._scale - np.float32(0.5), 2, 0)
        border = cv2.BORDER_REPLICATE if beyond is None else cv2.BORDER_CONSTANT
        return np.asarray(cv2.remap(values, x, y, cv2.INTER_LINEAR, borderMode=border, borderValue=beyond or 0))

    def _shares(self, codes: NDArray[np.intp], number: int, mask: Maps) -> tuple[Histogram, Histogram]:
        """Shares of each code among the target's cells and among the others."""
        on, off = (np.bincount(codes.ravel(), (part * self._in_frame).ravel(), number) for part in (mask, 1 - mask))
        return on / max(on.sum(), 1e-6), off / max(off.sum(), 1e-6)

    def _dilate(self, mask: Maps, by: float) -> Maps:
        """1 in a mask (cells, cells) and around it, 0 elsewhere. by: in parts of the target's longer side."""
        side = 2 * max(1, round(by * mask.shape[-1] / self.config.crop.context)) + 1
        return np.asarray(cv2.dilate((mask > 0.5).astype(np.float32), np.ones((side, side), np.uint8)))


def _add_log_odds(mask: Tensor, log_odds: NDArray[np.float64]) -> Tensor:
    """Probabilities (cells, cells) after evidence in log-odds."""
    before = np.clip(mask.numpy(), 1e-4, 1 - 1e-4)
    odds = before / (1 - before) * np.exp(log_odds.astype(np.float32))
    return from_numpy(odds / (1 + odds))


def log_ratio(on: Histogram, off: Histogram, rare: float, limit: float) -> Histogram:
    """What each code says for the target, in log-odds within +-limit; next to nothing where it is rare in both. rare:
    prior count of a code, in parts of a mean code's share."""
    prior = rare / len(on)
    return np.clip(np.log((on + prior) / (off + prior)), -limit, limit)
