"""Runs a recipe: its stages with Lightning's trainer, logs, checkpoints that resume, and the weights at the end."""

from __future__ import annotations

import logging
import os
import pickle
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import lightning as L
import torch
from lightning.pytorch.callbacks import LearningRateMonitor, RichProgressBar
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from torch import Tensor, nn

from sightline.errors import OutputError, UsageError, WeightsError
from sightline.models import weights
from sightline.training.callbacks import Checkpoint, OwnSeedEveryStep, RunningAverage, StopBetweenSteps
from sightline.training.recipe import Chain, Recipe, builder


@contextmanager
def _denormals_flushed() -> Iterator[None]:
    """Take the numbers next to zero for zero: what saturates leaves many, and processors take far longer for them."""
    before = torch.tensor(1e-40).item() == 0.0
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)  # it is the processor's setting, also for whoever called


@_denormals_flushed()
def train(chain: Chain, output: Path, resume: bool = False, devices: int = 1, validate_every: int = 200) -> Path:
    """Train as the recipe says and write the weights folder `output`.

    A recipe of several stages trains each in output/<stage>, and leaves the last one's weights in `output` as well.
    Ctrl-C or an error leave a checkpoint to resume from, and no weights of the stage. A resumed run ends with the
    weights that an uninterrupted one has.

    Parameters
    ----------
    chain : Chain
        What `read_recipe` gives.
    output : Path
        Its folder, new unless `resume` is set.
    resume : bool
        Go on with the stage that was stopped, from its checkpoints/last.ckpt. Finished stages are not done again.
    devices : int
        Processes of one machine: DDP where there are more than one, or under torchrun.
    validate_every : int
        Steps between validations and checkpoints.

    Returns
    -------
    Path
        `output`.

    Raises
    ------
    UsageError
        `output` holds another run and `resume` is not set, or nothing to resume; a variable of the recipe is not known.
    DataError
        The data are missing, damaged or not enough.
    WeightsError
        A checkpoint is damaged, or weights to begin with cannot be had.
    OutputError
        `output` cannot be written.
    """
    folders = chain.folders(output)
    begun = has_begun(chain, output)
    if resume and not begun:
        raise UsageError(f"{output}: nothing to resume; run without `resume` first")
    if not resume and begun:
        raise UsageError(f"{output}: holds another run; pass `resume` to go on with it, or another `output`")
    if devices > 1 and len(folders) > 1 and "LOCAL_RANK" not in os.environ:
        raise UsageError(
            "a recipe of several stages trains on several `devices` under torchrun alone; start it with that"
        )
    stop = StopBetweenSteps()
    recipes = {stage: chain.recipe(stage, output) for stage in folders}
    *_, last = folders
    for stage, folder in folders.items():
        if stage != last and (folder / "model.safetensors").is_file():
            continue
        stop.stop_if_asked()
        copy = output if stage == last else folder
        _train(recipes[stage], folder, copy, devices, validate_every, stop)
    return output


def has_begun(chain: Chain, output: Path) -> bool:
    """Whether there is anything of a run in its output folder to go on from."""
    places = [output, *chain.folders(output).values()]
    return any((place / name).exists() for place in places for name in ("checkpoints/last.ckpt", "model.safetensors"))


def _train(recipe: Recipe, folder: Path, copy: Path, devices: int, validate_every: int, stop: StopBetweenSteps) -> None:
    """One stage in its folder, from its last checkpoint where there is one; its weights go to `copy` as well."""
    checkpoint = folder / "checkpoints" / "last.ckpt"
    resume = checkpoint.is_file()
    try:
        checkpoint.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made ({error.strerror}); give another `output`") from None
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)  # devices that are not there, advertisements
    L.seed_everything(recipe.seed, workers=True)
    task, data = builder(recipe)(recipe)
    if resume:
        _check(checkpoint, task)
    settings = recipe.optimisation
    start = {name: value.clone() for name, value in task.network.state_dict().items()} if settings.start_share else {}
    every = min(validate_every, settings.steps)
    averages = [RunningAverage(settings.ema)] if settings.ema else []
    callbacks = [
        # One file, written over and over: with Lightning's counter a resumed run would leave the old one in its place.
        Checkpoint(
            checkpoint.parent,
            filename="last",
            save_last=True,
            save_top_k=0,
            every_n_train_steps=every,
            save_on_exception=True,
            enable_version_counter=False,
        ),
        OwnSeedEveryStep(recipe.seed),
        stop,
        *averages,
        LearningRateMonitor("step"),
        RichProgressBar(console_kwargs={"stderr": True}),
    ]
    trainer = L.Trainer(
        accelerator="auto",
        devices=devices,
        precision=recipe.precision,
        max_steps=settings.steps,
        max_epochs=-1,
        val_check_interval=every,
        check_val_every_n_epoch=None,
        log_every_n_steps=10,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        callbacks=callbacks,
        logger=[CSVLogger(folder, name="logs"), TensorBoardLogger(folder, name="tensorboard")],
        enable_model_summary=False,
    )
    try:
        with warnings.catch_warnings(), stop.listening(trainer):
            # Frozen backbones are in evaluation mode on purpose, batches come without workers, and a recipe may have
            # nothing to validate on.
            for message in (".*in eval mode at", ".*does not have many workers", ".*LeafSpec", ".*ranks is zero"):
                warnings.filterwarnings("ignore", message)
            trainer.fit(task, datamodule=data, ckpt_path=checkpoint if resume else None, weights_only=True)
    except SystemExit:  # what Lightning makes of Ctrl-C
        raise KeyboardInterrupt from None
    for average in averages:
        average.load_into(task)
    _towards(task.network, start, settings.start_share)
    if trainer.is_global_zero:
        for place in dict.fromkeys((folder, copy)):
            weights.save(task.network, task.network.config.model_dump(mode="json"), place)
    trainer.strategy.barrier()  # other processes' next stage begins with these weights


def _towards(network: nn.Module, start: Mapping[str, Tensor], share: float) -> None:
    """Mix weights at the start into a network's own. A fine-tuned network keeps more of what it could before that way.

    Source: Wortsman et al., Robust fine-tuning of zero-shot models, CVPR 2022, Eq. 1.
    """
    own = network.state_dict()
    for name, value in start.items():
        if value.is_floating_point():
            own[name].lerp_(value.to(own[name]), share)


def _check(checkpoint: Path, task: L.LightningModule) -> None:
    """Raise WeightsError for a damaged checkpoint, UsageError for one of another network."""
    try:
        saved = torch.load(checkpoint, map_location="cpu", weights_only=True)["state_dict"]
    except (OSError, RuntimeError, ValueError, KeyError, EOFError, pickle.UnpicklingError) as error:
        reason = " ".join(str(error).split())[:100]
        raise WeightsError(f"{checkpoint}: damaged ({reason}); delete it and train again") from None
    if {name: value.shape for name, value in saved.items()} != {k: v.shape for k, v in task.state_dict().items()}:
        raise UsageError(f"{checkpoint}: is of another network; resume with the recipe that it was made with")
