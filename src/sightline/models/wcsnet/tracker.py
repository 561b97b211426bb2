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
from torch import Tensor, nn

from sightline.errors import UsageError
from sightline.models.wcsnet.choice import Choice, main_components
from sightline.models.wcsnet.evidence import Evidence, FrameMotion, frame_motion
from sightline.models.wcsnet.gaze2mask import Gaze2Mask
from sightline.models.wcsnet.geometry import Crop
from sightline.models.wcsnet.hotspot import HotspotMap
from sightline.models.wcsnet.network import Kernels, WCSNet
from sightline.models.wcsnet.view import Eyes, View
from sightline.nn.blocks import resize
from sightline.nn.egnet import EGNet
from sightline.nn.engine import Engine
from sightline.nn.focus import nearest_on_mask
from sightline.nn.guided import GuidedFilterConfig, guided_filter
from sightline.nn.memory import Remembered, remember
from sightline.nn.shots import ShotCuts
from sightline.types import Box, Cue, Point

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
    """What runs on every frame for a target, as one graph: memory, correlation with the kernels, decoders."""

    def __init__(self, network: WCSNet, depth: int) -> None:
        """depth: number of the backbone's feature maps."""
        super().__init__()
        self.network = network.folded()
        self.depth, self.count = depth, len(network.levels)

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """inputs: the feature maps of the search crop; with a memory its frames and reach; then the kernels
        of mask and hotspot."""
        features, others, memory = list(inputs[: self.depth]), list(inputs[self.depth :]), self.network.memory
        readout, cells = None, []
        if memory is not None:
            frames, reach, *others = others
            keys = self.network.keys(features)
            readout, cells = memory.read(keys, frames, reach), [memory.cells(keys)]
        kernels = Kernels(others[: self.count], others[self.count :])
        mask, hotspot, presence = self.network.decode(features, kernels, readout)
        mask = mask.sigmoid()
        # Without a hotspot branch the smooth mask is the best estimate of where people look.
        spot = resize(mask, (mask.shape[-2] // 4, mask.shape[-1] // 4)) if hotspot is None else hotspot.sigmoid()
        present = mask.new_ones(1) if presence is None else presence.sigmoid()
        return mask, spot, present, *cells


class Tracker:
    """Follows one target: `start` chooses it, `step` finds it in each following frame, `correct` mends what it found.

    Memory is constant. eyes: of the same video, made anew if not given.
    """

    def __init__(
        self,
        network: WCSNet,
        gaze2mask: Gaze2Mask,
        egnet: EGNet,
        device: torch.device | str = "cpu",
        eyes: Eyes | None = None,
    ) -> None:
        self.device = torch.device(device)
        self.network = network.eval().to(self.device)
        self.size = network.config.input_size
        self.config = network.config.tracker
        self.choice = Choice(gaze2mask.eval().to(self.device), self.config, self.device)
        self.eyes = eyes or Eyes(network.backbone, egnet, self.size, self.device)
        self._kernels: list[Tensor] = []
        self._crop = Crop(0, 0, 1)
        self._area = 0.0
        self._remembered: Remembered | None = None
        self._cells: list[Tensor] = []
        self._presence = 1.0
        self._hotspot: HotspotMap | None = None
        self._evidence: Evidence | None = None
        self._lost_frames = 0
        self._given = False
        self.among_others = False
        """Whether it is one of several: it is not to take another target for its own, however long it is lost."""
        self._last: Tracked | None = None
        self._frames = 0
        self._shots = ShotCuts(self.config.shots)

    @property
    def crop(self) -> Crop | None:
        """Where it will look in the next frame; None where the target is lost or not yet chosen."""
        return None if self._evidence is None or self._lost_frames else self._crop

    def start(
        self,
        frame: NDArray[np.uint8],
        gaze: NDArray[np.floating] | None = None,
        point: Point | Sequence[Point] | None = None,
        mask: NDArray[np.bool_] | None = None,
        following: Sequence[NDArray[np.uint8]] = (),
        *,
        not_point: Point | Sequence[Point] | None = None,
        box: Box | None = None,
    ) -> Tracked:
        """Choose the target in `frame`, (H, W, 3) uint8 RGB.

        gaze: a map (H, W), as from a live eye tracker; point, not_point, box, mask: as of `Cue`. With none of them
        EG-Net says where people look, and `following`, the next frames (as many as the motion's lookahead), where
        something moves: of what attracts the eye, the moving counts most. Raises UsageError for sizes that differ, a
        point outside of the frame, an empty mask or map, or a gaze beside the others.
        """
        cue = Cue(point=point, not_point=not_point, box=box, mask=mask)
        if gaze is not None and cue.places:
            raise UsageError(f"`gaze` and `{cue.places[0]}`: give one of them, not both")
        return self.begin(View(frame, self.eyes), cue, gaze, following)

    def begin(
        self,
        view: View,
        cue: Cue,
        gaze: NDArray[np.floating] | None = None,
        following: Sequence[NDArray[np.uint8]] = (),
    ) -> Tracked:
        """`start` by a cue, in a frame that other trackers look at too."""
        frame = view.frame
        if not cue.places:
            return self._start(view, Evidence(frame, self.config, following), gaze)
        if not cue.starts:
            raise UsageError("`not_point` says only where the target is not; give a point, a box or a mask")
        cue.require_inside((frame.shape[0], frame.shape[1]))
        return self._follow_cue(view, cue, self.choice.pointed_out(frame, cue))

    def correct(
        self,
        frame: NDArray[np.uint8],
        *,
        point: Point | Sequence[Point] | None = None,
        not_point: Point | Sequence[Point] | None = None,
        box: Box | None = None,
        mask: NDArray[np.bool_] | None = None,
    ) -> Tracked:
        """Mend what the last `step` (or `start`) found in this very frame, (H, W, 3) uint8 RGB.

        What is at `point` belongs to the target too, what is at `not_point` does not; a box or a mask stands in its
        place. The target is learned anew from here (state "start"). Raises UsageError as `start` does, or before it.
        """
        return self.mend(View(frame, self.eyes), Cue(point=point, not_point=not_point, box=box, mask=mask))

    def mend(self, view: View, cue: Cue) -> Tracked:
        """`correct` by a cue, in a frame that other trackers look at too."""
        frame, last = view.frame, self._last
        if last is None:
            raise UsageError("Tracker.correct before Tracker.start: choose a target first")
        if not cue.places or last.mask.shape != frame.shape[:2]:
            raise UsageError("Tracker.correct: give the frame of the last step, and a point, a box or a mask")
        cue.require_inside((frame.shape[0], frame.shape[1]))
        target = self.choice.pointed_out(frame, cue, last.mask.copy())
        return self._follow_cue(view, cue, target) if target.any() else self._lose(frame)

    def _follow_cue(self, view: View, cue: Cue, target: NDArray[np.bool_]) -> Tracked:
        """Follow the target of a cue, which is looked at where it points; all over without points."""
        looked_at = self.choice.near(view.frame, cue.points) if cue.points else target.astype(np.float32)
        return self._follow(view, Evidence(view.frame, self.config), target, looked_at)

    def _start(self, view: View, evidence: Evidence, gaze: NDArray[np.floating] | None = None) -> Tracked:
        """Choose a target by the gaze, or by EG-Net."""
        frame = view.frame
        guidance = self._attention(view, evidence) if gaze is None else _checked(gaze, frame)
        target = self.choice.segment(frame, guidance)
        return self._follow(view, evidence, target, guidance, given=gaze is not None)

    def _follow(
        self,
        view: View,
        evidence: Evidence,
        target: NDArray[np.bool_],
        guidance: NDArray[np.floating],
        given: bool = True,
    ) -> Tracked:
        """Take a mask (H, W) for the target from this frame on. guidance: where it is looked at, (H, W)."""
        frame = view.frame
        height, width = frame.shape[:2]
        self._given = given
        crop = self._around(target).within(height, width)
        self._set_template(frame, target, guidance, crop)
        self._crop, self._area, self._lost_frames = crop, float(target.sum()), 0
        self._shots.is_cut(frame)
        network_mask, _ = self._infer(view, crop)
        inside = crop.take_map(target, network_mask.shape[-1])[0, 0]
        evidence.observe(view.look(crop)[0], crop, network_mask.shape[-1])
        evidence.update(inside, network_mask, chosen=True)
        self._evidence = evidence
        self._hotspot = HotspotMap(crop, inside, guidance, self.config.hotspot)
        hotspot, at = self._hotspot.render(crop, inside, height, width)
        self._last = Tracked(target.astype(np.float32), target, hotspot, nearest_on_mask(target, at), 1.0, "start")
        return self._last

    def step(
        self,
        frame: NDArray[np.uint8],
        motion: FrameMotion | None = None,
        *,
        view: View | None = None,
        crop: Crop | None = None,
    ) -> Tracked:
        """Find the target in the next frame, (H, W, 3) uint8 RGB.

        After a shot cut EG-Net chooses a new target (state "start"); one of several is looked for. Where the target was
        its own choice, so it does after a while of "lost", and where the focal point would leap; one that was given is
        waited for. motion: `frame_motion` of the frame, where another thread has computed it; view, crop: what other
        trackers look at too. Raises UsageError before `start`.
        """
        if self._evidence is None:
            raise UsageError("Tracker.step before Tracker.start: choose a target first")
        self._frames += 1
        if view is None:
            attend = self._frames % self.config.hotspot.interval == 0
            view = View(frame, self.eyes, self.eyes.saliency(frame) if attend else None)
        if self._shots.is_cut(frame):
            if not self.among_others:
                return self._start(view, Evidence(frame, self.config))
            self._evidence, self._lost_frames = self._evidence.after_cut(frame), self.config.lost.search_frames
            return self._lose(frame)
        motion = motion or frame_motion(frame, self._evidence.small, self.config.motion)
        self._evidence.step(motion, frame)
        if self._lost_frames >= self.config.lost.give_up_frames and not self._given:
            return self._start(view, self._evidence)
        where = self._redetect(view, self._evidence) if self._lost_frames else crop or self._crop
        tracked = None if where is None else self._track(view, where, self._evidence)
        if tracked is None:
            return self._lose(frame)
        if not self._given and self._leaps(tracked, self._evidence):
            return self._start(view, self._evidence)
        self._lost_frames, self._last = 0, tracked
        return tracked

    def _lose(self, frame: NDArray[np.uint8]) -> Tracked:
        assert self._evidence is not None
        self._lost_frames += 1
        self._evidence.lose(frame)
        empty = np.zeros(frame.shape[:2], dtype=np.float32)
        self._last = Tracked(empty, empty.astype(bool), empty, None, 0.0, "lost")
        return self._last

    def _attention(self, view: View, evidence: Evidence) -> NDArray[np.floating]:
        """Where people look in a frame, (H, W), with a maximum of 1: what moves counts most."""
        settings, (height, width) = self.config.start, view.frame.shape[:2]
        moving = cv2.resize(evidence.moving, (width, height), interpolation=cv2.INTER_LINEAR)
        still = settings.still_weight
        weighted = view.saliency() * (still + (1 - still) * moving) ** settings.motion_exponent
        return np.asarray(weighted / weighted.max())

    def _set_template(
        self, frame: NDArray[np.uint8], target: NDArray[np.bool_], guidance: NDArray[np.floating], crop: Crop
    ) -> None:
        size = self.size
        if self.network.config.correlation == "depthwise":
            # "w/o. weighted pooling": a template of half the size, at the same scale (Sec. 4.4).
            size, crop = size // 2, Crop(crop.x, crop.y, crop.side / 2)
        guide = self._guidance_on(target, guidance)
        search = crop.take(frame, size)
        # The engine is for crops of the frames' size, and rounds on a GPU.
        own = size != self.size or self.device.type != "cpu"
        with torch.inference_mode():
            features = list(self.network.backbone(search.to(self.device)) if own else self.eyes.encode(search))
            mask = crop.take_map(target, size).to(self.device)
            hotspot = crop.take_map(guide, size // 8).to(self.device)
            kernels = self.network.template(features, mask, hotspot / hotspot.max().clamp_min(1e-6))
            if (memory := self.network.memory) is not None:
                first = remember(memory.cells(self.network.keys(features)), mask).cpu()
                self._remembered = Remembered(first, memory.config)
        self._kernels = [kernel.cpu() for kernel in (*kernels.mask, *kernels.hotspot)]

    def _redetect(self, view: View, evidence: Evidence) -> Crop | None:
        """Where to look closer for a lost target: around what is like it, further from its last place with every
        frame, at last in the whole frame. None if nothing is."""
        height, width = view.frame.shape[:2]
        whole = Crop(width / 2, height / 2, float(max(height, width)))
        wide = self._crop.interpolate(whole, min(1.0, self._lost_frames / self.config.lost.search_frames))
        network_mask, _ = self._infer(view, wide, near=False)
        evidence.observe(view.look(wide)[0], wide, network_mask.shape[-1])
        likely = evidence.redetect(network_mask)
        component = self._main_components(likely.numpy() > 0.5, likely.numpy())
        if component is None:
            return None
        return wide.to_frame(self._around(component), network_mask.shape[-1]).within(height, width)

    def _track(self, view: View, crop: Crop, evidence: Evidence) -> Tracked | None:
        """The target in the crop, and where to look in the next frame; None if it is not there."""
        search = view.look(crop)[0]
        network_mask, hotspot = self._infer(view, crop, near=not self._lost_frames)
        memory = self.network.config.memory
        if not isinstance(memory, str) and self._presence < memory.presence:
            return None
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
        height, width = view.frame.shape[:2]
        stride = self.config.edge_stride
        probability = crop.place(_refine_edges(mask, search, stride, self.config.edges), height, width)
        self._area += lost.area_rate * (area - self._area)
        self._crop = self._next_crop(crop.to_frame(self._around(component), size)).within(height, width)
        self._update_memory(mask)
        smooth, at = self._update_hotspot(view, crop, mask, hotspot, evidence)
        found = probability > 0.5
        return Tracked(probability, found, smooth, nearest_on_mask(found, at), score, "track")

    def _leaps(self, tracked: Tracked, evidence: Evidence) -> bool:
        """Whether the focal point goes on to something else: further than the target itself has moved, by far."""
        before = None if self._last is None else self._last.point
        if before is None or tracked.point is None:
            return False
        dx, dy = (now - past - shift for now, past, shift in zip(tracked.point, before, evidence.shift, strict=True))
        longer = self._crop.side / self.config.crop.context
        return float(np.hypot(dx, dy)) > self.config.hotspot.leap * longer

    def _update_hotspot(
        self, view: View, crop: Crop, mask: Tensor, hotspot: Tensor, evidence: Evidence
    ) -> tuple[NDArray[np.float32], tuple[float, float]]:
        """The hotspot's map and point, after the target's move and, where the view has it, a new map of EG-Net."""
        assert self._hotspot is not None
        self._hotspot.move(self._crop, evidence.shift)
        self._hotspot.update(crop, mask, hotspot, view.attended)
        return self._hotspot.render(crop, mask, *view.frame.shape[:2])

    def _infer(self, view: View, crop: Crop, near: bool = True) -> tuple[Tensor, Tensor]:
        """Probabilities of mask and hotspot in a crop's pixels: (h, w) at the network's output sizes. near: the crop is
        about where the target was last, so that places in the memory tell where to look."""
        features = view.look(crop)[1]
        remembered = [] if self._remembered is None else [self._remembered.frames, torch.tensor(float(near))]
        inputs = (*features, *remembered, *self._kernels)
        if self.eyes.decoder is None:
            self.eyes.decoder = Engine(_Step(self.network, len(features)), inputs, self.device)
        mask, hotspot, presence, *self._cells = (out.cpu() for out in self.eyes.decoder(*inputs))
        self._presence = float(presence[0])
        return mask[0, 0], hotspot[0, 0]

    def _update_memory(self, mask: Tensor) -> None:
        """The frame just seen is remembered, with the mask (h, w) that was found in it."""
        if self._remembered is not None:
            self._remembered.add(remember(self._cells[0], mask[None, None]))

    def _next_crop(self, crop: Crop) -> Crop:
        """The next crop, whose side changes slowly."""
        most, side = self.config.crop.side_change, self._crop.side
        return Crop(crop.x, crop.y, float(np.clip(crop.side, (1 - most) * side, (1 + most) * side)))

    def _around(self, mask: NDArray[np.bool_]) -> Crop:
        return Crop.around(mask, self.config.crop.context)

    def _guidance_on(self, target: NDArray[np.bool_], guidance: NDArray[np.floating]) -> NDArray[np.floating]:
        """The guidance on a target, (H, W); the target itself where there is next to none."""
        inside = guidance * target
        faint = inside.max() <= self.config.hotspot.gaze_floor * guidance.max()
        return target.astype(np.float32) if faint else inside

    def _main_components(self, mask: NDArray[np.bool_], weight: NDArray[np.floating]) -> NDArray[np.bool_] | None:
        return main_components(mask, weight, self.config.component_weight)


def _checked(gaze: NDArray[np.floating], frame: NDArray[np.uint8]) -> NDArray[np.floating]:
    """A saliency map (H, W) of a frame. Raises UsageError where it is not one."""
    if gaze.shape != frame.shape[:2]:
        raise UsageError(f"`gaze` is {gaze.shape}, the frame {frame.shape[:2]}; resize it")
    if not (np.isfinite(gaze).all() and gaze.min() >= 0):
        raise UsageError("`gaze` holds NaN or negative values; values from 0 on are expected")
    if not gaze.any():
        raise UsageError("`gaze` is zero everywhere; mark the target in it")
    return gaze


def _refine_edges(mask: Tensor, search: Tensor, stride: int, config: GuidedFilterConfig) -> Tensor:
    """A mask (h, w) at the size of the search crop (1, 3, H, W), following its edges. stride: of the filter's grid."""
    grid = search.shape[2] // stride, search.shape[3] // stride
    return guided_filter(resize(mask[None, None], grid), search, config)[0, 0].clamp(0, 1)
