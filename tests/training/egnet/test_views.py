"""Views of photographs with their fixations: nothing moves when the picture is cut, scaled or mirrored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from sightline.data.samples import FixationImage
from sightline.training.egnet.views import LANDSCAPE, Window, view


@pytest.fixture
def sample(tmp_path: Path) -> FixationImage:
    """A black picture with one white pixel of 4x4, fixated; shown at twice the file's size."""
    pixels = np.zeros((120, 160, 3), dtype=np.uint8)
    pixels[40:44, 100:104] = 255
    Image.fromarray(pixels).save(tmp_path / "dot.png")
    return FixationImage(tmp_path / "dot.png", np.array([[204.0, 84.0], [204.0, 84.0], [-5.0, 10.0]]), (240, 320))


@pytest.mark.parametrize(
    "window", [Window(), Window(mirrored=True), Window(0.25, 0.1, 0.7), Window(0.2, 0.0, 0.8, True)]
)
def test_picture_fixations_and_density_agree(sample: FixationImage, window: Window) -> None:
    image, density, counts = view(sample, window, sigma=0.03)
    assert image.shape == (3, *LANDSCAPE)
    assert density.shape == counts.shape == (1, *LANDSCAPE)
    assert counts.sum() == 2, "the fixation outside of the picture does not count"
    assert density.sum() == pytest.approx(1, rel=1e-5)
    for maps in (counts[0], density[0]):
        y, x = np.unravel_index(int(maps.argmax()), LANDSCAPE)
        assert image[:, y, x].min() > 0.9


def test_blur_follows_the_photograph_not_the_window(sample: FixationImage) -> None:
    widths = []
    for window in (Window(), Window(0.3, 0.1, 0.5)):
        density = view(sample, window, sigma=0.02)[1][0]
        columns = density.sum(dim=0).double()
        x = torch.arange(LANDSCAPE[1]).double()
        mean = (columns * x).sum()
        widths.append(float((columns * (x - mean) ** 2).sum().sqrt()))
    assert widths[0] == pytest.approx(0.02 * 320, rel=0.02)
    assert widths[1] == pytest.approx(2 * widths[0], rel=0.02)


def test_portraits_are_transposed(tmp_path: Path) -> None:
    Image.new("RGB", (30, 50)).save(tmp_path / "portrait.png")
    image, density, _ = view(FixationImage(tmp_path / "portrait.png", np.zeros((0, 2)), (50, 30)), Window(), 0.03)
    assert image.shape == (3, *LANDSCAPE[::-1])
    assert not density.any(), "no fixations, no density, no division by zero"


@given(st.integers(0, 10_000), st.floats(0.1, 1.0))
def test_random_windows_lie_inside_the_photograph(seed: int, smallest: float) -> None:
    window = Window.random(np.random.default_rng(seed), smallest)
    assert smallest <= window.size <= 1
    assert 0 <= window.left <= 1 - window.size
    assert 0 <= window.top <= 1 - window.size
