"""Configurations of Gaze2Mask-Net and WCS-Net: what an architecture needs to be built again from its weights."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator


class _Config(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Gaze2MaskConfig(_Config):
    """Gaze to Mask Network (Sec. 3.1, Eq. 2)."""

    model: Literal["gaze2mask"] = "gaze2mask"
    backbone: str = "deeplab-mobilenet-v2"
    width: int = Field(32, ge=1, description="channels of the decoder")
    input_size: int = Field(320, ge=32, description="side of the network's input, pixels")


class WCSNetConfig(_Config):
    """Weighted Correlation Siamese Network (Sec. 3.2, Eq. 3 to 5); each row of the paper's Table 6 is one field.

    levels: side-outputs with a correlation block ("Multi-level feature": (4, 5), (3, 4, 5), (2, 3, 4, 5) or all five).
    correlation: "weighted" is Eq. 3; "depthwise" is "w/o. weighted pooling": the template's feature map itself, from a
    template of half the size, is the kernel; "concat" is "w/o. weighted correlation": features are concatenated.
    hotspot_branch: False is "w/o. hotspot branch".
    """

    model: Literal["wcsnet"] = "wcsnet"
    backbone: str = "deeplab-mobilenet-v2"
    width: int = Field(32, ge=1, description="channels of the decoders")
    input_size: int = Field(320, ge=32, description="side of the search crop, pixels")
    levels: tuple[Literal[1, 2, 3, 4, 5], ...] = Field((1, 2, 3, 4, 5), min_length=1)
    correlation: Literal["weighted", "depthwise", "concat"] = "weighted"
    hotspot_branch: bool = True

    @field_validator("levels")
    @classmethod
    def _once(cls, levels: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(levels)) < len(levels):
            raise ValueError("each level once")
        return levels
