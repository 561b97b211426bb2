"""Configuration of EGCNet: what the architecture needs to be built again from its weights, and every constant.

The constants were chosen on the ten DAVIS development sequences, those of the density on the watched videos of the
recipe. `benchmarks/ablate_rules.py` switches each rule off; docs/results.md has what each is worth.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sightline.nn.config import Config, Layers
from sightline.nn.egnet import EGNetConfig
from sightline.nn.focus import FocusConfig
from sightline.nn.guided import GuidedFilterConfig
from sightline.nn.motion import VisibleMotionConfig
from sightline.nn.shots import ShotConfig


class FixationsConfig(Config):
    """Fixations of an eye tracker along a video."""

    sigma: float = Field(
        0.028,
        gt=0,
        description="standard deviation of their blur, in parts of the frame's longer side: few viewers stand for many;"
        " in training too",
    )
    decay_s: float = Field(
        0.2, gt=0, description="seconds in which a fixation's weight falls to 1/e. A small value keeps none"
    )
    least_weight: float = Field(0.05, gt=0, lt=1, description="weight below which a fixation is forgotten, for speed")


class DensityConfig(Config):
    """Where the network takes viewers to look: its fixation head, motion, memory, and an eye tracker's fixations."""

    region_sigma: float = Field(
        0.08, gt=0, description="standard deviation of a fixation region, in parts of the picture's sides"
    )
    region_window: int = Field(
        7, ge=1, description="side of the window, cells of stride 8, in which peaks are one region (odd)"
    )
    still_weight: float = Field(
        0.05,
        ge=0,
        description="weight of a still place beside one that surely moves, which has 1 and this. A large value leaves"
        " motion out",
    )
    motion_flattening: float = Field(
        0.6,
        ge=0,
        le=1,
        description="how far the density is flattened where something moves (its exponent is 1 less this): all of what"
        " moves counts, though viewers look at its head alone",
    )
    background_weight: float = Field(
        0.1, ge=0, description="weight of a place where the backbone knows no object, beside one where it surely does"
    )
    memory_weight: float = Field(
        2.0, ge=0, description="log-weight of a place that is like what was fixated before. 0 leaves memory out"
    )
    memory_flattening: float = Field(
        0.3, ge=0, le=1, description="how far the density is flattened for it: all of what is remembered counts"
    )
    classes_memory_weight: float = Field(
        0.5, ge=0, description="part of that log-weight with a backbone that knows objects, which flattens already"
    )
    own_exponent: float = Field(
        1 / 3,
        ge=0,
        le=1,
        description="exponent of the network's own density beside that of recorded fixations, which are few. 0 takes"
        " the recorded alone",
    )
    unseen_weight: float = Field(
        0.02, ge=0, description="weight of the network's own density among recorded fixations where nobody looked"
    )


class RecallConfig(Config):
    """The contrast's memory of earlier winners."""

    temperature: float = Field(0.1, gt=0, description="temperature of the similarity of two embeddings")
    least_similarity: float = Field(
        1e-5, gt=0, description="similarity below which a pixel is like nothing that is remembered"
    )
    limit: float = Field(4.0, ge=0, description="log-odds, at most, of a pixel for the object. 0 leaves recall out")
    interval: int = Field(
        2, ge=1, description="frames between two that are remembered: neighbours show nearly the same"
    )


