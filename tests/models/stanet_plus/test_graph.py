"""C-GCN and its fixation refine layer: by hand, against reference numbers, and what has to hold of any states."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from sightline.models.stanet_plus.graph import ContextGraph, GraphConfig, RecurrentCell, refine

GOLDENS = Path(__file__).parents[4] / "shared/goldens/modules"
needs_goldens = pytest.mark.skipif(not GOLDENS.is_dir(), reason="no reference numbers in ../shared/goldens")
PLAIN = GraphConfig(rounds=1, refine=False)


def sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value))


def graph(config: GraphConfig, width: int = 4, recurrent: bool = True) -> ContextGraph:
    torch.manual_seed(0)
    return ContextGraph(width, config, recurrent).eval()


def projecting(config: GraphConfig, width: int) -> ContextGraph:
    """A graph whose projections leave states as they are (the code's: their first half)."""
    made = graph(config, width)
    for layer in (made.asking, made.asked):
        torch.nn.init.zeros_(layer.bias)
        layer.weight.data = torch.eye(layer.out_channels, width)[:, :, None, None]
    return made


def nodes(*rows: list[list[float]]) -> Tensor:
    """States of one row of places: a node is a list of its channels."""
    return torch.tensor(rows)[None, :, :, None]


def test_one_place_by_hand() -> None:
    """With one place each, a message is the other's state."""
    made = projecting(PLAIN, 1)
    found = made(nodes([[1.0]], [[2.0]], [[-1.0]])).flatten().tolist()
    assert found == pytest.approx([sigmoid(2 - 1), 2 * sigmoid(1 - 1), -sigmoid(1 + 2)], abs=1e-6)


def test_two_places_by_hand() -> None:
    """Target (1, 0), context (2, 4). Place 0 asks with 1: weights e^2 : e^4; place 1 asks with 0: half each."""
    made = projecting(PLAIN, 1)
    states = nodes([[1.0, 0.0]], [[2.0, 4.0]])
    heavy = math.exp(4) / (math.exp(2) + math.exp(4))
    told = [2 * (1 - heavy) + 4 * heavy, 3.0]
    assert made.messages(states)[0, 0, 0, 0, 0].tolist() == pytest.approx(told, abs=1e-5)
    assert made(states)[0, 0, 0, 0].tolist() == pytest.approx([sigmoid(told[0]), 0.0], abs=1e-6)
    back = [1 / (1 + math.exp(-asking)) for asking in (2.0, 4.0)]  # weight of the target's place 0
    assert made(states)[0, 1, 0, 0].tolist() == pytest.approx([2 * sigmoid(back[0]), 4 * sigmoid(back[1])], abs=1e-5)


def test_rounds_are_synchronous() -> None:
    made = projecting(GraphConfig(rounds=2, refine=False), 1)
    first = [sigmoid(1), 1.0, -sigmoid(3)]
    second = [first[i] * sigmoid(sum(first) - first[i]) for i in range(3)]
    assert made(nodes([[1.0]], [[2.0]], [[-1.0]])).flatten().tolist() == pytest.approx(second, abs=1e-6)


def test_refinement_comes_after_each_round() -> None:
    states = torch.rand(1, 3, 4, 3, 3)
    plain = graph(PLAIN)
    whole = graph(GraphConfig(rounds=2))
    whole.load_state_dict(plain.state_dict())
    torch.testing.assert_close(whole(states), refine(plain(refine(plain(states)))))


def test_the_codes_form_by_hand() -> None:
    """One place, two channels. Each message times its gate, joined by the middle of the kernel, without the cell."""
    made = ContextGraph(2, GraphConfig(form="code", rounds=1, refine=False), recurrent=False)
    assert made.gate is not None
    assert made.join is not None
    made.gate.weight.data = torch.tensor([1.0, 0.0])[None, :, None, None]
    torch.nn.init.zeros_(made.join.weight)
    torch.nn.init.constant_(made.join.bias, 0.5)
    made.join.weight.data[0, 0, 1, 1] = 1  # out 0: channel 0 of the first message
    made.join.weight.data[1, 3, 1, 1] = 2  # out 1: twice channel 1 of the second message
    found = made(nodes([[1.0], [2.0]], [[3.0], [4.0]], [[5.0], [6.0]]))[0, :, :, 0, 0]
    first = [3 * sigmoid(3) + 0.5, 2 * 6 * sigmoid(5) + 0.5]
    assert found[0].tolist() == pytest.approx(first, abs=1e-5)
    assert found[1].tolist() == pytest.approx([1 * sigmoid(1) + 0.5, 2 * 6 * sigmoid(5) + 0.5], abs=1e-5)


def test_the_codes_cell_by_hand() -> None:
    cell = RecurrentCell(1)
    for layer in (cell.update, cell.reset, cell.candidate):
        torch.nn.init.zeros_(layer.bias)
        layer.weight.data = torch.tensor([1.0, 1.0])[None, :, None, None]
    found = cell(torch.full((1, 1, 1, 1), 0.5), torch.full((1, 1, 1, 1), 2.0)).item()
    z = sigmoid(2.5)
    assert found == pytest.approx((1 - z) * 2 + z * math.tanh(0.5 + 2 * z), abs=1e-6)


def test_refine_by_hand() -> None:
    """Means 3, 1; the second is below 0.8 * 3."""
    found = refine(torch.tensor([[[2.0, 0.0]], [[4.0, 2.0]]]))
    kept, weak = (1 + sigmoid(3)) / 2, (1 + 0.6 * sigmoid(1)) / 2
    assert found.flatten().tolist() == pytest.approx([2 * kept, 0.0, 4 * kept, 2 * weak], abs=1e-6)


def test_a_place_at_the_threshold_is_not_weak() -> None:
    found = refine(torch.tensor([[[4.0, 2.0]]]), threshold=0.5, rate=0.0)
    assert found.flatten().tolist() == pytest.approx([4 * (1 + sigmoid(4)) / 2, 2 * (1 + sigmoid(2)) / 2], abs=1e-6)


def test_refine_of_negative_responses_holds_everything_back() -> None:
    found = refine(torch.tensor([[[-1.0, -2.0]]]))
    expected = [-(1 + 0.6 * sigmoid(-1)) / 2, -2 * (1 + 0.6 * sigmoid(-2)) / 2]
    assert found.flatten().tolist() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("threshold", "rate"), [(0.8, 0.6), (0.8, 0.4), (0.9, 0.6), (0.0, 0.0), (1.0, 1.0)])
