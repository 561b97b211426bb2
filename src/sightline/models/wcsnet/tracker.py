"""Online tracking of a target's mask and hotspot with WCS-Net's three networks.

The paper's loop (Sec. 3): EG-Net finds where people look, Gaze2Mask-Net what is there, and WCS-Net follows it with the
first frame as template. What the paper leaves open is ours and marked so: crop sizes, the score, what happens when the
target is lost, and the smoothing of the hotspot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor, nn

from sightline.errors import UsageError
from sightline.models.wcsnet.evidence import Change, Evidence, change
from sightline.models.wcsnet.gaze2mask import Gaze2Mask
from sightline.models.wcsnet.geometry import Crop
from sightline.models.wcsnet.hotspot import HotspotMap
from sightline.models.wcsnet.network import Kernels, WCSNet
from sightline.nn.blocks import resize
from sightline.nn.egnet import EGNet, SaliencyEngine, predict_saliency
from sightline.nn.engine import Engine
from sightline.nn.focus import onto
from sightline.nn.guided import guided_filter
from sightline.nn.shots import ShotCuts

State = Literal["start", "track", "lost"]

LOST_SCORE = 0.35
"""Below this score the target counts as lost."""
LOST_FRAMES = 25
"""Frames that a lost target of EG-Net's choice is looked for before that chooses a new one."""
SEARCHED = 12
"""Frames in which the search for a lost target widens to the whole frame."""
SURE_SCORE = 0.75
"""Above this score the template learns from what was found."""
ANCHOR, LEARNING = 0.5, 0.08
"""Share of the first frame in the template, and the rate at which the rest follows the target's looks."""
SMALLEST = 48.0
"""Side of the smallest crop, in pixels."""
WHOLE = 1.5
"""Side of a crop, at least, in parts of the root of the area that the target had: of one that comes into view, or out
of an occlusion, only a part is seen at first."""
SHRINKS = 0.02
"""Rate at which that area follows a mask that gets smaller: what leaves the frame does not."""
STEADY = 0.04
"""A shift of the target's box that is followed fully, in parts of the crop's side."""
POINT_SIGMA = 0.04
"""Width of a clicked point or live gaze as a map, in parts of the frame's longer side."""
STILL_SHARE = 0.05
"""The root of what gaze counts for where nothing moves, beside 1 where something surely does."""
MOVES, STANDS = 0.5, 0.2
"""A target that moves more surely than the first, on average, has no parts that move less surely than the second."""


@dataclass(frozen=True, slots=True)
class Tracked:
    """One frame's result.

    probability: (H, W) float32, that a pixel belongs to the target; mask: (H, W) bool; hotspot: (H, W) float32 in
    [0, 1]; point: (x, y) of the hotspot in pixels, on the mask, None when lost; score: in [0, 1].
    """

    probability: NDArray[np.float32]
    mask: NDArray[np.bool_]
    hotspot: NDArray[np.float32]
    point: tuple[float, float] | None
    score: float
    state: State


