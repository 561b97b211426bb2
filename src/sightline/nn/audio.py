"""Audio encoders by name: from a log-spectrogram to a map of features and one vector.

| name | front end | 1 s of it | map | vector | parameters |
|---|---|---|---|---|---|
| `mn04` | `mn` | 128 x 100 | 384 x 4 x 4 | 384 | 0.5 M, with its classifier 1.0 M |
| `vggsound-resnet18` | `stanet` or `vggsound` | 81 x 199 | 512 x 3 x 7 | 8192 | 11.2 M |
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar, NamedTuple

from torch import Tensor, nn

from sightline.errors import UsageError
from sightline.nn.checkpoint import fill, read_tensors
from sightline.video.spectrogram import FRONT_ENDS, FrontEnd


class AudioFeatures(NamedTuple):
    """maps: (N, channels, f, t), low tones and early times first. vector: (N, size), of the whole clip."""

    maps: Tensor
    vector: Tensor


class AudioEncoder(nn.Module, ABC):
    """What every audio encoder offers.

    Attributes
    ----------
    front_end : FrontEnd
        Makes the spectrograms that it reads: call it with samples at `front_end.rate`.
    channels, size : int
        Channels of the feature map, and entries of the vector.
    classes : int
        How many classes its classifier tells apart; 0 where it was built without.
    """

    front_end: FrontEnd
    channels: ClassVar[int]
    size: ClassVar[int]
    classes: int

    @abstractmethod
    def forward(self, spectrogram: Tensor) -> AudioFeatures:
        """Encode clips.

        Parameters
        ----------
        spectrogram : Tensor, (N, bands, frames) float
            As `front_end` gives them.

        Returns
        -------
        AudioFeatures
            Its map and its vector.
        """

    @abstractmethod
    def classify(self, vector: Tensor) -> Tensor:
        """vector: (N, size) as `forward` gives it. Returns logits (N, classes). Only where there is a classifier."""

    @classmethod
    @abstractmethod
    def names_from(cls, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        """The tensors of published weights under the names that this encoder has for them."""

    @staticmethod
    @abstractmethod
    def is_classifier(name: str) -> bool:
        """Whether a tensor of this name belongs to the classifier."""


def build_audio_encoder(
    name: str, weights: Path | None = None, *, classifier: bool = False, front_end: str | None = None
) -> AudioEncoder:
    """Make an audio encoder by name.

    Parameters
    ----------
    name : str
        `mn04`: EfficientAT's mn04_as, a MobileNetV3 of width 0.4 (Schmid et al., ICASSP 2023). `vggsound-resnet18`:
        ResNet-18 with NetVLAD (Chen et al., ICASSP 2020), which STANet takes.
    weights : Path, optional
        A file of safetensors or torch, or a folder with model.safetensors; None for random weights. The tensors are
        named as published.
    classifier : bool, default False
        Whether `classify` is needed; otherwise the classifier's tensors are left out.
    front_end : str, optional
        Another front end than the encoder's own, by name: STANet tunes `vggsound-resnet18` on `stanet`.

    Returns
    -------
    AudioEncoder
        In evaluation mode; each of its parameters can be trained.

    Raises
    ------
    UsageError
        An encoder or front end of this name is not known.
    WeightsError
        The weights cannot be read or are those of another network.

    Examples
    --------
    >>> import numpy as np, torch
    >>> encoder = build_audio_encoder("mn04")
    >>> second = encoder.front_end(np.zeros((1, encoder.front_end.rate)))
    >>> maps, vector = encoder(torch.from_numpy(second))
    >>> tuple(maps.shape), tuple(vector.shape)
    ((1, 384, 4, 4), (1, 384))
    """
    from sightline.nn.audio_mobilenet import MobileNetAudio
    from sightline.nn.audio_vggsound import VGGSoundResNet

    kinds: dict[str, type[MobileNetAudio] | type[VGGSoundResNet]]
    kinds = {"mn04": MobileNetAudio, "vggsound-resnet18": VGGSoundResNet}
    if name not in kinds:
        raise UsageError(f"unknown audio encoder {name!r}: choose one of {', '.join(kinds)}")
    if front_end is not None and front_end not in FRONT_ENDS:
        raise UsageError(f"unknown front end {front_end!r}: choose one of {', '.join(FRONT_ENDS)}")
    encoder = kinds[name](classifier)
    if front_end is not None:
        encoder.front_end = FRONT_ENDS[front_end]
    if weights is not None:
        tensors = encoder.names_from(read_tensors(weights))
        fill(encoder, {k: v for k, v in tensors.items() if classifier or not encoder.is_classifier(k)}, weights)
    return encoder.eval()
