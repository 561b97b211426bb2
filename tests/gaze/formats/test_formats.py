"""Every maker's export gives back the recording that was written into it."""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from gaze import makers
from gaze.makers import DISTANCE_CM, MAKERS, SCREEN, SCREEN_CM, Truth, truth
from sightline.errors import DataError, UsageError
from sightline.gaze import ReadOptions, read
from sightline.gaze.recording import Recording, choose_eye


@pytest.fixture(scope="module")
def known() -> Truth:
    return truth()


def points(recording: Recording) -> np.ndarray:
    """The positions in pixels of a screen or scene of SCREEN's size."""
    xy = recording.eyes[min(recording.eyes)]
    return xy * SCREEN[::-1] if recording.unit == "norm" else xy


WRITERS = {
    **MAKERS,
    "smi-begaze": makers.begaze,
    "tobii-old": partial(makers.tobii, style="old"),
    "tobii-media": partial(makers.tobii, style="media"),
    "eyelink-right": partial(makers.eyelink, eyes="R"),
}
# How far the format's own rounding may move a point (px) and a time (s).
ROUNDING = {"eyelink": (0.06, 1e-6), "gazepoint": (0.02, 1e-5), "tobii-media": (0.11, 1e-6), "tobii": (0.02, 1e-4)}


@pytest.mark.parametrize("maker", WRITERS)
def test_samples_come_back(maker: str, known: Truth, tmp_path: Path) -> None:
    (recording,) = read(WRITERS[maker](tmp_path, known))
    assert recording.format == maker.split("-")[0] if maker not in MAKERS else maker
    apart, late = ROUNDING.get(maker, ROUNDING.get(maker.split("-")[0], (0.011, 1e-6)))
    np.testing.assert_allclose(recording.time_s, known.time_s, atol=late)
    expected = known.xy + np.array([4 * (maker == "eyelink-right"), 0])
    np.testing.assert_allclose(points(recording), expected, atol=apart)  # NaN must meet NaN
    assert recording.interval_s == pytest.approx(1 / known.rate_hz, rel=1e-3)


@pytest.mark.parametrize("maker", [name for name in WRITERS if name != "tobii-glasses3"])
def test_the_trackers_fixations_come_back(maker: str, known: Truth, tmp_path: Path) -> None:
    (recording,) = read(WRITERS[maker](tmp_path, known))
    assert recording.events is not None
    eye = min(recording.eyes)
    own = recording.events.filter((pl.col("kind") == "fixation") & (pl.col("eye").is_null() | (pl.col("eye") == eye)))
    onset, duration, x, y = np.array(known.fixations).T
    duration -= makers.gazepoint_step(maker, known)
    np.testing.assert_allclose(own["onset_s"], onset, atol=2e-4)
    np.testing.assert_allclose(own["duration_s"], duration, atol=2e-4)
    if own["x"].null_count() == 0:
        scale = SCREEN[::-1] if recording.unit == "norm" else (1, 1)
        np.testing.assert_allclose(own["x"] * scale[0], x + 4 * (maker == "eyelink-right"), atol=0.11)
        np.testing.assert_allclose(own["y"] * scale[1], y, atol=0.11)


@pytest.mark.parametrize("maker", ["eyelink", "smi", "pupil-neon", "bids"])
def test_messages_come_back_with_time_and_line(maker: str, known: Truth, tmp_path: Path) -> None:
    path = MAKERS[maker](tmp_path, known)
    (recording,) = read(path)
    said = {m.text: m for m in recording.messages}
    for time, text in known.messages:
        assert said[text].time_s == pytest.approx(time, abs=2e-6)
    if maker in ("eyelink", "smi"):
        lines = path.read_text().splitlines()
        assert all(text in lines[said[text].line - 1] for _, text in known.messages)


