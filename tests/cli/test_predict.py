"""`sightline predict` from end to end, with a model that needs no weights."""

from __future__ import annotations

import csv
import errno
import json
import os
import re
import signal
import subprocess
import sys
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hostile.corpus import BROKEN, picture, sound_of, truncate, write_frames, write_video, zero_packet
from hostile.fake_model import BrightestSpot
from sightline.cli import main
from sightline.errors import UsageError, WeightsError
from sightline.results.png import write_labels
from sightline.types import Clip, Frame, Hotspot, Object, Prompt, Track
from sightline.video import open_source, queue_length


@dataclass
class Result:
    code: int
    out: str
    err: str

    @property
    def sources(self) -> list[dict]:
        return json.loads(self.out)["sources"]


@pytest.fixture
def sightline(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    """Runs `sightline predict` with the arguments, on the fake model or on `model`."""

    def run(*args: object, model: object = None) -> Result:
        monkeypatch.setattr("sightline.models.load", lambda name, device="auto": model or BrightestSpot())
        with pytest.raises(SystemExit) as stop:
            main(["predict", *map(str, args)])
        out, err = capsys.readouterr()
        return Result(int(stop.value.code or 0), out, err)

    return run


Sightline = Callable[..., Result]


def names(folder: Path) -> list[str]:
    """All files below a folder, hidden ones too."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_video_gives_every_file_of_the_contract(tmp_path: Path, sightline: Sightline) -> None:
    clip = write_video(tmp_path / "clip.mp4", frames=12, fps=25, sound_s=1)
    result = sightline(clip, "--out", tmp_path / "out", "--json")
    assert result.code == 0
    assert result.sources == [
        {
            "source": str(clip),
            "status": "done",
            "output": str(tmp_path / "out" / "clip"),
            "frames": 12,
            "seconds": result.sources[0]["seconds"],
            "error": None,
            "notes": [],
        }
    ]
    folder = tmp_path / "out" / "clip"
    maps = [f"{kind}/{index:05d}.png" for kind in ("masks", "probability", "saliency") for index in range(12)]
    assert names(tmp_path / "out") == sorted(
        f"clip/{name}" for name in [*maps, "hotspots.csv", "overlay.mp4", "summary.json"]
    )

    expected = list(BrightestSpot().stream(open_source(clip), Prompt()))
    with (folder / "hotspots.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["frame", "time_s", "x_px", "y_px", "score", "state"]
    for frame, row in zip(expected, rows, strict=True):
        levels = np.asarray(Image.open(folder / "saliency" / f"{frame.index:05d}.png"))
        assert levels.dtype == np.uint16
        np.testing.assert_allclose(levels / 65535, frame.saliency, atol=1e-5)
        np.testing.assert_array_equal(np.asarray(Image.open(folder / "masks" / f"{frame.index:05d}.png")), frame.mask)
        assert (int(row["frame"]), float(row["time_s"])) == (frame.index, pytest.approx(frame.index / 25))
        assert (float(row["x_px"]), float(row["y_px"])) == (frame.hotspot.x_px, frame.hotspot.y_px)

    with open_source(folder / "overlay.mp4") as overlay, open_source(clip) as source:
        assert overlay.size == source.size
        assert [f.time_s for f in overlay] == pytest.approx([f.time_s for f in source])
    np.testing.assert_array_equal(sound_of(folder / "overlay.mp4")[2], sound_of(clip)[2])

    summary = json.loads((folder / "summary.json").read_text())
    assert (summary["model"], summary["weights_sha256"]) == ("brightest", "0" * 64)
    assert (summary["source"], summary["fps"], summary["frames"]) == (str(clip), 25, 12)
    assert summary["complete"]
    assert {"sightline", "python", "torch", "numpy", "av"} <= summary["versions"].keys()
    assert summary["timings"]["total_s"] > 0


def test_an_image_and_a_frame_folder(tmp_path: Path, sightline: Sightline) -> None:
    Image.fromarray(picture(3)).save(tmp_path / "photo.jpg")
    folder = write_frames(tmp_path / "frames", range(1, 4))
    assert sightline(tmp_path / "photo.jpg", folder, "--out", tmp_path / "out").code == 0
    assert "overlay.png" in names(tmp_path / "out" / "photo")
    assert "saliency/00000.png" in names(tmp_path / "out" / "photo")
    assert [n for n in names(tmp_path / "out" / "frames") if "sal" in n] == [f"saliency/0000{i}.png" for i in (1, 2, 3)]
    rows = list(csv.DictReader((tmp_path / "out" / "frames" / "hotspots.csv").read_text().splitlines()))
    assert [row["frame"] for row in rows] == ["00001", "00002", "00003"]  # the frames' own names
    assert len(list(open_source(tmp_path / "out" / "frames" / "overlay.mp4"))) == 3


@pytest.mark.parametrize(
    "odd",
    [
        {"frames": 1},
        {"frames": 3, "size": (16, 16)},
        {"frames": 3, "size": (47, 63), "codec": "ffv1", "pix_fmt": "yuv444p", "container": "matroska"},
        {"frames": 3, "pix_fmt": "yuv420p10le"},
        {"frames": 4, "pts": [0, 3, 4, 50]},
        {"frames": 4, "pts": [-2, -1, 0, 1]},
        {"frames": 3, "turn": (90, False, False)},
        {"frames": 5, "sound_s": 0.1},
        {"frames": 5, "sound_s": 2},
    ],
    ids=["one frame", "16x16", "odd", "10 bits", "variable rate", "edit list", "rotated", "short sound", "long sound"],
)
def test_unusual_videos(tmp_path: Path, sightline: Sightline, odd: dict) -> None:
    clip = write_video(tmp_path / "clip.mp4", **odd)
    assert sightline(clip, "--out", tmp_path / "out").code == 0
    with open_source(clip) as source, open_source(tmp_path / "out" / "clip" / "overlay.mp4") as overlay:
        assert overlay.size == tuple(side + side % 2 for side in source.size)
        times = [frame.pts * source.time_base for frame in source]
        assert [frame.pts * overlay.time_base for frame in overlay] == times
    assert len(list((tmp_path / "out" / "clip" / "saliency").iterdir())) == len(times)
    with Image.open(tmp_path / "out" / "clip" / "saliency" / "00000.png") as first:
        assert first.size == source.size[::-1]


def test_sources_of_one_name_get_folders_of_their_own(tmp_path: Path, sightline: Sightline) -> None:
    clip = write_video(tmp_path / "dog.mp4", frames=2)
    folder = write_frames(tmp_path / "dog", range(3))
    result = sightline(clip, folder, "--out", tmp_path / "out", "--json")
    assert [Path(s["output"]).name for s in result.sources] == ["dog", "dog-2"]
    assert [s["frames"] for s in result.sources] == [2, 3]


@pytest.mark.parametrize("save", ["saliency", "masks", "hotspots", "overlay", "masks,overlay"])
def test_save_writes_only_what_is_asked_for(tmp_path: Path, sightline: Sightline, save: str) -> None:
    clip = write_video(tmp_path / "clip.mp4", frames=2)
    assert sightline(clip, "--out", tmp_path / "out", "--save", save).code == 0
    kinds = {name.split("/")[0].split(".")[0] for name in names(tmp_path / "out" / "clip")} - {"summary"}
    assert kinds == set(save.split(","))


def test_all_that_a_model_gives_is_the_default(tmp_path: Path, sightline: Sightline) -> None:
    clip = write_video(tmp_path / "clip.mp4", frames=2)
    assert sightline(clip, "--out", tmp_path / "out", model=BrightestSpot(["saliency"])).code == 0
    assert names(tmp_path / "out" / "clip") == [
        "overlay.mp4",
        *(f"saliency/0000{i}.png" for i in range(2)),
        "summary.json",
    ]


@pytest.mark.parametrize(
    ("save", "message"),
    [("maps", "--save maps: not something that can be saved"), ("masks", "brightest does not give it")],
)
def test_save_of_something_unknown_is_wrong_usage(
    tmp_path: Path, sightline: Sightline, save: str, message: str
) -> None:
    clip = write_video(tmp_path / "clip.mp4", frames=2)
    result = sightline(clip, "--out", tmp_path / "out", "--save", save, model=BrightestSpot(["saliency"]))
    assert (result.code, message in result.err) == (2, True)
    assert not (tmp_path / "out").exists()


def test_a_lost_target_has_a_row_without_a_position(tmp_path: Path, sightline: Sightline) -> None:
    class Loses(BrightestSpot):
        def stream(self, clip: Clip, prompt: Prompt) -> Iterator[Frame]:
            for frame in super().stream(clip, prompt):
                yield replace(frame, hotspot=None, state="lost")

    clip = write_video(tmp_path / "clip.mp4", frames=2)
    assert sightline(clip, "--out", tmp_path / "out", model=Loses()).code == 0
    rows = (tmp_path / "out" / "clip" / "hotspots.csv").read_text().splitlines()
    assert rows[1:] == ["0,0.000000,,,0,lost", "1,0.040000,,,0,lost"]


def test_limit_ends_picture_and_sound(tmp_path: Path, sightline: Sightline) -> None:
    clip = write_video(tmp_path / "clip.mp4", frames=40, sound_s=1.6)
    assert sightline(clip, "--out", tmp_path / "out", "--limit", 5).code == 0
    folder = tmp_path / "out" / "clip"
    assert len(list((folder / "saliency").iterdir())) == 5
    assert sound_of(folder / "overlay.mp4")[2].shape[1] / 48000 == pytest.approx(0.2, abs=0.05)


@pytest.mark.parametrize("kind", BROKEN)
def test_a_bad_file_is_named_in_one_line_and_does_not_stop_the_rest(
    tmp_path: Path, sightline: Sightline, kind: str
) -> None:
    make, message = BROKEN[kind]
    bad, good = make(tmp_path / "bad.mp4"), write_video(tmp_path / "good.mp4", frames=2)
    result = sightline(bad, good, "--out", tmp_path / "out", "--json")
    assert result.code == 1
    assert [s["status"] for s in result.sources] == ["failed", "done"]
    (line,) = result.err.splitlines()
    assert line.startswith(f"sightline: {bad}: ")
    assert re.search(message, line)
    assert result.sources[0]["error"] in line
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"good"}


def test_a_damaged_stretch_costs_only_its_frames(tmp_path: Path, sightline: Sightline) -> None:
    clip = write_video(tmp_path / "clip.avi", frames=40, codec="png", pix_fmt="rgb24")
    data = bytearray(clip.read_bytes())
    middle, stretch = len(data) // 2, len(data) // 10
    data[middle : middle + stretch] = bytes(stretch)
    clip.write_bytes(data)
    result = sightline(clip, "--out", tmp_path / "out")
    assert result.code == 0
    assert 28 <= len(list((tmp_path / "out" / "clip" / "masks").iterdir())) < 40


def test_missing_frames_of_a_folder(tmp_path: Path, sightline: Sightline) -> None:
    result = sightline(write_frames(tmp_path / "run", [0, 1, 3]), "--out", tmp_path / "out")
    assert (result.code, "run: 1 of frames 0-3 missing: 2;" in result.err) == (1, True)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("error", "code"),
    [(UsageError("unknown model 'x'; known: wcsnet"), 2), (WeightsError("model.safetensors: damaged; reinstall"), 1)],
)
def test_a_model_that_cannot_be_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception, code: int
) -> None:
    def load(name: str, device: str = "auto") -> None:
        raise error

    monkeypatch.setattr("sightline.models.load", load)
    (tmp_path / "clip.mp4").write_text("there")
    with pytest.raises(SystemExit) as stop:
        main(["predict", str(tmp_path / "clip.mp4"), "--out", str(tmp_path / "out"), "--model", "x"])
    assert stop.value.code == code
    assert capsys.readouterr().err == f"sightline: {error}\n"


class AtThePoint(BrightestSpot):
    """The hotspot stays where the target was shown."""

    takes = frozenset({"point", "box", "mask"})

    def stream(self, clip: Clip, prompt: Prompt) -> Iterator[Frame]:
        for frame in super().stream(clip, prompt):
            yield frame if prompt.point is None else replace(frame, hotspot=Hotspot(*prompt.point, 1.0))  # type: ignore[call-arg]


class MarksTheMask(BrightestSpot):
    """The mask is the one that was given."""

    takes = frozenset({"mask"})

    def stream(self, clip: Clip, prompt: Prompt) -> Iterator[Frame]:
        for frame in super().stream(clip, prompt):
            yield replace(frame, mask=prompt.mask.astype(np.uint8))


@pytest.mark.parametrize("kind", ["numbers", "white", "jpeg"])
def test_a_mask_is_numbers_or_black_and_white(tmp_path: Path, sightline: Sightline, kind: str) -> None:
    marked = np.zeros((48, 64), np.uint8)
    marked[8:24, 16:40] = 1
    if kind == "numbers":
        Image.fromarray(marked * 3, mode="P").save(tmp_path / "mask.png")
    else:
        Image.fromarray(marked * 255).save(tmp_path / f"mask.{'png' if kind == 'white' else 'jpg'}")
    (given,) = tmp_path.glob("mask.*")
    clip = write_video(tmp_path / "clip.mp4", frames=1)
    result = sightline(clip, "--mask", given, "--save", "masks", "--out", tmp_path / "out", model=MarksTheMask())
    assert result.code == 0, result.err
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "out/clip/masks/00000.png")), marked)


class TellsThePrompt(BrightestSpot):
    """Takes every prompt, and remembers it."""

    takes = frozenset({"point", "not_point", "box", "mask", "at_s", "objects"})

    def stream(self, clip: Clip, prompt: Prompt) -> Iterator[Frame]:
        self.targets = prompt.targets
        for frame in super().stream(clip, prompt):
            tracks = tuple(Track(number, "track", frame.hotspot) for number in prompt.targets)
            yield replace(frame, tracks=tracks, objects=(Object(1, (1, 2, 3, 4), 0.5),))


def test_several_objects_each_with_its_places_and_time(tmp_path: Path, sightline: Sightline) -> None:
    marked = np.zeros((48, 64), np.uint8)
    marked[:9, :9], marked[20:, 30:] = 2, 5
    write_labels(tmp_path / "two objects.png", marked)
    clip, model = write_video(tmp_path / "clip.mp4", frames=25, fps=25), TellsThePrompt()
    said = ["--point", "3,4", "--point", "5,6", "--not", "20,30", "--at", "0.4s"]
    said += ["--object", "box=1,2,30,40 point=9,9 at=0:0.5", "--object", f"mask='{tmp_path / 'two objects.png'}'"]
    result = sightline(clip, *said, "--object", "number=1 not=7,8 at=0.8", "--out", tmp_path / "out", model=model)
    assert result.code == 0, result.err
    first, second, third, fourth = model.targets.values()
    assert [cue.at_s for cue in first] == [0.4, 0.8]
    assert [(cue.points, cue.not_points) for cue in first] == [(((3, 4), (5, 6)), ((20, 30),)), ((), ((7, 8),))]
    assert (second[0].box, second[0].points, second[0].at_s) == ((1, 2, 30, 40), ((9, 9),), 0.5)
    for cues, number in ((third, 2), (fourth, 5)):
        np.testing.assert_array_equal(cues[0].mask, marked == number)
    folder = tmp_path / "out/clip"
    assert [row["object"] for row in csv.DictReader((folder / "tracks.csv").read_text().splitlines())][:5] == [
        "1",
        "2",
        "3",
        "4",
        "1",
    ]
    assert len(list(csv.DictReader((folder / "hotspots.csv").read_text().splitlines()))) == 25, (
        "one row a frame, as ever"
    )
    assert len(list(csv.DictReader((folder / "objects.csv").read_text().splitlines()))) == 25
    told = json.loads((folder / "summary.json").read_text())["prompt"]["objects"]
    assert [cue["number"] for cue in told] == [1, 1, 2, 3, 4]
    assert told[0] == {"number": 1, "point": [[3, 4], [5, 6]], "not_point": [20, 30], "at_s": 0.4}


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (["--not", "3,3"], "--not of object 1 says only where it is not"),
        (["--at", "1"], "--at 1: of which place? give a point, a box or a mask"),
        (["--point", "3,3", "--at", "x"], "--at x: seconds are expected"),
        (["--point", "3,3", "--at", "9s"], "clip.mp4: --at 9: the clip ends at 0.12 s; give an earlier time"),
        (["--point", "3,3", "--not", "3,48"], "clip.mp4: --not 3,48 is outside of the 64x48 frames"),
        (["--object", "3,3"], "--object 3,3: 3,3 is not one of point=, not="),
        (["--object", "at=1"], "--object at=1: of which place?"),
        (["--object", "point=3,3 number=x"], "number x: an object's number is expected"),
        (["--object", "box=1,2,3,4 box=1,2,3,5"], "--box: 1,2,3,4 and 1,2,3,5: give one of them"),
        (["--object", "point=3,300"], "clip.mp4: --point 3,300 is outside of the 64x48 frames"),
    ],
)
def test_prompts_that_make_no_sense(tmp_path: Path, sightline: Sightline, said: list[str], message: str) -> None:
    clip = write_video(tmp_path / "clip.mp4", frames=3, fps=25)
    result = sightline(clip, *said, "--out", tmp_path / "out", model=TellsThePrompt())
    assert result.code != 0
    assert message in result.err
    assert not (tmp_path / "out").exists()


class TestPoint:
    @pytest.fixture
    def clip(self, tmp_path: Path) -> Path:
        return write_video(tmp_path / "clip.mp4", frames=3)

    def test_is_where_the_target_is(self, tmp_path: Path, clip: Path, sightline: Sightline) -> None:
        result = sightline(clip, "--point", "12.5,7", "--out", tmp_path / "out", model=AtThePoint())
        assert result.code == 0
        rows = list(csv.DictReader((tmp_path / "out/clip/hotspots.csv").read_text().splitlines()))
        assert [(float(row["x_px"]), float(row["y_px"])) for row in rows] == [(12.5, 7)] * 3
        assert json.loads((tmp_path / "out/clip/summary.json").read_text())["prompt"] == {"point": [12.5, 7]}

    def test_makes_it_another_run(self, tmp_path: Path, clip: Path, sightline: Sightline) -> None:
        for point, code in (("3,3", 0), ("3,3", 0), ("4,3", 1)):
            result = sightline(clip, "--point", point, "--out", tmp_path / "out", model=AtThePoint())
            assert result.code == code
        assert "with another prompt" in result.err

    @pytest.mark.parametrize(
        ("point", "message"),
        [
            ("12", "--point 12: 2 numbers are expected, as in 640,360"),
            ("a,b", "--point a,b: 2 numbers are expected, as in 640,360"),
            ("5000,3", "clip.mp4: --point 5000,3 is outside of the 64x48 frames"),
            ("-1,3", "clip.mp4: --point -1,3 is outside of the 64x48 frames"),
            ("nan,3", "clip.mp4: --point nan,3 is outside of the 64x48 frames"),
        ],
    )
    def test_that_is_none(self, tmp_path: Path, clip: Path, sightline: Sightline, point: str, message: str) -> None:
        result = sightline(clip, f"--point={point}", "--out", tmp_path / "out", model=AtThePoint())
        assert result.code != 0
        assert message in result.err
        assert not (tmp_path / "out").exists()

    def test_is_of_one_video(self, tmp_path: Path, clip: Path, sightline: Sightline) -> None:
        other = write_video(tmp_path / "other.mp4", frames=2)
        for sources in ([clip, other], [clip, "--each"]):
            result = sightline(*sources, "--point", "3,3", "--out", tmp_path / "out", model=AtThePoint())
            assert (result.code, "a place in one video" in result.err) == (2, True)

    def test_for_a_model_that_takes_none(self, tmp_path: Path, clip: Path, sightline: Sightline) -> None:
        result = sightline(clip, "--point", "3,3", "--out", tmp_path / "out")
        assert (result.code, "--point: brightest takes none" in result.err) == (2, True)


class TestExistingResults:
    @pytest.fixture
    def clip(self, tmp_path: Path) -> Path:
        return write_video(tmp_path / "clip.mp4", frames=3)

    def test_of_the_same_run_are_kept(self, tmp_path: Path, clip: Path, sightline: Sightline) -> None:
        sightline(clip, "--out", tmp_path / "out")
        before = (tmp_path / "out" / "clip" / "summary.json").stat().st_mtime_ns
        result = sightline(clip, "--out", tmp_path / "out", "--json")
        assert (result.code, result.sources[0]["status"]) == (0, "skipped")
        assert (tmp_path / "out" / "clip" / "summary.json").stat().st_mtime_ns == before

    @pytest.mark.parametrize("change", ["model", "source", "limit", "save"])
    def test_of_another_run_are_not_mixed(self, tmp_path: Path, clip: Path, sightline: Sightline, change: str) -> None:
        sightline(clip, "--out", tmp_path / "out", "--save", "masks")
        before = {name: (tmp_path / "out" / name).read_bytes() for name in names(tmp_path / "out")}
        other = BrightestSpot()
        more: list[object] = ["--save", "masks"]
        if change == "model":
            other.weights_sha256 = "1" * 64
        elif change == "source":
            write_video(clip, frames=4)
        elif change == "limit":
            more += ["--limit", 2]
        else:
            more = ["--save", "saliency"]
        result = sightline(clip, "--out", tmp_path / "out", *more, model=other)
        assert result.code == 1
        assert "holds results of another run" in result.err
        assert "--overwrite" in result.err
        assert {name: (tmp_path / "out" / name).read_bytes() for name in names(tmp_path / "out")} == before
        assert sightline(clip, "--out", tmp_path / "out", *more, "--overwrite", model=other).code == 0
        assert ("masks/00000.png" in names(tmp_path / "out" / "clip")) == (change != "save")

    def test_that_are_not_ours_stay(self, tmp_path: Path, clip: Path, sightline: Sightline) -> None:
        (tmp_path / "out" / "clip" / "masks").mkdir(parents=True)
        (tmp_path / "out" / "clip" / "notes.txt").write_text("mine")
        result = sightline(clip, "--out", tmp_path / "out")
        assert (result.code, "holds results (masks)" in result.err) == (1, True)
        assert sightline(clip, "--out", tmp_path / "out", "--overwrite").code == 0
        assert (tmp_path / "out" / "clip" / "notes.txt").read_text() == "mine"

    def test_that_were_interrupted_are_done_again(self, tmp_path: Path, clip: Path, sightline: Sightline) -> None:
        sightline(clip, "--out", tmp_path / "out", model=Interrupted(after=2))
        assert sightline(clip, "--out", tmp_path / "out").code == 0
        assert json.loads((tmp_path / "out" / "clip" / "summary.json").read_text())["complete"]

    def test_left_by_a_run_that_was_killed(self, tmp_path: Path, clip: Path, sightline: Sightline) -> None:
        left = tmp_path / "out" / ".clip.partial" / "saliency"
        left.mkdir(parents=True)
        (left / "00099.png").touch()
        assert sightline(clip, "--out", tmp_path / "out").code == 0
        assert [name for name in names(tmp_path / "out") if "partial" in name or "99" in name] == []

    def test_do_not_go_into_the_source(self, tmp_path: Path, sightline: Sightline) -> None:
        folder = write_frames(tmp_path / "run")
        result = sightline(folder, "--out", tmp_path, "--overwrite")
        assert (result.code, "into the source itself" in result.err) == (1, True)
        assert len(list(folder.iterdir())) == 5


class Interrupted(BrightestSpot):
    """Ctrl-C is pressed while frame `after` is in work, `times` times."""

    def __init__(self, after: int, times: int = 1) -> None:
        super().__init__()
        self.after, self.times = after, times

    def stream(self, clip: Clip, prompt: Prompt) -> Iterator[Frame]:
        for frame in super().stream(clip, prompt):
            if frame.index == self.after:
                for _ in range(self.times):
                    signal.raise_signal(signal.SIGINT)
            yield frame


def test_ctrl_c_leaves_valid_files_of_the_frames_that_are_done(tmp_path: Path, sightline: Sightline) -> None:
    clip = write_video(tmp_path / "clip.mp4", frames=40, sound_s=1.6)
    result = sightline(clip, tmp_path / "next.mp4", "--out", tmp_path / "out", "--json", model=Interrupted(after=9))
    assert result.code == 130
    assert [s["status"] for s in result.sources] == ["stopped", "failed"]
    folder = tmp_path / "out" / "clip"
    assert len(list((folder / "saliency").iterdir())) == len(list((folder / "masks").iterdir())) == 10
    assert len((folder / "hotspots.csv").read_text().splitlines()) == 11
    assert len(list(open_source(folder / "overlay.mp4"))) == 10
    assert sound_of(folder / "overlay.mp4")[2].shape[1] / 48000 == pytest.approx(0.4, abs=0.05)
    summary = json.loads((folder / "summary.json").read_text())
    assert (summary["complete"], summary["frames"]) == (False, 10)


def test_a_second_ctrl_c_stops_at_once_and_leaves_nothing(tmp_path: Path, sightline: Sightline) -> None:
    clip = write_video(tmp_path / "clip.mp4", frames=10)
    assert sightline(clip, "--out", tmp_path / "out", model=Interrupted(after=2, times=2)).code == 130
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("where", ["sightline.results.kinds.write_map", "sightline.video.writer.VideoWriter.write"])
def test_a_full_disk_leaves_nothing(
    tmp_path: Path, sightline: Sightline, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    calls = []

    def full(*_: object) -> None:
        calls.append(0)
        if len(calls) > 2:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(where, full)
    result = sightline(
        write_video(tmp_path / "clip.mp4", frames=9), "--out", tmp_path / "out", "--save", "saliency,overlay"
    )
    assert result.code == 1
    assert "cannot be written at frame 2 (No space left on device); free some space" in result.err
    assert len(result.err.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_a_disk_that_really_is_full(tmp_path: Path, sightline: Sightline) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", disk], capture_output=True).returncode:
        pytest.skip("mounting a small disk is not allowed here")
    try:
        clip = write_video(tmp_path / "clip.mp4", frames=40, size=(240, 320))
        result = sightline(clip, "--out", disk / "out")
        assert result.code == 1
        assert "(No space left on device); free some space" in result.err
        assert names(disk) == []
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def test_a_place_that_cannot_be_written(tmp_path: Path, sightline: Sightline) -> None:
    clip = write_video(tmp_path / "clip.mp4", frames=2)
    (tmp_path / "out").write_text("a file")
    result = sightline(clip, "--out", tmp_path / "out")
    assert (result.code, "a file is where a folder is needed" in result.err) == (1, True)
    assert (tmp_path / "out").read_text() == "a file"


class Broken(BrightestSpot):
    """An unforeseen error comes after `after` frames of a source called `clip`."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.after = after

    def stream(self, clip: Clip, prompt: Prompt) -> Iterator[Frame]:
        for frame in super().stream(clip, prompt):
            if frame.image.shape[0] == 48 and frame.index == self.after:
                raise RuntimeError("a bug")
            yield frame


@pytest.mark.parametrize("after", [0, 7])
def test_an_unforeseen_error_is_told_and_costs_no_more_than_it_must(
    tmp_path: Path, sightline: Sightline, after: int
) -> None:
    bad, good = (
        write_video(tmp_path / "bad.mp4", frames=20, sound_s=0.8),
        write_frames(tmp_path / "good", size=(64, 64)),
    )
    result = sightline(bad, good, "--out", tmp_path / "out", "--json", model=Broken(after))
    assert result.code == 1
    assert [s["status"] for s in result.sources] == ["failed", "done"]
    assert re.match(
        r"\S*bad.mp4: unforeseen RuntimeError in test_predict.py, line \d+: a bug", result.sources[0]["error"]
    )
    assert "Traceback" not in result.err
    folder = tmp_path / "out" / "bad"
    assert folder.exists() == (after > 0)
    if after:
        assert len(list((folder / "masks").iterdir())) == len(list(open_source(folder / "overlay.mp4"))) == after
        summary = json.loads((folder / "summary.json").read_text())
        assert (summary["complete"], summary["frames"]) == (False, 7)
        assert summary["error"] == result.sources[0]["error"]


def test_what_was_left_out_is_told_on_the_screen_and_in_the_summary(tmp_path: Path, sightline: Sightline) -> None:
    clip = zero_packet(write_video(tmp_path / "clip.avi", frames=20, codec="mjpeg", pix_fmt="yuvj420p"), 9)
    result = sightline(clip, "--out", tmp_path / "out", "--json")
    assert (result.code, result.sources[0]["frames"]) == (0, 19)
    (note,) = result.sources[0]["notes"]
    assert re.search(r"clip.avi: 1 frame near 0\.\d+ s cannot be decoded and left out", note)
    assert note in result.err
    assert note in json.loads((tmp_path / "out" / "clip" / "summary.json").read_text())["notes"]


def test_a_missing_file_is_told_before_a_model_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def load(name: str, device: str = "auto") -> BrightestSpot:
        assert "absent.mp4: there is no such file" in capsys.readouterr().err
        return BrightestSpot()

    monkeypatch.setattr("sightline.models.load", load)
    good = write_video(tmp_path / "good.mp4", frames=2)
    with pytest.raises(SystemExit) as stop:
        main(["predict", str(good), str(tmp_path / "absent.mp4"), "--out", str(tmp_path / "out")])
    assert stop.value.code == 1
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["done", "failed"]


def test_a_pattern_that_nothing_fits_does_not_stop_the_others(tmp_path: Path, sightline: Sightline) -> None:
    good = write_video(tmp_path / "good.mp4", frames=2)
    result = sightline(tmp_path / "*.avi", good, "--out", tmp_path / "out")
    assert result.code == 1
    assert [line.split()[0] for line in result.out.splitlines()] == ["failed", "done"]
    assert "*.avi: nothing fits this pattern; check it" in result.err


def test_a_part_keeps_numbers_and_times(tmp_path: Path, sightline: Sightline) -> None:
    clip = write_video(tmp_path / "clip.mp4", frames=50, sound_s=2)
    arguments = (clip, "--out", tmp_path / "out", "--start", "0:00.4", "--end", "1.2", "--every", 5)
    assert sightline(*arguments).code == 0
    folder = tmp_path / "out" / "clip"
    assert sorted(path.name for path in (folder / "masks").iterdir()) == [
        "00010.png",
        "00015.png",
        "00020.png",
        "00025.png",
    ]
    rows = list(csv.DictReader((folder / "hotspots.csv").read_text().splitlines()))
    assert [(row["frame"], float(row["time_s"])) for row in rows] == [
        ("10", 0.4),
        ("15", 0.6),
        ("20", 0.8),
        ("25", 1.0),
    ]
    with open_source(folder / "overlay.mp4") as overlay:
        assert overlay.start_pts == 0
        assert overlay.has_audio
        assert [frame.time_s for frame in overlay] == pytest.approx([0, 0.2, 0.4, 0.6])
    assert sound_of(folder / "overlay.mp4")[2].shape[1] / 48000 == pytest.approx(0.8, abs=0.1)
    assert "complete already" in sightline(*arguments).out
    assert "another run" in sightline(clip, "--out", tmp_path / "out").err


def test_frames_a_second_of_a_folder(tmp_path: Path, sightline: Sightline) -> None:
    folder = write_frames(tmp_path / "frames", range(0, 20, 5))
    assert sightline(folder, "--out", tmp_path / "out", "--fps", 30).code == 0
    rows = list(csv.DictReader((tmp_path / "out" / "frames" / "hotspots.csv").read_text().splitlines()))
    assert [float(row["time_s"]) for row in rows] == pytest.approx([0, 1 / 6, 2 / 6, 3 / 6], abs=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--start", "soon"), "--start soon: seconds are expected"),
        (("--start", "5", "--end", "4"), "--end 4: not after --start 5"),
        (("--start", "1", "--each"), "leave out --each"),
    ],
)
def test_parts_that_are_wrong_usage(tmp_path: Path, sightline: Sightline, arguments: tuple, message: str) -> None:
    result = sightline(write_video(tmp_path / "clip.mp4", frames=2), "--out", tmp_path / "out", *arguments)
    assert (result.code, message in result.err) == (2, True)


