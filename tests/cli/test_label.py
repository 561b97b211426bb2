"""`sightline label`, on a model that marks a disc around each fixation."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hostile.corpus import truncate, write_frames, write_video
from hostile.fake_model import BrightestSpot
from sightline.cli import main
from sightline.models.base import Predictor
from sightline.results.png import davis_palette
from sightline.types import Clip, Frame, Prompt

pytest.importorskip("polars")

Points = Mapping[int, np.ndarray]
HEADER = "subject,onset_ms,duration_ms,x_px,y_px\n"


class Discs(Predictor):
    """The mask is a disc around each fixation; where there is none, it is empty."""

    name = "discs"
    weights_sha256 = "1" * 64
    takes = frozenset({"fixations"})
    gives = frozenset({"saliency", "masks"})

    def stream(self, clip: Clip, prompt: Prompt) -> Iterator[Frame]:
        for frame in clip.frames():
            rows, columns = np.indices(frame.image.shape[:2], sparse=True)
            mask = np.zeros(frame.image.shape[:2], np.uint8)
            for x, y in (prompt.fixations or {}).get(frame.index, ()):
                mask |= (np.hypot(columns - x, rows - y) < 6).astype(np.uint8)
            yield Frame(frame.index, frame.time_s, frame.image, saliency=mask.astype(np.float32), mask=mask)


@dataclass
class Result:
    code: int
    out: str
    err: str

    @property
    def sources(self) -> list[dict]:
        return json.loads(self.out)["sources"]


Label = Callable[..., Result]


@pytest.fixture
def label(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Label:
    def run(*args: object, model: object = None) -> Result:
        monkeypatch.setattr("sightline.models.load", lambda name, device="auto": model or Discs())
        with pytest.raises(SystemExit) as stop:
            main(["label", *map(str, args)])
        out, err = capsys.readouterr()
        return Result(int(stop.value.code or 0), out, err)

    return run


def table(path: Path, rows: Iterable[str] = ("1,0,200,10,20", "2,0,480,40,30", "1,200,280,40,30")) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEADER + "".join(f"{row}\n" for row in rows))
    return path


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Half a second of 64x48 at 25 frames/s."""
    (tmp_path / "set").mkdir()
    return write_video(tmp_path / "set/clip.mp4", frames=12, fps=25, size=(48, 64), sound_s=1)


def mask(folder: Path, index: int) -> np.ndarray:
    return np.asarray(Image.open(folder / f"masks/{index:05d}.png"))


def test_masks_lie_where_people_looked(clip: Path, tmp_path: Path, label: Label) -> None:
    result = label(clip, "--gaze", table(tmp_path / "gaze.csv"), "--out", tmp_path / "out", "--json")
    assert (result.code, result.err) == (0, "")
    assert [(s["status"], s["frames"], s["notes"]) for s in result.sources] == [("done", 12, [])]
    folder = tmp_path / "out/clip"
    assert sorted(path.name for path in folder.iterdir()) == ["masks", "overlay.mp4", "summary.json"]
    assert len(list((folder / "masks").iterdir())) == 12
    early, late = mask(folder, 0), mask(folder, 11)
    assert early[20, 10] == early[30, 40] == late[30, 40] == 1
    assert late[20, 10] == 0
    palette = Image.open(folder / "masks/00000.png").getpalette()
    assert palette[: 3 * 256] == davis_palette().ravel().tolist()
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["model"] == "discs"
    assert summary["fixations"] == {
        "path": str(tmp_path / "gaze.csv"),
        "frames_with_fixations": 12,
        "notes": [],
    }


def test_a_data_set_has_its_tables_beside_the_videos(clip: Path, tmp_path: Path, label: Label) -> None:
    table(clip.with_name("clip_fixations.csv"))
    write_video(clip.with_name("other.avi"), frames=12, fps=25, size=(48, 64))
    table(clip.with_name("other.csv"))
    write_video(clip.with_name("unseen.mp4"), frames=2)
    result = label(clip.parent, "--out", tmp_path / "out", "--json")
    assert result.code == 1
    assert [s["status"] for s in result.sources] == ["done", "done", "failed"]
    assert "unseen.mp4: no fixations on it in" in result.err
    assert "unseen_fixations.csv is expected there" in result.err
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["clip", "other"]


