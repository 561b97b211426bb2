"""What the functions behind the web page do, without a browser."""

from __future__ import annotations

import base64
import io
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from apps.web_model import Faces, Sociable, offer, render
from hostile.corpus import number_of, write_video
from sightline.apps.web.limits import Limits
from sightline.apps.web.sessions import Sessions
from sightline.apps.web.visits import Told, Visits
from sightline.errors import SourceError, UsageError

Ask = dict[str, Any]


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Sociable:
    made = Sociable()
    offer(monkeypatch, made, Faces())
    monkeypatch.setattr("sightline.apps.web.visits.render_demo", render)
    return made


@pytest.fixture
def visits(model: Sociable, tmp_path: Path) -> Iterator[Visits]:
    uploads = tmp_path / "uploads"
    uploads.mkdir()
    (tmp_path / "visits").mkdir()
    made = Visits(Limits(seconds=5, megabytes=1), "cpu", uploads, Sessions(3600, tmp_path / "visits"))
    yield made
    made.close()


@pytest.fixture
def ask(visits: Visits) -> Ask:
    return {"token": visits.hello({})["token"]}


def uploaded(visits: Visits, name: str, make: Callable[[Path], object]) -> Ask:
    path = visits._uploads / name
    make(path)
    return {"path": str(path), "name": name}


def opened(visits: Visits, ask: Ask, **video: Any) -> Ask:
    return visits.open(ask | uploaded(visits, "clip.mp4", lambda path: write_video(path, **video)))


def ended(visits: Visits, ask: Ask) -> Ask:
    deadline = time.monotonic() + 20
    while (job := visits.status(ask)["job"])["state"] in ("waiting", "running"):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return job


def picture(answer: Ask) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(answer["picture"].partition(",")[2]))))


def test_models_are_offered_by_what_they_are_for(visits: Visits) -> None:
    offered, _ = visits.hello({})["models"]
    assert offered["use"] == "See who looks at what, and who is heard"
    assert offered["gives"] == ("saliency", "probability", "masks", "hotspots", "people", "sound")


def test_an_upload_is_moved_and_its_frames_are_shown(visits: Visits, ask: Ask) -> None:
    told = opened(visits, ask, frames=12)
    assert (told["kind"], told["width"], told["height"], told["frames"]) == ("video", 64, 48, 12)
    assert list(visits._uploads.iterdir()) == []
    deadline = time.monotonic() + 5
    while not visits.status(ask)["media"]["ready"]:
        assert time.monotonic() < deadline
    seen = visits.look(ask | {"frame": 7})
    assert (seen["frame"], seen["time_s"]) == (7, pytest.approx(0.28))
    assert number_of(picture(seen)) == 7


def test_a_run_gives_a_film_layers_and_tables(visits: Visits, ask: Ask, model: Sociable) -> None:
    opened(visits, ask)
    marks = [{"kind": "point", "number": 1, "time_s": 0.2, "x": 20, "y": 10}]
    visits.follow(ask | {"model": "sociable", "marks": marks})
    job = ended(visits, ask)
    assert (job["state"], job["phase"], job["done"]) == ("done", "Looking", 20)
    result = job["result"]
    assert Path(result["film"]).name == "overlay.mp4"
    assert result["layers"] == ["saliency", "masks", "hotspots", "people", "sound"]
    assert result["tables"] == ["people", "sound", "hotspots"]
    assert (model.prompts[0].points, model.prompts[0].at_s) == (((20.0, 10.0),), 0.2)
    table = visits.table(ask | {"name": "people"})
    assert (table["count"], table["rows"][0]["target_x_px"]) == (20, "40.00")
    rows = visits.look(ask | {"frame": 3})["rows"]
    assert (rows["sound"][0]["tag"], rows["hotspots"][0]["x_px"]) == ("voice", "20.00")


