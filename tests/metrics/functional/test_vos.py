"""Region similarity and contour accuracy against the definitions written out pixel by pixel."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from sightline.errors import UsageError
from sightline.metrics.functional import vos


def blobs(seed: int, size: tuple[int, int], share: float = 0.3) -> np.ndarray:
    noise = gaussian_filter(np.random.default_rng(seed).random(size), 3)
    return noise > np.quantile(noise, 1 - share)


def plain_contour(mask: np.ndarray) -> np.ndarray:
    height, width = mask.shape
    edge = np.zeros_like(mask)
    for y in range(height):
        for x in range(width):
            neighbours = [(y, x + 1), (y + 1, x), (y + 1, x + 1)]
            edge[y, x] = any(mask[y, x] != mask[b, a] for b, a in neighbours if b < height and a < width)
    return edge


def plain_f(pred: np.ndarray, gt: np.ndarray) -> float:
    radius = math.ceil(0.008 * math.hypot(*gt.shape))
    first, second = (np.argwhere(plain_contour(mask)) for mask in (pred, gt))
    if not len(first) and not len(second):
        return 1.0
    if not len(first) or not len(second):
        return 0.0
    near = ((first[:, None] - second[None]) ** 2).sum(-1) <= radius**2
    precision, recall = near.any(1).mean(), near.any(0).mean()
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (7, 5), (33, 32), (61, 97), (40, 129)], ids=str)
def test_both_measures_equal_their_definition(size: tuple[int, int]) -> None:
    for seed in range(4):
        pred, gt = blobs(seed, size), blobs(seed + 10, size, 0.2)
        j, f = vos.j_and_f(torch.from_numpy(pred), torch.from_numpy(gt))
        union = (pred | gt).sum()
        assert j.item() == pytest.approx((pred & gt).sum() / union if union else 1.0)
        assert f.item() == pytest.approx(plain_f(pred, gt), abs=1e-12)


@pytest.mark.parametrize("size", [(61, 97), (120, 213)], ids=str)
def test_contour_accuracy_is_that_of_scikit_image_morphology(size: tuple[int, int]) -> None:
    morphology = pytest.importorskip("skimage.morphology")
    disk = morphology.disk(math.ceil(0.008 * math.hypot(*size)))
    for seed in range(4):
        pred, gt = blobs(seed, size), blobs(seed + 10, size, 0.2)
        first, second = plain_contour(pred), plain_contour(gt)
        precision = (first & morphology.dilation(second.astype(np.uint8), disk).astype(bool)).sum() / first.sum()
        recall = (second & morphology.dilation(first.astype(np.uint8), disk).astype(bool)).sum() / second.sum()
        expected = 2 * precision * recall / (precision + recall)
        ours = vos.contour_accuracy(torch.from_numpy(pred), torch.from_numpy(gt))
        assert ours.item() == pytest.approx(expected, abs=1e-12)


def test_the_tolerance_is_a_disk_of_the_stated_radius() -> None:
    pred, gt = torch.zeros(2, 480, 854, dtype=torch.bool)
    gt[200:260, 300:360] = True
    pred[208:268, 300:360] = True  # 8 = ceil(0.008 x diagonal) rows lower: everything is still near
    assert vos.contour_accuracy(pred, gt) == 1
    pred = torch.roll(pred, 1, 0)
    assert 0 < vos.contour_accuracy(pred, gt) < 1
    assert vos.contour_accuracy(pred, gt, tolerance=9) == 1


def test_contour_equals_definition() -> None:
    mask = blobs(3, (37, 70))
    assert np.array_equal(vos.contour(torch.from_numpy(mask)).numpy(), plain_contour(mask))


def test_empty_masks_score_as_asked() -> None:
    empty, full = torch.zeros(9, 9, dtype=torch.bool), torch.ones(9, 9, dtype=torch.bool)
    assert vos.j_and_f(empty, empty) == (1, 1)
    assert all(score.isnan() for score in vos.j_and_f(empty, empty, empty=math.nan))
    assert vos.region_similarity(full, empty) == 0
    square = empty.clone()
    square[2:5, 2:5] = True
    assert vos.j_and_f(square, empty) == (0, 0)
    assert vos.j_and_f(empty, square) == (0, 0)


def test_void_pixels_do_not_count() -> None:
    gt, pred, void = torch.zeros(3, 20, 20, dtype=torch.bool)
    gt[5:10, 5:10] = True
    pred[5:10, 5:15] = True
    void[:, 10:] = True
    assert vos.j_and_f(pred, gt, void) == (1, 1)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 40), st.integers(1, 70), st.floats(0, 1))
def test_scores_are_symmetric_and_in_range_and_batches_equal_loops(seed: int, h: int, w: int, p: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    pred, gt = torch.rand(2, 2, 3, h, w, generator=generator) < p
    j, f = vos.j_and_f(pred, gt)
    assert j.shape == f.shape == (2, 3)
    for score in (j, f):
        assert ((score >= 0) & (score <= 1)).all()
    assert torch.equal(torch.stack(vos.j_and_f(gt, pred)), torch.stack([j, f]))
    loop = [vos.j_and_f(a, b) for a, b in zip(pred.flatten(0, 1), gt.flatten(0, 1), strict=True)]
    assert torch.equal(torch.tensor(loop), torch.stack([j, f]).flatten(1).T)


def test_statistics_follow_davis() -> None:
    scores = torch.tensor([0.9, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2])
    mean, recall, decay = vos.statistics(scores)
    assert mean.item() == pytest.approx(scores.mean().item())
    assert recall.item() == pytest.approx(5 / 9)  # 0.5 itself is no hit
    assert decay.item() == pytest.approx((0.9 + 0.9 + 0.8) / 3 - (0.4 + 0.3 + 0.2) / 3)
    longer = torch.linspace(1, 0, 300)  # frame numbers beyond 255 keep their quarter
    assert vos.statistics(longer).decay.item() == pytest.approx(0.75, abs=0.01)


def test_statistics_leave_unscored_frames_out() -> None:
    mean, recall, _ = vos.statistics(torch.tensor([math.nan, 0.8, 0.2]))
    assert (mean.item(), recall.item()) == (pytest.approx(0.5), pytest.approx(0.5))
    assert vos.statistics(torch.tensor([math.nan])).mean.isnan()


def test_bad_masks_are_refused() -> None:
    mask = torch.zeros(4, 4, dtype=torch.bool)
    with pytest.raises(UsageError, match="same shape"):
        vos.region_similarity(mask, mask[:3])
    with pytest.raises(UsageError, match="`pred`: a mask of False and True"):
        vos.region_similarity(torch.full((4, 4), 0.3), mask)
    with pytest.raises(UsageError, match="at least one pixel"):
        vos.region_similarity(mask[:0], mask[:0])
