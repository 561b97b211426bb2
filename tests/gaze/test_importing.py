"""From files to a folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from gaze import makers
from gaze.makers import DISTANCE_CM, SCREEN, SCREEN_CM, Truth, truth
from hostile.corpus import write_video
from sightline.apps.gaze import write_maps
from sightline.errors import DataError, OutputError, SightlineError, UsageError
from sightline.gaze import (
    AlignOptions,
    EventOptions,
    ImportFolder,
    Setup,
    import_gaze,
    read_fixations,
)
from sightline.gaze.importing import subject_names

SETUP = Setup(SCREEN, SCREEN_CM, DISTANCE_CM)
OPTIONS = AlignOptions(setup=SETUP)


@pytest.fixture(scope="module")
def known() -> Truth:
    return truth()


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 frames at 25 per second, 64x48: on a 1920x1080 screen a pillarbox of 1440x1080 from x = 240."""
    return write_video(tmp_path_factory.mktemp("film") / "film.mp4", frames=40, size=(48, 64), sound_s=1.6)


@pytest.mark.parametrize("maker", ["eyelink", "smi", "tobii", "gazepoint", "csv"])
def test_a_screen_recording_lands_on_its_video(maker: str, known: Truth, film: Path, tmp_path: Path) -> None:
    out = import_gaze([makers.MAKERS[maker](tmp_path, known)], film, tmp_path / "out", options=OPTIONS)
    table = read_fixations(out)
    expected = [((x - 240) / 22.5, y / 22.5, t, d) for t, d, x, y in known.fixations]
    np.testing.assert_allclose(table["x_px"], [x for x, *_ in expected], atol=0.01)
    np.testing.assert_allclose(table["y_px"], [y for _, y, *_ in expected], atol=0.01)
    np.testing.assert_allclose(table["onset_s"], [t for *_, t, _ in expected], atol=1e-3)
    ends = np.minimum([t + d - makers.gazepoint_step(maker, known) for *_, t, d in expected], 1.6)
    np.testing.assert_allclose(table["onset_s"] + table["duration_s"], ends, atol=1e-3)
    assert table["frame"].to_list() == [int((t + 1e-4) * 25) for *_, t, _ in expected]


def test_positions_on_the_media_need_no_screen(known: Truth, film: Path, tmp_path: Path) -> None:
    out = import_gaze([makers.tobii(tmp_path, known, style="media")], film, tmp_path / "out")
    np.testing.assert_allclose(read_fixations(out)["x_px"], [f[2] * 64 / 1920 for f in known.fixations], atol=0.01)


def test_a_table_of_fixations_alone(known: Truth, tmp_path: Path) -> None:
    wide = write_video(tmp_path / "wide.mp4", frames=50, size=(1080, 1920))
    out = import_gaze([makers.fixation_table(tmp_path, known)], wide, tmp_path / "out")
    np.testing.assert_allclose(read_fixations(out)["x_px"], [f[2] for f in known.fixations], atol=0.01)
    (quality,) = ImportFolder.open(out).quality()
    assert (quality["samples"], quality["lost_share"], quality["fixations"]) == (0, None, 4)


def test_a_scene_camera_is_no_screen(known: Truth, tmp_path: Path) -> None:
    scene = write_video(tmp_path / "scene.mp4", frames=53, fps=30)
    with pytest.raises(DataError, match="not a screen's, but `screen_px`, `screen_cm`, `distance_cm` given"):
        import_gaze([makers.pupil_core(tmp_path, known)], scene, tmp_path / "out", options=OPTIONS)


@pytest.mark.parametrize("maker", ["pupil-core", "pupil-neon", "tobii-glasses3"])
def test_a_scene_recording_lands_on_its_video(maker: str, known: Truth, tmp_path: Path) -> None:
    size = SCREEN if maker == "pupil-neon" else (54, 96)  # Neon's positions are pixels of its own camera
    scene = write_video(tmp_path / "scene.mp4", frames=53, fps=30, size=size)
    if maker == "tobii-glasses3":
        options = AlignOptions(events=EventOptions(), offset_s=0.0)
        path = makers.MAKERS[maker](tmp_path, known)
        with pytest.raises(UsageError, match="give the scene camera's `focal_px`"):  # nothing tells its focal length
            import_gaze([path], scene, tmp_path / "out", options=options)
        options = AlignOptions(setup=Setup(focal_px=50.0), events=EventOptions(), offset_s=0.0)
        assert len(read_fixations(import_gaze([path], scene, tmp_path / "out", options=options))) == 4
        return
    out = import_gaze([makers.MAKERS[maker](tmp_path, known)], scene, tmp_path / "out")
    table = read_fixations(out)
    np.testing.assert_allclose(table["x_px"], [f[2] * size[1] / SCREEN[1] for f in known.fixations], atol=0.01)
    np.testing.assert_allclose(table["onset_s"], [f[0] for f in known.fixations], atol=1e-3)
    clock = ImportFolder.open(out).provenance["recordings"][0]["clock"]
    assert clock["method"] == "53 scene camera frames"
    assert abs(clock["drift_ppm"]) < 100


