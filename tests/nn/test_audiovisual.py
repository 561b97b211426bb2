"""Fusion of space, time and sound: what each gate may and may not change."""

from __future__ import annotations

from typing import get_args

import pytest
import torch
from torch import Tensor

from sightline.nn.audiovisual import SOURCES, AudioFusion, Fusion, PlainFusion, PlainKind, Sources, TagNet

PLAIN: tuple[PlainKind, ...] = get_args(PlainKind)
AUDIO: tuple[AudioFusion, ...] = ("bilinear", "deconvolution", *PLAIN)


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def inputs() -> tuple[Tensor, Tensor]:
    """Features of two clips, and two sounds."""
    return torch.randn(2, 3, 8, 5, 7), torch.randn(2, 6)


@pytest.mark.parametrize("audio_fusion", AUDIO)
@pytest.mark.parametrize("sources", ["SA", "STA"])
def test_a_switch_of_0_silences_the_sound(sources: Sources, audio_fusion: AudioFusion) -> None:
    fusion = Fusion(sources, 8, 6, audio_fusion).eval()
    spatial, audio = inputs()
    off, on = torch.zeros(2), torch.ones(2)
    torch.testing.assert_close(fusion(spatial, audio, off), fusion(spatial, 100 * audio - 3, off), atol=0, rtol=0)
    assert not torch.allclose(fusion(spatial, audio, on), fusion(spatial, 100 * audio - 3, on))
    if sources == "SA":
        torch.testing.assert_close(fusion(spatial, audio, off), spatial[:, 1].relu(), atol=0, rtol=0)


def test_the_switch_is_each_clips_own() -> None:
    fusion = Fusion("SA", 8, 6, "bilinear")
    spatial, audio = inputs()
    mixed = fusion(spatial, audio, torch.tensor([1.0, 0.0]))
    torch.testing.assert_close(mixed[0], fusion(spatial, audio, torch.ones(2))[0])
    torch.testing.assert_close(mixed[1], spatial[1, 1].relu())


def test_equation_4_by_hand() -> None:
    """sigma(A) is 0.5 where the last layer is zero: S becomes 1.5 S before ReLU."""
    fusion = Fusion("SA", 8, 6, "bilinear")
    torch.nn.init.zeros_(fusion.audio.both.weight)
    torch.nn.init.zeros_(fusion.audio.both.bias)
    spatial, audio = inputs()
    torch.testing.assert_close(fusion(spatial, audio, torch.ones(2)), (1.5 * spatial[:, 1]).relu())


def test_equation_5_by_hand() -> None:
    """With gates of 0.5 and a 1x1 convolution that takes the mean of both flows, STA is 1.5 S before ReLU."""
    fusion = Fusion("STA", 2, 6, "bilinear")
    for layer in (fusion.audio.both, fusion.temporal.over_time):
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    fusion.combine.weight.data = torch.tensor([[0.5, 0, 0.5, 0], [0, 0.5, 0, 0.5]])[:, :, None, None]
    torch.nn.init.zeros_(fusion.combine.bias)
    spatial, audio = torch.randn(1, 3, 2, 4, 4), torch.randn(1, 6)
    torch.testing.assert_close(fusion(spatial, audio, torch.ones(1)), (1.5 * spatial[:, 1]).relu())


def test_time_counts_where_it_should() -> None:
    spatial, audio = inputs()
    other = spatial.clone()
    other[:, 0] += 1
    on = torch.ones(2)
    for sources in SOURCES:
        fusion = Fusion(sources, 8, 6, "bilinear")
        same = torch.allclose(fusion(spatial, audio, on), fusion(other, audio, on))
        assert same == ("T" not in sources), sources


def test_channels_and_time_are_not_mixed_up() -> None:
    """A kernel that looks at the frame before alone gives that frame's channel (the released code scrambles both)."""
    fusion = Fusion("ST", 2, 6, "bilinear")
    layer = fusion.temporal.over_time
    torch.nn.init.zeros_(layer.weight)
    torch.nn.init.zeros_(layer.bias)
    layer.weight.data[0, 1, 0, 1, 1] = 1  # output 0 is channel 1 of the first frame
    spatial = torch.randn(1, 3, 2, 4, 4)
    torch.testing.assert_close(fusion.temporal(spatial)[:, 0], spatial[:, 0, 1].sigmoid())  # type: ignore[misc]


def test_a_place_that_has_something_in_common_with_the_sound_opens_the_gate() -> None:
    """The bilinear gate differs over places of one clip; the deconvolution's does not depend on what is seen."""
    spatial, audio = inputs()
    bilinear, deconvolution = (Fusion("SA", 8, 6, kind).audio for kind in AUDIO[:2])
    shuffled = spatial[:, 1].flip(-1)
    torch.testing.assert_close(bilinear(shuffled, audio), bilinear(spatial[:, 1], audio).flip(-1))  # type: ignore[misc]
    torch.testing.assert_close(deconvolution(shuffled, audio), deconvolution(spatial[:, 1], audio))  # type: ignore[misc]


@pytest.mark.parametrize("kind", PLAIN)
def test_sound_as_one_vector_by_hand(kind: PlainKind) -> None:
    """The sound is 2, -1 in two channels; the convolution takes S of the other channel plus twice the own sound."""
    fusion = Fusion("SA", 2, 2, kind)
    assert isinstance(fusion.audio, PlainFusion)
    fusion.audio.heard.weight.data, fusion.audio.heard.bias.data = torch.eye(2), torch.zeros(2)
    spatial, audio = torch.randn(1, 3, 2, 4, 4), torch.tensor([[2.0, -1.0]])
    s, a = spatial[:, 1], audio[:, :, None, None]
    if fusion.audio.both is not None:
        fusion.audio.both.weight.data = torch.tensor([[0.0, 1, 2, 0], [1, 0, 0, 2]])[:, :, None, None]
        torch.nn.init.zeros_(fusion.audio.both.bias)
    expected = {"addition": s + a, "multiplication": s * a, "concatenation": s.flip(1) + 2 * a}[kind]
    torch.testing.assert_close(fusion(spatial, audio, torch.ones(1)), expected.relu())


@pytest.mark.parametrize("audio_fusion", AUDIO)
@pytest.mark.parametrize("sources", SOURCES)
def test_a_classification_net_trains(sources: Sources, audio_fusion: AudioFusion) -> None:
    net = TagNet(sources, (4, 4, 4, 6, 10), 3, width=8, audio_width=6, audio_fusion=audio_fusion)
    logits, features = net(torch.rand(2, 3, 6, 4, 4), torch.rand(2, 3, 10, 2, 2), torch.rand(2, 6), torch.ones(2))
    assert logits.shape == (2, 3)
    assert features.shape == (2, 8, 4, 4)
    assert features.min() >= 0
    logits.sum().backward()
    idle = [name for name, parameter in net.named_parameters() if parameter.grad is None]
    assert idle == []
