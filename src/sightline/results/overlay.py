"""The picture a person would want to share: heat, the objects' tint and edge, the hotspot's marker, who looks where."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.special import ndtri

from sightline.results.looked_at import looked_at
from sightline.results.marks import colour_of, draw_marks, draw_sound
from sightline.types import Frame, Track

# Anchors of the heat's colours, dark to bright with evenly rising lightness: violet, magenta, orange, pale yellow.
_HEAT = np.array([(60, 15, 110), (150, 30, 125), (225, 70, 85), (252, 150, 60), (252, 240, 165)], np.float32)
_TINT, _TINT_ON_HEAT = 0.26, 0.08  # opacity of an object's colour
_SMOOTHING_S = 0.12  # time constant of the marker's motion while the hotspot hardly moves
_LAG = 8.0  # pixels of a 480-line picture that the marker stays behind a moving hotspot at most
_RADIUS, _SMALLEST = 11.0, 3.5  # of the marker, pixels: in a picture whose shorter side is 480, and in any
_JUMP = 0.1  # of the diagonal: so far at once the marker does not glide, it would pass over what nobody looks at


class Overlay:
    """Draws frames of one size, in order; the marker glides between the hotspots of successive frames.

    sound: also write what is heard, and whether it counts. everything: where there are people, draw all objects, and
    not those alone that somebody looks at.
    """

    def __init__(self, size: tuple[int, int], sound: bool = False, everything: bool = False) -> None:
        self._sound, self._everything = sound, everything
        self._unit = max(1.0, size[0] / 480)  # all widths are in pixels of a 480-line picture
        self._radius = max(_SMALLEST, _RADIUS * min(size) / 480)
        self._blur = 1.8 * self._unit
        self._heat = heat_paint()
        self._markers: dict[int, _Marker] = {}

    def draw(self, frame: Frame) -> NDArray[np.uint8]:
        """The frame's image with its results on top: (H, W, 3) uint8 RGB, a new array."""
        frame = frame if self._everything else looked_at(frame)
        picture = Image.fromarray(frame.image)
        if frame.mask is not None and not frame.people:
            self._draw_mask(picture, frame.mask, _TINT)
        for heat, most in ((frame.saliency, 1.0), (frame.heatmap, _peak(frame))):
            if heat is not None:
                self._heat.apply(picture, Image.fromarray(cv2.convertScaleAbs(heat, alpha=255 / most)), (0, 0))
        if frame.mask is not None and frame.people:  # the object is smaller than the heat on it
            self._draw_mask(picture, frame.mask, _TINT_ON_HEAT)
        image = np.array(picture)
        several = len(frame.tracks) > 1
        for track in frame.tracks if several else (Track(1, "track", frame.hotspot),):
            self._draw_marker(image, track, frame.time_s, _light(track.number) if several else (255, 255, 255))
        draw_marks(image, frame, self._unit)
        if self._sound and frame.sound is not None:
            draw_sound(image, frame.sound, self._unit)
        return image

    def _draw_mask(self, picture: Image.Image, mask: NDArray[np.uint8] | NDArray[np.uint16], tint: float) -> None:
        # More than 255 objects share the colours.
        folded = mask if mask.dtype == np.uint8 else ((mask - 1) % 255 + 1) * (mask > 0)
        labels = folded.astype(np.uint8, copy=False)
        x, y, across, down = cv2.boundingRect(labels)
        margin = math.ceil(3 * self._blur)
        for label in np.flatnonzero(np.bincount(labels[y : y + down, x : x + across].ravel(), minlength=1)).tolist():
            if not label:
                continue
            alone = cv2.inRange(labels[y : y + down, x : x + across], label, label)
            inner = cv2.boundingRect(alone)
            left, top = max(0, x + inner[0] - margin), max(0, y + inner[1] - margin)
            right = min(picture.width, x + inner[0] + inner[2] + margin)
            bottom = min(picture.height, y + inner[1] + inner[3] + margin)
            near = cv2.inRange(labels[top:bottom, left:right], label, label)
            soft = cv2.GaussianBlur(near, (0, 0), self._blur, borderType=cv2.BORDER_REPLICATE)
            _mask_paint(label, self._blur, 2.0 * self._unit, tint).apply(picture, Image.fromarray(soft), (left, top))

    def _draw_marker(self, image: NDArray[np.uint8], track: Track, time_s: float, colour: tuple[int, int, int]) -> None:
        spot, marker = track.hotspot, self._markers.get(track.number)
        if spot is None:
            self._markers.pop(track.number, None)
            return
        seen = np.array([spot.x_px, spot.y_px, spot.score])
        if marker is None or math.dist(marker.at[:2], seen[:2]) >= _JUMP * math.hypot(*image.shape[:2]):
            marker = self._markers[track.number] = _Marker(seen, time_s)
        else:
            marker.follow(seen, time_s, _LAG * self._unit)
        x, y, score = marker.at.tolist()
        _stamp_marker(image, x, y, self._radius, 0.35 + 0.65 * min(1.0, max(0.0, score)), colour)


def _peak(frame: Frame) -> float:
    """What is drawn as the hottest: the highest heat where there is any, as targets that are not sure have a low one.

    The picture shows where; how sure it is, people.csv says.
    """
    return max(float(frame.heatmap.max(initial=0)), 1e-3) if frame.heatmap is not None and frame.people else 1.0


