"""STANet on videos and pictures, one frame after the other, with the sound around it where there is some."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from sightline.models import weights
from sightline.models.base import Predictor
from sightline.models.exports import ExportPart
from sightline.models.stanet.config import Output
from sightline.models.stanet.loading import load_stanet
from sightline.models.stanet.movement import Movement, Seen, seen
from sightline.models.stanet.network import AudioSwitch, STANet
from sightline.models.stanet.windows import Heard, fitted, listen, with_neighbours
from sightline.nn.blocks import resize
from sightline.nn.egnet import saliency_map
from sightline.nn.engine import Engine
from sightline.types import Clip, Frame, Prompt, SoundWindow, VideoFrame

EMPTY = 1e-6
"""Below this highest value a map is empty and is left as it is."""


class Encoded(NamedTuple):
    """A frame after the part that needs no neighbours: see `_See`."""

    frame: VideoFrame
    level3: Tensor
    level4: Tensor
    level5: Tensor
    spatial: Tensor
    small: Seen | None


class Moment(NamedTuple):
    """What STA reads of a frame. spatial: (1, 3, C, h, w), of the frame between its neighbours; audio: (1, A); switch:
    (1,); places: (1, 1, h, w), how well each matches what is heard, None where nothing is or no switch looks; more:
    what STA's config wants beside."""

    now: Encoded
    spatial: Tensor
    audio: Tensor
    switch: Tensor
    places: Tensor | None
    sound: SoundWindow | None
    more: tuple[Tensor, ...]

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """As `STANet.forward` takes them."""
        return self.spatial, self.now.level3, self.now.level4, self.audio, self.switch, *self.more