def test_refine_never_grows_and_keeps_signs(threshold: float, rate: float) -> None:
    features = torch.randn(3, 5, 6, 7, generator=torch.Generator().manual_seed(0))
    found = refine(features, threshold, rate)
    assert (found.abs() <= features.abs()).all()
    assert (found.sign() == features.sign()).all()
    assert (found.abs() >= features.abs() / 2).all(), "at least half is left"


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_the_order_of_the_context_does_not_matter(count: int) -> None:
    made = graph(GraphConfig(nodes=count))
    states = torch.randn(2, 1 + count, 4, 3, 5)
    order = [0, *reversed(range(1, 1 + count))]
    torch.testing.assert_close(made(states[:, order]), made(states)[:, order])


@pytest.mark.parametrize("form", ["paper", "code"])
def test_a_node_of_zeros_tells_nothing(form: str) -> None:
    made = graph(GraphConfig(form=form))  # type: ignore[arg-type]
    for layer in (made.asking, made.asked):
        torch.nn.init.normal_(layer.bias)
    states = torch.randn(2, 3, 4, 3, 5)
    states[:, 2] = 0
    assert made.messages(states)[:, :2, 1].abs().max() == 0
    assert made.messages(states)[:, :2, 0].abs().min() > 0
    if form == "paper":
        alone = graph(GraphConfig(nodes=1))
        alone.load_state_dict(made.state_dict())
        torch.testing.assert_close(made(states)[:, :2], alone(states[:, :2]))
        assert made(states)[:, 2].abs().max() == 0, "and it stays zero"


@pytest.mark.parametrize("scale", [0.01, 1.0])  # float32 rounds the gate of a larger sum to 1
def test_gates_are_in_0_to_1(scale: float) -> None:
    states = scale * torch.randn(2, 3, 4, 3, 5)
    for rounds in (1, 3):
        found = graph(GraphConfig(rounds=rounds, refine=False))(states)
        assert (found.abs() < states.abs()).all()
        assert (found.sign() == states.sign()).all()
        assert found.abs().min() > 0


