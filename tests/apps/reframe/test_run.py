"""Whole runs on a model that needs no weights: what is left behind, in good and in bad cases."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from hostile.corpus import sound_of, write_video
from hostile.fake_model import BrightestSpot
from sightline.apps.reframe import Reframe, ReframeConfig, reframe
from sightline.apps.reframe.crop import Aspect
from sightline.apps.reframe.tables import read_path
from sightline.apps.reframe.watch import watch
from sightline.errors import OutputError, SourceError, UsageError
from sightline.types import Clip, Frame, Hotspot, Prompt
from sightline.video import Ahead, VideoWriter, open_source

VERTICAL = (Aspect.parse("9:16"),)


def light(path: Path, frames: int = 40, size: tuple[int, int] = (90, 160), sound: Path | None = None) -> Path:
    """A film of a light that walks from left to right and half of the way back."""
    with VideoWriter(path, size, 25.0, sound=sound) as film:
        for number in range(frames):
            share = 1.5 * number / frames
            x = (0.3 + 0.4 * (share if share < 1 else 2 - share)) * size[1]
            across = np.exp(-(((np.arange(size[1]) - x) / 12) ** 2))
            down = np.exp(-(((np.arange(size[0]) - size[0] / 2) / 12) ** 2))
            film.write(np.repeat((30 + 220 * np.outer(down, across)).astype(np.uint8)[..., None], 3, axis=2))
    return path


def frames_of(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as film:
        return [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]


def stamps_of(path: Path) -> list[float]:
    with open_source(path) as source:
        return [frame.time_s for frame in source]


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


class Breaks(BrightestSpot):
    """Fails after some frames."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.after = after

    def stream(self, clip: Clip, prompt: Prompt) -> Iterator[Frame]:
        for number, frame in enumerate(super().stream(clip, prompt)):
            if number == self.after:
                raise RuntimeError("no more")
            yield frame


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return light(tmp_path / "clip.mp4")


def test_a_film_its_path_and_its_lists(clip: Path, tmp_path: Path) -> None:
    job = Reframe(BrightestSpot(), VERTICAL, preview=True)
    (outcome,) = job.over([clip], tmp_path / "out")
    assert (outcome.status, outcome.frames, outcome.error) == ("done", 40, None)
    folder = tmp_path / "out" / "clip"
    assert names(folder) == ["path.csv", "path.edl", "preview.mp4", "reframe.json", "reframed.mp4", "sendcmd.txt"]
    film = frames_of(folder / "reframed.mp4")
    assert len(film) == 40
    assert film[0].shape == (90, 50, 3)
    assert frames_of(folder / "preview.mp4")[0].shape == (90, 160, 3)
    rows = list(read_path(folder / "path.csv"))
    assert [row.frame for row in rows] == list(range(40))
    assert stamps_of(folder / "reframed.mp4") == pytest.approx([row.time_s for row in rows], abs=1e-4)
    for number in (0, 13, 26, 39):
        assert film[number].max() > 200, f"the light is out of view in frame {number}"
    summary = json.loads((folder / "reframe.json").read_text())
    assert summary["complete"]
    assert summary["aspects"][0]["width"] == 50
    assert summary["aspects"][0]["segments"][-1]["last"] == 39
    assert summary["aspects"][0]["ffmpeg"].startswith("ffmpeg -i ")


def test_the_sound_goes_along(tmp_path: Path) -> None:
    write_video(tmp_path / "loud.mp4", frames=30, sound_s=1.2)
    (outcome,) = Reframe(BrightestSpot(), VERTICAL).over([tmp_path / "loud.mp4"], tmp_path / "out")
    assert outcome.status == "done"
    codec, start_s, samples = sound_of(tmp_path / "out" / "loud" / "reframed.mp4")
    assert (codec, start_s, samples.tolist()) == (
        sound_of(tmp_path / "loud.mp4")[0],
        pytest.approx(sound_of(tmp_path / "loud.mp4")[1], abs=1e-3),
        sound_of(tmp_path / "loud.mp4")[2].tolist(),
    )


def test_uneven_times_are_kept(tmp_path: Path) -> None:
    pts = [0, 1, 2, 5, 6, 9, 10, 11, 15, 16]
    source = write_video(tmp_path / "vfr.mp4", frames=10, pts=pts)
    Reframe(BrightestSpot(), VERTICAL).over([source], tmp_path / "out")
    assert stamps_of(tmp_path / "out" / "vfr" / "reframed.mp4") == pytest.approx(stamps_of(source), abs=1e-4)


