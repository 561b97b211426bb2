"""The networks of STANet as they are exported."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sightline.models.exports import ExportPart, Input, picture
from sightline.models.stanet.movement import CHANNELS
from sightline.models.stanet.network import STANet
from sightline.models.stanet.predictor import _Hear, _HearAndSwitch, _See
from sightline.models.stanet.windows import input_shape

LEVELS = ("level3", "level4", "level5")


class _Decide(nn.Module):
    """STA, from the features of three frames as three inputs."""

    def __init__(self, network: STANet) -> None:
        super().__init__()
        self.network = network

    def forward(self, before: Tensor, now: Tensor, after: Tensor, *rest: Tensor) -> Tensor:
        """before, now, after: (1, C, h, w); rest: as `STANet.forward` takes it from level3 on. Returns logits."""
        logits: Tensor = self.network(torch.stack([before, now, after], dim=1), *rest)
        return logits


def stanet_parts(network: STANet, size: tuple[int, int]) -> tuple[ExportPart, ...]:
    """What needs a frame alone, what needs the sound, and the map of a frame between its neighbours.

    size: (height, width) of the pictures.
    """
    config, audio = network.config, network.encoders.audio
    height, width = input_shape(size, config.input_size)
    front, window = audio.front_end, round(config.window.sound_s * audio.front_end.rate)
    about = f"spectrogram of {config.window.sound_s:g} s around the frame at {front.rate} Hz, {front}"
    spectrogram = Input("spectrogram", about, (1, *front.size(window)))
    heard = {"audio": "the sound's vector"}
    seen = [Input(name, f"{name} of the backbone", (), f"see.{name}") for name in LEVELS]
    hear: nn.Module = _Hear(network)
    if network.switch is not None:
        hear = _HearAndSwitch(network, network.switch)
        heard |= {
            "match": "logit that the sound belongs to what is seen",
            "tags": f"logits of {', '.join(config.tags)}",
            "places": "logits of how well each place matches what is heard",
        }
    movement = Input("movement", "how things move as the sound does", (1, CHANNELS, height // 8, width // 8))
    return (
        ExportPart(
            "see",
            "what needs one frame alone",
            _See(network).eval(),
            (picture((height, width)),),
            {name: f"{name} of the backbone" for name in LEVELS} | {"spatial": "the features that STA fuses"},
        ),
        ExportPart(
            "hear",
            "the sound around a frame" + (", and whether it belongs to what is seen" if network.switch else ""),
            hear.eval(),
            (spectrogram, *(seen[1:] if network.switch else ())),
            heard,
        ),
        ExportPart(
            "decide",
            "where viewers look in a frame, by its features and those of the frames before and after",
            _Decide(network).eval(),
            (
                *(Input(name, f"spatial features of the frame {name}", (), "see.spatial") for name in TIMES),
                *seen[:2],
                Input("audio", "the sound's vector; zeros where there is no sound", (), "hear.audio"),
                Input("switch", "1 where the sound counts, 0 elsewhere", (1,)),
                *([seen[2]] if config.egnet_decoder else []),
                *([movement] if config.movement is not None else []),
            ),
            {"logits": f"of where viewers look; as maps, their {OUTPUTS[config.output]}"},
        ),
    )


TIMES = ("before", "now", "after")
OUTPUTS = {"probability": "sigmoid", "density": "softmax over the places"}
