"""Pictures as training sees them: varied, cut to one size, with boxes, masks, heads and targets that follow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sightline.data.looking import LookingImage
from sightline.models.samgop.losses import Boxes
from sightline.training.samgop.recipe import Variation

SEEN = 0.35
"""Share of an object or a head that must be left in the cut for it to count."""
SURE = (0.15, 0.5)
"""Length of a direction in the picture, from which it begins to count and from which it fully does."""
ALONG = 16
"""Power of the cosine with the direction of gaze by which fixations of viewers are drawn as targets: 17 degrees."""
FITS = 0.5
"""What the best fixation needs of it: within 17 degrees."""
BEYOND = 0.8
"""Sides of a head from its centre, within which a fixation is on the head itself."""
CUT = 0.1
"""Standard deviation of where the middle of the picture is said to be: pictures could have been cut otherwise."""
AT_CAMERA = 0.2
"""Length below which the gaze goes to the camera, and so out of the picture."""


class People(NamedTuple):
    """People whose gaze is learned from; P of them.

    boxes: (P, 4) cxcywh. direction: (P, 2) unit vectors with weight (P,). target: (P, 2) fractions, NaN unknown.
    inside: (P,) 1, 0, or -1 unknown. object: (P,) row of the picture's boxes, -1 unknown.
    """

    boxes: Tensor
    direction: Tensor
    weight: Tensor
    target: Tensor
    inside: Tensor
    object: Tensor


NOBODY = People(
    torch.zeros(0, 4),
    torch.zeros(0, 2),
    torch.zeros(0),
    torch.zeros(0, 2),
    torch.zeros(0, dtype=torch.int64),
    torch.zeros(0, dtype=torch.int64),
)


class Sample(NamedTuple):
    """A varied picture. image: (3, H, W) in [0, 1]. objects: None where the set does not annotate them."""

    image: Tensor
    objects: Boxes | None
    heads: Boxes
    people: People


class Crops(NamedTuple):
    """Heads alone. images: (K, 3, s, s). gaze: (K, 2), the part in the picture of a unit vector.

    middle: (K, 2), from the head to the middle of its picture, in longer sides of it.
    """

    images: Tensor
    gaze: Tensor
    middle: Tensor


@dataclass(frozen=True)
class Picture:
    """A picture in memory. regions: (H, W) int16, n where object n - 1 is; None without masks. watched: (F, 2), where
    viewers of the picture looked.
    """

    image: NDArray[np.uint8]
    boxes: NDArray[np.float64] | None
    labels: NDArray[np.int64]
    regions: NDArray[np.int16] | None
    heads: NDArray[np.float64]
    targets: NDArray[np.float64]
    inside: NDArray[np.int64]
    objects: NDArray[np.int64]
    directions: NDArray[np.float64]
    watched: NDArray[np.float64]

    @property
    def gazes(self) -> NDArray[np.float64]:
        """(K, 2) of each head: the unit vector to its target, or the teacher's part in the picture; NaN unknown."""
        pointed = self.targets - (self.heads[:, :2] + self.heads[:, 2:]) / 2
        pointed = pointed / np.maximum(np.linalg.norm(pointed, axis=1, keepdims=True), 1)
        return np.where(np.isfinite(pointed), pointed, self.directions[:, :2])

    @classmethod
    def of(
        cls,
        annotated: LookingImage,
        classes: tuple[str, ...],
        longest: int,
        watched: NDArray[np.float64] | None = None,
    ) -> Picture:
        """Read a picture, shrunk to `longest` pixels on its longer side where it is larger.

        watched: (F, 2) fixations of its viewers, in fractions of the picture.
        """
        image = annotated.load()
        scale = min(1.0, longest / max(image.shape[:2]))
        size = (round(image.shape[1] * scale), round(image.shape[0] * scale))
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA) if scale < 1 else image
        masks, regions = annotated.masks(), None
        if masks is not None:
            full = np.zeros(image.shape[:2], np.int16)
            for number, mask in enumerate(masks, start=1):
                full[mask] = number
            regions = cv2.resize(full, size, interpolation=cv2.INTER_NEAREST) if scale < 1 else full
        people = [person for person in annotated.people if person.head is not None]
        known = {name: number for number, name in enumerate(classes)}
        return cls(
            np.ascontiguousarray(small, dtype=np.uint8),
            None if annotated.boxes is None else annotated.boxes * scale,
            np.array([known.get(label, -1) for label in annotated.labels], np.int64),
            regions,
            np.array([person.head for person in people], np.float64).reshape(-1, 4) * scale,
            np.array([person.target or (np.nan, np.nan) for person in people], np.float64).reshape(-1, 2) * scale,
            np.array([-1 if p.inside is None else int(p.inside) for p in people], np.int64),
            np.array([-1 if p.object is None else p.object for p in people], np.int64),
            np.array([p.direction or (np.nan,) * 3 for p in people], np.float64).reshape(-1, 3),
            np.zeros((0, 2)) if watched is None else watched * size,
        )

    def likely_target(self, number: int, rng: np.random.Generator) -> NDArray[np.float64] | None:
        """A fixation of the picture's viewers in the direction in which a person looks, drawn by how well it lies."""
        direction = self.directions[number][:2]
        if not len(self.watched) or not np.linalg.norm(direction) > SURE[1]:
            return None
        low, high = self.heads[number, :2], self.heads[number, 2:]
        apart = self.watched - (low + high) / 2
        far = np.linalg.norm(apart, axis=1)
        along = (apart @ direction / np.linalg.norm(direction) / np.maximum(far, 1e-6)).clip(0)
        weight = np.where(far > (high - low).max() * BEYOND, along**ALONG, 0)
        return self.watched[rng.choice(len(weight), p=weight / weight.sum())] if weight.max(initial=0) > FITS else None


