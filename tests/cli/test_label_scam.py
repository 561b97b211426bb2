"""`sightline label --method scam`, on small nets that predict one tag everywhere."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import sightline.nn.engine
from hostile.corpus import truncate, write_video
from sightline.cli import main
from sightline.models import weights
from sightline.models.stanet.config import ScamConfig
from sightline.models.stanet.loading import load_nets
from sightline.models.stanet.network import ScamNets
from sightline.models.stanet_plus.config import ScamPlusConfig
from sightline.models.stanet_plus.nets import ScamPlusNets

Label = Callable[..., tuple[int, str, str]]
WITHOUT_ONNXRUNTIME = """
import sightline.nn.engine
sightline.nn.engine.has_onnxruntime = lambda: False
from sightline.cli import main
main()
"""


@pytest.fixture(scope="module")
def nets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    made = ScamNets(ScamConfig(tags=("dog", "bird"), width=8, coarse_size=64, fine_size=64, box_factor=0.5))
    for net in (*made.coarse.values(), *made.fine.values()):
        net.classifier.bias.data = torch.tensor([3.0, -3.0])
        net.classifier.weight.data = 0.1 * net.classifier.weight.data.abs()
    folder = tmp_path_factory.mktemp("nets")
    weights.save(made, made.config.model_dump(mode="json"), folder)
    return folder


@pytest.fixture
def label(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], nets: Path) -> Label:
    monkeypatch.setattr(sightline.nn.engine, "has_onnxruntime", lambda: False)

    def run(*args: object, model: Path | None = nets, method: str = "scam") -> tuple[int, str, str]:
        given = [] if model is None else ["--model", str(model)]
        with pytest.raises(SystemExit) as stop:
            main(["label", "--method", method, *given, *map(str, args)])
        return int(stop.value.code or 0), *capsys.readouterr()

    return run


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    """Two clips, one with sound, and one of a single frame."""
    folder = tmp_path / "videos"
    folder.mkdir()
    write_video(folder / "a.mp4", frames=4, fps=25, size=(48, 64), sound_s=1)
    write_video(folder / "b.mp4", frames=3, fps=25, size=(48, 64))
    write_video(folder / "c.mp4", frames=1, fps=25, size=(48, 64))
    (tmp_path / "tags.csv").write_text("video,tag\na.mp4,dog\nb.mp4,dog\nc.mp4,dog\n")
    return folder


def test_pseudo_fixations_in_the_projects_format(videos: Path, tmp_path: Path, label: Label) -> None:
    code, out, err = label(videos, "--tags", tmp_path / "tags.csv", "--out", tmp_path / "out", "--json")
    assert code == 0
    assert "cannot" not in err
    sources = json.loads(out)["sources"]
    assert [(s["status"], s["frames"]) for s in sources] == [("done", 4), ("done", 3), ("done", 1)]
    folder = tmp_path / "out/a"
    assert sorted(path.name for path in folder.iterdir()) == [
        "saliency",
        "sheet.png",
        "sound.csv",
        "steps.csv",
        "summary.json",
    ]
    with Image.open(folder / "saliency/00000.png") as picture:
        assert (picture.size, picture.mode) == ((64, 48), "I;16")
        assert np.asarray(picture).max() > 30_000
    steps = (folder / "steps.csv").read_text().splitlines()
    assert steps[0] == "frame,time_s,step,score,x1_px,y1_px,x2_px,y2_px"
    assert len(steps) == 1 + 4 * 10
    summary = json.loads((folder / "summary.json").read_text())
    assert (summary["model"], summary["frames"], summary["complete"]) == ("scam", 4, True)


def test_a_killed_run_goes_on_where_it_was(videos: Path, tmp_path: Path, label: Label) -> None:
    """What is done is there whole, what was on its way is a hidden folder without a summary."""
    tags, out = tmp_path / "tags.csv", tmp_path / "out"
    assert label(videos / "a.mp4", "--tags", tags, "--out", out)[0] == 0
    done = (out / "a/summary.json").stat().st_mtime_ns
    (out / ".b.partial/saliency").mkdir(parents=True)
    (out / ".b.partial/saliency/00000.png").write_bytes(b"half")
    code, text, _ = label(videos, "--tags", tags, "--out", out, "--json")
    assert code == 0
    assert [s["status"] for s in json.loads(text)["sources"]] == ["skipped", "done", "done"]
    assert (out / "a/summary.json").stat().st_mtime_ns == done
    assert sorted(path.name for path in out.iterdir()) == ["a", "b", "c"]


def test_kill_9_in_the_middle_loses_and_redoes_nothing(videos: Path, tmp_path: Path, label: Label, nets: Path) -> None:
    write_video(videos / "b.mp4", frames=120, fps=25, size=(48, 64))
    tags, out, whole = tmp_path / "tags.csv", tmp_path / "out", tmp_path / "whole"
    command = ["label", "--method", "scam", "--model", nets, videos, "--tags", tags, "--out", out]
    running = subprocess.Popen(
        [sys.executable, "-c", WITHOUT_ONNXRUNTIME, *map(str, command)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 120
        while not [*out.glob(".b.partial/saliency/*.png")] and running.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
    finally:
        running.kill()
        running.wait()
    assert running.returncode == -signal.SIGKILL, "it was still at work"
    assert (out / "a/summary.json").is_file()
    assert not (out / "b").exists()
    done = {path: path.stat().st_mtime_ns for path in (out / "a").rglob("*") if path.is_file()}
    code, text, _ = label(videos, "--tags", tags, "--out", out, "--json")
    assert code == 0
    assert [s["status"] for s in json.loads(text)["sources"]] == ["skipped", "done", "done"]
    assert {path: path.stat().st_mtime_ns for path in done} == done
    assert label(videos, "--tags", tags, "--out", whole)[0] == 0
    for name in ("a", "b", "c"):
        ours, right = ({path.name: path for path in (root / name / "saliency").iterdir()} for root in (out, whole))
        assert ours.keys() == right.keys()
        assert [frame for frame, path in ours.items() if path.read_bytes() != right[frame].read_bytes()] == []
        for table in ("steps.csv", "sound.csv"):
            assert (out / name / table).read_text() == (whole / name / table).read_text()


def test_another_tag_is_another_run(videos: Path, tmp_path: Path, label: Label) -> None:
    tags, out = tmp_path / "tags.csv", tmp_path / "out"
    assert label(videos / "c.mp4", "--tags", tags, "--out", out)[0] == 0
    tags.write_text("video,tag\nc.mp4,bird\n")
    code, _, err = label(videos / "c.mp4", "--tags", tags, "--out", out)
    assert code == 1
    assert "c: holds results of another run" in err


def test_a_tag_that_is_never_predicted_is_said_and_counted(videos: Path, tmp_path: Path, label: Label) -> None:
    tags, out = tmp_path / "tags.csv", tmp_path / "out"
    tags.write_text("video,tag\na.mp4,bird\n")
    code, _, err = label(videos / "a.mp4", "--tags", tags, "--out", out)
    assert code == 0
    assert "a.mp4: 4 of 4 frames have no map: no net predicts the tag on the whole frame" in err
    assert "a.mp4: no frame has a map of bird: the nets never predict it" in err
    assert list((out / "a/saliency").iterdir()) == []
    assert any("never predict it" in note for note in json.loads((out / "a/summary.json").read_text())["notes"])
    assert len((out / "a/steps.csv").read_text().splitlines()) == 1 + 4 * 5


def test_videos_that_cannot_be_labelled_stop_no_others(videos: Path, tmp_path: Path, label: Label) -> None:
    write_video(videos / "d.mp4", frames=60, fps=25, size=(48, 64))
    truncate(videos / "d.mp4", 0.4)
    tags = tmp_path / "tags.csv"
    tags.write_text("video,tag\na,cow\nc,dog\nd,dog\n")
    code, out, err = label(videos, "--tags", tags, "--out", tmp_path / "out", "--json")
    assert code == 1
    assert [s["status"] for s in json.loads(out)["sources"]] == ["failed", "failed", "done", "failed"]
    assert f"{videos / 'a.mp4'}: tag 'cow': the nets know dog, bird" in err
    assert f"{videos / 'b.mp4'}: no tag of it in {tags}, which names 3 videos; add a row" in err


def test_wrong_usage(videos: Path, tmp_path: Path, label: Label) -> None:
    tags, out = tmp_path / "tags.csv", tmp_path / "out"
    for args, model, code, message in (
        ((videos, "--out", out), videos, 2, "--method scam: takes a table of tags (--tags)"),
        ((videos, "--tags", tags, "--gaze", tags, "--out", out), videos, 2, "and no fixations"),
        ((videos, "--tags", tags, "--out", out), None, 2, "--model: scam needs nets that know your tags"),
        ((videos, "--tags", tags, "--out", out), videos, 1, "config.json: missing"),
        (
            (videos, "--tags", tags, "--out", out, "--method", "fixations"),
            None,
            2,
            "--tags: they are of --method scam and scam-plus",
        ),
    ):
        found, _, err = label(*args, model=model)
        assert (found, message in err) == (code, True), err
    assert not out.exists()


@pytest.fixture(scope="module")
def plus(nets: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nets with context on top of the others."""
    scam = load_nets(nets)
    made = ScamPlusNets(ScamPlusConfig(scam=scam.config))
    made.begin_with(scam)
    for name in made.config.nets:
        made.net(name).classifier.load_state_dict(scam.fine["S"].classifier.state_dict())
    folder = tmp_path_factory.mktemp("plus")
    weights.save(made, made.config.model_dump(mode="json"), folder)
    return folder