class _Step(nn.Module):
    """What runs on every frame, as one graph: encoder, correlation with the template's kernels, both decoders."""

    def __init__(self, network: WCSNet) -> None:
        super().__init__()
        self.network = network
        self.count = len(network.levels)
        self.adapts = network.config.correlation == "weighted"

    def forward(self, search: Tensor, *kernels: Tensor) -> tuple[Tensor, ...]:
        features = self.network.backbone(search)
        mask, hotspot = self.network.decode(features, Kernels(list(kernels[: self.count]), list(kernels[self.count :])))
        mask = mask.sigmoid()
        # What the target looks like now, from its surest pixels.
        now = self.network.template(features, mask**4, mask).mask if self.adapts else []
        # Without a hotspot branch the mask's smooth inside is the best guess of where people look.
        spot = resize(mask, (mask.shape[-2] // 4, mask.shape[-1] // 4)) if hotspot is None else hotspot.sigmoid()
        return mask, spot, *now


class Tracker:
    """Follows one target: `start` chooses it, `step` finds it in each following frame. Memory is constant."""

    def __init__(self, network: WCSNet, gaze2mask: Gaze2Mask, egnet: EGNet, device: torch.device | str = "cpu") -> None:
        self.device = torch.device(device)
        self.network = network.eval().to(self.device)
        self.gaze2mask = gaze2mask.eval().to(self.device)
        self.egnet = egnet.eval().to(self.device)
        self.size = network.config.input_size
        self._engine: Engine | None = None
        self._kernels: list[Tensor] = []
        self._crop = Crop(0, 0, 1)
        self._area = 0.0
        self._now: list[Tensor] = []
        self._first: list[Tensor] = []
        self._recent: list[Tensor] = []
        self._gaze = SaliencyEngine(self.egnet, self.device)
        self._hotspot: HotspotMap | None = None
        self._evidence: Evidence | None = None
        self._lost = 0
        self._wanted = False
        self._shots = ShotCuts()

    def start(
        self,
        frame: NDArray[np.uint8],
        gaze: NDArray[np.floating] | None = None,
        point: tuple[float, float] | None = None,
        mask: NDArray[np.bool_] | None = None,
        following: Sequence[NDArray[np.uint8]] = (),
    ) -> Tracked:
        """Choose the target in `frame`, (H, W, 3) uint8 RGB.

        gaze: a map (H, W), as from a live eye tracker; point: (x, y) in pixels, as from a click; mask: (H, W) of the
        target itself; with none of them EG-Net says where people look, and `following`, up to LEAD of the next frames,
        where something moves: of what attracts the eye, the moving counts most. Raises UsageError for sizes that
        differ, a point outside of the frame, an empty mask or map, or more than one of the three.
        """
        return self._start(frame, Evidence(frame, following), gaze, point, mask)

    def _start(
        self,
        frame: NDArray[np.uint8],
        evidence: Evidence,
        gaze: NDArray[np.floating] | None = None,
        point: tuple[float, float] | None = None,
        mask: NDArray[np.bool_] | None = None,
    ) -> Tracked:
        height, width = frame.shape[:2]
        moving = cv2.resize(evidence.moving, (width, height), interpolation=cv2.INTER_LINEAR)
        looked_at = self._guide(frame, gaze, point, mask, moving)
        target = self.segment(frame, looked_at) if mask is None else mask.astype(bool)
        if gaze is None and point is None and mask is None and moving[target].mean() > MOVES:
            part = _main_part(target & (moving > STANDS), looked_at)
            target = target if part is None else part
        crop = self._limit(Crop.around(target), frame)
        self._set_template(frame, target, looked_at, crop)
        self._crop, self._area, self._lost = crop, float(target.sum()), 0
        self._wanted = gaze is not None or point is not None or mask is not None
        self._shots.look(frame)
        search = crop.take(frame, self.size)
        taken, _ = self._infer(search)
        inside = crop.take_map(target, taken.shape[-1])[0, 0]
        evidence.look(search, crop, taken.shape[-1])
        evidence.keep(inside, taken, chosen=True)
        self._evidence = evidence
        self._hotspot = HotspotMap(crop, inside, looked_at)
        hotspot, at = self._hotspot.read(crop, inside, height, width)
        return Tracked(target.astype(np.float32), target, hotspot, onto(target, at), 1.0, "start")

    def step(self, frame: NDArray[np.uint8], changed: Change | None = None) -> Tracked:
        """Find the target in the next frame, (H, W, 3) uint8 RGB. After a shot cut, or a while of "lost" where the
        target was EG-Net's choice, that chooses a new one (state "start"); one that was given is waited for. changed:
        what `change` says of the frame, where somebody has asked it on another thread. Raises UsageError before
        `start`."""
        if self._evidence is None:
            raise UsageError("Tracker.step before Tracker.start: choose a target first")
        if self._shots.look(frame):
            return self._start(frame, Evidence(frame))
        self._evidence.step(changed or change(frame, self._evidence.small), frame)
        if self._lost >= LOST_FRAMES and not self._wanted:
            return self._start(frame, self._evidence)
        height, width = frame.shape[:2]
        crop = self._spot(frame, self._evidence) if self._lost else self._crop
        tracked = None if crop is None else self._find(frame, crop, self._evidence)
        if tracked is None:
            self._lost += 1
            self._evidence.lose(frame)
            empty = np.zeros((height, width), dtype=np.float32)
            return Tracked(empty, empty.astype(bool), empty, None, 0.0, "lost")
        self._lost = 0
        return tracked

    def segment(self, frame: NDArray[np.uint8], gaze: NDArray[np.floating]) -> NDArray[np.bool_]:
        """The mask (H, W) of what is looked at: Gaze2Mask-Net on the whole frame, then closer on what it found."""
        height, width = frame.shape[:2]
        longer = max(height, width)
        target = self._looked_at(frame, gaze, Crop(width / 2, height / 2, longer))
        if target is None:
            y, x = np.unravel_index(int(np.argmax(gaze)), gaze.shape)
            target = self._looked_at(frame, gaze, Crop(float(x), float(y), longer / 2))
        if target is not None:
            closer = self._looked_at(frame, gaze, self._limit(Crop.around(target), frame))
            return target if closer is None else closer
        # Nothing stands out as an object: what is looked at most has to do.
        return gaze >= max(np.quantile(gaze, 0.97), 1e-6)

    def _looked_at(self, frame: NDArray[np.uint8], gaze: NDArray[np.floating], crop: Crop) -> NDArray[np.bool_] | None:
        size = self.gaze2mask.config.input_size
        guide = crop.take_map(gaze, size // 8)
        if guide.max() <= 0:
            return None
        with torch.inference_mode():
            images, guide = crop.take(frame, size).to(self.device), (guide / guide.max()).to(self.device)
            probability = self.gaze2mask(images, guide).sigmoid()[0, 0].cpu()
        placed = crop.place(probability, *frame.shape[:2])
        return _main_part(placed > 0.5, gaze)

    def _guide(
        self,
        frame: NDArray[np.uint8],
        gaze: NDArray[np.floating] | None,
        point: tuple[float, float] | None,
        mask: NDArray[np.bool_] | None,
        moving: NDArray[np.float32],
    ) -> NDArray[np.floating]:
        height, width = frame.shape[:2]
        if sum(given is not None for given in (gaze, point, mask)) > 1:
            raise UsageError("Tracker.start: give one of gaze, point and mask, not several")
        for name, given in (("gaze", gaze), ("mask", mask)):
            if given is not None and given.shape != (height, width):
                raise UsageError(f"Tracker.start: {name} is {given.shape}, the frame {(height, width)}; resize it")
            if given is not None and not (np.isfinite(given).all() and given.min() >= 0):
                raise UsageError(f"Tracker.start: {name} holds NaN or negative values; values from 0 on are expected")
            if given is not None and not given.any():
                raise UsageError(f"Tracker.start: {name} is zero everywhere; mark the target in it")
        if gaze is not None:
            return gaze
        if point is None:
            looked_at = predict_saliency(frame, self.egnet)
            weighted = looked_at * (STILL_SHARE + (1 - STILL_SHARE) * moving) ** 2
            return weighted / weighted.max()
        x, y = point
        if not (0 <= x < width and 0 <= y < height):
            raise UsageError(f"Tracker.start: point ({x:g}, {y:g}) is outside of the {width}x{height} frame")
        sigma = max(1.0, POINT_SIGMA * max(height, width))
        rows = np.exp(-((np.arange(height) + 0.5 - y) ** 2) / (2 * sigma**2))
        columns = np.exp(-((np.arange(width) + 0.5 - x) ** 2) / (2 * sigma**2))
        return np.outer(rows, columns).astype(np.float32)

    def _set_template(
        self, frame: NDArray[np.uint8], target: NDArray[np.bool_], looked_at: NDArray[np.floating], crop: Crop
    ) -> None:
        size = self.size
        if self.network.config.correlation == "depthwise":
            # "w/o. weighted pooling": a template of half the size, at the same scale (Sec. 4.4).
            size, crop = size // 2, Crop(crop.x, crop.y, crop.side / 2)
        guide = _inside(looked_at, target)
        with torch.inference_mode():
            features = self.network.backbone(crop.take(frame, size).to(self.device))
            mask = crop.take_map(target, size).to(self.device)
            hotspot = crop.take_map(guide, size // 8).to(self.device)
            kernels = self.network.template(features, mask, hotspot / hotspot.max().clamp_min(1e-6))
        self._kernels = [kernel.cpu() for kernel in (*kernels.mask, *kernels.hotspot)]
        self._first, self._recent = list(self._kernels), list(self._kernels)

    def _spot(self, frame: NDArray[np.uint8], evidence: Evidence) -> Crop | None:
        """Where to look closer for a lost target: around what is like it, further from its last place with every
        frame, at last in the whole frame. None if nothing is."""
        height, width = frame.shape[:2]
        whole = Crop(width / 2, height / 2, float(max(height, width)))
        wide = self._crop.towards(whole, min(1.0, self._lost / SEARCHED))
        search = wide.take(frame, self.size)
        taken, _ = self._infer(search)
        evidence.look(search, wide, taken.shape[-1])
        likely = evidence.recognise(taken)
        part = _main_part(likely.numpy() > 0.5, likely.numpy())
        if part is None:
            return None
        found = wide.outward(Crop.around(part), taken.shape[-1])
        return self._limit(Crop(found.x, found.y, max(found.side, WHOLE * self._area**0.5)), frame)

    def _find(self, frame: NDArray[np.uint8], crop: Crop, evidence: Evidence) -> Tracked | None:
        """The target in the crop, and where to look in the next frame; None if it is not there."""
        search = crop.take(frame, self.size)
        taken, hotspot = self._infer(search)
        size = taken.shape[-1]
        evidence.look(search, crop, size)
        mask = evidence.recognise(taken) if self._lost else evidence.weigh(taken) * evidence.reachable()
        score = float(mask.square().sum() / mask.sum().clamp_min(1e-6))
        part = _main_part(mask.numpy() > 0.5, mask.numpy())
        if part is None or score < LOST_SCORE:
            return None
        area = float(part.sum()) * (crop.side / size) ** 2
        if area < 0.05 * self._area:
            return None
        mask[torch.from_numpy((mask.numpy() > 0.5) & ~part)] = 0.0
        evidence.keep(mask, taken)
        height, width = frame.shape[:2]
        probability = crop.place(_to_edges(mask, search), height, width)
        self._area += (0.1 if area > self._area else SHRINKS) * (area - self._area)
        self._crop = self._limit(self._follow(crop.outward(Crop.around(part), size)), frame)
        if score > SURE_SCORE:
            self._learn()
        smooth, at = self._update_hotspot(frame, crop, mask, hotspot, evidence)
        found = probability > 0.5
        return Tracked(probability, found, smooth, onto(found, at), score, "track")

    def _update_hotspot(
        self, frame: NDArray[np.uint8], crop: Crop, mask: Tensor, hotspot: Tensor, evidence: Evidence
    ) -> tuple[NDArray[np.float32], tuple[float, float]]:
        """The hotspot's map and point, after the target's move and, now and then, a new look of EG-Net."""
        assert self._hotspot is not None
        self._hotspot.follow(self._crop, evidence.shift)
        self._hotspot.update(crop, mask, hotspot, self._gaze(frame) if self._hotspot.wants_look else None)
        return self._hotspot.read(crop, mask, *frame.shape[:2])

    def _infer(self, search: Tensor) -> tuple[Tensor, Tensor]:
        """Probabilities of mask and hotspot in a crop's pixels: (h, w) at the network's output sizes."""
        if self._engine is None:
            self._engine = Engine(_Step(self.network), (search, *self._kernels), self.device)
        mask, hotspot, *now = (out.cpu() for out in self._engine(search, *self._kernels))
        self._now = now
        return mask[0, 0], hotspot[0, 0]

    def _learn(self) -> None:
        """Let the template follow the target's looks, anchored to the first frame. Ours: the paper's stays fixed."""
        for level, now in enumerate(self._now):
            self._recent[level] = (1 - LEARNING) * self._recent[level] + LEARNING * now
            self._kernels[level] = ANCHOR * self._first[level] + (1 - ANCHOR) * self._recent[level]

    def _follow(self, crop: Crop) -> Crop:
        """The next crop. A mask's box flickers: small shifts are mostly that, and hardly followed, large ones fully."""
        last = self._crop
        dx, dy = crop.x - last.x, crop.y - last.y
        pull = float(np.clip(np.hypot(dx, dy) / (STEADY * last.side), 0.15, 1.0))
        wanted = max(crop.side, WHOLE * self._area**0.5)
        return Crop(last.x + pull * dx, last.y + pull * dy, float(np.clip(wanted, 0.9 * last.side, 1.1 * last.side)))

    @staticmethod
    def _limit(crop: Crop, frame: NDArray[np.uint8]) -> Crop:
        """No crop is larger than the frame's longer side or centred outside, as beyond is only grey, nor all blur."""
        height, width = frame.shape[:2]
        x, y = min(max(crop.x, 0.0), float(width)), min(max(crop.y, 0.0), float(height))
        return Crop(x, y, min(max(crop.side, SMALLEST), float(max(height, width))))


def _to_edges(mask: Tensor, search: Tensor) -> Tensor:
    """A mask (h, w) at the size of the search crop (1, 3, H, W), following its edges; a grid of stride 4 will do."""
    grid = search.shape[2] // 4, search.shape[3] // 4
    return guided_filter(resize(mask[None, None], grid), search)[0, 0].clamp(0, 1)


def _inside(looked_at: NDArray[np.floating], target: NDArray[np.bool_]) -> NDArray[np.floating]:
    """The gaze that falls on a target, (H, W); the target itself where none does."""
    inside = looked_at * target
    return inside if inside.max() > 0.02 * looked_at.max() else target.astype(np.float32)


def _main_part(mask: NDArray[np.bool_], weight: NDArray[np.floating]) -> NDArray[np.bool_] | None:
    """The connected parts of a mask with at least a fifth of the heaviest part's weight; None for an empty mask."""
    parts, count = ndimage.label(mask)
    if count == 0:
        return None
    if count == 1:
        return mask
    sums = ndimage.sum_labels(weight, parts, index=np.arange(1, count + 1))
    keep = np.concatenate([[False], sums >= 0.2 * sums.max()])
    return np.asarray(keep[parts])