class RefinementConfig(Config):
    """How colour and motion refine a mask: the teacher in training, and the last step of prediction."""

    rounds: int = Field(
        3, ge=0, description="rounds of refinement, each with the mask of the one before. 0 refines none"
    )
    guess: float = Field(0.8, ge=0, description="weight of the network's log-odds: it is over-confident")
    colour: float = Field(0.65, ge=0, description="weight of the colours' log-odds. 0 leaves them out")
    colour_bins: int = Field(12, ge=2, description="bins of red, green and blue each")
    colour_floor: float = Field(2e-5, gt=0, description="share of a colour below which it says nothing")
    colour_limit: float = Field(4.0, gt=0, description="log-odds, at most, of a colour")
    motion: float = Field(0.4, ge=0, description="weight of the motion's log-odds. 0 leaves them out")
    motion_bins: int = Field(8, ge=2, description="bins of the motion's histograms")
    motion_rare: float = Field(0.25, gt=0, description="prior share of a bin, in parts of a mean bin: rare says little")
    motion_limit: float = Field(2.0, gt=0, description="log-odds, at most, of a motion")
    window: int = Field(5, ge=1, description="side of the window of the affinity, pixels of stride 4 (odd)")
    colour_sigma: float = Field(
        0.12, gt=0, description="standard deviation of the affinity's colours, intensities of 0 to 1"
    )
    motion_sigma: float = Field(0.3, gt=0, description="standard deviation of the affinity's motion, 0 to 1")
    smoothing_rounds: int = Field(4, ge=0, description="mean-field iterations along the affinity. 0 smooths none")
    unary: float = Field(0.5, ge=0, description="weight of a pixel's own log-odds in them")
    pairwise: float = Field(4.0, ge=0, description="weight of its neighbours' mean, less 1/2")
    saturation: float = Field(
        0.005, gt=0, lt=0.5, description="probabilities are cut at this and 1 less this: no pixel is certain"
    )
    unary_saturation: float = Field(0.01, gt=0, lt=0.5, description="likewise, in the mean-field iterations")


class MaskConfig(Config):
    """How the winner's logits become a map at the picture's size, in prediction alone."""

    size: float = Field(
        0.5, ge=0, description="weight of the log-odds of the object's area: small objects have fewer pixels. 0: none"
    )
    recall: float = Field(0.6, ge=0, description="weight of the log-odds of recall. 0 leaves it out")
    distance: float = Field(
        0.4, ge=0, description="weight of what speaks against a place far from where viewers look. 0 leaves it out"
    )
    distance_floor: float = Field(
        0.02, gt=0, description="density, in parts of its maximum, that counts as none: distance says no more beyond"
    )
    steepness: float = Field(
        5.0,
        gt=0,
        description="steepness of the map at a mask's edge, which the filter blurs. Near 0 leaves it as it is",
    )
    edges: GuidedFilterConfig = GuidedFilterConfig()


class HotspotConfig(Config):
    """The focal point of where viewers look, on the object."""

    retention: float = Field(
        0.8, ge=0, lt=1, description="share of the past, warped, in the density whose peak is sought: a steady point"
    )
    focus_width: float = Field(
        0.25, gt=0, description="standard deviation of the mean shift, in parts of the root of the mask's area"
    )
    focus: FocusConfig = FocusConfig()


class EGCNetConfig(Config):
    """From Sight to Insight. Every module of the ablation is one field.

    sight: the fixation head, an EG-Net that shares the backbone's first three stages.
    """

    model: Literal["egcnet"] = "egcnet"
    backbone: str = "mobilenet-v2"
    sight: EGNetConfig = EGNetConfig(backbone="mobilenet-v2")
    input_size: int = Field(320, ge=64, description="the network's input has the area of a square of this side, pixels")
    width: int = Field(32, ge=8, description="channels of the pixel decoder")
    query_width: int = Field(64, ge=16, multiple_of=16, description="channels of a query")
    queries: int = Field(6, ge=2, description="object queries a frame")
    regions: int = Field(3, ge=1, description="fixation regions that initialise a query each, with `position_semantic`")
    layers: Layers = Field(2, description="layers of the query decoder")
    embedding: int = Field(32, ge=2, description="channels of the contrast's pixel embedding, with `contrast`")
    memory: int = Field(12, ge=1, description="winners of earlier frames that are kept")
    position_semantic: bool = Field(True, description="the Position and Semantic Embedding (PSE)")
    competition: bool = Field(True, description="the Semantics and Locality Query (SLQ) Competitor")
    contrast: bool = Field(
        True, description="the embedding of Intra-Inter Mixed Contrastive learning (IIMC), and its memory"
    )
    initial_narrowness: float = Field(
        8.0, description="penalty of a query, before training, on the squared distance from its point, picture sides"
    )
    locality_scale: float = Field(
        4.0, gt=0, description="log-odds at which the competition's locality term saturates: no term may outweigh all"
    )
    fixations: FixationsConfig = FixationsConfig()
    density: DensityConfig = DensityConfig()
    recall: RecallConfig = RecallConfig()
    refinement: RefinementConfig = RefinementConfig()
    mask: MaskConfig = MaskConfig()
    hotspot: HotspotConfig = HotspotConfig()
    motion: VisibleMotionConfig = VisibleMotionConfig()
    shots: ShotConfig = ShotConfig()
