"""The network: shapes, what guides it, memory, both engines."""

from __future__ import annotations

import pytest
import torch

from sightline.models.egcnet.config import EGCNetConfig, RecallConfig
from sightline.models.egcnet.network import EGCNet, Memory, Winner, recall
from sightline.models.egcnet.pse import cosine_similarity
from sightline.nn.egnet import EGNet, EGNetConfig

CELLS = (4, 6)
"""Cells of a frame of `frame`, before the memory pools them."""


@pytest.fixture(scope="module")
def network() -> EGCNet:
    torch.manual_seed(0)
    return EGCNet(small_config()).eval()


def small_config(**changes: object) -> EGCNetConfig:
    settings = {"sight": EGNetConfig(backbone="mobilenet-v2", width=16), "width": 8, "query_width": 32, **changes}
    return EGCNetConfig.model_validate(settings)


def frame(count: int = 2) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    images = torch.rand(count, 3, 64, 96, generator=generator)
    motion = torch.rand(count, 1, 8, 12, generator=generator)
    gaze = torch.zeros(count, 1, 8, 12)
    gaze[:, :, 2, 3] = 1
    return images, motion, gaze


@torch.no_grad()
def test_shapes(network: EGCNet) -> None:
    images, motion, gaze = frame()
    encoded = network.encode(images)
    decision = network.decide(encoded, motion, gaze, torch.zeros(2), network.empty_memory(2, CELLS))
    assert decision.masks.shape == (2, 6, 16, 24)
    assert decision.winner.shape == (2, 1, 16, 24)
    torch.testing.assert_close(decision.density, network.own_density(encoded, motion, torch.zeros_like(motion)))
    best = decision.competition.total.argmax(1)
    assert torch.equal(decision.winner[1, 0], decision.masks[1, best[1]])


@torch.no_grad()
def test_what_was_fixated_before_is_looked_at_again(network: EGCNet) -> None:
    images, motion, gaze = frame()
    encoded, memory = network.encode(images), network.empty_memory(2, CELLS)
    guided = network.decide(encoded, motion, gaze, torch.tensor([1.0, 0.0]), memory).remembered
    after = network.decide(encoded, motion, gaze, torch.zeros(2), memory.push(guided))
    features = network.semantics(encoded)
    similarity = cosine_similarity(features, guided.fixated, network.spaces)
    torch.testing.assert_close(after.density, network.own_density(encoded, motion, similarity))
    first = network.own_density(encoded, motion, torch.zeros_like(motion))
    assert after.density[0, 0, 2, 3] > 1.2 * first[0, 0, 2, 3]


@torch.no_grad()
def test_recorded_fixations_lead_for_that_video_alone(network: EGCNet) -> None:
    images, motion, gaze = frame()
    encoded, memory = network.encode(images), network.empty_memory(2, CELLS)
    own = network.decide(encoded, motion, gaze, torch.zeros(2), memory)
    guided = network.decide(encoded, motion, gaze, torch.tensor([1.0, 0.0]), memory)
    assert guided.density[0].flatten().argmax() == gaze[0].flatten().argmax()
    torch.testing.assert_close(guided.density[1], own.density[1])
    torch.testing.assert_close(guided.masks[1], own.masks[1])
    assert (guided.masks[0] - own.masks[0]).abs().max() > 1e-4


@torch.no_grad()
def test_memory_matters_and_forgets_the_oldest(network: EGCNet) -> None:
    images, motion, gaze = frame(1)
    encoded = network.encode(images)
    memory = network.empty_memory(1, CELLS, slots=4)
    first = network.decide(encoded, motion, gaze, torch.ones(1), memory)
    for step in range(6):
        memory = memory.push(first.remembered._replace(query=torch.full_like(first.remembered.query, step)))
    assert memory.queries[0, :, 0].tolist() == [2, 3, 4, 5]
    assert memory.filled.sum() == 4
    later = network.decide(encoded, motion, gaze, torch.ones(1), memory)
    assert (later.masks - first.masks).abs().max() > 1e-5


def test_what_is_like_earlier_winners_and_unlike_their_surroundings_stands_out() -> None:
    mask = torch.zeros(1, 1, 8, 16)
    mask[..., :8] = 1
    pixels = torch.cat([mask, 1 - mask], dim=1)
    semantics = torch.zeros(1, 5)
    winner = Winner(torch.zeros(1, 4), semantics, semantics, pixels[..., ::2, ::2], torch.zeros(1, 2, 4, 8))
    empty = Memory(*(torch.zeros(1, 3, *shape) for shape in ((4,), (5,), (5,), (2, 2, 4), (2, 2, 4), ())))
    assert not recall(pixels, empty, RecallConfig()).any()
    large = torch.nn.functional.interpolate(mask, scale_factor=8)
    recalled = recall(pixels, empty.push(winner.with_mask(large)), RecallConfig())
    torch.testing.assert_close(recalled, 4 * (2 * mask - 1))
    assert not recall(pixels, empty.push(winner.with_mask(0 * large)), RecallConfig()).any(), "no object was seen yet"


@torch.no_grad()
def test_the_fixation_head_is_the_egnet_it_was_made_from() -> None:
    torch.manual_seed(0)
    egnet = EGNet(EGNetConfig(backbone="mobilenet-v2", width=16)).eval()
    images = frame()[0]
    expected = egnet(images)
    network = EGCNet(small_config(), egnet.backbone, egnet).eval()
    torch.testing.assert_close(network.fixation_logits(images), expected)
    torch.testing.assert_close(network.encode(images).fixations, expected)


def test_only_what_decides_learns(network: EGCNet) -> None:
    images, motion, gaze = frame()
    with torch.no_grad():
        encoded = network.encode(images)
    decision = network.decide(encoded, motion, gaze, torch.ones(2), network.empty_memory(2, CELLS))
    memory = network.empty_memory(2, CELLS).push(decision.remembered)
    decision = network.decide(encoded, motion, gaze, torch.ones(2), memory)
    (decision.masks.mean() + decision.competition.total.mean()).backward()
    silent = {name for name, p in network.named_parameters() if p.grad is None}
    assert silent
    assert all(name.startswith(("backbone.", "sight.")) for name in silent)


@torch.no_grad()
@pytest.mark.parametrize(
    "changes",
    [
        {"position_semantic": False},
        {"competition": False},
        {"contrast": False},
        {"backbone": "deeplab-mobilenet-v2"},
    ],
)
def test_every_variant_runs(changes: dict[str, object]) -> None:
    torch.manual_seed(0)
    network = EGCNet(small_config(**changes)).eval()
    images, motion, gaze = frame()
    decision = network.decide(network.encode(images), motion, gaze, torch.ones(2), network.empty_memory(2, CELLS))
    assert decision.masks.shape == (2, 6, 16, 24)
    assert decision.masks.isfinite().all()
