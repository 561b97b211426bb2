from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from sightline.cli.app import app
from sightline.errors import UsageError

runner = CliRunner()


def save(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


@pytest.fixture
def davis_root(tmp_path: Path) -> Path:
    for index in range(3):
        save(tmp_path / f"JPEGImages/480p/bear/{index:05d}.jpg", np.zeros((8, 12, 3), np.uint8))
        save(tmp_path / f"Annotations/480p/bear/{index:05d}.png", np.full((8, 12), 255, np.uint8))
    return tmp_path


def test_demo_renders_to_the_path_that_it_prints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sightline.data.synthetic.render_demo", lambda path: Path(path).write_bytes(b"clip"))
    result = runner.invoke(app, ["data", "demo", str(tmp_path / "demo.mp4")])
    assert result.exit_code == 0
    assert result.stdout.strip() == str(tmp_path / "demo.mp4")
    assert (tmp_path / "demo.mp4").read_bytes() == b"clip"


def test_composites_prints_the_folders_that_predict_takes(tmp_path: Path) -> None:
    rows, columns = np.ogrid[:60, :80]
    disc = (rows - 30) ** 2 + (columns - 40) ** 2 < 200
    for number in range(3):
        save(
            tmp_path / f"objects/{number}.jpg",
            np.where(disc[..., None], 220, 40 * number).repeat(3, 2).astype(np.uint8),
        )
        save(tmp_path / f"objects/{number}.png", disc.astype(np.uint8) * 255)
    folder, out = str(tmp_path / "objects"), str(tmp_path / "out")
    arguments = ["--objects", folder, "--backgrounds", folder, "--count", "1", "--frames", "3", "--out", out]
    result = runner.invoke(app, ["data", "composites", *arguments])
    assert result.exit_code == 0
    assert len(list(Path(result.stdout.strip()).iterdir())) == 3


def test_composites_with_sound_have_their_own_layout(tmp_path: Path) -> None:
    from sightline.data.sounds import write_wav

    rows, columns = np.ogrid[:60, :80]
    disc = (rows - 30) ** 2 + (columns - 40) ** 2 < 200
    save(tmp_path / "objects/dog/1.jpg", np.where(disc[..., None], 220, 40).repeat(3, 2).astype(np.uint8))
    save(tmp_path / "objects/dog/1.png", disc.astype(np.uint8) * 255)
    save(tmp_path / "grounds/1.jpg", np.full((60, 80, 3), 90, np.uint8))
    (tmp_path / "sounds/woof").mkdir(parents=True)
    tone = 0.3 * np.sin(np.arange(16_000) / 5).astype(np.float32)
    write_wav(tmp_path / "sounds/woof/1.wav", tone, 16_000)
    folders = [part for name in ("objects", "sounds") for part in (f"--{name}", str(tmp_path / name))]
    more = ["--backgrounds", str(tmp_path / "grounds"), "--count", "1", "--out", str(tmp_path / "out")]
    result = runner.invoke(app, ["data", "composites", *folders, *more])
    assert result.exit_code == 1
    assert "no sound for the objects" in str(result.exception)
    result = runner.invoke(app, ["data", "composites", *folders, *more, "--pair", "dog=woof", "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["videos"] == [str(tmp_path / "out/videos/composite0000.mp4")]
    assert sorted(entry.name for entry in (tmp_path / "out").iterdir()) == [
        "composites.json",
        "masks",
        "tags.csv",
        "truth.csv",
        "videos",
    ]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "`objects`: photographs with masks are needed"),
        (["--objects", "a", "--faces", "b"], "give `faces` instead"),
        (["--faces", "a", "--sounds", "b"], "talking faces have their own"),
        (["--objects", "a", "--sounds", "b", "--frames", "9"], "last 4 to 6 s"),
        (["--objects", "a", "--sounds", "b", "--pair", "dog"], "TAG=CLASS is expected"),
    ],
)
def test_composites_that_contradict_themselves_are_refused(arguments: list[str], reason: str, tmp_path: Path) -> None:
    common = ["--backgrounds", str(tmp_path), "--out", str(tmp_path / "out")]
    result = runner.invoke(app, ["data", "composites", *arguments, *common])
    assert isinstance(result.exception, UsageError)
    assert reason in str(result.exception)


