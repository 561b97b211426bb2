"""The nets with context, and the fusion of eleven maps."""

from __future__ import annotations

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from models.stanet_plus.conftest import SCAM, small_nets
from sightline.models.stanet.config import ScamConfig
from sightline.models.stanet.scam import StageMaps, stage_maps
from sightline.models.stanet_plus.config import PLUS_MAPS, SCAM_PLUS, ScamPlusConfig, sources_of, term_of
from sightline.models.stanet_plus.graph import GraphConfig, refine
from sightline.models.stanet_plus.nets import ContextNet, NamedMaps, ScamPlusNets, plus_maps

DOG = torch.tensor([[1.0, 0, 0]])


def features(nodes: int, frames: int = 1, seed: int = 0) -> Tensor:
    """(frames, nodes, 8, 4, 4), not negative."""
    return torch.rand(frames, nodes, 8, 4, 4, generator=torch.Generator().manual_seed(seed))


def test_the_eight_nets_are_those_of_the_paper() -> None:
    assert len(SCAM_PLUS) == 11
    assert [(sources_of(name), term_of(name)) for name in PLUS_MAPS].count(("SA", "short")) == 0
    assert {(sources_of(name), term_of(name)) for name in PLUS_MAPS} == {
        (sources, term) for sources in ("S", "SA", "ST") for term in ("short", "long", "cross")
    } - {("SA", "short")}


@pytest.mark.parametrize("form", ["paper", "code"])
@pytest.mark.parametrize("sources", ["S", "SA", "ST"])
@pytest.mark.parametrize("count", [1, 2, 4])
def test_a_net_with_context_trains(sources: str, count: int, form: str) -> None:
    graph = GraphConfig(nodes=count, form=form)  # type: ignore[arg-type]
    net = ContextNet(sources, SCAM, graph)  # type: ignore[arg-type]
    logits, states = net(features(1 + count, frames=2))
    assert logits.shape == (2, 1 + count, 3)
    assert states.shape == (2, 1 + count, 8, 4, 4)
    logits.square().sum().backward()
    idle = [name for name, parameter in net.named_parameters() if parameter.grad is None]
    assert idle == []
    assert (net.graph.cell is None) == (form == "paper" or sources == "ST"), "the code's ST+ has no recurrent unit"


def test_context_changes_the_target_and_its_order_does_not(plus_nets: ScamPlusNets) -> None:
    net = plus_nets.net("S+ long")
    given = features(3)
    logits, states = net(given)
    torch.testing.assert_close(net(given[:, [0, 2, 1]])[0][:, 0], logits[:, 0])
    other = torch.cat([given[:, :2], 2 + given[:, 2:]], dim=1)
    assert not torch.allclose(net(other)[1][:, 0], states[:, 0])


def test_nets_begin_with_those_of_scam() -> None:
    nets, other = small_nets(), small_nets()
    for parameter in other.scam.parameters():
        parameter.data += 0.1
    nets.begin_with(other.scam)
    torch.testing.assert_close(nets.scam.state_dict(), other.scam.state_dict(), atol=0, rtol=0)
    for name in PLUS_MAPS:
        assert nets.branch(name) is nets.scam.fine[sources_of(name)]
        torch.testing.assert_close(nets.net(name).classifier.weight, other.branch(name).classifier.weight)


@torch.inference_mode()
def scam_of(nets: ScamPlusNets) -> StageMaps:
    """Of a frame of noise, with sound."""
    level4, level5 = torch.rand(1, 3, 96, 4, 4), torch.rand(1, 3, nets.scam.encoders.backbone.channels[4], 2, 2)
    return stage_maps(nets.scam, "fine", level4, level5, torch.rand(1, 384), torch.ones(1), DOG)


def test_all_maps_of_a_frame(plus_nets: ScamPlusNets) -> None:
    scam = scam_of(plus_nets)
    context = torch.rand(4, 1, 2, 8, 4, 4)
    with torch.inference_mode():
        found = plus_maps(plus_nets, scam, {"short": context, "long": context}, DOG)
        place = plus_nets.config.scam.nets.index("SA")
        logits, _ = plus_nets.net("SA+ long")(torch.cat([scam.features[place][:, None], context[place]], dim=1))
    assert set(found.maps) == {"S", "SA", "ST", "S+ short", "ST+ short", "S+ long", "SA+ long", "ST+ long"}
    assert all(maps.shape == (1, 64, 64) for maps in found.maps.values())
    assert all(maps.min() >= 0 and maps.max() == pytest.approx(1) for maps in found.maps.values())
    assert found.confidences["SA+ long"][0] == pytest.approx(float(logits[0, 0].softmax(0)[0]))
    torch.testing.assert_close(found.maps["S"], scam.maps[plus_nets.config.scam.nets.index("S")])


def test_equation_8_by_hand() -> None:
    """Maps of one row; each counts by its confidence, one that is not there not at all."""
    config = ScamPlusConfig(scam=SCAM, maps=("S", "S+ short", "ST+ long", "S+ cross"))
    maps = {"S": [0.0, 1.0, 0.0], "S+ short": [1.0, 0.0, 0.0], "ST+ long": [0.0, 0.0, 1.0], "SA": [9.0, 0.0, 9.0]}
    sure = {"S": 0.8, "S+ short": 0.4, "ST+ long": 0.0, "SA": 1.0}
    named = NamedMaps(
        {name: torch.tensor([[values]]) for name, values in maps.items()},  # type: ignore[misc]
        {name: torch.tensor([value]) for name, value in sure.items()},  # type: ignore[misc]
    )
    assert named.fused(config).flatten().tolist() == pytest.approx([0.5, 1.0, 0.0], abs=1e-3)
    assert named.counted(config)
    average = config.model_copy(update={"fusion": "average"})
    assert named.fused(average).flatten().tolist() == pytest.approx([0.0, 0.0, 0.0]), "all three alike"
    none = config.model_copy(update={"maps": ("ST+ long",)})
    assert not named.counted(none)
    assert named.fused(none).abs().max() == 0
    absent = config.model_copy(update={"maps": ("S+ cross",)})
    assert named.fused(absent).abs().max() == 0
    assert not named.counted(absent)


def test_line_12_is_s_behind_a_refine_layer() -> None:
    nets = small_nets(maps=("S refined",))
    scam = scam_of(nets)
    with torch.inference_mode():
        found = plus_maps(nets, scam, {}, DOG)
        logits = nets.scam.fine["S"].classifier(refine(scam.features[0]).mean(dim=(2, 3)))
    assert found.confidences["S refined"][0] == pytest.approx(float(logits[0].softmax(0)[0]))
    assert not torch.allclose(found.maps["S refined"], found.maps["S"])


def test_a_map_without_its_net_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"maps: S\+ long: no such net among S, S refined, S\+ short, SA"):
        ScamPlusConfig(scam=SCAM, nets=("S+ short",), maps=("S", "S+ long"))
    with pytest.raises(ValidationError, match=r"nets: SA, ST: scam\.nets has none"):
        ScamPlusConfig(scam=ScamConfig(tags=("a",), nets=("S",), maps=("S",)), maps=("S",))
