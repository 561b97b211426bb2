"""The PNG files of maps and masks, read back by Pillow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from sightline.results.png import davis_palette, write_labels, write_map

SHAPES = st.tuples(st.integers(1, 40), st.integers(1, 40))


@settings(deadline=None)
@given(arrays(np.float32, SHAPES, elements=st.floats(0, 1, width=32)))
def test_saliency_is_sixteen_bit_grey_over_the_full_range(
    tmp_path_factory: pytest.TempPathFactory, saliency: np.ndarray
) -> None:
    path = tmp_path_factory.mktemp("png") / "map.png"
    write_map(path, saliency)
    with Image.open(path) as image:
        assert image.mode == "I;16"
        levels = np.asarray(image)
    np.testing.assert_allclose(levels / 65535, saliency, atol=0.5 / 65535 + 1e-7)


def test_the_ends_of_the_range_and_what_lies_beyond(tmp_path: Path) -> None:
    write_map(tmp_path / "map.png", np.array([[0, 1, -0.5, 1.5]], np.float32))
    assert np.asarray(Image.open(tmp_path / "map.png")).tolist() == [[0, 65535, 0, 65535]]


@settings(deadline=None)
@given(arrays(np.uint8, SHAPES))
def test_a_mask_keeps_its_labels(tmp_path_factory: pytest.TempPathFactory, mask: np.ndarray) -> None:
    path = tmp_path_factory.mktemp("png") / "mask.png"
    write_labels(path, mask)
    with Image.open(path) as image:
        assert image.mode == "P"
        np.testing.assert_array_equal(np.asarray(image), mask)


def test_the_palette_is_that_of_davis() -> None:
    palette = davis_palette()
    assert palette[:5].tolist() == [[0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0], [0, 0, 128]]
    assert palette[255].tolist() == [224, 224, 192]
    assert len(np.unique(palette, axis=0)) == 256


def test_the_palette_is_in_the_file(tmp_path: Path) -> None:
    write_labels(tmp_path / "mask.png", np.array([[0, 1, 7]], np.uint8))
    shown = np.asarray(Image.open(tmp_path / "mask.png").convert("RGB"))
    np.testing.assert_array_equal(shown[0], davis_palette()[[0, 1, 7]])
