"""The recipes of STANet: the classification nets, one stage after the other, and STA."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from sightline.models.stanet.config import ScamConfig, STANetConfig
from sightline.training.recipe import Checked, DataSource, Recipe


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
    trunk: str | None = Field(
        None,
        description="shipped weights with the same frozen backbone, which those of the network then leave out and need",
    )
    other_sounds: bool = Field(
        True, description="learn each video also with the sound of another tag that it shows, and without sound"
    )
    kl_weight: float = Field(0.0, ge=0, description="of the divergence beside the cross-entropy of Eq. 6")


class WatchedVideos(Checked):
    """A folder of videos with recorded fixations, as `read_observed` reads it. skip: names of those to leave out."""

    root: Path
    skip: list[str] = Field(default_factory=list)


class WatchedRecipe(Recipe):
    """Train STA on recorded fixations on photographs and videos.

    egnet: the EG-Net that the network looks with and whose decoder it begins with: a folder, or a shipped model's name.
    """

    train: Literal["stanet-fixations"]
    network: STANetConfig = STANetConfig()
    egnet: str = "egnet"
    audio_weights: Path | None = Field(None, description="of the audio encoder; None for random ones")
    photographs: list[DataSource] = Field(default_factory=list)
    videos: list[WatchedVideos] = Field(default_factory=list)
    photo_share: float = Field(0.5, ge=0, le=1, description="share of photographs in the frames that are drawn")
    mute_share: float = Field(0.3, ge=0, le=1, description="share of the frames of videos without their sound")
    every_s: float = Field(0.2, gt=0, description="between two frames of a video that are trained on, seconds")
    density_sigma: float = Field(0.028, gt=0, description="blur of the fixations, in parts of the longer side")
    nss_weight: float = Field(0.0, ge=0, description="weight of the NSS term beside the cross-entropy")
    batch_size: int = Field(gt=0)

    @model_validator(mode="after")
    def _some(self) -> Self:
        wanted = {"photographs": self.photo_share > 0, "videos": self.photo_share < 1}
        for name, drawn in wanted.items():
            if drawn and not getattr(self, name):
                raise ValueError(f"{name}: none, but photo_share {self.photo_share} draws some")
        return self
