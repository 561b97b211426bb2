"""Training as the command does it: whole runs of a few steps, stopped, resumed, refused."""

from __future__ import annotations

import csv
import json
import signal
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from sightline.errors import DataError, OutputError, UsageError, WeightsError
from sightline.models import load, weights
from sightline.training.egcnet.task import EGCNetTask
from sightline.training.egnet.task import EGNetTask
from sightline.training.recipe import Chain, builder
from sightline.training.run import train
from sightline.training.wcsnet.task import Gaze2MaskTask, WCSNetTask

TASKS: dict[str, type[L.LightningModule]] = {
    "egnet": EGNetTask,
    "gaze2mask": Gaze2MaskTask,
    "wcsnet": WCSNetTask,
    "egcnet": EGCNetTask,
}
KINDS = [*TASKS]
Read = Callable[..., Chain]


def interrupt_at(step: int, kind: str, monkeypatch: pytest.MonkeyPatch, skip: int = 0) -> None:
    """Ctrl-C in the step after `step` others; skip: so many runs get there before."""
    training_step, seen = TASKS[kind].training_step, []

    def stop(self: L.LightningModule, batch: Any, number: int) -> torch.Tensor:
        if self.global_step == step:
            seen.append(step)
            if len(seen) > skip:
                signal.raise_signal(signal.SIGINT)
        loss: torch.Tensor = training_step(self, batch, number)
        return loss

    monkeypatch.setattr(TASKS[kind], "training_step", stop)


