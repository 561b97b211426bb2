"""The command, from the outside."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def run(*args: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sightline", "evaluate", *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    root = tmp_path_factory.mktemp("masks")
    rows, columns = np.mgrid[:30, :40]
    for name in ("a", "b"):
        for index in range(4):
            for side, shift in (("gt", 0), ("pred", 2), ("older", 5)):
                mask = (rows - 15) ** 2 + (columns - 15 - index - shift) ** 2 < 50
                path = root / side / name / f"{index:05d}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(mask.astype(np.uint8) * 255).save(path)
    return root / "pred", root / "gt"


def test_scores_go_to_every_kind_of_file(folders: tuple[Path, Path], tmp_path: Path) -> None:
    pred, gt = folders
    files = {name: tmp_path / name for name in ("scores.json", "frames.csv", "table.tex", "plots")}
    done = run(
        "vos", pred, gt, "--protocol", "davis2016", "--json", files["scores.json"], "--csv", files["frames.csv"],
        "--latex", files["table.tex"], "--plots", files["plots"], "--against", pred.parent / "older", "--draws", 20,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "| j_mean ↑ |" in done.stdout
    report = json.loads(files["scores.json"].read_text())
    assert {"task", "protocol", "overall", "interval", "sequences", "unscored_frames"} <= report.keys()
    assert (report["task"], report["protocol"], report["unscored_frames"]) == ("vos", "davis2016", 0)
    keys = {"j_mean", "j_recall", "j_decay", "f_mean", "f_recall", "f_decay", "jf_mean", "t_mean"}
    assert set(report["overall"]) == set(report["interval"]) == set(report["sequences"]["a"]) == keys
    low, high = report["interval"]["j_mean"]
    assert low <= report["overall"]["j_mean"] <= high
    assert report["comparisons"][0]["difference"]["j_mean"] > 0
    assert len(report["inputs"]["sha256"]["a"]) == 64
    lines = list(csv.DictReader(files["frames.csv"].read_text().splitlines()))
    assert [(line["sequence"], line["frame"]) for line in lines][:2] == [("a", "00001"), ("a", "00002")]
    assert float(lines[0]["j"]) == pytest.approx(report["sequences"]["a"]["j_mean"], abs=1e-5)
    assert r"\begin{tabular}" in files["table.tex"].read_text()
    assert Image.open(files["plots"] / "sequences.png").size[0] > 100
    assert not list(tmp_path.glob("*journal*"))


def test_an_interrupted_comparison_keeps_what_is_finished(folders: tuple[Path, Path], tmp_path: Path) -> None:
    """The first prediction is done when the second one breaks; the next run takes it over, then nothing is left."""
    pred, gt = folders
    broken = tmp_path / "broken"
    for name in ("a", "b"):
        (broken / name).mkdir(parents=True)
        for path in sorted((pred.parent / "older" / name).iterdir()):
            (broken / name / path.name).write_bytes(path.read_bytes())
    whole = (broken / "b" / "00002.png").read_bytes()
    (broken / "b" / "00002.png").write_bytes(whole[:40])
    command = ("vos", pred, gt, "--against", broken, "--json", tmp_path / "scores.json", "--draws", 5, "--workers", 1)
    done = run(*command)
    assert done.returncode == 1
    assert "b/00002.png: " in done.stderr
    journals = sorted(path.name for path in tmp_path.glob("*journal*"))
    assert journals == ["scores.json.journal", "scores.json.journal.1"]
    (broken / "b" / "00002.png").write_bytes(whole)
    done = run(*command)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("resuming: 2 of 2 sequences are done") == 1  # of the first prediction
    assert done.stderr.count("resuming: 1 of 2 sequences are done") == 1
    assert not list(tmp_path.glob("*journal*"))


def test_objects_have_a_table_of_their_own(tmp_path: Path) -> None:
    rows, columns = np.mgrid[:20, :30]
    labels = ((rows > 5) & (columns < 10)) + 2 * ((rows > 5) & (columns > 15))
    for index in range(4):
        for side in ("gt", "pred"):
            (tmp_path / side / "s").mkdir(parents=True, exist_ok=True)
            Image.fromarray(labels.astype(np.uint8)).save(tmp_path / side / "s" / f"{index}.png")
    done = run("vos", tmp_path / "pred", tmp_path / "gt", "--protocol", "davis2017-semi-supervised", "--draws", 5)
    assert done.returncode == 0, done.stderr
    assert "| pred | s | 2 | 1.000" in done.stdout


def test_explain_needs_no_folders() -> None:
    done = run("--explain", "s_auc")
    assert done.returncode == 0
    assert "shuffled AUC" in done.stdout
    assert "stavis:" in done.stdout


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["vos"], 2, "TASK, PRED and GT are needed"),
        (
            ["vos", "PRED", "GT", "--protocol", "davis"],
            2,
            "choose exact, davis2016, davis2017-unsupervised, davis2017-semi-supervised",
        ),
        (["video", "PRED", "GT"], 2, "choose fixation, vsod, vos, gaze"),
        (["--explain", "iou"], 2, "choose auc_judd"),
        (["vos", "absent", "GT"], 1, "no such folder"),
        (["vos", "PRED", "GT", "--sequences", "a,z"], 1, "no sequence z"),
        (["vos", "PRED", "GT", "--json", "absent/scores.json"], 1, "choose another place"),
        (["vos", "PRED", "GT", "--json", "PRED"], 1, "a folder is in the way"),
        (["vos", "PRED", "GT", "--sequences", ""], 2, "no name in it"),
        (["vos", "PRED", "GT", "--yardsticks"], 2, "belong to the task fixation"),
    ],
)
def test_wrong_usage_is_one_line(
    folders: tuple[Path, Path], tmp_path: Path, args: list[str], code: int, message: str
) -> None:
    names = {"PRED": str(folders[0]), "GT": str(folders[1]), "absent": str(tmp_path / "absent")}
    names["absent/scores.json"] = str(tmp_path / "absent" / "scores.json")
    done = run(*(names.get(arg, arg) for arg in args))
    assert done.returncode == code
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not done.stdout
