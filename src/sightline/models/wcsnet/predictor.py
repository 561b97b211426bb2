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
from sightline.models.predictor import Predictor
from sightline.models.wcsnet.config import Gaze2MaskConfig, WCSNetConfig
from sightline.models.wcsnet.evidence import FrameMotion, frame_motion
from sightline.models.wcsnet.gaze2mask import Gaze2Mask
from sightline.models.wcsnet.network import WCSNet
from sightline.models.wcsnet.tracker import Tracked, Tracker
from sightline.nn.egnet import EGNet, EGNetConfig, SaliencyEngine, predict_saliency
from sightline.nn.motion import MotionConfig, thumbnail
from sightline.results.frame import Frame, Hotspot
from sightline.video import VideoFrame, prefetch

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
    outputs = frozenset({"saliency"})

    def __init__(self, folder: Path, device: torch.device) -> None:
        self.network = load_egnet(folder)
        self.weights_sha256 = weights.sha256(folder)
        self.device = device
        self._gaze = SaliencyEngine(self.network, device)

    def saliency(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The fixation map of a picture (H, W, 3) uint8 RGB, as (H, W) float32 in [0, 1]."""
        return self._gaze(image)

    def stream(self, frames: Iterable[VideoFrame]) -> Iterator[Frame]:
        for frame in frames:
            yield Frame(frame.index, frame.time_s, frame.image, self.saliency(frame.image))


class WCSNetPredictor(Predictor):
    """The whole system. EG-Net and Gaze2Mask-Net come from folders inside the model's, or are the shipped ones."""

    name = "wcsnet"
    outputs = frozenset({"saliency", "masks", "hotspots"})

    def __init__(self, folder: Path, device: torch.device) -> None:
        egnet, gaze2mask = (
            folder / part if (folder / part).is_dir() else weights.find_weights(part) for part in ("egnet", "gaze2mask")
        )
        self.device = device
        self.egnet = load_egnet(egnet)
        self.gaze2mask = _build(Gaze2Mask, Gaze2MaskConfig, gaze2mask)
        self.network = _build(WCSNet, WCSNetConfig, folder)
        parts = "".join(weights.sha256(part) for part in (folder, egnet, gaze2mask))
        self.weights_sha256 = hashlib.sha256(parts.encode()).hexdigest()

    def tracker(self) -> Tracker:
        """A new tracker, for online use: `start` with a gaze map, a point, a mask or nothing, then `step`."""
        return Tracker(self.network, self.gaze2mask, self.egnet, self.device)

    def stream(self, frames: Iterable[VideoFrame], point: tuple[float, float] | None = None) -> Iterator[Frame]:
        """A single picture gets EG-Net's fixation map as saliency; a video's is the tracked hotspot map.

        point: (x, y) in pixels of the first frame, on the target, which is waited for where it leaves; without one
        EG-Net chooses it, anew where it stays lost, and always after a shot cut. Raises UsageError for a point outside
        of the frame.
        """
        frames = iter(frames)
        first, following = next(frames, None), list(islice(frames, self.network.config.tracker.motion.lookahead))
        if first is None:
            return
        tracker = self.tracker()
        start = tracker.start(first.image, point=point, following=[frame.image for frame in following])
        yield _frame(first, start, None if following else predict_saliency(first.image, self.egnet))
        motions = _motions(first, chain(following, frames), self.network.config.tracker.motion)
        with closing(prefetch(motions, 2)) as moving:  # on a thread of its own
            for frame, motion in moving:
                yield _frame(frame, tracker.step(frame.image, motion))


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
    hotspot = None if tracked.point is None else Hotspot(*tracked.point, tracked.score)
    return Frame(
        frame.index,
        frame.time_s,
        frame.image,
        tracked.hotspot if saliency is None else saliency,
        tracked.mask.astype(np.uint8),
        hotspot,
        tracked.state,
    )