def test_every_file_of_an_import(known: Truth, film: Path, tmp_path: Path) -> None:
    out = import_gaze([makers.smi(tmp_path, known)], film, tmp_path / "out", options=OPTIONS)
    assert {p.name for p in out.iterdir()} == {
        "events.csv",
        "fixations.csv",
        "fixations.parquet",
        "frames.csv",
        "provenance.json",
        "quality.csv",
        "quality.html",
        "quality.json",
        "samples",
    }
    assert (out / "fixations.csv").read_text().splitlines()[0] == "subject,onset_s,duration_s,x_px,y_px,frame"
    both = read_fixations(out / "fixations.csv"), read_fixations(out / "fixations.parquet")
    np.testing.assert_allclose(both[0].drop("subject").to_numpy(), both[1].drop("subject").to_numpy(), atol=1e-6)
    said = json.loads((out / "provenance.json").read_text())
    assert said["stimulus"]["frames"] == 40
    (one,) = said["recordings"]
    assert (one["subject"], one["format"], one["placement"]["bars"]) == ("Anna", "smi", "pillarbox")
    assert len(one["sha256"]) == 64
    samples = ImportFolder.open(out).samples("Anna")
    assert samples["time_s"].min() >= 0
    assert samples["time_s"].max() < 1.6
    assert samples["x_px"].null_count() == sum(label == "blink" for label in known.labels)


def test_the_fixation_that_spans_the_onset(known: Truth, film: Path, tmp_path: Path) -> None:
    path = makers.eyelink(tmp_path, known)
    kept = import_gaze([path], film, tmp_path / "a", options=AlignOptions(setup=SETUP, offset_s=0.1))
    assert read_fixations(kept)["onset_s"][0] == 0
    assert read_fixations(kept)["duration_s"][0] == pytest.approx(0.3, abs=1e-3)
    dropped = AlignOptions(setup=SETUP, offset_s=0.1, drop_onset=True)
    assert len(read_fixations(import_gaze([path], film, tmp_path / "b", options=dropped))) == 3
    # The one that was there at the first sample was there before the stimulus.
    dropped = AlignOptions(setup=SETUP, drop_onset=True)
    assert len(read_fixations(import_gaze([path], film, tmp_path / "c", options=dropped))) == 3


def test_frame_messages_set_the_clock(known: Truth, film: Path, tmp_path: Path) -> None:
    # Frame 5 at 0.2 s and 10 at 0.4 s say that frame 0 was at 0: then shift the messages by 80 ms.
    late = Truth(
        known.rate_hz, known.time_s, known.xy, known.labels, known.fixations, [(0.28, "frame 5"), (0.48, "frame 10")]
    )
    options = AlignOptions(setup=SETUP, frame_message="auto")
    out = import_gaze([makers.eyelink(tmp_path, late)], film, tmp_path / "out", options=options)
    table = read_fixations(out)
    np.testing.assert_allclose(table["onset_s"][1:], [f[0] - 0.08 for f in known.fixations[1:]], atol=1e-3)


