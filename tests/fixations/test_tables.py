"""Tables of fixations in text."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from sightline.errors import DataError
from sightline.fixations import fixations_by_frame, read_columns, read_fixations

HEADER = "subject,onset_s,duration_s,x_px,y_px\n"


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_seconds_or_milliseconds(tmp_path: Path) -> None:
    for name, row in (("s", "ann,0.12,0.25,31.5,20"), ("ms", "ann,120,250,31.5,20")):
        table = f"subject,onset_{name},duration_{name},x_px,y_px\n{row}\n"
        found = read_fixations(write(tmp_path / "f.csv", table))
        assert found.onset_s.tolist() == pytest.approx([0.12])
        assert found.duration_s.tolist() == pytest.approx([0.25])
        assert found.points.xy.tolist() == [[31.5, 20]]
        assert found.points.subjects.tolist() == ["ann"]


@pytest.mark.parametrize(
    "data",
    [
        HEADER + "a b,0.5,1,2.5,3\n",
        "\ufeff" + HEADER.replace(",", ";").replace("\n", "\r\n") + "a b;0,5;1;2,5;3\r\n",
        HEADER.replace(",", "\t") + "\n" + "a b\t0.5\t1\t2,5\t3\n",
        (HEADER + '"a b",0.5,1,2.5,3').encode("utf-16"),
        gzip.compress((HEADER + "a b,0.5,1,2.5,3\n").encode(), mtime=0),
        "y_px,other,x_px,duration_s,onset_s,subject\n3,?,2.5,1,0.5,a b\n",
    ],
)
def test_any_delimiter_encoding_and_order(data: str | bytes, tmp_path: Path) -> None:
    found = read_fixations(write(tmp_path / "f.csv", data))
    assert (found.onset_s.tolist(), found.duration_s.tolist()) == ([0.5], [1])
    assert (found.points.xy.tolist(), found.points.subjects.tolist()) == ([[2.5, 3]], ["a b"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "f.csv: the file is empty; a table of fixations"),
        ("subject,onset_s\n1,2\n", "no column duration_s, x_px, y_px; subject, onset_s"),
        (HEADER + "a,0,1,left,2\n", "f.csv, line 2: x_px is 'left', a number is expected; mend or drop the line"),
        (HEADER + "\na,0,1,1,2\n\na,1,inf,1,2\n", "f.csv, line 5: duration_s is 'inf'"),
        (HEADER + "a,0,1,2\n", "f.csv, line 2: 4 cells, the first line has 5"),
        (HEADER + "a,0,1,1,2\na,1,0,1,2\n", "f.csv, line 3: the fixation lasts no time"),
        (HEADER + " ,0,1,1,2\n", "f.csv, line 2: the fixation has no subject"),
        (b"\x80\x81\x82", "f.csv: the table cannot be read"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str | bytes, words: str, tmp_path: Path) -> None:
    with pytest.raises(DataError) as error:
        read_fixations(write(tmp_path / "f.csv", text))
    assert words in str(error.value)


def test_a_missing_table_says_what_is_expected(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.csv: no such table; a table of fixations, with subject, onset_s"):
        read_fixations(tmp_path / "none.csv")
    with pytest.raises(DataError, match=r"none\.csv: no such table; sizes is expected"):
        read_columns(tmp_path / "none.csv", ["x"], expected="sizes")


def test_a_header_alone_is_an_empty_table(tmp_path: Path) -> None:
    path = write(tmp_path / "f.csv", HEADER)
    assert len(read_fixations(path)) == 0
    with pytest.raises(DataError, match="no fixations in it"):
        fixations_by_frame(path, [0.0, 0.04])


def test_optional_columns(tmp_path: Path) -> None:
    table = read_columns(write(tmp_path / "f.csv", "a,b\n1,x\n2,y\n"), ["a"], ["b"], ["c"])
    assert table.numbers.keys() == {"a"}
    assert table.text["b"].tolist() == ["x", "y"]
    assert table.lines.tolist() == [2, 3]


def test_a_fixation_that_begins_after_the_video_is_on_no_frame(tmp_path: Path) -> None:
    rows = "ann,0.10,0.04,1,1\nben,0.15,0.04,2,2\nben,0.17,0.04,3,3\n"
    found = fixations_by_frame(write(tmp_path / "f.csv", HEADER + rows), [0.0, 0.04, 0.08, 0.12])
    assert [frame[:, 0].tolist() for frame in found] == [[], [], [1], [1, 2]]


def test_frame_times_must_increase(tmp_path: Path) -> None:
    path = write(tmp_path / "f.csv", HEADER + "ann,0,1,1,1\n")
    for times in ([], [0.0, 0.0]):
        with pytest.raises(ValueError, match="frame times must increase"):
            fixations_by_frame(path, times)


@pytest.mark.parametrize(
    ("scale", "names"), [(1, "onset,duration"), (1000, "onset,duration"), (1, "onset_s,duration_s")]
)
def test_the_unit_of_times_is_found_where_no_name_says_it(scale: float, names: str, tmp_path: Path) -> None:
    times = ((0.2, 0.31), (0.55, 0.25), (0.84, 0.25))
    rows = [f"{who},{t * scale},{d * scale},5,6" for who in ("ann", "ben") for t, d in times]
    path = tmp_path / "fixations.csv"
    path.write_text("\n".join([f"subject,{names},x,y", *rows]) + "\n")
    found = read_fixations(path)
    np.testing.assert_allclose(found.onset_s, [t for t, _ in times] * 2)
    np.testing.assert_allclose(found.duration_s, [d for _, d in times] * 2)
    path.write_text("subject,onset,duration,x,y\nann,0.2,310,5,6\nann,0.55,250,5,6\n")
    with pytest.raises(DataError, match="the unit of onset and duration is not certain"):
        read_fixations(path)


def test_rows_of_saccades_and_blinks_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text(
        "subject,event,onset_ms,duration_ms,x,y\nann,fixation,200,310,5,6\nann,saccade,510,80,,\n"
        "ann,blink,590,150,0,0\nann,fixation,740,220,7,8\n"
    )
    assert read_fixations(path).points.xy.tolist() == [[5, 6], [7, 8]]


def test_rows_of_a_second_eye_are_left_out(tmp_path: Path) -> None:
    """Binocular reports have a row an eye; each fixation counts once, of the eye that a subject has more of."""
    rows = [
        ("a", "L", 200, 10),
        ("a", "R", 202, 11),
        ("a", "R", 552, 21),
        ("b", "LEFT", 100, 30),
        ("b", "RIGHT", 101, 31),
    ]
    text = "".join(f"{who},{eye},{onset},250,{x},5\n" for who, eye, onset, x in rows)
    found = read_fixations(write(tmp_path / "both.csv", "subject,eye,onset,duration,x,y\n" + text))
    assert found.points.subjects.tolist() == ["a", "a", "b"]
    assert found.points.xy[:, 0].tolist() == [11, 21, 30]
    assert found.onset_s.tolist() == pytest.approx([0.202, 0.552, 0.1])


@pytest.mark.parametrize(("good", "bad"), [("1", "0"), ("0", "1"), ("true", "False"), ("7", "1")])
def test_rows_that_are_invalid_are_left_out(good: str, bad: str, tmp_path: Path) -> None:
    rows = f"a,0,300,40,30,{good}\na,320,200,0,0,{bad}\na,540,250,60,20,{good}\n"
    found = read_fixations(write(tmp_path / "t.csv", "subject,onset_ms,duration_ms,x_px,y_px,validity\n" + rows))
    assert found.points.xy.tolist() == [[40, 30], [60, 20]]
    assert found.onset_s.tolist() == [0, 0.54]
