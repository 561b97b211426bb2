"""The final fusion, by hand."""

from __future__ import annotations

import pytest
import torch

from sightline.models.stanet_plus.fusion import fuse

MAPS = torch.tensor([[[0.0, 0.5, 1.0]], [[0.2, 0.6, 0.4]], [[0.0, 0.4, 0.4]]])


def test_equation_21_by_hand() -> None:
    """Z of the three: (0, .5, 1), (0, 1, .5), (0, 1, 1); product (0, .5, .5); sum (.2, 1.5, 1.8)."""
    found = fuse(*MAPS).flatten().tolist()
    assert found == pytest.approx([0.0, 0.5 + 0.5 * (1.5 - 0.2) / 1.6, 1.0], abs=1e-6)


def test_equation_23_and_plain_rules_by_hand() -> None:
    together = [0.0, (1.5 - 0.2) / 1.6, 1.0]
    assert fuse(*MAPS, "sum").flatten().tolist() == pytest.approx(together, abs=1e-6)  # type: ignore[call-arg]
    assert fuse(*MAPS, "product").flatten().tolist() == pytest.approx([value / 4 for value in together], abs=1e-6)  # type: ignore[call-arg]
    assert fuse(*MAPS, "max").flatten().tolist() == pytest.approx([0.0, 0.5, 1.0], abs=1e-6)  # type: ignore[call-arg]
    for name, part in zip(("sta", "short", "long"), MAPS, strict=True):
        assert torch.equal(fuse(*MAPS, name), part)  # type: ignore[call-arg, arg-type]


@pytest.mark.parametrize("output", ["fusion", "product", "sum", "max"])
def test_range_and_order(output: str) -> None:
    maps = torch.rand(3, 2, 1, 5, 7, generator=torch.Generator().manual_seed(0))
    found = fuse(*maps, output)  # type: ignore[call-arg, arg-type]
    assert found.shape == (2, 1, 5, 7)
    assert 0 <= found.min() <= found.max() <= 1
    torch.testing.assert_close(fuse(*maps.flip(0), output), found)  # type: ignore[call-arg, arg-type]
    torch.testing.assert_close(fuse(*maps[:, :1], output), found[:1], msg="frames do not mix")  # type: ignore[call-arg, arg-type]


def test_a_map_of_one_value_vetoes_agreement_but_not_the_sum() -> None:
    flat = torch.full((1, 3), 0.3)
    assert fuse(MAPS[0], MAPS[1], flat).flatten().tolist() == pytest.approx([0.0, 0.375, 0.5], abs=0.1)
    assert fuse(flat, flat, flat).abs().max() == 0


def test_rounding_is_no_structure() -> None:
    """A map that is constant but for its last bits says nothing; scaled to [0, 1] it would be noise."""
    flat = torch.full((1, 3), 0.3)
    nearly = flat + torch.tensor([[0.0, 3e-8, 6e-8]])
    assert nearly.max() > nearly.min()
    assert torch.equal(fuse(MAPS[0], nearly, nearly), fuse(MAPS[0], flat, flat))
