"""Configuration of EGCNet: what the architecture needs to be built again from its weights."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from sightline.nn.egnet import EGNetConfig


class EGCNetConfig(BaseModel):
    """From Sight to Insight. Every module of the ablation is one field.

    sight: the fixation head, an EG-Net that shares the backbone's first three stages.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: Literal["egcnet"] = "egcnet"
    backbone: str = "mobilenet-v2"
    sight: EGNetConfig = EGNetConfig(backbone="mobilenet-v2")
    input_size: int = Field(320, ge=64, description="the network's input has the area of a square of this side, pixels")
    width: int = Field(32, ge=8, description="channels of the pixel decoder")
    query_width: int = Field(64, ge=16, multiple_of=16, description="channels of a query")
    queries: int = Field(6, ge=2, description="object queries a frame")
    regions: int = Field(3, ge=1, description="fixation regions that initialise a query each, with `position_semantic`")
    layers: int = Field(2, ge=1, description="layers of the query decoder")
    embedding: int = Field(32, ge=2, description="channels of the contrast's pixel embedding, with `contrast`")
    memory: int = Field(12, ge=1, description="winners of earlier frames that are kept")
    position_semantic: bool = Field(True, description="the Position and Semantic Embedding (PSE)")
    competition: bool = Field(True, description="the Semantics and Locality Query (SLQ) Competitor")
    contrast: bool = Field(
        True, description="the embedding of Intra-Inter Mixed Contrastive learning (IIMC), and its memory"
    )
