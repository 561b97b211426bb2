"""Tables as people and programs write them: units, rows of other things, eyes, validity, names, preambles."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pytest

from sightline.errors import DataError, UsageError
from sightline.gaze import ReadOptions, Recording, inspect, read

ONSETS = (0.20, 0.55, 0.84, 1.13, 1.39, 1.71, 1.94, 2.23)
LENGTHS = (0.31, 0.25, 0.25, 0.22, 0.28, 0.19, 0.25, 0.22)


def write(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]], separator: str = ",") -> Path:
    lines = [separator.join(map(str, row)) for row in (header, *rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def fixations(recording: Recording) -> list[tuple[float, float]]:
    assert recording.events is not None
    own = recording.events.filter(recording.events["kind"] == "fixation")
    return list(zip(own["onset_s"].round(6), own["duration_s"].round(6), strict=True))


@pytest.mark.parametrize(("unit", "name"), [(1, "s"), (1e3, "ms"), (1e6, "us"), (1e9, "ns")])
@pytest.mark.parametrize(
    "names", [("onset", "duration"), ("start", "fixation_duration"), ("CURRENT_FIX_START", "CURRENT_FIX_DURATION")]
)
def test_the_unit_of_fixations_is_found(unit: float, name: str, names: tuple[str, str], tmp_path: Path) -> None:
    rows = [(t * unit, d * unit, 100 + 60 * k, 120) for k, (t, d) in enumerate(zip(ONSETS, LENGTHS, strict=True))]
    (recording,) = read(write(tmp_path / "a.csv", (*names, "x", "y"), rows))
    assert fixations(recording) == list(zip(ONSETS, LENGTHS, strict=True))
    assert recording.notes == (f"times of {names[0]!r} and {names[1]!r} taken as {name}",)


def test_onset_and_end_make_a_duration(tmp_path: Path) -> None:
    rows = [(1000 * t, 1000 * (t + d), 5, 5) for t, d in zip(ONSETS, LENGTHS, strict=True)]
    (recording,) = read(write(tmp_path / "a.csv", ("start", "end", "x", "y"), rows))
    assert fixations(recording) == list(zip(ONSETS, LENGTHS, strict=True))


def test_a_unit_that_is_unsure_is_asked_for(tmp_path: Path) -> None:
    mixed = [(t, 1000 * d, 5, 5) for t, d in zip(ONSETS, LENGTHS, strict=True)]
    path = write(tmp_path / "a.csv", ("onset", "duration", "x", "y"), mixed)
    with pytest.raises(DataError, match=r"a\.csv: the unit of 'onset' and 'duration' is not certain .* `time_unit`"):
        read(path)
    named = write(tmp_path / "b.csv", ("onset_s", "duration_ms", "x", "y"), mixed)
    assert fixations(read(named)[0]) == list(zip(ONSETS, LENGTHS, strict=True))
    given = write(tmp_path / "c.csv", ("onset", "duration", "x", "y"), [(1, 30_000, 5, 5), (30_005, 300, 6, 6)])
    with pytest.raises(DataError, match="not certain"):
        read(given)
    (recording,) = read(given, options=ReadOptions(time_unit="ms"))
    assert fixations(recording) == [(0.001, 30.0), (30.005, 0.3)]
    with pytest.raises(UsageError, match="`time_unit` 'min': choose one of s, ms, us, ns"):
        read(given, options=ReadOptions(time_unit="min"))


def test_times_of_one_unit_and_durations_of_another(tmp_path: Path) -> None:
    rows = [(1000 * t, d, 5, 5) for t, d in zip(ONSETS, LENGTHS, strict=True)]
    (recording,) = read(write(tmp_path / "a.csv", ("timestamp", "duration_s", "x", "y"), rows))
    assert fixations(recording) == list(zip(ONSETS, LENGTHS, strict=True))
    assert recording.notes == ("times of 'timestamp' taken as ms",)


def test_several_viewers_do_not_hide_the_unit(tmp_path: Path) -> None:
    rows = [(who, 1000 * t, 1000 * d, 5, 5) for t, d in zip(ONSETS, LENGTHS, strict=True) for who in ("a", "b", "c")]
    found = read(write(tmp_path / "a.csv", ("subject", "onset", "duration", "x", "y"), rows))
    assert [fixations(one) for one in found] == [list(zip(ONSETS, LENGTHS, strict=True))] * 3


@pytest.mark.parametrize(
    ("column", "words"),
    [("label", ("fixation", "saccade", "blink")), ("event_type", ("FIX", "SACC", "BLINK")),
     ("trial_type", ("fixation", "saccade", "blink")), ("Category", ("Visual Intake", "Saccade", "Blink"))],
)  # fmt: skip
def test_rows_of_saccades_and_blinks_are_no_fixations(column: str, words: Sequence[str], tmp_path: Path) -> None:
    fix, sacc, blink = words
    rows = [(fix, 200, 310, 100, 120), (sacc, 510, 80, 130, 130), (fix, 590, 250, 160, 140), (sacc, 840, 70, 190, 150),
            (blink, 910, 150, 0, 0), (fix, 1060, 220, 220, 160)]  # fmt: skip
    (recording,) = read(write(tmp_path / "e.csv", (column, "onset_ms", "duration_ms", "x", "y"), rows))
    assert fixations(recording) == [(0.2, 0.31), (0.59, 0.25), (1.06, 0.22)]
    named = ReadOptions(columns={"event": "what"})
    other = write(tmp_path / "f.csv", ("what", "onset_ms", "duration_ms", "x", "y"), rows)
    assert fixations(read(other, options=named)[0]) == [(0.2, 0.31), (0.59, 0.25), (1.06, 0.22)]


def test_numbers_of_rows_are_no_viewers(tmp_path: Path) -> None:
    rows = [(k, 1000 * t, 1000 * d, 5, 5) for k, (t, d) in enumerate(zip(ONSETS, LENGTHS, strict=True))]
    (recording,) = read(write(tmp_path / "e.csv", ("id", "onset", "duration", "x", "y"), rows))
    assert (recording.subject, len(fixations(recording))) == ("", 8)


def test_labels_of_something_else_are_no_events(tmp_path: Path) -> None:
    rows = [("face", 200, 310, 5, 5), ("text", 550, 250, 5, 5)]
    (recording,) = read(write(tmp_path / "e.csv", ("label", "onset_ms", "duration_ms", "x", "y"), rows))
    assert len(fixations(recording)) == 2


def test_each_eye_has_its_own_fixations(tmp_path: Path) -> None:
    rows = [(e, 1000 * t + 5 * (e == "R"), 1000 * d, x, 5) for e, x in (("L", 10), ("R", 20)) for t, d in
            list(zip(ONSETS, LENGTHS, strict=True))[: 8 if e == "R" else 7]]  # fmt: skip
    (recording,) = read(write(tmp_path / "e.csv", ("eye", "onset", "duration", "x", "y"), rows))
    assert recording.events is not None
    assert set(recording.eyes) == {"left", "right"}
    assert recording.events["eye"].value_counts(sort=True).rows() == [("right", 8), ("left", 7)]
    assert "fixations of left and right eyes" in recording.notes[-1]


def test_fixations_that_are_not_valid_are_left_out(tmp_path: Path) -> None:
    rows = [(200, 310, 10, 10, 1, 0.9), (550, 250, 0, 0, 0, 0.9), (840, 250, 20, 20, 1, 0.2), (1130, 220, 30, 30, 1, 1)]
    header = ("onset_ms", "duration_ms", "x", "y", "valid", "confidence")
    (recording,) = read(write(tmp_path / "e.csv", header, rows))
    assert fixations(recording) == [(0.2, 0.31), (1.13, 0.22)]


def test_times_and_durations_may_be_of_samples_or_of_fixations(tmp_path: Path) -> None:
    one = write(
        tmp_path / "fixations_named_samples.csv", ("time", "x", "y", "duration"), [(200, 5, 5, 310), (550, 6, 6, 250)]
    )
    (recording,) = read(one)
    assert (len(recording.time_s), fixations(recording)) == (0, [(0.2, 0.31), (0.55, 0.25)])
    rows = [(4 * k, 5, 5, 200 if k < 50 else 240, 0 if k < 50 else 200) for k in range(110)]
    two = write(tmp_path / "fixations.csv", ("time", "x", "y", "duration", "onset"), rows)
    (recording,) = read(two)
    assert (len(recording.time_s), recording.interval_s) == (110, pytest.approx(0.004))


def test_zero_zero_is_lost_where_the_tracker_says_so(tmp_path: Path) -> None:
    rows = [(17 * k, *((0, 0, 1) if 20 <= k < 28 else (400, 300, 7))) for k in range(60)]
    (recording,) = read(write(tmp_path / "e.csv", ("time", "x", "y", "state"), rows))
    assert np.isnan(recording.eyes["both"][:, 0]).sum() == 8
    corner = write(tmp_path / "c.csv", ("time", "x", "y"), [(4 * k, 0, 0) for k in range(9)])
    assert not np.isnan(read(corner)[0].eyes["both"]).any()  # nothing says that it is lost


@pytest.mark.parametrize(
    ("values", "lost"),
    [(("Valid", "Invalid"), True), (("1", "0"), True), (("True", "False"), True), (("0", "4"), True)],
)
def test_validity_in_any_words(values: tuple[str, str], lost: bool, tmp_path: Path) -> None:
    rows = [(4 * k, 9, 9, values[0]) if k % 5 else (4 * k, "", "", values[1]) for k in range(50)]
    (recording,) = read(write(tmp_path / "e.csv", ("time_ms", "x", "y", "validity"), rows))
    assert (np.isnan(recording.eyes["both"][:, 0]).sum() == 10) == lost


def test_codes_from_0_to_4_are_tobiis(tmp_path: Path) -> None:
    rows = [(4 * k, 9, 9, (0, 0, 1, 2, 4)[k % 5]) for k in range(50)]
    (recording,) = read(write(tmp_path / "e.csv", ("time_ms", "x", "y", "validity"), rows))
    assert np.isnan(recording.eyes["both"][:, 0]).sum() == 20


def test_a_rate_in_whole_milliseconds_is_the_mean(tmp_path: Path) -> None:
    rows = [(round(1000 * k / 60), 5, 5) for k in range(120)]
    (found,) = inspect(write(tmp_path / "e.csv", ("time_ms", "x", "y"), rows))
    assert found.rate_hz == pytest.approx(60, rel=1e-3)


def test_eyes_in_rows_of_their_own_and_side_by_side(tmp_path: Path) -> None:
    rows = [(4 * k, eye, x, 5) for k in range(20) for eye, x in (("L", 10), ("R", 14))]
    (long,) = read(write(tmp_path / "long.csv", ("time_ms", "eye", "x", "y"), rows))
    wide = write(
        tmp_path / "wide.csv",
        ("time_ms", "left_gaze_x", "left_gaze_y", "right_gaze_x", "right_gaze_y"),
        [(4 * k, 10, 5, 14, 5) for k in range(20)],
    )
    for recording in (long, *read(wide)):
        assert {eye: xy.mean(axis=0).tolist() for eye, xy in recording.eyes.items()} == {
            "left": [10, 5], "right": [14, 5]
        }  # fmt: skip
        assert len(recording.time_s) == 20


def test_data_viewers_report(tmp_path: Path) -> None:
    header = ("RECORDING_SESSION_LABEL", "TRIAL_INDEX", "CURRENT_FIX_START", "CURRENT_FIX_END", "CURRENT_FIX_DURATION")
    rows = [("p01", 1, 200, 509, 310, 100.5, 120, "a.png"), ("p01", 1, 550, 799, 250, 160.5, 140, "a.png"),
            ("p01", 2, 12, 311, 300, 9, 9, "b.png")]  # fmt: skip
    one, two = read(write(tmp_path / "r.xls", (*header, "CURRENT_FIX_X", "CURRENT_FIX_Y", "image"), rows, "\t"))
    assert (one.subject, one.trial, one.stimuli, one.space) == ("p01", "1", ("a.png",), "display")
    assert fixations(one) == [(0.2, 0.31), (0.55, 0.25)]
    assert (two.trial, two.stimuli) == ("2", ("b.png",))


def test_begazes_event_statistics(tmp_path: Path) -> None:
    header = ("Participant", "Stimulus", "Category", "Event Start Trial Time [ms]", "Event Duration [ms]",
              "Fixation Position X [px]", "Fixation Position Y [px]", "Eye L/R")  # fmt: skip
    rows = [
        ("A", "a.png", "Fixation", "10.5", "300", "100", "90", "Left"),
        ("A", "a.png", "Saccade", "310.5", "40", "-", "-", "Left"),
    ]
    (recording,) = read(write(tmp_path / "r.txt", header, rows, "\t"))
    assert (recording.subject, recording.trial, list(recording.eyes)) == ("A", "a.png", ["left"])
    assert fixations(recording) == [(0.0105, 0.3)]


def test_columns_of_webcams(tmp_path: Path) -> None:
    rows = [(33 * k + 5, 400.5, 300.25, 0.9) for k in range(30)]
    gorilla = write(tmp_path / "g.csv", ("time_elapsed", "x_pred", "y_pred", "face_conf"), rows)
    labvanced = write(
        tmp_path / "l.csv",
        ("Rec_Session_Id", "Trial_Nr", "T", "X", "Y", "C"),
        [("s1", 1, 1.7e12 + t, x, y, c) for t, x, y, c in rows],
    )
    for path, who in ((gorilla, ""), (labvanced, "s1")):
        (recording,) = read(path)
        assert (recording.subject, len(recording.time_s)) == (who, 30)
        assert recording.interval_s == pytest.approx(0.033)
        assert recording.eyes["both"][0].tolist() == [400.5, 300.25]


def test_webgazer_in_a_jspsych_table(tmp_path: Path) -> None:
    path = tmp_path / "jspsych.csv"
    samples = [{"x": 400 + k, "y": 300, "t": 30 * k} for k in range(20)]
    cell = json.dumps(samples).replace('"', '""')
    path.write_text(
        '"trial_type","stimulus","subject","webgazer_data"\n'
        f'"image-keyboard-response","img/a.png","p7","{cell}"\n"html","","p7",""\n'
    )
    (recording,) = read(path)
    assert (recording.format, recording.subject, recording.trial) == ("webgazer", "p7", "img/a.png")
    np.testing.assert_allclose(recording.time_s, np.arange(20) * 0.03)
    assert recording.eyes["both"][3].tolist() == [403, 300]
    path.write_text('"webgazer_data"\n"[{""x"": 1}]"\n')
    with pytest.raises(DataError, match=r"jspsych\.csv, line 2: no list of x, y and t"):
        read(path)


def test_trials_with_clocks_of_their_own(tmp_path: Path) -> None:
    rows = [(trial, 20 * k, 5, 5) for trial in ("one", "two") for k in range(10)]
    one, two = read(write(tmp_path / "e.csv", ("trial", "time_ms", "x", "y"), rows))
    np.testing.assert_allclose(one.time_s, two.time_s)


def test_a_date_is_no_time(tmp_path: Path) -> None:
    rows = [(f"2024-01-01 10:00:00.{k:03d}", 17 * k, 5, 5) for k in range(9)]
    (recording,) = read(write(tmp_path / "e.tsv", ("timestamp", "time", "x", "y"), rows, "\t"))
    assert recording.time_s[1] == pytest.approx(0.017)


def test_a_preamble_before_the_header(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("Export of my tracker\nversion: 3\n\ntime_ms;x;y\n0;1,5;2\n4;1,5;2\n")
    (recording,) = read(path)
    assert recording.eyes["both"][0].tolist() == [1.5, 2]
    assert recording.lines is not None
    assert recording.lines.tolist() == [5, 6]


def test_latin_1_beyond_the_head(tmp_path: Path) -> None:
    rows = "".join(f"{4 * k},1,2,{'x' * 40}\n" for k in range(2000))
    path = tmp_path / "a.csv"
    path.write_bytes(f"time_ms,x,y,trial\n{rows}".encode() + "8000,1,2,Müller\n".encode("latin-1"))
    assert read(path)[-1].trial == "Müller"


def test_gzipped_tables(tmp_path: Path) -> None:
    plain = write(tmp_path / "a.csv", ("time_ms", "x", "y"), [(4 * k, 5, 6) for k in range(9)])
    zipped = tmp_path / "b.csv.gz"
    zipped.write_bytes(gzip.compress(plain.read_bytes()))
    assert len(read(zipped)[0].time_s) == 9


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"SR_RESEARCH\x00\x01", "an EyeLink EDF file; convert it with SR Research's edf2asc"),
        (b"PK\x03\x04zzz", "a zip archive or an Excel workbook"),
        (b"\x89HDF\r\n\x1a\n000", "an HDF5 file"),
    ],
)
def test_what_is_no_text_is_named(content: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "a.dat"
    path.write_bytes(content)
    with pytest.raises(DataError, match=words):
        read(path)


def test_parts_of_exports_are_named(tmp_path: Path) -> None:
    header = ("id", "start_timestamp", "duration", "start_frame_index", "norm_pos_x", "norm_pos_y")
    path = write(tmp_path / "fixations.csv", header, [(1, 1000.1, 300, 3, 0.5, 0.5)])
    with pytest.raises(DataError, match=r"Pupil Core's fixations alone; give the gaze_positions\.csv beside them"):
        read(path)


def test_no_export_is_near_by_one_common_column(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", ("Time", "apples", "pears"), [(1, 2, 3)])
    with pytest.raises(DataError, match="no export of a known eye tracker"):
        read(path)