def test_folders_of_frames_and_a_folder_of_tables(tmp_path: Path, label: Label) -> None:
    for name in ("bear", "cow"):
        write_frames(tmp_path / "frames" / name, range(3))
        table(tmp_path / "tables" / f"{name}_fixations.csv", ["1,0,120,10,20", "2,0,120,10,20"])
    result = label(tmp_path / "frames", "--gaze", tmp_path / "tables", "--out", tmp_path / "out", "--json")
    assert result.code == 0
    assert [s["frames"] for s in result.sources] == [3, 3]
    table(tmp_path / "frames/bear/fixations.csv", ["1,0,120,10,20", "2,0,120,10,20"])
    assert label(tmp_path / "frames/bear", "--out", tmp_path / "inner").code == 0


def test_other_gaze_is_another_run(clip: Path, tmp_path: Path, label: Label) -> None:
    gaze = table(tmp_path / "gaze.csv")
    assert label(clip, "--gaze", gaze, "--out", tmp_path / "out").code == 0
    assert label(clip, "--gaze", gaze, "--out", tmp_path / "out").out.startswith("skipped")
    table(gaze, ["1,0,480,50,40", "2,0,480,50,40"])
    again = label(clip, "--gaze", gaze, "--out", tmp_path / "out")
    assert again.code == 1
    assert f"holds results of another run (discs on {clip} with another prompt)" in again.err
    assert label(clip, "--gaze", gaze, "--out", tmp_path / "out", "--overwrite").code == 0
    assert mask(tmp_path / "out/clip", 0)[40, 50] == 1


def test_fallbacks_are_stated(clip: Path, tmp_path: Path, label: Label) -> None:
    one = table(tmp_path / "one.csv", ["1,0,200,10,20", "1,300,180,10,200", "1,400,80,10,20"])
    result = label(clip, "--gaze", one, "--out", tmp_path / "out", "--json")
    assert result.code == 0
    notes = [line.removeprefix(f"sightline: {one}: ") for line in result.err.splitlines()]
    assert notes[0].startswith("1 of 3 fixations outside of the 64x48 frames left out")
    assert notes[1].startswith("one viewer alone")
    assert notes[2] == "5 of 12 frames have no fixation"
    assert [f"{one}: {note}" for note in notes] == result.sources[0]["notes"]
    assert (
        json.loads((tmp_path / "out/clip/summary.json").read_text())["fixations"]["notes"] == result.sources[0]["notes"]
    )


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "no fixations in it"),
        (["1,0,200,1000,20", "2,0,200,10,2000"], "2 of 2 fixations lie outside of the 64x48 frames"),
        (["1,0,200,10,20", "2,9000,200,10,20"], "fixations go on to 9.0 s, the video ends at 0.5 s"),
        (["1,0,200,10,nan"], "y_px is 'nan', a number is expected"),
        (["1,soon,200,10,20"], "onset_ms is 'soon', a number is expected"),
    ],
    ids=["empty", "outside", "another video", "nan", "text"],
)
def test_bad_gaze_is_one_line_and_leaves_nothing(
    clip: Path, tmp_path: Path, label: Label, rows: list[str], message: str
) -> None:
    result = label(clip, "--gaze", table(tmp_path / "gaze.csv", rows), "--out", tmp_path / "out")
    assert result.code == 1
    (line,) = result.err.splitlines()
    assert line.startswith(f"sightline: {tmp_path / 'gaze.csv'}")
    assert message in line
    assert not (tmp_path / "out").exists()