@pytest.mark.parametrize("maker", ["smi", "bids"])
def test_files_that_describe_the_screen(maker: str, known: Truth, tmp_path: Path) -> None:
    (recording,) = read(MAKERS[maker](tmp_path, known))
    said = recording.declared
    assert said.screen_px == SCREEN
    assert said.screen_cm == pytest.approx(SCREEN_CM)
    assert said.distance_cm == pytest.approx(DISTANCE_CM)
    assert said.rate_hz == known.rate_hz


def test_subjects_are_read_where_the_file_names_them(known: Truth, tmp_path: Path) -> None:
    names = {maker: read(write(tmp_path / maker, known))[0].subject for maker, write in _in_folders(tmp_path).items()}
    named = {name for name in names if names[name]}
    assert named == {"smi", "tobii", "bids", "csv"}
    assert {names[n] for n in ("smi", "tobii", "csv")} == {"Anna"}
    assert names["bids"] == "sub-07"


def _in_folders(root: Path) -> dict[str, makers.Callable[[Path, Truth], Path]]:
    for maker in MAKERS:
        (root / maker).mkdir()
    return MAKERS


@pytest.mark.parametrize("rate_hz", [60, 500, 1000, 2000])
def test_eyelink_at_any_rate(rate_hz: int, tmp_path: Path) -> None:
    known = truth(rate_hz if rate_hz != 60 else 100)
    (recording,) = read(makers.eyelink(tmp_path, known))
    np.testing.assert_allclose(recording.time_s, known.time_s, atol=1e-6)
    assert recording.declared.rate_hz == known.rate_hz


def test_eyelink_binocular(known: Truth, tmp_path: Path) -> None:
    (recording,) = read(makers.eyelink(tmp_path, known, eyes="LR"))
    np.testing.assert_allclose(
        recording.eyes["right"] - recording.eyes["left"], known.xy * 0 + np.array([4, 0]), atol=0.11
    )
    assert recording.declared.accuracy_deg == {"left": 0.27, "right": 0.32}
    assert choose_eye(recording, "auto")[0] == "left"  # the smaller error of validation
    np.testing.assert_allclose(choose_eye(recording, "mean")[1], known.xy + np.array([2, 0]), atol=0.11)
    with pytest.raises(
        DataError, match=r"line \d+: the recording is binocular \(left, right\) where a monocular one was asked"
    ):
        choose_eye(recording, "mono")


def test_an_eye_that_was_not_recorded(known: Truth, tmp_path: Path) -> None:
    (recording,) = read(makers.eyelink(tmp_path, known))
    with pytest.raises(DataError, match="no right eye in this recording, it has left"):
        choose_eye(recording, "right")
    with pytest.raises(DataError, match="mean needs both eyes"):
        choose_eye(recording, "mean")
    with pytest.raises(UsageError, match="choose one of"):
        choose_eye(recording, "third")


def test_a_delay_in_a_message_is_taken_off_its_time(known: Truth, tmp_path: Path) -> None:
    path = makers.eyelink(tmp_path, known)
    path.write_text(path.read_text().replace("MSG\t1000200 frame 5", "MSG\t1000200 50 frame 5"))
    (recording,) = read(path)
    assert next(m.time_s for m in recording.messages if m.text == "frame 5") == pytest.approx(0.15)


def test_eyelink_events_alone(known: Truth, tmp_path: Path) -> None:
    path = makers.eyelink(tmp_path, known)
    path.write_text("".join(line for line in path.read_text().splitlines(True) if not line[0].isdigit()))
    (recording,) = read(path)
    assert len(recording.time_s) == 0
    assert recording.events is not None
    assert (recording.events["kind"] == "fixation").sum() == len(known.fixations)


def test_trials_by_trialid(known: Truth, tmp_path: Path) -> None:
    path = makers.eyelink(tmp_path, known)
    one = path.read_text()
    block = one[one.index("MSG\t999400 TRIALID") :]
    path.write_text(one + _later(block, 60_000).replace("TRIALID film", "TRIALID photo"))
    film, photo = read(path)
    assert (film.trial, photo.trial) == ("film", "photo")
    assert photo.time_s[0] == pytest.approx(60)
    assert len(film.time_s) == len(photo.time_s) == len(known.time_s)
    assert film.events is not None
    assert photo.events is not None
    assert len(film.events) == len(photo.events)


