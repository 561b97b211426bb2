"""Everything that tunes a crop path, with unit and reason."""

from __future__ import annotations

from pydantic import Field

from sightline.nn.config import Config
from sightline.nn.shots import ShotConfig


class InterestConfig(Config):
    """What of a model's frame is worth keeping in view."""

    cells: int = Field(64, ge=8, le=256, description="cells along the longer side of the grid that a frame becomes")
    saliency: float = Field(1.0, ge=0, description="weight of where viewers look")
    mask: float = Field(1.0, ge=0, description="weight of the objects' area: the probability, or else the mask")
    hotspot: float = Field(0.5, ge=0, description="weight of a spot at the hotspot, times its score")
    people: float = Field(1.0, ge=0, description="weight of the heads of people, where a model finds them")
    hotspot_width: float = Field(
        0.04, gt=0, description="standard deviation of the spot, of the picture's longer side: a face in a wide shot"
    )
    tail: float = Field(
        0.02, ge=0, lt=0.5, description="share of a mask beyond each side of its box: stray pixels do not widen it"
    )


class MotionConfig(Config):
    """What a calm path costs. Lengths are in sizes of the crop along the axis, so they hold at every resolution."""

    max_speed: float = Field(1.5, gt=0, description="crop sizes a second; a faster camera blurs and tires")
    max_acceleration: float = Field(3.0, gt=0, description="crop sizes a second squared")
    speed: float = Field(
        0.15, ge=0, description="cost of a unit of the path's first difference: prefers standing still"
    )
    acceleration: float = Field(0.25, ge=0, description="of the second: prefers an even pan")
    jerk: float = Field(0.05, ge=0, description="of the third: prefers soft starts and stops")
    outside: float = Field(
        20.0, ge=0, description="cost a second of a crop size of the object's box outside of the crop"
    )
    off_centre: float = Field(1.5, ge=0, description="cost a second of a crop size beyond the free zone")
    margin: float = Field(
        0.05,
        ge=0,
        lt=0.5,
        description="air that the object's box wants on each side, where there is room, in crop sizes",
    )
    free_zone: float = Field(
        0.08, ge=0, le=0.5, description="how far from the middle the target may be for nothing, in crop sizes"
    )


class ReframeConfig(Config):
    """How a crop path is found."""

    interest: InterestConfig = InterestConfig()
    shots: ShotConfig = ShotConfig()
    motion: MotionConfig = MotionConfig()
    looks_hz: float = Field(
        10.0, gt=0, description="how often a second the model looks, at least: the path is calm, attention is slower"
    )
    offsets: int = Field(49, ge=3, description="places along the free axis that are compared")
    rate_hz: float = Field(8.0, gt=0, description="how often a second the target is chosen; attention is slower")
    travel: float = Field(
        0.15, ge=0, description="what the target costs to wander by a crop size, in seconds of everything lost"
    )
    cut: float = Field(
        1.0,
        gt=0,
        description="what a cut inside of a shot costs, in seconds of everything lost: rarer than viewers switch",
    )
    box_cut: float = Field(0.5, ge=0, description="loss where the object's box is outside, beside its interest")
    pan: float = Field(0.015, ge=0, description="share of the interest that a pan must save over a still crop")
    follow: float = Field(0.03, ge=0, description="share of the interest that following must save over a still crop")
    fits: float = Field(
        0.35, ge=0, le=1, description="share of the interest lost above which `fit` pad or blur shows a wider part"
    )
    widen: float = Field(0.10, ge=0, le=1, description="share of the interest that such a wider part may lose at most")
    composition: float = Field(
        0.05, ge=0, description="loss of a crop whose target is a crop size from its middle: decides between equals"
    )
    middle: float = Field(
        0.1, ge=0, description="loss of a crop that is a crop size off the picture's middle, where viewers look anyway"
    )
    spread: float = Field(0.8, gt=0, le=1, description="share of the interest that a zoom keeps, where there is no box")
    zoom_speed: float = Field(
        0.15, gt=0, description="largest change of a zoomed crop's size, in base sizes a second, and a second squared"
    )
    zoom_cost: float = Field(
        4.0, ge=0, description="cost a second of a zoom too near by a base size, against 1 too far"
    )
    zoom_least: float = Field(0.06, ge=0, description="a zoom that changes by less, in base sizes, stays as it is")
    headroom: float = Field(1.6, ge=1, description="size of a zoomed crop over the object's box")
    window_s: float = Field(120.0, gt=0, description="a longer shot is solved in windows of so many seconds")
    overlap_s: float = Field(10.0, gt=0, description="how far a window looks ahead, seconds: longer than any reaction")
