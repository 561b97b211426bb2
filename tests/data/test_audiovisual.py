"""Composed videos with sound: what is said of them is what is seen and heard."""

from __future__ import annotations

import csv
import json
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sightline.data.audiovisual import RATE, VARIANTS, write
from sightline.data.sounds import write_wav
from sightline.errors import DataError, OutputError, UsageError
from sightline.video import open_source

SIZE = (90, 160)
RED, BLUE = (230, 20, 20), (20, 40, 230)
TONES = {"dog_bark": 600, "cat_meow": 1500, "rain": 3000}


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """Red dogs and blue cats, each with a tone, rain with another, and grey photographs."""
    root = tmp_path_factory.mktemp("sources")
    rows, columns = np.ogrid[:60, :80]
    disc = (rows - 30) ** 2 + (columns - 40) ** 2 < 15**2
    for tag, colour in (("dog", RED), ("cat", BLUE)):
        (root / "objects" / tag).mkdir(parents=True)
        for number in range(2):
            path = root / "objects" / tag / f"{number}.jpg"
            Image.fromarray(np.where(disc[..., None], colour, 90).astype(np.uint8)).save(path, quality=95)
            Image.fromarray(disc.astype(np.uint8) * 255).save(path.with_suffix(".png"))
    for name, hertz in TONES.items():
        (root / "sounds" / name).mkdir(parents=True)
        tone = 0.3 * np.sin(2 * np.pi * hertz * np.arange(2 * 16_000) / 16_000)
        for fold in (1, 4):
            write_wav(root / "sounds" / name / f"{fold}-x.wav", tone.astype(np.float32), 16_000)
    (root / "grounds").mkdir()
    for number in range(3):
        Image.new("RGB", (200, 120), (100 + 10 * number,) * 3).save(root / "grounds" / f"{number}.jpg")
    return root / "objects", root / "sounds", root / "grounds"


