"""What STANet and the nets behind its pseudo-fixations are built from."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from sightline.models.weights import Part
from sightline.nn.audiovisual import AudioFusion, Sources
from sightline.nn.cam import BOX_FACTOR
from sightline.nn.config import Config

Output = Literal["probability", "density"]


class WindowConfig(Config):
    """What counts as around a frame."""

    sound_s: float = Field(1.0, gt=0, description="length of the sound, centred on the frame, seconds (Sec. 3.7)")
    step_s: float = Field(
        0.12,
        gt=0,
        description="from a frame to its two temporal neighbours, seconds; next frames, as in the paper's code, hardly "
        "differ on a grid of 16 pixels",
    )


class NetConfig(Config):
    """What all nets share."""

    backbone: str = "mobilenet-v2-1280"
    audio_encoder: str = "mn04"
    audio_fusion: AudioFusion = "matching"
    width: int = Field(64, ge=1, description="channels of the fused features")
    dropout: float = Field(
        0.5, ge=0, lt=1, description="of the backbone's channels in training: with few objects, each is known by heart"
    )
    tags: tuple[str, ...] = Field(
        (), description="the categories, in the order of the classifiers; a recipe that leaves them out has its data's"
    )
    window: WindowConfig = WindowConfig()

    @property
    def needs_tags(self) -> bool:
        """Whether the model cannot be without."""
        return True

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        if len(set(self.tags)) != len(self.tags) or not all(self.tags):
            raise ValueError("tags: each needs a name of its own")
        return self


class ScamConfig(NetConfig):
    """The classification nets and how their maps become pseudo-fixations (Sec. 3.4 to 3.7).

    A row of the paper's Tables 1 to 3 is one choice of `maps`, `fusion`, `stage` and `audio_switch`.
    """

    model: Literal["scam"] = "scam"
    nets: tuple[Sources, ...] = Field(("S", "ST", "SA", "STA"), min_length=1, description="nets there are, each stage")
    maps: tuple[Sources, ...] = Field(("S", "ST", "SA"), min_length=1, description="nets whose maps are fused")
    fusion: Literal["selective", "average"] = Field("selective", description="Eq. 2, or the plain average of Table 1")
    stage: Literal["coarse", "fine"] = Field("fine", description="where to stop")
    audio_switch: bool = Field(True, description="without it all sound counts (Table 3)")
    several_tags: bool = Field(
        False, description="a video may have several: a confidence is a sigmoid then, a softmax otherwise"
    )
    coarse_size: int = Field(
        432,
        ge=32,
        description="side of a square of the input's area, pixels; it keeps the frame's proportions (paper: a frame "
        "squeezed into a square of 256, in which the backbone no longer finds the classes that it knows). Maps are "
        "squares of this side",
    )
    fine_size: int = Field(256, ge=32, description="side of the square crops, pixels (paper: 356)")
    box_factor: float = Field(BOX_FACTOR, gt=0, description="averages of the coarse map above which the box lies")
    smallest_box: float = Field(
        0.1,
        ge=0,
        le=1,
        description="smallest side of a box, in parts of the frame's shorter side; a crop of few pixels shows nothing "
        "(paper: no limit, and boxes of any proportions, squeezed)",
    )

    @model_validator(mode="after")
    def _made(self) -> Self:
        if not set(self.maps) <= set(self.nets):
            raise ValueError(f"maps: {', '.join(self.maps)} of nets that are only {', '.join(self.nets)}")
        return self


class MovementConfig(Config):
    """How movement is gathered: see `movement.Movement`."""

    detail: int = Field(2, ge=1, description="pixels of the pictures that are compared, for one of the network's input")
    short_s: float = Field(0.5, gt=0, description="time over which movement is averaged, seconds: a gesture")
    long_s: float = Field(2.0, gt=0, description="the same: a sentence")
    floor: float = Field(1.0, gt=0, description="change that is noise, grey levels of 256")
    steadiness: float = Field(
        0.05, gt=0, description="variance of the loudness's logarithm below which the sound counts as steady"
    )


class STANetConfig(NetConfig):
    """The spatial-temporal-audio network (Sec. 3.8).

    parts: "egnet", an EG-Net whose backbone the network looks with; the weights then hold none of their own. Or
    "trunk", a model with the same frozen backbone; the weights then hold what that one has not.
    """

    model: Literal["stanet", "stanet-fixations"] = Field(
        "stanet", description="what it learned from: pseudo-fixations of tags, or recorded fixations"
    )
    parts: dict[str, Part] = Field(default_factory=dict)
    input_size: int = Field(432, ge=32, description="as the classification nets' `coarse_size` (paper: 356, squeezed)")
    egnet_decoder: bool = Field(
        False,
        description="the decoder begins at level 5, as EG-Net's does, and the fused features join at level 4, "
        "so that it can begin with EG-Net's weights; without it, it begins at the fused features",
    )
    decoder_width: int = Field(64, ge=1, description="channels of the decoder")
    output: Output = Field(
        "probability",
        description="what the logits say: of each place by itself (Eq. 6), or of all places as one density, which is "
        "what recorded fixations are",
    )
    centre_prior: bool = Field(
        False,
        description="a learned additive map: people look near the middle, and convolutions know no places",
    )
    movement: MovementConfig | None = Field(
        None, description="what moves, and what moves as the sound does, as input of the decoder's last block"
    )
    audio_switch: bool = Field(True, description="without it all sound counts (Table 3)")
    switch_threshold: float = Field(0.5, ge=0, le=1, description="score above which the sound counts")

    @property
    def needs_tags(self) -> bool:
        """The audio switch compares sound and tag; without it there need be none."""
        return self.audio_switch
