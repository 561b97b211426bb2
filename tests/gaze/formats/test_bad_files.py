"""Files that cannot be used are refused in one line that names the file, the place and the mend."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gaze import makers
from gaze.makers import Truth, truth
from sightline.errors import DataError, SightlineError, UsageError
from sightline.gaze import ReadOptions, read


@pytest.fixture(scope="module")
def known() -> Truth:
    return truth()


def refused(path: Path, words: str, error: type[SightlineError] = DataError, **options: object) -> str:
    with pytest.raises(error) as caught:
        read(path, **options)  # type: ignore[arg-type]
    message = str(caught.value)
    assert words in message
    assert "\n" not in message
    return message


def edit(path: Path, change: Callable[[str], str]) -> Path:
    path.write_text(change(path.read_text()))
    return path


def test_truncated_asc(known: Truth, tmp_path: Path) -> None:
    path = edit(makers.eyelink(tmp_path, known), lambda text: text[: len(text) // 2].rsplit("\n", 1)[0] + "\n")
    message = refused(path, "has no END: the file is cut short")
    assert "s1.asc, line " in message
    (recording,) = read(path, options=ReadOptions(lenient=True))
    np.testing.assert_allclose(recording.time_s, known.time_s[: len(recording.time_s)], atol=1e-6)
    assert 10 < len(recording.time_s) < len(known.time_s)


def test_asc_cut_in_the_middle_of_a_line(known: Truth, tmp_path: Path) -> None:
    path = makers.eyelink(tmp_path, known)
    lines = path.read_text().splitlines()
    at = next(i for i in range(60, len(lines)) if lines[i][0].isdigit())
    lines[at] = lines[at][:9]
    path.write_text("\n".join(lines))
    refused(path, f"s1.asc, line {at + 1}: {lines[at]!r} is no sample of 1 eye")


def test_asc_cut_between_its_trials(known: Truth, tmp_path: Path) -> None:
    path = edit(makers.eyelink(tmp_path, known), lambda text: text + "MSG\t9000000 TRIAL_RES")
    refused(path, f"s1.asc, line {len(path.read_text().splitlines())}: the file stops in the middle of a line")
    assert len(read(path, options=ReadOptions(lenient=True))[0].time_s) == len(known.time_s)
    whole = edit(path, lambda text: text[: text.rindex("MSG")].rstrip("\n"))
    assert len(read(whole)[0].time_s) == len(known.time_s)  # an editor took the last newline


def test_lenient_leaves_out_the_line_that_was_cut(known: Truth, tmp_path: Path) -> None:
    path = makers.eyelink(tmp_path, known)
    text = path.read_text()
    path.write_text(text[: text.index("1000156\t") + 12])
    (recording,) = read(path, options=ReadOptions(lenient=True))
    assert recording.time_s[-1] == pytest.approx(0.152)


def test_asc_without_a_calibration(known: Truth, tmp_path: Path) -> None:
    path = makers.eyelink(tmp_path, known)
    path.write_text("".join(s for s in path.read_text().splitlines(True) if "CAL" not in s))
    refused(path, "samples without any calibration before them")
    (recording,) = read(path, options=ReadOptions(lenient=True))
    assert recording.notes == ("no calibration on record",)
    assert recording.declared.calibrated is False


def test_asc_of_raw_positions(known: Truth, tmp_path: Path) -> None:
    path = edit(makers.eyelink(tmp_path, known), lambda text: text.replace("SAMPLES\tGAZE", "SAMPLES\tHREF"))
    refused(path, "no calibrated gaze but HREF or raw pupil")


def test_asc_with_a_damaged_description(known: Truth, tmp_path: Path) -> None:
    path = edit(makers.eyelink(tmp_path, known), lambda text: text.replace("GAZE_COORDS 0.00", "GAZE_COORDS nought"))
    refused(path, "the description of the recording is damaged")


def test_asc_with_a_damaged_event(known: Truth, tmp_path: Path) -> None:
    path = edit(makers.eyelink(tmp_path, known), lambda text: text.replace("EFIX L   1000000", "EFIX L   1000,000", 1))
    refused(path, "is no complete event")


@pytest.mark.parametrize(
    ("maker", "column", "export"),
    [
        ("tobii", "Gaze point X [DACS px]", "Tobii Pro Lab .tsv, but 'Gaze point X'"),
        ("pupil-core", "norm_pos_y", "Pupil Core gaze_positions.csv, but 'norm_pos_y'"),
        ("pupil-neon", "gaze x [px]", "Pupil Labs Neon or Invisible gaze.csv, but 'gaze x [px]'"),
        ("gazepoint", "FPOGX", "Gazepoint CSV, but 'FPOGX'"),
    ],
)
def test_the_nearest_export_is_named(maker: str, column: str, export: str, known: Truth, tmp_path: Path) -> None:
    path = edit(makers.MAKERS[maker](tmp_path, known), lambda text: text.replace(column, "something else", 1))
    message = refused(path, f"the nearest known export is {export} is missing")
    assert "line 1" in message
    refused(path, "needs the columns", format=maker)


def test_a_table_of_something_else(tmp_path: Path) -> None:
    path = tmp_path / "shopping.csv"
    path.write_text("apples,pears\n1,2\n")
    refused(path, "no export of a known eye tracker (apples, pears); give `format`")


def test_published_sets_are_no_recordings(tmp_path: Path) -> None:
    table = tmp_path / "set" / "fixations.csv"
    table.parent.mkdir()
    table.write_text("image,subject,order,x_px,y_px,duration_ms\na.jpg,1,1,5,5,200\n")
    (table.parent / "images.csv").write_text("image,original_width_px,original_height_px,width_px,height_px\n")
    points = tmp_path / "test_annotations.txt"
    points.write_text("test2/00000000/00000000.jpg,1,0,0,50,50,0.5,0.5,0.3,0.4,0,0,50,50,test\n")
    (tmp_path / "fixations.mat").write_bytes(b"MATLAB 5.0 MAT-file\x00")
    for path, source in (
        (table, table.parent),
        (table.parent, table.parent),
        (points, points),
        (tmp_path / "fixations.mat", tmp_path / "fixations.mat"),
    ):
        assert str(path) in refused(path, f"`sightline gaze ceiling {source}`")


def test_unknown_format(known: Truth, tmp_path: Path) -> None:
    refused(makers.plain(tmp_path, known), "choose one of eyelink, smi-events", UsageError, format="edf")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (b"\x00\x01EDF\x00\x00", "a binary file; export the recording as text"),
        (b"time,x,y\n", "a header but no rows"),
        (b"\x1f\x8b\x08cut short", "cannot be read"),
    ],
)
def test_files_that_hold_nothing(content: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    refused(path, words)


def test_no_file(tmp_path: Path) -> None:
    refused(tmp_path / "none.asc", "no such file")
    refused(tmp_path, "no gaze.csv, gaze_positions.csv or gazedata.gz in this folder")


def test_a_cell_that_is_no_number(known: Truth, tmp_path: Path) -> None:
    path = makers.plain(tmp_path, known)
    lines = path.read_text().splitlines()
    lines[7] = "Anna,24.000,left,300.0,fixation"
    path.write_text("\n".join(lines))
    refused(path, "a.csv, line 8: 'x' is 'left', a number is expected".replace("a.csv", "samples.csv"))


def test_time_that_goes_back(known: Truth, tmp_path: Path) -> None:
    path = makers.plain(tmp_path, known)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines, *lines[1:20]]))
    refused(path, f"line {len(lines) + 1}: time does not go on")


def test_unknown_rate(known: Truth, tmp_path: Path) -> None:
    path = makers.plain(tmp_path, known)
    path.write_text("\n".join(path.read_text().splitlines()[:2]))
    (recording,) = read(path)
    with pytest.raises(DataError, match="line 2: 1 gaze samples, so the sampling rate is unknown"):
        _ = recording.interval_s


def test_tobii_in_millimetres_only(known: Truth, tmp_path: Path) -> None:
    path = edit(makers.tobii(tmp_path, known), lambda text: text.replace("[DACS px]", "[DACS mm]"))
    refused(path, "no gaze samples in pixels; export")


def test_glasses_cut_short(known: Truth, tmp_path: Path) -> None:
    path = makers.tobii_glasses(tmp_path, known)
    path.write_bytes(path.read_bytes()[:-200])
    refused(path, "cannot be read (Compressed file ended")
    path.write_bytes(gzip.compress(b'{"type": "gaze", "timestamp": 0.1, "data": {}}\n{"type": "gaze"}\n'))
    refused(path, "gazedata.gz, line 2: no gaze object")


def test_bids_without_its_sidecar(known: Truth, tmp_path: Path) -> None:
    path = makers.bids(tmp_path, known)
    sidecar = path.with_name(path.name.replace(".tsv.gz", ".json"))
    text = sidecar.read_text()
    sidecar.write_text(text.replace('"pixel"', '"degree"'))
    refused(path, "x_coordinate is in 'degree'; pixels of the screen are needed")
    sidecar.write_text(text.replace("gaze-on-screen", "gaze-in-world"))
    refused(path, "SampleCoordinateSystem is 'gaze-in-world'")
    sidecar.write_text(text[:-5])
    refused(path, "the sidecar is no JSON")
    sidecar.unlink()
    refused(path, "no JSON sidecar that names its Columns")


def test_neon_without_times(known: Truth, tmp_path: Path) -> None:
    path = makers.pupil_neon(tmp_path, known)
    lines = path.read_text().splitlines()
    cells = lines[3].split(",")
    lines[3] = ",".join([*cells[:2], "", *cells[3:]])
    path.write_text("\n".join(lines))
    refused(path, "line 4: 'timestamp [ns]' is empty")


def test_arrays_are_never_unpickled(known: Truth, tmp_path: Path) -> None:
    path = makers.pupil_core(tmp_path, known)
    (tmp_path / "world_timestamps.csv").unlink()
    np.save(tmp_path / "world_timestamps.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    refused(path, "world_timestamps.npy: no array of times")


@pytest.mark.parametrize(
    ("maker", "changes", "words"),
    [
        ("eyelink", {"GAZE_COORDS 0.00": "GAZE_COORDS -inf"}, "the screen is inf x"),
        ("smi", {"Calibration Area:\t": "Calibration Area:\t" + "9" * 400}, "pixels, which is no size"),
        ("smi", {"L POR Y": "L POR Z", "R POR X": "R POR Z"}, "no eye that has both x and y"),
        ("pupil-core", {"342391.250000000": "inf"}, "'gaze_timestamp' is empty or no time"),
    ],
)
def test_numbers_that_cannot_be(maker: str, changes: dict[str, str], words: str, known: Truth, tmp_path: Path) -> None:
    path = makers.MAKERS[maker](tmp_path, known)
    for old, new in changes.items():
        assert old in path.read_text()
        edit(path, lambda text, old=old, new=new: text.replace(old, new))  # type: ignore[misc]
    refused(path, words)


@pytest.mark.parametrize(
    ("maker", "old", "new"),
    [
        ("eyelink", "\nSAMPLES", "\n \t\nSAMPLES"),
        ("eyelink", "\tTRACKING", ".3\tTRACKING"),
        ("smi", "Time\tType", "TIME\tType"),
        ("smi", "L POR X [px]\tL POR Y [px]", "l por x [PX]\tl por y [PX]"),
    ],
)
def test_damage_that_harms_nothing(maker: str, old: str, new: str, known: Truth, tmp_path: Path) -> None:
    """A line of blanks, a rate that is no number, names in other letters' case."""
    path = makers.MAKERS[maker](tmp_path, known)
    whole = read(path)
    assert old in path.read_text()
    found = read(edit(path, lambda text: text.replace(old, new)))
    assert [len(each.time_s) for each in found] == [len(each.time_s) for each in whole]
    assert [set(each.eyes) for each in found] == [set(each.eyes) for each in whole]


