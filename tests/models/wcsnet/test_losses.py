"""The losses against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sightline.models.wcsnet.losses import fixation_loss, joint_loss, mask_loss


def sigmoid(values: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-values))


def entropy(logits: np.ndarray, labels: np.ndarray) -> float:
    p = sigmoid(logits)
    return float(-(labels * np.log(p) + (1 - labels) * np.log(1 - p)).mean())


@pytest.mark.parametrize("nss_weight", [0.0, 0.3])
def test_fixation_loss(nss_weight: float) -> None:
    generator = np.random.default_rng(0)
    logits, counts = generator.normal(size=(3, 1, 5, 6)), generator.integers(0, 3, (3, 1, 5, 6)).astype(float)
    density = generator.random((3, 1, 5, 6))
    density /= density.sum(axis=(2, 3), keepdims=True)
    expected = []
    for n in range(3):
        p = np.exp(logits[n]) / np.exp(logits[n]).sum()
        nss = (((p - p.mean()) / p.std(ddof=1)) * counts[n]).sum() / counts[n].sum()
        expected.append(-(density[n] * np.log(p)).sum() - nss_weight * nss)
    loss = fixation_loss(*(torch.from_numpy(x) for x in (logits, density, counts)), nss_weight)  # type: ignore[call-arg]
    assert loss.item() == pytest.approx(np.mean(expected))


def test_fixation_loss_is_least_for_the_density_itself() -> None:
    density = torch.rand(1, 1, 4, 4).double()
    density /= density.sum()
    counts = torch.ones_like(density)
    best = fixation_loss(density.log(), density, counts)
    assert best.item() == pytest.approx(-(density * density.log()).sum().item())
    assert fixation_loss(density.log() + 0.1 * torch.randn_like(density), density, counts) > best


def test_fixation_loss_resizes_and_survives_maps_without_fixations_or_contrast() -> None:
    density = torch.full((1, 1, 8, 8), 1 / 64)
    loss = fixation_loss(torch.zeros(1, 1, 4, 4, requires_grad=True), density, torch.zeros(1, 1, 8, 8), 0.5)
    assert loss.item() == pytest.approx(np.log(64), rel=1e-5)
    loss.backward()


def test_mask_loss() -> None:
    generator = np.random.default_rng(0)
    logits, mask = generator.normal(size=(2, 1, 4, 5)), generator.integers(0, 2, (2, 1, 4, 5)).astype(float)
    losses = mask_loss(torch.from_numpy(logits), torch.from_numpy(mask))
    for n in range(2):
        p = sigmoid(logits[n])
        both, either = (p * mask[n]).sum(), (p + mask[n] - p * mask[n]).sum()
        assert losses[n].item() == pytest.approx(entropy(logits[n], mask[n]) + 1 - (both + 1) / (either + 1))
    perfect = mask_loss(torch.from_numpy(50 * (2 * mask - 1)), torch.from_numpy(mask))
    np.testing.assert_allclose(perfect, 0, atol=1e-6)


def test_joint_loss_counts_each_label_only_where_it_is() -> None:
    torch.manual_seed(0)
    mask_logits, hotspot_logits = torch.randn(3, 1, 8, 8), torch.randn(3, 1, 2, 2)
    mask, hotspot = (torch.rand(3, 1, 8, 8) > 0.5).float(), (torch.rand(3, 1, 2, 2) > 0.5).float()
    has_mask, has_hotspot = torch.tensor([1.0, 1.0, 0.0]), torch.tensor([0.0, 1.0, 0.0])
    loss = joint_loss(mask_logits, mask, has_mask, hotspot_logits, hotspot, has_hotspot)
    expected = mask_loss(mask_logits, mask)[:2].mean().item()
    expected += entropy(hotspot_logits[1].double().numpy(), hotspot[1].double().numpy())
    assert loss.item() == pytest.approx(expected, rel=1e-5)
    assert joint_loss(mask_logits, mask, has_mask, None, hotspot, has_hotspot).item() == pytest.approx(
        mask_loss(mask_logits, mask)[:2].mean().item()
    )
    nothing = torch.zeros(3)
    assert joint_loss(mask_logits, mask, nothing, hotspot_logits, hotspot, nothing).item() == 0


def test_a_hotspot_without_label_sends_no_gradient() -> None:
    logits = torch.randn(2, 1, 4, 4, requires_grad=True)
    mask, hotspot = torch.zeros(2, 1, 4, 4), torch.ones(2, 1, 4, 4)
    joint_loss(torch.zeros(2, 1, 4, 4), mask, torch.ones(2), logits, hotspot, torch.tensor([0.0, 1.0])).backward()
    assert logits.grad is not None
    assert not logits.grad[0].any()
    assert logits.grad[1].any()