def vary(
    picture: Picture, rng: np.random.Generator, canvas: tuple[int, int], variation: Variation, most: int, zoom: float
) -> Sample:
    """One random view of a picture, `canvas` (height, width) pixels.

    most: people whose gaze is learned from. zoom: the largest enlargement beyond the whole picture.
    """
    matrix = _matrix(picture, rng, canvas, variation, zoom)
    height, width = canvas
    fill = tuple(int(value) for value in rng.integers(0, 256, 3)) if rng.random() < 0.3 else (114, 114, 114)
    shrinks = np.sqrt(abs(np.linalg.det(matrix[:, :2]))) < 0.8
    image = cv2.warpAffine(
        picture.image, matrix, (width, height), flags=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR, borderValue=fill
    )
    objects = None
    rows = np.zeros(0, np.int64)
    if picture.boxes is not None:
        boxes, rows = _moved(picture.boxes, matrix, canvas)
        masks = None
        if picture.regions is not None:
            half = matrix * 0.5
            half[:, 2] += -0.25  # pixel centres of the half-sized grid
            moved = cv2.warpAffine(picture.regions, half, (width // 2, height // 2), flags=cv2.INTER_NEAREST)
            masks = torch.from_numpy(moved[None] == (rows + 1)[:, None, None].astype(np.int16))
        objects = Boxes(_fractions(boxes, canvas), torch.from_numpy(picture.labels[rows]), masks)
    heads, kept = _moved(picture.heads, matrix, canvas)
    head_boxes = _fractions(heads, canvas)
    people = _people(picture, kept, heads, rows, matrix, canvas, rng, variation, most)
    return Sample(
        _coloured(image, rng, variation), objects, Boxes(head_boxes, torch.zeros(len(kept), dtype=torch.int64)), people
    )


def _matrix(
    picture: Picture, rng: np.random.Generator, canvas: tuple[int, int], variation: Variation, zoom: float
) -> NDArray[np.float64]:
    """(2, 3): from pixels of the picture to those of the canvas. Mostly somebody's head stays in."""
    (height, width), (canvas_height, canvas_width) = picture.image.shape[:2], canvas
    scale = min(canvas_width / width, canvas_height / height) * np.exp(rng.uniform(-0.1, np.log(zoom)))
    turn = np.radians(rng.normal(0, variation.turn_deg)) if rng.random() < 0.5 else 0.0
    mirror = -1.0 if rng.random() < 0.5 else 1.0
    cosine, sine = np.cos(turn) * scale, np.sin(turn) * scale
    linear = np.array([[cosine * mirror, -sine], [sine * mirror, cosine]])
    room = np.array([width, height]) - np.array([canvas_width, canvas_height]) / scale
    middle = np.array([width, height]) / 2 + rng.uniform(-0.5, 0.5, 2) * np.abs(room)
    if len(picture.heads):
        number = int(rng.integers(len(picture.heads)))
        head = (picture.heads[number, :2] + picture.heads[number, 2:]) / 2
        half = np.array([canvas_width, canvas_height]) / scale / 2
        reach = 0.9 * half
        middle = np.clip(middle, head - reach, head + reach)
        target = picture.targets[number]
        if np.isfinite(target).all():
            if rng.random() < variation.outside:
                middle = _without(picture.heads[number], target, middle, half, rng.random())
            else:
                low, high = np.minimum(head, target), np.maximum(head, target)
                fits = high - low < 2 * reach
                middle = np.where(fits, np.clip(middle, high - reach, low + reach), middle)
    shift = np.array([canvas_width, canvas_height]) / 2 - linear @ middle
    return np.concatenate([linear, shift[:, None]], axis=1)


def _without(
    head: NDArray[np.float64],
    target: NDArray[np.float64],
    middle: NDArray[np.float64],
    half: NDArray[np.float64],
    at: float,
) -> NDArray[np.float64]:
    """The middle of a view, of `half` its size, moved so that its border lies between a head and a target: `at` from 0,
    at the head, to 1. Where the target is beside the head in both directions, it is not moved."""
    axis = int(np.argmax(np.abs(target - (head[:2] + head[2:]) / 2)))
    beyond = 1.0 if target[axis] > head[axis + 2] else -1.0 if target[axis] < head[axis] else 0.0
    if not beyond:
        return middle
    edge = head[axis + 2] if beyond > 0 else head[axis]
    moved = middle.copy()
    moved[axis] = edge + at * (target[axis] - edge) - beyond * half[axis]
    return moved


def _moved(
    boxes: NDArray[np.float64], matrix: NDArray[np.float64], canvas: tuple[int, int]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Boxes in the canvas, cut at its border, and the rows of those of which enough is left.

    A turned box is the one around the turned ellipse in it: products and heads do not fill their boxes' corners.
    """
    if not len(boxes):
        return boxes, np.zeros(0, np.int64)
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2 @ matrix[:, :2].T + matrix[:, 2]
    half = np.sqrt(((boxes[:, 2:] - boxes[:, :2]) / 2) ** 2 @ (matrix[:, :2] ** 2).T)
    moved = np.concatenate([centre - half, centre + half], axis=1)
    inside = np.clip(moved, 0, np.array([canvas[1], canvas[0]] * 2))
    left = (inside[:, 2:] - inside[:, :2]).prod(1) / np.maximum(4 * half.prod(1), 1e-6)
    rows = np.flatnonzero((left >= SEEN) & (inside[:, 2:] - inside[:, :2] >= 2).all(1))
    return inside[rows], rows


def _fractions(boxes: NDArray[np.float64], canvas: tuple[int, int]) -> Tensor:
    """Corners in pixels to cxcywh in fractions of the canvas."""
    scaled = boxes / np.array([canvas[1], canvas[0]] * 2)
    return torch.from_numpy(
        np.concatenate([(scaled[:, :2] + scaled[:, 2:]) / 2, scaled[:, 2:] - scaled[:, :2]], 1)
    ).float()


def _people(
    picture: Picture,
    kept: NDArray[np.int64],
    heads: NDArray[np.float64],
    rows: NDArray[np.int64],
    matrix: NDArray[np.float64],
    canvas: tuple[int, int],
    rng: np.random.Generator,
    variation: Variation,
    most: int,
) -> People:
    known = np.isfinite(picture.gazes[kept]).all(1)
    places = rng.permutation(np.flatnonzero(known))[:most]
    boxes, chosen = heads[places], kept[places]
    side = (boxes[:, 2:] - boxes[:, :2]).repeat(2, axis=0).reshape(len(boxes), 4) if len(boxes) else boxes
    jittered = boxes + rng.normal(0, variation.noise, boxes.shape) * side
    size = np.array([canvas[1], canvas[0]])
    target = picture.targets[chosen] @ matrix[:, :2].T + matrix[:, 2]
    likely = [picture.likely_target(int(row), rng) for row in chosen]
    guessed = np.array([(np.nan, np.nan) if one is None else one for one in likely]).reshape(-1, 2)
    guessed = guessed @ matrix[:, :2].T + matrix[:, 2]
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    pointed = target - centre
    far = np.linalg.norm(pointed, axis=1)
    taught = picture.directions[chosen][:, :2] @ matrix[:, :2].T / np.sqrt(abs(np.linalg.det(matrix[:, :2])))
    length = np.linalg.norm(taught, axis=1)
    has_target = np.isfinite(far)
    direction = np.where(
        has_target[:, None], pointed / np.maximum(far, 1)[:, None], taught / np.maximum(length, 1e-3)[:, None]
    )
    sure = np.clip((length - SURE[0]) / (SURE[1] - SURE[0]), 0, 1)
    weight = np.where(has_target, np.clip(far / 8, 0, 1), np.nan_to_num(sure))
    target = np.where(has_target[:, None], target, guessed)
    within = np.asarray(((target >= 0) & (target < size)).all(axis=1))
    aimed = np.isfinite(target).all(1)
    inside = np.where(aimed, within.astype(np.int64), np.where(length < AT_CAMERA, 0, -1))
    fractions = np.where(within[:, None], target / size, np.nan)
    place_of = {int(row): place for place, row in enumerate(rows)}
    objects = [place_of.get(int(row), -1) for row in picture.objects[chosen]]
    return People(
        _fractions(jittered, canvas),
        torch.from_numpy(np.nan_to_num(direction)).float(),
        torch.from_numpy(weight).float(),
        torch.from_numpy(fractions).float(),
        torch.from_numpy(inside),
        torch.tensor(objects, dtype=torch.int64),
    )


def crop(
    picture: Picture, number: int, rng: np.random.Generator, side: int, factor: float, variation: Variation
) -> tuple[Tensor, Tensor, Tensor]:
    """A head alone, (3, side, side), turned and mirrored with its gaze (2,) and the way to the picture's middle (2,).

    factor: its side in the box's longer one.
    """
    box = picture.heads[number]
    longest = max(float((box[2:] - box[:2]).max()), 1.0)
    scale = side / (factor * longest) * np.exp(rng.normal(0, variation.head_scale))
    turn, mirror = rng.normal(0, np.radians(variation.head_turn_deg)), -1.0 if rng.random() < 0.5 else 1.0
    cosine, sine = np.cos(turn) * scale, np.sin(turn) * scale
    linear = np.array([[cosine * mirror, -sine], [sine * mirror, cosine]])
    middle = (box[:2] + box[2:]) / 2 + rng.normal(0, variation.head_shift, 2) * longest
    shift = side / 2 - linear @ middle
    image = cv2.warpAffine(
        picture.image,
        np.concatenate([linear, shift[:, None]], axis=1),
        (side, side),
        flags=cv2.INTER_AREA if scale < 0.8 else cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    pixels = _coloured(image, rng, variation)
    if rng.random() < 0.2:
        pixels = pixels.mean(dim=0, keepdim=True).expand(3, -1, -1)
    elif rng.random() < 0.3:
        pixels = pixels[torch.from_numpy(rng.permutation(3))]
    size = np.array(picture.image.shape[1::-1])
    away = (size / 2 - (box[:2] + box[2:]) / 2) / size.max() + rng.normal(0, CUT, 2)
    gaze, middle = (torch.from_numpy(linear @ one / scale).float() for one in (picture.gazes[number], away))
    return pixels, gaze, middle


def _coloured(image: NDArray[np.uint8], rng: np.random.Generator, variation: Variation) -> Tensor:
    """Light, contrast and the channels' balance are changed; (3, H, W) in [0, 1]."""
    pixels = image.astype(np.float32) / 255
    light, contrast = np.exp(rng.normal(0, variation.colour, 2))
    channels = np.exp(rng.normal(0, variation.colour / 2, 3)).astype(np.float32)
    pixels = pixels * channels * np.float32(light)
    pixels = (pixels - pixels.mean()) * np.float32(contrast) + pixels.mean()
    return torch.from_numpy(np.clip(pixels, 0, 1).transpose(2, 0, 1).copy()).float()
