"""Aspects and the sizes that follow from them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from sightline.errors import UsageError

_WIDEST = 20  # of an aspect: beyond it a crop is a line


@dataclass(frozen=True)
class Aspect:
    """Width to height of a film as shown.

    Examples
    --------
    >>> Aspect.parse("9:16").name
    '9x16'
    >>> Aspect.parse("2.39").ratio
    Fraction(239, 100)
    """

    ratio: Fraction
    name: str

    @classmethod
    def parse(cls, text: str) -> Aspect:
        """From 9:16, 9x16, 9/16 or 0.5625. Raises UsageError."""
        found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(?:[:x/]\s*(\d+(?:\.\d+)?))?\s*", text)
        width, height = (Fraction(side or 1) for side in found.groups()) if found else (Fraction(0), Fraction(0))
        ratio = width / height if height else Fraction(0)
        if not Fraction(1, _WIDEST) <= ratio <= _WIDEST:
            raise UsageError(f"`aspect` {text}: width:height is expected, as in 9:16, 1:1 or 4:5")
        return cls(ratio, re.sub(r"[:/]", "x", text.replace(" ", "")))


def crop_size(size: tuple[int, int], aspect: Fraction, pixel_aspect: Fraction = Fraction(1)) -> tuple[int, int]:
    """(height, width) in pixels, even, of the largest crop of an aspect inside of a picture of (height, width).

    Raises
    ------
    UsageError
        The picture is too small for one.

    Examples
    --------
    >>> crop_size((720, 1280), Fraction(9, 16))
    (720, 404)
    >>> crop_size((720, 1280), Fraction(1))
    (720, 720)
    """
    height, width = size
    ratio = aspect / pixel_aspect
    wide, high = min(Fraction(width), height * ratio), min(Fraction(height), width / ratio)
    even = int(high) // 2 * 2, int(wide) // 2 * 2
    if min(even) < 2:
        raise UsageError(f"`aspect`: a {width}x{height} picture is too small for it; choose another")
    return even