def test_several_aspects_take_one_look(clip: Path, tmp_path: Path) -> None:
    looks = []

    class Counts(BrightestSpot):
        def stream(self, clip: Clip, prompt: Prompt) -> Iterator[Frame]:
            looks.append(1)
            return super().stream(clip, prompt)

    aspects = tuple(Aspect.parse(text) for text in ("9:16", "1:1", "4:5"))
    (outcome,) = Reframe(Counts(), aspects).over([clip], tmp_path / "out")
    assert outcome.status == "done"
    assert len(looks) == 1
    folder = tmp_path / "out" / "clip"
    assert {frames_of(folder / name / "reframed.mp4")[0].shape[:2] for name in ("9x16", "1x1", "4x5")} == {
        (90, 50),
        (90, 90),
        (90, 72),
    }


def test_the_path_alone(clip: Path, tmp_path: Path) -> None:
    Reframe(BrightestSpot(), VERTICAL, films=False).over([clip], tmp_path / "out")
    assert names(tmp_path / "out" / "clip") == ["path.csv", "path.edl", "reframe.json", "sendcmd.txt"]


def test_a_photograph(tmp_path: Path) -> None:
    picture = np.full((90, 160, 3), 20, np.uint8)
    picture[40:50, 130:140] = 255
    Image.fromarray(picture).save(tmp_path / "photo.png")
    Reframe(BrightestSpot(), VERTICAL).over([tmp_path / "photo.png"], tmp_path / "out")
    with Image.open(tmp_path / "out" / "photo" / "reframed.png") as made:
        assert made.size == (50, 90)
        assert np.asarray(made).max() == 255


def test_a_second_run_skips_and_another_is_in_the_way(clip: Path, tmp_path: Path) -> None:
    job = Reframe(BrightestSpot(), VERTICAL, films=False)
    statuses = [job.over([clip], tmp_path / "out")[0].status for _ in range(2)]
    assert statuses == ["done", "skipped"]
    other = replace(job, zoom=2.0)
    (outcome,) = other.over([clip], tmp_path / "out")
    assert outcome.status == "failed"
    assert "`overwrite`" in str(outcome.error)
    assert replace(other, overwrite=True).over([clip], tmp_path / "out")[0].status == "done"


def test_results_of_predict_beside_it_stay(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "out" / "clip").mkdir(parents=True)
    (tmp_path / "out" / "clip" / "summary.json").write_text("{}")
    Reframe(BrightestSpot(), VERTICAL, films=False).over([clip], tmp_path / "out")
    assert "summary.json" in names(tmp_path / "out" / "clip")


def test_what_was_looked_at_before_an_error_stays(clip: Path, tmp_path: Path) -> None:
    (outcome,) = Reframe(Breaks(5), VERTICAL).over([clip], tmp_path / "out")
    assert outcome.status == "failed"
    assert "no more" in str(outcome.error)
    folder = tmp_path / "out" / "clip"
    rows = list(read_path(folder / "path.csv"))
    assert 9 <= len(rows) < 40  # 5 looks at every second frame
    assert len(frames_of(folder / "reframed.mp4")) == len(rows)
    assert not json.loads((folder / "reframe.json").read_text())["complete"]


def test_an_error_before_any_frame_leaves_nothing(clip: Path, tmp_path: Path) -> None:
    (outcome,) = Reframe(Breaks(0), VERTICAL).over([clip], tmp_path / "out")
    assert outcome.status == "failed"
    assert not (tmp_path / "out").exists()


def test_a_bad_source_stops_no_other(clip: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"no video")
    outcomes = Reframe(BrightestSpot(), VERTICAL, films=False).over([bad, clip], tmp_path / "out")
    assert [outcome.status for outcome in outcomes] == ["failed", "done"]
    assert "bad.mp4" in str(outcomes[0].error)


@pytest.mark.parametrize("after", [10, 60])
def test_stopped_on_request(clip: Path, tmp_path: Path, after: int) -> None:
    """In the first pass after 10 frames, in the second after 20 of 40."""
    steps = []
    job = Reframe(BrightestSpot(), VERTICAL, step=lambda: steps.append(1), stopped=lambda: len(steps) >= after)
    (outcome,) = job.over([clip], tmp_path / "out")
    assert outcome.status == "stopped"
    folder = tmp_path / "out" / "clip"
    assert len(list(read_path(folder / "path.csv"))) == min(after, 40)
    if after > 40:
        assert len(frames_of(folder / "reframed.mp4")) == after - 40
    else:
        assert not (folder / "reframed.mp4").exists()
    assert replace(job, stopped=lambda: False).over([clip], tmp_path / "out")[0].status == "done"