def _later(text: str, ms: int) -> str:
    import re

    return re.sub(r"\b(999\d{3}|100\d{4})\b", lambda m: str(int(m[0]) + ms), text)


def test_eyelink_at_2000_hz_with_whole_milliseconds(tmp_path: Path) -> None:
    fast = truth(2000)
    path = makers.eyelink(tmp_path, fast)
    text = re.sub(r"(?m)^(\d+)\.\d\t", r"\1\t", path.read_text())
    path.write_text(text)
    (recording,) = read(path)
    np.testing.assert_allclose(recording.time_s, fast.time_s, atol=1e-9)


def test_eyelink_with_spaces_windows_lines_and_other_letters(known: Truth, tmp_path: Path) -> None:
    path = makers.eyelink(tmp_path, known)
    lines = path.read_text().splitlines()
    lines = [line.replace("\t", "  ") if line[:1].isdigit() else line for line in lines]
    lines.insert(22, "MSG\t1000000 \u00c5ngstr\u00f6m \u2026 12")  # UTF-8 with bytes that end a line in Latin-1
    path.write_bytes(("\r\n".join(lines) + "\r\n").encode())
    (recording,) = read(path)
    np.testing.assert_allclose(recording.eyes["left"], known.xy, atol=0.06)
    assert [m.line for m in recording.messages if m.text.startswith("frame")] == [
        k for k, line in enumerate(lines, start=1) if "frame " in line
    ]


def test_neon_events_from_the_samples_where_no_table_has_them(known: Truth, tmp_path: Path) -> None:
    path = makers.pupil_neon(tmp_path, known)
    (tmp_path / "fixations.csv").unlink()
    head, *rows = path.read_text().splitlines()
    numbered, count = [head], 0
    for k, (row, label) in enumerate(zip(rows, known.labels, strict=True)):
        count += label == "fixation" and (k == 0 or known.labels[k - 1] != label)
        cells = row.split(",")
        cells[6:8] = [str(count) if label == "fixation" else "", "1" if label == "blink" else ""]
        numbered.append(",".join(cells))
    path.write_text("\n".join(numbered) + "\n")
    (recording,) = read(path)
    assert recording.events is not None
    own = recording.events.filter(pl.col("kind") == "fixation")
    np.testing.assert_allclose(own["onset_s"], [f[0] for f in known.fixations], atol=1e-6)
    np.testing.assert_allclose(own["duration_s"], [f[1] for f in known.fixations], atol=1e-6)
    assert recording.events.filter(pl.col("kind") == "blink").height == 1


def test_invisible_has_fewer_columns(known: Truth, tmp_path: Path) -> None:
    path = makers.pupil_neon(tmp_path, known)
    rows = [line.split(",") for line in path.read_text().splitlines()]
    path.write_text("\n".join(",".join(row[1:5]) for row in rows) + "\n")  # no section, no worn, no angles
    (tmp_path / "scene_camera.json").write_text('{"camera_matrix": [[766, 0, 543], [0, 766, 551], [0, 0, 1]]}')
    (recording,) = read(path)
    assert recording.declared.focal_px == (766, 766)
    np.testing.assert_allclose(recording.eyes["both"], known.xy, atol=1e-3)


def test_old_pupil_player_names(known: Truth, tmp_path: Path) -> None:
    path = makers.pupil_core(tmp_path, known)
    (tmp_path / "world_timestamps.csv").unlink()
    path.write_text(path.read_text().replace("gaze_timestamp,world_index", "timestamp,index"))
    (recording,) = read(path)
    assert recording.format == "pupil-core"
    assert recording.frame_times_s is not None
    np.testing.assert_allclose(recording.time_s, known.time_s, atol=1e-6)


