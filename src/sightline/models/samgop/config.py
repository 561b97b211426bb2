"""What SamGOP is built from, and the constants of its rules."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from sightline.models.samgop.association import AssociationConfig
from sightline.models.weights import Part
from sightline.nn.config import Config, Layers
from sightline.nn.shots import ShotConfig

Attention = Literal["both", "original", "cone", "none"]
"""What weights the scene: M_ori and the gaze cone (Eq. 7), one of them, or nothing (Tables 7 and 8)."""
Interaction = Literal["mask", "decoder", "encoder", "none"]
"""What the gaze features attend to: mask embeddings (Eq. 10), the decoder's queries, the encoder's tokens, or nothing
(Tables 7 and 9)."""
Selection = Literal["mask", "box", "point"]
"""What decides which object is looked at: the heatmap's energy in its mask or box, or the box around the target."""


class DetectorConfig(Config):
    """The unified detection and segmentation transformer (Sec. 3.3)."""

    width: int = Field(80, ge=16, description="channels of tokens and queries; the paper's MaskDINO has 256")
    attention_heads: int = Field(5, ge=1, description="heads of all attention, 16 channels each")
    hidden: int = Field(160, ge=16, description="width of the feed-forward networks")
    points: int = Field(4, ge=1, description="samples of a level in deformable attention")
    encoder_layers: Layers = Field(2, description="layers of the encoder; MaskDINO has 6")
    decoder_layers: Layers = Field(3, description="layers of the object decoder; MaskDINO has 9")
    head_layers: Layers = Field(3, description="layers of the head decoder (Sec. 3.3)")
    queries: int = Field(200, ge=1, description="objects that the decoder is given; the fullest shelf here has 165")
    head_queries: int = Field(40, ge=1, description="heads that the head decoder is given")
    mask_channels: int = Field(32, ge=4, description="channels of mask embeddings and of the pixel map")


class GazeConfig(Config):
    """Space-to-object gaze regression (Sec. 3.4)."""

    roi_reconstruction: bool = Field(
        True, description="head features by RoIAlign; without, of the whole scene (Table 7)"
    )
    roi_side: int = Field(7, ge=1, description="cells of the head's features, across and down")
    roi_factor: float = Field(
        1.5, gt=0, description="side of what is cut, in sides of the head's box: hair and neck say more"
    )
    crop_side: int = Field(
        64, ge=0, multiple_of=16, description="pixels of the head's own crop, for the direction branch; 0 for none"
    )
    crop_factor: float = Field(2.0, gt=0, description="side of the crop in sides of the head's box")
    crop_turns_deg: tuple[float, ...] = Field(
        (-20.0, 0.0, 20.0),
        min_length=1,
        description="turns in which the crop is shown, as it is and mirrored; the mean of what is told errs less",
    )
    twin: bool = Field(
        False, description="two towers, trained apart, whose directions are averaged: each errs on other heads"
    )
    attention: Attention = "both"
    interaction: Interaction = "mask"
    keys: int = Field(100, ge=1, description="objects, the surest, that the gaze features attend to")
    heat_side: int = Field(64, ge=8, description="cells of the heatmap, across and down (the paper's 64)")
    saliency: bool = Field(
        True, description="EG-Net's fixation density weighs the heatmap: along a gaze, what draws eyes is likelier"
    )


class RuleConfig(Config):
    """From the network's outputs to heads, objects and targets."""

    head_score: float = Field(0.4, ge=0, le=1, description="below it a head is none")
    object_score: float = Field(0.35, ge=0, le=1, description="below it an object is none")
    label_score: float = Field(
        0.8,
        ge=0,
        le=1,
        description="probability of a class below which an object has no label: on scenes held back those above are "
        "right where the box is, and things in photographs of no shop get none",
    )
    head_overlap: float = Field(0.45, ge=0, le=1, description="IoU above which of two heads the surer stays")
    head_large: float = Field(
        0.25,
        ge=0,
        description="longer side of a head, in that of the picture, from which it is taken from the small picture too",
    )
    head_within: float = Field(
        0.6, gt=0, le=1, description="share of the smaller of two heads in the larger, above which the surer stays"
    )
    object_overlap: float = Field(0.55, ge=0, le=1, description="IoU above which of two objects the surer stays")
    mask_level: float = Field(0.5, gt=0, lt=1, description="probability from which a pixel belongs to an object's mask")
    inside_score: float = Field(
        0.3,
        ge=0,
        le=1,
        description="below it a target is outside of the picture: so scores one in twenty of those that training has in"
        " view",
    )
    selection: Selection = Field("mask", description="how the object looked at is chosen; alternatives in the README")
    selection_power: float = Field(
        1.0, ge=0, le=1, description="energy / area**power: 0 favours large objects, 1 small ones"
    )
    selection_share: float = Field(
        0.5,
        ge=0,
        le=1,
        description="heat of an object's hottest pixel, as a share of the peak, below which none is looked at",
    )


class SamGOPConfig(Config):
    """What `samgop` is built from.

    parts: "egnet", the EG-Net whose map weighs the heatmaps, where `gaze.saliency` says so.
    """

    model: Literal["samgop"] = "samgop"
    backbone: str = "mobilenet-v2"
    pixel_shuffle: bool = Field(True, description="levels enlarged twice by pixel shuffle (Table 7, PS)")
    input_size: int = Field(384, multiple_of=32, description="longer side of what the network sees, pixels")
    small_size: int = Field(
        192,
        ge=0,
        multiple_of=32,
        description="the same of a second, smaller picture in which large heads are looked for; 0 for none",
    )
    labels: tuple[str, ...] = Field(
        (), description="names of the objects' classes; a recipe that leaves them out has its data's"
    )
    detector: DetectorConfig = DetectorConfig()
    gaze: GazeConfig = GazeConfig()
    rules: RuleConfig = RuleConfig()
    association: AssociationConfig = AssociationConfig()
    shots: ShotConfig = ShotConfig()
    parts: dict[str, Part] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if len(set(self.labels)) != len(self.labels) or not all(self.labels):
            raise ValueError("labels: each class needs a name of its own")
        if self.detector.width % (4 * self.detector.attention_heads):
            raise ValueError("detector.width: a multiple of 4 x attention_heads is expected")
        if self.small_size >= self.input_size:
            raise ValueError("small_size: less than input_size is expected, or 0")
        if self.gaze.twin and not self.gaze.crop_side:
            raise ValueError("gaze.twin: there is no tower to have a twin, as gaze.crop_side is 0")
        if not self.gaze.roi_reconstruction and not self.gaze.crop_side and self.gaze.attention in {"both", "cone"}:
            raise ValueError("gaze.attention: a cone needs a direction, that of a head's features or crop")
        return self
