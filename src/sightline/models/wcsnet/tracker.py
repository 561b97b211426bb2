"""Online tracking of a target's mask and hotspot with WCS-Net's three networks.

The paper's loop (Sec. 3): EG-Net finds where people look, Gaze2Mask-Net what is there, and WCS-Net follows it with the
first frame as template. What the paper leaves open is ours and marked so: crop sizes, the score, what happens when the
target is lost, and the smoothing of the hotspot. Every constant stands in `TrackerConfig`.
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
from sightline.models.wcsnet.evidence import Evidence, FrameMotion, frame_motion
from sightline.models.wcsnet.gaze2mask import Gaze2Mask
from sightline.models.wcsnet.geometry import Crop
from sightline.models.wcsnet.hotspot import HotspotMap
from sightline.models.wcsnet.network import Kernels, WCSNet
from sightline.nn.blocks import resize
from sightline.nn.egnet import EGNet, SaliencyEngine, predict_saliency
from sightline.nn.engine import Engine
from sightline.nn.focus import nearest_on_mask
from sightline.nn.guided import GuidedFilterConfig, guided_filter
from sightline.nn.shots import ShotCuts

State = Literal["start", "track", "lost"]


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
        self.purity = network.config.tracker.template.purity

    def forward(self, search: Tensor, *kernels: Tensor) -> tuple[Tensor, ...]:
        features = self.network.backbone(search)
        mask, hotspot = self.network.decode(features, Kernels(list(kernels[: self.count]), list(kernels[self.count :])))
        mask = mask.sigmoid()
        # The target's appearance in this frame, from the pixels that are surely of it.
        now = self.network.template(features, mask**self.purity, mask).mask if self.adapts else []
        # Without a hotspot branch the smooth mask is the best estimate of where people look.
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
        self.config = network.config.tracker
        self._engine: Engine | None = None
        self._kernels: list[Tensor] = []
        self._crop = Crop(0, 0, 1)
        self._area = 0.0
        self._now: list[Tensor] = []
        self._first: list[Tensor] = []
        self._recent: list[Tensor] = []
        self._saliency = SaliencyEngine(self.egnet, self.device)
        self._hotspot: HotspotMap | None = None
        self._evidence: Evidence | None = None
        self._lost_frames = 0
        self._given = False
        self._shots = ShotCuts(self.config.shots)

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
        target itself. With none of them EG-Net says where people look, and `following`, the next frames (as many as
        the motion's lookahead), where something moves: of what attracts the eye, the moving counts most. Raises
        UsageError for sizes that differ, a point outside of the frame, an empty mask or map, or more than one of the
        three.
        """
        return self._start(frame, Evidence(frame, self.config, following), gaze, point, mask)

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
        guidance = self._guidance(frame, gaze, point, mask, moving)
        target = self.segment(frame, guidance) if mask is None else mask.astype(bool)
        self._given = gaze is not None or point is not None or mask is not None
        crop = self._clip(self._around(target), frame)
        self._set_template(frame, target, guidance, crop)
        self._crop, self._area, self._lost_frames = crop, float(target.sum()), 0
        self._shots.is_cut(frame)
        search = crop.take(frame, self.size)
        network_mask, _ = self._infer(search)
        inside = crop.take_map(target, network_mask.shape[-1])[0, 0]
        evidence.observe(search, crop, network_mask.shape[-1])
        evidence.update(inside, network_mask, chosen=True)
        self._evidence = evidence
        self._hotspot = HotspotMap(crop, inside, guidance, self.config.hotspot)
        hotspot, at = self._hotspot.render(crop, inside, height, width)
        return Tracked(target.astype(np.float32), target, hotspot, nearest_on_mask(target, at), 1.0, "start")

    def step(self, frame: NDArray[np.uint8], motion: FrameMotion | None = None) -> Tracked:
        """Find the target in the next frame, (H, W, 3) uint8 RGB.

        After a shot cut EG-Net chooses a new target (state "start"). So it does after a while of "lost" where the
        target was its own choice; one that was given is waited for. motion: `frame_motion` of the frame, where another
        thread has computed it. Raises UsageError before `start`.
        """
        if self._evidence is None:
            raise UsageError("Tracker.step before Tracker.start: choose a target first")
        if self._shots.is_cut(frame):
            return self._start(frame, Evidence(frame, self.config))
        motion = motion or frame_motion(frame, self._evidence.small, self.config.motion)
        self._evidence.step(motion, frame)
        if self._lost_frames >= self.config.lost.give_up_frames and not self._given:
            return self._start(frame, self._evidence)
        height, width = frame.shape[:2]
        crop = self._redetect(frame, self._evidence) if self._lost_frames else self._crop
        tracked = None if crop is None else self._track(frame, crop, self._evidence)
        if tracked is None:
            self._lost_frames += 1
            self._evidence.lose(frame)
            empty = np.zeros((height, width), dtype=np.float32)
            return Tracked(empty, empty.astype(bool), empty, None, 0.0, "lost")
        self._lost_frames = 0
        return tracked

    def segment(self, frame: NDArray[np.uint8], guidance: NDArray[np.floating]) -> NDArray[np.bool_]:
        """The mask (H, W) of what is looked at: Gaze2Mask-Net on the whole frame, then in a crop around its result."""
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
        closer = self._segment_crop(frame, guidance, self._clip(self._around(target), frame))
        return target if closer is None else closer

    def _segment_crop(
        self, frame: NDArray[np.uint8], guidance: NDArray[np.floating], crop: Crop
    ) -> NDArray[np.bool_] | None:
        size = self.gaze2mask.config.input_size
        guide = crop.take_map(guidance, size // 8)
        if guide.max() <= 0:
            return None
        with torch.inference_mode():
            images, guide = crop.take(frame, size).to(self.device), (guide / guide.max()).to(self.device)
            probability = self.gaze2mask(images, guide).sigmoid()[0, 0].cpu()
        placed = crop.place(probability, *frame.shape[:2])
        return self._main_components(placed > 0.5, guidance)

    def _guidance(
        self,
        frame: NDArray[np.uint8],
        gaze: NDArray[np.floating] | None,
        point: tuple[float, float] | None,
        mask: NDArray[np.bool_] | None,
        moving: NDArray[np.float32],
    ) -> NDArray[np.floating]:
        """Where the target is looked at, (H, W)."""
        settings = self.config.start
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
            still = settings.still_weight
            saliency = predict_saliency(frame, self.egnet)
            weighted = saliency * (still + (1 - still) * moving) ** settings.motion_exponent
            return weighted / weighted.max()
        x, y = point
        if not (0 <= x < width and 0 <= y < height):
            raise UsageError(f"Tracker.start: point ({x:g}, {y:g}) is outside of the {width}x{height} frame")
        sigma = max(1.0, settings.point_sigma * max(height, width))
        rows = np.exp(-((np.arange(height) + 0.5 - y) ** 2) / (2 * sigma**2))
        columns = np.exp(-((np.arange(width) + 0.5 - x) ** 2) / (2 * sigma**2))
        return np.outer(rows, columns).astype(np.float32)

    def _set_template(
        self, frame: NDArray[np.uint8], target: NDArray[np.bool_], guidance: NDArray[np.floating], crop: Crop
    ) -> None:
        size = self.size
        if self.network.config.correlation == "depthwise":
            # "w/o. weighted pooling": a template of half the size, at the same scale (Sec. 4.4).
            size, crop = size // 2, Crop(crop.x, crop.y, crop.side / 2)
        guide = self._guidance_on(target, guidance)
        with torch.inference_mode():
            features = self.network.backbone(crop.take(frame, size).to(self.device))
            mask = crop.take_map(target, size).to(self.device)
            hotspot = crop.take_map(guide, size // 8).to(self.device)
            kernels = self.network.template(features, mask, hotspot / hotspot.max().clamp_min(1e-6))
        self._kernels = [kernel.cpu() for kernel in (*kernels.mask, *kernels.hotspot)]
        self._first, self._recent = list(self._kernels), list(self._kernels)

    def _redetect(self, frame: NDArray[np.uint8], evidence: Evidence) -> Crop | None:
        """Where to look closer for a lost target: around what is like it, further from its last place with every
        frame, at last in the whole frame. None if nothing is."""
        height, width = frame.shape[:2]
        whole = Crop(width / 2, height / 2, float(max(height, width)))
        wide = self._crop.interpolate(whole, min(1.0, self._lost_frames / self.config.lost.search_frames))
        search = wide.take(frame, self.size)
        network_mask, _ = self._infer(search)
        evidence.observe(search, wide, network_mask.shape[-1])
        likely = evidence.redetect(network_mask)
        component = self._main_components(likely.numpy() > 0.5, likely.numpy())
        if component is None:
            return None
        return self._clip(wide.to_frame(self._around(component), network_mask.shape[-1]), frame)

    def _track(self, frame: NDArray[np.uint8], crop: Crop, evidence: Evidence) -> Tracked | None:
        """The target in the crop, and where to look in the next frame; None if it is not there."""
        search = crop.take(frame, self.size)
        network_mask, hotspot = self._infer(search)
        size = network_mask.shape[-1]
        evidence.observe(search, crop, size)
        if self._lost_frames:
            mask = evidence.redetect(network_mask)
        else:
            mask = evidence.combine(network_mask) * evidence.reachable()
        score = float(mask.square().sum() / mask.sum().clamp_min(1e-6))
        component = self._main_components(mask.numpy() > 0.5, mask.numpy())
        if component is None:
            return None
        area = float(component.sum()) * (crop.side / size) ** 2
        lost = self.config.lost
        if area < lost.area * self._area:
            return None
        mask[torch.from_numpy((mask.numpy() > 0.5) & ~component)] = 0.0
        evidence.update(mask, network_mask)
        height, width = frame.shape[:2]
        stride = self.config.edge_stride
        probability = crop.place(_refine_edges(mask, search, stride, self.config.edges), height, width)
        self._area += (lost.area_growth if area > self._area else lost.area_shrinkage) * (area - self._area)
        self._crop = self._clip(self._next_crop(crop.to_frame(self._around(component), size)), frame)
        self._update_template()
        smooth, at = self._update_hotspot(frame, crop, mask, hotspot, evidence)
        found = probability > 0.5
        return Tracked(probability, found, smooth, nearest_on_mask(found, at), score, "track")

    def _update_hotspot(
        self, frame: NDArray[np.uint8], crop: Crop, mask: Tensor, hotspot: Tensor, evidence: Evidence
    ) -> tuple[NDArray[np.float32], tuple[float, float]]:
        """The hotspot's map and point, after the target's move and, now and then, a new map of EG-Net."""
        assert self._hotspot is not None
        self._hotspot.move(self._crop, evidence.shift)
        saliency = self._saliency(frame) if self._hotspot.needs_saliency else None
        self._hotspot.update(crop, mask, hotspot, saliency)
        return self._hotspot.render(crop, mask, *frame.shape[:2])

    def _infer(self, search: Tensor) -> tuple[Tensor, Tensor]:
        """Probabilities of mask and hotspot in a crop's pixels: (h, w) at the network's output sizes."""
        if self._engine is None:
            self._engine = Engine(_Step(self.network), (search, *self._kernels), self.device)
        mask, hotspot, *now = (out.cpu() for out in self._engine(search, *self._kernels))
        self._now = now
        return mask[0, 0], hotspot[0, 0]

    def _update_template(self) -> None:
        """Let the template follow the target's appearance, anchored to the first frame."""
        first, rate = self.config.template.first_frame, self.config.template.rate
        for level, now in enumerate(self._now):
            self._recent[level] = (1 - rate) * self._recent[level] + rate * now
            self._kernels[level] = first * self._first[level] + (1 - first) * self._recent[level]

    def _next_crop(self, crop: Crop) -> Crop:
        """The next crop. A mask's box flickers: small shifts are mostly that, and hardly followed, large ones fully."""
        settings, last = self.config.crop, self._crop
        dx, dy = crop.x - last.x, crop.y - last.y
        pull = float(np.clip(np.hypot(dx, dy) / (settings.flicker * last.side), settings.slowest, 1.0))
        smallest, largest = (1 - settings.side_change) * last.side, (1 + settings.side_change) * last.side
        return Crop(last.x + pull * dx, last.y + pull * dy, float(np.clip(crop.side, smallest, largest)))

    def _around(self, mask: NDArray[np.bool_]) -> Crop:
        return Crop.around(mask, self.config.crop.context)

    @staticmethod
    def _clip(crop: Crop, frame: NDArray[np.uint8]) -> Crop:
        """No crop is larger than the frame's longer side or centred outside, as beyond is only grey."""
        height, width = frame.shape[:2]
        x, y = min(max(crop.x, 0.0), float(width)), min(max(crop.y, 0.0), float(height))
        return Crop(x, y, min(crop.side, float(max(height, width))))

    def _guidance_on(self, target: NDArray[np.bool_], guidance: NDArray[np.floating]) -> NDArray[np.floating]:
        """The guidance on a target, (H, W); the target itself where there is next to none."""
        inside = guidance * target
        faint = inside.max() <= self.config.start.gaze_floor * guidance.max()
        return target.astype(np.float32) if faint else inside

    def _main_components(self, mask: NDArray[np.bool_], weight: NDArray[np.floating]) -> NDArray[np.bool_] | None:
        """The connected components of a mask that weigh enough beside the heaviest; None for an empty mask."""
        components, count = ndimage.label(mask)
        if count == 0:
            return None
        if count == 1:
            return mask
        sums = ndimage.sum_labels(weight, components, index=np.arange(1, count + 1))
        keep = np.concatenate([[False], sums >= self.config.component_weight * sums.max()])
        return np.asarray(keep[components])


def _refine_edges(mask: Tensor, search: Tensor, stride: int, config: GuidedFilterConfig) -> Tensor:
    """A mask (h, w) at the size of the search crop (1, 3, H, W), following its edges. stride: of the filter's grid."""
    grid = search.shape[2] // stride, search.shape[3] // stride
    return guided_filter(resize(mask[None, None], grid), search, config)[0, 0].clamp(0, 1)
