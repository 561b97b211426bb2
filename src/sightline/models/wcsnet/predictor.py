"""Predictors of the `wcsnet` folder: the whole system, and EG-Net alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import chain, islice
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from sightline.errors import UsageError
from sightline.models import weights
from sightline.models.base import Predictor
from sightline.models.exports import ExportPart
from sightline.models.wcsnet.config import Gaze2MaskConfig, TrackerConfig, WCSNetConfig
from sightline.models.wcsnet.evidence import FrameMotion, frame_motion
from sightline.models.wcsnet.exports import egnet_parts, wcsnet_parts
from sightline.models.wcsnet.gaze2mask import Gaze2Mask
from sightline.models.wcsnet.network import WCSNet
from sightline.models.wcsnet.targets import Targets
from sightline.models.wcsnet.tracker import Tracked, Tracker
from sightline.models.wcsnet.view import Eyes
from sightline.nn.egnet import EGNet, EGNetConfig, SaliencyEngine, picture_side, predict_saliency
from sightline.nn.motion import thumbnail
from sightline.types import Clip, Frame, Hotspot, Object, Prompt, Track, VideoFrame
from sightline.video import prefetch


def load_egnet(folder: Path) -> EGNet:
    """EG-Net from a weights folder. Raises WeightsError where it does not hold one."""
    return weights.build(EGNet, EGNetConfig, folder)


class EGNetPredictor(Predictor):
    """EG-Net on every frame by itself: the fixation map. A picture alone may have a larger input."""

    name = "egnet"
    gives = frozenset({"saliency"})

    def __init__(self, folder: Path, device: torch.device) -> None:
        self.network = load_egnet(folder)
        self.weights_sha256 = weights.sha256(folder)
        self.device = device
        self._gaze = SaliencyEngine(self.network, device)

    def export_parts(self, size: tuple[int, int]) -> tuple[ExportPart, ...]:
        """See `Predictor.export_parts`."""
        return egnet_parts(self.network, size)

    def saliency(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The fixation map of a picture (H, W, 3) uint8 RGB, as (H, W) float32 in [0, 1]."""
        return self._gaze(image, picture_side(self.network.config))

    def stream(self, clip: Clip, prompt: Prompt) -> Iterator[Frame]:
        """See `Predictor.stream`; every frame is looked at by itself, a single one as a picture."""
        frames = clip.frames()
        begin = list(islice(frames, 2))
        seen = self.saliency if len(begin) == 1 else self._gaze
        for frame in chain(begin, frames):
            yield Frame(frame.index, frame.time_s, frame.image, seen(frame.image))


