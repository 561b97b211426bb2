"""Rates, schedule and the running average."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from sightline.training.optimisation import OwnSeedEveryStep, RunningAverage, configure
from sightline.training.recipe import Optimisation


def settings(**changes: Any) -> Optimisation:
    return Optimisation(**{"steps": 10, "batch_size": 1, "learning_rate": 0.1, "warmup_steps": 4, **changes})


def network() -> nn.Module:
    return nn.ModuleDict({"backbone": nn.Linear(2, 2), "head": nn.Linear(2, 1)})


def test_the_rate_climbs_and_then_falls_along_a_cosine_to_zero() -> None:
    net = network()
    made = configure(net, net["backbone"], settings(backbone_rate=0.01))
    optimiser, schedule = made["optimizer"], made["lr_scheduler"]["scheduler"]
    rates = []
    for _ in range(12):
        rates.append(optimiser.param_groups[0]["lr"])
        assert optimiser.param_groups[1]["lr"] == pytest.approx(rates[-1] / 10)
        optimiser.step()
        schedule.step()
    expected = (
        [0.025, 0.05, 0.075, 0.1] + [0.05 * (1 + math.cos(math.pi * step / 10)) for step in range(4, 10)] + [0, 0]
    )
    assert rates == pytest.approx(expected, abs=1e-9)
    assert made["lr_scheduler"]["interval"] == "step"


def test_a_schedule_may_have_no_warm_up() -> None:
    net = network()
    assert configure(net, net["backbone"], settings(warmup_steps=0))["optimizer"].param_groups[0]["lr"] == 0.1


def test_what_wants_no_gradient_is_left_out() -> None:
    net = network()
    net["backbone"].requires_grad_(False)
    groups = configure(net, net["backbone"], settings())["optimizer"].param_groups
    assert [len(group["params"]) for group in groups] == [2]
    net["head"].bias.requires_grad_(False)
    groups = configure(net, net["backbone"], settings())["optimizer"].param_groups
    assert groups[0]["params"] == [net["head"].weight]


def test_a_backbone_rate_of_zero_leaves_the_backbone_as_it_is() -> None:
    net = network()
    before = net["backbone"].weight.detach().clone()
    optimiser = configure(net, net["backbone"], settings(weight_decay=0.1))["optimizer"]
    net["head"](net["backbone"](torch.ones(1, 2))).sum().backward()
    optimiser.step()
    assert torch.equal(net["backbone"].weight, before)


class Steps:
    """What a callback sees of a trainer and a task."""

    def __init__(self, decay: float) -> None:
        self.callback = RunningAverage(decay)
        self.task: Any = SimpleNamespace(network=nn.BatchNorm1d(1))
        self.trainer: Any = SimpleNamespace(global_step=0, global_rank=0)

    def step(self, weight: float) -> None:
        with torch.no_grad():
            self.task.network.weight.fill_(weight)
            self.task.network.num_batches_tracked += 1
        self.trainer.global_step += 1
        self.callback.on_train_batch_end(self.trainer, self.task)


def test_the_average_is_exponential_and_forgets_the_start() -> None:
    run, expected = Steps(0.5), None
    for number, weight in enumerate([1.0, 3.0, -2.0, 5.0, 4.0], start=1):
        run.step(weight)
        decay = min(0.5, (1 + number) / (10 + number))
        expected = weight if expected is None else decay * expected + (1 - decay) * weight
        assert run.callback.average["weight"].item() == pytest.approx(expected)
    assert run.callback.average["num_batches_tracked"] == 5, "counts are taken as they are"


def test_a_decay_of_zero_is_the_network_itself() -> None:
    run = Steps(0.0)
    for weight in (1.0, 7.0):
        run.step(weight)
    assert run.callback.average["weight"] == 7.0


def test_validation_sees_the_average_and_training_goes_on_without_it() -> None:
    run = Steps(0.9)
    run.callback.on_validation_start(run.trainer, run.task)
    assert run.task.network.weight == 1, "there is no average before the first step"
    run.callback.on_validation_end(run.trainer, run.task)
    for weight in (1.0, 3.0):
        run.step(weight)
    average = run.callback.average["weight"].item()
    run.callback.on_validation_start(run.trainer, run.task)
    assert run.task.network.weight.item() == average
    run.callback.on_validation_end(run.trainer, run.task)
    assert run.task.network.weight == 3
    run.callback.on_validation_start(run.trainer, run.task)
    run.callback.on_exception(run.trainer, run.task, KeyboardInterrupt())
    assert run.task.network.weight == 3, "what is saved when validation is stopped are the trained weights"
    run.callback.load_into(run.task.network)
    assert run.task.network.weight.item() == average


def test_the_average_goes_on_after_a_resume() -> None:
    run, resumed = Steps(0.5), Steps(0.5)
    run.step(1.0)
    run.step(2.0)
    resumed.callback.load_state_dict(run.callback.state_dict())
    resumed.trainer.global_step = 2
    run.step(4.0)
    resumed.step(4.0)
    assert torch.equal(run.callback.average["weight"], resumed.callback.average["weight"])


def test_every_step_and_every_process_has_its_own_random_numbers() -> None:
    def draw(seed: int, step: int, rank: int) -> float:
        trainer: Any = SimpleNamespace(global_step=step, global_rank=rank)
        OwnSeedEveryStep(seed).on_train_batch_start(trainer)
        return torch.rand(1).item()

    drawn = [draw(seed, step, rank) for seed in range(3) for step in range(3) for rank in range(3)]
    assert len(set(drawn)) == 27
    assert draw(2, 2, 2) == drawn[-1]
