"""What draws eyes in a picture, as EG-Net says it: a hint for where people in the picture look."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sightline.models import weights
from sightline.models.samgop.config import SamGOPConfig
from sightline.nn.egnet import EGNet, EGNetConfig, network_size


class Sight(nn.Module):
    """EG-Net's fixation density of pictures, on a logarithmic scale on which 0 is a picture where eyes go everywhere.

    It is a part of the model, with weights of its own, and learns nothing with it.
    """

    def __init__(self, network: EGNet) -> None:
        super().__init__()
        self.network = network.eval().requires_grad_(False)

    def forward(self, images: Tensor) -> Tensor:
        """images: (N, 3, H, W) RGB in [0, 1]. Returns (N, 1, h, w)."""
        height, width = (int(side) for side in images.shape[-2:])
        size = network_size(height, width, self.network.config.input_size)
        if size != (height, width):
            images = F.interpolate(images, size, mode="bilinear", align_corners=False)
        logits = self.network(images).float()
        found: Tensor = logits.flatten(1).log_softmax(dim=1).view_as(logits)
        return found + float(torch.tensor(logits[0].numel()).log())


def load_sight(config: SamGOPConfig, folder: Path) -> Sight | None:
    """The part "egnet" of a model in `folder`, where its heatmaps need one. Raises WeightsError where it is missing."""
    if not config.gaze.saliency:
        return None
    return Sight(weights.build(EGNet, EGNetConfig, weights.find_part(folder, "egnet", config.parts))).eval()
