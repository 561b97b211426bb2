"""What an export says is what was imported, as the other program reads it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from gaze import makers
from gaze.makers import DISTANCE_CM, SCREEN, SCREEN_CM, truth
from hostile.corpus import write_video
from sightline.apps.gaze import write_export
from sightline.cli import main
from sightline.errors import DataError, OutputError, UsageError
from sightline.gaze import AlignOptions, Setup, import_gaze, import_study, read
from sightline.gaze.writer import file_name

KNOWN = truth()


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Anna on 40 frames of 64x48, shown as 1440x1080 in the middle of a 1920x1080 screen."""
    folder = tmp_path_factory.mktemp("imported")
    film = write_video(folder / "my film.mp4", frames=40, size=(48, 64))
    path = makers.eyelink(folder, KNOWN)
    options = AlignOptions(setup=Setup(SCREEN, SCREEN_CM, DISTANCE_CM), offset_s=0.1)
    return import_gaze([path], film, folder / "out", options=options)


def test_bids_is_read_back(imported: Path, tmp_path: Path) -> None:
    out = write_export(imported, tmp_path / "bids", "bids")
    beh = out / "sub-s1" / "beh"
    assert {p.name for p in beh.iterdir()} == {
        f"sub-s1_task-myfilm_{name}"
        for name in ("events.json", "events.tsv", "recording-eye1_physio.json", "recording-eye1_physio.tsv.gz",
                     "recording-eye1_physioevents.json", "recording-eye1_physioevents.tsv.gz")
    }  # fmt: skip
    (recording,) = read(beh / "sub-s1_task-myfilm_recording-eye1_physio.tsv.gz")
    assert (recording.subject, list(recording.eyes), recording.start_s) == (
        "sub-s1",
        ["left"],
        pytest.approx(0, abs=1e-6),
    )
    assert (recording.declared.screen_px, recording.declared.rate_hz) == (SCREEN, 250)
    assert recording.declared.screen_cm == pytest.approx(SCREEN_CM)
    assert recording.declared.distance_cm == pytest.approx(DISTANCE_CM)
    assert len(recording.time_s) in (400, 401)  # the video began 0.1 s after the first sample and lasts 1.6 s
    shown = slice(25, 25 + len(recording.time_s))
    np.testing.assert_allclose(recording.time_s, KNOWN.time_s[shown] - 0.1, atol=1e-5)
    lost = np.array([label == "blink" for label in KNOWN.labels[shown]])
    np.testing.assert_allclose(recording.eyes["left"][~lost], KNOWN.xy[shown][~lost], atol=0.06)
    assert np.isnan(recording.eyes["left"][lost]).all()
    assert recording.events is not None
    own = recording.events.filter(pl.col("kind") == "fixation")
    np.testing.assert_allclose(own["onset_s"], [t - 0.1 for t, *_ in KNOWN.fixations], atol=1e-5)
    assert recording.events["kind"].value_counts(sort=True).rows() == [("fixation", 4), ("saccade", 2), ("blink", 1)]
    said = json.loads((out / "dataset_description.json").read_text())
    assert said["GeneratedBy"][0]["Name"] == "Sightline"
    assert (out / "participants.tsv").read_text() == "participant_id\tname\nsub-s1\ts1\n"
    assert (beh / "sub-s1_task-myfilm_events.tsv").read_text().splitlines()[1] == "0\t1.600000\tstimulus\tmy film.mp4"


def test_long_names_fit_into_files_of_bids(imported: Path, tmp_path: Path) -> None:
    """Two subjects and a stimulus whose names are as long as a system takes; they stay two."""
    said = json.loads((imported / "provenance.json").read_text())
    names = [letter * 200 for letter in "ab"] + ["a" * 199]
    one, source = said["recordings"][0], tmp_path / "source"
    shutil.copytree(imported, source)
    said["stimulus"]["path"] = f"{'film' * 60}.mp4"
    said["recordings"] = [{**one, "subject": name} for name in names]
    (source / "provenance.json").write_text(json.dumps(said))
    for name in names:
        shutil.copyfile(imported / "samples" / "s1.parquet", source / "samples" / f"{file_name(name)}.parquet")
    out = write_export(source, tmp_path / "bids", "bids")
    files = [path for path in out.rglob("*") if path.is_file() and path.parent.name == "beh"]
    assert len(files) == 3 * 6
    assert max(len(path.name) for path in files) <= 255
    table = pl.read_csv(out / "participants.tsv", separator="\t")
    assert table["name"].to_list() == names
    assert table["participant_id"].n_unique() == 3