def test_pseudo_fixations_with_context(videos: Path, tmp_path: Path, label: Label, plus: Path) -> None:
    tags, out = tmp_path / "tags.csv", tmp_path / "out"
    tags.write_text("video,tag\na,dog\nb,dog\nc,bird\n")
    code, text, err = label(videos, "--tags", tags, "--out", out, "--json", method="scam-plus", model=plus)
    assert code == 0, err
    assert [(s["status"], s["frames"]) for s in json.loads(text)["sources"]] == [("done", 4), ("done", 3), ("done", 1)]
    assert sorted(path.name for path in (out / "a").iterdir()) == [
        "saliency",
        "sheet.png",
        "sound.csv",
        "steps.csv",
        "summary.json",
    ]
    assert len(list((out / "a/saliency").iterdir())) == 4
    assert len((out / "a/steps.csv").read_text().splitlines()) == 1 + 4 * (10 + 9)
    assert json.loads((out / "a/summary.json").read_text())["model"] == "scam-plus"
    assert "c.mp4: no other video has the tag: no maps with cross-term context" in err
    assert "c.mp4: 1 of 1 frames have no map" in err
    code, text, _ = label(videos, "--tags", tags, "--out", out, "--json", method="scam-plus", model=plus)
    assert [s["status"] for s in json.loads(text)["sources"]] == ["skipped"] * 3


def test_a_damaged_video_of_the_tag_fails_alone(videos: Path, tmp_path: Path, label: Label, plus: Path) -> None:
    write_video(videos / "d.mp4", frames=60, fps=25, size=(48, 64))
    truncate(videos / "d.mp4", 0.4)
    tags = tmp_path / "tags.csv"
    tags.write_text("video,tag\na,dog\nd,dog\n")
    code, out, _ = label(
        videos / "a.mp4", videos / "d.mp4", "--tags", tags, "--out", tmp_path / "out", "--json",
        method="scam-plus", model=plus,
    )  # fmt: skip
    assert code == 1
    assert [s["status"] for s in json.loads(out)["sources"]] == ["done", "failed"]


def test_nets_of_the_other_method(videos: Path, tmp_path: Path, label: Label, plus: Path) -> None:
    tags, out = tmp_path / "tags.csv", tmp_path / "out"
    code, _, err = label(videos, "--tags", tags, "--out", out, method="scam-plus")
    assert code != 0
    assert "config.json: model: Input should be 'scam-plus'" in err
    code, _, err = label(videos, "--tags", tags, "--out", out, method="scam-plus", model=None)
    assert code == 2
    assert "train stanet-plus" in err
    assert "in its folder scam-plus" in err
