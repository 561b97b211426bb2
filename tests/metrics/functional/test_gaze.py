"""Gaze metrics by hand and by scikit-learn."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sightline.errors import UsageError
from sightline.metrics.functional import gaze


def test_heatmap_auc_is_that_of_scikit_learn() -> None:
    roc_auc_score = pytest.importorskip("sklearn.metrics").roc_auc_score
    generator = torch.Generator().manual_seed(0)
    heatmap = torch.randint(0, 4, (3, 7, 9), generator=generator).double()
    point = torch.rand(3, 2, generator=generator, dtype=torch.float64)
    for one, (x, y), ours in zip(heatmap, point, gaze.heatmap_auc(heatmap, point), strict=True):
        hot = torch.zeros(7, 9)
        hot[int(y * 7), int(x * 9)] = 1
        assert ours.item() == pytest.approx(roc_auc_score(hot.flatten(), one.flatten()))


def test_pooling_joins_the_curves() -> None:
    roc_auc_score = pytest.importorskip("sklearn.metrics").roc_auc_score
    heatmap = torch.rand(4, 64, 64, generator=torch.Generator().manual_seed(1))
    point = torch.tensor([[0.1, 0.1], [0.9, 0.5], [0.5, 0.5], [0.3, 0.99]])
    small = gaze.grid(heatmap)
    hot = torch.zeros(4, 5, 5)
    for index, (x, y) in enumerate(point.tolist()):
        hot[index, int(y * 5), int(x * 5)] = 1
    assert gaze.pooled_grid_auc(heatmap, point).item() == pytest.approx(roc_auc_score(hot.flatten(), small.flatten()))


def test_the_hottest_pixel() -> None:
    heatmap = torch.zeros(2, 4, 8)
    heatmap[0, 1, 6], heatmap[1, 3, 0] = 1, 1
    assert torch.equal(gaze.heatmap_point(heatmap), torch.tensor([[6.5 / 8, 1.5 / 4], [0.5 / 8, 3.5 / 4]]).double())
    assert torch.equal(gaze.heatmap_point(heatmap, centred=False), torch.tensor([[6 / 8, 1 / 4], [0, 3 / 4]]).double())


def test_angles_by_hand() -> None:
    eye, gt = torch.tensor([0.5, 0.5]), torch.tensor([1.0, 0.5])
    for pred, angle in (([0.9, 0.5], 0), ([0.5, 0.0], 90), ([0.0, 0.5], 180), ([1.0, 1.0], 45)):
        assert gaze.angular_error(torch.tensor(pred), gt, eye).item() == pytest.approx(angle)
    seen = gaze.angular_error(torch.tensor([1.0, 1.0]), gt, eye, size=(100, 200))
    assert seen.item() == pytest.approx(math.degrees(math.atan2(50, 100)))
    assert gaze.angular_error(eye, gt, eye).isnan()


def test_soc_by_hand() -> None:
    box = torch.tensor([[0.0, 0.0, 10.0, 10.0]])
    assert gaze.soc_boxes(box, box) == 1
    beside = torch.tensor([[10.0, 0.0, 20.0, 10.0]])  # equal and adjacent: 1/2 of the closure, which they fill
    assert gaze.soc_boxes(box, beside) == 0.5
    apart = torch.tensor([[30.0, 0.0, 40.0, 10.0]])  # 100 / 400 x 200 / 400
    assert gaze.soc_boxes(box, apart) == 0.125
    inside = torch.tensor([[0.0, 0.0, 10.0, 5.0]])
    assert gaze.soc_boxes(box, inside) == 0.5
    assert gaze.soc_boxes(box, inside, inclusive=True).item() == pytest.approx(66 / 121)


def test_soc_of_masks_and_their_boxes() -> None:
    masks = torch.zeros(3, 10, 10, dtype=torch.bool)
    masks[0, 2:6, 2:6] = True
    masks[1, 2:6, 2:4] = True
    assert gaze.soc_masks(masks, masks).tolist() == [[1, 0.5, 0], [0.5, 1, 0], [0, 0, 0]]
    assert gaze.tight_boxes(masks).tolist() == [[2, 2, 5, 5], [2, 2, 3, 5], [-1, -1, -1, -1]]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31), st.booleans())
def test_soc_is_symmetric_and_one_only_for_equal_boxes(seed: int, inclusive: bool) -> None:
    corners = torch.randint(0, 30, (6, 2, 2), generator=torch.Generator().manual_seed(seed)).sort(1).values
    boxes = torch.cat([corners[:, 0], corners[:, 1] + 1], dim=1)
    soc = gaze.soc_boxes(boxes, boxes, inclusive)
    assert torch.equal(soc, soc.T)
    assert ((soc > 0) & (soc <= 1)).all()
    same = (boxes[:, None] == boxes[None]).all(-1)
    assert torch.equal(soc == 1, same)


def test_bad_input_is_refused() -> None:
    with pytest.raises(UsageError, match="fractions of the picture"):
        gaze.heatmap_auc(torch.zeros(4, 4), torch.tensor([3.0, 2.0]))
    with pytest.raises(UsageError, match="ends before it begins"):
        gaze.soc_boxes(torch.tensor([[5.0, 0, 1, 1]]), torch.zeros(1, 4))
    with pytest.raises(UsageError, match=r"boxes \(N, 4\) are expected"):
        gaze.soc_boxes(torch.zeros(4), torch.zeros(1, 4))