class _Marker:
    """Smooths the hotspot's path: strongly while it rests, hardly where it moves, or the marker would fall off a fast
    target. After the one-euro filter (Casiez et al., CHI 2012)."""

    def __init__(self, seen: NDArray[np.float64], time_s: float) -> None:
        """seen: x, y and score of the hotspot."""
        self.at, self._seen, self._time_s = seen, seen, time_s
        self._velocity = np.zeros(2)

    def follow(self, seen: NDArray[np.float64], time_s: float, lag: float) -> None:
        """lag: how far it stays behind at most, in pixels."""
        elapsed_s = time_s - self._time_s
        if elapsed_s <= 0:  # two frames of one time
            return
        velocity = (seen - self._seen)[:2] / elapsed_s
        self._velocity += (1 - math.exp(-elapsed_s / _SMOOTHING_S)) * (velocity - self._velocity)
        behind = _SMOOTHING_S * math.hypot(*self._velocity)
        keep = math.exp(-elapsed_s / _SMOOTHING_S * (1 + behind / lag))
        self.at = keep * self.at + (1 - keep) * seen
        self._seen, self._time_s = seen, time_s


def _stamp_marker(
    image: NDArray[np.uint8], x: float, y: float, radius: float, opacity: float, colour: tuple[int, int, int]
) -> None:
    """A white dot in a ring of a colour with a soft dark halo, at sub-pixel position; all from the distance to its
    centre."""
    height, width = image.shape[:2]
    reach = math.ceil(1.6 * radius)
    top, bottom = max(0, int(y) - reach), min(height, int(y) + reach + 1)
    left, right = max(0, int(x) - reach), min(width, int(x) + reach + 1)
    if top >= bottom or left >= right:
        return
    distance = np.hypot(*np.ogrid[top - y : bottom - y : 1.0, left - x : right - x : 1.0])[
        : bottom - top, : right - left
    ]
    stroke = max(0.5, 0.11 * radius)

    def band(centre: float, half_width: float) -> NDArray[np.float64]:
        return np.clip(half_width + 0.5 - np.abs(distance - centre), 0, 1)

    ring, dot = band(radius, stroke) * opacity, band(0, 0.26 * radius) * opacity
    halo = 0.45 * opacity * np.exp(-(((distance - radius) / (0.3 * radius)) ** 2))
    halo = np.maximum(halo, 0.45 * opacity * np.exp(-((distance / (0.5 * radius)) ** 2)))
    patch = image[top:bottom, left:right].astype(np.float32)
    patch *= (1 - halo)[..., None]
    patch += (np.array(colour, np.float32) - patch) * ring[..., None]
    patch += (255 - patch) * dot[..., None]
    image[top:bottom, left:right] = patch + 0.5


@dataclass(frozen=True)
class Paint:
    """A colour and an opacity for each of 256 levels: palette of 768 values, alpha of 256, all 0..255."""

    palette: list[int]
    alpha: list[int]

    @classmethod
    def make(cls, colour: NDArray[np.floating], alpha: NDArray[np.floating]) -> Paint:
        """From colours (256, 3) in 0..255 and opacities (256,) in 0..1."""
        return cls(colour.round().astype(int).ravel().tolist(), (alpha * 255).round().astype(int).tolist())

    def apply(self, picture: Image.Image, level: Image.Image, corner: tuple[int, int]) -> None:
        """Paint `picture` where `level`, a grey image whose top left lies at `corner`, is not transparent."""
        alpha = level.point(self.alpha)
        box = alpha.getbbox()
        if box is None:
            return
        colours = level.crop(box)
        colours.putpalette(self.palette)
        picture.paste(colours.convert("RGB"), (corner[0] + box[0], corner[1] + box[1]), alpha.crop(box))


def heat_paint() -> Paint:
    """The colours of maps of attention: clear where they are low."""
    level = np.linspace(0, 1, 256)
    anchors = np.linspace(0, 1, len(_HEAT))
    colour = np.stack([np.interp(level, anchors, channel) for channel in _HEAT.T], axis=1)
    return Paint.make(colour, 0.62 * np.clip((level - 0.1) / 0.5, 0, 1) ** 1.2)


@cache
def _mask_paint(label: int, blur: float, line: float, tint: float) -> Paint:
    """Tint and edge of an object, by the value of its mask blurred with sigma `blur`: a line in a light tone of its
    colour, `line` pixels wide, and a dark one around it, so that one of the two is seen on any ground.

    Across a straight outline the blurred mask follows the normal distribution, so its value tells the distance to the
    outline, and with it what to draw: anti-aliased, of even width, in one pass.
    """
    inside = (ndtri(np.clip(np.arange(256) / 255, 0.002, 0.998)) * blur)[:, None]

    def band(centre: float, width: float) -> NDArray[np.float64]:
        return np.clip(width / 2 + 0.5 - np.abs(inside - centre), 0, 1)

    shadow = np.where(inside < 0, 0.3 * np.exp(-((inside / (1.5 * blur)) ** 2)), 0)
    shadow[0] = 0
    fill = tint * np.clip(inside + 0.5, 0, 1)
    hue, light = np.array(colour_of(label), np.float64), np.array(_light(label), np.float64)
    colour, alpha = np.zeros((256, 3)), shadow
    for paint, over in ((np.full(3, 20.0), 0.8 * band(-line, line)), (hue, fill), (light, 0.95 * band(0, line))):
        below = alpha * (1 - over)
        colour = (paint * over + colour * below) / np.maximum(over + below, 1e-9)
        alpha = over + below
    return Paint.make(colour, alpha[:, 0])


def _light(number: int) -> tuple[int, int, int]:
    """An object's colour in a light tone: as bright as it can be, and a third of white."""
    hue = np.array(colour_of(number), np.float64)
    red, green, blue = ((2 * hue * 255 / max(hue.max(), 1) + 255) / 3).astype(int).tolist()
    return red, green, blue