def test_a_folder_of_videos_a_pattern_and_the_standard_input(tmp_path: Path, sightline: Sightline) -> None:
    (tmp_path / "clips").mkdir()
    for name in ("a", "b"):
        write_video(tmp_path / "clips" / f"{name}.mp4", frames=2, sound_s=0.1)
    for given in (tmp_path / "clips", tmp_path / "clips" / "*.mp4"):
        result = sightline(given, "--out", tmp_path / "out", "--json", "--overwrite")
        assert [Path(s["output"]).name for s in result.sources] == ["a", "b"]
    before = os.dup(0)
    write_video(tmp_path / "clip.mkv", frames=2, sound_s=0.1)
    try:
        for _ in range(2):  # what comes through a pipe is never taken for the same again
            with (tmp_path / "clip.mkv").open("rb") as file:
                os.dup2(file.fileno(), 0)
            result = sightline("-", "--out", tmp_path / "out", "--json", "--overwrite")
            assert [(s["source"], s["status"], s["frames"]) for s in result.sources] == [("-", "done", 2)]
    finally:
        os.dup2(before, 0)
        os.close(before)
    assert "its sound is left out" in result.err
    assert len(list(open_source(tmp_path / "out" / "stdin" / "overlay.mp4"))) == 2


class TestEach:
    @pytest.fixture
    def photos(self, tmp_path: Path) -> Path:
        folder = tmp_path / "photos"
        folder.mkdir()
        for index, name in enumerate(("cat.jpg", "dog.png", "dog.jpg")):
            Image.fromarray(picture(index, (40 + 10 * index, 60))).save(folder / name)
        return folder

    def test_every_image_is_its_own_source(self, tmp_path: Path, photos: Path, sightline: Sightline) -> None:
        result = sightline(photos, "--each", "--out", tmp_path / "out", "--json")
        assert (result.code, len(result.sources)) == (0, 3)
        stems = ["cat", "dog", "dog-2"]
        kinds = ("masks", "overlay", "probability", "saliency")
        expected = [f"{kind}/{stem}.png" for kind in kinds for stem in stems]
        assert names(tmp_path / "out") == sorted([*expected, "hotspots.csv", "summary.json"])
        assert Image.open(tmp_path / "out" / "saliency" / "dog.png").size == (60, 60)
        rows = list(csv.DictReader((tmp_path / "out" / "hotspots.csv").read_text().splitlines()))
        assert [row["frame"] for row in rows] == stems

    def test_a_broken_image_is_named_and_left_out(self, tmp_path: Path, photos: Path, sightline: Sightline) -> None:
        truncate(photos / "cat.jpg", 0.5)
        result = sightline(photos, "--each", "--out", tmp_path / "out", "--json")
        assert result.code == 1
        assert [s["status"] for s in result.sources] == ["failed", "done", "done"]
        assert f"{photos / 'cat.jpg'}: not an image" in result.err
        assert "saliency/cat.png" not in names(tmp_path / "out")

    def test_a_video_among_them_is_named(self, tmp_path: Path, photos: Path, sightline: Sightline) -> None:
        clip = write_video(tmp_path / "clip.mp4", frames=2)
        result = sightline(photos, clip, "--each", "--out", tmp_path / "out")
        assert (result.code, "clip.mp4: --each takes images" in result.err) == (1, True)
        assert "saliency/cat.png" in names(tmp_path / "out")

    def test_a_second_run_skips_and_another_one_refuses(
        self, tmp_path: Path, photos: Path, sightline: Sightline
    ) -> None:
        sightline(photos, "--each", "--out", tmp_path / "out")
        again = sightline(photos, "--each", "--out", tmp_path / "out", "--json")
        assert {s["status"] for s in again.sources} == {"skipped"}
        (photos / "cat.jpg").unlink()
        result = sightline(photos, "--each", "--out", tmp_path / "out")
        assert (result.code, "another run" in result.err) == (1, True)


