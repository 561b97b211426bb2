"""A crop as pixels: exact where it can be, without steps in between, whole where it is wider."""

from __future__ import annotations

import numpy as np

from sightline.apps.reframe.picture import cut_out, draw_crop
from sightline.apps.reframe.tables import Row

RNG = np.random.default_rng(0)
IMAGE = RNG.integers(0, 255, (90, 160, 3), dtype=np.uint8)
RAMP = np.repeat(np.repeat(np.arange(160, dtype=np.uint8)[None, :, None], 90, axis=0), 3, axis=2)


def test_whole_places_are_the_pixels_themselves() -> None:
    np.testing.assert_array_equal(cut_out(IMAGE, Row(0, 0, 20, 0, 50, 90), (90, 50)), IMAGE[:, 20:70])


def test_places_between_pixels_move_the_picture_by_that_much() -> None:
    for x in (20.25, 20.5, 20.75):
        found = cut_out(RAMP, Row(0, 0, x, 0, 50, 90), (90, 50))[45, 10:40].mean()
        whole = RAMP[45, 30:60].mean()
        assert abs(found - whole - (x - 20)) < 0.51  # 8 bits round to whole values


def test_a_zoomed_crop_fills_the_film() -> None:
    found = cut_out(RAMP, Row(0, 0, 40, 20, 25, 45), (90, 50))
    assert found.shape == (90, 50, 3)
    np.testing.assert_allclose(found[45, 2:-2, 0].astype(float), 39.75 + 0.5 * np.arange(2, 48), atol=1)


def test_a_wider_part_lies_between_bars() -> None:
    row = Row(0, 0, 10, 0, 100, 90)
    padded = cut_out(IMAGE, row, (90, 50), "pad")
    assert padded.shape == (90, 50, 3)
    assert not padded[:22].any()
    assert not padded[-22:].any()
    assert padded[24:-24].std() > 10
    blurred = cut_out(IMAGE, row, (90, 50), "blur")
    np.testing.assert_array_equal(blurred[23:67], padded[23:67])
    assert blurred[:20].mean() > 20
    assert blurred[:20].std() < padded[24:-24].std() / 2


def test_the_preview_keeps_the_crop_and_dims_the_rest() -> None:
    drawn = draw_crop(IMAGE, Row(0, 0, 60, 0, 50, 90))
    assert drawn.shape == IMAGE.shape
    np.testing.assert_array_equal(drawn[10:80, 70:100], IMAGE[10:80, 70:100])
    assert drawn[:, :50].mean() < 0.5 * IMAGE[:, :50].mean()
    assert drawn[:, 60].min() > 200
