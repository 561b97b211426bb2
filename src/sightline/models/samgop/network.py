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

    config: what it is built from. backbone, tower, twin: with weights of their own; None for random ones.
    """

    def __init__(
        self,
        config: SamGOPConfig,
        backbone: Backbone | None = None,
        tower: Backbone | None = None,
        twin: Backbone | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        width = config.detector.width
        backbone = build_backbone(config.backbone) if backbone is None else backbone
        self.features = Features(backbone, width, FINE, config.pixel_shuffle)
        self.detector = Detector(config.detector, FINE, len(config.labels))
        side = config.gaze.crop_side
        towers = [
            CropTower(build_backbone(config.backbone) if own is None else own, side, width) if wanted else None
            for own, wanted in ((tower, bool(side)), (twin, config.gaze.twin))
        ]
        self.gaze = GazeBranch(
            config.gaze, width, config.detector.attention_heads, config.detector.mask_channels, *towers
        )

    def see(self, images: Tensor, noised: Noised | None = None, decode: bool = True) -> Seen:
        """What is in the pictures. images: (N, 3, H, W) RGB in [0, 1], H and W multiples of 32; see `Detector`."""
        seen: Seen = self.detector(self.features(images), noised, decode)
        return seen

    def look(
        self, images: Tensor, seen: Seen, heads: Heads, saliency: Tensor | None = None, astray: Tensor | None = None
    ) -> Looks:
        """Where the heads look; see `GazeBranch`."""
        looks: Looks = self.gaze(images, seen, heads, saliency, astray)
        return looks

    def forward(self, images: Tensor, heads: Heads, saliency: Tensor | None = None) -> tuple[Seen, Looks]:
        """Both at once, of given heads: the paper's non-real-world setting."""
        seen = self.see(images)
        return seen, self.look(images, seen, heads, saliency)
