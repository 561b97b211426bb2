"""Spatial, temporal and audio features, and their fusion (STANet, Eq. 4 and 5; Fig. 6).

S are the spatial features of a frame, T what a 3D convolution makes of three frames, A what the sound says. Each of T
and A is a gate on S: sigma(T) * S + S. The audio switch multiplies the audio gate, so that a switch of 0 leaves S as it
is, whatever is heard.
"""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sightline.nn.blocks import Shift, resize

Sources = Literal["S", "ST", "SA", "STA"]
"""What a net looks at: space, and time or audio beside it."""
SOURCES: tuple[Sources, ...] = get_args(Sources)
PlainKind = Literal["addition", "multiplication", "concatenation"]
AudioFusion = Literal["matching", "bilinear", "deconvolution", PlainKind]
"""How sound and space meet: by how well each place matches it, as one number or one a channel; by a map of the sound
alone (the paper's); or as one vector that is the same for all places (STANet+, Table 3)."""
FRAMES = 3
"""Frames of a clip: one before, the frame itself, one after."""


class SpatialFeatures(nn.Module):
    """S: a backbone's levels 4 and 5 together, at level 4's resolution (stride 16).

    channels: of the five levels; width: channels of S; dropout: of whole channels of the levels, in training; shift: of
    level 5 beside level 4 (`Backbone.shift`). S looks where level 4 does.
    """

    def __init__(self, channels: tuple[int, ...], width: int, dropout: float = 0.0, shift: Shift = (0.0, 0.0)) -> None:
        super().__init__()
        self.shift = shift
        self.dropout = nn.Dropout2d(dropout)
        self.reduce = nn.Conv2d(channels[3] + channels[4], width, 1, bias=False)
        self.norm = nn.BatchNorm2d(width)
        self.mix = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, level4: Tensor, level5: Tensor) -> Tensor:
        """level4: (N, C4, h, w); level5: (N, C5, h', w'). Returns (N, width, h, w), of both signs."""
        # Each level by itself: a 1x1 convolution and a resize change places, and before it level 5 has a quarter of the
        # places.
        of_4, of_5 = self.reduce.weight.split([level4.shape[1], level5.shape[1]], dim=1)
        deep = resize(F.conv2d(self.dropout(level5), of_5), (level4.shape[-2], level4.shape[-1]), self.shift)
        return self.mix(self.norm(F.conv2d(self.dropout(level4), of_4) + deep).relu())