class STANetPredictor(Predictor):
    """Where viewers look while they hear the sound. Memory does not grow with the video.

    Without a sound track, and where the sound is silent, the audio gate is closed. A picture alone is a clip of one
    frame.
    """

    gives = frozenset({"saliency", "sound"})

    def __init__(self, folder: Path, device: torch.device) -> None:
        self.network = load_stanet(folder)
        self.name = self.network.config.model
        parts = self.network.config.parts
        own = weights.sha256(folder)
        both = "".join([own, *(part.sha256 for part in parts.values())])
        self.weights_sha256 = hashlib.sha256(both.encode()).hexdigest() if parts else own
        self.device = device
        self._engines: dict[tuple[object, ...], Engine] = {}

    def export_parts(self, size: tuple[int, int]) -> tuple[ExportPart, ...]:
        """See `Predictor.export_parts`."""
        from sightline.models.stanet.exports import stanet_parts

        return stanet_parts(self.network, size)

    def stream(self, clip: Clip, prompt: Prompt) -> Iterator[Frame]:
        """See `Predictor.stream`; a frame waits for its neighbour after it."""
        for moment in self._moments(clip):
            yield self._predict(moment)

    def _moments(self, clip: Clip) -> Iterator[Moment]:
        """What STA reads of each frame of a clip."""
        config = self.network.config
        encoded = map(self._see, clip.frames())
        movement = None if config.movement is None else Movement(config.movement)
        for before, now, after in with_neighbours(encoded, lambda item: item.frame.time_s, config.window.step_s):
            moment = self._moment(clip, before, now, after)
            if movement is not None and now.small is not None and before.small is not None:
                rate = self.network.encoders.audio.front_end.rate
                moved = torch.from_numpy(movement.follow(clip, now.small, before.small, rate))[None]
                moment = moment._replace(more=(*moment.more, moved))
            yield moment

    def _moment(self, clip: Clip, before: Encoded, now: Encoded, after: Encoded) -> Moment:
        """What STA reads of a frame, but for how things move as the sound does."""
        config, audio = self.network.config, self.network.encoders.audio
        heard = listen(clip, now.frame.time_s, config.window.sound_s, audio)
        vector, sound, places = (torch.zeros(1, audio.size), None, None) if heard is None else self._hear(now, heard)
        spatial = torch.stack([item.spatial[0] for item in (before, now, after)])[None]
        switch = torch.tensor([float(sound is not None and sound.switch)])
        more = (now.level5,) if config.egnet_decoder else ()
        return Moment(now, spatial, vector, switch, places, sound, more)

    def _see(self, frame: VideoFrame) -> Encoded:
        config = self.network.config
        pixels = fitted([frame.image], config.input_size)
        level3, level4, level5, spatial = self._run("see", _See(self.network), pixels)
        size = (pixels.shape[2], pixels.shape[3])
        small = None if config.movement is None else seen(frame, size, config.movement)
        return Encoded(frame, level3, level4, level5, spatial, small)

    def _predict(self, moment: Moment) -> Frame:
        frame = moment.now.frame
        (logits,) = self._run("decide", self.network, *moment.inputs)
        with torch.inference_mode():
            logits = self.network.add_matches(logits, moment.places, moment.switch)
        size = (frame.image.shape[0], frame.image.shape[1])
        saliency = saliency_of(logits, size, self.network.config.output)[0, 0].numpy()
        return Frame(frame.index, frame.time_s, frame.image, saliency, sound=moment.sound)

    def _hear(self, now: Encoded, heard: Heard) -> tuple[Tensor, SoundWindow, Tensor | None]:
        """(the sound's vector (1, A), what is said of it, the places that match it)."""
        config = self.network.config
        spectrogram = torch.from_numpy(heard.spectrogram)[None].float()
        if self.network.switch is None:
            (audio,) = self._run("hear", _Hear(self.network), spectrogram)
            return audio, SoundWindow(heard.start_s, heard.end_s, True, 1.0), None
        hear = _HearAndSwitch(self.network, self.network.switch)
        audio, match, tags, places = self._run("hear", hear, spectrogram, now.level4, now.level5)
        tag_score, tag = tags.softmax(dim=1)[0].max(dim=0)
        score = float(match.sigmoid()[0])
        on = not config.audio_switch or score > config.switch_threshold
        said = SoundWindow(heard.start_s, heard.end_s, on, score, config.tags[int(tag)], float(tag_score))
        return audio, said, places

    def _run(self, name: str, network: nn.Module, *inputs: Tensor) -> list[Tensor]:
        key = (name, *(value.shape for value in inputs))  # an engine is for one size of pictures
        if key not in self._engines:
            self._engines[key] = Engine(network, inputs, self.device)
        return [output.cpu() for output in self._engines[key](*inputs)]


def saliency_of(logits: Tensor, size: tuple[int, int], output: Output = "probability") -> Tensor:
    """Logits (N, 1, h, w) as saliency maps (N, 1, *size) in [0, 1], the maximum of each 1.

    The maps are the logits' sigmoid, or, of a density, their softmax over the places. One that is 0 nearly everywhere
    stays as it is.
    """
    if output == "density":
        return saliency_map(logits, size)
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
    """The sound's vector."""

    def __init__(self, network: STANet) -> None:
        super().__init__()
        self.audio = network.encoders.audio

    def forward(self, spectrogram: Tensor) -> Tensor:
        """spectrogram: (1, bands, frames). Returns (1, A)."""
        return self.audio(spectrogram).vector


class _HearAndSwitch(_Hear):
    """The sound's vector, and what the audio switch says."""

    def __init__(self, network: STANet, switch: AudioSwitch) -> None:
        super().__init__(network)
        self.switch = switch

    def forward(self, spectrogram: Tensor, level4: Tensor, level5: Tensor) -> tuple[Tensor, ...]:  # type: ignore[override]  # it looks, too
        """spectrogram: (1, bands, frames); level4, level5: (1, C, h, w). Returns (1, A), and see `AudioSwitch`."""
        vector = super().forward(spectrogram)
        return vector, *self.switch(level4, level5, vector)
