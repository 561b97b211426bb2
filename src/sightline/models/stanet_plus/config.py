"""What STANet+ and the nets behind its pseudo-fixations are built from."""

from __future__ import annotations

from typing import Literal, Self, cast, get_args

from pydantic import Field, model_validator

from sightline.models.stanet.config import ScamConfig
from sightline.models.stanet_plus.graph import GraphConfig
from sightline.models.weights import Part
from sightline.nn.audiovisual import Sources
from sightline.nn.config import Config

Term = Literal["short", "long", "cross"]
"""Where context comes from: around the frame, anywhere in its video, other videos of its tag."""
PlusMap = Literal["S+ short", "ST+ short", "S+ long", "SA+ long", "ST+ long", "S+ cross", "SA+ cross", "ST+ cross"]
"""The eight nets of Sec. 4.1. SA+ has no short term: its second of sound covers that."""
MapName = Literal["S", "SA", "ST", "S refined", PlusMap]
"""A net of SCAM, S behind a fixation refine layer (Table 1, line 12), or one of the eight."""
PLUS_MAPS: tuple[PlusMap, ...] = get_args(PlusMap)
SCAM_PLUS: tuple[MapName, ...] = ("S", "SA", "ST", *PLUS_MAPS)
"""The eleven maps of Eq. 8."""


def sources_of(name: PlusMap) -> Sources:
    """What a net looks at.

    Examples
    --------
    >>> sources_of("ST+ long"), term_of("ST+ long")
    ('ST', 'long')
    """
    return cast(Sources, name.partition("+")[0])


def term_of(name: PlusMap) -> Term:
    """Where a net's context comes from."""
    return cast(Term, name.partition(" ")[2])


class ContextConfig(Config):
    """What counts as context (Sec. 4.2)."""

    short_s: float = Field(
        0.48,
        gt=0,
        description="from a frame to its short-term context, seconds: four steps to its temporal neighbours, so that "
        "no two clips of three frames overlap (paper: the clips lie side by side); long-term context is farther away",
    )
    samples: int = Field(16, ge=1, description="frames of a video that are kept as its long-term context")
    videos: int = Field(4, ge=1, description="other videos of a tag that are looked at for cross-term context")
    seed: int = Field(0, ge=0, description="of the draw among frames and videos")


class ScamPlusConfig(Config):
    """The nets with context, and how their maps and SCAM's become pseudo-fixations (Eq. 8).

    A row of the paper's Table 1 is one choice of `maps` and `fusion` here, and of `stage` and `audio_switch` in `scam`.
    """

    model: Literal["scam-plus"] = "scam-plus"
    scam: ScamConfig = Field(ScamConfig(), description="the nets that they build on; training has those of its weights")
    graph: GraphConfig = GraphConfig()
    context: ContextConfig = ContextConfig()
    nets: tuple[PlusMap, ...] = Field(PLUS_MAPS, description="nets with context that there are")
    maps: tuple[MapName, ...] = Field(SCAM_PLUS, min_length=1, description="nets whose maps are fused")
    fusion: Literal["selective", "average"] = Field("selective", description="Eq. 8, or the plain average")

    @model_validator(mode="after")
    def _made(self) -> Self:
        there = {*self.scam.nets, "S refined", *self.nets}
        missing = [name for name in self.maps if name not in there]
        if missing:
            raise ValueError(f"maps: {', '.join(missing)}: no such net among {', '.join(sorted(there))}")
        lacking = {sources_of(name) for name in self.nets} - {*self.scam.nets}
        if lacking:
            raise ValueError(f"nets: {', '.join(sorted(lacking))}: scam.nets has none for them to build on")
        return self


Readout = Literal["residual", "map"]
"""What a readout gives: what is added to STA's logits, nothing at first, or a map of its own (Eq. 19)."""
Output = Literal["fusion", "product", "sum", "max", "sta", "short", "long"]
"""What the map is: Eq. 21, Eq. 23, the plain sum or maximum (the released code's) of the three, or one of them."""


class STANetPlusConfig(Config):
    """STA+ with short- and with long-term context, beside STA (Sec. 5).

    parts: "sta", the STANet whose features they read and whose map they are fused with.
    """

    model: Literal["stanet-plus"] = "stanet-plus"
    parts: dict[str, Part] = Field(default_factory=dict)
    width: int = Field(64, ge=1, description="channels of STA's fused features, as its weights have them")
    graph: GraphConfig = Field(
        GraphConfig(pool=2),
        description="on 2x2 places of STA's features: at their full size the messages take as long as all the rest",
    )
    context: ContextConfig = ContextConfig()
    readout: Readout = Field(
        "residual",
        description="residual: what context changes in STA's map, so that training begins at STA; map: Eq. 19, a map "
        "of its own from 1/16 of the input, which has to learn anew what STA's decoder knows",
    )
    recall: bool = Field(
        True,
        description="a frame's places are also matched with what was heard beside its context: a bark lasts half a "
        "second, and viewers still know who barked (ours)",
    )
    output: Output = Field("fusion", description="what the map is: Table 6, and the three parts")
