"""Optimisers with the recipe's rates and schedule."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

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