def test_glasses3_know_their_scene_camera(known: Truth, tmp_path: Path) -> None:
    path = makers.tobii_glasses(tmp_path, known)
    camera = {"focal-length": [918.0, 919.0], "resolution": [1920, 1080]}
    file = tmp_path / "recording.g3"
    file.write_text(json.dumps({"scenecamera": {"camera-calibration": camera}}))
    (recording,) = read(path)
    assert (recording.declared.focal_px, recording.declared.stimulus_px) == ((918, 919), (1080, 1920))
    file.write_text("{}")
    with pytest.raises(DataError, match=r"recording\.g3: no camera calibration"):
        read(path)


def test_tobii_separates_participants_and_showings(known: Truth, tmp_path: Path) -> None:
    path = makers.tobii(tmp_path, known)
    head, *rows = path.read_text().splitlines()
    later = [row.replace("film.mp4", "photo.jpg") for row in rows]
    second = [row.replace("Anna", "Ben") for row in rows]
    shift = [f"{float(row.split()[0]) + 60_000:.1f}" + row[row.index("\t") :] for row in later]
    path.write_text("\n".join([head, *rows, *shift, *second]) + "\n")
    found = read(path)
    assert [(r.subject, r.trial) for r in found] == [("Anna", "film.mp4"), ("Anna", "photo.jpg"), ("Ben", "film.mp4")]


def test_tobii_start_of_the_stimulus_is_its_event(known: Truth, tmp_path: Path) -> None:
    (recording,) = read(makers.tobii(tmp_path, known))
    assert recording.start_s == pytest.approx(0)


def test_tobii_media_position_gives_the_rectangle(known: Truth, tmp_path: Path) -> None:
    path = makers.tobii(tmp_path, known)
    head, *rows = path.read_text().splitlines()
    names = ("position X (DACSpx)", "position Y (DACSpx)", "width", "height")
    head += "".join(f"\tPresented Media {name}" for name in names)
    path.write_text("\n".join([head, *(f"{row}\t240\t0\t1440\t1080" for row in rows)]) + "\n")
    (recording,) = read(path)
    assert recording.declared.stimulus_rect == (240, 0, 1440, 1080)


def test_utf16_and_gzip(known: Truth, tmp_path: Path) -> None:
    import gzip

    path = makers.tobii(tmp_path, known)
    text = path.read_text()
    (tmp_path / "utf16.tsv").write_text(text, encoding="utf-16")
    (tmp_path / "zipped.tsv.gz").write_bytes(gzip.compress(text.encode()))
    for name in ("utf16.tsv", "zipped.tsv.gz"):
        (recording,) = read(tmp_path / name)
        np.testing.assert_allclose(recording.time_s, known.time_s, atol=1e-4)


def test_pupil_frames_from_the_samples_where_no_file_has_them(known: Truth, tmp_path: Path) -> None:
    path = makers.pupil_core(tmp_path, known)
    (exact,) = read(path)
    (tmp_path / "world_timestamps.csv").unlink()
    (guessed,) = read(path)
    assert exact.frame_times_s is not None
    assert guessed.frame_times_s is not None
    # Each frame's samples spread over a thirtieth of a second after it: their middle is half of that late.
    late = guessed.frame_times_s - exact.frame_times_s[: len(guessed.frame_times_s)]
    assert np.abs(late - 1 / 60).max() < 1 / 60


def test_neon_keeps_nanoseconds(tmp_path: Path) -> None:
    known = truth(200)
    (recording,) = read(makers.pupil_neon(tmp_path, known))
    np.testing.assert_allclose(recording.time_s, known.time_s, atol=1e-9, rtol=0)
    assert recording.declared.focal_px == (890.0, 890.0)


def test_a_folder_stands_for_its_gaze_file(known: Truth, tmp_path: Path) -> None:
    makers.pupil_neon(tmp_path, known)
    assert read(tmp_path)[0].format == "pupil-neon"