def test_contradictions_are_listed_together(known: Truth, film: Path, tmp_path: Path) -> None:
    wrong = AlignOptions(setup=Setup((1024, 1280), (30.0, 38.0), 70.0, rate_hz=1000))
    with pytest.raises(DataError) as error:
        import_gaze([makers.smi(tmp_path, known)], film, tmp_path / "out", options=wrong)
    for words in ("screen in px: 1920x1080 in the file, 1280x1024", "screen in cm", "distance in cm", "rate in Hz"):
        assert words in str(error.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        (AlignOptions(), UsageError, "does not say how large the screen is; give `screen_px`"),
        (
            AlignOptions(setup=Setup((200, 400))),
            DataError,
            "line 2: 100% of the valid samples lie beside",
        ),
        (AlignOptions(setup=Setup(SCREEN), events=EventOptions("ivt")), UsageError, "give `screen_cm` and"),
        (AlignOptions(setup=Setup(SCREEN), eye="left"), DataError, "no left eye in this recording, it has both"),
        (AlignOptions(setup=SETUP, offset_s=60.0), DataError, "lie beside the stimulus or outside of its time"),
        (AlignOptions(setup=SETUP, events=EventOptions(min_duration_s=5)), DataError, "line 2: no fixations of 'Anna'"),
    ],
)
def test_imports_that_cannot_be(
    options: AlignOptions, error: type[SightlineError], words: str, known: Truth, film: Path, tmp_path: Path
) -> None:
    with pytest.raises(error, match=words):
        import_gaze([makers.plain(tmp_path, known)], film, tmp_path / "out", options=options)
    assert not list(tmp_path.glob("*out*"))  # nor a hidden half


