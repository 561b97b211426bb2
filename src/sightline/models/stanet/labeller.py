"""Pseudo-fixations of a video whose tags are known, frame by frame: the pipeline of SCAM on real input."""

from __future__ import annotations

import copy
import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import torch
from torch import Tensor, nn

from sightline.errors import DataError
from sightline.models import weights
from sightline.models.base import Predictor
from sightline.models.stanet.config import ScamConfig
from sightline.models.stanet.loading import load_nets
from sightline.models.stanet.network import ScamNets
from sightline.models.stanet.scam import Box, Stage, StageMaps, crop_box, stage_maps, switched, tag_vector
from sightline.models.stanet.windows import Heard, fitted, listen, squares, with_neighbours
from sightline.nn import cam
from sightline.nn.backbones import Backbone
from sightline.nn.engine import Engine
from sightline.types import Clip, Frame, Prompt, SoundWindow, Step, VideoFrame

NOT_PREDICTED = "no net predicts the tag on the whole frame"
NOT_ON_CROP = "no net predicts the tag on the crop"
NO_BOX = "nothing stands out on the coarse map"
DONE = "done"


class _Seen(NamedTuple):
    """A frame with the two levels that the nets read, (1, C, h, w) each."""

    frame: VideoFrame
    level4: Tensor
    level5: Tensor


class Examined(NamedTuple):
    """What the nets of SCAM make of a frame.

    outcome: done, or why there is no map. steps: every map so far. maps: of the last stage that was reached, in `box`
    (x1, y1, x2, y2 in pixels of the frame).
    """

    frame: VideoFrame
    outcome: str
    steps: tuple[Step, ...]
    stage: Stage
    maps: StageMaps
    box: Box
    sound: SoundWindow | None

    def without_picture(self) -> Examined:
        """The same for keeping: without pixels and maps."""
        frame = VideoFrame(self.frame.index, self.frame.time_s, self.frame.pts, np.empty((0, 0, 3), np.uint8))
        maps = self.maps._replace(maps=self.maps.maps[..., :0], fused=self.maps.fused[..., :0])
        return self._replace(frame=frame, steps=(), maps=maps)

    def result(self, fused: Tensor | None, steps: Sequence[Step] = ()) -> Frame:
        """The frame with its pseudo-fixations; fused: (s, s), of the box; None for none."""
        height, width = self.frame.image.shape[:2]
        saliency = None if fused is None else cam.paste(fused, self.box, (height, width)).numpy()
        frame = self.frame
        return Frame(frame.index, frame.time_s, frame.image, saliency, sound=self.sound, steps=(*self.steps, *steps))


