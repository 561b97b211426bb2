"""Optimisers, rates and schedule."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import nn

from sightline.errors import UsageError
from sightline.training.optimisation import configure
from sightline.training.recipe import Optimisation


def settings(**changes: Any) -> Optimisation:
    return Optimisation(**{"steps": 10, "learning_rate": 0.1, "warmup_steps": 4, **changes})


def network() -> nn.ModuleDict:
    return nn.ModuleDict({"backbone": nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)), "head": nn.Linear(2, 1)})


def rates(net: nn.Module, optimiser: torch.optim.Optimizer) -> dict[str, float]:
    """The rate of every parameter that is trained, after the warm-up."""
    names = {id(parameter): name for name, parameter in net.named_parameters()}
    return {names[id(p)]: group["initial_lr"] for group in optimiser.param_groups for p in group["params"]}


def test_the_rate_climbs_and_then_falls_along_a_cosine_to_zero() -> None:
    made = configure(network(), settings(rates={"backbone": 0.01}))
    optimiser, schedule = made["optimizer"], made["lr_scheduler"]["scheduler"]
    seen = []
    for _ in range(12):
        slow, fast = (group["lr"] for group in optimiser.param_groups)
        seen.append(fast)
        assert slow == pytest.approx(fast / 10)
        optimiser.step()
        schedule.step()
    expected = (
        [0.025, 0.05, 0.075, 0.1] + [0.05 * (1 + math.cos(math.pi * step / 10)) for step in range(4, 10)] + [0, 0]
    )
    assert seen == pytest.approx(expected, abs=1e-9)
    assert made["lr_scheduler"]["interval"] == "step"


def test_a_schedule_may_have_no_warm_up() -> None:
    assert configure(network(), settings(warmup_steps=0))["optimizer"].param_groups[0]["lr"] == 0.1


def test_the_longest_name_that_fits_gives_the_rate() -> None:
    net = network()
    net["head2"] = nn.Linear(1, 1)
    made = configure(net, settings(rates={"backbone": 0.02, "backbone.1": 0.03, "head": 0.0}))["optimizer"]
    assert rates(net, made) == {
        "backbone.0.weight": 0.02,
        "backbone.0.bias": 0.02,
        "backbone.1.weight": 0.03,
        "backbone.1.bias": 0.03,
        "head2.weight": 0.1,
        "head2.bias": 0.1,
    }


def test_what_wants_no_gradient_is_left_out() -> None:
    net = network()
    net["backbone"].requires_grad_(False)
    net["head"].bias.requires_grad_(False)
    assert [*rates(net, configure(net, settings(rates={"backbone": 0.01}))["optimizer"])] == ["head.weight"]


def test_rates_that_cannot_be() -> None:
    with pytest.raises(UsageError, match=r"no module tail; it has backbone, head"):
        configure(network(), settings(rates={"tail": 0.1}))
    with pytest.raises(UsageError, match="nothing is left to train"):
        configure(network(), settings(rates={"backbone": 0.0, "head": 0.0}))


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"optimiser": "adam"}, torch.optim.Adam),
        ({"optimiser": "adamw"}, torch.optim.AdamW),
        ({"optimiser": "sgd", "momentum": 0.9}, torch.optim.SGD),
    ],
)
def test_optimisers_by_name(changes: dict[str, Any], kind: type[torch.optim.Optimizer]) -> None:
    optimiser = configure(network(), settings(weight_decay=0.01, **changes))["optimizer"]
    assert type(optimiser) is kind
    assert {group["weight_decay"] for group in optimiser.param_groups} == {0.01}
    if "momentum" in changes:
        assert optimiser.param_groups[0]["momentum"] == 0.9