class WCSNetPredictor(Predictor):
    """The whole system, with the EG-Net and Gaze2Mask-Net that its config names as parts."""

    name = "wcsnet"
    takes = frozenset({"point", "not_point", "box", "mask", "at_s", "objects"})
    gives = frozenset({"saliency", "probability", "masks", "hotspots"})

    def __init__(self, folder: Path, device: torch.device) -> None:
        self.device = device
        self._notes: tuple[str, ...] = ()
        self.network = weights.build(WCSNet, WCSNetConfig, folder)
        parts = self.network.config.parts
        egnet, gaze2mask = (weights.find_part(folder, name, parts) for name in ("egnet", "gaze2mask"))
        self.egnet = load_egnet(egnet)
        self.gaze2mask = weights.build(Gaze2Mask, Gaze2MaskConfig, gaze2mask)
        checksums = "".join(weights.sha256(part) for part in (folder, egnet, gaze2mask))
        self.weights_sha256 = hashlib.sha256(checksums.encode()).hexdigest()

    def export_parts(self, size: tuple[int, int]) -> tuple[ExportPart, ...]:
        """See `Predictor.export_parts`; crops are square, whatever the size of the frames."""
        return wcsnet_parts(self.network, self.gaze2mask, self.egnet)

    def tracker(self, eyes: Eyes | None = None) -> Tracker:
        """A new tracker, for online use: `start` with a saliency map, a point, a box, a mask or nothing, then `step`.

        eyes: those of another one of the same video, whose engines it takes.
        """
        return Tracker(self.network, self.gaze2mask, self.egnet, self.device, eyes)

    @property
    def notes(self) -> tuple[str, ...]:
        """Which objects of the last clip's prompt came too late for it."""
        return self._notes

    def stream(self, clip: Clip, prompt: Prompt) -> Iterator[Frame]:
        """Results of a clip's frames.

        A video's saliency is the tracked hotspot map; that of a single picture is EG-Net's. A target that the prompt
        gives is waited for where it leaves; without one EG-Net chooses it, anew where it stays lost, and always after a
        shot cut. Raises UsageError for a prompt that does not fit the frames, or of times after the last one alone.
        """
        settings, self._notes = self.network.config.tracker, ()
        frames = clip.frames()
        first, following = next(frames, None), list(islice(frames, settings.motion.lookahead))
        if first is None:
            return
        eyes = Eyes(self.network.backbone, self.egnet, self.network.config.input_size, self.device)
        targets = Targets(self.tracker, eyes, prompt.targets, 0.5 / clip.fps)
        found = targets.step(first.image, first.time_s, following=[frame.image for frame in following])
        alone = None if following else predict_saliency(first.image, self.egnet, picture_side(self.egnet.config))
        yield _frame(first, found, alone)
        last_s = first.time_s
        ahead = _ahead(first, chain(following, frames), settings, eyes)
        with closing(prefetch(ahead, 2)) as looked_at:  # on a thread of its own
            for frame, motion, saliency in looked_at:
                yield _frame(frame, targets.step(frame.image, frame.time_s, motion, saliency=saliency))
                last_s = frame.time_s
        late = [
            f"`at_s` {cue.at_s:g} of object {cue.number}: the clip ends at {last_s:.2f} s" for cue in targets.waiting
        ]
        if late and not targets.started:
            raise UsageError(f"{late[0]}; give an earlier time")
        self._notes = tuple(f"{text}, so it was left out" for text in late)


def _ahead(
    first: VideoFrame, frames: Iterable[VideoFrame], config: TrackerConfig, eyes: Eyes
) -> Iterator[tuple[VideoFrame, FrameMotion, NDArray[np.float32] | None]]:
    """The frames after the first with what needs no target: each one's motion, and EG-Net's map now and then."""
    before = thumbnail(first.image, config.motion.longer_side)
    for number, frame in enumerate(frames, start=1):
        motion = frame_motion(frame.image, before, config.motion)
        yield frame, motion, eyes.saliency(frame.image) if number % config.hotspot.interval == 0 else None
        before = motion.small


def _frame(frame: VideoFrame, found: dict[int, Tracked], saliency: NDArray[np.float32] | None = None) -> Frame:
    """The targets as one frame's result; `saliency` in the place of their hotspot maps."""
    (_, first), *others = found.items()
    probability, mask, hotspot = first.probability, np.zeros(first.mask.shape, np.uint8), first.hotspot
    for number, tracked in sorted(found.items(), key=lambda each: -int(each[1].mask.sum())):
        mask[tracked.mask] = number  # a smaller object is in front of a larger one
    for _, tracked in others:
        probability = np.maximum(probability, tracked.probability)
        hotspot = np.maximum(hotspot, tracked.hotspot)
    return Frame(
        frame.index,
        frame.time_s,
        frame.image,
        saliency=hotspot if saliency is None else saliency,
        probability=probability,
        mask=mask,
        hotspot=_hotspot(first),
        state=first.state,
        objects=tuple(_objects(mask, found)) if others else (),
        tracks=tuple(Track(number, each.state, _hotspot(each)) for number, each in found.items()) if others else (),
    )


def _hotspot(tracked: Tracked) -> Hotspot | None:
    return None if tracked.point is None else Hotspot(*tracked.point, tracked.score)


def _objects(mask: NDArray[np.uint8], found: dict[int, Tracked]) -> Iterator[Object]:
    for number, tracked in found.items():
        left, top, width, height = cv2.boundingRect((mask == number).astype(np.uint8))
        if width:
            yield Object(number, (left, top, left + width, top + height), tracked.score)