def test_nothing_of_a_folder_of_photographs_is_dropped_in_silence(tmp_path: Path, sightline: Sightline) -> None:
    (tmp_path / "photos").mkdir()
    pages = [Image.fromarray(picture(index)) for index in (3, 6)]
    for name in ("a.gif", "b.jp2", "c.tga", "d.jfif", "e.avif"):
        options = {"save_all": True, "append_images": pages[1:]} if name == "a.gif" else {}
        pages[0].save(tmp_path / "photos" / name, format="JPEG" if name == "d.jfif" else None, **options)
    (tmp_path / "photos" / "raw.dng").write_text("no image that is known")
    (tmp_path / "photos" / "broken.jpg").write_text("no image")
    result = sightline(tmp_path / "photos", "--each", "--out", tmp_path / "out", "--save", "saliency", "--json")
    assert result.code == 1
    assert sorted(path.stem for path in (tmp_path / "out" / "saliency").iterdir()) == ["a", "b", "c", "d", "e"]
    assert "1 file that is no image is left out: raw.dng" in result.err
    assert "a.gif: only the first of its 2 pages is read" in result.err
    assert "broken.jpg: not an image that can be read" in result.err


def test_the_program_prints_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no video")
    command = [
        "sightline",
        "predict",
        str(tmp_path / "text.mp4"),
        "--out",
        str(tmp_path / "out"),
        "--model",
        "nonsense",
    ]
    done = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "nonsense" in done.stderr
    assert not (tmp_path / "out").exists()


