"""Fixations as densities."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from sightline.metrics.functional import density


def test_each_point_has_mass_one_wherever_it_lies() -> None:
    points = torch.tensor([[0.0, 0.0], [29.9, 19.9], [15.3, 10.7]])
    whole = density.gaussian_density(points, (20, 30), (4, 2))
    assert whole.sum().item() == pytest.approx(3)
    assert int(density.gaussian_density(points[2:], (20, 30), (4, 2)).argmax()) == 10 * 30 + 15


def test_blurred_counts_are_the_density_of_pixel_centres() -> None:
    points = torch.tensor([[3.5, 4.5], [3.5, 4.5], [20.5, 10.5]])
    counts = density.counts_of(points, (20, 30))
    assert counts[4, 3] == 2
    blurred = density.blurred_counts(counts, (3, 2))
    assert torch.allclose(blurred, density.gaussian_density(points, (20, 30), (3, 2)))


def test_far_from_the_border_it_is_a_gaussian_filter() -> None:
    counts = np.zeros((80, 90))
    counts[40, 45] = 1
    expected = gaussian_filter(counts, (3, 5), truncate=8)
    ours = density.blurred_counts(torch.from_numpy(counts), (5, 3))
    assert ours.numpy() == pytest.approx(expected, abs=1e-9)


def test_the_filter_of_the_mit_toolbox_is_half_at_eight_cycles() -> None:
    sigma = density.mit_sigma((600, 1024))
    frequency = 8 / 1024
    assert np.exp(-2 * (np.pi * sigma * frequency) ** 2) == pytest.approx(0.5)