def assert_same_weights(one: Path, other: Path) -> None:
    expected, found = load_file(one / "model.safetensors"), load_file(other / "model.safetensors")
    assert expected.keys() == found.keys()
    for name in expected:
        assert torch.equal(expected[name], found[name]), name


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_that_is_stopped_and_resumed_ends_like_one_that_was_not(
    kind: str, chain: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = chain(kind)
    whole = train(settings, tmp_path / "whole", validate_every=3)
    with monkeypatch.context() as patch:
        interrupt_at(1, kind, patch)
        with pytest.raises(KeyboardInterrupt):
            train(settings, tmp_path / "parts", validate_every=3)
    parts = tmp_path / "parts"
    assert not (parts / "model.safetensors").exists(), "weights of a stopped run would pass for finished ones"
    assert torch.load(parts / "checkpoints/last.ckpt", weights_only=True)["global_step"] == 2
    train(settings, parts, resume=True, validate_every=3)

    assert [path.name for path in (parts / "checkpoints").iterdir()] == ["last.ckpt"]
    assert_same_weights(whole, parts)


def test_a_stop_during_validation_loses_nothing(chain: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The average is in the network's place then; what is saved must be the weights that are trained."""
    settings = chain("wcsnet")
    whole = train(settings, tmp_path / "whole", validate_every=2)
    with monkeypatch.context() as patch:

        def stop(*_: Any) -> None:
            raise KeyboardInterrupt  # as a second Ctrl-C does

        patch.setattr(WCSNetTask, "validation_step", stop)
        with pytest.raises(KeyboardInterrupt):
            train(settings, tmp_path / "parts", validate_every=2)
    train(settings, tmp_path / "parts", resume=True, validate_every=2)
    assert_same_weights(whole, tmp_path / "parts")


@pytest.mark.parametrize("step", [2, 4])
def test_ctrl_c_in_the_middle_of_a_step_saves_no_half_of_it(
    step: int, chain: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes when half of the parameters have moved; in the last step there is nothing left to stop."""
    settings = chain("egnet", "held_out=0")
    whole = train(settings, tmp_path / "whole")
    module = import_module("torch.optim.adam")
    update, calls = module.adam, []

    def interrupted(*args: Any, **options: Any) -> None:
        calls.append(1)
        if len(calls) == 2 * step:  # a call for each of the two rates: one of them is done
            signal.raise_signal(signal.SIGINT)
        update(*args, **options)

    parts = tmp_path / "parts"
    with monkeypatch.context() as patch:
        patch.setattr(module, "adam", interrupted)
        if step < 4:
            with pytest.raises(KeyboardInterrupt):
                train(settings, parts)
        else:
            train(settings, parts)
    assert len(calls) >= 2 * step, "the optimiser was interrupted"
    if step < 4:
        assert torch.load(parts / "checkpoints/last.ckpt", weights_only=True)["global_step"] == step
        train(settings, parts, resume=True)
    assert_same_weights(whole, parts)


def test_ctrl_c_at_the_end_of_a_stage_stops_the_chain(
    chain: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = chain("chain")
    interrupt_at(3, "wcsnet", monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        train(settings, tmp_path)
    assert (tmp_path / "stills/model.safetensors").is_file()
    assert not (tmp_path / "videos").exists()


def test_a_crash_leaves_a_checkpoint_too(chain: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = chain("egnet")
    training_step = EGNetTask.training_step

    def fail(self: EGNetTask, batch: Any, number: int) -> torch.Tensor:
        if self.global_step == 3:
            raise RuntimeError("no memory left")
        return training_step(self, batch, number)

    with monkeypatch.context() as patch:
        patch.setattr(EGNetTask, "training_step", fail)
        with pytest.raises(RuntimeError, match="no memory left"):
            train(settings, tmp_path / "parts")
    train(settings, tmp_path / "parts", resume=True)
    assert_same_weights(train(settings, tmp_path / "whole"), tmp_path / "parts")


@pytest.mark.parametrize("stopped", [0, 1])
def test_a_chain_goes_on_in_the_stage_that_was_stopped(
    stopped: int, chain: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = chain("chain")
    whole = train(settings, tmp_path / "whole")
    assert {path.name for path in whole.iterdir()} == {"stills", "videos", "config.json", "model.safetensors"}
    assert_same_weights(whole, whole / "videos")
    parts = tmp_path / "parts"
    with monkeypatch.context() as patch:
        interrupt_at(1, "wcsnet", patch, skip=stopped)
        with pytest.raises(KeyboardInterrupt):
            train(settings, parts)
    assert (parts / "stills/model.safetensors").exists() == bool(stopped)
    assert not (parts / "model.safetensors").exists()
    with pytest.raises(UsageError, match="holds another run"):
        train(settings, parts)
    if stopped:
        times = [path.stat().st_mtime_ns for path in (parts / "stills").rglob("*")]
    train(settings, parts, resume=True)
    assert_same_weights(whole, parts)
    if stopped:
        assert times == [path.stat().st_mtime_ns for path in (parts / "stills").rglob("*")], "it was done already"


def test_a_chain_is_what_its_stages_are_one_by_one(chain: Read, tmp_path: Path) -> None:
    whole = train(chain("chain"), tmp_path / "whole")
    stills = train(chain("chain", "stages.videos=null"), tmp_path / "one")
    videos = train(chain("chain", "stages.stills=null", f"init={stills}"), tmp_path / "two")
    assert (stills / "checkpoints").is_dir(), "a chain of one stage needs no folder for it"
    assert_same_weights(whole / "stills", stills)
    assert_same_weights(whole, videos)


def test_what_was_trained_can_be_used_at_once(chain: Read, data: Path, tmp_path: Path) -> None:
    """WCS-Net needs two more networks, which its config names; one of them was given as a folder."""
    out = train(chain("wcsnet", "optimisation.steps=1"), tmp_path / "out")
    parts = weights.read_config(out)["parts"]
    assert parts["egnet"] == {"weights": str(data / "gaze"), "sha256": weights.sha256(data / "gaze")}
    assert parts["gaze2mask"]["weights"] == "gaze2mask"
    (frame,) = load(out, device="cpu").predict(np.zeros((1, 40, 60, 3), np.uint8))
    assert frame.probability is not None


def test_several_stages_on_several_devices_need_torchrun(chain: Read, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="torchrun"):
        train(chain("chain"), tmp_path / "out", devices=2)


@pytest.mark.parametrize("before", [False, True])
def test_training_leaves_the_processors_arithmetic_as_it_was(chain: Read, tmp_path: Path, before: bool) -> None:
    torch.set_flush_denormal(before)
    try:
        train(chain("egnet"), tmp_path, validate_every=3)
        assert (torch.tensor(1e-40).item() == 0.0) is before
    finally:
        torch.set_flush_denormal(False)


def test_egcnet_resumes_with_the_memory_of_its_contrast(
    chain: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = chain("egcnet")
    with monkeypatch.context() as patch:
        interrupt_at(1, "egcnet", patch)
        with pytest.raises(KeyboardInterrupt):
            train(settings, tmp_path, validate_every=3)
    saved = torch.load(tmp_path / "checkpoints/last.ckpt", weights_only=True)
    assert len(saved["bank"]) == 4
    assert not (tmp_path / "model.safetensors").exists()
    train(settings, tmp_path, resume=True, validate_every=4)
    ended = torch.load(tmp_path / "checkpoints/last.ckpt", weights_only=True)
    assert ended["global_step"] == 4
    assert len(ended["bank"]) == 8
    torch.testing.assert_close(ended["bank"][:4], saved["bank"])
    assert (tmp_path / "model.safetensors").exists()


@pytest.mark.parametrize("kind", KINDS)
def test_training_changes_the_decoder_and_leaves_the_frozen_backbone_alone(
    kind: str, chain: Read, data: Path, tmp_path: Path
) -> None:
    out = train(chain(kind), tmp_path / "out")
    trained, pretrained = load_file(out / "model.safetensors"), load_file(data / "backbone/model.safetensors")
    stem = "conv_stem.first_conv.convolution.weight"
    kept = trained[stem.replace("conv_stem", "backbone.stages.0")]
    assert torch.equal(kept[:, :3], pretrained[f"mobilenet_v2.{stem}"].half())
    assert not kept[:, 3:].any(), "the gaze channel of a frozen encoder stays at zero"
    assert not any(bool(value.isnan().any()) for value in trained.values())
    again = train(chain(kind, seed=1), tmp_path / "again")
    heads = ("head", "mask_head", "score")
    head = next(name for name in trained if name.split(".")[0] in heads and name.endswith("weight"))
    assert not torch.equal(load_file(again / "model.safetensors")[head], trained[head])
    # The weights folder says all that is needed to build the network again.
    assert weights.read_config(out)["model"] == kind
    if kind != "egcnet":  # which has no mask to validate on, and logs its loss every ten steps
        with (out / "logs/version_0/metrics.csv").open() as stream:
            columns = set(csv.DictReader(stream).fieldnames or ())
        assert {"val_nss", "val_cc"} <= columns if kind == "egnet" else "val_j" in columns
    assert list((out / "tensorboard/version_0").glob("events.out.tfevents.*"))


def test_the_saved_weights_are_the_running_average(chain: Read, tmp_path: Path) -> None:
    out = train(chain("egnet"), tmp_path / "out", validate_every=4)
    state = torch.load(out / "checkpoints/last.ckpt", weights_only=True)
    saved, average = load_file(out / "model.safetensors"), state["state_dict"]["network.head.weight"]
    assert torch.equal(saved["head.weight"], average.half())
    assert not torch.equal(saved["head.weight"], state["current_model_state"]["network.head.weight"].half())
    plain = train(chain("egnet", "optimisation.ema=0"), tmp_path / "plain", validate_every=4)
    state = torch.load(plain / "checkpoints/last.ckpt", weights_only=True)
    saved = load_file(plain / "model.safetensors")
    assert torch.equal(saved["head.weight"], state["state_dict"]["network.head.weight"].half())


def test_a_share_of_the_weights_at_the_start_is_saved_with_those_at_the_end(chain: Read, tmp_path: Path) -> None:
    settings = chain("egnet").last
    L.seed_everything(settings.seed, workers=True)
    start = builder(settings)(settings)[0].network.state_dict()["head.weight"]
    end = load_file(train(chain("egnet"), tmp_path / "end") / "model.safetensors")["head.weight"]
    out = train(chain("egnet", "optimisation.start_share=0.25"), tmp_path / "mixed")
    mixed = load_file(out / "model.safetensors")["head.weight"]
    assert not torch.allclose(start, end.float(), atol=1e-3)
    torch.testing.assert_close(mixed.float(), 0.25 * start + 0.75 * end.float(), atol=1e-3, rtol=1e-2)


def test_resuming_a_finished_run_writes_the_same_weights_again(chain: Read, tmp_path: Path) -> None:
    settings = chain("egnet")
    out = train(settings, tmp_path / "out")
    before = (out / "model.safetensors").read_bytes()
    (out / "model.safetensors").unlink()
    train(settings, out, resume=True)
    assert (out / "model.safetensors").read_bytes() == before


def test_an_output_that_holds_something_is_never_overwritten(chain: Read, tmp_path: Path) -> None:
    settings = chain("egnet")
    with pytest.raises(UsageError, match="nothing to resume"):
        train(settings, tmp_path / "new", resume=True)
    (tmp_path / "old").mkdir()
    (tmp_path / "old/model.safetensors").touch()
    with pytest.raises(UsageError, match="another run; pass `resume`"):
        train(settings, tmp_path / "old")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"file: cannot be made .*; give another `output`"):
        train(settings, tmp_path / "file")


def test_a_checkpoint_must_be_whole_and_of_this_network(chain: Read, tmp_path: Path) -> None:
    out = train(chain("egnet"), tmp_path / "out")
    wider = chain("egnet", "network.width=9")
    with pytest.raises(UsageError, match=r"last\.ckpt: is of another network"):
        train(wider, out, resume=True)
    checkpoint = out / "checkpoints/last.ckpt"
    for content in (checkpoint.read_bytes()[:1000], b"", b"no checkpoint"):
        checkpoint.write_bytes(content)
        with pytest.raises(WeightsError, match=r"last\.ckpt: damaged"):
            train(wider, out, resume=True)


def test_data_that_are_not_there(chain: Read, data: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere"):
        train(chain("egnet", data=[{"family": "fixations", "root": "$DATA/nowhere"}]), tmp_path / "out")
    empty = tmp_path / "empty"
    (empty / "images").mkdir(parents=True)
    for table in ("images.csv", "fixations.csv"):
        (empty / table).write_text((data / "fixations" / table).read_text().splitlines()[0] + "\n")
    unseen = chain("egnet", data=[{"family": "fixations", "root": str(empty)}])
    with pytest.raises(DataError, match="no photograph with fixations"):
        train(unseen, tmp_path / "out2")
    for path in (data / "fixations/images").iterdir():
        (empty / "images" / path.name).write_bytes(path.read_bytes())
    (empty / "images.csv").write_text((data / "fixations/images.csv").read_text())
    with pytest.raises(DataError, match="no photograph with fixations"):
        train(unseen, tmp_path / "out3")
    nothing = chain("wcsnet", 'views.sources=[{"family": "pseudo", "root": "$DATA/fixations"}]')
    with pytest.raises(DataError, match="no target found"):
        train(nothing, tmp_path / "out4")


def test_names_of_videos_must_be_known(chain: Read, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no video yacht; mend `keep` or `validation`"):
        train(chain("wcsnet", keep=["boat", "yacht"]), tmp_path / "out")
    with pytest.raises(DataError, match="no targets of kind video"):
        train(chain("wcsnet", keep=["kite"]), tmp_path / "out2")


def test_weights_to_start_from(chain: Read, tmp_path: Path) -> None:
    stage1 = train(chain("wcsnet", kinds={"photo": 1.0}, validation=[]), tmp_path / "stage1")
    # A learning rate of next to nothing: what comes out is what went in.
    frozen = {"steps": 1, "learning_rate": 1e-12, "warmup_steps": 0}
    out = train(chain("wcsnet", init=str(stage1), optimisation=frozen), tmp_path / "stage2")
    before, after = load_file(stage1 / "model.safetensors"), load_file(out / "model.safetensors")
    assert torch.equal(before["mask_blocks.5.conv3.weight"], after["mask_blocks.5.conv3.weight"])
    with pytest.raises(WeightsError, match="does not fit"):
        train(chain("wcsnet", "network.width=9", init=str(stage1)), tmp_path / "wider")
    with pytest.raises(WeightsError, match="no such folder"):
        train(chain("wcsnet", init=str(tmp_path / "nowhere")), tmp_path / "lost")


def test_the_egnet_must_be_one(chain: Read, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "config.json").write_text(json.dumps({"model": "wcsnet"}))
    with pytest.raises(WeightsError, match=r"other/config\.json: model"):
        train(chain("wcsnet", f"views.saliency={other}"), tmp_path / "out")


def test_a_bank_follows_the_data_that_the_recipe_stands_for(
    chain: Read, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same recipe trains on what is in its folders now."""
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path / "cache"))
    banks = tmp_path / "cache/features/views"
    settings = chain("wcsnet")
    train(settings, tmp_path / "one")
    train(settings, tmp_path / "two")
    assert len([*banks.iterdir()]) == 1
    mask = data / "videos/Annotations/480p/boat/00000.png"
    before = mask.stat()
    mask.touch()
    train(settings, tmp_path / "three")
    assert len([*banks.iterdir()]) == 2
    assert mask.stat().st_mtime_ns != before.st_mtime_ns
