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


def test_gazefollow_is_scored_at_the_size_of_the_picture() -> None:
    roc_auc_score = pytest.importorskip("sklearn.metrics").roc_auc_score
    heatmap = torch.rand(16, 16, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    points = torch.tensor([[0.1, 0.2], [0.11, 0.2], [0.999, 1.0], [-1.0, -1.0]], dtype=torch.float64)
    size = (40, 56)
    large = torch.nn.functional.interpolate(heatmap[None, None], size, mode="bilinear")[0, 0]
    hot = torch.zeros(size)
    for x, y in points[:3].tolist():
        hot[min(int(y * 40), 39), min(int(x * 56), 55)] = 1
    expected = roc_auc_score(hot.flatten(), large.flatten())
    assert gaze.gazefollow_auc(heatmap, points, size).item() == pytest.approx(expected)
    assert gaze.gazefollow_auc(heatmap, points[3:], size).isnan()


def test_gazefollow_distances() -> None:
    heatmap = torch.zeros(10, 10)
    heatmap[2, 5] = 1  # its corner is at x 0.5, y 0.2
    points = torch.tensor([[0.5, 0.3], [0.9, 0.5], [-1.0, -1.0]], dtype=torch.float64)
    mean, least = gaze.gazefollow_distance(heatmap, points, only_seen=True)
    assert mean.item() == pytest.approx(math.hypot(0.7 - 0.5, 0.4 - 0.2))
    assert least.item() == pytest.approx(0.1)
    mean, least = gaze.gazefollow_distance(heatmap, points)  # as the benchmark does, absent annotators included
    assert mean.item() == pytest.approx(math.hypot(0.4 / 3 - 0.5, -0.2 / 3 - 0.2))
    assert least.item() == pytest.approx(0.1)
    assert gaze.gazefollow_distance(heatmap, points[2:], only_seen=True)[0].isnan()


@pytest.mark.parametrize(
    ("point", "rows", "columns"),
    [((0.5, 0.5), (23, 42), (23, 42)), ((0.0, 0.99), (54, 63), (0, 10)), ((0.99, 0.02), (0, 11), (54, 63))],
)
def test_the_square_of_video_attention_target(
    point: tuple[float, float], rows: tuple[int, int], columns: tuple[int, int]
) -> None:
    heatmap = torch.rand(64, 64, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    hot = torch.zeros(64, 64, dtype=torch.bool)
    hot[slice(*rows), slice(*columns)] = True
    expected = (heatmap[hot][:, None] > heatmap[~hot]).double().mean().item()
    target = torch.tensor(point, dtype=torch.float64)
    assert gaze.vat_auc(heatmap, target).item() == pytest.approx(expected)
    assert gaze.vat_auc(heatmap, torch.tensor([-1.0, -1.0])).isnan()
    assert gaze.vat_distance(heatmap, torch.tensor([-1.0, -1.0])).isnan()
    at = divmod(int(heatmap.argmax()), 64)
    apart = math.hypot(at[1] / 64 - point[0], at[0] / 64 - point[1])
    assert gaze.vat_distance(heatmap, target).item() == pytest.approx(apart)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=1, max_size=12))
def test_average_precision_counts_ties_together(people: list[tuple[int, bool]]) -> None:
    scores, labels = (torch.tensor(column) for column in zip(*people, strict=True))
    found = gaze.inout_ap(scores.double(), labels)
    if not labels.any():
        assert found.isnan()
        return
    total, seen = 0.0, 0.0
    for level in sorted(set(scores.tolist()), reverse=True):
        kept = scores >= level
        recall = (labels & kept).sum().item() / labels.sum().item()
        total += (recall - seen) * (labels & kept).sum().item() / kept.sum().item()
        seen = recall
    assert found.item() == pytest.approx(total)


def test_a_constant_heatmap_is_chance_on_any_grid() -> None:
    for value in (0.1, 1 / 3, 7.7):
        for cells in (3, 5, 7):
            assert gaze.grid_auc(torch.full((64, 48), value), torch.tensor([0.3, 0.8]), cells) == 0.5


def test_the_damped_angle_of_goo() -> None:
    eye, gt = torch.tensor([0.5, 0.5]), torch.tensor([1.0, 0.5])
    assert gaze.angular_error(eye, gt, eye, damping=1e-6).item() == pytest.approx(90)
    near = torch.tensor([0.5001, 0.5])
    cosine = 0.0001 * 0.5 / (0.0001 * 0.5 + 1e-6)
    found = gaze.angular_error(near, gt, eye, damping=1e-6).item()
    assert found == pytest.approx(math.degrees(math.acos(cosine)), abs=0.05)


def test_the_nearest_box() -> None:
    boxes = torch.tensor([[0.0, 0.0, 2.0, 2.0], [8.0, 8.0, 10.0, 10.0]])
    assert gaze.nearest_box(torch.tensor([4.0, 4.0]), boxes) == 0
    assert gaze.nearest_box(torch.tensor([6.0, 6.0]), boxes) == 1
    with pytest.raises(UsageError, match="at least one box"):
        gaze.nearest_box(torch.tensor([6.0, 6.0]), boxes[:0])


def test_bad_gaze_arguments_are_refused() -> None:
    for call in (
        lambda: gaze.vat_auc(torch.rand(32, 32), torch.rand(2)),
        lambda: gaze.gazefollow_auc(torch.rand(2, 8, 8), torch.rand(3, 2), (8, 8)),
        lambda: gaze.inout_ap(torch.rand(3), torch.ones(4)),
        lambda: gaze.inout_ap(torch.tensor([0.1, float("nan")]), torch.ones(2)),
        lambda: gaze.inout_ap(torch.rand(2), torch.tensor([0.5, 1.0])),
    ):
        with pytest.raises(ValueError, match="`"):
            call()
