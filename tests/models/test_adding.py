"""docs/adding_a_model.md, followed: a model with sound, objects and a person, in one folder with one registry line."""

from __future__ import annotations

import csv
import json
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import sightline
import sightline.models
from hostile.corpus import write_video
from sightline.cli import main
from sightline.models import ModelInfo, weights
from sightline.results.outputs import OUTPUTS, SOUND
from sightline.video import open_source

PAGE = Path(__file__).parents[2] / "docs/adding_a_model.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def block(start: str) -> str:
    (found,) = [text for text in BLOCKS if text.startswith(start)]
    return found


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The page's files in a folder of models, its line in the registry, its weights, a clip with sound."""
    folder = tmp_path / "models/loudest"
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    for name in ("config.py", "network.py", "predictor.py"):
        (folder / name).write_text(block(f"# {name}\n"))
    monkeypatch.setattr(sightline.models, "__path__", [*sightline.models.__path__, str(tmp_path / "models")])
    line = eval(block("ModelInfo("), {"ModelInfo": ModelInfo})
    monkeypatch.setattr(sightline.models, "REGISTRY", (*sightline.models.REGISTRY, line))
    monkeypatch.setattr(weights, "SHIPPED", tmp_path / "weights")
    for shipped in Path(sightline.__file__).parent.glob("weights/*"):
        (tmp_path / "weights").mkdir(exist_ok=True)
        (tmp_path / "weights" / shipped.name).symlink_to(shipped)
    exec(block("# weights\n"), {})
    write_video(tmp_path / "clip.mp4", frames=6, sound_s=0.24)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("sightline.models.loudest")]:
        del sys.modules[name]


def run(line: str) -> None:
    words = shlex.split(line)
    assert words[0] == "sightline"
    with pytest.raises(SystemExit) as stop:
        main(words[1:])
    assert not stop.value.code, line


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


def test_the_page_is_true(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    commands = re.findall(r"^```bash\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)[0]
    listed, *others, scored = commands.splitlines()
    run(listed)
    assert "Nobody et al., 2026" in capsys.readouterr().out
    for line in others:
        run(line)
    entries = {path.name for path in (place / "results/clip").iterdir()}
    written = {entry for kind in OUTPUTS if not kind.on_request for entry in kind.entries[:1]}
    written -= {"tracks.csv"}  # of several objects that a prompt names
    assert entries == {*written, "summary.json"}, "everything that there is, and nothing else"
    assert {path.name for path in (place / "some/clip").iterdir()} == {
        "masks",
        "people.csv",
        "sound.csv",
        "summary.json",
    }
    with Image.open(place / "results/clip/masks/00000.png") as mask:
        assert mask.mode == "P"
        labels = np.asarray(mask)
    assert set(np.unique(labels)) == {0, 1, 2}
    truth = place / "truth/clip"
    truth.mkdir(parents=True)
    for path in (place / "results/clip/masks").iterdir():
        with Image.open(path) as mask:
            Image.fromarray((np.asarray(mask) > 0).astype(np.uint8) * 255).save(truth / path.name)
    capsys.readouterr()
    run(f"{scored} --json scores.json")
    assert json.loads((place / "scores.json").read_text())["overall"]["j_mean"] == 1


@pytest.mark.usefixtures("place")
def test_tables_say_what_the_frames_hold(place: Path) -> None:
    run("sightline predict clip.mp4 --model loudest --out out")
    frames = list(sightline.load("loudest", "cpu").predict(place / "clip.mp4"))
    folder = place / "out/clip"
    people, objects, heard = (table(folder / f"{name}.csv") for name in ("people", "objects", "sound"))
    assert len(frames) == 6
    assert [row["label"] for row in objects] == ["lamp", "window"] * 6
    for frame, person, first, sound in zip(frames, people, objects[::2], heard, strict=True):
        (x1, y1, x2, y2), somebody = frame.objects[0].box, frame.people[0]
        names = ("frame", "object", "x1_px", "y1_px", "x2_px", "y2_px")
        assert [float(first[name]) for name in names] == [frame.index, 1, x1, y1, x2, y2]
        assert float(person["head_x2_px"]) == pytest.approx(somebody.head[2], abs=0.01)
        assert person["object"] == ("" if somebody.object is None else "1")
        assert (person["target_x_px"] == "") == (somebody.target is None)
        assert sound["switch"] == str(int(frame.sound.switch))
        assert float(sound["switch_score"]) == pytest.approx(frame.sound.switch_score, abs=1e-4)
    assert list(heard[0]) == ["frame", "time_s", "switch", "switch_score", "tag", "tag_score"]
    assert SOUND.read(folder / "sound.csv") == heard
    with open_source(folder / "overlay.mp4") as film:
        drawn = next(iter(film)).image
    head = drawn[: drawn.shape[0] // 6 + 2, : drawn.shape[1] // 8 + 2].astype(int)
    assert np.abs(head - frames[0].image[: head.shape[0], : head.shape[1]]).max() > 60, "a box around the head"


@pytest.mark.usefixtures("place")
def test_a_prompt_that_it_takes_and_one_that_it_does_not(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("sightline predict clip.mp4 --model loudest --point 20,30 --save coco --out out")
    said = json.loads((place / "out/clip/annotations.coco.json").read_text())
    assert [image["file_name"] for image in said["images"]][:2] == ["00000.png", "00001.png"]
    lamps = [one for one in said["annotations"] if one["track_id"] == 1]
    assert len(lamps) == 6
    x, y, width, height = lamps[0]["bbox"]
    assert (x + width / 2, y + height / 2) == pytest.approx((20, 30), abs=1)
    assert [category["name"] for category in said["categories"]] == ["lamp", "window"]
    with pytest.raises(SystemExit) as stop:
        main(["predict", "clip.mp4", "--model", "loudest", "--box", "1,2,3,4", "--out", "other"])
    assert stop.value.code == 2
    assert "--box: loudest takes none" in capsys.readouterr().err