def test_mne_annotations(imported: Path, tmp_path: Path) -> None:
    """The text form, as its floats are seconds; those of the .csv form would be milliseconds."""
    out = write_export(imported, tmp_path / "mne", "mne")
    lines = (out / "s1_my_film-annot.txt").read_text().splitlines()
    assert lines[:2] == ["# MNE-Annotations", "# onset, duration, description"]
    rows = [line.split(",") for line in lines[2:]]
    assert [word for _, _, word in rows] == [
        "fixation",
        "saccade",
        "fixation",
        "BAD_blink",
        "fixation",
        "saccade",
        "fixation",
    ]
    onset, duration, _, _ = KNOWN.fixations[1]
    assert [float(v) for v in rows[2][:2]] == pytest.approx([onset - 0.1, duration], abs=1e-5)


def test_pymovements_events_end_with_their_last_sample(imported: Path, tmp_path: Path) -> None:
    from pymovements import Events

    out = write_export(imported, tmp_path / "pm", "pymovements")
    table = pl.read_csv(out / "s1_my_film_events.csv")
    events = Events(table)
    fixations = events.frame.filter(pl.col("name") == "fixation")
    first = np.array([KNOWN.labels.index("fixation", k) for k in (0, 111, 222, 333)])
    np.testing.assert_allclose(fixations["onset"], 1000 * KNOWN.time_s[first] - 100, atol=0.01)
    np.testing.assert_allclose(fixations["offset"], 1000 * KNOWN.time_s[first + 99] - 100, atol=0.01)
    np.testing.assert_allclose(fixations["offset"] - fixations["onset"], fixations["duration"])
    np.testing.assert_allclose(fixations["location_x"], [x for _, _, x, _ in KNOWN.fixations], atol=0.06)
    assert events.frame.filter(pl.col("name") == "blink")["location_x"].null_count() == 1


def test_a_study_is_one_data_set(tmp_path: Path) -> None:
    from gaze.test_study import PLACED, SIZE, record

    (tmp_path / "shown").mkdir()
    for name in ("clip0", "clip1"):
        write_video(tmp_path / "shown" / f"{name}.mp4", frames=25, size=SIZE)
    study = import_study(record(tmp_path, 2, "trialid"), tmp_path / "shown", tmp_path / "study", options=PLACED)
    out = write_export(study.path, tmp_path / "bids", "bids")
    assert len(list(out.glob("sub-P*/beh/*_task-clip*_physio.tsv.gz"))) == 4
    assert len(list(write_export(study.path, tmp_path / "mne", "mne").glob("*-annot.txt"))) == 4


def test_exports_that_cannot_be(imported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UsageError, match="`to` 'edf': choose one of bids, mne, pymovements"):
        write_export(imported, tmp_path / "a", "edf")
    with pytest.raises(DataError, match=r"no provenance\.json in it"):
        write_export(tmp_path, tmp_path / "a", "mne")
    assert not (tmp_path / "a").exists()
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "thesis.tex").write_text("x")
    with pytest.raises(OutputError, match="there is something else already"):
        write_export(imported, tmp_path / "thesis", "bids")
    film = write_video(tmp_path / "wide.mp4", frames=50, size=(1080, 1920))
    alone = import_gaze([makers.fixation_table(tmp_path, KNOWN)], film, tmp_path / "alone")
    with pytest.raises(DataError, match="Anna has events alone, and BIDS wants gaze samples"):
        write_export(alone, tmp_path / "b", "bids")
    with pytest.raises(SystemExit) as done:
        main(["gaze", "export", str(imported), "--to", "edf", "--out", str(tmp_path / "c")])
    assert done.value.code == 2
    assert "--to 'edf': choose one of" in capsys.readouterr().err
