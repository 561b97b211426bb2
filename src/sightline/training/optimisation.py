"""Optimisers with the recipe's rates and schedule, a running average of the weights, and a seed a step."""

from __future__ import annotations

import math
from typing import Any

import lightning as L
import numpy as np
import torch
from lightning.pytorch.callbacks import WeightAveraging
from torch import Tensor, nn

from sightline.errors import UsageError
from sightline.training.recipe import Optimisation


def configure(network: nn.Module, settings: Optimisation) -> dict[str, Any]:
    """Optimiser and per-step schedule, as Lightning's configure_optimizers returns them.

    Parameters that ask for no gradient, or whose rate is 0, are left out. Raises UsageError for a rate of a module that
    the network does not have, or where nothing is left to train.
    """
    groups: dict[float, list[nn.Parameter]] = {}
    names = [name for name, _ in network.named_parameters()]
    unknown = [module for module in settings.rates if not any(_inside(name, module) for name in names)]
    if unknown:
        parts = ", ".join(dict.fromkeys(name.partition(".")[0] for name in names))
        raise UsageError(f"optimisation.rates: the network has no module {unknown[0]}; it has {parts}")
    for name, parameter in network.named_parameters():
        fitting = [module for module in settings.rates if _inside(name, module)]
        rate = settings.rates[max(fitting, key=len)] if fitting else settings.learning_rate
        if parameter.requires_grad and rate:
            groups.setdefault(rate, []).append(parameter)
    if not groups:
        raise UsageError("optimisation.rates: nothing is left to train; give a module a rate above 0")
    optimiser = _optimiser([{"params": members, "lr": rate} for rate, members in groups.items()], settings)

    def rate_at(step: int) -> float:
        if step < settings.warmup_steps:
            return (step + 1) / settings.warmup_steps
        return 0.5 * (1 + math.cos(math.pi * min(1.0, step / settings.steps)))

    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, rate_at)
    return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def _inside(parameter: str, module: str) -> bool:
    return parameter == module or parameter.startswith(f"{module}.")


def _optimiser(groups: list[dict[str, Any]], settings: Optimisation) -> torch.optim.Optimizer:
    match settings.optimiser:
        case "adam":
            return torch.optim.Adam(groups, weight_decay=settings.weight_decay)
        case "adamw":
            return torch.optim.AdamW(groups, weight_decay=settings.weight_decay)
        case "sgd":
            return torch.optim.SGD(
                groups, settings.learning_rate, momentum=settings.momentum, weight_decay=settings.weight_decay
            )


class OwnSeedEveryStep(L.Callback):
    """Seeds torch by the step, so that a resumed run draws the random numbers that an uninterrupted one would."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_batch_start(self, trainer: L.Trainer, *_: Any) -> None:
        state = np.random.SeedSequence([self.seed, trainer.global_rank, trainer.global_step]).generate_state(1)
        torch.manual_seed(int(state[0]))


class RunningAverage(WeightAveraging):
    """An exponential average of the weights, which validation and the final weights use.

    The decay grows to its value, min(decay, (1 + s) / (10 + s)) after step s, so that the random start is forgotten at
    once; Lightning's EMAWeightAveraging has the final decay from the first step on. Counts are not averaged.
    """

    def __init__(self, decay: float) -> None:
        def average(averaged: Tensor, current: Tensor, steps: Tensor | int) -> Tensor:
            """steps: how many are in the average already."""
            if not averaged.is_floating_point():
                return current
            count = int(steps) + 1
            return averaged.lerp(current, 1 - min(decay, (1 + count) / (10 + count)))

        super().__init__(avg_fn=average)
        self._validating = False

    def on_validation_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        super().on_validation_epoch_start(trainer, pl_module)
        self._validating = True

    def on_validation_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._validating = False
        super().on_validation_epoch_end(trainer, pl_module)

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Nothing yet, unlike Lightning's: a checkpoint that is saved at the end holds the trained weights, too."""

    def load_into(self, task: L.LightningModule) -> None:
        """Replace the task's weights by their average."""
        self._copy_average_to_current(task)

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        """What a stop during validation saves is the trained weights, not their average, in their place."""
        if self._validating:
            self.on_validation_epoch_end(trainer, pl_module)
