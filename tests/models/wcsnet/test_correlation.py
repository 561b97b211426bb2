"""The weighted correlation block (Eq. 3) and its ablations against loops written out."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sightline.models.wcsnet.correlation import Correlation, Standardise, _depthwise, mean_correlation, weighted_pool

LIMIT = 1.5


def test_weighted_pool_is_the_weighted_mean() -> None:
    features, guidance = torch.randn(2, 5, 4, 6), torch.rand(2, 1, 8, 12)
    pooled = weighted_pool(features, guidance)
    assert pooled.shape == (2, 5, 1, 1)
    for n in range(2):
        weights = guidance[n, 0].double().numpy().reshape(4, 2, 6, 2).mean(axis=(1, 3))
        for c in range(5):
            expected = (features[n, c].double().numpy() * weights).sum() / weights.sum()
            assert pooled[n, c].item() == pytest.approx(expected, abs=1e-6)


@given(st.floats(0.01, 100), st.integers(1, 4))
@settings(max_examples=30, deadline=None)
def test_the_kernel_knows_neither_the_scale_of_the_guidance_nor_the_size_of_the_target(scale: float, size: int) -> None:
    torch.manual_seed(0)
    looks = torch.randn(3)
    features = torch.randn(1, 3, 12, 12)
    guidance = torch.zeros(1, 1, 12, 12)
    features[..., 1 : 1 + size, 1 : 1 + size] = looks[:, None, None]
    guidance[..., 1 : 1 + size, 1 : 1 + size] = scale
    torch.testing.assert_close(weighted_pool(features, guidance).flatten(), looks, atol=1e-5, rtol=1e-5)


def test_a_guidance_of_zeros_gives_a_finite_kernel() -> None:
    assert torch.equal(weighted_pool(torch.randn(1, 3, 4, 4), torch.zeros(1, 1, 8, 8)), torch.zeros(1, 3, 1, 1))


@pytest.mark.parametrize(
    ("size", "kernel_size"), [((6, 7), (3, 3)), ((6, 7), (4, 2)), ((5, 5), (5, 6)), ((3, 3), (4, 5))]
)
def test_depthwise_is_the_cross_correlation_written_out(size: tuple[int, int], kernel_size: tuple[int, int]) -> None:
    search, kernel = torch.randn(2, 3, *size), torch.randn(2, 3, *kernel_size)
    expected = np.zeros((2, 3, *size))
    middle = kernel_size[0] // 2, kernel_size[1] // 2
    for (n, c, y, x), _ in np.ndenumerate(expected):
        for (v, u), value in np.ndenumerate(kernel[n, c].double().numpy()):
            row, column = y + v - middle[0], x + u - middle[1]
            if 0 <= row < size[0] and 0 <= column < size[1]:
                expected[n, c, y, x] += value * float(search[n, c, row, column])
    np.testing.assert_allclose(_depthwise(search, kernel).numpy(), expected / np.prod(kernel_size), atol=1e-5)


@pytest.mark.parametrize("kind", ["weighted", "both", "depthwise", "concat"])
@pytest.mark.parametrize("classes", [0, 2])
def test_channels_are_as_announced(kind: str, classes: int) -> None:
    block = Correlation(6, LIMIT, kind, classes).eval()
    kernel = block.kernel(torch.rand(2, 6, 8, 8), torch.rand(2, 1, 16, 16))
    assert kernel.shape == (2, 6, *((1, 1) if kind in ("weighted", "both") else (8, 8)))
    assert block(torch.rand(2, 6, 5, 9), kernel).shape == (2, block.out_channels, 5, 9)


def test_both_is_the_weighted_correlation_and_the_standardised_search_features() -> None:
    torch.manual_seed(0)
    weighted, both = Correlation(4, LIMIT).eval(), Correlation(4, LIMIT, "both").eval()
    search, template, guidance = 3 * torch.randn(2, 4, 5, 5), torch.randn(2, 4, 5, 5), torch.rand(2, 1, 5, 5)
    kernel = both.kernel(template, guidance)
    out = both(search, kernel)
    torch.testing.assert_close(out[:, :5], weighted(search, kernel))
    torch.testing.assert_close(out[:, 5:], (search / (1 + 1e-5) ** 0.5).clamp(-LIMIT, LIMIT))


def test_weighted_correlation_is_the_product_with_the_kernel() -> None:
    torch.manual_seed(0)
    block = Correlation(4, LIMIT).eval()
    block.norm.norm.running_mean.normal_()
    block.norm.norm.running_var.uniform_(0.5, 2)
    search, template, guidance = torch.randn(1, 4, 5, 5), torch.randn(1, 4, 5, 5), torch.rand(1, 1, 5, 5)
    out = block(search, block.kernel(template, guidance))[0].numpy()

    mean, variance = block.norm.norm.running_mean.numpy(), block.norm.norm.running_var.numpy()

    def standard(maps: torch.Tensor) -> np.ndarray:
        deviations = (maps[0].numpy() - mean[:, None, None]) / np.sqrt(variance + 1e-5)[:, None, None]
        return deviations.clip(-LIMIT, LIMIT)

    kernel = (standard(template) * guidance[0].numpy()).sum(axis=(1, 2)) / guidance.sum().item()
    product = standard(search) * kernel[:, None, None]
    np.testing.assert_allclose(out[:4], product, atol=1e-5)
    np.testing.assert_allclose(out[4], product.mean(axis=0), atol=1e-5)


def test_class_probabilities_stay_as_they_are() -> None:
    standardise = Standardise(5, LIMIT, classes=2).train()
    maps = torch.rand(4, 5, 3, 3) * 50
    out = standardise(maps)
    assert torch.equal(out[:, 3:], maps[:, 3:])
    assert out[:, :3].abs().max() <= LIMIT


def test_the_mean_over_classes_leaves_the_background_out() -> None:
    products = torch.tensor([1.0, 3.0, 0.7, 0.2, 0.1]).view(1, 5, 1, 1)  # two features; background and two classes
    mean, same = mean_correlation(products, classes=3).flatten().tolist()
    assert mean == pytest.approx(2.0)
    assert same == pytest.approx(0.3)
    assert mean_correlation(products[:, :2]).flatten().tolist() == pytest.approx([2.0])
