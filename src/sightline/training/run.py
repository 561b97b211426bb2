"""Runs a recipe: Lightning trainer, logs, checkpoints that resume, and the weights at the end."""

from __future__ import annotations

import logging
import pickle
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import lightning as L
import torch
from lightning.pytorch.callbacks import LearningRateMonitor, ModelCheckpoint, RichProgressBar
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger

from sightline.errors import OutputError, UsageError, WeightsError
from sightline.models import weights
from sightline.nn.backbones import Backbone, build_backbone
from sightline.training.optimisation import OwnSeedEveryStep, RunningAverage, SaveOnInterrupt
from sightline.training.recipe import (
    DataSource,
    EGCNetRecipe,
    EGNetRecipe,
    Gaze2MaskRecipe,
    Optimisation,
    Recipe,
    WCSNetRecipe,
    expand,
)
from sightline.training.wcsnet.views import ViewBank, build_bank

if TYPE_CHECKING:
    from sightline.models.egcnet.network import EGCNet
    from sightline.training.egcnet.scenes import SceneStore


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
def train(recipe: Recipe, output: Path, resume: bool = False, devices: int = 1, validate_every: int = 200) -> Path:
    """Train as the recipe says and write the weights folder `output`.

    resume: go on from output/checkpoints/last.ckpt. devices: processes of one machine (DDP when more than one, or
    under torchrun). validate_every: steps between validations and checkpoints. Returns `output`.
    A resumed run ends with the weights that an uninterrupted one would have. Ctrl-C leaves a checkpoint to resume from,
    and no weights. Raises UsageError where `output` holds another run and resume is not set, or nothing to resume;
    WeightsError for a damaged checkpoint; OutputError where `output` cannot be written.
    """
    checkpoint = output / "checkpoints" / "last.ckpt"
    if resume and not checkpoint.is_file():
        raise UsageError(f"{checkpoint}: nothing to resume; run without --resume first")
    if not resume and (checkpoint.exists() or (output / "model.safetensors").exists()):
        raise UsageError(f"{output}: holds another run; pass --resume to go on with it, or another --out")
    try:
        checkpoint.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{output}: cannot be made ({error.strerror}); give another --out") from None
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)  # devices that are not there, advertisements
    L.seed_everything(recipe.seed, workers=True)
    build = _TASKS[recipe.train]
    task, settings = build(recipe)
    if resume:
        _check(checkpoint, task)
    every = min(validate_every, settings.steps)
    average = RunningAverage(settings.ema)
    callbacks = [
        # One file, written over and over: with Lightning's counter a resumed run would leave the old one in its place.
        ModelCheckpoint(
            checkpoint.parent, save_last=True, every_n_train_steps=every, save_top_k=0, enable_version_counter=False
        ),
        OwnSeedEveryStep(recipe.seed),
        average,
        SaveOnInterrupt(checkpoint),
        LearningRateMonitor("step"),
        RichProgressBar(console_kwargs={"stderr": True}),
    ]
    trainer = L.Trainer(
        accelerator="auto",
        devices=devices,
        max_steps=settings.steps,
        max_epochs=-1,
        val_check_interval=every,
        check_val_every_n_epoch=None,
        log_every_n_steps=10,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        callbacks=callbacks,
        logger=[CSVLogger(output, name="logs"), TensorBoardLogger(output, name="tensorboard")],
        enable_model_summary=False,
    )
    try:
        with warnings.catch_warnings():
            # The frozen backbone is in evaluation mode on purpose, and batches come from memory without workers.
            for message in (".*in eval mode at the start", ".*does not have many workers", ".*LeafSpec"):
                warnings.filterwarnings("ignore", message)
            trainer.fit(task, ckpt_path=checkpoint if resume else None, weights_only=True)
    except SystemExit:  # what Lightning makes of Ctrl-C
        raise KeyboardInterrupt from None
    if trainer.is_global_zero:
        average.load_into(task.network)
        weights.save(task.network, task.network.config.model_dump(mode="json"), output)
    return output


def _check(checkpoint: Path, task: L.LightningModule) -> None:
    """Raise WeightsError for a damaged checkpoint, UsageError for one of another network."""
    try:
        saved = torch.load(checkpoint, map_location="cpu", weights_only=True)["state_dict"]
    except (OSError, RuntimeError, ValueError, KeyError, EOFError, pickle.UnpicklingError) as error:
        reason = " ".join(str(error).split())[:100]
        raise WeightsError(f"{checkpoint}: damaged ({reason}); delete it and train again") from None
    if {name: value.shape for name, value in saved.items()} != {k: v.shape for k, v in task.state_dict().items()}:
        raise UsageError(f"{checkpoint}: is of another network; resume with the recipe that it was made with")