def test_check_says_what_a_whole_folder_holds(davis_root: Path) -> None:
    result = runner.invoke(app, ["data", "check", "davis2016", str(davis_root), "--json"])
    assert result.exit_code == 0
    report = json.loads(result.stdout)
    assert report["holds"] == {"sequences": 1, "frames": 3, "labelled frames": 3}
    assert report["faults"] == []


def test_check_names_every_broken_file(davis_root: Path) -> None:
    (davis_root / "JPEGImages/480p/bear/00000.jpg").write_bytes(b"")
    save(davis_root / "Annotations/480p/bear/00002.png", np.zeros((9, 12), np.uint8))
    result = runner.invoke(app, ["data", "check", "davis2016", str(davis_root)])
    assert result.exit_code == 1
    assert "3 frames" in result.stdout
    first, second = result.stderr.splitlines()
    assert "00000.jpg: not a picture" in first
    assert "00002.png: the mask is 12x9" in second


def test_check_counts_photographs_and_fixations(tmp_path: Path) -> None:
    save(tmp_path / "images/a.jpg", np.zeros((8, 12, 3), np.uint8))
    (tmp_path / "images.csv").write_text("image,original_width_px,original_height_px\na.jpg,24,16\n")
    (tmp_path / "fixations.csv").write_text("image,order,x_px,y_px\na.jpg,2,10,4\na.jpg,3,11,5\n")
    result = runner.invoke(app, ["data", "check", "fixations", str(tmp_path)])
    assert result.exit_code == 0
    assert result.stdout.strip() == f"{tmp_path}: 1 photographs, 2 fixations"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["imagenet", "."], "unknown data set 'imagenet'; one of avad, ave, bsds500"),
        (["duts", ".", "--split", "val"], "duts has no split 'val'; known splits: TR, TE"),
        (["segtrackv2", ".", "--split", "val"], "known splits: none: leave `split` out"),
    ],
)
def test_check_wrong_usage(arguments: list[str], message: str) -> None:
    result = runner.invoke(app, ["data", "check", *arguments])
    assert isinstance(result.exception, UsageError)
    assert message in str(result.exception)


def test_check_counts_fixations_and_scribbles_of_videos(tmp_path: Path) -> None:
    strokes = np.zeros((40, 60), np.uint8)
    strokes[3, 4] = 255
    for index in range(2):
        save(tmp_path / f"bear/Imgs/{index:05d}.png", np.zeros((40, 60, 3), np.uint8))
        for folder in ("gt", "mask", "Fixation_maps"):
            save(tmp_path / f"bear/{folder}/{index:05d}.png", strokes)
    result = runner.invoke(app, ["data", "check", "s-davis", str(tmp_path), "--json"])
    assert result.exit_code == 0
    assert json.loads(result.stdout)["holds"] == {
        "sequences": 1,
        "frames": 2,
        "frames with fixations": 2,
        "frames with scribbles": 2,
    }
    save(tmp_path / "bear/Fixation_maps/00001.png", np.full((40, 60), 255, np.uint8))
    save(tmp_path / "bear/mask/00000.png", np.zeros((4, 6), np.uint8))
    result = runner.invoke(app, ["data", "check", "s-davis", str(tmp_path)])
    assert result.exit_code == 1
    assert [line.split(": ", 1)[1][:12] for line in result.stderr.splitlines()] == ["(4, 6) pixel", "100% of the "]
    result = runner.invoke(app, ["data", "check", "davsod", str(tmp_path)])
    assert "bear: no masks; GT_object_level" in str(result.exception)
    result = runner.invoke(app, ["data", "check", "vos", str(tmp_path), "--fixations", str(tmp_path)])
    assert "`fixations`: vos has its fixations" in str(result.exception)


