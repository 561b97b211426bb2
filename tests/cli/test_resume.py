"""A long run that is interrupted goes on inside the video."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hostile.corpus import sound_of, write_frames, write_video
from hostile.fake_model import BrightestSpot
from sightline.cli import main
from sightline.types import Clip, Frame, Prompt
from sightline.video import open_source

FRAMES = 60


class Counts(BrightestSpot):
    """Tells which frames it was given, with which prompt; stops the run with Ctrl-C at frame `stop`."""

    takes = frozenset({"mask"})

    def __init__(self, stop: int | None = None, starts: tuple[int, ...] = ()) -> None:
        super().__init__()
        self.stop, self.starts, self.prompt = stop, starts, Prompt()
        self.seen: list[Any] = []

    def stream(self, clip: Clip, prompt: Prompt) -> Iterator[Frame]:
        self.prompt = prompt
        for frame in super().stream(clip, prompt):
            self.seen.append(frame.index)
            if frame.index == self.stop:
                os.kill(os.getpid(), 2)
            object.__setattr__(frame, "state", "start" if frame.index in (0, *self.starts) else "track")
            yield frame


Predict = Callable[..., None]


@pytest.fixture
def predict(monkeypatch: pytest.MonkeyPatch) -> Predict:
    def run(*args: object, model: BrightestSpot) -> None:
        monkeypatch.setattr("sightline.models.load", lambda name, device="auto": model)
        with pytest.raises(SystemExit):
            main(["predict", *map(str, args)])

    return run


def results(folder: Path) -> dict[str, object]:
    """All that matters of a folder of results."""
    with open_source(folder / "overlay.mp4") as film:
        stamps = [frame.pts * film.time_base for frame in film]
    return {
        **{path.name: path.read_bytes() for path in (folder / "masks").iterdir()},
        **{f"s{path.name}": path.read_bytes() for path in (folder / "saliency").iterdir()},
        "rows": list(csv.reader((folder / "hotspots.csv").read_text().splitlines())),
        "stamps": stamps,
        "entries": sorted(path.name for path in folder.iterdir()),
    }


def differing(out: Path, whole: Path) -> list[str]:
    """What of the results differs, in words that are read where a test fails."""
    ours, right = results(out), results(whole)
    names = sorted(name for name in {*ours, *right} if ours.get(name) != right.get(name))
    return [f"{name}: {str(ours.get(name))[:200]} for {str(right.get(name))[:200]}" for name in names]


@pytest.mark.parametrize("given", ["video", "frames"])
def test_the_results_are_those_of_a_run_in_one_go(tmp_path: Path, predict: Predict, given: str) -> None:
    if given == "video":
        source = write_video(tmp_path / "clip.mp4", frames=FRAMES, pts=range(40, 40 + FRAMES), sound_s=4)
    else:
        source = write_frames(tmp_path / "clip", range(7, 7 + FRAMES))
    predict(source, "--out", tmp_path / "whole", model=Counts())
    first, second, third = Counts(stop=25), Counts(stop=40), Counts()
    for model in (first, second, third):
        predict(source, "--out", tmp_path / "out", model=model)
    assert second.seen[0] == 25
    assert third.seen == list(range(40, FRAMES))
    assert third.prompt.mask is not None
    assert differing(tmp_path / "out" / "clip", tmp_path / "whole" / "clip") == []
    if given == "video":
        tones = [sound_of(tmp_path / name / "clip" / "overlay.mp4")[2] for name in ("whole", "out")]
        np.testing.assert_array_equal(tones[0], tones[1])
    summary = json.loads((tmp_path / "out" / "clip" / "summary.json").read_text())
    assert (summary["complete"], summary["frames"]) == (True, FRAMES)
    assert any("goes on after frame 40" in note for note in summary["notes"])


def test_it_goes_on_where_a_target_was_chosen_anew(tmp_path: Path, predict: Predict) -> None:
    source = write_video(tmp_path / "clip.mp4", frames=FRAMES)
    predict(source, "--out", tmp_path / "out", model=Counts(stop=40, starts=(18, 33)))
    model = Counts(starts=(18, 33))
    predict(source, "--out", tmp_path / "out", model=model)
    assert model.seen == list(range(23, FRAMES))  # ten frames to warm up
    assert model.prompt.kinds == ()
    assert len(list((tmp_path / "out" / "clip" / "masks").iterdir())) == FRAMES


class Prompted(Counts):
    """Its mask is object 1 on the left; object 2, on the right, is there until frame `gone`."""

    takes = frozenset({"point", "not_point", "box", "mask", "at_s", "objects"})

    def __init__(self, stop: int | None = None, gone: int = FRAMES) -> None:
        super().__init__(stop)
        self.gone = gone

    def stream(self, clip: Clip, prompt: Prompt) -> Iterator[Frame]:
        for frame in super().stream(clip, prompt):
            frame.mask[:] = 0
            frame.mask[:, :9] = 1
            frame.mask[:, -9:] = 2 * (frame.index < self.gone)
            yield frame


@pytest.mark.parametrize("gone", [FRAMES, 20])
def test_it_goes_on_with_every_object_that_was_pointed_out(tmp_path: Path, predict: Predict, gone: int) -> None:
    source = write_video(tmp_path / "clip.mp4", frames=FRAMES, fps=25)
    said = ("--point", "3,3", "--object", "point=60,3 at=0.2", "--object", "number=1 not=9,9 at=2.2s")
    predict(source, *said, "--out", tmp_path / "out", model=Prompted(stop=40, gone=gone))
    model = Prompted(gone=gone)
    predict(source, *said, "--out", tmp_path / "out", model=model)
    targets = model.prompt.targets
    if gone == FRAMES:
        assert model.seen == list(range(40, FRAMES))
        assert [[(cue.at_s, cue.places) for cue in cues] for cues in targets.values()] == [
            [(0, ("mask",)), (2.2, ("not_point",))],
            [(0, ("mask",))],
        ]
        assert targets[2][0].mask is not None
        assert targets[2][0].mask[:, -9:].all()
        assert not targets[2][0].mask[:, :-9].any()
    else:  # it is lost where the run stopped: only the start tells what it looks like
        assert model.seen == list(range(FRAMES))
        assert [len(cues) for cues in targets.values()] == [2, 1]
    assert len(list((tmp_path / "out" / "clip" / "masks").iterdir())) == FRAMES


@pytest.mark.parametrize("change", ["limit", "overwrite", "source"])
def test_another_run_begins_anew(tmp_path: Path, predict: Predict, change: str) -> None:
    source = write_video(tmp_path / "clip.mp4", frames=FRAMES)
    predict(source, "--out", tmp_path / "out", model=Counts(stop=30))
    more: tuple[object, ...] = {"limit": ("--limit", 50, "--overwrite"), "overwrite": ("--overwrite",)}.get(change, ())
    if change == "source":
        os.utime(source, (1, 1))
        more = ("--overwrite",)
    model = Counts()
    predict(source, "--out", tmp_path / "out", *more, model=model)
    assert model.seen[0] == 0


KILLED = """
import os, sys
from hostile.fake_model import BrightestSpot
from sightline.cli import main
import sightline.models

class Killed(BrightestSpot):
    def stream(self, clip, prompt):
        for frame in super().stream(clip, prompt):
            if frame.index == 120:
                os._exit(9)
            yield frame

sightline.models.load = lambda name, device="auto": Killed()
main(["predict", *sys.argv[1:]])
"""


def test_a_killed_run_is_gone_on_from(tmp_path: Path, predict: Predict) -> None:
    source = write_video(tmp_path / "clip.mp4", frames=150, sound_s=6)
    arguments = [str(source), "--out", str(tmp_path / "out")]
    done = subprocess.run([sys.executable, "-c", KILLED, *arguments], env={**os.environ, "PYTHONPATH": _path()})
    assert done.returncode == 9
    assert not (tmp_path / "out" / "clip").exists()
    model = BrightestSpot()
    counting = Counts()
    predict(*arguments, model=counting)
    assert 50 < counting.seen[0] < 120
    predict(source, "--out", tmp_path / "whole", model=model)
    assert differing(tmp_path / "out" / "clip", tmp_path / "whole" / "clip") == []
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["clip"]


def _path() -> str:
    return os.pathsep.join(path for path in sys.path if path)
