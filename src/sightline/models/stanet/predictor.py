"""STANet on videos and pictures, one frame after the other, with the sound around it where there is some."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from sightline.models import weights
from sightline.models.base import Predictor
from sightline.models.stanet.config import STANetConfig
from sightline.models.stanet.loading import read_config
from sightline.models.stanet.network import STANet
from sightline.models.stanet.windows import Heard, fitted, listen, with_neighbours
from sightline.nn.blocks import resize
from sightline.nn.engine import Engine
from sightline.types import Clip, Frame, Prompt, SoundWindow, VideoFrame

EMPTY = 1e-6
"""Below this highest value a map is empty and is left as it is."""


class _Encoded(NamedTuple):
    """A frame after the part that needs no neighbours: see `_See`."""

    frame: VideoFrame
    level3: Tensor
    level4: Tensor
    level5: Tensor
    spatial: Tensor


class STANetPredictor(Predictor):
    """Where viewers look while they hear the sound. Memory does not grow with the video.

    Without a sound track, and where the sound is silent, the audio gate is closed. A picture alone is a clip of one
    frame.
    """

    name = "stanet"
    gives = frozenset({"saliency", "sound"})

    def __init__(self, folder: Path, device: torch.device) -> None:
        config = read_config(STANetConfig, folder)
        self.network = STANet(config).eval()
        weights.load_into(self.network, folder)
        self.weights_sha256 = weights.sha256(folder)
        self.device = device
        self._engines: dict[tuple[object, ...], Engine] = {}

    def stream(self, clip: Clip, prompt: Prompt) -> Iterator[Frame]:
        """See `Predictor.stream`; a frame waits for its neighbour after it."""
        window = self.network.config.window
        seen = map(self._see, clip.frames())
        for before, now, after in with_neighbours(seen, lambda item: item.frame.time_s, window.step_s):
            heard = listen(clip, now.frame.time_s, window.sound_s, self.network.encoders.audio)
            yield self._predict(torch.stack([item.spatial[0] for item in (before, now, after)])[None], now, heard)

    def _see(self, frame: VideoFrame) -> _Encoded:
        pixels = fitted([frame.image], self.network.config.input_size)
        return _Encoded(frame, *self._run("see", _See(self.network), pixels))

    def _predict(self, spatial: Tensor, now: _Encoded, heard: Heard | None) -> Frame:
        frame, config = now.frame, self.network.config
        audio, switch, sound = torch.zeros(1, self.network.encoders.audio.size), torch.zeros(1), None
        if heard is not None:
            spectrogram = torch.from_numpy(heard.spectrogram)[None].float()
            hear = _Hear(self.network)
            audio, match, tags = self._run("hear", hear, spectrogram, now.level4, now.level5)
            tag_score, tag = tags.softmax(dim=1)[0].max(dim=0)
            score = float(match.sigmoid()[0])
            on = not config.audio_switch or score > config.switch_threshold
            sound = SoundWindow(heard.start_s, heard.end_s, on, score, config.tags[int(tag)], float(tag_score))
            switch = torch.tensor([float(on)])
        (logits,) = self._run("decide", self.network, spatial, now.level3, now.level4, audio, switch)
        saliency = saliency_of(logits, (frame.image.shape[0], frame.image.shape[1]))[0, 0].numpy()
        return Frame(frame.index, frame.time_s, frame.image, saliency, sound=sound)

    def _run(self, name: str, network: nn.Module, *inputs: Tensor) -> list[Tensor]:
        key = (name, *(value.shape for value in inputs))  # an engine is for one size of pictures
        if key not in self._engines:
            self._engines[key] = Engine(network, inputs, self.device)
        return [output.cpu() for output in self._engines[key](*inputs)]


def saliency_of(logits: Tensor, size: tuple[int, int]) -> Tensor:
    """Logits (N, 1, h, w) as saliency maps (N, 1, *size) in [0, 1]: their sigmoid, divided by its maximum."""
    maps = resize(logits.sigmoid(), size)
    highest = maps.amax(dim=(2, 3), keepdim=True)
    return torch.where(highest > EMPTY, maps / highest.clamp_min(EMPTY), maps)


class _See(nn.Module):
    """What needs one frame alone."""

    def __init__(self, network: STANet) -> None:
        super().__init__()
        self.backbone, self.spatial = network.encoders.backbone, network.spatial

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """pixels: (1, 3, h, w). Returns levels 3 to 5 and S."""
        *_, level3, level4, level5 = self.backbone(pixels)
        return level3, level4, level5, self.spatial(level4, level5)


class _Hear(nn.Module):
    """The sound's vector, and what the audio switch says."""

    def __init__(self, network: STANet) -> None:
        super().__init__()
        self.audio, self.switch = network.encoders.audio, network.switch

    def forward(self, spectrogram: Tensor, level4: Tensor, level5: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """spectrogram: (1, bands, frames); level4, level5: (1, C, h, w). Returns (1, A), logits (1,) and (1, tags)."""
        vector = self.audio(spectrogram).vector
        return vector, *self.switch(level4, level5, vector)
