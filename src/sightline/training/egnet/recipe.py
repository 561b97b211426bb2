"""The recipe of EG-Net."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sightline.nn.egnet import EGNetConfig
from sightline.training.recipe import DataSource, Recipe


class EGNetRecipe(Recipe):
    """Train EG-Net on photographs with fixations (Sec. 3.3)."""

    train: Literal["egnet"]
    network: EGNetConfig = EGNetConfig()
    backbone_weights: str = Field("hub", description="a folder, a Hub id, or `hub` for the usual one")
    data: list[DataSource]
    held_out: float = Field(0.1, ge=0, lt=1, description="share of the photographs to validate on")
    batch_size: int = Field(gt=0)
    frozen_stages: int = Field(3, ge=0, le=3, description="first backbone stages that stay as they are")
    views: int = Field(4, ge=1, description="augmented copies of a photograph whose frozen features are kept")
    density_sigma: float = Field(0.034, gt=0, description="blur of the fixations, in parts of the longer side")
    nss_weight: float = Field(0.0, ge=0, description="weight of the NSS term beside the cross-entropy")