def test_every_family_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    result = runner.invoke(app, ["data", "list", "--json"])
    rows = {row["name"]: row for row in json.loads(result.stdout)}
    assert rows["duts"] == {
        "name": "duts",
        "title": "DUTS (Wang 2017)",
        "samples": "ImageMask",
        "has": ["masks"],
        "splits": ["TR", "TE"],
        "layout": "DUTS-TR/DUTS-TR-Image/<id>.jpg with DUTS-TR/DUTS-TR-Mask/<id>.png (DUTS-TE alike)",
    }
    shown = runner.invoke(app, ["data", "list"]).stdout
    assert all(f"{name}: " in shown for name in rows)


def test_check_opens_maps_and_scenes(tmp_path: Path) -> None:
    marked = np.zeros((8, 12), np.uint8)
    marked[2, 3] = 255
    for index in range(2):
        save(tmp_path / f"film/fixation/{index:04d}.png", marked)
        save(tmp_path / f"film/maps/{index:04d}.png", marked)
    result = runner.invoke(app, ["data", "check", "dhf1k", str(tmp_path), "--json"])
    assert json.loads(result.stdout)["holds"] == {"stimuli": 1, "frames": 2, "fixations": 2}
    (tmp_path / "film/maps/0001.png").write_bytes(b"")
    result = runner.invoke(app, ["data", "check", "dhf1k", str(tmp_path)])
    assert result.exit_code == 1
    assert "0001.png: not a picture" in result.stderr

    scene = {"width": 12, "height": 8, "boxes_xyxy": [[0, 0, 3, 3], [5, 5, 7, 7]], "labels": [1, -1]}
    scene |= {"gaze_box_index": 0, "gaze_point_xy": [1, 1], "head_point_xy": [6, 6]}
    (tmp_path / "annotations.json").write_text(json.dumps({"a": scene}))
    save(tmp_path / "instances/a.png", np.zeros((8, 13), np.uint8))
    save(tmp_path / "images/a.png", np.zeros((8, 12, 3), np.uint8))
    result = runner.invoke(app, ["data", "check", "goo", str(tmp_path)])
    assert result.stdout.strip() == f"{tmp_path}: 1 pictures, 1 people, 1 gaze targets, 1 objects"
    assert "a.png: (8, 13) pixels" in result.stderr


def test_check_opens_videos_with_tags(tmp_path: Path) -> None:
    from sightline.video import VideoWriter

    (tmp_path / "AVE").mkdir()
    with VideoWriter(tmp_path / "AVE/a.mp4", (16, 16), 5) as writer:
        writer.write(np.zeros((16, 16, 3), np.uint8))
    (tmp_path / "AVE/b.mp4").write_bytes(b"no video")
    (tmp_path / "Annotations.txt").write_text("Cat&a&good&0&10\nGoat&b&good&0&10\nCat&b&good&0&10\n")
    result = runner.invoke(app, ["data", "check", "ave", str(tmp_path), "--json"])
    assert result.exit_code == 1
    report = json.loads(result.stdout)
    assert report["holds"] == {"videos": 2, "tags": 2}
    assert all("b.mp4" in fault for fault in report["faults"])
    assert len(report["faults"]) == 2


def test_what_is_left_out_is_a_note(tmp_path: Path) -> None:
    from sightline.video import VideoWriter

    (tmp_path / "vggsound.csv").write_text("a,1,cat,train\nb,2,dog,train\n")
    (tmp_path / "video").mkdir()
    with VideoWriter(tmp_path / "video/a_000001.mp4", (16, 16), 5) as writer:
        writer.write(np.zeros((16, 16, 3), np.uint8))
    result = runner.invoke(app, ["data", "check", "vggsound", str(tmp_path)])
    assert result.exit_code == 0
    assert result.stderr == f"note: {tmp_path}: 1 of 2 clips are not there and left out\n"
    assert "1 videos, 1 tags" in result.stdout
