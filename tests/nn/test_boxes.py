import itertools

import numpy as np
import pytest
import torch

from sightline.nn.boxes import focal_loss, giou, keep_apart, match, pair_iou, to_cxcywh, to_xyxy


def test_forms_are_inverse() -> None:
    boxes = torch.rand(5, 4) + 0.1
    torch.testing.assert_close(to_xyxy(to_cxcywh(boxes)), boxes)


def test_iou_and_giou_of_boxes_by_hand() -> None:
    first = torch.tensor([[0.0, 0.0, 2.0, 2.0]])
    second = torch.tensor([[1.0, 1.0, 3.0, 3.0], [4.0, 0.0, 6.0, 2.0]])
    assert pair_iou(first, second)[0].tolist() == pytest.approx([1 / 7, 0.0])
    # closures 9 and 12; unions 7 and 8
    assert giou(first, second).tolist() == pytest.approx([1 / 7 - 2 / 9, -4 / 12])


def test_focal_loss_is_its_formula() -> None:
    logits, truth = torch.linspace(-4, 4, 9), torch.tensor([0.0, 1, 0, 1, 0, 1, 0, 1, 0])
    chance = 1 / (1 + np.exp(-logits.numpy().astype(np.float64)))
    expected = np.where(
        truth.numpy() == 1, -0.25 * (1 - chance) ** 2 * np.log(chance), -0.75 * chance**2 * np.log(1 - chance)
    )
    np.testing.assert_allclose(focal_loss(logits, truth).numpy(), expected, rtol=1e-5)


def test_matching_is_the_cheapest_of_all() -> None:
    generator = torch.Generator().manual_seed(5)
    boxes = torch.rand(5, 4, generator=generator) * 0.5 + 0.2
    truth = torch.rand(3, 4, generator=generator) * 0.5 + 0.2
    logits = torch.randn(5, generator=generator)
    chance = logits.sigmoid()
    focal = -0.25 * (1 - chance) ** 2 * chance.log() + 0.75 * chance**2 * (1 - chance).log()
    cost = 2 * focal[:, None] + 5 * (boxes[:, None] - truth[None]).abs().sum(-1)
    cost = cost - 2 * giou(to_xyxy(boxes)[:, None], to_xyxy(truth)[None])
    best = min(sum(float(cost[q, t]) for t, q in enumerate(p)) for p in itertools.permutations(range(5), 3))
    rows, columns = match(logits, boxes, truth, (2.0, 5.0, 2.0))
    assert sorted(columns.tolist()) == [0, 1, 2]
    assert float(cost[rows, columns].sum()) == pytest.approx(best, rel=1e-5)


def test_nothing_to_match_matches_nothing() -> None:
    rows, columns = match(torch.zeros(4), torch.rand(4, 4), torch.zeros(0, 4), (2.0, 5.0, 2.0))
    assert (len(rows), len(columns)) == (0, 0)


def test_suppression_keeps_the_surest_and_lets_a_suppressed_box_suppress_nothing() -> None:
    boxes = torch.tensor([[0.0, 0.0, 10.0, 10.0], [3.0, 0.0, 13.0, 10.0], [6.0, 0.0, 16.0, 10.0]])
    assert keep_apart(boxes, torch.tensor([0.9, 0.8, 0.7]), 0.5).tolist() == [0, 2]
    assert keep_apart(boxes[:0], torch.zeros(0), 0.5).tolist() == []
    nested = torch.tensor(
        [[0.0, 0, 10, 10], [1, 1, 5, 5], [8, 8, 13, 13]]
    )  # the second in the first, a part of the third
    scores = torch.tensor([0.7, 0.9, 0.8])
    assert keep_apart(nested, scores, 0.5).tolist() == [1, 2, 0]
    assert keep_apart(nested, scores, 0.5, within=0.8).tolist() == [1, 2]
    assert keep_apart(nested, scores.flip(0), 0.5, within=0.8).tolist() == [1, 2]
