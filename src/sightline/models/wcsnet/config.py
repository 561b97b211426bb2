"""Configurations of Gaze2Mask-Net and WCS-Net: what an architecture needs to be built again from its weights, and every
constant of the tracker.

The tracker's constants were chosen on the ten DAVIS development sequences. `benchmarks/ablate_rules.py` switches each
rule off; docs/results.md has what each is worth.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from sightline.models.weights import Part
from sightline.nn.config import Config
from sightline.nn.focus import FocusConfig
from sightline.nn.guided import GuidedFilterConfig
from sightline.nn.memory import PixelMemoryConfig
from sightline.nn.motion import MotionConfig
from sightline.nn.shots import ShotConfig

_FEATURE_LIMIT = "standard deviations at which a feature is cut before the correlation: one outlier would outweigh all"


class Gaze2MaskConfig(Config):
    """Gaze to Mask Network (Sec. 3.1, Eq. 2)."""

    model: Literal["gaze2mask"] = "gaze2mask"
    backbone: str = "deeplab-mobilenet-v2"
    width: int = Field(32, ge=1, description="channels of the decoder")
    input_size: int = Field(320, ge=32, description="side of the network's input, pixels")
    feature_limit: float = Field(4.0, gt=0, description=_FEATURE_LIMIT)


class StartConfig(Config):
    """How the target is chosen and segmented in its first frame."""

    point_sigma: float = Field(
        0.04, gt=0, description="standard deviation of a point as a map, in parts of the frame's longer side"
    )
    close_sigma: float = Field(
        0.012,
        gt=0,
        description="the same of a second, closer look: small things are found by it, of large ones it finds parts."
        " Also the radius of what a point surely marks, where points on and beside the target share it out",
    )
    box_sigma: float = Field(
        0.25,
        gt=0,
        description="standard deviation of a box as a map, in parts of its sides: objects fill the middle",
    )
    still_weight: float = Field(
        0.05,
        ge=0,
        le=1,
        description="weight of saliency where nothing moves, beside 1 where something surely does: of what attracts the"
        " eye the moving counts most. 1 leaves motion out",
    )
    motion_exponent: float = Field(2.0, gt=0, description="exponent of that weight")
    zoom: bool = Field(
        True, description="segment a second time, in a crop around what was found: small objects get more pixels"
    )
    fallback_crop: float = Field(
        0.5,
        gt=0,
        le=1,
        description="side of a second crop, around the guidance's maximum, in parts of the frame's longer side, where"
        " no object stands out in the whole frame",
    )
    fallback_quantile: float = Field(
        0.97, ge=0, lt=1, description="quantile of the guidance that stands for a mask where no object stands out"
    )


class CropConfig(Config):
    """The square that the network sees, and how it moves with the target."""

    context: float = Field(
        2.0, gt=1, description="side in parts of the target's longer side (the paper leaves it open): room to move"
    )
    side_change: float = Field(0.1, ge=0, lt=1, description="largest change of the side a frame, in parts of it")
    shared: float = Field(
        1.6,
        ge=1,
        description="side of a crop that several targets share, in parts of the smallest of their own, at most: a wider"
        " one shows each of them too small. 1 shares equal crops alone",
    )


class LostConfig(Config):
    """When a target counts as lost, and how it is found again."""

    area: float = Field(
        0.05, ge=0, lt=1, description="part of the target's usual area below which what is found is a remnant: lost"
    )
    area_rate: float = Field(
        0.02, ge=0, le=1, description="rate a frame at which the usual area follows the mask's: what is hidden is there"
    )
    search_frames: int = Field(
        12, ge=1, description="frames in which the search widens from the last crop to the whole frame"
    )
    give_up_frames: int = Field(
        25,
        ge=1,
        description="frames after which EG-Net chooses a new target for one of its own choice; one that was given is"
        " waited for",
    )
    novelty: float = Field(
        0.5,
        ge=0,
        le=1,
        description="share of a component that has to be newly visible, or where the target was last, to be the target:"
        " what was in view all the time is not. 0 accepts all",
    )
    colour_margin: float = Field(
        2.0,
        ge=1,
        description="gain of how surely a pixel is the one before, before it is cut at 1: small changes leave it so",
    )


class EvidenceConfig(Config):
    """What is added to the log-odds of the network's mask, and where the target can be."""

    warped_mask: float = Field(
        1.0, ge=0, description="log-odds, at most, of the last mask, warped by the flow. 0 leaves it out"
    )
    motion: float = Field(2.0, ge=0, description="log-odds, at most, of a pixel's motion. 0 leaves it out")
    colour: float = Field(2.0, ge=0, description="log-odds, at most, of a pixel's colour. 0 leaves it out")
    bins: int = Field(
        8, ge=2, description="bins of the motion, and of red, green and blue each: more would be empty in small crops"
    )
    colour_retention: float = Field(
        0.9, ge=0, lt=1, description="share of the past in the colour histograms, a frame: they outlast a bad mask"
    )
    colour_window: int = Field(
        3, ge=1, description="side of the window that the colours' log-odds are averaged in, cells of the crop"
    )
    rare: float = Field(
        0.25, gt=0, description="prior count of a histogram's bin, in parts of a mean bin: rare values say little"
    )
    reach: float = Field(
        0.15,
        ge=0,
        description="how far beyond its warped mask the target can be, in parts of the target's longer side:"
        " look-alikes further off are left out. A large value leaves none out",
    )
    distractor_reach: float = Field(
        0.05, ge=0, description="how far it can be on a distractor, likewise. The same as `reach` knows no distractors"
    )


