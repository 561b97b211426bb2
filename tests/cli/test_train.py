"""`sightline train` as a command: exit codes, one line for an error, Ctrl-C, several processes."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from sightline.cli.app import main
from training.conftest import data, own_cache, recipe  # noqa: F401 - fixtures

Recipe = Callable[..., Path]


def run(capsys: pytest.CaptureFixture[str], *args: object) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of `sightline train ARGS`."""
    with pytest.raises(SystemExit) as stopped:
        main(["train", *map(str, args)])
    out, err = capsys.readouterr()
    return int(stopped.value.code or 0), out, err


def test_a_recipe_becomes_a_folder_of_weights(
    recipe: Recipe,  # noqa: F811
    data: Path,  # noqa: F811
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path, out = recipe("egnet"), tmp_path / "out"
    code, stdout, stderr = run(
        capsys, path, "--data", data, "--out", out, "--set", "optimisation.steps=2", "--validate-every", 1
    )
    assert code == 0, stderr
    assert stdout.strip() == f"weights in {out}"
    assert sorted(file.name for file in out.iterdir()) == [
        "checkpoints", "config.json", "logs", "model.safetensors", "tensorboard",
    ]  # fmt: skip
    assert load_file(out / "model.safetensors")["head.weight"].isfinite().all()
    with (out / "logs/version_0/metrics.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [int(row["step"]) for row in rows if row["val_cc"]] == [0, 1]

    code, _, stderr = run(capsys, path, "--data", data, "--out", out)
    assert code == 2
    assert "pass --resume to go on with it, or another --out" in stderr
    code, _, stderr = run(capsys, path, "--data", data, "--out", out, "--resume", "--set", "optimisation.steps=3")
    assert code == 0, stderr


def test_json_names_the_weights_and_where_each_stage_is(
    recipe: Recipe,  # noqa: F811
    data: Path,  # noqa: F811
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out"
    code, stdout, stderr = run(
        capsys, recipe("chain"), "--data", data, "--out", out, "--set", "optimisation.steps=1", "--json"
    )
    assert code == 0, stderr
    told = json.loads(stdout)
    assert told == {
        "weights": str(out),
        "sha256": hashlib.sha256((out / "model.safetensors").read_bytes()).hexdigest(),
        "stages": {"stills": str(out / "stills"), "videos": str(out / "videos")},
    }


def test_wrong_usage_is_one_line(
    recipe: Recipe,  # noqa: F811
    data: Path,  # noqa: F811
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / "out"
    path = recipe("egnet")
    given = [path, "--data", data]
    cases: list[tuple[list[object], str]] = [
        ([tmp_path / "none.yaml"], "no such recipe"),
        (["egnot"], "egnot: no such recipe; give a file or one of egcnet, egnet"),
        ([path, "--data", tmp_path / "nowhere"], "no such folder; --data"),
        ([path], "give --data, the folder of the data sets"),
        ([*given, "--set", "steps"], "--set steps: write field=value"),
        ([*given, "--set", "network.width=0"], "network.width"),
        ([*given, "--resume"], "nothing to resume; run without --resume first"),
    ]
    for args, message in cases:
        code, _, stderr = run(capsys, *args, "--out", out)
        assert code == 2
        assert stderr.startswith("sightline: ")
        assert message in stderr
        assert stderr.count("\n") == 1
    monkeypatch.setenv("DATA", str(data))
    code, _, stderr = run(capsys, path, "--out", out)
    assert code == 2, "the environment is not asked"
    monkeypatch.setitem(sys.modules, "lightning", None)
    code, _, stderr = run(capsys, path, "--out", out)
    assert code == 2
    assert "pip install 'sightline[train]'" in stderr
    assert not (out / "model.safetensors").exists()


def test_data_that_cannot_be_used_are_exit_code_1(
    recipe: Recipe,  # noqa: F811
    data: Path,  # noqa: F811
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = recipe("egnet", data=[{"family": "fixations", "root": "$DATA/nowhere"}])
    code, _, stderr = run(capsys, path, "--data", data, "--out", tmp_path / "out")
    assert code == 1
    assert "nowhere" in stderr.splitlines()[-1]


@pytest.mark.parametrize(("kind", "kept"), [("egnet", "."), ("chain", "stills")])
def test_ctrl_c_leaves_a_checkpoint_and_no_weights(
    kind: str,
    kept: str,
    recipe: Recipe,  # noqa: F811
    data: Path,  # noqa: F811
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from sightline.training.egnet.task import EGNetTask
    from sightline.training.wcsnet.task import WCSNetTask

    task: Any = EGNetTask if kind == "egnet" else WCSNetTask
    step = task.training_step

    def stop(self, batch, number):  # type: ignore[no-untyped-def]
        if self.global_step == 1:
            signal.raise_signal(signal.SIGINT)
        return step(self, batch, number)

    monkeypatch.setattr(task, "training_step", stop)
    code, _, stderr = run(capsys, recipe(kind), "--data", data, "--out", tmp_path / "out")
    assert code == 130
    assert stderr.splitlines()[-1] == "sightline: stopped; go on with --resume"
    assert (tmp_path / "out" / kept / "checkpoints/last.ckpt").is_file()
    assert not (tmp_path / "out/model.safetensors").exists()


PROCESS = """
import os, pathlib
import lightning
import sightline.nn.engine
sightline.nn.engine.has_onnxruntime = lambda: False  # exporting a graph would take most of the test's time
fit = lightning.Trainer.fit
def fit_and_tell(self, task, **options):
    fit(self, task, **options)
    total = sum(float(parameter.double().sum()) for parameter in task.network.parameters())
    path = pathlib.Path(os.environ["TOLD"]) / f"rank{self.global_rank}"
    path.write_text(f"{self.world_size} {self.global_step} {total:.9g}")
lightning.Trainer.fit = fit_and_tell
from sightline.cli import main
main()
"""


def test_two_processes_train_one_network_through_a_chain(
    recipe: Recipe,  # noqa: F811
    data: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    """torchrun with gloo: both make the same steps, one bank of views serves both, and one of them saves."""
    script, out = tmp_path / "process.py", tmp_path / "out"
    script.write_text(PROCESS)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(script)]
    command += ["train", str(recipe("chain")), "--data", str(data), "--out", str(out), "--devices", "2"]
    command += ["--set", "optimisation.steps=2"]
    environment = {
        **os.environ, "TOLD": str(tmp_path), "SIGHTLINE_CACHE": str(tmp_path / "cache"), "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    first, second = ((tmp_path / f"rank{rank}").read_text().split() for rank in (0, 1))
    assert first == second, "gradients are averaged, so both hold the same weights"
    assert first[:2] == ["2", "2"]
    assert done.stdout.count("weights in") == 2
    assert load_file(out / "model.safetensors")["mask_head.weight"].isfinite().all()
    for stage in ("stills", "videos"):
        assert [file.name for file in (out / stage / "checkpoints").iterdir()] == ["last.ckpt"]
    assert len([path for path in (tmp_path / "cache/features/views").iterdir() if path.is_dir()]) == 1
