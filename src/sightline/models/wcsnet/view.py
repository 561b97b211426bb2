"""A frame as all trackers of a video see it: what one of them has computed of it, the others take."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sightline.models.wcsnet.geometry import Crop
from sightline.nn.egnet import EGNet, SaliencyEngine
from sightline.nn.engine import Engine


class Eyes:
    """The networks that look at a frame, whatever the target: the backbone, and EG-Net."""

    def __init__(self, backbone: nn.Module, egnet: EGNet, size: int, device: torch.device) -> None:
        """size: side of the search crop, pixels."""
        self.size = size
        self.decoder: Engine | None = None
        """What finds a target in the feature maps; the first tracker makes it."""
        self._backbone, self._device = backbone, device
        self._saliency = SaliencyEngine(egnet.eval().to(device), device)
        self._engine: Engine | None = None

    def encode(self, search: Tensor) -> Sequence[Tensor]:
        """The backbone's feature maps of a crop (1, 3, size, size), the finest first."""
        if self._engine is None:
            self._engine = Engine(self._backbone, (search,), self._device)
        return self._engine(search)

    def saliency(self, frame: NDArray[np.uint8]) -> NDArray[np.float32]:
        """EG-Net's map (H, W) of a frame (H, W, 3)."""
        return self._saliency(frame)


class View:
    """One frame (H, W, 3) uint8; what is asked for twice is computed once.

    saliency: EG-Net's map (H, W), in the frames whose map the hotspots follow.
    """

    def __init__(self, frame: NDArray[np.uint8], eyes: Eyes, saliency: NDArray[np.float32] | None = None) -> None:
        self.frame, self.attended, self._eyes = frame, saliency, eyes
        self._crops: dict[Crop, tuple[Tensor, Sequence[Tensor]]] = {}
        self._saliency = saliency

    def look(self, crop: Crop) -> tuple[Tensor, Sequence[Tensor]]:
        """(search, features): a crop's pixels (1, 3, size, size), and the backbone's feature maps of them."""
        if crop not in self._crops:
            search = crop.take(self.frame, self._eyes.size)
            self._crops[crop] = search, self._eyes.encode(search)
        return self._crops[crop]

    def saliency(self) -> NDArray[np.float32]:
        """Where people look, (H, W)."""
        if self._saliency is None:
            self._saliency = self._eyes.saliency(self.frame)
        return self._saliency
