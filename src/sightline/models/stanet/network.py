"""STANet's networks: the classification nets that pseudo-fixations come from, the audio switch, and STA (Fig. 6).

Backbone and audio encoder are shared by all nets of a model, and are not trained here: what differs between the nets is
what they make of the same features.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from sightline.errors import UsageError
from sightline.models.stanet.config import NetConfig, ScamConfig, STANetConfig
from sightline.models.stanet.movement import CHANNELS
from sightline.nn.audio import AudioEncoder, build_audio_encoder
from sightline.nn.audiovisual import Fusion, Sources, SpatialFeatures, TagNet
from sightline.nn.backbones import Backbone, build_backbone
from sightline.nn.blocks import RefinementBlock, Shift, resize
from sightline.nn.egnet import PRIOR_SIZE, EGNet


class Levels(NamedTuple):
    """A backbone's last three levels, finest first: (N, C, H/8, W/8), (N, C, H/16, W/16), (N, C, H/32, W/32)."""

    level3: Tensor
    level4: Tensor
    level5: Tensor


class Encoders(nn.Module):
    """What all nets of a model look and listen with.

    borrowed: the backbone is that of another model, and no part of these weights.
    """

    def __init__(
        self, config: NetConfig, backbone: Backbone | None, audio: AudioEncoder | None, borrowed: bool = False
    ) -> None:
        super().__init__()
        self.backbone: Backbone
        eyes = (backbone or build_backbone(config.backbone)).requires_grad_(False).eval()
        if borrowed:
            object.__setattr__(self, "backbone", eyes)  # past Module's own, so that it is no part of the state
        else:
            self.backbone = eyes
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
    """phi: whether the sound belongs to what is seen (Sec. 3.7), where that is, and which tag is heard.

    A place matches a sound as far as it shows the tags that are heard; the sound belongs to the picture where some
    place matches better than it would match other sounds. Trained on its own.
    """

    def __init__(self, config: NetConfig, backbone: Backbone, audio_width: int) -> None:
        super().__init__()
        self.spatial = SpatialFeatures(backbone.channels, config.width, config.dropout, backbone.shift(5, beside=4))
        self.seen = nn.Conv2d(config.width, len(config.tags), 1)
        self.heard = nn.Sequential(
            nn.LayerNorm(audio_width, elementwise_affine=False), nn.Linear(audio_width, len(config.tags))
        )
        self.base = nn.Parameter(torch.zeros(()))

    def forward(self, level4: Tensor, level5: Tensor, audio: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """level4, level5: (N, C, h, w) of one frame; audio: (N, A).

        Returns logits of the match (N,), logits of the tags that are heard (N, tags), and of each place's match
        (N, 1, h, w)."""
        heard, places = self.heard(audio), self.places(level4, level5)
        return self.belongs(places, heard), heard, match(places, heard)

    def places(self, level4: Tensor, level5: Tensor) -> Tensor:
        """Which tags each place shows: logits (N, tags, h, w)."""
        shown: Tensor = self.seen(self.spatial(level4, level5).relu())
        return shown

    def belongs(self, places: Tensor, heard: Tensor) -> Tensor:
        """Logits of the match (N,) from those of `places` and of what is heard (N, tags).

        Compared with the other tags, and with none: pictures differ in how surely anything is seen in them."""
        seen = pool(places)
        others = seen.sum(dim=1) / (seen.shape[1] + 1)
        return (seen * heard.detach().softmax(dim=1)).sum(dim=1) - others + self.base


def match(places: Tensor, heard: Tensor) -> Tensor:
    """How well each place of `AudioSwitch.places` matches what is heard, logits (N, tags): (N, 1, h, w)."""
    return torch.einsum("nkhw,nk->nhw", places, heard.detach().softmax(dim=1))[:, None]


POOLING = 2.0
"""Sharpness of `pool`: 0 is the mean of all places, infinity their maximum. An object covers a twentieth of a frame."""


def pool(places: Tensor) -> Tensor:
    """Logits of places (N, C, h, w) as one of the whole, (N, C): a soft maximum."""
    count = places.shape[-1] * places.shape[-2]
    return ((POOLING * places).flatten(2).logsumexp(dim=2) - math.log(count)) / POOLING


def tag_net(sources: Sources, config: NetConfig, backbone: Backbone, audio_width: int) -> TagNet:
    """A classification net of a config."""
    return TagNet(
        sources,
        backbone.channels,
        len(config.tags),
        width=config.width,
        audio_width=audio_width,
        audio_fusion=config.audio_fusion,
        dropout=config.dropout,
        shift=backbone.shift(5, beside=4),
    )


class ScamNets(nn.Module):
    """The classification nets of both stages, and the audio switch.

    coarse, fine: by sources. The fine ones are as the coarse ones, trained anew on crops (Sec. 4.2).
    """

    def __init__(self, config: ScamConfig, backbone: Backbone | None = None, audio: AudioEncoder | None = None) -> None:
        super().__init__()
        self.config = config
        self.encoders = Encoders(config, backbone, audio)
        eyes, audio_width = self.encoders.backbone, self.encoders.audio.size
        self.coarse, self.fine = (
            nn.ModuleDict({sources: tag_net(sources, config, eyes, audio_width) for sources in config.nets})
            for _ in range(2)
        )
        self.switch = AudioSwitch(config, eyes, audio_width)

    def confidences(self, logits: Tensor) -> Tensor:
        """Logits (N, tags) as confidences in (0, 1)."""
        return logits.sigmoid() if self.config.several_tags else logits.softmax(dim=1)


class STANet(nn.Module):
    """The STA network: Eq. 5 and a decoder that gives a fixation map.

    switch: None where the config has no tags; all sound counts then. The decoder has three stages, at strides 16, 16
    and 8, the last two with the backbone's levels beside them, as in the released code. With a switch, what matches the
    sound is added to the logits (`add_matches`): a residual path, so that what is heard need not find its way through a
    decoder that knows what objects look like.
    """

    def __init__(
        self, config: STANetConfig, backbone: Backbone | None = None, audio: AudioEncoder | None = None
    ) -> None:
        super().__init__()
        self.config = config
        self.lent: frozenset[str] = frozenset()
        self.encoders = Encoders(config, backbone, audio, borrowed="egnet" in config.parts)
        eyes, audio_width = self.encoders.backbone, self.encoders.audio.size
        channels = eyes.channels
        self.switch = AudioSwitch(config, eyes, audio_width) if config.tags else None
        # EG-Net's backbone and decoder were trained together, and know where their levels look; the others are told.
        none: Shift = (0.0, 0.0)
        of_5, of_4, of_3 = eyes.shift(5, beside=4), eyes.shift(4, beside=3), eyes.shift(3)
        if config.egnet_decoder:
            of_5, of_4, of_3 = none, none, none
        self.spatial = SpatialFeatures(channels, config.width, config.dropout, of_5)
        self.fusion = Fusion("STA", config.width, audio_width, config.audio_fusion)
        width = config.decoder_width
        self.block5 = RefinementBlock(channels[4] if config.egnet_decoder else config.width, width, deepest=True)
        self.block4 = RefinementBlock(channels[3] + (config.width if config.egnet_decoder else 0), width)
        self.block3 = RefinementBlock(channels[2] + (CHANNELS if config.movement else 0), width, shift=of_4)
        self.shift = of_3
        self.head = nn.Conv2d(width, 1, 1)
        self.matches = nn.Conv2d(1, 1, 1) if config.tags else None
        if self.matches is not None:
            for parameter, value in zip(self.matches.parameters(), (1.0, 0.0), strict=True):  # weight, bias
                nn.init.constant_(parameter, value)
        self.prior = nn.Parameter(torch.zeros(1, 1, *PRIOR_SIZE)) if config.centre_prior else None

    def borrow(self, trunk: Mapping[str, Tensor]) -> bool:
        """Look with another model's backbone as far as it is the same, from its tensors; whether they were the same.

        What is borrowed is left out where the network is saved (`lent`).
        """
        own = self.encoders.backbone.state_dict()
        found = {name: value for name, value in trunk.items() if name in own and own[name].shape == value.shape}
        was_same = all(torch.equal(own[name], value.to(own[name].dtype)) for name, value in found.items())
        self.encoders.backbone.load_state_dict(own | found)
        self.lent = frozenset(f"encoders.backbone.{name}" for name in found)
        return was_same

    def begin_with(self, egnet: EGNet) -> None:
        """Take over EG-Net's decoder. What it does not have, fused features and movement, counts nothing at first.

        Raises UsageError where the decoder is another, or of another width.
        """
        if not self.config.egnet_decoder or egnet.config.width != self.config.decoder_width:
            raise UsageError(
                f"`network`: egnet_decoder true and decoder_width {egnet.config.width} are needed, as the EG-Net has it"
            )
        added = {"block5": 0, "block4": self.config.width, "block3": CHANNELS if self.config.movement else 0}
        for (name, more), seen in zip(added.items(), egnet.backbone.channels[:1:-1], strict=True):
            held = egnet.get_submodule(name).state_dict()
            weight = held["conv3.weight"]
            none = weight.new_zeros(weight.shape[0], more, *weight.shape[2:])
            held["conv3.weight"] = torch.cat([weight[:, :seen], none, weight[:, seen:]], dim=1)
            self.get_submodule(name).load_state_dict(held)
        self.head.load_state_dict(egnet.head.state_dict())
        if self.prior is not None:
            self.prior.data.copy_(egnet.prior.data)

    def switched(self, level4: Tensor, level5: Tensor, audio: Tensor, sound: Tensor) -> tuple[Tensor, Tensor | None]:
        """The audio switch as 0 or 1, (N,), and the places that match the sound, (N, 1, h, w); None without a switch.

        level4, level5: (N, C, h, w) of one frame; audio: (N, A); sound: (N,) of 0 and 1, whether anything is heard.
        """
        if self.switch is None:
            return sound, None
        matches, _, places = self.switch(level4, level5, audio)
        if not self.config.audio_switch:
            return sound, places
        return sound * (matches.sigmoid() > self.config.switch_threshold).float(), places

    def add_matches(self, logits: Tensor, places: Tensor | None, switch: Tensor) -> Tensor:
        """The residual path of sound: `forward`'s logits with the places that match it, as far as the switch is on.

        places: of `switched`; switch: (N,) in [0, 1].
        """
        if places is None or self.matches is None:
            return logits
        shift = self.encoders.backbone.shift(4)
        added = resize(self.matches(places), (logits.shape[-2], logits.shape[-1]), shift)
        return logits + switch[:, None, None, None] * added

    def forward(
        self,
        spatial: Tensor,
        level3: Tensor,
        level4: Tensor,
        audio: Tensor,
        switch: Tensor,
        level5: Tensor | None = None,
        movement: Tensor | None = None,
    ) -> Tensor:
        """The fixation map's logits.

        spatial: (N, 3, width, H/16, W/16), of `self.spatial`, of three frames; level3, level4: of the middle one;
        audio: (N, A); switch: (N,) in [0, 1]; level5: of the middle one, for EG-Net's decoder; movement:
        (N, 3, H/8, W/8), where the config has it. Returns (N, 1, H/8, W/8).
        """
        return self.decode(self.fusion(spatial, audio, switch), level3, level4, level5, movement)

    def decode(
        self,
        fused: Tensor,
        level3: Tensor,
        level4: Tensor,
        level5: Tensor | None = None,
        movement: Tensor | None = None,
    ) -> Tensor:
        """The second half of `forward`. fused: (N, width, H/16, W/16), of `self.fusion`."""
        if level5 is None:
            coarse = self.block4([level4], self.block5([fused]))
        else:
            coarse = self.block4([level4, fused], self.block5([level5]))
        logits = self.head(self.block3([level3] if movement is None else [level3, movement], coarse))
        logits = resize(logits, (logits.shape[-2], logits.shape[-1]), self.shift)
        return logits if self.prior is None else logits + resize(self.prior, logits.shape[-2:])
