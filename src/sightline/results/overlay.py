"""The picture a person would want to share: heat, the object's tint and edge, and a marker on the hotspot."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from sightline.results.frame import Frame
from sightline.results.png import davis_palette

# Anchors of the heat's colours, dark to bright with evenly rising lightness: violet, magenta, orange, pale yellow.
_HEAT = np.array([(60, 15, 110), (150, 30, 125), (225, 70, 85), (252, 150, 60), (252, 240, 165)], np.float32)
_FIRST_OBJECT = (64, 224, 255)  # cyan: the one colour that neither skin, grass nor the heat has
_SMOOTHING_S = 0.08  # time constant of the marker's motion


class Overlay:
    """Draws frames of one size, in order; the marker glides between the hotspots of successive frames."""

    def __init__(self, size: tuple[int, int]) -> None:
        self._unit = max(1.0, size[0] / 480)  # all widths are in pixels of a 480-line picture
        self._heat, self._heat_alpha = _heat_tables()
        self._blur = round(1.5 * self._unit)
        self._tint, self._edge = _mask_tables(self._blur, 2.2 * self._unit)
        self._spot: tuple[float, float, float] | None = None
        self._time_s = 0.0

    def draw(self, frame: Frame) -> NDArray[np.uint8]:
        """The frame's image with its results on top: (H, W, 3) uint8 RGB, a new array."""
        picture = Image.fromarray(frame.image)
        self._draw_heat(picture, frame.saliency)
        if frame.mask is not None:
            self._draw_mask(picture, frame.mask)
        image = np.array(picture)
        self._draw_marker(image, frame)
        return image

    def _draw_heat(self, picture: Image.Image, saliency: NDArray[np.float32]) -> None:
        level = Image.fromarray((saliency.clip(0, 1) * 255).astype(np.uint8))
        alpha = level.point(self._heat_alpha)
        box = alpha.getbbox()
        if box is None:
            return
        heat = level.crop(box)
        heat.putpalette(self._heat)
        picture.paste(heat.convert("RGB"), box, alpha.crop(box))

    def _draw_mask(self, picture: Image.Image, mask: NDArray[np.uint8]) -> None:
        for label in np.flatnonzero(np.bincount(mask.ravel(), minlength=256)[1:]) + 1:
            whole = Image.fromarray((mask == label).astype(np.uint8) * 255)
            left, top, right, bottom = whole.getbbox() or (0, 0, 0, 0)
            margin = 3 * self._blur + 2
            box = (
                max(0, left - margin),
                max(0, top - margin),
                min(picture.width, right + margin),
                min(picture.height, bottom + margin),
            )
            # Blurred, the label falls from 1 inside to 0 outside in a straight ramp, so its value tells the distance
            # to the outline: one table turns it into a soft tint, another into an anti-aliased line of even width.
            soft = whole.crop(box).filter(ImageFilter.BoxBlur(self._blur)).filter(ImageFilter.BoxBlur(self._blur))
            colour = _FIRST_OBJECT if label == 1 else tuple(davis_palette()[label].tolist())
            picture.paste(colour, box, soft.point(self._tint))
            picture.paste(tuple((c + 2 * 255) // 3 for c in colour), box, soft.point(self._edge))

    def _draw_marker(self, image: NDArray[np.uint8], frame: Frame) -> None:
        spot = frame.hotspot
        if spot is None:
            self._spot = None
            return
        x, y, score = spot.x_px, spot.y_px, spot.score
        if self._spot is not None and frame.state != "start":
            keep = math.exp(-max(0.0, frame.time_s - self._time_s) / _SMOOTHING_S)
            x, y, score = (keep * old + (1 - keep) * new for old, new in zip(self._spot, (x, y, score), strict=True))
        self._spot, self._time_s = (x, y, score), frame.time_s
        _stamp_marker(image, x, y, 11 * self._unit, 0.35 + 0.65 * min(1.0, max(0.0, score)))


def _stamp_marker(image: NDArray[np.uint8], x: float, y: float, radius: float, opacity: float) -> None:
    """A white dot in a white ring with a soft dark halo, at sub-pixel position; all from the distance to its centre."""
    height, width = image.shape[:2]
    reach = math.ceil(1.6 * radius)
    top, bottom = max(0, int(y) - reach), min(height, int(y) + reach + 1)
    left, right = max(0, int(x) - reach), min(width, int(x) + reach + 1)
    if top >= bottom or left >= right:
        return
    distance = np.hypot(*np.ogrid[top - y : bottom - y : 1.0, left - x : right - x : 1.0])[
        : bottom - top, : right - left
    ]
    stroke = 0.11 * radius

    def band(centre: float, half_width: float) -> NDArray[np.float64]:
        return np.clip(half_width + 0.5 - np.abs(distance - centre), 0, 1)

    white = np.maximum(band(radius, stroke), band(0, 0.26 * radius)) * opacity
    halo = 0.45 * opacity * np.exp(-(((distance - radius) / (0.3 * radius)) ** 2))
    halo = np.maximum(halo, 0.45 * opacity * np.exp(-((distance / (0.5 * radius)) ** 2)))
    patch = image[top:bottom, left:right].astype(np.float32)
    patch *= (1 - halo)[..., None]
    patch += (255 - patch) * white[..., None]
    image[top:bottom, left:right] = patch + 0.5


def _heat_tables() -> tuple[list[int], list[int]]:
    """(palette of 768 values, alpha of 256 values) by saliency level."""
    level = np.linspace(0, 1, 256)
    anchors = np.linspace(0, 1, len(_HEAT))
    palette = np.stack([np.interp(level, anchors, channel) for channel in _HEAT.T], axis=1)
    alpha = 0.62 * np.clip((level - 0.06) / 0.5, 0, 1) ** 1.2
    return palette.round().astype(int).ravel().tolist(), (alpha * 255).round().astype(int).tolist()


def _mask_tables(blur: int, line: float) -> tuple[list[int], list[int]]:
    """(tint alpha, edge alpha), 256 values each, by the value of a label blurred twice with a box of radius `blur`."""
    value = np.arange(256) / 255
    # Two boxes of width n make a triangle of half-width n; its integral, inverted, is the distance to the edge.
    n = 2 * blur + 1
    inside = np.where(value > 0.5, 1 - np.sqrt(2 * (1 - value)), np.sqrt(2 * value) - 1) * n
    edge = np.clip(line / 2 + 0.5 - np.abs(inside), 0, 1) * 0.95
    tint = np.clip(inside + 0.5, 0, 1) * 0.26
    return (tint * 255).round().astype(int).tolist(), (edge * 255).round().astype(int).tolist()