class TemporalGate(nn.Module):
    """sigma(T): one plain 3D convolution over the three frames (Sec. 3.7)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.over_time = nn.Conv3d(width, width, (FRAMES, 3, 3), padding=(0, 1, 1))

    def forward(self, spatial: Tensor) -> Tensor:
        """spatial: (N, 3, C, h, w). Returns (N, C, h, w) in (0, 1)."""
        return self.over_time(spatial.transpose(1, 2))[:, :, 0].sigmoid()


class MatchingGate(nn.Module):
    """sigma(A) as one number a place: how well what is seen there matches the sound, a product of both embeddings.

    The sound can say where to look, and nothing else: what is there has to be seen. With a gate a channel, a net can
    read the category off the sound alone, and its activation map then lies anywhere.
    """

    def __init__(self, width: int, audio_width: int) -> None:
        super().__init__()
        self.heard = nn.Linear(audio_width, width)
        self.seen = nn.Conv2d(width, width, 1)

    def forward(self, spatial: Tensor, audio: Tensor) -> Tensor:
        """spatial: (N, C, h, w); audio: (N, A). Returns (N, 1, h, w) in (0, 1)."""
        heard = self.heard(F.layer_norm(audio, audio.shape[1:])).tanh()
        return (self.seen(spatial).tanh() * heard[:, :, None, None]).sum(dim=1, keepdim=True).sigmoid()


class BilinearGate(nn.Module):
    """sigma(A) where a place's features and the sound meet: a low-rank bilinear form of both.

    The same sound opens the gate where what makes it is seen, wherever that is.
    """

    def __init__(self, width: int, audio_width: int) -> None:
        super().__init__()
        self.heard = nn.Linear(audio_width, width)
        self.seen = nn.Conv2d(width, width, 1)
        self.both = nn.Conv2d(width, width, 1)

    def forward(self, spatial: Tensor, audio: Tensor) -> Tensor:
        """spatial: (N, C, h, w); audio: (N, A). Returns (N, C, h, w) in (0, 1)."""
        return self.both(self.seen(spatial).tanh() * self.heard(audio).tanh()[:, :, None, None]).sigmoid()


class DeconvolutionGate(nn.Module):
    """sigma(A) of the sound alone: its vector becomes a map by transposed convolutions (Fig. 6; released code).

    The map is 8x8 and is resized to S. It cannot know where anything is.
    """

    def __init__(self, width: int, audio_width: int) -> None:
        super().__init__()
        self.grow = nn.Sequential(
            nn.ConvTranspose2d(audio_width, width, 2),
            nn.ReLU(),
            nn.ConvTranspose2d(width, width, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.ConvTranspose2d(width, width, 4, stride=2, padding=1),
        )

    def forward(self, spatial: Tensor, audio: Tensor) -> Tensor:
        """spatial: (N, C, h, w); audio: (N, A). Returns (N, C, h, w) in (0, 1)."""
        return resize(self.grow(audio[:, :, None, None]), spatial.shape[-2:]).sigmoid()


class PlainFusion(nn.Module):
    """Sound A as one vector for all places: S + A, S * A, or a 1x1 convolution of both (STANet+, Table 3)."""

    def __init__(self, width: int, audio_width: int, kind: PlainKind) -> None:
        super().__init__()
        self.kind = kind
        self.heard = nn.Linear(audio_width, width)
        self.both = nn.Conv2d(2 * width, width, 1) if kind == "concatenation" else None

    def forward(self, spatial: Tensor, audio: Tensor) -> Tensor:
        """spatial: (N, C, h, w); audio: (N, A). Returns (N, C, h, w): what it adds to S."""
        heard = self.heard(audio)[:, :, None, None]
        if self.both is not None:
            return self.both(torch.cat([spatial, heard.expand_as(spatial)], dim=1)) - spatial
        return heard.expand_as(spatial) if self.kind == "addition" else spatial * (heard - 1)


class Fusion(nn.Module):
    """Eq. 4 for two sources, Eq. 5 for three.

    sources: which gates there are. Two gates are concatenated and go through a 1x1 convolution; one does not.
    """

    def __init__(self, sources: Sources, width: int, audio_width: int, audio_fusion: AudioFusion) -> None:
        super().__init__()
        self.temporal = TemporalGate(width) if "T" in sources else None
        self.audio = _audio(audio_fusion, width, audio_width) if "A" in sources else None
        self.combine = nn.Conv2d(2 * width, width, 1) if sources == "STA" else None

    def forward(self, spatial: Tensor, audio: Tensor, switch: Tensor) -> Tensor:
        """spatial: (N, 3, C, h, w) of the frame before, the frame, and the one after; audio: (N, A); switch: (N,) in
        [0, 1]. Returns (N, C, h, w), not negative."""
        centre = spatial[:, FRAMES // 2]
        gated = []
        if self.audio is not None:
            heard = self.audio(centre, audio)
            added = heard if isinstance(self.audio, PlainFusion) else heard * centre
            gated.append(centre + switch[:, None, None, None] * added)
        if self.temporal is not None:
            gated.append(centre + self.temporal(spatial) * centre)
        if self.combine is not None:
            return self.combine(torch.cat(gated, dim=1)).relu()
        return (gated[0] if gated else centre).relu()


AudioGate = MatchingGate | BilinearGate | DeconvolutionGate | PlainFusion


def _audio(kind: AudioFusion, width: int, audio_width: int) -> AudioGate:
    if kind == "matching":
        return MatchingGate(width, audio_width)
    if kind == "bilinear":
        return BilinearGate(width, audio_width)
    return DeconvolutionGate(width, audio_width) if kind == "deconvolution" else PlainFusion(width, audio_width, kind)


class TagNet(nn.Module):
    """A classification net of Fig. 6 A to C: features, fusion, global average pooling and one fully connected layer.

    classes: how many tags; dropout, shift: see `SpatialFeatures`.
    """

    def __init__(
        self,
        sources: Sources,
        channels: tuple[int, ...],
        classes: int,
        *,
        width: int,
        audio_width: int,
        audio_fusion: AudioFusion,
        dropout: float = 0.0,
        shift: Shift = (0.0, 0.0),
    ) -> None:
        super().__init__()
        self.spatial = SpatialFeatures(channels, width, dropout, shift)
        self.fusion = Fusion(sources, width, audio_width, audio_fusion)
        self.classifier = nn.Linear(width, classes)

    def forward(self, level4: Tensor, level5: Tensor, audio: Tensor, switch: Tensor) -> tuple[Tensor, Tensor]:
        """level4, level5: (N, 3, C, h, w) of three frames; audio: (N, A); switch: (N,).

        Returns logits (N, classes) and the features (N, width, h, w) that the classifier pools."""
        features = self.features(level4, level5, audio, switch)
        return self.classifier(features.mean(dim=(2, 3))), features

    def features(self, level4: Tensor, level5: Tensor, audio: Tensor, switch: Tensor) -> Tensor:
        """The features alone, (N, width, h, w); see `forward`."""
        if self.fusion.temporal is None:  # the neighbours would not be looked at
            level4, level5 = (level[:, FRAMES // 2, None] for level in (level4, level5))
        spatial = self.spatial(level4.flatten(0, 1), level5.flatten(0, 1)).unflatten(0, (len(level4), -1))
        features: Tensor = self.fusion(spatial.expand(-1, FRAMES, -1, -1, -1), audio, switch)
        return features