def test_two_clocks_are_one_too_many() -> None:
    with pytest.raises(UsageError, match="`offset_s` and `frame_message` both set the clock"):
        AlignOptions(offset_s=1.0, frame_message="auto")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Setup(distance_cm=0.0), "`distance_cm` 0: a positive number"),
        (lambda: Setup(focal_px=float("nan")), "`focal_px` nan"),
        (lambda: AlignOptions(offset_s=float("inf")), "`offset_s` inf: a number of seconds"),
        (lambda: AlignOptions(offset_s=1.0, first_frame=1), "`first_frame` 1 numbers frame messages, but `offset_s`"),
        (lambda: EventOptions(velocity_deg_s=float("inf")), "`velocity_deg_s` inf"),
        (lambda: EventOptions(min_duration_s=float("nan")), "`min_duration_s` is nan"),
    ],
)
def test_options_that_cannot_be(make: Callable[[], object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        make()


def test_what_the_report_warns_of(known: Truth, film: Path, tmp_path: Path) -> None:
    short = write_video(tmp_path / "short.mp4", frames=10, size=(48, 64))
    out = import_gaze([makers.plain(tmp_path, known)], short, tmp_path / "out", options=OPTIONS)
    (quality,) = ImportFolder.open(out).quality()
    assert quality["warnings"] == [
        "75% of the fixations lie beside the stimulus or outside of its time",
        "the file does not say when the stimulus began: the first sample is taken (or give `offset_s`)",
    ]
    known_start = AlignOptions(setup=SETUP, start_message="STIMULUS ON")
    out = import_gaze([makers.eyelink(tmp_path, known)], film, tmp_path / "out", options=known_start)
    assert ImportFolder.open(out).quality()[0]["warnings"] == []


def test_another_stimulus(known: Truth, tmp_path: Path) -> None:
    path = makers.tobii(tmp_path, known)
    head, *rows = path.read_text().splitlines()
    head += "\tPresented Media width\tPresented Media height"
    path.write_text("\n".join([head, *(row + "\t1440\t1080" for row in rows)]) + "\n")
    wide = write_video(tmp_path / "film.mp4", size=(36, 64))
    wrong = AlignOptions(setup=Setup((1024, 1280), focal_px=800.0))
    with pytest.raises(DataError) as error:
        import_gaze([path], wide, tmp_path / "out", options=wrong)
    for words in (
        "stimulus in px: 1440x1080 in the file, 64x36 in film.mp4",
        "screen in px: 1920x1080 in the file, 1280x1024 given",
        "a screen's, not a scene camera's, but `focal_px` given",
    ):
        assert words in str(error.value)


def test_a_placement_that_the_file_contradicts(known: Truth, film: Path, tmp_path: Path) -> None:
    path = makers.tobii(tmp_path, known)
    head, *rows = path.read_text().splitlines()
    names = ("position X (DACSpx)", "position Y (DACSpx)", "width", "height")
    head += "".join(f"\tPresented Media {name}" for name in names)
    path.write_text("\n".join([head, *(f"{row}\t0\t0\t1440\t1080" for row in rows)]) + "\n")
    with pytest.raises(DataError, match="stimulus rectangle: 0,0,1440,1080 in the file, 240,0,1440,1080 given"):
        import_gaze([path], film, tmp_path / "out", options=AlignOptions(setup=Setup(placement="fit")))
    # What the file says is used where nothing is given.
    table = read_fixations(import_gaze([path], film, tmp_path / "out"))
    np.testing.assert_allclose(table["x_px"], [f[2] / 22.5 for f in known.fixations], atol=0.01)


def test_mixed_trials(known: Truth, film: Path, tmp_path: Path) -> None:
    path = makers.plain(tmp_path, known)
    lines = path.read_text().splitlines()
    rows = [f"{line},{'one' if i < 215 else 'two'}" for i, line in enumerate(lines[1:])]
    path.write_text("\n".join([lines[0] + ",trial", *rows]))
    with pytest.raises(
        DataError, match=r"several trials of subject 'Anna' in the file \('one' from line 2, 'two' from line 217\)"
    ):
        import_gaze([path], film, tmp_path / "out", options=OPTIONS)
    with pytest.raises(DataError, match="no trial 'three'"):
        import_gaze([path], film, tmp_path / "out", trial="three", options=OPTIONS)
    assert len(read_fixations(import_gaze([path], film, tmp_path / "out", trial="one", options=OPTIONS))) == 2
    # A trial that is called like the stimulus needs no choosing.
    path.write_text(path.read_text().replace("two", "film.avi"))
    table = read_fixations(import_gaze([path], film, tmp_path / "out", options=OPTIONS))
    assert len(table) == 2
    assert table["x_px"].max() == pytest.approx((900 - 240) / 22.5, abs=0.01)


@pytest.mark.parametrize("name", ["film", "film.avi", "C:\\\\clips\\\\film.avi"])
def test_a_stimulus_shown_twice_wants_choosing(name: str, known: Truth, film: Path, tmp_path: Path) -> None:
    path = makers.plain(tmp_path, known)
    lines = path.read_text().splitlines()
    shown = [name if i < 100 or i >= 222 else "pause" for i in range(len(lines) - 1)]
    path.write_text("\n".join([lines[0] + ",trial", *(f"{a},{b}" for a, b in zip(lines[1:], shown, strict=True))]))
    with pytest.raises(DataError, match="several trials"):
        import_gaze([path], film, tmp_path / "out", options=OPTIONS)
    out = import_gaze([path], film, tmp_path / "out", trial=f"{name}#2", options=OPTIONS)
    assert len(read_fixations(out)) == 2


def test_the_same_subject_twice(known: Truth, film: Path, tmp_path: Path) -> None:
    path = makers.smi(tmp_path, known)
    other = path.with_name("s2.txt")
    other.write_text(path.read_text())
    with pytest.raises(DataError, match=r"s2.txt: subject 'Anna' is already there from .*s1.txt"):
        import_gaze([path, other], film, tmp_path / "out", options=OPTIONS)


def test_a_file_that_fails_does_not_stop_the_others(known: Truth, film: Path, tmp_path: Path) -> None:
    good = makers.smi(tmp_path, known)
    cut = tmp_path / "s2.asc"
    cut.write_text("** CONVERTED FROM s2.edf\n")
    out = import_gaze([cut, good], film, tmp_path / "out", options=OPTIONS)
    assert read_fixations(out)["subject"].unique().to_list() == ["Anna"]
    assert list(ImportFolder.open(out).failed) == [str(cut)]
    assert "no START of a recording" in ImportFolder.open(out).failed[str(cut)]
    with pytest.raises(DataError, match="no START of a recording"):
        import_gaze([cut], film, tmp_path / "none", options=OPTIONS)
    assert not (tmp_path / "none").exists()


def test_a_folder_with_other_things_is_left_alone(known: Truth, film: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("x")
    with pytest.raises(OutputError, match="there is something else already"):
        import_gaze([makers.smi(tmp_path, known)], film, tmp_path / "out", options=OPTIONS)


def test_importing_again_replaces_what_was_made_and_nothing_else(known: Truth, film: Path, tmp_path: Path) -> None:
    path = makers.smi(tmp_path, known)
    out = import_gaze([path], film, tmp_path / "out", options=OPTIONS)
    write_maps(out)
    (out / "notes.txt").write_text("mine")
    again = import_gaze([path], film, out, options=AlignOptions(setup=SETUP, events=EventOptions("ivt")))
    assert ImportFolder.open(again).provenance["recordings"][0]["events"] == "ivt"
    assert (out / "notes.txt").read_text() == "mine"
    assert not (out / "maps").exists()  # they were of the earlier fixations


def test_ctrl_c_leaves_nothing(known: Truth, film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("sightline.gaze.writer.quality.measure", stop)
    path = makers.smi(tmp_path, known)
    with pytest.raises(KeyboardInterrupt):
        import_gaze([path], film, tmp_path / "out", options=OPTIONS)
    assert {p.name for p in tmp_path.iterdir()} == {path.name}


def test_short_names_of_files() -> None:
    names = subject_names([Path("P01_P01_Trail002.txt"), Path("P02_P02_Trail002.txt")])
    assert list(names.values()) == ["P01", "P02"]
    assert list(subject_names([Path("a/x_1.asc"), Path("b/x_1.asc")]).values()) == ["a", "b"]
    assert list(subject_names([Path("/r/walk/gaze.csv")]).values()) == ["walk"]
    assert list(subject_names([Path("s1.asc")]).values()) == ["s1"]
    assert list(subject_names([Path("a_1.asc"), Path("b.asc")]).values()) == ["a_1", "b"]


@pytest.mark.data
def test_gaze_follows_the_action_of_the_dhf1k_video(shared_data: Path, tmp_path: Path) -> None:
    """A dark fly walks over a flower: where it is, the viewers look a third of a second later."""
    from sightline.video import open_source

    folder = shared_data / "eye_recordings/smi_dhf1k_002"
    options = AlignOptions(setup=Setup((900, 1440), (25.5, 40.8), 68.0))
    out = import_gaze(sorted(folder.glob("*.txt")), folder / "002.AVI", tmp_path / "out", options=options)
    imported = ImportFolder.open(out)
    stimulus = imported.stimulus()
    assert len(stimulus.frame_times_s) == 783
    assert imported.provenance["recordings"][0]["placement"]["y"] == 45
    subjects = read_fixations(out)["subject"].unique().sort().to_list()
    assert subjects == [f"P{n:02d}" for n in range(1, 18)]
    with open_source(folder / "002.AVI") as source:
        fly = np.array([np.median(np.nonzero(frame.image[:330].max(axis=2) < 45)[1]) for frame in source])
    times = stimulus.frame_times_s
    gaze = np.median([_gaze_x(imported.samples(s), times) for s in subjects], axis=0)
    lags = np.arange(-30, 31)
    with_lag = [np.corrcoef(fly[30:-30], gaze[30 + lag : len(gaze) - 30 + lag])[0, 1] for lag in lags]
    assert max(with_lag) > 0.75
    assert 0 < lags[int(np.argmax(with_lag))] / 30 < 0.5


def _gaze_x(samples: pl.DataFrame, times: np.ndarray) -> np.ndarray:
    seen = samples.drop_nulls()
    return np.interp(times, seen["time_s"], seen["x_px"])


def _named(folder: Path, known: Truth, name: str) -> Path:
    """A recording of a subject with this name."""
    folder.mkdir()
    recording = makers.tobii(folder, known)
    first, *rest = recording.read_text(encoding="utf-8").splitlines(keepends=True)
    column = first.rstrip().split("\t").index("Participant name")
    rows = [line.split("\t") for line in rest]
    recording.write_text(first + "".join("\t".join([*row[:column], name, *row[column + 1 :]]) for row in rows))
    return recording


def test_a_subject_with_a_name_that_no_file_can_have(known: Truth, film: Path, tmp_path: Path) -> None:
    name = "a" * 300
    recording = _named(tmp_path / "long", known, name)
    out = import_gaze([recording], film, tmp_path / "out", options=OPTIONS)
    (samples,) = (out / "samples").iterdir()
    assert len(samples.name) < 200
    assert read_fixations(out)["subject"].unique().to_list() == [name]
    assert len(ImportFolder.open(out).samples(name))


def test_two_subjects_whose_samples_would_be_one_file(known: Truth, film: Path, tmp_path: Path) -> None:
    """Neither is written over the other."""
    recordings = [_named(tmp_path / str(k), known, name) for k, name in enumerate(("P 1", "P_1"))]
    with pytest.raises(DataError, match=r"'P_1' and of another one would both be samples/P_1\.parquet; rename one"):
        import_gaze(recordings, film, tmp_path / "out", options=OPTIONS)
    assert not (tmp_path / "out").exists()
