"""What happens around the steps of a training: a seed a step, a running average, a stop that loses nothing."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import lightning as L
import numpy as np
import torch
from lightning.pytorch.callbacks import ModelCheckpoint, WeightAveraging
from torch import Tensor


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


class Checkpoint(ModelCheckpoint):
    """Saves on exceptions as Lightning's does, but in one case: a process of several that fails alone.

    To save, all processes wait for each other. The others do not know of the failure and would wait for its gradients.
    """

    @property
    def state_key(self) -> str:
        """Not of how often it saves, as Lightning's: a run may go on with other steps between its validations."""
        return "Checkpoint"

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        if trainer.world_size == 1 or isinstance(exception, KeyboardInterrupt):
            super().on_exception(trainer, pl_module, exception)


class StopBetweenSteps(L.Callback):
    """Ctrl-C takes effect when the step is over, so that what is saved is never half a step; a second one at once.

    asked: whether there was one. Several processes stop at once, as they would wait for each other's gradients.
    """

    def __init__(self) -> None:
        self.asked = False

    @contextmanager
    def listening(self, trainer: L.Trainer) -> Iterator[None]:
        """Take Ctrl-C while a trainer runs. Afterwards it means what it did before, which Lightning forgets."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.getsignal(signal.SIGINT)
        if trainer.world_size == 1:
            signal.signal(signal.SIGINT, self._on_signal)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def _on_signal(self, *_: Any) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True

    def on_train_batch_start(self, *_: Any) -> None:
        self.stop_if_asked()

    def on_validation_batch_start(self, *_: Any) -> None:
        self.stop_if_asked()

    def stop_if_asked(self) -> None:
        """Raise KeyboardInterrupt where there was a Ctrl-C."""
        if self.asked:
            raise KeyboardInterrupt
