"""`sightline predict --head` and `--heads`, on a model that says what heads it was given."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from hostile.corpus import write_frames, write_video
from sightline.apps.predict import prompt_told
from sightline.cli import main
from sightline.data.head_tables import HeadTable
from sightline.errors import DataError, UsageError
from sightline.models.base import Predictor
from sightline.types import Clip, Frame, Person, Prompt


class Given(Predictor):
    """The people are the heads that were given; they look at the corner."""

    name = "given"
    weights_sha256 = "2" * 64
    takes = frozenset({"heads"})
    gives = frozenset({"people"})

    def stream(self, clip: Clip, prompt: Prompt) -> Iterator[Frame]:
        for frame in clip.frames():
            heads = prompt.heads_of(frame.index)
            boxes = [] if heads is None else heads.tolist()
            people = tuple(Person(n, (a, b, c, d), 1.0, (0.0, 0.0), 1.0) for n, (a, b, c, d) in enumerate(boxes, 1))
            yield Frame(frame.index, frame.time_s, frame.image, people=people)


Predict = Callable[..., tuple[int, str]]


@pytest.fixture
def predict(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Predict:
    def run(*args: object) -> tuple[int, str]:
        monkeypatch.setattr("sightline.models.load", lambda name, device="auto": Given())
        with pytest.raises(SystemExit) as stop:
            main(["predict", "--model", "given", *map(str, args)])
        return int(stop.value.code or 0), " ".join(capsys.readouterr().err.split())

    return run


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_video(tmp_path / "clip.mp4", frames=3, size=(48, 64))


def people(folder: Path) -> list[tuple[int, list[float]]]:
    with (folder / "people.csv").open() as stream:
        columns = ("head_x1_px", "head_y1_px", "head_x2_px", "head_y2_px")
        return [(int(row["frame"]), [float(row[name]) for name in columns]) for row in csv.DictReader(stream)]


def test_heads_are_in_every_frame(predict: Predict, clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"  # the border cuts the second
    assert (
        predict(clip, "--head", "1,2,11,12", "--head", "50,20,70,60", "--out", out)[0] == 0
    )  # one is cut by the border
    assert people(out / "clip") == [(n, head) for n in range(3) for head in ([1, 2, 11, 12], [50, 20, 70, 60])]
    assert json.loads((out / "clip/summary.json").read_text())["prompt"]["heads"] == [[1, 2, 11, 12], [50, 20, 70, 60]]


def test_heads_by_frame_are_told_of_all_frames() -> None:
    def told(*heads: tuple[int, list[tuple[float, float, float, float]]]) -> dict[str, object]:
        found: dict[str, object] = prompt_told(Prompt(heads={n: np.array(own) for n, own in heads}))["heads"]
        return found

    first, later = (1.0, 2.0, 11.0, 12.0), (3.0, 4.0, 13.0, 14.0)
    both = told((0, [first]), (2, [first, later]))
    assert (both["frames"], both["heads"]) == (2, 3)
    assert told((2, [first, later]), (0, [first])) == both
    for other in (told((0, [first]), (2, [first, first])), told((0, [first]), (1, [first, later])), told((0, [first]))):
        assert other["sha256"] != both["sha256"]


def test_a_table_names_frames_and_people_csv_is_one(predict: Predict, clip: Path, tmp_path: Path) -> None:
    table = tmp_path / "heads.csv"
    table.write_text("frame,x1_px,y1_px,x2_px,y2_px\n2,1,2,11,12\n0,3,4,13,14\n")
    assert predict(clip, "--heads", table, "--out", tmp_path / "out")[0] == 0
    first = people(tmp_path / "out/clip")
    assert first == [(0, [3, 4, 13, 14]), (2, [1, 2, 11, 12])]
    assert predict(clip, "--heads", tmp_path / "out/clip/people.csv", "--out", tmp_path / "again")[0] == 0
    assert people(tmp_path / "again/clip") == first


def test_a_table_for_several_sources_names_them(predict: Predict, clip: Path, tmp_path: Path) -> None:
    photo, lonely = (write_frames(tmp_path / name, [0], (48, 64)) for name in ("photos", "lonely"))
    table = tmp_path / "heads.csv"
    table.write_text("source,x1_px,y1_px,x2_px,y2_px\nclip.mp4,1,2,11,12\nphotos,3,4,13,14\n")
    code, err = predict(clip, photo, lonely, "--heads", table, "--out", tmp_path / "out")
    assert code == 1
    assert "lonely: no head of it in" in err
    assert [box for _, box in people(tmp_path / "out/clip")] == [[1, 2, 11, 12]] * 3
    assert people(tmp_path / "out/photos") == [(0, [3, 4, 13, 14])]
    table.write_text("x1_px,y1_px,x2_px,y2_px\n1,2,11,12\n")
    code, err = predict(clip, photo, "--heads", table, "--out", tmp_path / "two")
    assert code == 2
    assert "2 sources; a column `source` has to say whose" in err.replace("source has", "`source` has")


def test_other_heads_are_another_run(predict: Predict, clip: Path, tmp_path: Path) -> None:
    table = tmp_path / "heads.csv"
    table.write_text("x1_px,y1_px,x2_px,y2_px\n1,2,11,12\n")
    assert predict(clip, "--heads", table, "--out", tmp_path / "out")[0] == 0
    table.write_text("x1_px,y1_px,x2_px,y2_px\n1,2,11,13\n")
    code, err = predict(clip, "--heads", table, "--out", tmp_path / "out")
    assert code == 1
    assert "--overwrite" in err


@pytest.mark.parametrize(
    ("head", "message"),
    [
        ("70,2,80,12", r"clip.mp4: --heads: 70,2,80,12 is outside of the 64x48 frames"),
        ("-20,2,0,12", r"clip.mp4: --heads: -20,2,0,12 is outside of the 64x48 frames"),
        ("11,2,1,12", r"--heads: 11,2,1,12 holds nothing; left < right"),
        ("11,2,1", r"11,2,1: 4 numbers are expected"),
        ("nan,2,11,12", r"(K, 4) numbers x1, y1, x2, y2 in pixels are expected"),
    ],
)
def test_heads_that_cannot_be(predict: Predict, clip: Path, tmp_path: Path, head: str, message: str) -> None:
    code, err = predict(clip, f"--head={head}", "--out", tmp_path / "out")
    assert code in (1, 2)
    assert message in err
    assert not (tmp_path / "out/clip").exists()


def test_one_way_of_giving_heads_at_a_time(predict: Predict, clip: Path, tmp_path: Path) -> None:
    code, err = predict(clip, "--head", "1,2,3,4", "--heads", tmp_path / "heads.csv", "--out", tmp_path / "out")
    assert code == 2
    assert "give one of them" in err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"heads\.csv: no head in it; a row with x1_px"),
        ("x1_px,y1_px,x2_px,y2_px\n", r"heads\.csv: no head in it"),
        ("x,y\n1,2\n", r"heads\.csv: no columns x1_px, y1_px, x2_px, y2_px; its first line must name them"),
        ("x1_px,y1_px,x2_px,y2_px\n1,2,3\n", r"line 2: 3 cells"),
        ("x1_px,y1_px,x2_px,y2_px\n1,2,3,4\n5,6,5,9\n", r"line 3: the box x1_px to y2_px holds nothing"),
        ("frame,x1_px,y1_px,x2_px,y2_px\n-1,2,3,4,5\n", r"line 2: frame is '-1'; a number from 0"),
        ("source,x1_px,y1_px,x2_px,y2_px\n,1,2,3,4\n", r"line 2: no source"),
    ],
)
def test_tables_that_cannot_be_read(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "heads.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        HeadTable.read(path)
    with pytest.raises(DataError, match="no such file"):
        HeadTable.read(tmp_path / "nowhere.csv")
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match=r"heads\.csv: the table cannot be read"):
        HeadTable.read(path)


def test_a_prompt_of_heads_by_frame() -> None:
    prompt = Prompt(heads={4: np.array([[1.0, 2, 3, 4]])})
    assert prompt.kinds == ("heads",)
    empty, one = prompt.heads_of(0), prompt.heads_of(4)
    assert empty is not None
    assert one is not None
    assert (empty.shape, one.tolist()) == ((0, 4), [[1, 2, 3, 4]])
    assert Prompt().heads_of(0) is None
    with pytest.raises(UsageError, match=r"`heads`: 1,2,3,4 of frame 4 is outside of the 1x1 frames"):
        prompt.require_inside((1, 1))
    with pytest.raises(UsageError, match="give one of them"):
        Prompt(point=(1, 2), heads=np.zeros((0, 4)))


def test_thirty_people_and_none(predict: Predict, clip: Path, tmp_path: Path) -> None:
    rows = "".join(f"{2 * n},{n},{2 * n + 4},{n + 4}\n" for n in range(30))
    table = tmp_path / "heads.csv"
    table.write_text(f"x1_px,y1_px,x2_px,y2_px\n{rows}")
    assert predict(clip, "--heads", table, "--out", tmp_path / "out", "--limit", 1)[0] == 0
    assert len(people(tmp_path / "out/clip")) == 30
    assert predict(clip, "--out", tmp_path / "none")[0] == 0  # nobody is given, nobody found
    assert people(tmp_path / "none/clip") == []
