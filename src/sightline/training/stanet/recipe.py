"""The recipes of STANet: the classification nets, one stage after the other, and STA."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from sightline.models.stanet.config import ScamConfig, STANetConfig
from sightline.training.recipe import Checked, Recipe


class TaggedSource(Checked):
    """Videos in a folder, and a table of their tags (video, tag)."""

    videos: Path
    tags: Path


class SwitchLabels(Checked):
    """How an audio tagger says whether the sound belongs to the tag (Sec. 3.7)."""

    tagger: str = Field(description="the folder of mn04_as or of an AST, or the Hub id of an AST")
    labels: Path | None = Field(None, description="a map from tags to the tagger's labels; None for the usual one")
    floor: float = Field(0.1, ge=0, le=1, description="score below which a tag is not heard, whatever comes second")


class TaggedRecipe(Recipe):
    """What both recipes say of their videos."""

    videos: list[TaggedSource] = Field(min_length=1)
    every_s: float = Field(0.5, gt=0, description="between two frames of a video that are trained on, seconds")
    switch: SwitchLabels
    batch_size: int = Field(gt=0)


class ScamRecipe(TaggedRecipe):
    """Train the classification nets of one stage from video tags alone (Sec. 3.4, 3.6, 4.2).

    The coarse stage trains the audio switch as well. init: the weights that it begins with; the fine stage needs those
    of the coarse one, whose boxes it crops.
    """

    train: Literal["scam"]
    network: ScamConfig = ScamConfig()
    stage: Literal["coarse", "fine"]
    init: str | None = None
    backbone_weights: str = Field("hub", description="a folder, a Hub id, or `hub` for the usual one")
    audio_weights: Path | None = Field(None, description="of the audio encoder; None for random ones")


class STANetRecipe(TaggedRecipe):
    """Train STA on pseudo-fixations (Sec. 3.8). scam: the nets that they come from, a folder."""

    train: Literal["stanet"]
    network: STANetConfig = STANetConfig()
    scam: str
    kl_weight: float = Field(0.0, ge=0, description="of the divergence beside the cross-entropy of Eq. 6")
