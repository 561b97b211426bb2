"""Spatial, temporal and audio features, and their fusion (STANet, Eq. 4 and 5; Fig. 6).

S are the spatial features of a frame, T what a 3D convolution makes of three frames, A what the sound says. Each of T
and A is a gate on S: sigma(T) * S + S. The audio switch multiplies the audio gate, so that a switch of 0 leaves S as it
is, whatever is heard.
"""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor, nn

from sightline.nn.blocks import resize

Sources = Literal["S", "ST", "SA", "STA"]
"""What a net looks at: space, and time or audio beside it."""
SOURCES: tuple[Sources, ...] = get_args(Sources)
AudioFusion = Literal["bilinear", "deconvolution"]
"""How sound becomes a map: by what each place has in common with it, or from the sound alone (the paper's)."""
FRAMES = 3
"""Frames of a clip: one before, the frame itself, one after."""


class SpatialFeatures(nn.Module):
    """S: a backbone's levels 4 and 5 together, at level 4's resolution (stride 16).

    channels: of the five levels; width: channels of S.
    """

    def __init__(self, channels: tuple[int, ...], width: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(channels[3] + channels[4], width, 1, bias=False)
        self.norm = nn.BatchNorm2d(width)
        self.mix = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, level4: Tensor, level5: Tensor) -> Tensor:
        """level4: (N, C4, h, w); level5: (N, C5, h', w'). Returns (N, width, h, w), of both signs."""
        both = torch.cat([level4, resize(level5, level4.shape[-2:])], dim=1)
        return self.mix(self.norm(self.reduce(both)).relu())


class TemporalGate(nn.Module):
    """sigma(T): one plain 3D convolution over the three frames (Sec. 3.7)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.over_time = nn.Conv3d(width, width, (FRAMES, 3, 3), padding=(0, 1, 1))

    def forward(self, spatial: Tensor) -> Tensor:
        """spatial: (N, 3, C, h, w). Returns (N, C, h, w) in (0, 1)."""
        return self.over_time(spatial.transpose(1, 2))[:, :, 0].sigmoid()


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


class Fusion(nn.Module):
    """Eq. 4 for two sources, Eq. 5 for three.

    sources: which gates there are. Two gates are concatenated and go through a 1x1 convolution; one does not.
    """

    def __init__(self, sources: Sources, width: int, audio_width: int, audio_fusion: AudioFusion) -> None:
        super().__init__()
        gate = BilinearGate if audio_fusion == "bilinear" else DeconvolutionGate
        self.temporal = TemporalGate(width) if "T" in sources else None
        self.audio = gate(width, audio_width) if "A" in sources else None
        self.combine = nn.Conv2d(2 * width, width, 1) if sources == "STA" else None

    def forward(self, spatial: Tensor, audio: Tensor, switch: Tensor) -> Tensor:
        """spatial: (N, 3, C, h, w) of the frame before, the frame, and the one after; audio: (N, A); switch: (N,) in
        [0, 1]. Returns (N, C, h, w), not negative."""
        centre = spatial[:, FRAMES // 2]
        gated = []
        if self.audio is not None:
            gated.append(centre + switch[:, None, None, None] * self.audio(centre, audio) * centre)
        if self.temporal is not None:
            gated.append(centre + self.temporal(spatial) * centre)
        if self.combine is not None:
            return self.combine(torch.cat(gated, dim=1)).relu()
        return (gated[0] if gated else centre).relu()


class TagNet(nn.Module):
    """A classification net of Fig. 6 A to C: features, fusion, global average pooling and one fully connected layer.

    classes: how many tags; 1 for the audio switch, which has the structure of the SA net.
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
    ) -> None:
        super().__init__()
        self.spatial = SpatialFeatures(channels, width)
        self.fusion = Fusion(sources, width, audio_width, audio_fusion)
        self.classifier = nn.Linear(width, classes)

    def forward(self, level4: Tensor, level5: Tensor, audio: Tensor, switch: Tensor) -> tuple[Tensor, Tensor]:
        """level4, level5: (N, 3, C, h, w) of three frames; audio: (N, A); switch: (N,).

        Returns logits (N, classes) and the features (N, width, h, w) that the classifier pools."""
        count = level4.shape[0]
        spatial = self.spatial(level4.flatten(0, 1), level5.flatten(0, 1))
        features = self.fusion(spatial.unflatten(0, (count, FRAMES)), audio, switch)
        return self.classifier(features.mean(dim=(2, 3))), features
