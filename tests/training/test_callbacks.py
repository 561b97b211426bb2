"""The running average, the seed of a step, and what a stop leaves."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import lightning as L
import pytest
import torch
from torch import nn

from sightline.training.callbacks import Checkpoint, OwnSeedEveryStep, RunningAverage, StopBetweenSteps


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


@pytest.mark.parametrize(
    ("processes", "error", "saves"),
    [
        (1, RuntimeError(), True),
        (1, KeyboardInterrupt(), True),
        (2, RuntimeError(), False),
        (2, KeyboardInterrupt(), True),
    ],
)
def test_a_process_that_fails_alone_does_not_wait_for_the_others(
    processes: int, error: BaseException, saves: bool, tmp_path: Path
) -> None:
    saved = []
    trainer: Any = SimpleNamespace(
        world_size=processes, fast_dev_run=False, sanity_checking=False, global_step=3, current_epoch=0,
        callback_metrics={}, is_global_zero=True, loggers=[], save_checkpoint=lambda path, _: saved.append(path),
    )  # fmt: skip
    callback = Checkpoint(tmp_path, filename="last", save_top_k=0, save_on_exception=True)
    callback.on_exception(trainer, L.LightningModule(), error)
    assert bool(saved) == saves


def test_ctrl_c_waits_for_the_step_and_a_second_one_does_not() -> None:
    stop, before = StopBetweenSteps(), signal.getsignal(signal.SIGINT)
    with stop.listening(SimpleNamespace(world_size=1)):  # type: ignore[arg-type]
        stop.on_train_batch_start()
        signal.raise_signal(signal.SIGINT)
        for reached in (stop.on_train_batch_start, stop.on_validation_batch_start):
            with pytest.raises(KeyboardInterrupt):
                reached()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_several_processes_stop_at_once() -> None:
    stop = StopBetweenSteps()
    with pytest.raises(KeyboardInterrupt), stop.listening(SimpleNamespace(world_size=2)):  # type: ignore[arg-type]
        signal.raise_signal(signal.SIGINT)


def test_a_training_in_a_thread_leaves_ctrl_c_alone() -> None:
    entered = []

    def listen() -> None:
        with StopBetweenSteps().listening(SimpleNamespace(world_size=1)):  # type: ignore[arg-type]
            entered.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=listen)
    thread.start()
    thread.join()
    assert entered == [signal.getsignal(signal.SIGINT)]