@pytest.mark.parametrize(
    ("layer", "inside", "outside"),
    [
        ("hotspots", (slice(5, 16), slice(15, 26)), (slice(30, 48), slice(40, 64))),
        ("people", (slice(2, 18), slice(2, 16)), (slice(0, 48), slice(56, 64))),
        ("sound", (slice(20, 40), slice(8, 60)), (slice(0, 12), slice(0, 64))),
        ("masks", (slice(0, 20), slice(0, 20)), (slice(40, 48), slice(56, 64))),
        ("saliency", (slice(0, 16), slice(0, 16)), (slice(40, 48), slice(56, 64))),
    ],
)
def test_each_layer_is_drawn_where_it_belongs_and_alone(
    visits: Visits, ask: Ask, layer: str, inside: tuple[slice, slice], outside: tuple[slice, slice]
) -> None:
    opened(visits, ask)
    mark = {"kind": "point", "number": 1, "time_s": 0, "x": 20, "y": 10}
    visits.follow(ask | {"model": "sociable", "marks": [mark]})
    ended(visits, ask)
    plain = picture(visits.look(ask | {"frame": 2})).astype(int)
    drawn = picture(visits.look(ask | {"frame": 2, "layers": [layer]})).astype(int)
    assert np.abs(drawn - plain)[inside].max() > 40
    assert np.abs(drawn - plain)[outside].max() < 25


def test_the_mask_of_everything_is_shown_and_a_layer_that_shows_nothing_says_why(visits: Visits, ask: Ask) -> None:
    opened(visits, ask)
    visits.follow(ask | {"model": "faces"})
    result = ended(visits, ask)["result"]
    assert (result["layers"], result["off"]) == (["masks", "objects", "people"], ["sound", "objects"])
    for frame, blank in ((2, {"objects"}), (12, {"objects", "people"})):
        plain = visits.look(ask | {"frame": frame})
        assert set(plain["blank"]) == blank
        for on in ([], ["people"], ["masks"]):  # whatever else is on: a switch changes the picture, or says that not
            before = picture(visits.look(ask | {"frame": frame, "layers": on})).astype(int)
            for layer in {"masks", "objects", "people"} - set(on):
                after = picture(visits.look(ask | {"frame": frame, "layers": [*on, layer]})).astype(int)
                assert (np.abs(after - before).max() > 40) == (layer not in blank)
    with_people = picture(visits.look(ask | {"frame": 2, "layers": ["people", "masks"]})).astype(int)
    for inside in ((slice(34, 46), slice(2, 14)), (slice(34, 46), slice(42, 54))):  # nobody looks at the second one
        assert np.abs(with_people - picture(visits.look(ask | {"frame": 2})))[inside].max() > 40


def test_a_click_finds_the_head_that_is_meant(visits: Visits, ask: Ask) -> None:
    opened(visits, ask)
    for x, y, box in ((9, 9, (4, 4, 14, 16)), (38.5, 14, (40, 8, 50, 20)), (30, 40, None)):
        found = visits.head(ask | {"model": "faces", "frame": 0, "x": x, "y": y})["box"]
        assert found == (None if box is None else pytest.approx(box))
    for wrong in ({"model": "sociable", "x": 1, "y": 1}, {"model": "faces", "x": "left", "y": 1}, {"model": "other"}):
        with pytest.raises(UsageError):
            visits.head(ask | {"frame": 0} | wrong)


def test_heads_of_a_large_picture_are_in_its_own_pixels(visits: Visits, ask: Ask) -> None:
    photo = uploaded(visits, "photo.png", lambda path: Image.new("RGB", (1920, 1080), (60, 90, 20)).save(path))
    visits.open(ask | photo)
    found = visits.head(ask | {"model": "faces", "frame": 0, "x": 18, "y": 18})["box"]  # on the page, half as large
    assert found == pytest.approx((8, 8, 28, 32))


def test_everything_comes_as_one_zip(visits: Visits, ask: Ask) -> None:
    opened(visits, ask, frames=4, sound_s=0.2)
    visits.follow(ask | {"model": "sociable"})
    ended(visits, ask)
    visits.reframe(ask | {"model": "sociable", "aspect": "1:1", "fit": "crop", "zoom": 1})
    made = ended(visits, ask)["result"]
    assert (made["aspect"], Path(made["film"]).name, Path(made["preview"]).name) == (
        "1:1",
        "reframed.mp4",
        "preview.mp4",
    )
    visits.pack(ask)
    packed = ended(visits, ask)["result"]
    assert packed["name"] == "clip-sightline.zip"
    names = zipfile.ZipFile(packed["file"]).namelist()
    assert {"results/clip/overlay.mp4", "results/clip/people.csv", "results/clip/masks/00003.png"} <= set(names)
    assert {"reframed/clip/reframed.mp4", "reframed/clip/path.csv"} <= set(names)
    assert zipfile.ZipFile(packed["file"]).testzip() is None