def _egnet(recipe: Recipe) -> tuple[L.LightningModule, Optimisation]:
    from sightline.nn.egnet import EGNet
    from sightline.training.egnet.task import EGNetTask
    from sightline.training.sources import fixation_images

    assert isinstance(recipe, EGNetRecipe)
    network = EGNet(recipe.network, build_backbone(recipe.network.backbone, expand(recipe.backbone_weights)))
    return EGNetTask(network, recipe, fixation_images(recipe.data)), recipe.optimisation


def _bank(recipe: Gaze2MaskRecipe | WCSNetRecipe) -> tuple[ViewBank, Backbone]:
    """The views that a recipe asks for, and the backbone that made them."""
    from sightline.models.wcsnet.predictor import load_egnet
    from sightline.training.sources import scenes

    views = recipe.views
    backbone = build_backbone(views.backbone, expand(views.backbone_weights)).eval()
    folder = weights.find_weights(expand(views.gaze))
    gaze = load_egnet(folder)
    key = expand(views.model_dump_json(exclude={"gaze"}))
    photographs = [path for source in views.sources if source.family == "bsds500" for path in _photographs(source)]
    bank = build_bank(scenes(views.sources, backbone), key, backbone, views.stills, views.seed, photographs)
    return ViewBank(bank, gaze, weights.sha256(folder)), backbone


def _photographs(source: DataSource) -> list[Path]:
    return sorted(source.folder.glob("*/*.jpg"))


def _gaze2mask(recipe: Recipe) -> tuple[L.LightningModule, Optimisation]:
    from sightline.models.wcsnet.gaze2mask import Gaze2Mask
    from sightline.training.wcsnet.task import Gaze2MaskTask

    assert isinstance(recipe, Gaze2MaskRecipe)
    bank, _ = _bank(recipe)
    backbone = build_backbone(recipe.network.backbone, expand(recipe.views.backbone_weights), in_channels=4)
    network = Gaze2Mask(recipe.network, backbone)
    if recipe.init:
        weights.load_into(network, Path(expand(recipe.init)))
    return Gaze2MaskTask(network, bank, recipe), recipe.optimisation


def _wcsnet(recipe: Recipe) -> tuple[L.LightningModule, Optimisation]:
    from sightline.models.wcsnet.network import WCSNet
    from sightline.training.wcsnet.task import WCSNetTask

    assert isinstance(recipe, WCSNetRecipe)
    bank, backbone = _bank(recipe)
    network = WCSNet(recipe.network, backbone)
    if recipe.init:
        weights.load_into(network, Path(expand(recipe.init)))
    return WCSNetTask(network, bank, recipe), recipe.optimisation


def egcnet_and_scenes(recipe: EGCNetRecipe) -> tuple[EGCNet, SceneStore]:
    """The network that a recipe begins with, and where the features of its frozen part are kept."""
    from sightline.models.egcnet.network import EGCNet
    from sightline.models.wcsnet.predictor import load_egnet
    from sightline.training.egcnet.scenes import SceneStore

    folder = weights.find_weights(expand(recipe.sight))
    sight = load_egnet(folder)
    config = recipe.network.model_copy(update={"sight": sight.config})
    network = EGCNet(config, build_backbone(config.backbone, expand(recipe.backbone_weights)), sight)
    key = f"{config.backbone} {expand(recipe.backbone_weights)} {weights.sha256(folder)}"
    return network, SceneStore(network, key)


def _egcnet(recipe: Recipe) -> tuple[L.LightningModule, Optimisation]:
    from sightline.training.egcnet.scenes import scribbles
    from sightline.training.egcnet.task import Clips, EGCNetTask
    from sightline.training.sources import fixation_images, videos

    assert isinstance(recipe, EGCNetRecipe)
    network, store = egcnet_and_scenes(recipe)
    sequences = [sequence for source in recipe.videos for sequence in videos(source)]
    scenes = {  # what can be missing first: photographs take minutes
        "watched": [scene for root in recipe.watched for scene in store.watched(Path(expand(root)))],
        "photo": store.photographs(fixation_images(recipe.photographs)),
        "video": [store.sequence(sequence, mirrored) for sequence in sequences for mirrored in (False, True)],
    }
    drawn = scribbles(sequences, recipe.seed) if recipe.scribbles else {}
    clips = Clips(network, scenes, dict(recipe.clips.items()), drawn, recipe.observers, recipe.seed)
    return EGCNetTask(network, clips, recipe), recipe.optimisation


_TASKS: dict[str, Callable[[Recipe], tuple[L.LightningModule, Optimisation]]] = {
    "egnet": _egnet,
    "gaze2mask": _gaze2mask,
    "wcsnet": _wcsnet,
    "egcnet": _egcnet,
}
