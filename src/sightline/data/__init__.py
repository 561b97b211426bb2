"""Published data sets in their own layouts, and scenes of our own making."""

from __future__ import annotations

from sightline.data.families import FAMILIES, Family, family
from sightline.data.files import load_image, load_mask
from sightline.data.observed import Observed, read_observed
from sightline.data.samples import FixationImage, ImageMask, LookingImage, Onlooker, VideoSequence

__all__ = [
    "FAMILIES",
    "Family",
    "FixationImage",
    "ImageMask",
    "LookingImage",
    "Observed",
    "Onlooker",
    "VideoSequence",
    "family",
    "load_image",
    "load_mask",
    "read_observed",
]
