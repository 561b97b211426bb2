"""People and objects over frames: who is who, and where each looks, steadily."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.optimize import linear_sum_assignment

from sightline.nn.config import Config

Array = NDArray[np.float64]


class AssociationConfig(Config):
    """How boxes of a frame find their numbers of the frames before, and how targets are steadied."""

    overlap: float = Field(
        0.3, ge=0, le=1, description="IoU from which two boxes are the same without a look at what is in them"
    )
    reach: float = Field(
        1.0,
        ge=0,
        description="how far a box may have moved without overlap, in its own sizes for each 0.1 s since it was seen; "
        "a head crosses itself in no less",
    )
    likeness: float = Field(
        0.6, ge=-1, le=1, description="cosine of the looks from which two boxes within reach are the same"
    )
    look_weight: float = Field(0.5, ge=0, le=1, description="of the looks beside the overlap, where boxes compete")
    look_memory: float = Field(0.8, ge=0, lt=1, description="how much of a look stays when it is seen anew")
    memory_s: float = Field(1.5, ge=0, description="how long a number is kept for a box that is not seen, seconds")
    steady_s: float = Field(
        0.25,
        ge=0,
        description="time constant of the mean of a person's heatmaps, seconds; a look at one thing lasts longer",
    )
    keep: float = Field(
        1.2, ge=1, description="how many times as much heat another object needs to become the one that is looked at"
    )


@dataclass
class _Track:
    number: int
    box: Array
    look: Array | None
    seen_s: float


class Association:
    """Gives boxes the numbers of the frames before: by overlap, and by looks where they moved too far for that.

    Parameters
    ----------
    config : AssociationConfig
        When two boxes are the same.

    Examples
    --------
    >>> people = Association(AssociationConfig())
    >>> people.update(0.0, np.array([[10.0, 10, 30, 30], [50, 10, 70, 30]]))
    [1, 2]
    >>> people.update(0.04, np.array([[52.0, 10, 72, 30], [11, 10, 31, 30]]))
    [2, 1]
    """

    def __init__(self, config: AssociationConfig) -> None:
        self.config = config
        self._tracks: list[_Track] = []
        self._last = 0

    def update(self, time_s: float, boxes: Array, looks: Array | None = None) -> list[int]:
        """The numbers of a frame's boxes.

        Parameters
        ----------
        time_s : float
            Of the frame, seconds.
        boxes : ndarray, (K, 4)
            x1, y1, x2, y2 in pixels.
        looks : ndarray, (K, D), optional
            A feature of each box, of any length; without them overlap alone counts.

        Returns
        -------
        list of int
            K numbers from 1, no two the same. A box that is none of those before gets the next that was never given.
        """
        config = self.config
        boxes = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
        units = None if looks is None else _unit(np.asarray(looks, dtype=np.float64))
        self._tracks = [track for track in self._tracks if time_s - track.seen_s <= config.memory_s]
        numbers = [0] * len(boxes)
        for row, track in self._pairs(time_s, boxes, units):
            numbers[row] = track.number
            track.box, track.seen_s = boxes[row], time_s
            if units is not None:
                mixed = units[row] * (1 - config.look_memory)
                track.look = units[row] if track.look is None else _unit(track.look * config.look_memory + mixed)
        for row, number in enumerate(numbers):
            if not number:
                self._last += 1
                numbers[row] = self._last
                self._tracks.append(_Track(self._last, boxes[row], None if units is None else units[row], time_s))
        return numbers

    def forget(self) -> None:
        """Start anew, as at a cut: the boxes to come are none of those before. Numbers go on."""
        self._tracks = []

    def _pairs(self, time_s: float, boxes: Array, units: Array | None) -> list[tuple[int, _Track]]:
        """The rows of boxes and the tracks that they go on with."""
        if not len(boxes) or not self._tracks:
            return []
        config = self.config
        before = np.stack([track.box for track in self._tracks])
        overlap = _iou(boxes, before)
        likeness = np.zeros_like(overlap)
        if units is not None:
            known = np.stack([np.zeros(units.shape[1]) if one.look is None else one.look for one in self._tracks])
            likeness = units @ known.T
        elapsed = np.array([max(time_s - track.seen_s, 0.0) for track in self._tracks])
        near = _apart(boxes, before) <= config.reach * np.maximum(elapsed / 0.1, 1.0)
        same = (overlap >= config.overlap) | (near & (likeness >= config.likeness))
        value = np.where(same, (1 - config.look_weight) * overlap + config.look_weight * likeness, -2.0)
        rows, columns = linear_sum_assignment(value, maximize=True)
        return [(int(r), self._tracks[c]) for r, c in zip(rows, columns, strict=True) if same[r, c]]


class Steady:
    """Where each person looks, without the jitter of single frames: a running mean of their heatmaps.

    Parameters
    ----------
    config : AssociationConfig
        The time constant, and how long a person is remembered.
    """

    def __init__(self, config: AssociationConfig) -> None:
        self.config = config
        self._heat: dict[int, tuple[float, NDArray[np.float32]]] = {}
        self._object: dict[int, int] = {}

    def heat(self, number: int, time_s: float, heat: NDArray[np.float32]) -> NDArray[np.float32]:
        """The mean of a person's heatmaps up to this frame, (h, w); frames count less the longer they are ago."""
        earlier = self._heat.get(number)
        if earlier is not None and time_s - earlier[0] <= self.config.memory_s and earlier[1].shape == heat.shape:
            keep = np.exp(-max(time_s - earlier[0], 0.0) / self.config.steady_s) if self.config.steady_s else 0.0
            heat = (keep * earlier[1] + (1 - keep) * heat).astype(np.float32)
        self._heat = {one: held for one, held in self._heat.items() if time_s - held[0] <= self.config.memory_s}
        self._heat[number] = (time_s, heat)
        return heat

    def object(self, number: int, values: dict[int, float]) -> int | None:
        """What a person looks at, of objects by number: the last one, unless another has clearly more value.

        values: how much speaks for each object, none negative; {} for none.
        """
        best = max(values, key=values.__getitem__, default=None)
        last = self._object.get(number)
        if last in values and best is not None and values[best] < self.config.keep * values[last]:
            best = last
        if best is None:
            self._object.pop(number, None)
        else:
            self._object[number] = best
        return best

    def forget(self) -> None:
        """Start anew, as at a cut."""
        self._heat, self._object = {}, {}


def _unit(values: Array) -> Array:
    """Vectors of length 1 along the last axis; zeros stay zeros."""
    return np.asarray(values / np.maximum(np.linalg.norm(values, axis=-1, keepdims=True), 1e-12))


def _iou(boxes: Array, others: Array) -> Array:
    """IoU of each box with each of the others, (K, T)."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    common = np.clip(high - low, 0, None).prod(axis=-1)
    areas = [np.clip(each[:, 2:] - each[:, :2], 0, None).prod(axis=-1) for each in (boxes, others)]
    return np.asarray(common / np.maximum(areas[0][:, None] + areas[1][None] - common, 1e-12))


def _apart(boxes: Array, others: Array) -> Array:
    """Distance of the centres in mean sizes of the two, (K, T)."""
    centres = [(each[:, :2] + each[:, 2:]) / 2 for each in (boxes, others)]
    sizes = [np.sqrt(np.clip(each[:, 2:] - each[:, :2], 0, None).prod(axis=-1)) for each in (boxes, others)]
    distance = np.linalg.norm(centres[0][:, None] - centres[1][None], axis=-1)
    return np.asarray(2 * distance / np.maximum(sizes[0][:, None] + sizes[1][None], 1e-12))
