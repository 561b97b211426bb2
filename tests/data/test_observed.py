"""Fixation tables and what is said of broken ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hostile.corpus import write_video
from sightline.data.observed import read_observed
from sightline.errors import DataError

IMAGES = "image,original_width_px,original_height_px\na.jpg,40,30\nb.jpg,20,10\n"
FIXATIONS = (
    "image,subject,order,x_px,y_px,duration_ms\n"
    "b.jpg,2,2,5,5,100\na.jpg,1,1,20,15,100\na.jpg,1,2,3.5,4.5,100\na.jpg,2,2,40,4,100\na.jpg,2,3,39.9,29.9,100\n"
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "images.csv").write_text(IMAGES)
    (tmp_path / "fixations.csv").write_text(FIXATIONS)
    return tmp_path


def test_pictures(root: Path) -> None:
    found = read_observed(root)
    assert list(found) == ["a", "b"]
    assert found["a"].size == (30, 40)
    points = found["a"].at(0)  # without the first fixation and the one at the border
    assert points.xy.tolist() == [[3.5, 4.5], [39.9, 29.9]]
    assert points.subjects.tolist() == ["1", "2"]
    assert len(read_observed(root, first_order=1)["a"].all()) == 3
    assert found["b"].px_per_degree is None


@pytest.mark.parametrize(
    ("table", "old", "new", "message"),
    [
        ("fixations.csv", "3.5", "nan", r"fixations\.csv, line 4: x_px is 'nan', a number is expected"),
        ("fixations.csv", "3.5", "left", r"fixations\.csv, line 4: x_px is 'left'"),
        ("fixations.csv", "x_px,", "x,", r"no column x_px"),
        ("fixations.csv", ",100\na.jpg,1,2", ",100,7\na.jpg,1,2", r"line 3: 7 cells, the first line has 6"),
        ("fixations.csv", "b.jpg,2", "c.jpg,2", r"image 'c\.jpg' is not in images\.csv"),
        ("images.csv", ",30", ",", r"images\.csv, line 2: original_height_px is ''"),
    ],
)
def test_broken_tables_name_the_line(root: Path, table: str, old: str, new: str, message: str) -> None:
    path = root / table
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(DataError, match=message):
        read_observed(root)


def test_a_folder_without_fixations_says_what_is_expected(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no fixations in it; images\.csv with fixations\.csv"):
        read_observed(tmp_path)
    (tmp_path / "x_fixations.csv").write_text("subject,onset_ms,duration_ms,x_px,y_px\n")
    with pytest.raises(DataError, match=r"no video x\.mp4 beside it"):
        read_observed(tmp_path)
    (tmp_path / "x_fixations.csv").unlink()
    (tmp_path / "v" / "fixation").mkdir(parents=True)
    (tmp_path / "v" / "fixation" / "0001.mat").write_bytes(b"not matlab")
    with pytest.raises(DataError, match=r"0001\.mat: not a MATLAB file"):
        read_observed(tmp_path)


def write_import(folder: Path, name: str = "film.mp4", end_s: float | None = 0.16) -> Path:
    """What `sightline gaze import` leaves: four frames of 64x48 at 25 a second, or a picture."""
    folder.mkdir(parents=True)
    said: dict[str, Any] = {"stimulus": {"path": f"/videos/{name}", "size": [48, 64], "end_s": end_s}}
    said["recordings"] = [{"stimulus_px_per_degree": [4.0, 9.0]}]
    (folder / "provenance.json").write_text(json.dumps(said))
    times = [0, 0.04, 0.08, 0.12] if end_s else [0]
    (folder / "frames.csv").write_text("frame,time_s\n" + "".join(f"{k},{t}\n" for k, t in enumerate(times)))
    (folder / "fixations.csv").write_text(
        "subject,onset_s,duration_s,x_px,y_px,frame\nann,0.05,0.05,10.5,20,1\nben,0.13,0.03,30,40,3\n"
    )
    return folder


def test_an_import_of_gaze(tmp_path: Path) -> None:
    folder = write_import(tmp_path / "film")
    for path in (folder, folder / "fixations.csv"):
        (film,) = read_observed(path).values()
        assert (film.name, film.size, film.px_per_degree) == ("film", (48, 64), 6.0)
        assert [film.at(k).subjects.tolist() for k in range(4)] == [[], ["ann"], ["ann"], ["ben"]]
        assert film.at(1).xy.tolist() == [[10.5, 20]]
    write_import(tmp_path / "photo", "photo.jpg", None)
    both = read_observed(tmp_path)
    assert list(both) == ["film", "photo"]
    assert len(both["photo"].at(0)) == 2
    write_import(tmp_path / "again")
    with pytest.raises(DataError, match="film has been imported twice"):
        read_observed(tmp_path)
    (folder / "provenance.json").write_text("{}")
    with pytest.raises(DataError, match=r"provenance.json: cannot be read .*import the recordings again"):
        read_observed(folder)


def test_gaze_after_the_video_is_not_on_its_last_frame(tmp_path: Path) -> None:
    write_video(tmp_path / "v.mp4", frames=4, size=(48, 64))
    rows = "ann,100,40,1,1\nann,150,40,2,2\nann,170,40,3,3\n"
    (tmp_path / "v_fixations.csv").write_text("subject,onset_ms,duration_ms,x_px,y_px\n" + rows)
    video = read_observed(tmp_path)["v"]
    assert [video.at(k).xy[:, 0].tolist() for k in range(4)] == [[], [], [1], [1, 2]]


def test_real_tables(shared_data: Path) -> None:
    found = read_observed(shared_data / "image_fixations" / "osie_dev")
    assert len(found) == 350
    points = found["1001"].all()
    height, width = found["1001"].size
    assert len(np.unique(points.subjects)) == 15
    assert (points.xy >= 0).all()
    assert (points.xy < [width, height]).all()
