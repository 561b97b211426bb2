"""EG-Net's maps: a density, a saliency map, the size of a picture."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models import small
from sightline.nn.egnet import (
    EGNetConfig,
    fixation_density,
    network_size,
    picture_side,
    predict_saliency,
    saliency_map,
)


def test_a_density_sums_to_one_and_a_map_peaks_at_one() -> None:
    logits = torch.randn(3, 1, 6, 8) * 30
    density = fixation_density(logits)
    torch.testing.assert_close(density.sum(dim=(1, 2, 3)), torch.ones(3))
    maps = saliency_map(logits, (31, 45))
    assert maps.shape == (3, 1, 31, 45)
    assert maps.min() >= 0
    torch.testing.assert_close(maps.amax(dim=(1, 2, 3)), torch.ones(3))


@pytest.mark.parametrize(
    ("size", "expected"),
    [((480, 640), (256, 320)), ((1080, 1920), (192, 320)), ((10, 4000), (32, 320)), ((1, 1), (320, 320))],
)
def test_the_proportions_of_a_picture_are_kept_in_multiples_of_32(
    size: tuple[int, int], expected: tuple[int, int]
) -> None:
    assert network_size(*size, 320) == expected
    assert network_size(*size[::-1], 320) == expected[::-1]


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (90, 160)])
def test_the_saliency_has_the_pictures_size(size: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    saliency = predict_saliency(image, small.egnet())
    assert saliency.shape == size
    assert saliency.dtype == np.float32
    assert 0 <= saliency.min() <= saliency.max() == 1


def test_a_picture_may_have_a_larger_input_than_a_frame() -> None:
    assert picture_side(EGNetConfig(input_size=96)) == 96
    assert picture_side(EGNetConfig(input_size=96, picture_size=160)) == 160
    network, image = small.egnet(), np.random.default_rng(0).integers(0, 256, (90, 160, 3), dtype=np.uint8)
    shapes: list[tuple[int, ...]] = []
    network.register_forward_pre_hook(lambda _, inputs: shapes.append(tuple(inputs[0].shape[2:])))
    predict_saliency(image, network)
    predict_saliency(image, network, 160)
    assert shapes == [(32, 64), (96, 160)]
