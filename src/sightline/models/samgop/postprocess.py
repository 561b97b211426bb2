"""From the network's outputs to heads, objects with masks, targets, and the object that each person looks at."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sightline.models.samgop.config import RuleConfig
from sightline.models.samgop.detector import Seen, masks_of
from sightline.nn.boxes import keep_apart, to_xyxy


class Found(NamedTuple):
    """Boxes with scores, best first. boxes: (K, 4) xyxy, fractions of the picture. scores: (K,) in [0, 1].

    rows: (K,) the queries that they come from.
    """

    boxes: Tensor
    scores: Tensor
    rows: Tensor


def find_heads(seen: Seen, rules: RuleConfig, small: Seen | None = None, size: tuple[int, int] = (1, 1)) -> Found:
    """The heads of the first picture.

    small: the same picture seen smaller, (height, width) `size` as it is: large heads are looked for in it as well,
    which look there as heads did in training. Rows count on after those of `seen`.
    """
    last = seen.heads[-1]
    boxes, logits = last.boxes[0], last.logits[0]
    if small is not None:
        more, scores = small.heads[-1].boxes[0], small.heads[-1].logits[0]
        side = (more[:, 2:] * more.new_tensor(size[::-1])).amax(dim=1) / max(size)
        scores = scores.masked_fill(side < rules.head_large, float("-inf"))
        boxes, logits = torch.cat([boxes, more]), torch.cat([logits, scores])
    return _apart(boxes, logits, rules.head_score, rules.head_overlap, rules.head_within)


def find_objects(seen: Seen, rules: RuleConfig) -> Found:
    """The objects of the first picture."""
    last = seen.objects[-1]
    return _apart(last.boxes[0], last.logits[0], rules.object_score, rules.object_overlap)


def _apart(boxes: Tensor, logits: Tensor, least: float, most: float, within: float = 1.0) -> Found:
    corners, scores = to_xyxy(boxes).clamp(0, 1), logits.sigmoid()
    rows = ((scores >= least) & (corners[:, 2:] > corners[:, :2]).all(dim=1)).nonzero()[:, 0]
    rows = rows[keep_apart(corners[rows], scores[rows], most, within)]
    return Found(corners[rows], scores[rows], rows)


def object_masks(seen: Seen, rows: Tensor) -> NDArray[np.float32]:
    """Probabilities (K, h, w) of the queries' masks on the pixel map of the first picture."""
    logits = masks_of(seen.objects[-1], 0, rows, seen.pixels[0])
    probabilities: NDArray[np.float32] = logits.sigmoid().cpu().numpy()
    return probabilities


