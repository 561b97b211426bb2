"""Predictors of the `wcsnet` folder: the whole system, and EG-Net alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import chain, islice
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ValidationError
from torch import nn

from sightline.errors import WeightsError
from sightline.models import weights
from sightline.models.base import Predictor
from sightline.models.wcsnet.config import Gaze2MaskConfig, WCSNetConfig
from sightline.models.wcsnet.evidence import FrameMotion, frame_motion
from sightline.models.wcsnet.gaze2mask import Gaze2Mask
from sightline.models.wcsnet.network import WCSNet
from sightline.models.wcsnet.tracker import Tracked, Tracker
from sightline.nn.egnet import EGNet, EGNetConfig, SaliencyEngine, predict_saliency
from sightline.nn.motion import MotionConfig, thumbnail
from sightline.types import Box, Clip, Frame, Hotspot, Prompt, VideoFrame
from sightline.video import prefetch

C = TypeVar("C", bound=BaseModel)
N = TypeVar("N", bound=nn.Module)


def _build(network: type[N], config: type[C], folder: Path) -> N:
    """A network with the weights of a folder. Raises WeightsError where its config.json does not describe it."""
    try:
        settings = config.model_validate(weights.read_config(folder))
    except ValidationError as error:
        problem = error.errors()[0]
        raise WeightsError(
            f"{folder / 'config.json'}: {'.'.join(map(str, problem['loc']))}: {problem['msg']}"
        ) from None
    built = network(settings)
    weights.load_into(built, folder)
    return built.eval()


def load_egnet(folder: Path) -> EGNet:
    """EG-Net from a weights folder. Raises WeightsError where it does not hold one."""
    return _build(EGNet, EGNetConfig, folder)


class EGNetPredictor(Predictor):
    """EG-Net on every frame by itself: the fixation map."""

    name = "egnet"
    gives = frozenset({"saliency"})

    def __init__(self, folder: Path, device: torch.device) -> None:
        self.network = load_egnet(folder)
        self.weights_sha256 = weights.sha256(folder)
        self.device = device
        self._gaze = SaliencyEngine(self.network, device)

    def saliency(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The fixation map of a picture (H, W, 3) uint8 RGB, as (H, W) float32 in [0, 1]."""
        return self._gaze(image)

    def stream(self, clip: Clip, prompt: Prompt) -> Iterator[Frame]:
        """See `Predictor.stream`; every frame is looked at by itself."""
        for frame in clip.frames():
            yield Frame(frame.index, frame.time_s, frame.image, self.saliency(frame.image))


class WCSNetPredictor(Predictor):
    """The whole system, with the EG-Net and Gaze2Mask-Net that its config names as parts."""

    name = "wcsnet"
    takes = frozenset({"point", "box", "mask"})
    gives = frozenset({"saliency", "probability", "masks", "hotspots"})

    def __init__(self, folder: Path, device: torch.device) -> None:
        self.device = device
        self.network = _build(WCSNet, WCSNetConfig, folder)
        parts = self.network.config.parts
        egnet, gaze2mask = (weights.find_part(folder, name, parts) for name in ("egnet", "gaze2mask"))
        self.egnet = load_egnet(egnet)
        self.gaze2mask = _build(Gaze2Mask, Gaze2MaskConfig, gaze2mask)
        checksums = "".join(weights.sha256(part) for part in (folder, egnet, gaze2mask))
        self.weights_sha256 = hashlib.sha256(checksums.encode()).hexdigest()

    def tracker(self) -> Tracker:
        """A new tracker, for online use: `start` with a gaze map, a point, a mask or nothing, then `step`."""
        return Tracker(self.network, self.gaze2mask, self.egnet, self.device)

    def stream(self, clip: Clip, prompt: Prompt) -> Iterator[Frame]:
        """Results of a clip's frames.

        A video's saliency is the tracked hotspot map; that of a single picture is EG-Net's. A target that the prompt
        gives is waited for where it leaves; without one EG-Net chooses it, anew where it stays lost, and always after a
        shot cut. Raises UsageError for a prompt that does not fit the frames.
        """
        settings = self.network.config.tracker
        frames = clip.frames()
        first, following = next(frames, None), list(islice(frames, settings.motion.lookahead))
        if first is None:
            return
        tracker = self.tracker()
        mask = prompt.mask if prompt.box is None else _object_in(prompt.box, first.image, tracker)
        start = tracker.start(
            first.image, point=prompt.point, mask=mask, following=[frame.image for frame in following]
        )
        yield _frame(first, start, None if following else predict_saliency(first.image, self.egnet))
        motions = _motions(first, chain(following, frames), settings.motion)
        with closing(prefetch(motions, 2)) as moving:  # on a thread of its own
            for frame, motion in moving:
                yield _frame(frame, tracker.step(frame.image, motion))


def _object_in(box: Box, image: NDArray[np.uint8], tracker: Tracker) -> NDArray[np.bool_]:
    """The mask (H, W) of what a box holds: Gaze2Mask-Net's, guided by the box; the box itself where that is empty."""
    rows, columns = np.indices(image.shape[:2]) + 0.5
    x1, y1, x2, y2 = box
    inside = (columns > x1) & (columns < x2) & (rows > y1) & (rows < y2)
    inside[int(max(y1, 0)), int(max(x1, 0))] |= not inside.any()  # a box of less than a pixel
    # The object fills the middle of its box, and its corners hardly ever.
    across, down = (columns - (x1 + x2) / 2) / (x2 - x1), (rows - (y1 + y2) / 2) / (y2 - y1)
    sigma = tracker.network.config.tracker.start.box_sigma
    guide = np.exp(-(across**2 + down**2) / (2 * sigma**2)) * inside
    found = tracker.segment(image, guide.astype(np.float32)) & inside
    return found if found.any() else inside


def _motions(
    first: VideoFrame, frames: Iterable[VideoFrame], config: MotionConfig
) -> Iterator[tuple[VideoFrame, FrameMotion]]:
    """The frames after the first, each with its motion."""
    before = thumbnail(first.image, config.longer_side)
    for frame in frames:
        motion = frame_motion(frame.image, before, config)
        yield frame, motion
        before = motion.small


def _frame(frame: VideoFrame, tracked: Tracked, saliency: NDArray[np.float32] | None = None) -> Frame:
    return Frame(
        frame.index,
        frame.time_s,
        frame.image,
        saliency=tracked.hotspot if saliency is None else saliency,
        probability=tracked.probability,
        mask=tracked.mask.astype(np.uint8),
        hotspot=None if tracked.point is None else Hotspot(*tracked.point, tracked.score),
        state=tracked.state,
    )