def test_wrong_usage(clip: Path, tmp_path: Path, label: Label) -> None:
    gaze = table(tmp_path / "gaze.csv")
    write_video(clip.with_name("other.mp4"), frames=2)
    two = label(clip.parent, "--gaze", gaze, "--out", tmp_path / "out")
    assert (two.code, two.err) == (
        2, f"sightline: --gaze {gaze}: one table, for 2 videos; give a folder of tables\n"
    )  # fmt: skip
    blind = label(clip, "--gaze", gaze, "--out", tmp_path / "out", model=BrightestSpot())
    assert (blind.code, "--gaze: brightest takes none" in blind.err) == (2, True)
    nowhere = label(clip, "--gaze", tmp_path / "nowhere.csv", "--out", tmp_path / "out")
    assert (nowhere.code, "nowhere.csv: no such table" in nowhere.err) == (1, True)
    nothing = label(tmp_path / "set/none.mp4", "--gaze", gaze, "--out", tmp_path / "out")
    assert (nothing.code, "none.mp4: there is no such file" in nothing.err) == (1, True)
    (tmp_path / "bare").mkdir()
    bare = label(tmp_path / "bare", "--out", tmp_path / "out")
    assert (bare.code, "bare: neither videos nor folders of frames" in bare.err) == (1, True)
    assert not (tmp_path / "out").exists()


def test_a_video_that_breaks_off_leaves_nothing_and_stops_nothing(clip: Path, tmp_path: Path, label: Label) -> None:
    broken = write_video(clip.with_name("broken.mp4"), frames=60, fps=25)
    truncate(broken, 0.6)
    table(clip.with_name("broken_fixations.csv"))
    table(clip.with_name("clip_fixations.csv"))
    result = label(clip.parent, "--out", tmp_path / "out", "--json")
    assert [s["status"] for s in result.sources] == ["failed", "done"]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["clip"]


def test_ctrl_c_keeps_the_masks_that_are_done(clip: Path, tmp_path: Path, label: Label) -> None:
    class Interrupted(Discs):
        def stream(self, clip: Clip, prompt: Prompt) -> Iterator[Frame]:
            for frame in super().stream(clip, prompt):
                if frame.index == 4:
                    os.kill(os.getpid(), signal.SIGINT)
                yield frame

    gaze = table(tmp_path / "gaze.csv")
    result = label(clip, "--gaze", gaze, "--out", tmp_path / "out", "--json", model=Interrupted())
    assert result.code == 130
    assert [(s["status"], s["frames"]) for s in result.sources] == [("stopped", 5)]
    assert len(list((tmp_path / "out/clip/masks").iterdir())) == 5


def test_ctrl_c_before_the_first_mask(
    clip: Path, tmp_path: Path, label: Label, monkeypatch: pytest.MonkeyPatch
) -> None:
    def begin(progress: object, name: str, frames: int | None) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr("sightline.cli._progress.Progress.begin", begin)
    result = label(clip, "--gaze", table(tmp_path / "gaze.csv"), "--out", tmp_path / "out", "--json")
    assert (result.code, result.err) == (130, "")
    assert [(s["status"], s["frames"]) for s in result.sources] == [("stopped", 0)]
    assert not (tmp_path / "out").exists()


def test_predict_takes_gaze_too(clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def predict(*args: object) -> Result:
        with pytest.raises(SystemExit) as stop:
            main(["predict", *map(str, args)])
        return Result(int(stop.value.code or 0), *capsys.readouterr())

    gaze = table(tmp_path / "gaze.csv")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sightline.models.load", lambda name, device="auto": Discs())
        assert predict(clip, "--gaze", gaze, "--out", tmp_path / "out", "--save", "masks").code == 0
        assert mask(tmp_path / "out/clip", 0)[20, 10] == 1
        assert predict(clip, "--out", tmp_path / "blind", "--save", "masks").code == 0
        assert not mask(tmp_path / "blind/clip", 0).any()
        each = predict(clip, "--gaze", gaze, "--each", "--out", tmp_path / "out")
        assert (each.code, "leave out --each" in each.err) == (2, True)
        patch.setattr("sightline.models.load", lambda name, device="auto": BrightestSpot())
        other = predict(clip, "--gaze", gaze, "--out", tmp_path / "out")
        assert (other.code, "--gaze: brightest takes none" in other.err) == (2, True)
