"""The recipe of EGCNet."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from sightline.models.egcnet.config import EGCNetConfig
from sightline.training.recipe import Checked, DataSource, Recipe


class EGCNetLosses(Checked):
    """Weights of EGCNet's losses, and where fixations say object or background."""

    coherence: float = Field(4.0, ge=0)
    sharpening: float = Field(2.0, ge=0, description="towards the mask that colours make of the network's own")
    consistency: float = Field(1.0, ge=0)
    contrast: float = Field(0.3, ge=0, description="IIMC, where the network has it")
    inter: float = Field(0.5, ge=0, description="share of the contrast between videos")
    scribbles: float = Field(0.3, ge=0, description="on the strokes, where there are some")
    peak: float = Field(0.5, gt=0, lt=1, description="object where the evidence is above this part of its maximum")
    floor: float = Field(
        0.12, gt=0, lt=1, description="background where the evidence is below this part of its maximum"
    )


class EGCNetRecipe(Recipe):
    """Train EGCNet from fixations: recorded ones on photographs and videos, simulated ones on other videos.

    sight: the EG-Net that becomes the fixation head. scribbles: videos have a set's own, or some that are simulated
    from masks; without them no mask is seen.
    """

    train: Literal["egcnet"]
    network: EGCNetConfig = EGCNetConfig()
    backbone_weights: str = Field("hub", description="a folder, a Hub id, or `hub` for the usual one")
    sight: str = Field(description="the EG-Net: a folder, or a shipped model's name")
    photographs: list[DataSource] = Field(default_factory=list)
    watched: list[Path] = Field(default_factory=list, description="folders of videos with recorded fixations")
    videos: list[DataSource] = Field(default_factory=list, description="observers are simulated where a set has none")
    scribbles: bool = Field(False, description="label with scribbles of `videos`, or simulated from their masks")
    observers: int = Field(12, ge=1, description="simulated observers of a video")
    clips: dict[Literal["photo", "watched", "video"], int] = Field(description="clips of each kind in a batch")
    losses: EGCNetLosses = EGCNetLosses()
