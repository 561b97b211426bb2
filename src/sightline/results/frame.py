"""What a model says of one frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Hotspot:
    """The focal point of the attended object.

    x_px, y_px: position in pixels of the source frame, from its top-left corner.
    score: confidence in [0, 1] that the target is in view and this is its focus.
    """

    x_px: float
    y_px: float
    score: float


@dataclass(frozen=True, slots=True)
class Queries:
    """The competition of a frame's object queries.

    winner: its number. semantic, locality, score: (Q,) what each query had for it: closeness to what is fixated,
    fixations inside against outside of its mask, and its own score. total: (Q,), their weighted sum, whose largest
    wins. masks: (Q, h, w) in [0, 1], at a fraction of the frame's size.
    """

    winner: int
    semantic: NDArray[np.float32]
    locality: NDArray[np.float32]
    score: NDArray[np.float32]
    total: NDArray[np.float32]
    masks: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Frame:
    """A model's result for one frame of a source.

    index: frame number from 0. time_s: seconds from the first frame's presentation time.
    image: (H, W, 3) uint8 RGB, the source frame itself.
    saliency: (H, W) float32 in [0, 1], at source resolution.
    mask: (H, W) uint8, 0 = background, 1.. = objects; None for models that give none.
    hotspot: None where the model gives none or the target is lost.
    state: "start" (target chosen in this frame), "track", "lost" (the target is not in view) or "map" (no target).
    attention: (H, W) float32 in [0, 1], where people look, of a model whose saliency is the object itself; the overlay
        draws it as heat.
    queries: who won a competition of object queries and why, of models that hold one.
    """

    index: int
    time_s: float
    image: NDArray[np.uint8]
    saliency: NDArray[np.float32]
    mask: NDArray[np.uint8] | None = None
    hotspot: Hotspot | None = None
    state: str = "map"
    attention: NDArray[np.float32] | None = None
    queries: Queries | None = None
