"""What the overlay says in lines and words: heads and what they look at, the objects' names, the sound."""

from __future__ import annotations

import math
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from sightline.results.png import davis_palette
from sightline.types import Box, Frame, Object, Person, SoundWindow

FIRST_OBJECT = (0, 200, 255)  # cyan: the one colour that neither skin, grass nor the heat has
_HEADS = ((255, 214, 10), (255, 105, 180), (120, 220, 80), (180, 140, 255))  # one a person, in turn
_WHITE, _DARK = (255, 255, 255), (20, 20, 24)

OUTSIDE = "looks out of the picture"

Picture = NDArray[np.uint8]


def colour_of(number: int) -> tuple[int, int, int]:
    """The colour of an object: cyan for the first, DAVIS' for the others."""
    red, green, blue = davis_palette()[number % 256].tolist()
    return FIRST_OBJECT if number == 1 else (red, green, blue)


def draw_objects(image: Picture, objects: tuple[Object, ...], unit: float) -> None:
    """The name of each object at the top of its box, in place. unit: a pixel of a 480-line picture.

    A name that would hide one of a surer object is left out.
    """
    taken: list[Box] = []
    for thing in sorted(objects, key=lambda thing: -thing.score):
        if not thing.label:
            continue
        place = _tag_place(image, thing.label, thing.box, colour_of(thing.number), unit)
        if not any(_meet(place, other) for other in taken):
            _tag(image, thing.label, thing.box, colour_of(thing.number), unit)
            taken.append(place)


def draw_people(image: Picture, people: tuple[Person, ...], unit: float) -> None:
    """Each head's box, and a ray from it to the gaze target, in place.

    Several people have their numbers; of one whose target is not in the picture the head says so.
    """
    for person in people:
        colour = _HEADS[(person.number - 1) % len(_HEADS)]
        x1, y1, x2, y2 = person.head
        _two_tone(image, [(x1, y1), (x2, y1), (x2, y2), (x1, y2), (x1, y1)], colour, unit)
        words = [str(person.number)] * (len(people) > 1) + [OUTSIDE] * (person.target is None)
        if words:
            _tag(image, "  ".join(words), person.head, colour, unit)
        if person.target is None:
            continue
        eye, target = ((x1 + x2) / 2, (y1 + y2) / 2), person.target
        away = math.dist(eye, target)
        radius = 5 * unit
        if away > max(x2 - x1, y2 - y1) / 2 + radius:  # from the edge of the head to the edge of the ring
            start, end = max(x2 - x1, y2 - y1) / 2 / away, 1 - radius / away
            ends = [tuple(a + part * (b - a) for a, b in zip(eye, target, strict=True)) for part in (start, end)]
            _two_tone(image, [(ends[0][0], ends[0][1]), (ends[1][0], ends[1][1])], colour, unit)
        ring = [
            (target[0] + radius * math.cos(turn), target[1] + radius * math.sin(turn))
            for turn in np.linspace(0, 2 * math.pi, 25)
        ]
        _two_tone(image, ring, colour, unit)


def draw_sound(image: Picture, sound: SoundWindow, unit: float) -> None:
    """What is heard, and whether it counts, in the lower left corner, in place."""
    heard = f"{sound.tag} {sound.tag_score:.2f}" if sound.tag else "sound"
    height, margin = image.shape[0], 8 * unit
    box = (margin, height - margin, margin, height - margin)
    _tag(image, f"{heard}  {'on' if sound.switch else 'off'}", box, _WHITE if sound.switch else (150, 150, 150), unit)


def draw_word(image: Picture, text: str) -> None:
    """A caption in the upper left corner, in place."""
    _tag(image, text, (0, 0, 0, 0), _WHITE, 0.75)


def draw_marks(image: Picture, frame: Frame, unit: float) -> None:
    """Objects' names and people, in place."""
    draw_objects(image, frame.objects, unit)
    draw_people(image, frame.people, unit)


def _two_tone(image: Picture, points: list[tuple[float, float]], colour: tuple[int, int, int], unit: float) -> None:
    """A line on a wider dark one, so that it is seen on any ground; at sub-pixel positions."""
    path = np.array([[round((x - 0.5) * 16), round((y - 0.5) * 16)] for x, y in points], np.int32)
    for paint, width in ((_DARK, 3.4 * unit), (colour, 1.8 * unit)):
        cv2.polylines(image, [path], False, paint, max(1, round(width)), cv2.LINE_AA, 4)


def _tag(image: Picture, text: str, box: Box, colour: tuple[int, int, int], unit: float) -> None:
    """A word on a dark ground with a bar of a colour, on the upper edge of a box, kept inside of the picture."""
    stamp = _stamp(text, max(9, round(13 * unit)), colour)
    left, top, right, bottom = map(int, _tag_place(image, text, box, colour, unit))
    part = image[top:bottom, left:right]
    part[:] = stamp[: part.shape[0], : part.shape[1]]


def _tag_place(image: Picture, text: str, box: Box, colour: tuple[int, int, int], unit: float) -> Box:
    """Where the tag of a box goes."""
    height, width = _stamp(text, max(9, round(13 * unit)), colour).shape[:2]
    left = int(min(max(0, box[0]), max(0, image.shape[1] - width)))
    top = int(min(max(0, box[1] - height), max(0, image.shape[0] - height)))
    return left, top, left + width, top + height


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


@lru_cache(maxsize=256)
def _stamp(text: str, size: int, colour: tuple[int, int, int]) -> Picture:
    font = ImageFont.load_default(size)
    left, top, right, bottom = font.getbbox(text)
    pad, bar = max(2, size // 4), max(2, size // 5)
    stamp = Image.new("RGB", (round(right - left) + 2 * pad + bar, round(bottom - top) + 2 * pad), _DARK)
    draw = ImageDraw.Draw(stamp)
    draw.rectangle((0, 0, bar - 1, stamp.height), fill=colour)
    draw.text((bar + pad - left, pad - top), text, fill=_WHITE, font=font)
    return np.asarray(stamp)
