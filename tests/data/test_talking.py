"""Two faces of which one speaks: who, with which sound, and from which video."""

from __future__ import annotations

import csv
import json
import wave
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sightline.data.audiovisual import RATE
from sightline.data.talking import write_talking
from sightline.errors import DataError, UsageError
from sightline.video import VideoWriter, open_source

SIZE = (90, 160)
FPS = 10
FRAMES = 40
COLOURS = {"one": ((200, 30, 30), (30, 160, 30)), "two": ((40, 60, 220), (210, 200, 40))}
HERTZ = {"one": 500, "two": 2000}
OPTIONS = {"size": SIZE, "fps": FPS, "seconds": (1.0, 1.4)}


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two videos of two faces, each a patch of one colour; in each the first speaks, a tone, and the second never."""
    root = tmp_path_factory.mktemp("faces")
    for name, colours in COLOURS.items():
        tone = 0.3 * np.sin(2 * np.pi * HERTZ[name] * np.arange(FRAMES * 1600) / 16_000)
        with wave.open(str(root / "tone.wav"), "wb") as file:
            file.setparams((1, 2, 16_000, 0, "NONE", ""))
            file.writeframes((tone * 32767).astype("<i2").tobytes())
        image = np.full((120, 240, 3), 128, np.uint8)
        for number, colour in enumerate(colours):
            image[5:115, 5 + 120 * number : 115 + 120 * number] = colour
        with VideoWriter(root / f"{name}.mp4", (120, 240), FPS, sound=root / "tone.wav") as writer:
            for _ in range(FRAMES):
                writer.write(image)
        lines = ["frame,face,x1_px,y1_px,x2_px,y2_px,speaking"]
        for frame in range(FRAMES):
            lines += [f"{frame},0,45,35,75,65,1", f"{frame},1,165,35,195,65,0"]
        (root / f"{name}_faces.csv").write_text("\n".join(lines) + "\n")
    (root / "grounds").mkdir()
    Image.new("RGB", (200, 120), (128, 128, 128)).save(root / "grounds" / "a.jpg")
    return root


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_speaker_is_seen_where_the_table_says_and_heard(faces: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_talking(faces, faces / "grounds", 4, out, **OPTIONS)  # type: ignore[arg-type]
    assert {row["tag"] for row in rows_of(out / "tags.csv")} == {"speech"}
    truth = rows_of(out / "truth.csv")
    for video in json.loads((out / "composites.json").read_text())["videos"]:
        with open_source(out / "videos" / video["video"]) as source:
            image, sound = next(iter(source)).image, source.sound(0.1, 0.9, RATE)
        assert sound is not None
        speaker, listener = (each["name"].split(":") for each in video["objects"])
        assert (speaker[1], listener[1]) == ("0", "1")
        hertz = float(np.abs(np.fft.rfft(sound)).argmax() * RATE / len(sound))
        assert hertz == pytest.approx(HERTZ[speaker[0]], abs=20)
        for number, (name, face) in enumerate((speaker, listener), start=1):
            rows = [r for r in truth if (r["video"], r["object"]) == (video["video"], str(number))]
            assert {row["sounding"] for row in rows} == {str(int(number == 1))}
            assert {row["moving"] for row in rows} == {"0"}
            x1, y1, x2, y2 = (int(rows[0][key]) for key in ("x1_px", "y1_px", "x2_px", "y2_px"))
            middle = image[(y1 + y2) // 2, (x1 + x2) // 2].astype(int)
            assert np.abs(middle - COLOURS[name][int(face)]).max() < 40


def test_a_video_left_out_gives_no_crop_and_no_sound(faces: Path, tmp_path: Path) -> None:
    write_talking(faces, faces / "grounds", 3, tmp_path / "out", leave_out=["one"], **OPTIONS)  # type: ignore[arg-type]
    about = json.loads((tmp_path / "out" / "composites.json").read_text())
    assert about["leave_out"] == ["one"]
    text = (tmp_path / "out" / "composites.json").read_text()
    assert '"one:' not in text
    assert "one.mp4" not in text


def test_what_cannot_be_composed_is_said(faces: Path, tmp_path: Path) -> None:
    out, grounds = tmp_path / "out", faces / "grounds"
    with pytest.raises(UsageError, match=r"`leave_out`: no video 'three' in .*; it has one, two"):
        write_talking(faces, grounds, 1, out, leave_out=["three"])
    with pytest.raises(DataError, match="no videos of faces"):
        write_talking(faces, grounds, 1, out, leave_out=["one", "two"])
    with pytest.raises(DataError, match=r"no \d\.\d s found in which one face speaks"):
        write_talking(faces, grounds, 1, out, seconds=(9.0, 9.0))
    with pytest.raises(DataError, match="no videos of faces"):
        write_talking(grounds, grounds, 1, out)
    assert list(tmp_path.iterdir()) == []


def test_a_silent_face_is_one_that_can_speak_where_there_is_one(faces: Path, tmp_path: Path) -> None:
    for name in COLOURS:
        (tmp_path / f"{name}.mp4").write_bytes((faces / f"{name}.mp4").read_bytes())
        lines = (faces / f"{name}_faces.csv").read_text().splitlines()
        # The first face is silent in the first half of video one, the second never speaks.
        if name == "one":
            lines = [line[:-1] + "0" if ",0,45" in line and int(line.split(",")[0]) < 20 else line for line in lines]
        (tmp_path / f"{name}_faces.csv").write_text("\n".join(lines))
    write_talking(tmp_path, faces / "grounds", 8, tmp_path / "out", **OPTIONS)  # type: ignore[arg-type]
    videos = json.loads((tmp_path / "out" / "composites.json").read_text())["videos"]
    pairs = [tuple(each["name"] for each in video["objects"]) for video in videos]
    assert ("two:0", "one:0") in pairs
    assert not {("two:0", "one:1"), ("two:0", "two:1")} & set(pairs)


def test_a_table_that_does_not_fit_its_video_is_named(faces: Path, tmp_path: Path) -> None:
    (tmp_path / "one.mp4").write_bytes((faces / "one.mp4").read_bytes())
    table = tmp_path / "one_faces.csv"
    lines = (faces / "one_faces.csv").read_text().splitlines()
    table.write_text("\n".join([*lines, *(f"{frame},0,45,35,75,65,1" for frame in range(FRAMES, FRAMES + 9))]))
    lonely = [line for line in table.read_text().splitlines() if ",1,165" not in line]
    table.write_text("\n".join(lonely))
    with pytest.raises(DataError, match=r"speaks of 49 frames, one.mp4 has 40"):
        write_talking(tmp_path, faces / "grounds", 1, tmp_path / "out")
    table.write_text("\n".join([lines[0], *lines[5:]]))
    with pytest.raises(DataError, match="no face has a row for every frame"):
        write_talking(tmp_path, faces / "grounds", 1, tmp_path / "out")
    (tmp_path / "one.mp4").unlink()
    with pytest.raises(DataError, match=r"no video one.mp4 beside it"):
        write_talking(tmp_path, faces / "grounds", 1, tmp_path / "out")
