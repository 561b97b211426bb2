"""Who wins the competition, and how winners are carried on."""

import torch

from sightline.models.egcnet.slq import Competitor, WinnersMemory


def scene() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Three masks: on the fixated object, on its twin elsewhere, on the background. Features tell objects from it."""
    masks = torch.zeros(1, 3, 8, 12)
    masks[0, 0, 2:5, 1:4] = 1
    masks[0, 1, 2:5, 8:11] = 1
    masks[0, 2] = 1 - masks[0, 0] - masks[0, 1]
    features = torch.stack([masks[0, 0] + masks[0, 1], masks[0, 2]])[None]
    density = masks[:, :1] / masks[:, :1].sum()
    return masks, features, density


def test_the_constraints_choose_the_fixated_object() -> None:
    masks, features, density = scene()
    found = Competitor(4.0)(masks, features, torch.tensor([[1.0, 0.0]]), density, torch.zeros(1, 3))
    assert found.total.argmax() == 0
    torch.testing.assert_close(found.semantic[0], torch.tensor([1.0, 1.0, 0.0]))  # its twin is as close in meaning
    assert found.locality[0, 0] > 0.5 > -0.5 > found.locality[0, 1]  # but nobody looks there
    torch.testing.assert_close(found.share.sum(1), torch.ones(1))


def test_scores_can_decide_between_equals_and_learn() -> None:
    masks, features, density = scene()
    scores = torch.tensor([[0.0, 0.0, 9.0]], requires_grad=True)
    competitor = Competitor(4.0)
    found = competitor(masks, features, torch.tensor([[1.0, 0.0]]), density, scores)
    assert found.total.argmax() == 2
    found.share[0, 0].backward()
    assert scores.grad is not None
    assert scores.grad[0, 0] > 0 > scores.grad[0, 2]
    assert competitor.rates.grad is not None
    assert competitor.rates.grad.abs().sum() > 0


def test_empty_and_full_masks_stay_finite() -> None:
    _, features, density = scene()
    masks = torch.stack([torch.zeros(8, 12), torch.ones(8, 12), torch.ones(8, 12)])[None]
    found = Competitor(4.0)(masks, features, torch.tensor([[1.0, 0.0]]), density, torch.zeros(1, 3))
    assert found.total.isfinite().all()


def test_memory_slots_that_are_empty_change_nothing() -> None:
    torch.manual_seed(0)
    memory = WinnersMemory(32).eval()
    queries, winners = torch.randn(2, 5, 32), torch.randn(2, 4, 32)
    filled = torch.tensor([[0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]])
    out = memory(queries, winners, filled)
    other = winners.clone()
    other[0] += 5
    other[1, :3] -= 5
    torch.testing.assert_close(memory(queries, other, filled), out)
    other[1, 3] += 5
    assert (memory(queries, other, filled)[1] - out[1]).abs().max() > 1e-3