class HotspotConfig(Config):
    """Where on the target people look, and the focal point."""

    size: int = Field(80, ge=8, description="side of the map, cells: finer than the fixations' own blur")
    interval: int = Field(5, ge=1, description="frames between two passes of EG-Net, which takes time")
    retention: float = Field(0.8, ge=0, lt=1, description="share of earlier passes in their mean: one pass is noisy")
    exponent: float = Field(1.25, gt=0, description="exponent of that mean: people agree more than the mean is peaked")
    rim: int = Field(
        2,
        ge=0,
        description="cells beyond the mask where fixations still count: masks, eyes and trackers err by as much",
    )
    network_exponent: float = Field(
        0.05, ge=0, description="exponent of the network's own hotspot map beside it. 0 leaves it out"
    )
    smoothing: float = Field(0.85, ge=0, lt=1, description="share of the past in the map that is shown: a steady map")
    gaze_floor: float = Field(
        0.02,
        ge=0,
        lt=1,
        description="saliency, or gaze, on the target, in parts of the frame's highest, that is too faint to say where"
        " on it people look",
    )
    recentre: float = Field(
        0.05, ge=0, le=1, description="rate a frame at which the map's square goes to the search crop: shifts add up"
    )
    jump: float = Field(
        0.15, gt=0, description="distance of the square from the search crop, in parts of its side, at which it jumps"
    )
    jump_scales: tuple[float, float] = Field(
        (0.7, 1.4), description="smallest and largest ratio of their sides; beyond it jumps, likewise"
    )
    leap: float = Field(
        0.5,
        gt=0,
        description="move of the focal point in a frame, less the target's own, in parts of the target's longer side,"
        " at which attention has gone on: EG-Net chooses anew. A large value never does",
    )
    focus_width: float = Field(
        0.08, gt=0, description="standard deviation of the mean shift of the focal point, in parts of the square's side"
    )
    focus: FocusConfig = FocusConfig()


class TrackerConfig(Config):
    """The online loop around the networks."""

    component_weight: float = Field(
        0.2,
        ge=0,
        le=1,
        description="weight of a mask's component, in parts of the heaviest one's, below which it is not of the target."
        " 0 keeps all",
    )
    edge_stride: int = Field(
        4, ge=1, description="stride of the mask's grid that the guided filter works on, for speed"
    )
    start: StartConfig = StartConfig()
    crop: CropConfig = CropConfig()
    lost: LostConfig = LostConfig()
    evidence: EvidenceConfig = EvidenceConfig()
    hotspot: HotspotConfig = HotspotConfig()
    motion: MotionConfig = MotionConfig()
    shots: ShotConfig = ShotConfig()
    edges: GuidedFilterConfig = GuidedFilterConfig()


class WCSNetConfig(Config):
    """Weighted Correlation Siamese Network (Sec. 3.2, Eq. 3 to 5); each row of the paper's Table 6 is one field.

    levels: side-outputs with a correlation block ("Multi-level feature": (4, 5), (3, 4, 5), (2, 3, 4, 5) or all five).
    correlation: "weighted" is Eq. 3; "both" (ours) has the search features beside it; "depthwise" is "w/o. weighted
    pooling": the template's feature map itself, from a template of half the size, is the kernel; "concat" is "w/o.
    weighted correlation": features are concatenated.
    hotspot_branch: False is "w/o. hotspot branch". parts: the EG-Net ("egnet") and the Gaze2Mask-Net ("gaze2mask") that
    the whole system works with.
    """

    model: Literal["wcsnet"] = "wcsnet"
    backbone: str = "deeplab-mobilenet-v2"
    width: int = Field(32, ge=1, description="channels of the decoders")
    input_size: int = Field(320, ge=32, description="side of the search crop, pixels")
    levels: tuple[Literal[1, 2, 3, 4, 5], ...] = Field((1, 2, 3, 4, 5), min_length=1)
    correlation: Literal["weighted", "both", "depthwise", "concat"] = "weighted"
    hotspot_branch: bool = True
    feature_limit: float = Field(4.0, gt=0, description=_FEATURE_LIMIT)
    memory: Literal["none"] | PixelMemoryConfig = Field(
        "none",
        description="a memory of past frames, pixel by pixel, beside the correlation; none is the paper's network",
    )
    tracker: TrackerConfig = TrackerConfig()
    parts: dict[str, Part] = Field(default_factory=dict)

    @field_validator("levels")
    @classmethod
    def _once(cls, levels: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(levels)) < len(levels):
            raise ValueError("each level once")
        return levels