def test_a_picture_is_looked_at_and_reframed(visits: Visits, ask: Ask) -> None:
    photo = uploaded(visits, "photo.png", lambda path: Image.new("RGB", (90, 60), (60, 90, 20)).save(path))
    told = visits.open(ask | photo)
    assert (told["kind"], told["frames"], visits.status(ask)["media"]["film"]) == (
        "image",
        1,
        str(visits.sessions.get(ask["token"]).media.frame(0)),  # type: ignore[union-attr]
    )
    visits.follow(ask | {"model": "sociable"})
    assert Path(ended(visits, ask)["result"]["film"]).name == "overlay.png"
    plain, drawn = (picture(visits.look(ask | {"layers": layers})) for layers in ([], ["saliency", "people"]))
    assert np.abs(drawn.astype(int) - plain).max() > 40
    visits.reframe(ask | {"model": "sociable", "aspect": "1:1", "fit": "crop"})
    made = ended(visits, ask)["result"]
    assert Image.open(made["film"]).size == (60, 60)


def test_fixations_go_to_a_model_that_takes_them(visits: Visits, ask: Ask, model: Sociable) -> None:
    opened(visits, ask)
    rows = "subject,onset_s,duration_s,x_px,y_px\n1,0.0,0.4,20,10\n2,0.2,0.3,44,30\n"
    told = visits.fixations(ask | uploaded(visits, "seen.csv", lambda path: path.write_text(rows)))
    assert told == {"table": "seen.csv"}
    visits.follow(ask | {"model": "sociable"})
    ended(visits, ask)
    fixations = model.prompts[0].fixations
    assert fixations is not None
    assert fixations[0].tolist() == [[20, 10]]
    visits.fixations(ask)
    visits.follow(ask | {"model": "sociable"})
    assert ended(visits, ask)["state"] == "done"
    assert model.prompts[-1].fixations is None


def test_a_table_that_is_none_is_one_clear_message(visits: Visits, ask: Ask) -> None:
    opened(visits, ask)
    visits.fixations(ask | uploaded(visits, "seen.csv", lambda path: path.write_text("a,b\n1,2\n")))
    visits.follow(ask | {"model": "sociable"})
    job = ended(visits, ask)
    assert job["state"] == "failed"
    assert job["error"].startswith("seen.csv: ")
    assert "/" not in job["error"].partition(":")[0]


def test_a_run_is_stopped_and_what_is_done_is_kept(visits: Visits, ask: Ask, model: Sociable) -> None:
    model.pause_s = 0.05
    opened(visits, ask, frames=100)
    visits.follow(ask | {"model": "sociable"})
    with pytest.raises(UsageError, match="goes on already"):
        visits.follow(ask | {"model": "sociable"})
    while visits.status(ask)["job"]["done"] < 3:
        time.sleep(0.01)
    visits.stop(ask)
    job = ended(visits, ask)
    assert job["state"] == "stopped"
    assert 3 <= job["result"]["frames"] < 100
    assert Path(job["result"]["film"]).is_file()


def test_a_new_file_ends_the_run_on_the_old_one(visits: Visits, ask: Ask, model: Sociable) -> None:
    model.pause_s = 0.05
    opened(visits, ask, frames=100)
    visits.follow(ask | {"model": "sociable"})
    first = visits.sessions.get(ask["token"]).job
    assert first is not None
    opened(visits, ask, frames=5)
    model.pause_s = 0
    visits.follow(ask | {"model": "sociable"})
    assert ended(visits, ask)["result"]["frames"] == 5
    assert first.state == "stopped"


def test_the_demo_clip_is_rendered_once(visits: Visits, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Path] = []
    monkeypatch.setattr("sightline.apps.web.visits.render_demo", lambda path: (made.append(path), render(path)))  # type: ignore[func-returns-value]
    told = [visits.demo({"token": visits.hello({})["token"]}) for _ in range(2)]
    assert [one["frames"] for one in told] == [10, 10]
    assert len(made) == 1