class Labeller(Predictor):
    """Pseudo-fixations, made by `tagged(tags)` for the videos with these tags.

    A frame that all nets take for something else gets none: its `saliency` is None, and `notes` counts it.
    """

    name = "scam"
    gives = frozenset({"saliency", "sound", "steps"})

    def __init__(self, folder: Path, device: torch.device, nets: ScamNets | None = None) -> None:
        self.nets = load_nets(folder) if nets is None else nets
        self.device = device
        self.weights_sha256 = self._sha256 = weights.sha256(folder)
        self.tags: tuple[str, ...] = ()
        self._engines: dict[torch.Size, Engine] = {}
        self._counts: Counter[str] = Counter()

    def tagged(self, tags: Sequence[str]) -> Self:
        """The labeller of videos with these tags. It shares the networks.

        Raises
        ------
        DataError
            No tag, a tag that the nets do not know, or several where they were trained for one.
        """
        config = self.nets.config
        unknown = [tag for tag in tags if tag not in config.tags]
        if unknown or not tags:
            raise DataError(
                f"{'tag ' + ', '.join(map(repr, unknown)) if unknown else 'no tag'}: the nets know "
                f"{', '.join(config.tags)}; mend the tag, or train nets that know it"
            )
        if len(set(tags)) > 1 and not config.several_tags:
            raise DataError(f"tags {', '.join(tags)}: the nets were trained for one tag a video; give one")
        other = copy.copy(self)
        other.tags = tuple(dict.fromkeys(tags))
        other.weights_sha256 = hashlib.sha256("\0".join((self._sha256, *other.tags)).encode()).hexdigest()
        other._counts = Counter()
        return other

    @property
    def notes(self) -> tuple[str, ...]:
        """See `Predictor.notes`: how many frames got no pseudo-fixations, and why."""
        counts, total = self._counts, self._counts.total()
        said = [f"{counts[reason]} of {total} frames have no map: {reason}" for reason in _REASONS if counts[reason]]
        if total and counts[NOT_PREDICTED] == total:
            said.append(f"no frame has a map of {', '.join(self.tags)}: the nets never predict it")
        return tuple(said)

    def stream(self, clip: Clip, prompt: Prompt) -> Iterator[Frame]:
        """Pseudo-fixations of a clip's frames, each looked at with its temporal neighbours."""
        self._counts.clear()
        for examined in self._examined(clip):
            self._counts[examined.outcome] += 1
            yield examined.result(examined.maps.fused[0] if examined.outcome == DONE else None)

    def _examined(self, clip: Clip) -> Iterator[Examined]:
        """What SCAM makes of each frame of a clip."""
        window = self.nets.config.window
        seen = map(self._see, clip.frames())
        for before, now, after in with_neighbours(seen, lambda item: item.frame.time_s, window.step_s):
            heard = listen(clip, now.frame.time_s, window.sound_s, self.nets.encoders.audio)
            with torch.inference_mode():
                examined = self._examine((before, now, after), heard)
            yield examined

    def _see(self, frame: VideoFrame) -> _Seen:
        level4, level5 = self._encode(fitted([frame.image], self.nets.config.coarse_size))
        return _Seen(frame, level4, level5)

    def _encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(N, 3, s, s) to levels 4 and 5."""
        if images.shape not in self._engines:
            self._engines[images.shape] = Engine(_Levels(self.nets.encoders.backbone), (images,), self.device)
        level4, level5 = self._engines[images.shape](images)
        return level4.cpu(), level5.cpu()

    def _examine(self, clip: tuple[_Seen, _Seen, _Seen], heard: Heard | None) -> Examined:
        nets, config = self.nets, self.nets.config
        now = clip[1].frame
        size = (now.image.shape[0], now.image.shape[1])
        tags = tag_vector(self.tags, config)
        audio, sound = self._hear(clip[1], heard)
        switch = torch.tensor([float(sound.switch)]) if sound is not None else torch.zeros(1)
        level4, level5 = (torch.cat(levels)[None] for levels in zip(*(seen[1:] for seen in clip), strict=True))
        coarse = stage_maps(nets, "coarse", level4, level5, audio, switch, tags)
        steps = _steps(coarse, "coarse", config, None)
        whole = Examined(now, DONE, steps, "coarse", coarse, (0, 0, size[1], size[0]), sound)
        if not _counts(coarse, config):
            return whole._replace(outcome=NOT_PREDICTED)
        if config.stage == "coarse":
            return whole
        box = crop_box(coarse.fused[0], size, config)
        if box is None:
            return whole._replace(outcome=NO_BOX)
        crops = squares([seen.frame.image for seen in clip], config.fine_size, box)
        level4, level5 = (level[None] for level in self._encode(crops))
        fine = stage_maps(nets, "fine", level4, level5, audio, switch, tags)
        return whole._replace(
            outcome=DONE if _counts(fine, config) else NOT_ON_CROP,
            steps=(*steps, *_steps(fine, "fine", config, box)),
            stage="fine",
            maps=fine,
            box=box,
        )

    def _hear(self, seen: _Seen, heard: Heard | None) -> tuple[Tensor, SoundWindow | None]:
        """(the sound's vector (1, A), what is said of it); zeros where nothing is heard."""
        nets = self.nets
        if heard is None:
            return torch.zeros(1, nets.encoders.audio.size), None
        audio = nets.encoders.hear(torch.from_numpy(heard.spectrogram)[None].float())
        match, tags, _ = nets.switch(seen.level4, seen.level5, audio)
        switch = switched(match, torch.ones(1), nets.config)
        score, tag = tags.softmax(dim=1)[0].max(dim=0)
        return audio, SoundWindow(
            heard.start_s,
            heard.end_s,
            bool(switch[0]),
            float(match.sigmoid()[0]),
            nets.config.tags[int(tag)],
            float(score),
        )


_REASONS = (NOT_PREDICTED, NO_BOX, NOT_ON_CROP)


def _counts(maps: StageMaps, config: ScamConfig) -> bool:
    """Whether any net counts. The plain average asks none for its confidence."""
    chosen = [config.nets.index(sources) for sources in config.maps]
    return config.fusion == "average" or bool((maps.confidences[chosen] > 0).any())


def _steps(maps: StageMaps, stage: Stage, config: ScamConfig, box: Box | None) -> tuple[Step, ...]:
    """Every map of a stage, and what is fused of them."""
    each = (
        Step(f"{stage} {sources}", float(maps.confidences[i, 0]), maps.maps[i, 0].numpy(), box)
        for i, sources in enumerate(config.nets)
    )
    return (*each, Step(f"{stage} SCAM", None, maps.fused[0].numpy(), box))


class _Levels(nn.Module):
    """What the nets read of a picture."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """images: (N, 3, H, W). Returns levels 4 and 5."""
        *_, level4, level5 = self.backbone(images)
        return level4, level5