def test_no_more_frames_are_held_than_fit_in_the_queues(tmp_path: Path, sightline: Sightline) -> None:
    alive: set[int] = set()
    most = []

    class Counts(BrightestSpot):
        def stream(self, clip: Clip, prompt: Prompt) -> Iterator[Frame]:
            for frame in super().stream(clip, prompt):
                alive.add(frame.index)
                weakref.finalize(frame.image, alive.discard, frame.index)
                most.append(len(alive))
                yield frame

    clip = write_video(tmp_path / "clip.mp4", frames=200, size=(16, 16))
    assert sightline(clip, "--out", tmp_path / "out", model=Counts()).code == 0
    assert len(most) == 200
    assert max(most) <= 3 * queue_length((16, 16))


class TwoPass(BrightestSpot):
    """Counts what each pass shows it."""

    looks_ahead = True

    def __init__(self) -> None:
        super().__init__()
        self.passes: list[tuple[str, int]] = []

    def look_ahead(self, clip: Clip) -> None:
        self.passes.append(("first", sum(1 for _ in clip.frames())))

    def stream(self, clip: Clip, prompt: Prompt) -> Iterator[Frame]:
        frames = list(super().stream(clip, prompt))
        self.passes.append(("second", len(frames)))
        yield from frames


def test_a_first_pass_on_request(sightline: Sightline, tmp_path: Path) -> None:
    video = write_video(tmp_path / "clip.mp4", frames=8)
    model = TwoPass()
    assert sightline(video, "--out", tmp_path / "one", model=model).code == 0
    assert sightline(video, "--out", tmp_path / "two", "--two-pass", model=model).code == 0
    assert model.passes == [("second", 8), ("first", 8), ("second", 8)]
    assert sightline(video, "--out", tmp_path / "part", "--two-pass", "--every", 2, "--limit", 3, model=model).code == 0
    assert model.passes[3:] == [("first", 3), ("second", 3)], "of the part that is asked for"
    again = sightline(video, "--out", tmp_path / "two", "--two-pass", "--json", model=model)
    assert again.sources[0]["status"] == "skipped"
    assert len(model.passes) == 5
    other = sightline(video, "--out", tmp_path / "two", model=model)
    assert other.code == 1
    assert "holds results of another run" in other.err, "one pass gives other results"


def test_a_first_pass_that_cannot_be(sightline: Sightline, tmp_path: Path) -> None:
    video = write_video(tmp_path / "clip.mp4", frames=30)
    no_use = sightline(video, "--out", tmp_path / "out", "--two-pass")
    assert no_use.code == 2
    assert "--two-pass" in no_use.err
    assert "makes one pass; leave it out" in no_use.err
    assert not (tmp_path / "out").exists()
    each = sightline(video, "--out", tmp_path / "out", "--two-pass", "--each", model=TwoPass())
    assert each.code == 2
    assert "--two-pass" in each.err
    hurt = zero_packet(write_video(tmp_path / "hurt.avi", frames=20, codec="mjpeg", pix_fmt="yuvj420p"), 9)
    model = TwoPass()
    damaged = sightline(hurt, "--out", tmp_path / "hurt", "--two-pass", "--json", model=model)
    assert (damaged.code, damaged.sources[0]["frames"]) == (0, 19)
    assert model.passes == [("first", 19), ("second", 19)]
    (note,) = damaged.sources[0]["notes"]
    assert "1 frame near" in note, "counted once"
