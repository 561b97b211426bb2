"""Aspects as people type them, and the largest even crop of each."""

from __future__ import annotations

from fractions import Fraction

import pytest

from sightline.apps.reframe.crop import Aspect, crop_size
from sightline.errors import UsageError


@pytest.mark.parametrize(
    ("text", "ratio"),
    [
        ("9:16", Fraction(9, 16)),
        ("1x1", Fraction(1)),
        ("4/5", Fraction(4, 5)),
        ("2.39:1", Fraction(239, 100)),
        ("0.5", Fraction(1, 2)),
    ],
)
def test_aspects(text: str, ratio: Fraction) -> None:
    assert Aspect.parse(text).ratio == ratio


@pytest.mark.parametrize("text", ["", "tall", "9:0", "0:9", "-9:16", "9:16:2", "1:100", "9:"])
def test_what_is_no_aspect_is_told(text: str) -> None:
    with pytest.raises(UsageError, match="`aspect`"):
        Aspect.parse(text)


@pytest.mark.parametrize("size", [(720, 1280), (1280, 720), (719, 1281), (333, 333), (1080, 1920)])
@pytest.mark.parametrize("aspect", [Fraction(9, 16), Fraction(1), Fraction(16, 9), Fraction(239, 100)])
def test_a_crop_is_even_inside_and_nearly_of_the_aspect(size: tuple[int, int], aspect: Fraction) -> None:
    height, width = crop_size(size, aspect)
    assert height % 2 == width % 2 == 0
    assert height <= size[0]
    assert width <= size[1]
    assert width / height == pytest.approx(float(aspect), abs=2 * 2 / height * max(1, float(aspect)))
    assert size[0] - height < 2 or size[1] - width < 2


def test_pixels_that_are_not_square_count() -> None:
    assert crop_size((576, 720), Fraction(1), Fraction(64, 45)) == (576, 404)  # 405 pixels, each 1.42 wide as shown


def test_a_picture_too_small_is_told() -> None:
    with pytest.raises(UsageError, match="too small"):
        crop_size((3, 3), Fraction(1, 10))