def test_a_part_of_a_video(clip: Path, tmp_path: Path) -> None:
    Reframe(BrightestSpot(), VERTICAL, start_s=0.4, end_s=0.8).over([clip], tmp_path / "out")
    folder = tmp_path / "out" / "clip"
    assert [row.frame for row in read_path(folder / "path.csv")] == list(range(10, 20))
    assert len(frames_of(folder / "reframed.mp4")) == 10


def test_a_model_that_looks_at_some_frames_and_at_each_cut(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "cut.mp4", (48, 64), 25.0) as film:
        for number in range(20):
            film.write(np.full((48, 64, 3), 30 if number < 7 else 220, np.uint8))
    seen = []

    class Notes(BrightestSpot):
        def stream(self, clip: Clip, prompt: Prompt) -> Iterator[Frame]:
            for frame in super().stream(clip, prompt):
                seen.append(frame.index)
                yield frame

    with open_source(tmp_path / "cut.mp4") as source, Ahead(source) as ahead:
        interests = list(watch(ahead, Notes(), ReframeConfig(), every=5))
    assert seen == [0, 5, 7, 12, 17]
    assert [interest.index for interest in interests] == list(range(20))
    assert [interest.index for interest in interests if interest.cut] == [7]
    assert interests[11].grid is interests[7].grid


def test_what_can_be_read_only_once_gives_a_path_alone(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sightline.apps.reframe import run

    def once(given: object, fps: float = 25.0):  # type: ignore[no-untyped-def]
        source = open_source(given, fps=fps)  # type: ignore[arg-type]
        source.once = True
        return source

    monkeypatch.setattr(run, "open_source", once)
    job = Reframe(BrightestSpot(), VERTICAL)
    with pytest.raises(SourceError, match="only once"):
        job.to_folder(clip, tmp_path / "out")
    assert replace(job, films=False).to_folder(clip, tmp_path / "out").status == "done"


def test_wrong_use_is_told(clip: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="`zoom`"):
        Reframe(BrightestSpot(), VERTICAL, zoom=0.5)
    with pytest.raises(UsageError, match="`aspect`"):
        Reframe(BrightestSpot(), (*VERTICAL, *VERTICAL))
    with pytest.raises(UsageError, match="`point`"):
        Reframe(BrightestSpot(), VERTICAL, prompt=Prompt(point=(500.0, 5.0))).to_folder(clip, tmp_path / "out")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file"):
        Reframe(BrightestSpot(), VERTICAL).to_folder(clip, tmp_path / "file" / "out")


def test_memory_does_not_grow_with_the_frames_of_many_shots() -> None:
    from sightline.apps.reframe.interest import Interest
    from sightline.apps.reframe.plan import Planner
    from sightline.apps.reframe.windows import plan_all

    alive = 0

    class Counted(Interest):
        def __init__(self, index: int) -> None:
            nonlocal alive
            alive += 1
            super().__init__(index, index / 25, np.full((9, 16), 1 / 144, np.float32), None, index % 50 == 0)

        def __del__(self) -> None:
            nonlocal alive
            alive -= 1

    most = 0
    for plans in plan_all((Counted(index) for index in range(1000)), [Planner((90, 160), (90, 50), ReframeConfig())]):
        assert len(plans[0].regions) == 50
        most = max(most, alive)
    assert most <= 2 * 50 + 1


class Pointed(BrightestSpot):
    """Attends to the place that it is given, whatever is seen."""

    takes = frozenset({"point"})

    def stream(self, clip: Clip, prompt: Prompt) -> Iterator[Frame]:
        (place,) = prompt.points
        for frame in super().stream(clip, prompt):
            mask = np.zeros(frame.image.shape[:2], np.uint8)
            mask[:, int(place[0]) - 5 : int(place[0]) + 5] = 1
            spot = Hotspot(*place, 0.9)
            yield replace(frame, saliency=mask.astype(np.float32), probability=None, mask=mask, hotspot=spot)


def test_the_function_takes_a_place_and_a_part_of_the_video(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The light walks away from the target, which stays where it was pointed out."""
    film = light(tmp_path / "film.mp4")
    monkeypatch.setattr("sightline.models.load", lambda model, device: Pointed())
    outcome = reframe(film, tmp_path / "out", point=(20, 45), start_s=0.4, end_s=1.0, path_only=True)
    assert (outcome.status, outcome.frames) == ("done", 15)
    assert max(row.x_px for row in read_path(tmp_path / "out" / "path.csv")) < 20
    monkeypatch.setattr("sightline.models.load", lambda model, device: BrightestSpot(("saliency",)))
    with pytest.raises(UsageError, match="point"):
        reframe(film, tmp_path / "not", point=(20, 45))
    assert not (tmp_path / "not").exists()