def test_no_round_leaves_states_as_they_are() -> None:
    states = torch.randn(1, 3, 4, 2, 2)
    assert torch.equal(graph(GraphConfig(rounds=0))(states), states)


def test_a_coarser_graph() -> None:
    """States that are alike in each square of four places are what a graph of pooled places makes of them."""
    coarse = graph(GraphConfig(pool=2))
    small = torch.randn(1, 3, 4, 2, 3)
    large = small.repeat_interleave(2, -1).repeat_interleave(2, -2)
    fine = graph(GraphConfig())(small)
    expected = torch.nn.functional.interpolate(fine[0], (4, 6), mode="bilinear")
    torch.testing.assert_close(coarse(large)[0], expected)
    assert coarse(torch.randn(1, 3, 4, 1, 5)).shape == (1, 3, 4, 1, 5)


def test_samples_of_a_batch_do_not_mix() -> None:
    made = graph(GraphConfig())
    states = torch.randn(3, 3, 4, 3, 3)
    torch.testing.assert_close(made(states)[1:2], made(states[1:2]))


@needs_goldens
def test_refine_as_the_released_code() -> None:
    with np.load(GOLDENS / "stanet_block_FRL.npz") as golden:
        for name in ("x", "xpos", "xneg"):
            expected = torch.from_numpy(golden[f"outputs/{name}"])
            found = refine(torch.from_numpy(golden[f"inputs/{name}"]))
            torch.testing.assert_close(found, expected, atol=1e-4 * float(expected.abs().max()), rtol=0)


@needs_goldens
def test_the_cell_as_the_released_code() -> None:
    cell = RecurrentCell(28)
    with np.load(GOLDENS / "stanet_block_ConvGRU.npz") as golden:
        cell.load_state_dict(cell_of(golden, "state_dict/"))
        message, state = (torch.from_numpy(golden[f"inputs/{name}"]) for name in ("input_", "prev_state"))
        with torch.inference_mode():
            for name, before in (("new_state", state), ("new_state_none", torch.zeros_like(state))):
                expected = torch.from_numpy(golden[f"outputs/{name}"])
                torch.testing.assert_close(cell(message, before), expected, atol=1e-4, rtol=0)


@needs_goldens
@pytest.mark.parametrize(("recurrent", "prefix"), [(True, ""), (False, "STplus_nogru_")])
def test_the_codes_form_as_the_released_code(recurrent: bool, prefix: str) -> None:
    with np.load(GOLDENS / "stanet_block_CGCN.npz") as golden:
        names = {"asking": "proja", "asked": "projb", "gate": "gate", "join": "conv_fusion"}
        tensors = {
            f"{ours}.{kind}": torch.from_numpy(golden[f"state_dict/extra_{theirs}.{kind}"])
            for ours, theirs in names.items()
            for kind in ("weight", "bias")
            if f"state_dict/extra_{theirs}.{kind}" in golden
        }
        if recurrent:
            tensors |= {f"cell.{name}": t for name, t in cell_of(golden, "state_dict/extra_ConvGRU.").items()}
        states = torch.stack([torch.from_numpy(golden[f"inputs/{name}"]) for name in ("e", "q", "q1")], dim=1)
        for rounds in (1, 2, 3):
            made = ContextGraph(28, GraphConfig(form="code", rounds=rounds), recurrent).eval()
            made.load_state_dict(tensors)
            with torch.inference_mode():
                found = made(states)[0]
            for node in range(3):
                expected = torch.from_numpy(golden[f"outputs/{prefix}round{rounds}_node{node}"])[0]
                torch.testing.assert_close(found[node], expected, atol=1e-4 * float(expected.abs().max()), rtol=0)
        expected = torch.from_numpy(golden["outputs/message_e_from_q"])[0]
        torch.testing.assert_close(made.messages(states)[0, 0, 0], expected, atol=1e-4, rtol=0)


def cell_of(golden: np.lib.npyio.NpzFile, prefix: str) -> dict[str, Tensor]:
    """The released code's cell under our names."""
    names = {"update": "update_gate", "reset": "reset_gate", "candidate": "out_gate"}
    return {
        f"{ours}.{kind}": torch.from_numpy(golden[f"{prefix}{theirs}.{kind}"])
        for ours, theirs in names.items()
        for kind in ("weight", "bias")
    }