def test_bids_without_timestamps_counts_samples(known: Truth, tmp_path: Path) -> None:
    path = makers.bids(tmp_path, known)
    sidecar = path.with_name(path.name.replace(".tsv.gz", ".json"))
    sidecar.write_text(sidecar.read_text().replace('"timestamp"', '"something"'))
    (recording,) = read(path)
    np.testing.assert_allclose(recording.time_s, known.time_s, atol=1e-9)
    sidecar.write_text(sidecar.read_text().replace('"SamplingFrequency"', '"x"'))
    with pytest.raises(DataError, match="the rate is unknown; give `rate_hz`"):
        read(path)
    assert read(path, options=ReadOptions(rate_hz=250))[0].interval_s == pytest.approx(1 / 250)


def test_named_columns(known: Truth, tmp_path: Path) -> None:
    path = makers.plain(tmp_path, known)
    path.write_text(path.read_text().replace("subject,time_ms,x,y,event", "who,clock_ms,gx,gy,what"))
    with pytest.raises(DataError, match="no export of a known eye tracker"):
        read(path)
    names = {"time": "clock_ms", "x": "gx", "y": "gy", "subject": "who"}
    (recording,) = read(path, "csv", ReadOptions(columns=names))
    np.testing.assert_allclose(recording.time_s, known.time_s, atol=1e-6)
    with pytest.raises(UsageError, match="has no column 'nope'"):
        read(path, "csv", ReadOptions(columns={"time": "nope"}))


def test_a_table_of_fixations(known: Truth, tmp_path: Path) -> None:
    (recording,) = read(makers.fixation_table(tmp_path, known))
    assert recording.space == "stimulus"
    assert recording.events is not None
    np.testing.assert_allclose(recording.events["onset_s"], [f[0] for f in known.fixations])
    np.testing.assert_allclose(recording.events["x"], [f[2] for f in known.fixations], atol=0.006)


@pytest.mark.data
def test_real_smi(shared_data: Path) -> None:
    files = sorted((shared_data / "eye_recordings/smi_dhf1k_002").glob("*.txt"))
    assert len(files) == 17
    for file in files:
        (recording,) = read(file)
        rows = file.read_text().splitlines()[1:]
        assert len(recording.time_s) == len(rows)
        assert recording.events is not None
        fixated = sum(row.endswith("Fixation") for row in rows)
        own = recording.events.filter(pl.col("kind") == "fixation")
        assert own["duration_s"].sum() == pytest.approx(fixated / 250, rel=0.01)


@pytest.mark.data
def test_real_eyelink(shared_data: Path) -> None:
    folder = shared_data / "eye_recordings/eyelink"
    (binocular,) = read(folder / "eyelink_binocular_example.asc")
    assert binocular.trial == "I902C_low"
    assert set(binocular.eyes) == {"left", "right"}
    assert binocular.declared.accuracy_deg == {"left": 0.41, "right": 0.31}
    for name, rate in (("eyelink_monocular_example.asc", 1000), ("eyelink_monocular_2khz_example.asc", 2000)):
        trials = read(folder / name)
        assert [t.trial for t in trials] == ["0", "1", "2", "3", "4"]
        assert trials[0].declared.rate_hz == rate
        assert trials[0].declared.screen_px == (1024, 1280)
        assert sum(len(t.time_s) for t in trials) == 16


@pytest.mark.data
def test_eyelink_agrees_with_pymovements(shared_data: Path) -> None:
    from pymovements.gaze import from_asc

    path = shared_data / "eye_recordings/eyelink/eyelink_binocular_example.asc"
    theirs = from_asc(path).samples
    (ours,) = read(path)
    pixel = np.array(theirs["pixel"].to_list(), dtype=float)[-len(ours.time_s) :]
    np.testing.assert_array_equal(np.hstack([ours.eyes["left"], ours.eyes["right"]]), pixel)


@pytest.mark.data
def test_real_pupil_core(shared_data: Path) -> None:
    for name in ("Saccade", "VOR"):
        (recording,) = read(shared_data / f"eye_recordings/pupil_core/{name}_gaze_positions.csv")
        assert recording.interval_s == pytest.approx(1 / 250, rel=0.01)
        assert recording.frame_times_s is not None
        assert np.median(np.diff(recording.frame_times_s)) == pytest.approx(1 / 30, rel=0.02)
