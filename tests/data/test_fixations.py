"""Fixation tables and what is said of broken ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sightline.data.fixations import read_observed
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


def test_real_tables(shared_data: Path) -> None:
    found = read_observed(shared_data / "image_fixations" / "osie_dev")
    assert len(found) == 350
    points = found["1001"].all()
    height, width = found["1001"].size
    assert len(np.unique(points.subjects)) == 15
    assert (points.xy >= 0).all()
    assert (points.xy < [width, height]).all()
