"""`sightline reframe` from its command line, with a model that needs no weights."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from hostile.corpus import write_video
from hostile.fake_model import BrightestSpot
from sightline.cli import main

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def reframe(*args: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sightline.models.load", lambda name, device="auto": BrightestSpot())
        with pytest.raises(SystemExit) as stop:
            main(["reframe", *map(str, args)])
        out, err = capsys.readouterr()
        return int(stop.value.code or 0), out, err

    return reframe


def test_one_command_gives_a_vertical_film(run: Run, tmp_path: Path) -> None:
    clip = write_video(tmp_path / "clip.mp4", size=(72, 128), sound_s=0.8)
    code, out, _ = run(clip, "--aspect", "9:16", "--out", tmp_path / "out", "--json")
    assert code == 0
    (source,) = json.loads(out)["sources"]
    assert (source["status"], source["frames"]) == ("done", 20)
    assert (Path(source["output"]) / "reframed.mp4").is_file()
    assert (Path(source["output"]) / "path.csv").is_file()


@pytest.mark.parametrize("aspects", [("--aspect", "9:16", "--aspect", "1:1"), ("--aspect", "9:16,1:1")])
def test_several_aspects(run: Run, tmp_path: Path, aspects: tuple[str, ...]) -> None:
    clip = write_video(tmp_path / "clip.mp4", size=(72, 128))
    assert run(clip, *aspects, "--path-only", "--out", tmp_path / "out")[0] == 0
    assert {path.parent.name for path in (tmp_path / "out").rglob("path.csv")} == {"9x16", "1x1"}


@pytest.mark.parametrize(
    ("args", "word"),
    [
        (("--aspect", "tall"), "--aspect"),
        (("--zoom", "0.2"), "--zoom"),
        (("--start", "2", "--end", "1"), "--end"),
        (("--fit", "squeeze"), "--fit"),
        (("--aspect", "1:1", "--aspect", "1:1"), "--aspect"),
    ],
)
def test_wrong_usage_is_two(run: Run, tmp_path: Path, args: tuple[str, ...], word: str) -> None:
    clip = write_video(tmp_path / "clip.mp4")
    code, _, err = run(clip, *args, "--out", tmp_path / "out")
    assert code == 2
    assert word in err
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_not_there_fails_and_the_other_is_done(run: Run, tmp_path: Path) -> None:
    clip = write_video(tmp_path / "clip.mp4")
    code, out, err = run(tmp_path / "none.mp4", clip, "--path-only", "--out", tmp_path / "out", "--json")
    assert code == 1
    assert [source["status"] for source in json.loads(out)["sources"]] == ["failed", "done"]
    assert "none.mp4" in err


def test_the_help_has_examples(run: Run) -> None:
    code, out, _ = run("--help")
    assert code == 0
    assert "sightline reframe clip.mp4 --aspect 9:16" in out
