"""Crops of a frame and the way back, whatever part of a crop lies beyond the frame."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from sightline.models.wcsnet.geometry import Crop

SIDES = st.integers(1, 90)
CROPS = st.builds(
    Crop, st.floats(-60, 150, width=16), st.floats(-60, 150, width=16), st.floats(1, 300, exclude_min=True, width=16)
)


@st.composite
def rectangles(draw: st.DrawFn) -> np.ndarray:
    """A frame with a solid rectangle of at least six pixels a side, maybe at the border."""
    height, width = draw(st.integers(8, 90)), draw(st.integers(8, 90))
    top, left = draw(st.integers(0, height - 6)), draw(st.integers(0, width - 6))
    mask = np.zeros((height, width), dtype=bool)
    mask[top : top + draw(st.integers(6, height - top)), left : left + draw(st.integers(6, width - left))] = True
    return mask


@given(rectangles(), st.floats(1.0, 3.0))
@settings(max_examples=60, deadline=None)
def test_a_mask_comes_back_within_a_pixel(mask: np.ndarray, context: float) -> None:
    crop = Crop.around(mask, context)
    size = 320
    back = crop.place(crop.take_map(mask, size)[0, 0], *mask.shape) > 0.5
    cross = ndimage.generate_binary_structure(2, 2)
    assert not (back & ~ndimage.binary_dilation(mask, cross)).any()
    # Beyond the frame counts as background for a mask at the border, hence border_value=1.
    assert not (ndimage.binary_erosion(mask, cross, border_value=1) & ~back).any()


@given(SIDES, SIDES, CROPS, st.integers(1, 70))
@settings(max_examples=150, deadline=None)
def test_any_crop_of_any_frame(height: int, width: int, crop: Crop, size: int) -> None:
    generator = np.random.default_rng(0)
    image = generator.integers(0, 256, (height, width, 3), dtype=np.uint8)
    pixels, values = crop.take(image, size), crop.take_map(np.ones((height, width)), size)
    assert pixels.shape == (1, 3, size, size)
    assert values.shape == (1, 1, size, size)
    assert 0 <= pixels.min() <= pixels.max() <= 1
    assert 0 <= values.min() <= values.max() <= 1 + 1e-6
    beyond = (values[0, 0] == 0).expand(3, size, size)
    assert (pixels[0][beyond] == 0.5).all(), "what is beyond the frame is grey"

    placed = crop.place(torch.ones(size, size), height, width)
    assert placed.shape == (height, width)
    assert placed.dtype == np.float32
    assert np.isfinite(placed).all()
    x, y = np.arange(width) + 0.5, np.arange(height) + 0.5
    away_x, away_y = np.abs(x - crop.x) > crop.side / 2 + 1, np.abs(y - crop.y) > crop.side / 2 + 1
    assert not placed[:, away_x].any(), "nothing is placed outside of the crop"
    assert not placed[away_y].any()
    inside = np.ix_(np.abs(y - crop.y) < crop.side / 2 - 1, np.abs(x - crop.x) < crop.side / 2 - 1)
    np.testing.assert_allclose(placed[inside], 1, atol=1e-5)


@given(rectangles(), st.integers(0, 3))
@settings(max_examples=40, deadline=None)
def test_a_mirrored_frame_has_the_mirrored_crop(mask: np.ndarray, seed: int) -> None:
    image = np.random.default_rng(seed).integers(0, 256, (*mask.shape, 3), dtype=np.uint8)
    crop, mirrored = Crop.around(mask, 2.0), Crop.around(mask[:, ::-1], 2.0)
    assert mirrored == Crop(mask.shape[1] - crop.x, crop.y, crop.side)
    # Pillow rounds at other places; a grid of a pixel a sample, on whole pixels, has none of that.
    size, left, top = 32, int(crop.x), int(crop.y)
    whole, other = Crop(left, top, size), Crop(mask.shape[1] - left, top, size)
    torch.testing.assert_close(other.take(image[:, ::-1].copy(), size), whole.take(image, size).flip(-1))
    torch.testing.assert_close(other.take_map(mask[:, ::-1], size), whole.take_map(mask, size).flip(-1))


def test_a_crop_at_the_frames_own_scale_copies_pixels() -> None:
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    taken = Crop(2, 10, 16).take(image, 16)[0].permute(1, 2, 0)
    np.testing.assert_allclose(taken[:, 6:].numpy(), image[2:18, :10] / 255, atol=1e-6)
    assert (taken[:, :6] == 0.5).all()
    values = torch.rand(16, 16)
    placed = Crop(2, 10, 16).place(values, 20, 30)
    np.testing.assert_allclose(placed[2:18, :10], values[:, 6:].numpy(), atol=1e-6)
    assert not placed[:, 10:].any()


def test_around_centres_on_the_box_with_its_context() -> None:
    mask = np.zeros((50, 80), dtype=bool)
    mask[10:20, 30:70] = True
    assert Crop.around(mask, context=2.0) == Crop(50, 15, 80)
    one = np.zeros((5, 5), dtype=bool)
    one[2, 3] = True
    assert Crop.around(one, context=2.0) == Crop(3.5, 2.5, 2)
    assert Crop.around(one, context=2.0, smallest=48).side == 48


@given(CROPS, st.floats(0, 64), st.floats(0, 64), st.floats(1, 64), st.integers(8, 64))
def test_to_frame_is_where_the_grid_lies_in_the_frame(crop: Crop, x: float, y: float, side: float, size: int) -> None:
    out = crop.to_frame(Crop(x, y, side), size)
    left, top = crop.x - crop.side / 2, crop.y - crop.side / 2
    assert out.x == pytest.approx(left + x / size * crop.side, abs=1e-6)
    assert out.y == pytest.approx(top + y / size * crop.side, abs=1e-6)
    assert out.side == pytest.approx(side / size * crop.side)


@given(CROPS, CROPS, st.integers(4, 60))
@settings(max_examples=60, deadline=None)
def test_one_crop_as_another_has_it_is_what_the_frame_would_give(first: Crop, second: Crop, size: int) -> None:
    rows, columns = np.mgrid[:200, :200]
    ramp = (columns / 400 + rows / 400).astype(np.float32)
    first, second = Crop(100, 100, 40 + first.side / 5), Crop(100 + second.x / 20, 100 + second.y / 20, 20)
    through = first.resample(second, first.take_map(ramp, 90)[0, 0].numpy(), size)
    assert through.shape == (size, size)
    np.testing.assert_allclose(through, second.take_map(ramp, size)[0, 0], atol=0.01)


def test_a_crop_between_two_others() -> None:
    first, second = Crop(10, 20, 40), Crop(30, 10, 80)
    assert first.interpolate(second, 0) == first
    assert first.interpolate(second, 1) == second
    assert first.interpolate(second, 0.25) == Crop(15, 17.5, 50)


def test_beyond_a_crop_there_is_nothing() -> None:
    assert not Crop(50, 50, 20).resample(Crop(90, 50, 20), np.ones((10, 10), np.float32), 8).any()


@given(CROPS, st.integers(2, 40), st.integers(2, 40))
@settings(max_examples=60, deadline=None)
def test_a_maps_own_cells_hold_its_values_and_beyond_it_is_nothing(crop: Crop, size: int, seed: int) -> None:
    values = np.random.default_rng(seed).uniform(0.1, 1, (size, size)).astype(np.float32)
    places = crop.places(size)
    assert places.shape == (size, size, 2)
    assert places[0, 0] == pytest.approx(np.array([crop.x, crop.y]) - crop.side * (0.5 - 0.5 / size), abs=1e-2)
    if crop.side > 1:  # finer cells than float32 can tell apart in a large frame
        assert crop.sample(values, places) == pytest.approx(values, abs=0.05)
    assert not crop.sample(values, places + np.float32(2 * crop.side + 1)).any()
