"""Tables of fixations, whole and frame by frame."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaze import makers
from gaze.makers import SCREEN, truth
from hostile.corpus import write_video
from sightline.errors import DataError
from sightline.gaze import AlignOptions, Setup, Stimulus, by_frame, fixations_by_frame, import_gaze, read_fixations

HEADER = "subject,onset_s,duration_s,x_px,y_px,frame\n"
TIMES = np.arange(40) / 25
TWO = HEADER + "Ann,0.1,0.3,10,20,2\nBen,0.9,0.5,30,40,22\n"


def table(folder: Path, text: str, name: str = "fixations.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_frame_by_frame(tmp_path: Path) -> None:
    found = fixations_by_frame(table(tmp_path, TWO), TIMES, (48, 64))
    assert len(found) == 40
    assert {each.dtype for each in found} == {np.dtype(np.float32)}
    # Ann looks from frame 2 (at 0.08 s, on screen until 0.12) to the one before 0.4 s; Ben from 22 (0.88 s) to 34.
    seen = [index for index, each in enumerate(found) if len(each)]
    assert seen == [*range(2, 10), *range(22, 35)]
    np.testing.assert_array_equal(found[5], [[10, 20]])


def test_an_import_says_the_same_in_every_form(tmp_path: Path) -> None:
    film = write_video(tmp_path / "film.mp4", frames=40, size=(48, 64))
    out = import_gaze(
        [makers.plain(tmp_path, truth())], film, tmp_path / "out", options=AlignOptions(setup=Setup(SCREEN))
    )
    watched = Stimulus.open(film)
    expected = [frame.xy for frame in by_frame(read_fixations(out), watched)]
    for path in (out, out / "fixations.csv", out / "fixations.parquet"):
        with pytest.warns(UserWarning, match="one viewer alone"):
            found = fixations_by_frame(path, watched.frame_times_s, watched.size)
        for ours, theirs in zip(found, expected, strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-4)
    with pytest.raises(DataError, match=r"imported onto a video of 40 frames, this one has 30; give the gaze of this"):
        fixations_by_frame(out / "fixations.csv", watched.frame_times_s[:30])


def test_milliseconds_and_no_frames(tmp_path: Path) -> None:
    found = read_fixations(table(tmp_path, "subject,onset_ms,duration_ms,x_px,y_px\n1,100,300,10,20\n"))
    assert found.to_dicts() == [
        {"subject": "1", "onset_s": 0.1, "duration_s": 0.3, "x_px": 10.0, "y_px": 20.0, "frame": None}
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("subject,onset_s\n1,2\n", "no column duration_s, x_px, y_px; subject, onset_s"),
        (HEADER + "a,0,1,left,2,0\n", "fixations.csv, line 2: x_px is 'left', a number is expected"),
        (HEADER + "a,0,1,1,2,0\na,1,,1,2,0\n", "fixations.csv, line 3: duration_s is '', a number is expected"),
        (HEADER + "a,0,-1,1,2,0\n", "line 2: the fixation lasts no time"),
        (HEADER + "a,0,1e300,1,2,0\n", "line 2: the fixation lasts more than an hour"),
        (HEADER + ",0,1,1,2,0\n", "line 2: the fixation has no subject"),
        ("", "the file is empty"),
    ],
)
def test_tables_that_are_no_fixations(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(DataError) as error:
        read_fixations(table(tmp_path, text))
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_files_that_are_no_tables(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such table; a table of fixations"):
        read_fixations(tmp_path / "none.csv")
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match="the table cannot be read"):
        read_fixations(tmp_path / "a.parquet")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (HEADER, "no fixations in it"),
        ("subject,onset_ms,duration_ms,x_px,y_px\n", "no fixations in it"),
        (TWO + "Ben,20,0.2,30,40,30\n", "fixations go on to 20.0 s, the video ends at 1.6 s"),
        (TWO.replace("0.9,0.5", "1.7,0.2").replace("Ann,0.1", "Ann,1.9"), "no frame of the video has a fixation"),
        (TWO.replace("10,20", "700,20").replace("30,40", "800,20"), "2 of 2 fixations lie outside of the 64x48 frames"),
    ],
)
def test_gaze_of_another_video(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=words):
        fixations_by_frame(table(tmp_path, text), TIMES, (48, 64))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (TWO.replace("Ben", "Ann"), "one viewer alone"),
        (TWO + "Cleo,1.0,0.5,700,40,25\n", "1 of 3 fixations outside of the 64x48 frames left out"),
        (TWO.replace("0.9,0.5", "0.5,0.2"), "fixations end at 0.7 s, the video at 1.6 s"),
    ],
)
def test_what_is_used_with_a_warning(text: str, words: str, tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match=words):
        found = fixations_by_frame(table(tmp_path, text), TIMES, (48, 64))
    assert any(len(each) for each in found)


@given(st.lists(st.tuples(st.floats(0, 1.5), st.floats(0.01, 1.0)), min_size=2, max_size=20))
def test_every_fixation_is_on_the_frames_of_its_time(spans: list[tuple[float, float]]) -> None:
    import tempfile

    rows = [(str(i), onset, length, float(i), 1.0, 0) for i, (onset, length) in enumerate(spans)]
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / "f.parquet"
        pl.DataFrame(rows, schema=HEADER.strip().split(","), orient="row").write_parquet(path)
        found = fixations_by_frame(path, TIMES)
    ends = np.append(TIMES[1:], TIMES[-1] + 0.04)
    for i, (onset, length) in enumerate(spans):
        on = [index for index, each in enumerate(found) if (each[:, 0] == i).any()]
        assert on == [k for k in range(40) if onset < ends[k] and onset + length > TIMES[k]]
