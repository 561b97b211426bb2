"""STA's network and losses."""

from __future__ import annotations

import pytest
import torch

from sightline.models.stanet.config import ScamConfig, STANetConfig
from sightline.models.stanet.losses import fixation_loss, tag_loss
from sightline.models.stanet.network import ScamNets, STANet, match, pool


@pytest.fixture(scope="module")
def network() -> STANet:
    torch.manual_seed(0)
    return STANet(STANetConfig(tags=("dog", "bird"), width=8, decoder_width=8, input_size=64)).eval()


def decide(network: STANet, audio: torch.Tensor, switch: float) -> torch.Tensor:
    torch.manual_seed(1)
    spatial = torch.randn(1, 3, 8, 4, 4)
    places = audio[:, :1, None, None] + torch.randn(1, 1, 4, 4)
    levels = torch.rand(1, 32, 8, 8), torch.rand(1, 96, 4, 4)
    with torch.inference_mode():
        on = torch.tensor([switch])
        return network.add_matches(network(spatial, *levels, audio, on), places, on)


def test_the_map_has_stride_8(network: STANet) -> None:
    images = torch.rand(3, 3, 64, 64)
    levels = network.encoders.see(images)
    spatial = network.spatial(levels.level4, levels.level5)[None]
    audio = network.encoders.hear(torch.rand(1, 128, 100))
    switch, places = network.switched(levels.level4[1:2], levels.level5[1:2], audio, torch.ones(1))
    logits = network(spatial, levels.level3[1:2], levels.level4[1:2], audio, switch)
    assert logits.shape == (1, 1, 8, 8)
    assert network.add_matches(logits, places, switch).shape == (1, 1, 8, 8)


def test_a_switch_of_0_silences_the_sound(network: STANet) -> None:
    one, other = torch.zeros(1, 384), torch.full((1, 384), 3.0)
    assert torch.equal(decide(network, one, 0), decide(network, other, 0))
    assert not torch.allclose(decide(network, one, 1), decide(network, other, 1))


def test_a_place_matches_as_far_as_it_shows_what_is_heard() -> None:
    places = torch.tensor([[[[4.0, 0.0]], [[0.0, -2.0]]]])
    dog, either = torch.tensor([[20.0, -20.0]]), torch.zeros(1, 2)
    torch.testing.assert_close(match(places, dog), torch.tensor([[[[4.0, 0.0]]]]))
    torch.testing.assert_close(match(places, either), torch.tensor([[[[2.0, -1.0]]]]))


def test_pooling_lies_between_the_mean_and_the_maximum() -> None:
    torch.manual_seed(0)
    places = torch.randn(2, 3, 4, 5)
    pooled = pool(places)
    assert (pooled > places.mean(dim=(2, 3))).all()
    assert (pooled < places.amax(dim=(2, 3))).all()
    torch.testing.assert_close(pool(torch.full((1, 1, 3, 3), 1.5)), torch.tensor([[1.5]]))


def test_encoders_keep_what_they_learned() -> None:
    nets = ScamNets(ScamConfig(tags=("a", "b"), width=8)).train()
    assert not any(module.training for module in nets.encoders.modules())
    assert not any(parameter.requires_grad for parameter in nets.encoders.parameters())
    assert nets.coarse["S"].training


def test_the_divergence_is_of_each_frame_and_zero_for_the_same_density() -> None:
    torch.manual_seed(0)
    logits = torch.randn(2, 1, 4, 4)
    same = fixation_loss(logits, logits.sigmoid(), kl_weight=1) - fixation_loss(logits, logits.sigmoid())
    assert same.abs() < 1e-5
    empty = torch.zeros(2, 1, 4, 4)
    torch.testing.assert_close(fixation_loss(logits, empty, kl_weight=5.0), fixation_loss(logits, empty))
    pseudo = torch.rand(2, 1, 4, 4)
    each = [fixation_loss(logits[i : i + 1], pseudo[i : i + 1], kl_weight=1.0) for i in range(2)]
    torch.testing.assert_close(fixation_loss(logits, pseudo, kl_weight=1.0), torch.stack(each).mean())


def test_equation_6_by_hand() -> None:
    logits, pseudo = torch.tensor([[[[0.0, 2.0]]]]), torch.tensor([[[[0.25, 1.0]]]])
    p = torch.sigmoid(torch.tensor(2.0))
    expected = -(torch.tensor(0.5).log() + p.log()) / 2
    torch.testing.assert_close(fixation_loss(logits, pseudo), expected)


def test_tags_alone_or_several() -> None:
    logits = torch.tensor([[2.0, -1.0, 0.5]])
    one, two = torch.tensor([[0.0, 0.0, 1.0]]), torch.tensor([[1.0, 0.0, 1.0]])
    torch.testing.assert_close(tag_loss(logits, one, several=False), -logits.log_softmax(1)[0, 2])
    p = logits.sigmoid()[0]
    torch.testing.assert_close(tag_loss(logits, two, several=True), -(p[0].log() + (1 - p[1]).log() + p[2].log()) / 3)
