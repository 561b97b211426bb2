"""SamGOP: who looks at which object (Jin et al., ECCV 2024)."""

from __future__ import annotations

from torch import Tensor, nn

from sightline.models.samgop.config import SamGOPConfig
from sightline.models.samgop.detector import Detector, Noised, Seen
from sightline.models.samgop.features import Features
from sightline.models.samgop.gaze import CropTower, GazeBranch, Heads, Looks
from sightline.nn.backbones import Backbone, build_backbone

FINE = 32
"""Channels of the finest enlarged level, which the pixel map is made of."""


class SamGOP(nn.Module):
    """Features, the detector (objects and heads), and the gaze branch, which is asked once for all heads.

    config: what it is built from. backbone, tower: with weights of their own; None for random ones.
    """

    def __init__(self, config: SamGOPConfig, backbone: Backbone | None = None, tower: Backbone | None = None) -> None:
        super().__init__()
        self.config = config
        width = config.detector.width
        backbone = build_backbone(config.backbone) if backbone is None else backbone
        self.features = Features(backbone, width, FINE, config.pixel_shuffle)
        self.detector = Detector(config.detector, FINE, len(config.labels))
        crop = None
        if config.gaze.crop_side:
            tower = build_backbone(config.backbone) if tower is None else tower
            crop = CropTower(tower, config.gaze.crop_side, width)
        self.gaze = GazeBranch(config.gaze, width, config.detector.attention_heads, config.detector.mask_channels, crop)

    def see(self, images: Tensor, noised: Noised | None = None, decode: bool = True) -> Seen:
        """What is in the pictures. images: (N, 3, H, W) RGB in [0, 1], H and W multiples of 32; see `Detector`."""
        seen: Seen = self.detector(self.features(images), noised, decode)
        return seen

    def look(self, images: Tensor, seen: Seen, heads: Heads) -> Looks:
        """Where the heads look."""
        looks: Looks = self.gaze(images, seen, heads)
        return looks

    def forward(self, images: Tensor, heads: Heads) -> tuple[Seen, Looks]:
        """Both at once, of given heads: the paper's non-real-world setting."""
        seen = self.see(images)
        return seen, self.look(images, seen, heads)
