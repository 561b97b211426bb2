"""Class activation maps, soft filter, fusion, box and pasting: by hand, and against reference numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from sightline.nn.cam import (
    activation,
    attended_box,
    class_maps,
    fuse_average,
    fuse_selective,
    normalise,
    paste,
    soft_filter,
)

GOLDENS = Path(__file__).parents[3] / "shared/goldens/modules"


def test_class_maps_of_the_mean_are_the_logits() -> None:
    """CAM is the classifier before its pooling: the mean of a class map is that class's logit without the bias."""
    torch.manual_seed(0)
    features, weights = torch.rand(2, 5, 4, 6), torch.randn(3, 5)
    pooled = torch.nn.functional.linear(features.mean(dim=(2, 3)), weights)
    torch.testing.assert_close(class_maps(features, weights).mean(dim=(2, 3)), pooled)


def test_a_video_without_a_tag_has_no_activation() -> None:
    assert activation(torch.rand(1, 3, 2, 2), torch.zeros(1, 3)).abs().sum() == 0


def test_activation_of_a_class_that_nothing_speaks_for_is_empty() -> None:
    maps = torch.tensor([[[[-3.0, -1.0, -2.0]]]])
    assert activation(maps, torch.ones(1, 1)).tolist() == [[[0.0, 0.0, 0.0]]]


@pytest.mark.parametrize(
    ("confidences", "tags", "expected"),
    [
        ([0.6, 0.3, 0.1], [1, 0, 0], 0.6),
        ([0.3, 0.6, 0.1], [1, 0, 0], 0.0),
        ([0.4, 0.4, 0.2], [1, 0, 0], 0.0),
        ([0.3, 0.6, 0.1], [1, 1, 0], 0.6),
        ([0.3, 0.1, 0.6], [1, 1, 0], 0.0),
        ([0.3, 0.1, 0.6], [0, 0, 0], 0.0),
    ],
    ids=["predicted", "another predicted", "tie", "one of two tags", "no tag of two", "no tag"],
)
def test_soft_filter(confidences: list[float], tags: list[int], expected: float) -> None:
    found = soft_filter(torch.tensor([confidences]), torch.tensor([tags]))
    assert found.tolist() == pytest.approx([expected])


def test_a_filtered_net_does_not_count() -> None:
    generator = torch.Generator().manual_seed(0)
    maps = normalise(torch.rand(3, 5, 7, generator=generator))
    alone = fuse_selective(maps, torch.tensor([0.0, 0.7, 0.0]))
    torch.testing.assert_close(alone, maps[1])


def test_no_net_predicts_the_tag() -> None:
    maps = normalise(torch.rand(3, 5, 7))
    assert fuse_selective(maps, torch.zeros(3)).abs().sum() == 0


def test_selective_is_average_where_all_are_as_sure() -> None:
    maps = normalise(torch.rand(3, 2, 5, 7))
    torch.testing.assert_close(fuse_selective(maps, torch.full((3, 2), 0.5)), fuse_average(maps), atol=1e-5, rtol=0)


def test_the_box_is_strictly_above_twice_the_average() -> None:
    """Mean 0.25: 0.5 itself is not inside."""
    scores = torch.tensor([[0.5, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.5], [0.0, 0.0, 1.0, 1.0]])
    assert scores.mean() == 0.25
    assert attended_box(scores) == (2, 2, 4, 3)
    assert attended_box(scores, factor=1.0) == (0, 0, 4, 3)
    assert attended_box(torch.zeros(3, 4)) is None


def test_a_box_of_one_pixel() -> None:
    scores = torch.zeros(5, 5)
    scores[3, 1] = 1
    assert attended_box(scores) == (1, 3, 2, 4)
    assert paste(torch.rand(8, 8), (1, 3, 2, 4), (5, 5)).count_nonzero() <= 1


def test_pasted_maps_stay_in_range() -> None:
    """Bicubic kernels overshoot at edges."""
    inside = (torch.arange(16).view(4, 4) % 2).float()
    whole = paste(inside, (2, 1, 15, 18), (20, 20))
    assert whole.min() == 0
    assert whole.max() <= 1
    assert whole[:, :2].sum() == whole[:1].sum() == 0


@pytest.mark.skipif(not GOLDENS.is_dir(), reason="no reference numbers in ../shared/goldens")
def test_reference_numbers() -> None:
    with np.load(GOLDENS / "stanet_scam_fuse_crop_recover.npz") as golden:
        maps, shares, fine, fused, box, whole = (
            torch.from_numpy(golden[name])
            for name in (
                "inputs/maps",
                "inputs/probs",
                "inputs/fine",
                "outputs/F",
                "outputs/box",
                "outputs/recovered",
            )
        )
    found = fuse_selective(normalise(maps), shares)
    torch.testing.assert_close(found, fused, atol=1e-6, rtol=0)
    top, bottom, left, right = box.tolist()  # from 1, both ends inside
    expected = (left - 1, top - 1, right, bottom)
    assert attended_box(found) == expected
    # The reference mirrors a map at its edges, and does not cut what overshoots.
    pasted = paste(fine, expected, (356, 356))
    torch.testing.assert_close(pasted, whole.clamp(0, 1), atol=1e-3, rtol=0)
