"""The recipes of STANet+: the nets with context, and STA+."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sightline.models.stanet_plus.config import ScamPlusConfig, STANetPlusConfig
from sightline.training.stanet.recipe import TaggedRecipe


class ScamPlusRecipe(TaggedRecipe):
    """Train the nets with context from video tags alone (Sec. 4). scam: the nets that they build on, a folder.

    `every_s` is what lies between a frame and its short-term context.
    """

    train: Literal["scam-plus"]
    network: ScamPlusConfig = ScamPlusConfig()
    scam: str


class STANetPlusRecipe(TaggedRecipe):
    """Train STA+ on pseudo-fixations (Sec. 5).

    scam_plus: the nets that they come from, a folder. sta: the STANet that it reads and is fused with, a folder or the
    name of shipped weights; it becomes a part of the config. `every_s` as in `ScamPlusRecipe`.
    """

    train: Literal["stanet-plus"]
    network: STANetPlusConfig = STANetPlusConfig()
    scam_plus: str
    sta: str
    kl_weight: float = Field(1.0, ge=0, description="of the divergence beside the cross-entropy (Eq. 20)")
