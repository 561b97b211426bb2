"""EGCNet on videos and pictures, one frame after the other, with or without an eye tracker."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from sightline.models import weights
from sightline.models.base import Predictor
from sightline.models.egcnet.config import EGCNetConfig
from sightline.models.egcnet.hotspot import HotspotTrack
from sightline.models.egcnet.network import EGCNet, Memory, Winner
from sightline.models.egcnet.refinement import affinity, refine_mask
from sightline.models.egcnet.slq import Queries
from sightline.models.egcnet.trail import FixationTrail
from sightline.models.exports import ExportPart
from sightline.nn.blocks import resize
from sightline.nn.engine import Engine
from sightline.nn.guided import guided_filter
from sightline.nn.motion import Motion, MotionCue
from sightline.nn.shots import ShotCuts
from sightline.types import Clip, Frame, Hotspot, Prompt, State, VideoFrame
from sightline.video import prefetch


class _Shot:
    """What is remembered of a shot so far."""

    def __init__(self, config: EGCNetConfig) -> None:
        self.memory: Memory | None = None
        self.trail = FixationTrail(config.fixations)
        self.track = HotspotTrack(config.hotspot)
        self.age = 0
        self.found = False


class EGCNetPredictor(Predictor):
    """Masks of the object that people look at. Memory does not grow with the video."""

    name = "egcnet"
    takes = frozenset({"fixations"})
    gives = frozenset({"saliency", "probability", "masks", "hotspots"})

    def __init__(self, folder: Path, device: torch.device) -> None:
        self.network = weights.build(EGCNet, EGCNetConfig, folder)
        self.weights_sha256 = weights.sha256(folder)
        self.device = device
        self._steps: dict[torch.Size, Engine] = {}

    def export_parts(self, size: tuple[int, int]) -> tuple[ExportPart, ...]:
        """See `Predictor.export_parts`."""
        from sightline.models.egcnet.exports import egcnet_parts

        return egcnet_parts(self.network, size)

    def stream(self, clip: Clip, prompt: Prompt) -> Iterator[Frame]:
        """Results of a clip's frames.

        Fixations of the last half second count too, less with every frame; where nobody has looked for longer, and
        without any, the network's own fixation head stands in.
        """
        frames = clip.frames()
        config = self.network.config
        cuts, shot, last_s = ShotCuts(config.shots), _Shot(config), 0.0
        waiting: deque[VideoFrame] = deque()  # the motion cue looks a few frames ahead

        def images() -> Iterator[NDArray[np.uint8]]:
            for frame in frames:
                waiting.append(frame)
                yield frame.image

        motions = prefetch(MotionCue(config.motion).over(images()), 2)  # beside the network, on a thread of its own
        with closing(motions) as moving:
            for image, motion in moving:
                frame = waiting.popleft()
                if cuts.is_cut(image):
                    shot = _Shot(config)
                points = (prompt.fixations or {}).get(frame.index, np.empty((0, 2)))
                shot.trail.step(points / image.shape[1::-1], motion.flow, frame.time_s - last_s)
                last_s = frame.time_s
                yield self._step(frame, motion, shot)

    def _step(self, frame: VideoFrame, motion: Motion, shot: _Shot) -> Frame:
        """The next frame's result; `shot` goes on to it."""
        height, width = frame.image.shape[:2]
        pixels = pixels_of(frame.image, input_size(height, width, self.network.config.input_size))
        grid = (pixels.shape[2] // 8, pixels.shape[3] // 8)
        density = shot.trail.density(grid)
        recorded = torch.zeros(1, 1, *grid) if density is None else density
        memory = shot.memory or self.network.empty_memory(1, (grid[0] // 4, grid[1] // 4))
        moving = Image.fromarray(motion.independent).resize(grid[::-1], Image.Resampling.BILINEAR)
        inputs = (
            pixels,
            torch.from_numpy(np.array(moving, dtype=np.float32))[None, None],
            recorded,
            torch.tensor([0.0 if density is None else 1.0]),
            *memory,
        )
        if pixels.shape not in self._steps:
            self._steps[pixels.shape] = Engine(_Step(self.network), inputs, self.device)
        winner, recalled, looked, terms, masks, *remembered = (x.cpu() for x in self._steps[pixels.shape](*inputs))
        guess = probability_of(winner, pixels, inputs[1], looked, recalled, self.network.config)
        probability = resize(guess, (height, width))[0, 0].numpy()
        mask = (probability >= 0.5).astype(np.uint8)
        saliency = resize(looked / looked.max(), (height, width))[0, 0].numpy()
        semantic, locality, score, total = terms[0].numpy()
        point = shot.track.step(looked[0, 0].numpy(), mask, motion.flow)
        state: State = "lost" if point is None else "track" if shot.found else "start"
        if shot.age % self.network.config.recall.interval == 0:
            memory = memory.push(Winner(*remembered).with_mask(guess))
        shot.memory, shot.age, shot.found = memory, shot.age + 1, shot.found or point is not None
        return Frame(
            frame.index,
            frame.time_s,
            frame.image,
            saliency=saliency,
            probability=probability,
            mask=mask,
            hotspot=None if point is None else Hotspot(*point, float(probability[int(point[1]), int(point[0])])),
            state=state,
            details=Queries(int(total.argmax()), semantic, locality, score, total, masks[0].sigmoid().numpy()),
        )


def probability_of(
    winner: Tensor, images: Tensor, motion: Tensor, density: Tensor, recalled: Tensor, config: EGCNetConfig
) -> Tensor:
    """The map (N, 1, H, W) in [0, 1] that the winner's logits become.

    winner: (N, 1, H/4, W/4); images: (N, 3, H, W) and motion: (N, 1, h, w), both in [0, 1]; density and recalled:
    (N, 1, H/8, W/8), as in Decision.
    """
    size, settings = winner.shape[-2:], config.mask
    small, moving = nn.functional.avg_pool2d(images, 4), resize(motion, size)
    relative = density / density.amax(dim=(2, 3), keepdim=True)
    # At most 0: on an object no place is better for being looked at more.
    distance = 1 + resize((relative + settings.distance_floor).log(), size).clamp_max(-1)
    log_odds = settings.recall * resize(recalled, size) + settings.distance * distance
    affinities = affinity(small, moving, config.refinement)
    mask = refine_mask(winner.sigmoid(), small, moving, affinities, config.refinement, log_odds, settings.size)
    above = guided_filter(mask, images, settings.edges).clamp(0, 1) - 0.5
    return 0.5 + 0.5 * torch.tanh(settings.steepness * above) / math.tanh(settings.steepness / 2)


class _Step(nn.Module):
    """The whole network on one frame, with plain tensors in and out."""

    def __init__(self, network: EGCNet) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, pixels: Tensor, motion: Tensor, recorded: Tensor, has_recorded: Tensor, *memory: Tensor
    ) -> tuple[Tensor, ...]:
        decision = self.network.decide(self.network.encode(pixels), motion, recorded, has_recorded, Memory(*memory))
        terms = torch.stack(list(decision.competition), dim=1)
        return decision.winner, decision.recalled, decision.density, terms, decision.masks, *decision.remembered


def input_size(height: int, width: int, side: int) -> tuple[int, int]:
    """The network's input (height, width) for a picture: its proportions, the area of a square of `side`, in multiples
    of 32 (so that 16:9 has the size of training); no side is longer than four squares."""
    scale = side / math.sqrt(height * width)
    sides = (math.ceil(length * scale / 32 - 0.4) * 32 for length in (height, width))
    tall, wide = (min(max(32, length), 4 * side) for length in sides)
    return tall, wide


def pixels_of(image: NDArray[np.uint8], size: tuple[int, int]) -> Tensor:
    """A picture (H, W, 3) uint8 RGB as the network's input (1, 3, *size) in [0, 1]."""
    small = Image.fromarray(image).resize(size[::-1], Image.Resampling.BILINEAR)
    return torch.from_numpy(np.array(small).transpose(2, 0, 1).astype(np.float32))[None].div_(255)
