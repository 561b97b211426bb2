"""Optimisers, rates, schedule and the running average."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import lightning as L
import pytest
import torch
from torch import nn

from sightline.errors import UsageError
from sightline.training.optimisation import OwnSeedEveryStep, RunningAverage, configure
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


class Steps:
    """What a callback sees of a trainer and a task."""

    def __init__(self, decay: float) -> None:
        self.task: Any = L.LightningModule()
        self.task.network = nn.BatchNorm1d(1)
        self.trainer: Any = SimpleNamespace(global_step=0, global_rank=0)
        self.callback = RunningAverage(decay)
        self.callback.setup(self.trainer, self.task, "fit")

    @property
    def average(self) -> Any:
        assert self.callback._average_model is not None
        return self.callback._average_model.module.network

    def step(self, weight: float) -> None:
        with torch.no_grad():
            self.task.network.weight.fill_(weight)
            self.task.network.running_mean.fill_(-weight)
            self.task.network.num_batches_tracked += 1
        self.trainer.global_step += 1
        self.callback.on_train_batch_end(self.trainer, self.task, None, None, 0)


def test_the_average_is_exponential_and_forgets_the_start() -> None:
    run, expected = Steps(0.5), None
    for number, weight in enumerate([1.0, 3.0, -2.0, 5.0, 4.0, 0.5, 7.0, 2.0, 9.0, -3.0], start=1):
        run.step(weight)
        decay = min(0.5, (1 + number) / (10 + number))
        expected = weight if expected is None else decay * expected + (1 - decay) * weight
        assert run.average.weight.item() == pytest.approx(expected)
        assert run.average.running_mean.item() == pytest.approx(-expected), "buffers are averaged, too"
    assert run.average.num_batches_tracked == 10, "counts are taken as they are"


def test_validation_sees_the_average_and_training_goes_on_without_it() -> None:
    run = Steps(0.9)
    run.callback.on_validation_epoch_start(run.trainer, run.task)
    assert run.task.network.weight == 1, "before the first step there is only the start"
    run.callback.on_validation_epoch_end(run.trainer, run.task)
    for weight in (1.0, 3.0):
        run.step(weight)
    average = run.average.weight.item()
    assert average not in (1.0, 3.0)
    run.callback.on_validation_epoch_start(run.trainer, run.task)
    assert run.task.network.weight.item() == average
    run.callback.on_validation_epoch_end(run.trainer, run.task)
    assert run.task.network.weight == 3
    run.callback.on_validation_epoch_start(run.trainer, run.task)
    run.callback.on_exception(run.trainer, run.task, KeyboardInterrupt())
    assert run.task.network.weight == 3, "what is saved when validation is stopped are the trained weights"
    run.callback.on_exception(run.trainer, run.task, KeyboardInterrupt())
    assert run.task.network.weight == 3, "a stop at another time changes nothing"
    run.callback.load_into(run.task)
    assert run.task.network.weight.item() == average


def test_every_step_and_every_process_has_its_own_random_numbers() -> None:
    def draw(seed: int, step: int, rank: int) -> float:
        trainer: Any = SimpleNamespace(global_step=step, global_rank=rank)
        OwnSeedEveryStep(seed).on_train_batch_start(trainer)
        return torch.rand(1).item()

    drawn = [draw(seed, step, rank) for seed in range(3) for step in range(3) for rank in range(3)]
    assert len(set(drawn)) == 27
    assert draw(2, 2, 2) == drawn[-1]