@pytest.mark.parametrize("name", ["../../secret.mp4", "/etc/passwd", "visits"])
def test_only_what_was_uploaded_is_opened(visits: Visits, ask: Ask, tmp_path: Path, name: str) -> None:
    write_video(tmp_path / "secret.mp4")
    path = visits._uploads / name
    with pytest.raises(UsageError, match="was not uploaded here"):
        visits.open(ask | {"path": str(path), "name": "clip.mp4"})
    assert (tmp_path / "secret.mp4").exists()


def test_a_link_out_of_the_uploads_is_not_followed(visits: Visits, ask: Ask, tmp_path: Path) -> None:
    secret = write_video(tmp_path / "secret.mp4")
    (visits._uploads / "link.mp4").symlink_to(secret)
    with pytest.raises(UsageError, match="was not uploaded here"):
        visits.open(ask | {"path": str(visits._uploads / "link.mp4"), "name": "clip.mp4"})


def test_a_bad_file_is_one_message_that_names_it_and_leaves_nothing(visits: Visits, ask: Ask) -> None:
    bad = ask | uploaded(visits, "broken.mp4", lambda path: path.write_bytes(b"\0" * 4000))
    told = Told(visits.open, visits)(bad)
    assert told["error"].startswith("broken.mp4: ")
    assert "\n" not in told["error"]
    assert str(visits.sessions.root) not in told["error"]
    assert [file for file in visits.sessions.root.rglob("*") if file.is_file()] == []
    with pytest.raises(SourceError, match="neither a video nor a picture"):
        visits.open(ask | {"path": "x", "name": "evil.html"})


def test_a_large_file_is_refused(visits: Visits, ask: Ask) -> None:
    big = ask | uploaded(visits, "big.mp4", lambda path: path.write_bytes(b"\0" * 1_100_000))
    with pytest.raises(UsageError, match=r"big\.mp4: larger than 1 MB"):
        visits.open(big)
    assert list(visits._uploads.iterdir()) == []


@pytest.mark.parametrize(
    "marks",
    [
        [{"kind": "point"}],
        [7],
        [{"kind": "circle", "number": 1, "time_s": 0, "x": 1, "y": 1}],
        [{"kind": "point", "number": 1, "time_s": 0, "x": "left", "y": 1}],
        [{"kind": "not", "number": 1, "time_s": 0, "x": 1, "y": 1}],
        [{"kind": "point", "number": 0, "time_s": 0, "x": 1, "y": 1}],
        [{"kind": "point", "number": 1, "time_s": float("nan"), "x": 1, "y": 1}],
        [{"kind": "head", "number": 1, "frame": 0, "x1": 1, "y1": 1, "x2": 5}],
        [{"kind": "head", "number": 1, "frame": 0, "x1": 1, "y1": 1, "x2": 5, "y2": 5}, {"kind": "point"}],
    ],
)
def test_marks_that_are_none_are_refused_before_a_run(visits: Visits, ask: Ask, marks: list[Any]) -> None:
    opened(visits, ask)
    told = Told(visits.follow, visits)(ask | {"model": "sociable", "marks": marks})
    assert told["error"]
    assert "`" not in told["error"]
    assert "job" not in visits.status(ask)


def test_a_mark_outside_of_the_frame_fails_in_plain_words(visits: Visits, ask: Ask) -> None:
    opened(visits, ask)
    mark = {"kind": "point", "number": 1, "time_s": 0, "x": 900, "y": 1}
    visits.follow(ask | {"model": "sociable", "marks": [mark]})
    assert ended(visits, ask)["error"].startswith("clip.mp4: point 900,1 is outside of the 64x48 frames")


@pytest.mark.parametrize(
    "verb", ["look", "follow", "reframe", "pack", "table", "status", "stop", "fixations", "demo", "head"]
)
def test_without_a_visit_nothing_is_told(visits: Visits, verb: str) -> None:
    told = Told(getattr(visits, verb), visits)({"token": "guessed"})
    assert told == {"error": "This visit has ended and its files are gone; load the page again"}


@pytest.mark.parametrize("verb", ["look", "head", "follow", "reframe", "pack"])
def test_with_nothing_open_the_visitor_is_told_so(visits: Visits, ask: Ask, verb: str) -> None:
    with pytest.raises(UsageError, match="Nothing is open"):
        getattr(visits, verb)(ask)
