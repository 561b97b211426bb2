"""The recipes of Gaze2Mask-Net and WCS-Net."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from sightline.models.wcsnet.config import Gaze2MaskConfig, WCSNetConfig
from sightline.training.recipe import Checked, DataSource, Recipe


class Views(Checked):
    """The targets that both networks train on; equal values share one bank of features on disk.

    backbone: the network's, which is also what is taken where it is left out.
    """

    backbone: str = "deeplab-mobilenet-v2"
    backbone_weights: str = Field("hub", description="a folder, a Hub id, or `hub` for the usual one")
    saliency: str = Field(description="the EG-Net that makes the saliency maps: a folder, or a shipped model's name")
    sources: list[DataSource]
    stills: int = Field(4, ge=2, description="views of a target in a still; videos have 2 a frame")
    seed: int = 0


class Composed(Checked):
    """Videos composed of cut-out objects that move over photographs (`sightline.data.composites`).

    objects: photographs with masks, and which of their splits; backgrounds: folders of photographs.
    """

    objects: Path
    splits: tuple[str, ...] = ("train", "val")
    backgrounds: list[Path]
    count: int = Field(ge=1)
    frames: int = Field(24, ge=8)
    seed: int = 0


class Clips(Checked):
    """Frames of videos in their order, which a memory trains on.

    sources: data sets of videos with masks. variants: of the crops that follow a target in them.
    """

    sources: list[DataSource] = Field(default_factory=list)
    composed: Composed | None = None
    variants: int = Field(2, ge=1)
    seed: int = 0


class ClipTraining(Checked):
    """How a memory trains on clips: it is given some frames with their masks, and follows the target from there.

    kinds: the share of each kind in a batch. unroll: frames that are followed, each with the masks that were found in
    those before. pairs: pairs of views beside them in a batch.
    """

    clips: Clips
    kinds: dict[Literal["video", "composed"], float] = Field({"video": 0.6, "composed": 0.4}, min_length=1)
    unroll: int = Field(4, ge=1)
    batch_size: int = Field(3, ge=1)
    presence_weight: float = Field(0.2, ge=0, description="weight of the loss of presence beside that of the mask")
    absent: float = Field(
        0.15, ge=0, lt=1, description="share of the pairs that show another object than the template's"
    )


class MaskRecipe(Recipe):
    """What both recipes say."""

    network: Gaze2MaskConfig | WCSNetConfig
    views: Views
    kinds: dict[Literal["pseudo", "taught", "photo", "video"], float] = Field(
        description="share of each kind in a batch"
    )
    batch_size: int = Field(gt=0)
    keep: list[str] | None = Field(None, description="videos to train on; None is all")
    init: str | None = Field(None, description="weights to start from: a folder, or a shipped model's name")
    validation: list[str] = Field(default_factory=list, description="videos to validate on, never trained on")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if min(self.kinds.values(), default=0) < 0 or not sum(self.kinds.values()):
            raise ValueError("kinds: shares must not be negative, and one must be above 0")
        if "backbone" not in self.views.model_fields_set:
            self.views.backbone = self.network.backbone
        if self.network.backbone != self.views.backbone:
            raise ValueError(
                f"network.backbone is {self.network.backbone} and views.backbone {self.views.backbone}; "
                "both must name the same"
            )
        return self


class Gaze2MaskRecipe(MaskRecipe):
    """Train Gaze2Mask-Net on targets and the gaze that falls inside them (Sec. 3.3)."""

    train: Literal["gaze2mask"]
    network: Gaze2MaskConfig = Gaze2MaskConfig()


class WCSNetRecipe(MaskRecipe):
    """Train WCS-Net on pairs of views of one target: stage 1 on stills, stage 2 on video with `init` (Sec. 3.3).

    gaze2mask: the Gaze2Mask-Net that starts its tracker. It and the EG-Net of `views` become parts of the model.
    memory: train a network with a memory on clips, beside the pairs.
    """

    train: Literal["wcsnet"]
    network: WCSNetConfig = WCSNetConfig()
    gaze2mask: str = Field("gaze2mask", description="a folder, or a shipped model's name")
    memory: ClipTraining | None = None

    @model_validator(mode="after")
    def _has_memory(self) -> Self:
        if (self.memory is not None) != (self.network.memory != "none"):
            raise ValueError("network.memory and memory go together: set both, or none")
        return self
