"""The recipe of SamGOP."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from sightline.models.samgop.config import SamGOPConfig
from sightline.training.recipe import Checked, Recipe


class SceneSource(Checked):
    """Scenes with boxes of objects: a folder or file that `sightline.data.looking.read_goo` reads.

    skip: names of scenes to leave out, for folds. share: how often they are drawn, beside the other sources. zoom: the
    largest enlargement; what does not fit then is cut away.
    """

    root: Path
    skip: list[str] = Field(default_factory=list)
    share: float = Field(1.0, gt=0)
    zoom: float = Field(1.7, ge=1)


class HeadSource(Checked):
    """Photographs with heads and directions of gaze by a teacher, and no objects: a table and the pictures' folder.

    fixations: the folder has fixations.csv, where viewers of the photographs looked. One of them that lies where a
    person looks to stands for that person's target: people look at what others look at.
    """

    table: Path
    images: Path
    fixations: bool = False
    skip: list[str] = Field(default_factory=list)
    share: float = Field(1.0, gt=0)
    zoom: float = Field(6.0, ge=1)


class PartSource(Checked):
    """A module of the network in a weights folder, by its name there."""

    weights: str
    module: str


class LossWeights(Checked):
    """Weights of the loss's terms (Eq. 1 and 2). A weight of 0 leaves a term out."""

    proposals: float = Field(1.0, ge=0, description="the first stage, of objects and of heads")
    present: float = Field(2.0, ge=0, description="focal loss of each decoder layer")
    box: float = Field(1.0, ge=0, description="5 L1 + 2 (1 - GIoU) of each decoder layer")
    kind: float = Field(0.5, ge=0, description="classes of objects")
    mask: float = Field(2.0, ge=0, description="cross-entropy and dice of masks, last decoder layer")
    denoising: float = Field(0.5, ge=0, description="boxes, classes and masks of the denoising queries")
    direction: float = Field(3.0, ge=0, description="L_dir, alpha of Eq. 1, of the mean over people")
    crop: float = Field(3.0, ge=0, description="the direction that the tower tells from heads alone")
    gaze: float = Field(200.0, ge=0, description="L_gaze, beta of Eq. 1; heatmaps are nearly empty")
    energy: float = Field(0.5, ge=0, description="L_eng, gamma of Eq. 1")
    place: float = Field(0.5, ge=0, description="cross-entropy of the heatmap as a distribution over its cells")
    inside: float = Field(0.3, ge=0, description="whether the target is in the picture")


class Variation(Checked):
    """How pictures are varied: half are mirrored, and of each a part is cut, turned, and its colours changed."""

    turn_deg: float = Field(6.0, ge=0, description="standard deviation of the rotation, degrees")
    head_turn_deg: float = Field(28.0, ge=0, description="the same, of heads that are shown alone")
    head_shift: float = Field(
        0.1, ge=0, description="how far heads that are shown alone are shifted, in their sides: as found boxes are"
    )
    head_scale: float = Field(0.2, ge=0, description="the same of their size, logarithmic")
    colour: float = Field(0.25, ge=0, description="standard deviation of light, contrast and channels, logarithmic")
    noise: float = Field(0.08, ge=0, description="how far boxes of heads are shifted and scaled, in their sides")
    outside: float = Field(0.1, ge=0, le=1, description="share of the people whose target is cut away, to learn that")
    astray_deg: float = Field(
        20.0,
        ge=0,
        description="standard deviation of what directions are turned by before the heatmap learns from them",
    )


class SamGOPRecipe(Recipe):
    """Train SamGOP on scenes with boxes (and masks, gaze targets) and on photographs with heads.

    init: weights to begin with. Without them the backbone and the direction branch's towers begin with
    `backbone_weights`. parts: modules of the network, such as gaze.tower, each with the weights that it alone is taken
    from, or with another module there; a network without the module takes nothing. frozen_stages: first stages of the
    backbone that stay as they are. frozen: modules of the network that stay as they are.
    """

    train: Literal["samgop"]
    network: SamGOPConfig = SamGOPConfig()
    scenes: list[SceneSource] = Field(default_factory=list)
    heads: list[HeadSource] = Field(default_factory=list)
    init: str | None = None
    parts: dict[str, str | PartSource] = Field(default_factory=dict)
    branches: Literal["all", "proposals", "detector", "directions", "gaze"] = Field(
        "all",
        description="proposals: the detector's first stage and the heads alone, twice as many pictures an hour; "
        "detector: objects and heads, and nothing of gaze; "
        "directions: the heads alone; "
        "gaze: what the heads are asked, of a detector that stays as it is",
    )
    backbone_weights: str = Field("hub", description="a folder, a Hub id, or `hub` for the usual one")
    saliency_weights: str = Field("egnet", description="the EG-Net that network.gaze.saliency asks: a folder or a name")
    frozen_stages: int = Field(3, ge=0, le=5)
    frozen: list[str] = Field(default_factory=list)
    canvas: tuple[int, int] = Field((288, 384), description="(height, width) that pictures are cut to, multiples of 32")
    batch_size: int = Field(gt=0)
    people: int = Field(6, gt=0, description="people of a picture whose gaze is learned from, at most")
    crops: int = Field(24, ge=0, description="heads alone, beside the pictures of a batch, for the direction branch")
    masks: int = Field(24, ge=0, description="objects of a picture whose masks are learned from, at most")
    half: bool = Field(True, description="convolutions in bfloat16")
    weights: LossWeights = LossWeights()
    variation: Variation = Variation()