@pytest.fixture(scope="module")
def made(sources: tuple[Path, Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("made") / "composites"
    names = write(*sources, 10, out, seed=1, size=SIZE, fps=10, seconds=(1.0, 1.5))
    assert names == [f"composite{number:04d}" for number in range(10)]
    return out


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def tone(samples: np.ndarray) -> float:
    return float(np.abs(np.fft.rfft(samples)).argmax() * RATE / len(samples))


def test_the_shares_are_fixed(made: Path) -> None:
    about = json.loads((made / "composites.json").read_text())
    assert Counter(video["variant"] for video in about["videos"]) == Counter(VARIANTS)
    assert Counter(VARIANTS) == {"single": 3, "distractor": 3, "static": 2, "offscreen": 1, "noise": 1}


def test_the_sound_is_of_what_is_said_to_sound(made: Path) -> None:
    truth = rows_of(made / "truth.csv")
    for video in json.loads((made / "composites.json").read_text())["videos"]:
        with open_source(made / "videos" / video["video"]) as source:
            samples = source.sound(0.1, 0.9, RATE)
        assert samples is not None
        rows = [row for row in truth if row["video"] == video["video"]]
        sounding = {row["tag"] for row in rows if row["sounding"] == "1"}
        silent = {row["tag"] for row in rows if row["sounding"] == "0"}
        expected = {"dog": 600, "cat": 1500}
        if video["variant"] in ("single", "distractor", "static"):
            assert sounding == {video["tag"]}
            assert tone(samples) == pytest.approx(expected[video["tag"]], abs=20)
        else:
            assert sounding == set()
            other = {"dog": "cat", "cat": "dog"}[video["tag"]]
            wanted = expected[other] if video["variant"] == "offscreen" else TONES["rain"]
            assert tone(samples) == pytest.approx(wanted, abs=20)
        assert silent == ({"dog", "cat"} - sounding if len(video["objects"]) == 2 else {video["tag"]} - sounding)


def test_boxes_and_masks_are_where_the_objects_are_seen(made: Path) -> None:
    truth = rows_of(made / "truth.csv")
    colours = {"dog": RED, "cat": BLUE}
    for video in json.loads((made / "composites.json").read_text())["videos"]:
        with open_source(made / "videos" / video["video"]) as source:
            images = [frame.image for frame in source]
        masks = sorted((made / "masks" / Path(video["video"]).stem).iterdir())
        assert len(masks) == len(images)
        assert len(images) in range(10, 16)
        for index in (0, len(images) - 1):
            labels = np.asarray(Image.open(masks[index]))
            for row in (row for row in truth if row["video"] == video["video"] and int(row["frame"]) == index):
                mask = labels == int(row["object"])
                ys, xs = mask.nonzero()
                box = [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]
                assert box == [int(row[key]) for key in ("x1_px", "y1_px", "x2_px", "y2_px")]
                seen = np.abs(images[index].astype(float) - colours[row["tag"]]).max(axis=2) < 90
                assert (seen & mask).sum() > 0.75 * mask.sum()
                assert (seen & ~mask).sum() < 0.2 * mask.sum() + 20


def test_what_stands_still_does_so_on_the_background(made: Path) -> None:
    truth = rows_of(made / "truth.csv")
    for video in json.loads((made / "composites.json").read_text())["videos"]:
        for number, each in enumerate(video["objects"], start=1):
            rows = [row for row in truth if (row["video"], row["object"]) == (video["video"], str(number))]
            assert {row["moving"] for row in rows} == {str(int(each["moving"]))}
            sizes = {int(row["x2_px"]) - int(row["x1_px"]) for row in rows}
            assert each["moving"] == (video["variant"] != "static" or number == 2)
            if not each["moving"]:
                assert max(sizes) - min(sizes) <= 1


def test_a_folder_is_made_again_by_its_seed(sources: tuple[Path, Path, Path], made: Path, tmp_path: Path) -> None:
    for seed in (1, 2):
        write(*sources, 2, tmp_path / str(seed), seed=seed, size=SIZE, fps=10, seconds=(1.0, 1.5))
    assert rows_of(tmp_path / "1" / "tags.csv") == rows_of(made / "tags.csv")[:2]
    same = rows_of(tmp_path / "1" / "truth.csv")
    assert same == rows_of(made / "truth.csv")[: len(same)]
    assert same != rows_of(tmp_path / "2" / "truth.csv")


def test_held_out_parts_stay_out(sources: tuple[Path, Path, Path], tmp_path: Path) -> None:
    options = {"size": SIZE, "fps": 4, "seconds": (1.0, 1.0), "match": "*/1.jpg", "sounds_match": "*/4-*"}
    write(*sources, 10, tmp_path / "out", **options)  # type: ignore[arg-type]
    videos = json.loads((tmp_path / "out" / "composites.json").read_text())["videos"]
    assert {Path(video["sound"]).name for video in videos} == {"4-x.wav"}
    assert {each["name"] for video in videos for each in video["objects"]} == {"dog/1", "cat/1"}


def test_backgrounds_without_tagged_objects_are_preferred(sources: tuple[Path, Path, Path], tmp_path: Path) -> None:
    def shows(image: np.ndarray) -> set[str]:
        return set() if abs(float(image.mean()) - 110) < 2 else {"dog"}

    write(*sources, 6, tmp_path / "out", shows=shows, size=SIZE, fps=4, seconds=(1.0, 1.0))
    videos = json.loads((tmp_path / "out" / "composites.json").read_text())["videos"]
    assert {video["background"] for video in videos} == {"1.jpg"}


def test_one_kind_of_object_has_a_silent_twin(sources: tuple[Path, Path, Path], tmp_path: Path) -> None:
    write(*sources, 2, tmp_path / "out", match="dog/*", size=SIZE, fps=4, seconds=(1.0, 1.0))
    truth = [row for row in rows_of(tmp_path / "out" / "truth.csv") if row["video"] == "composite0001.mp4"]
    assert {(row["object"], row["tag"], row["sounding"]) for row in truth} == {("1", "dog", "1"), ("2", "dog", "0")}


def test_what_is_missing_is_named_and_nothing_is_left_behind(sources: tuple[Path, Path, Path], tmp_path: Path) -> None:
    objects, sounds, grounds = sources
    out = tmp_path / "out"
    with pytest.raises(UsageError, match="`count` is 0"):
        write(objects, sounds, grounds, 0, out)
    with pytest.raises(UsageError, match="`seconds` is"):
        write(objects, sounds, grounds, 1, out, seconds=(3.0, 2.0))
    with pytest.raises(UsageError, match="`fps` is 0"):
        write(objects, sounds, grounds, 1, out, fps=0)
    with pytest.raises(DataError, match=r"no sound for the objects of .* \(cat, dog\) among the classes rain"):
        write(objects, sounds, grounds, 1, out, sounds_match="rain/*")
    with pytest.raises(DataError, match="no photographs; a folder"):
        write(objects, sounds, tmp_path, 1, out)
    with pytest.raises(OutputError, match="something else"):
        write(objects, sounds, grounds, 1, objects)
    assert list(tmp_path.iterdir()) == []


def test_damaged_pictures_and_recordings_are_left_out_and_said(
    sources: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    copies = []
    for source in sources:
        copies.append(tmp_path / source.name)
        shutil.copytree(source, copies[-1])
    (copies[0] / "dog/0.jpg").write_bytes(b"")
    for name in ("dog_bark", "cat_meow", "rain"):
        (copies[1] / name / "1-x.wav").write_bytes(b"none")
    (copies[2] / "0.jpg").write_bytes(b"")
    with pytest.warns(UserWarning, match="left out|no sound|no background") as told:
        write(*copies, 10, tmp_path / "out", size=SIZE, fps=4, seconds=(1.0, 1.0))  # type: ignore[call-arg]
    notes = " ".join(str(each.message) for each in told)
    assert all(text in notes for text in ("dog/0.jpg", "dog_bark/1-x.wav: no sound", "0.jpg: not a picture"))
    videos = json.loads((tmp_path / "out" / "composites.json").read_text())["videos"]
    assert {Path(video["sound"]).name for video in videos} == {"4-x.wav"}
    assert {each["name"] for video in videos for each in video["objects"]} == {"dog/1", "cat/0", "cat/1"}
    for name in ("dog_bark", "cat_meow", "rain"):
        (copies[1] / name / "4-x.wav").write_bytes(b"none")
    with (
        pytest.warns(UserWarning, match="sound|out"),
        pytest.raises(DataError, match="none of its recordings has sound"),
    ):
        write(*copies, 1, tmp_path / "silent", size=SIZE, fps=4, seconds=(1.0, 1.0))  # type: ignore[call-arg]
    assert not (tmp_path / "silent").exists()
