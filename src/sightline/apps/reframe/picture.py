"""A crop as a picture: cut out, scaled, with bars where it is wider than the film; and drawn on the source."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from sightline.apps.reframe.plan import Fit
from sightline.apps.reframe.tables import Row

Picture = NDArray[np.uint8]
_DIM = 0.35  # how bright the preview shows what is left out
_BLUR = 0.03  # standard deviation of the ground behind a wider part, of the film's longer side
_GROUND = 0.6  # how bright that ground is


def cut_out(image: Picture, row: Row, canvas: tuple[int, int], fit: Fit = "crop") -> Picture:
    """The crop (h, w, 3) of an image, of the film's size `canvas` (height, width).

    Places between pixels are kept, so that a slow pan does not step. A part that is wider or taller than the film lies
    in its middle, on black or, with `fit` blur, on a blurred copy of itself.
    """
    height, width = canvas
    scale = min(width / row.width_px, height / row.height_px)
    inner = min(height, round(row.height_px * scale)), min(width, round(row.width_px * scale))
    if height - inner[0] <= 2 and width - inner[1] <= 2:
        return resample(image, row, canvas)
    picture = resample(image, row, inner)
    film = _ground(picture, canvas) if fit == "blur" else np.zeros((height, width, 3), np.uint8)
    top, left = (height - inner[0]) // 2, (width - inner[1]) // 2
    film[top : top + inner[0], left : left + inner[1]] = picture
    return film


def resample(image: Picture, row: Row, size: tuple[int, int]) -> Picture:
    """The part of an image that a row says, as (height, width) = size."""
    height, width = size
    across, down = row.width_px / width, row.height_px / height
    if max(across, down) > 1.01:  # smaller: the mean of the pixels, at whole places
        left, top = round(row.x_px), round(row.y_px)
        part = image[top : top + max(1, round(row.height_px)), left : left + max(1, round(row.width_px))]
        return np.asarray(cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    if across == down == 1 and row.x_px == int(row.x_px) and row.y_px == int(row.y_px):
        left, top = int(row.x_px), int(row.y_px)
        return np.ascontiguousarray(image[top : top + height, left : left + width])
    matrix = np.array(
        [[across, 0, row.x_px + across / 2 - 0.5], [0, down, row.y_px + down / 2 - 0.5]]  # centres of pixels
    )
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return np.asarray(
        cv2.warpAffine(image, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE), np.uint8
    )


def _ground(picture: Picture, canvas: tuple[int, int]) -> Picture:
    """A picture enlarged until it fills the film, blurred and darkened. The blur is made small: it is soft anyway."""
    height, width = max(2, canvas[0] // 8), max(2, canvas[1] // 8)
    scale = max(height / picture.shape[0], width / picture.shape[1])
    size = (max(width, round(picture.shape[1] * scale)), max(height, round(picture.shape[0] * scale)))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    top, left = (size[1] - height) // 2, (size[0] - width) // 2
    soft = cv2.GaussianBlur(small[top : top + height, left : left + width], (0, 0), _BLUR * max(height, width))
    return np.asarray(cv2.resize(soft, canvas[::-1], interpolation=cv2.INTER_LINEAR) * _GROUND, np.uint8)


def draw_crop(image: Picture, row: Row) -> Picture:
    """The whole image with what is left out dimmed and the crop framed: (H, W, 3), new."""
    drawn = (image * np.float32(_DIM)).astype(np.uint8)
    x1, y1, x2, y2 = row.box
    left, top, right, bottom = round(x1), round(y1), round(x2), round(y2)
    drawn[top:bottom, left:right] = image[top:bottom, left:right]
    unit = max(1, math.floor(min(image.shape[:2]) / 240))
    for colour, width in (((20, 20, 24), 3 * unit), ((255, 255, 255), unit)):
        cv2.rectangle(drawn, (left, top), (right - 1, bottom - 1), colour, width, cv2.LINE_AA)
    return drawn