def test_asc_whose_start_is_indented_and_has_no_end(known: Truth, tmp_path: Path) -> None:
    def change(text: str) -> str:
        start = next(line for line in text.split("\n") if line.startswith("START"))
        kept = "\n".join(line for line in text.split("\n") if not line.startswith("END"))
        return kept.replace(start, f" {start}\n{start}", 1)

    path = edit(makers.eyelink(tmp_path, known), change)
    assert read(path, options=ReadOptions(lenient=True))


def test_trials_that_are_named_where_nothing_is_recorded(known: Truth, tmp_path: Path) -> None:
    path = edit(makers.eyelink(tmp_path, known), lambda text: text + "MSG\t9999998 over\nMSG\t9999999 over\n")
    refused(path, "stand where nothing is recorded", options=ReadOptions(trial_message="^over$"))


def test_frames_of_the_scene_without_times(known: Truth, tmp_path: Path) -> None:
    path = makers.pupil_core(tmp_path, known)
    edit(tmp_path / "world_timestamps.csv", lambda text: text.replace("342391.250000000", "inf"))
    refused(path, "world_timestamps.csv: no list of times")
    (tmp_path / "world_timestamps.csv").unlink()
    np.save(tmp_path / "world_timestamps.npy", np.zeros((2, 3)))
    refused(path, "world_timestamps.npy: no list of times")


def test_logs_of_messages_alone(tmp_path: Path) -> None:
    path = tmp_path / "log.tsv"
    path.write_text("timestamp\ttime\tfix\tstate\tavgx\tavgy\nMSG\t10:00\t5170\timage_on\t\t\n")
    refused(path, "messages alone and no samples")


def test_a_trial_of_webgazer_without_samples(tmp_path: Path) -> None:
    path = tmp_path / "jspsych.csv"
    path.write_text('"subject","webgazer_data"\n"p7","[ ]"\n"p7","[{""x"": 1, ""y"": 2, ""t"": 3}]"\n')
    (recording,) = read(path)
    assert recording.eyes["both"].tolist() == [[1, 2]]
    path.write_text('"webgazer_data"\n"[ ]"\n')
    refused(path, "no trial with gaze samples")
