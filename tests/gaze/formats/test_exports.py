"""Exports that makers' programs write beside the usual ones: surfaces, events alone, old versions, logs."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gaze import makers
from gaze.makers import truth
from hostile.corpus import write_video
from sightline.errors import DataError
from sightline.gaze import AlignOptions, Recording, Setup, import_gaze, inspect, read, read_fixations
from sightline.gaze.events import of_eye
from sightline.gaze.formats import read_together

WIDE = AlignOptions(setup=Setup((768, 1024)))


def write(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]], separator: str = ",") -> Path:
    lines = [separator.join(map(str, row)) for row in (header, *rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def picture(folder: Path, name: str = "img.png", size: tuple[int, int] = (1024, 768)) -> Path:
    Image.new("RGB", size, (90, 120, 90)).save(folder / name)
    return folder / name


def fixations(recording: Recording, eye: str = "both") -> list[tuple[float, float]]:
    assert recording.events is not None
    own = of_eye(recording.events, eye)
    own = own.filter(own["kind"] == "fixation")
    return list(zip(own["onset_s"].round(4), own["duration_s"].round(4), strict=True))


def test_eyetribe_log_of_pygaze(tmp_path: Path) -> None:
    header = ("timestamp", "time", "fix", "state", "rawx", "rawy", "avgx", "avgy", "psize")
    rows: list[Sequence[object]] = []
    for k in range(60):
        x, y, state = (0, 0, 1) if 24 <= k < 32 else (400, 300, 7) if k < 28 else (800, 500, 7)
        rows.append((f"2024-01-01 10:00:00.{k:03d}", 5000 + 17 * k, "True", state, x, y, x, y, 20.1))
        if k == 4:
            rows.append(("MSG", "2024-01-01 10:00:00.300", 5170, "image_on", "dog.png"))
    (recording,) = read(write(tmp_path / "log.tsv", header, rows, "\t"))
    assert (recording.format, len(recording.time_s)) == ("eyetribe", 60)
    assert np.isnan(recording.eyes["both"][:, 0]).sum() == 8
    assert [(m.text, round(m.time_s, 3), m.line) for m in recording.messages] == [("image_on dog.png", 0.17, 7)]


GAZEPOINT = ("MEDIA_ID", "MEDIA_NAME", "CNT", "TIME(2024/01/01 10:00:00.000)", "FPOGX", "FPOGY", "FPOGS",
             "FPOGD", "FPOGID", "FPOGV")  # fmt: skip


@pytest.mark.parametrize("name", ["P1_all_gaze.csv", "renamed.csv"])
@pytest.mark.parametrize("whole", [True, False])
def test_gazepoints_own_onsets(whole: bool, name: str, tmp_path: Path) -> None:
    """A file of samples repeats a fixation while it grows, a file of fixations has its last row alone."""
    rows, last = [], {}
    for number, (start, end, x) in enumerate(((0.0, 19, 0.25), (22 / 60, 37, 0.75)), start=1):
        for k in range(round(start * 60), end + 1):
            row = (0, "img", k, f"{k / 60:.5f}", x, 0.5, f"{start:.5f}", f"{k / 60 - start:.5f}", number, 1)
            rows.append(row)
            last[number] = row
    path = write(tmp_path / name, GAZEPOINT, rows if whole else last.values())
    table = read_fixations(import_gaze([path], picture(tmp_path), tmp_path / "out", options=WIDE))
    np.testing.assert_allclose(table["onset_s"], [0, 22 / 60], atol=1e-4)
    np.testing.assert_allclose(table["duration_s"], [19 / 60, 15 / 60], atol=1e-4)
    np.testing.assert_allclose(table["x_px"], [256, 768])
    assert len(read(path)[0].time_s) == (len(rows) if whole else 0)


def test_begaze_calls_fixations_visual_intakes(tmp_path: Path) -> None:
    header = ("RecordingTime [ms]", "Stimulus", "Participant", "Category Binocular", "Category Left", "Category Right",
              "Point of Regard Left X [px]", "Point of Regard Left Y [px]", "Point of Regard Right X [px]",
              "Point of Regard Right Y [px]")  # fmt: skip
    rows = [
        (f"{2000 + 1000 * k / 60:.2f}", "img.png", "P01", "-",
         *("Visual Intake" if k < n else "Saccade" for n in (24, 12)),
         300, 300, 310, 300) for k in range(50)
    ]  # fmt: skip
    (recording,) = read(write(tmp_path / "raw.csv", header, rows))
    assert fixations(recording, "left") == [(0.0, pytest.approx(0.4, abs=1e-3))]
    assert fixations(recording, "right") == [(0.0, pytest.approx(0.2, abs=1e-3))]
    assert fixations(recording, "mean") == fixations(recording, "left")


@pytest.mark.parametrize("separator", ["\t", ","])
def test_smi_events_alone(separator: str, tmp_path: Path) -> None:
    lines = [["[BeGaze]"], ["Subject:", "S01"], ["Sample Rate:", "60"], ["Calibration Area:", "1680", "1050"], [],
             ["Table Header for Fixations:"],
             ["Event Type", "Trial", "Number", "Start", "End", "Duration", "Location X", "Location Y"], [],
             ["Table Header for User Events:"], ["Event Type", "Trial", "Number", "Start", "Description"], [],
             ["UserEvent", "1", "1", "1000000", "# Message: img.png"],
             ["Fixation L", "1", "1", "1010000", "1310000", "300000", "400.5", "300.2"],
             ["Fixation R", "1", "1", "1010000", "1290000", "280000", "404.5", "300.2"],
             ["Saccade L", "1", "1", "1310000", "1350000", "40000", "400", "300", "700", "500"],
             ["Fixation L", "1", "2", "1350000", "1750000", "400000", "700.1", "500.9"],
             ["Fixation L", "2", "1", "3000000", "3300000", "300000", "10", "10"]]  # fmt: skip
    path = tmp_path / "events.txt"
    path.write_text("\n".join(separator.join(line) for line in lines) + "\n")
    one, two = read(path)
    assert (one.format, one.subject, one.stimuli) == ("smi-events", "S01", ("img.png",))
    assert one.declared.screen_px == (1050, 1680)
    assert fixations(one, "left") == [(0, 0.3), (0.34, 0.4)]
    assert fixations(one, "right") == [(0, 0.28)]
    assert (one.messages[0].time_s, two.start_s) == (pytest.approx(-0.01), pytest.approx(1.99))
    path.write_text(path.read_text().replace("3000000", "now"))
    with pytest.raises(DataError, match=r"events\.txt, line 17: no complete fixation"):
        read(path)


STUDIO = ("ParticipantName", "MediaName", "RecordingTimestamp", "MouseEvent", "KeyPressEvent", "StudioEvent",
          "FixationIndex", "GazeEventType", "GazeEventDuration", "GazePointX (ADCSpx)",
          "GazePointY (ADCSpx)")  # fmt: skip


@pytest.mark.parametrize("validity", [True, False])
def test_rows_of_mouse_and_keys_are_no_samples(validity: bool, tmp_path: Path) -> None:
    rows: list[Sequence[object]] = []
    for k in range(36):
        index = 1 if k < 18 else 2
        lost = k == 20
        rows.append(("Bob", "img.png", 1000 + round(1000 * k / 60), "", "", "", index, "Fixation", 300,
                     *(("", "") if lost else (300, 300)), *((4 if lost else 0,) * 2)))  # fmt: skip
        if k % 2:
            event = ("Left", "", "") if k % 4 == 1 else ("", "Space", "")
            rows.append(("Bob", "img.png", 1008 + round(1000 * k / 60), *event, index, "Fixation", 300, "", "", "", ""))
    header = (*STUDIO, *(("ValidityLeft", "ValidityRight") if validity else ("a", "b")))
    (found,) = inspect(write(tmp_path / "export.tsv", header, rows, "\t"))
    assert (found.samples, found.rate_hz) == (36, pytest.approx(60, rel=1e-2))
    assert found.eyes == {"both": pytest.approx(35 / 36)}
    assert found.events == {"fixation": 2}


def test_tobii_studio_2_with_its_preamble(tmp_path: Path) -> None:
    header = ("Timestamp", "Number", "GazePointXLeft", "GazePointYLeft", "ValidityLeft", "GazePointXRight",
              "GazePointYRight", "ValidityRight", "FixationIndex", "GazePointX", "GazePointY", "Event")  # fmt: skip
    rows = [(17 * k, k, 400, 300, 0, 402, 302, 0, "" if k == 12 else 1 + (k > 12), 401, 301, "") for k in range(24)]
    path = write(tmp_path / "all.tsv", header, rows, "\t")
    path.write_text(
        "System Properties:\nOperating System:\t Win\n\nData properties:\nParticipant:\tEve\n"
        "Recording resolution:\t 1280 x 1024\n\n" + path.read_text()
    )
    (recording,) = read(path)
    assert (recording.format, recording.subject, len(recording.time_s)) == ("tobii", "Eve", 24)
    assert recording.declared.screen_px == (1024, 1280)
    assert {eye: xy[0].tolist() for eye, xy in recording.eyes.items()} == {
        "both": [401, 301], "left": [400, 300], "right": [402, 302]
    }  # fmt: skip
    assert fixations(recording) == [(0, 0.204), (0.221, 0.187)]
    assert recording.lines is not None
    assert recording.lines[0] == 9


def bids_eye(folder: Path, number: int, eye: str, x: float, late: int = 0) -> Path:
    name = f"sub-01_task-view_recording-eye{number}_physio"
    with gzip.open(folder / f"{name}.tsv.gz", "wt") as stream:
        for k in range(60):
            stream.write(f"{5000 + late + 20 * k}\t{x + 500 * (k >= 30)}\t300\t900\n")
    (folder / f"{name}.json").write_text(json.dumps({"RecordedEye": eye}))
    shared = {"Columns": ["timestamp", "x_coordinate", "y_coordinate", "pupil_size"], "SamplingFrequency": 50,
              "timestamp": {"Units": "ms"}}  # fmt: skip
    (folder / "task-view_physio.json").write_text(json.dumps(shared))
    return folder / f"{name}.tsv.gz"


def test_bids_keeps_each_eye_in_a_file(tmp_path: Path) -> None:
    paths = [bids_eye(tmp_path, 1, "left", 200), bids_eye(tmp_path, 2, "right", 206, late=40)]
    ((path, (recording,)),) = read_together(paths)
    assert path == paths[0]
    assert set(recording.eyes) == {"left", "right"}
    assert len(recording.time_s) == 62  # the right eye began and ended 40 ms later
    assert np.isnan(recording.eyes["right"][:, 0]).sum() == np.isnan(recording.eyes["left"][:, 0]).sum() == 2
    np.testing.assert_allclose(
        np.nanmean(recording.eyes["right"] - recording.eyes["left"], axis=0), [6 - 500 * 2 / 58, 0]
    )
    (tmp_path / "sub-01_task-view_recording-eye2_physio.json").write_text('{"RecordedEye": "left"}')
    with pytest.raises(DataError, match="its RecordedEye is left, as in"):
        list(read_together(paths))


def test_a_mean_of_bids_eyes_is_imported(tmp_path: Path) -> None:
    paths = [bids_eye(tmp_path, 1, "left", 200), bids_eye(tmp_path, 2, "right", 206)]
    options = AlignOptions(eye="mean", setup=Setup((768, 1024), (30.0, 38.0), 60.0))
    table = read_fixations(import_gaze(paths, picture(tmp_path), tmp_path / "out", options=options))
    assert table["subject"].unique().to_list() == ["sub-01"]
    np.testing.assert_allclose(table["x_px"], [203, 703])


def test_pupil_gaze_that_begins_after_the_video(tmp_path: Path) -> None:
    """Samples name frames 2 to 59; nothing else says when frames were taken."""
    rows = []
    for k in range(77):
        time = 0.05 + k / 40
        rows.append((f"{1000 + time:.6f}", round(time * 30), 0.95, 0.25 if time < 1 else 0.75, 0.5))
    path = write(
        tmp_path / "gaze_positions.csv",
        ("gaze_timestamp", "world_index", "confidence", "norm_pos_x", "norm_pos_y"),
        rows,
    )
    write(tmp_path / "fixations.csv", ("id", "start_timestamp", "duration", "norm_pos_x", "norm_pos_y"),
          [(1, 1000.1, 800, 0.25, 0.5), (2, 1001.1, 700, 0.75, 0.5)])  # fmt: skip
    world = write_video(tmp_path / "world.mp4", frames=60, fps=30, size=(48, 64))
    table = read_fixations(import_gaze([path], world, tmp_path / "out"))
    np.testing.assert_allclose(table["onset_s"], [0.1, 1.1], atol=0.01)
    assert table["frame"].to_list() == [3, 33]
    short = write_video(tmp_path / "short.mp4", frames=40, fps=30, size=(48, 64))
    with pytest.raises(DataError, match="the samples name frame 58, the video has 40 frames"):
        import_gaze([path], short, tmp_path / "b")


def test_a_surface_with_most_gaze_beside_it(tmp_path: Path) -> None:
    header = ("world_timestamp", "world_index", "gaze_timestamp", "x_norm", "y_norm", "on_surf", "confidence")
    rows = [(0, 0, 50 + k / 100, *((0.25, 0.75) if k < 30 else (3.0, 3.0)), k < 30, 0.99) for k in range(100)]
    path = write(tmp_path / "gaze_positions_on_surface_screen.csv", header, rows)
    write(tmp_path / "fixations_on_surface_screen.csv",
          ("world_timestamp", "fixation_id", "start_timestamp", "duration", "norm_pos_x", "norm_pos_y", "on_surf"),
          [(0, 1, 50.0, 300, 0.25, 0.75, True)] * 4 + [(0, 2, 50.5, 300, 3, 3, False)])  # fmt: skip
    (recording,) = read(path)
    assert (recording.space, fixations(recording)) == ("display", [(0, 0.3)])
    for options, folder in ((WIDE, "a"), (AlignOptions(), "b")):  # the screen's size is not needed
        table = read_fixations(import_gaze([path], picture(tmp_path), tmp_path / folder, options=options))
        assert table.select("x_px", "y_px", "duration_s").rows() == [(256, 192, pytest.approx(0.3))]


def test_reference_image_mapper(tmp_path: Path) -> None:
    spot = "in reference image"
    header = ("section id", "recording id", "timestamp [ns]", f"gaze detected {spot}", f"gaze position {spot} x [px]",
              f"gaze position {spot} y [px]", "fixation id", "blink id")  # fmt: skip
    rows = [
        ("s", "r", 10**18 + 5_000_000 * k, k < 40, *((700, 500) if k < 40 else ("", "")), 1 if k < 40 else "", "")
        for k in range(200)
    ]
    path = write(tmp_path / "gaze.csv", header, rows)
    table = read_fixations(import_gaze([path], picture(tmp_path, "reference_image.png"), tmp_path / "out"))
    assert table.select("x_px", "y_px").rows() == [(700, 500)]
    np.testing.assert_allclose(table["duration_s"], [0.2])


def test_marker_mapper_counts_from_the_top(tmp_path: Path) -> None:
    spot = "on surface"
    header = ("recording id", "timestamp [ns]", f"gaze detected {spot}", f"gaze position {spot} x [normalized]",
              f"gaze position {spot} y [normalized]")  # fmt: skip
    rows = [("r", 10**18 + 5_000_000 * k, k < 40, *((0.25, 0.25) if k < 40 else (1.5, 0.2))) for k in range(200)]
    path = write(tmp_path / "gaze.csv", header, rows)
    write(tmp_path / "fixations.csv",
          ("recording id", "fixation id", "start timestamp [ns]", "end timestamp [ns]", "fixation detected on surface",
           "fixation x [normalized]", "fixation y [normalized]"),
          [("r", 1, 10**18, 10**18 + 200_000_000, True, 0.25, 0.25)])  # fmt: skip
    table = read_fixations(import_gaze([path], picture(tmp_path), tmp_path / "out", options=WIDE))
    assert table.select("x_px", "y_px").rows() == [(256, 192)]


@pytest.mark.parametrize("maker", ["eyelink", "smi", "tobii", "pupil-neon", "gazepoint", "csv", "pupil-core"])
def test_every_text_may_be_gzipped(maker: str, tmp_path: Path) -> None:
    known = truth()
    path = makers.MAKERS[maker](tmp_path, known)
    (plain,) = read(path)
    for file in list(tmp_path.iterdir()):
        if file.suffix in (".csv", ".txt", ".asc", ".tsv"):
            (tmp_path / f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes()))
            file.unlink()
    (zipped,) = read(path.with_name(f"{path.name}.gz"))
    np.testing.assert_array_equal(zipped.time_s, plain.time_s)
    assert zipped.events is not None
    assert plain.events is not None
    assert zipped.events.equals(plain.events)
    assert (zipped.frame_times_s is None) == (plain.frame_times_s is None)


@pytest.mark.parametrize(
    ("message", "spot"),
    [
        ("!V IMGLOAD CENTER img.png 512 384", (88, 216)),
        ("!V IMGLOAD FILL img.png", (200 * 800 / 1024, 300 * 600 / 768)),
        ("!V IMGLOAD TOP_LEFT img.png 100 50", (100, 250)),
        ("!V IMGLOAD TOP_LEFT dir/img.png 100 150 400 300", (200, 300)),
    ],
)
def test_the_picture_lies_where_the_file_says(message: str, spot: tuple[float, float], tmp_path: Path) -> None:
    from gaze.formats.test_eyelink import asc, trial

    path = asc(tmp_path, trial(10000, name="1", during=[(0, message)]), trial(20000, name="2"))
    image = picture(tmp_path, size=(800, 600))
    table = read_fixations(import_gaze([path], image, tmp_path / "out"))
    np.testing.assert_allclose(table.select("x_px", "y_px").row(0), spot)
    with pytest.raises(DataError, match="stimulus rectangle"):
        import_gaze([path], image, tmp_path / "b", options=AlignOptions(setup=Setup(placement="1,2,30,40")))
