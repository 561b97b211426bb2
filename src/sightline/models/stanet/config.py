"""What STANet and the nets behind its pseudo-fixations are built from."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from sightline.nn.audiovisual import AudioFusion, Sources
from sightline.nn.cam import BOX_FACTOR
from sightline.nn.config import Config


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
    audio_fusion: AudioFusion = "bilinear"
    width: int = Field(64, ge=1, description="channels of the fused features")
    tags: tuple[str, ...] = Field(
        (), description="the categories, in the order of the classifiers; a recipe that leaves them out has its data's"
    )
    window: WindowConfig = WindowConfig()

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


class STANetConfig(NetConfig):
    """The spatial-temporal-audio network (Sec. 3.8)."""

    model: Literal["stanet"] = "stanet"
    input_size: int = Field(432, ge=32, description="as the classification nets' `coarse_size` (paper: 356, squeezed)")
    decoder_width: int = Field(64, ge=1, description="channels of the decoder")
    audio_switch: bool = Field(True, description="without it all sound counts (Table 3)")
    switch_threshold: float = Field(0.5, ge=0, le=1, description="score above which the sound counts")
