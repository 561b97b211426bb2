"""STANet's networks: the classification nets that pseudo-fixations come from, the audio switch, and STA (Fig. 6).

Backbone and audio encoder are shared by all nets of a model, and are not trained here: what differs between the nets is
what they make of the same features.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from sightline.models.stanet.config import NetConfig, ScamConfig, STANetConfig
from sightline.nn.audio import AudioEncoder, build_audio_encoder
from sightline.nn.audiovisual import FRAMES, Fusion, Sources, SpatialFeatures, TagNet
from sightline.nn.backbones import Backbone, build_backbone
from sightline.nn.blocks import RefinementBlock


class Levels(NamedTuple):
    """A backbone's last three levels, finest first: (N, C, H/8, W/8), (N, C, H/16, W/16), (N, C, H/32, W/32)."""

    level3: Tensor
    level4: Tensor
    level5: Tensor


class Encoders(nn.Module):
    """What all nets of a model look and listen with."""

    def __init__(self, config: NetConfig, backbone: Backbone | None, audio: AudioEncoder | None) -> None:
        super().__init__()
        self.backbone = backbone or build_backbone(config.backbone)
        self.audio = audio or build_audio_encoder(config.audio_encoder)
        self.requires_grad_(False)

    def train(self, mode: bool = True) -> Encoders:
        """Batch statistics stay those of the pretraining."""
        return super().train(False)

    def see(self, images: Tensor) -> Levels:
        """images: (N, 3, H, W), RGB in [0, 1]."""
        return Levels(*self.backbone(images)[2:])

    def hear(self, spectrogram: Tensor) -> Tensor:
        """spectrogram: (N, bands, frames) of the encoder's front end. Returns (N, A)."""
        return self.audio(spectrogram).vector


class AudioSwitch(nn.Module):
    """phi: whether the sound belongs to what is seen (Sec. 3.7), and which tag is heard.

    A net of the structure of SA with one output, trained on its own. heard: a linear classifier on the sound alone.
    """

    def __init__(self, config: NetConfig, channels: tuple[int, ...], audio_width: int) -> None:
        super().__init__()
        self.match = tag_net("SA", config, channels, audio_width, classes=1)
        self.heard = nn.Linear(audio_width, len(config.tags))

    def forward(self, level4: Tensor, level5: Tensor, audio: Tensor) -> tuple[Tensor, Tensor]:
        """level4, level5: (N, C, h, w) of one frame; audio: (N, A). Returns logits (N,) and (N, tags)."""
        on = torch.ones(len(audio), device=audio.device)
        both = (level[:, None].expand(-1, FRAMES, -1, -1, -1) for level in (level4, level5))
        return self.match(*both, audio, on)[0][:, 0], self.heard(audio)


def tag_net(
    sources: Sources, config: NetConfig, channels: tuple[int, ...], audio_width: int, classes: int | None = None
) -> TagNet:
    """A classification net of a config. classes: as many as tags where it is not given."""
    return TagNet(
        sources,
        channels,
        len(config.tags) if classes is None else classes,
        width=config.width,
        audio_width=audio_width,
        audio_fusion=config.audio_fusion,
    )


class ScamNets(nn.Module):
    """The classification nets of both stages, and the audio switch.

    coarse, fine: by sources. The fine ones are as the coarse ones, trained anew on crops (Sec. 4.2).
    """

    def __init__(self, config: ScamConfig, backbone: Backbone | None = None, audio: AudioEncoder | None = None) -> None:
        super().__init__()
        self.config = config
        self.encoders = Encoders(config, backbone, audio)
        channels, audio_width = self.encoders.backbone.channels, self.encoders.audio.size
        self.coarse, self.fine = (
            nn.ModuleDict({sources: tag_net(sources, config, channels, audio_width) for sources in config.nets})
            for _ in range(2)
        )
        self.switch = AudioSwitch(config, channels, audio_width)

    def confidences(self, logits: Tensor) -> Tensor:
        """Logits (N, tags) as confidences in (0, 1)."""
        return logits.sigmoid() if self.config.several_tags else logits.softmax(dim=1)


class STANet(nn.Module):
    """The STA network: Eq. 5 and a decoder that gives a fixation map.

    The decoder has three stages, at strides 16, 16 and 8, the last two with the backbone's levels beside them, as in
    the released code.
    """

    def __init__(
        self, config: STANetConfig, backbone: Backbone | None = None, audio: AudioEncoder | None = None
    ) -> None:
        super().__init__()
        self.config = config
        self.encoders = Encoders(config, backbone, audio)
        channels, audio_width = self.encoders.backbone.channels, self.encoders.audio.size
        self.switch = AudioSwitch(config, channels, audio_width)
        self.spatial = SpatialFeatures(channels, config.width)
        self.fusion = Fusion("STA", config.width, audio_width, config.audio_fusion)
        width = config.decoder_width
        self.block5 = RefinementBlock(config.width, width, deepest=True)
        self.block4 = RefinementBlock(channels[3], width)
        self.block3 = RefinementBlock(channels[2], width)
        self.head = nn.Conv2d(width, 1, 1)

    def forward(self, spatial: Tensor, level3: Tensor, level4: Tensor, audio: Tensor, switch: Tensor) -> Tensor:
        """The fixation map's logits.

        spatial: (N, 3, width, H/16, W/16), of `self.spatial`, of three frames; level3, level4: of the middle one;
        audio: (N, A); switch: (N,) in [0, 1]. Returns (N, 1, H/8, W/8).
        """
        return self.decode(self.fusion(spatial, audio, switch), level3, level4)

    def decode(self, fused: Tensor, level3: Tensor, level4: Tensor) -> Tensor:
        """The second half of `forward`. fused: (N, width, H/16, W/16), of `self.fusion`."""
        return self.head(self.block3([level3], self.block4([level4], self.block5([fused]))))
