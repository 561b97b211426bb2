"""The readout: by hand, node by node, and that upsampling may wait."""

from __future__ import annotations

import torch

from sightline.models.stanet_plus.graph import GraphConfig
from sightline.models.stanet_plus.readout import ContextHead, Readout
from sightline.nn.blocks import resize


def test_by_hand() -> None:
    """One channel of state and one of S: relu(2 * state - S) * 3 + 1, twice over."""
    readout = Readout(1).eval()
    torch.nn.init.zeros_(readout.reduce.weight)
    readout.reduce.weight.data[0, :, 0, 0] = torch.tensor([2.0, -1.0])
    torch.nn.init.zeros_(readout.head.weight)
    readout.head.weight.data[0, 0] = 3
    torch.nn.init.constant_(readout.head.bias, 1.0)
    found = readout(torch.tensor([[[[2.0, 0.0]]]]), torch.tensor([[[[1.0, 5.0]]]]))
    torch.testing.assert_close(found, torch.tensor([[[[10.0, 1.0]]]]), atol=1e-3, rtol=0)


def test_the_last_convolution_and_the_upsampling_exchange() -> None:
    torch.manual_seed(0)
    readout = Readout(4).eval()
    states, spatial = torch.randn(2, 4, 3, 5), torch.randn(2, 4, 3, 5)
    late = resize(readout(states, spatial), (24, 40))
    before = readout.norm(readout.reduce(torch.cat([states, spatial], dim=1))).relu()
    torch.testing.assert_close(late, readout.head(resize(before, (24, 40))))


def test_every_node_has_a_map() -> None:
    torch.manual_seed(0)
    head = ContextHead(4, GraphConfig()).eval()
    fused, spatial = torch.rand(2, 3, 4, 5, 6), torch.randn(2, 3, 4, 5, 6)
    found = head(fused, spatial)
    assert found.shape == (2, 3, 1, 5, 6)
    states = head.graph(fused)
    for node in range(3):
        torch.testing.assert_close(found[:, node], head.readout(states[:, node], spatial[:, node]))
    other = spatial.clone()
    other[:, 1] = 0
    torch.testing.assert_close(head(fused, other)[:, [0, 2]], found[:, [0, 2]])
