"""Adam with the recipe's rates and schedule, and a running average of the weights."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from torch import nn

from sightline.training.recipe import Optimisation


def configure(network: nn.Module, backbone: nn.Module, settings: Optimisation) -> dict[str, Any]:
    """Optimiser and per-step schedule, as Lightning's configure_optimizers returns them.

    Parameters that ask for no gradient are left out; those of the backbone learn at `backbone_rate`.
    """
    inside = {id(parameter) for parameter in backbone.parameters()}
    wanted = [parameter for parameter in network.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in wanted if id(p) not in inside], "lr": settings.learning_rate},
        {"params": [p for p in wanted if id(p) in inside], "lr": settings.backbone_rate},
    ]
    optimiser = torch.optim.Adam([group for group in groups if group["params"]], weight_decay=settings.weight_decay)

    def rate(step: int) -> float:
        if step < settings.warmup_steps:
            return (step + 1) / settings.warmup_steps
        return 0.5 * (1 + math.cos(math.pi * min(1.0, step / settings.steps)))

    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, rate)
    return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


class OwnSeedEveryStep(L.Callback):
    """Seeds torch by the step, so that a resumed run draws the random numbers that an uninterrupted one would."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_batch_start(self, trainer: L.Trainer, *_: Any) -> None:
        state = np.random.SeedSequence([self.seed, trainer.global_rank, trainer.global_step]).generate_state(1)
        torch.manual_seed(int(state[0]))


class SaveOnInterrupt(L.Callback):
    """Ctrl-C leaves a checkpoint of the step that it came in."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_exception(self, trainer: L.Trainer, task: L.LightningModule, exception: BaseException) -> None:
        if isinstance(exception, KeyboardInterrupt) and trainer.global_step:
            trainer.save_checkpoint(self.path)


class RunningAverage(L.Callback):
    """Keeps an exponential average of the network's weights; validation and the final weights use it.

    decay: 0 is the network itself. The average is part of the checkpoint, so that a resumed run goes on with it.
    """

    def __init__(self, decay: float) -> None:
        self.decay = decay
        self.average: dict[str, torch.Tensor] = {}
        self._trained: dict[str, torch.Tensor] = {}

    @torch.no_grad()
    def on_train_batch_end(self, trainer: L.Trainer, task: L.LightningModule, *_: Any) -> None:
        # The decay grows to its value, so that the random start is forgotten at once.
        decay = min(self.decay, (1 + trainer.global_step) / (10 + trainer.global_step))
        for name, value in task.network.state_dict().items():
            if name not in self.average or not value.is_floating_point():
                self.average[name] = value.clone()
            else:
                self.average[name].lerp_(value, 1 - decay)

    def on_validation_start(self, trainer: L.Trainer, task: L.LightningModule) -> None:
        if self.average:
            self._trained = {name: value.clone() for name, value in task.network.state_dict().items()}
            task.network.load_state_dict(self.average)

    def on_validation_end(self, trainer: L.Trainer, task: L.LightningModule) -> None:
        if self._trained:
            task.network.load_state_dict(self._trained)
            self._trained = {}

    def on_exception(self, trainer: L.Trainer, task: L.LightningModule, exception: BaseException) -> None:
        # What a stop during validation saves is the trained weights, not their average.
        self.on_validation_end(trainer, task)

    def load_into(self, network: nn.Module) -> None:
        """Replace the network's weights by their average."""
        if self.average:
            network.load_state_dict(self.average)

    def state_dict(self) -> dict[str, Any]:
        return {"average": self.average}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.average = state_dict["average"]