def label_map(
    probabilities: NDArray[np.float32], boxes: NDArray[np.float32], size: tuple[int, int], level: float
) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Where each object is: (H, W), 0 background, n the n-th object, the likeliest where several claim a pixel.

    probabilities: (K, h, w) on a coarser map. boxes: (K, 4) xyxy in fractions: an object has no pixel outside of its
    box enlarged by a tenth.
    """
    height, width = size
    labels = np.zeros(size, np.uint8 if len(boxes) < 256 else np.uint16)
    best = np.full(size, level, np.float32)
    for number, (own, box) in enumerate(zip(probabilities, boxes, strict=True), start=1):
        margin = (box[2:] - box[:2]) * 0.05
        x1, y1 = np.maximum((box[:2] - margin) * (width, height), 0).astype(int)
        x2, y2 = np.minimum(np.ceil((box[2:] + margin) * (width, height)), (width, height)).astype(int)
        if x2 <= x1 or y2 <= y1:
            continue
        scale_x, scale_y = own.shape[1] / width, own.shape[0] / height
        matrix = np.array(
            [[scale_x, 0, (x1 + 0.5) * scale_x - 0.5], [0, scale_y, (y1 + 0.5) * scale_y - 0.5]], np.float64
        )
        cut = cv2.warpAffine(
            own,
            matrix,
            (int(x2 - x1), int(y2 - y1)),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        mine = cut >= best[y1:y2, x1:x2]
        labels[y1:y2, x1:x2][mine] = number
        best[y1:y2, x1:x2][mine] = cut[mine]
    return labels


def target_of(heat: NDArray[np.float32]) -> tuple[tuple[float, float], float]:
    """The heatmap's peak as x, y in fractions of the picture, and its height.

    The peak is the mean, by heat, of the cells about the hottest one: a cell of 64 is ten pixels wide at 640.

    Examples
    --------
    >>> heat = np.zeros((4, 4), np.float32)
    >>> heat[1, 2] = 0.8
    >>> point, score = target_of(heat)
    >>> [round(value, 3) for value in (*point, score)]
    [0.625, 0.375, 0.8]
    """
    row, column = np.unravel_index(int(heat.argmax()), heat.shape)
    top, left = max(0, int(row) - 1), max(0, int(column) - 1)
    near = heat[top : int(row) + 2, left : int(column) + 2].astype(np.float64) + 1e-9
    y = (near.sum(axis=1) * (np.arange(near.shape[0]) + top + 0.5)).sum() / near.sum()
    x = (near.sum(axis=0) * (np.arange(near.shape[1]) + left + 0.5)).sum() / near.sum()
    return (float(x / heat.shape[1]), float(y / heat.shape[0])), float(heat.max())


def looked_at(
    heat: NDArray[np.float32],
    probabilities: NDArray[np.float32],
    boxes: NDArray[np.float32],
    scores: NDArray[np.float32],
    rules: RuleConfig,
) -> NDArray[np.float64]:
    """How much speaks for each object to be what somebody looks at, (K,); 0 for one that cannot be.

    heat: (s, s). probabilities: (K, h, w) of masks on the pixel map. boxes: (K, 4) xyxy, fractions. "mask": heat /
    area**selection_power x score over the mask's pixels; "box": over the box's; "point": score / sqrt(area) of those
    boxes that are around the peak.
    """
    if not len(boxes):
        return np.zeros(0)
    if rules.selection == "point":
        (x, y), _ = target_of(heat)
        around = (boxes[:, 0] <= x) & (x <= boxes[:, 2]) & (boxes[:, 1] <= y) & (y <= boxes[:, 3])
        areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
        return np.asarray(around * scores / np.sqrt(np.maximum(areas, 1e-6)), np.float64)
    shape = probabilities.shape[1:]
    dense = cv2.resize(heat, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
    covers = _inside(boxes, shape)
    if rules.selection == "mask":
        covers &= probabilities >= rules.mask_level
    area = np.maximum(covers.sum(axis=(1, 2)), 1)
    hot = covers * dense
    near = hot.max(axis=(1, 2)) >= rules.selection_share * dense.max()
    return np.asarray(near * hot.sum(axis=(1, 2)) / area**rules.selection_power * scores, np.float64)


def _inside(boxes: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """(K, h, w): the cells whose centre is in each box."""
    height, width = shape
    x, y = (np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height
    columns = (boxes[:, :1] <= x) & (x <= boxes[:, 2:3])
    rows = (boxes[:, 1:2] <= y) & (y <= boxes[:, 3:4])
    return rows[:, :, None] & columns[:, None, :]


def to_image(image: NDArray[np.uint8], longest: int) -> Tensor:
    """A frame as the network sees it: (1, 3, h, w) in [0, 1], h and w multiples of 32, the longer about `longest`.

    Sides are rounded each on its own, so that the picture is stretched by a few per cent at most.
    """
    scale = longest / max(image.shape[:2])
    height, width = (max(32, round(side * scale / 32) * 32) for side in image.shape[:2])
    shrinks = width < image.shape[1]
    small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return torch.from_numpy(small.transpose(2, 0, 1).copy())[None].float() / 255
