"""A whole experiment: 8 viewers, 12 images and 3 videos in shuffled order, in one import, scored against maps."""

from __future__ import annotations

import csv
import json
import random
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gaze.formats.test_eyelink import HEAD
from hostile.corpus import write_video
from sightline.cli import main
from sightline.errors import DataError, OutputError
from sightline.gaze import AlignOptions, ImportFolder, ReadOptions, Setup, import_study, read_fixations
from sightline.gaze.study import Study

IMAGES = [f"photo{k:02d}" for k in range(12)]
VIDEOS = [f"clip{k}" for k in range(3)]
SIZE = (60, 80)  # of every stimulus, shown at twice its size in the middle of a 320x240 screen


@pytest.fixture(scope="module")
def stimuli(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shown")
    for k, name in enumerate(IMAGES):
        Image.new("RGB", SIZE[::-1], (20 * k, 90, 120)).save(folder / f"{name}.png")
    (folder / "videos").mkdir()
    for name in VIDEOS:
        write_video(folder / "videos" / f"{name}.mp4", frames=25, size=SIZE)
    return folder


def spots(name: str) -> list[tuple[float, float]]:
    """Where everybody looks on a stimulus, in its pixels: two fixations."""
    k = (IMAGES + VIDEOS).index(name)
    return [(10.0 + 4 * k, 20.0), (12.0 + 3 * k, 40.0)]


def trial(start: int, number: int, name: str, naming: str, lost: int = 0) -> str:
    """A second at 100 Hz: each of two spots for half of it; the last `lost` samples of either without gaze."""
    file = f"{name}.png" if name in IMAGES else f"{name}.mp4"
    place = f"!V IMGLOAD TOP_LEFT shown/{file} 80 60 160 120"
    said = {
        "imgload": (f"TRIALID {number}", place, ""),
        "variable": (f"TRIALID {number}", "", f"!V TRIAL_VAR picture {file}"),
        "trialid": (f"TRIALID {name}", "", ""),
        "message": (f"TRIALID {number}", f"now showing {file}", ""),
    }[naming]
    lines = [f"MSG\t{start - 30} {said[0]}", f"MSG\t{start - 10} RECCFG CR 100 2 1 R"]
    lines += [f"MSG\t{start - 10} GAZE_COORDS 0.00 0.00 319.00 239.00", f"START\t{start} \tRIGHT\tSAMPLES\tEVENTS"]
    lines += ["SAMPLES\tGAZE\tRIGHT\tRATE\t100.00\tTRACKING\tCR\tFILTER\t2"]
    lines += [f"MSG\t{start} {said[1]}"] if said[1] else []
    for half, (x, y) in enumerate(spots(name)):
        at = f"  {80 + 2 * x:.1f}\t  {60 + 2 * y:.1f}"
        begin = start + 500 * half
        lines.append(f"SFIX R   {begin}")
        for k in range(50):
            lines.append(f"{begin + 10 * k}\t{at if k < 50 - lost else '   .	   .'}\t  900.0\t...")
        lines.append(f"EFIX R   {begin}\t{begin + 490}\t500\t{at}\t    900")
    lines += [f"END\t{start + 1000} \tSAMPLES\tEVENTS\tRES\t  35.00\t  35.00"]
    lines += [f"MSG\t{start + 1010} {said[2]}"] if said[2] else []
    lines += [f"MSG\t{start + 1020} TRIAL_RESULT 0"]
    return "\n".join(lines) + "\n"


def record(
    folder: Path, viewers: int = 8, naming: str = "imgload", lossy: Sequence[str] = (), skip: Sequence[str] = ()
) -> list[Path]:
    """An ASC file a viewer, each with the 15 trials in an order of its own; of "V:name" in skip there is none."""
    paths = []
    for v in range(viewers):
        order = IMAGES + VIDEOS
        random.Random(v).shuffle(order)
        text = HEAD
        for number, name in enumerate((n for n in order if f"P{v + 1}:{n}" not in skip), start=1):
            text += trial(10_000 + 5000 * number, number, name, naming, lost=10 * (f"P{v + 1}" in lossy))
        paths.append(folder / f"P{v + 1}.asc")
        paths[-1].write_text(text)
    return paths


AT = ("--placement", "80,60,160,120")
PLACED = AlignOptions(setup=Setup(placement="80,60,160,120"))


def run(capsys: pytest.CaptureFixture[str], *argv: object) -> tuple[int, str, str]:
    code: object = 0
    try:
        main([str(arg) for arg in argv])
    except SystemExit as done:
        code = done.code
    out, error = capsys.readouterr()
    return int(str(code or 0)), out, error


def test_one_command_imports_the_experiment_and_evaluate_scores_it(
    stimuli: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = record(tmp_path, lossy=["P3"], skip=["P5:photo07"])
    study = tmp_path / "study"
    code, out, _ = run(capsys, "gaze", "import", *paths, "--stimuli", stimuli, "--out", study)
    assert code == 0
    assert "15 stimuli, 8 viewers, trials: 119 imported, 1 missing" in out
    assert {p.name for p in study.iterdir()} == {
        *IMAGES, *VIDEOS, "study.json", "trials.csv", "quality.json", "quality.csv", "quality.html"
    }  # fmt: skip
    for name in IMAGES + VIDEOS:
        table = read_fixations(study / name)
        viewers = 8 - (name == "photo07")
        assert table["subject"].n_unique() == viewers
        for (x, y), onset in zip(spots(name), (0.0, 0.5), strict=True):
            mine = table.filter((table["onset_s"] - onset).abs() < 0.01)
            assert len(mine) == viewers
            np.testing.assert_allclose(mine.select("x_px", "y_px"), [[x, y]] * viewers, atol=0.01)
    with (study / "trials.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [(r["subject"], r["stimulus"]) for r in rows if r["status"] == "missing"] == [("P5", "photo07")]
    assert {r["status"] for r in rows if r["subject"] == "P3"} == {"imported"}
    quality = Study.open(study).quality()
    assert {q["subject"]: round(q["lost_share"], 2) for q in quality} == {f"P{k}": 0.2 * (k == 3) for k in range(1, 9)}
    assert next(q["problems"] for q in quality if q["subject"] == "P3") == ["20% of the samples are lost"]
    page = (study / "quality.html").read_text()
    assert "1 with problems: P3." in page
    assert 'href="photo03/quality.html"' in page

    # Maps that know where everybody looks, and others that do not, scored by the same command.
    for kind in ("right", "wrong"):
        for name in IMAGES + VIDEOS:
            _predict(tmp_path / kind / name, name, right=kind == "right")
    scores = {}
    for kind in ("right", "wrong"):
        file = tmp_path / f"{kind}.json"
        code, _, error = run(capsys, "evaluate", "fixation", tmp_path / kind, study, "--sigma", "3", "--json", file)
        assert code == 0, error
        scores[kind] = json.loads(file.read_text())["overall"]
    assert scores["right"]["nss"] > 3
    assert scores["wrong"]["nss"] < 0.5


def _predict(folder: Path, name: str, *, right: bool) -> None:
    """Maps with a blob where the viewers look, or in a corner; a frame for each of the stimulus."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
    (folder / "saliency").mkdir(parents=True)
    frames = 1 if name in IMAGES else 25
    for frame in range(frames):
        looked = spots(name) if frames == 1 else [spots(name)[int(frame >= 13)]]
        at = looked if right else [(75.0, 5.0)]
        heat = sum(np.exp(-((x - a) ** 2 + (y - b) ** 2) / 18) for a, b in at)
        picture = (65535 * heat / np.max(heat)).astype(np.uint16)
        Image.fromarray(picture).save(folder / "saliency" / f"{frame:05d}.png")


@pytest.mark.parametrize("naming", ["variable", "trialid", "message"])
def test_every_way_of_naming_trials(naming: str, stimuli: Path, tmp_path: Path) -> None:
    reading = ReadOptions(trial_message="now showing (.+)") if naming == "message" else None
    made = import_study(record(tmp_path, 2, naming), stimuli, tmp_path / "out", reading=reading, options=PLACED)
    assert made.counts == {"imported": 30}
    for name in ("photo04", "clip1"):
        np.testing.assert_allclose(read_fixations(made.path / name)["x_px"][0], spots(name)[0][0], atol=0.01)


def test_trials_that_name_nothing(stimuli: Path, tmp_path: Path) -> None:
    paths = record(tmp_path, 1, "message")
    with pytest.raises(DataError, match=r"no trial is called like a stimulus in it \(trials: 1, .* `trial_message`"):
        import_study(paths, stimuli, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_trial_whose_message_names_a_stimulus_is_told_how(stimuli: Path, tmp_path: Path) -> None:
    for naming in ("imgload", "message"):
        (tmp_path / naming).mkdir()
    named, numbered = *record(tmp_path / "imgload", 1), *record(tmp_path / "message", 1, "message")
    numbered = numbered.rename(numbered.with_name("P2.asc"))
    made = import_study([named, numbered], stimuli, tmp_path / "out", options=PLACED)
    assert made.counts == {"imported": 15, "unknown": 15, "missing": 15}
    unknown = next(each for each in made.trials if each.status == "unknown" and each.trial == "1")
    assert re.fullmatch(
        r"the trial is called 1; no stimulus is \(its message 'now showing \w+\.(png|mp4)' does: `trial_message`\)",
        unknown.note,
    )


def test_what_fails_does_not_stop_the_others(stimuli: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad, odd = record(tmp_path, 3, "trialid")
    bad.write_text("apples,pears\n1,2\n")
    text = odd.read_text()
    text += trial(900_000, 16, "photo02", "trialid") + trial(910_000, 17, "photo03", "trialid").replace(
        "photo03", "pause"
    )
    far = trial(920_000, 18, "photo05", "trialid")
    odd.write_text(text.replace("TRIALID photo05", "TRIALID practice") + far.replace("\t  ", "\t  9"))
    made = import_study([good, bad, odd], stimuli, tmp_path / "out", options=PLACED)
    assert made.counts == {"imported": 29, "failed": 2, "repeated": 1, "unknown": 2, "missing": 15}
    notes = {(each.subject, each.trial): each.note for each in made.trials if each.status in ("failed", "unknown")}
    assert "no export of a known eye tracker" in notes["P2", ""]
    assert "lie beside" in notes["P3", "photo05"]
    assert notes["P3", "pause"] == "the trial is called pause; no stimulus is"
    files = [good, bad, odd]
    code, _, said = run(capsys, "gaze", "import", *files, "--stimuli", stimuli, "--out", tmp_path / "out", *AT)
    assert code == 1
    assert "P2, P2.asc: failed" in said.replace(f"{tmp_path}/", "")
    again = import_study([good], stimuli, tmp_path / "out", options=PLACED)
    assert again.counts == {"imported": 15}
    assert ImportFolder.open(tmp_path / "out" / "photo00").fixations()["subject"].unique().to_list() == ["P1"]
    assert Study.open(tmp_path / "out").trials == again.trials


def test_studies_that_cannot_be(stimuli: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (path,) = record(tmp_path, 1, "trialid")
    with pytest.raises(DataError, match="no such folder"):
        import_study([path], tmp_path / "none", tmp_path / "out")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no image or video in it"):
        import_study([path], tmp_path / "empty", tmp_path / "out")
    Image.new("RGB", (8, 8)).save(tmp_path / "empty" / "a.png")
    Image.new("RGB", (8, 8)).save(tmp_path / "empty" / "a.jpg")
    with pytest.raises(DataError, match=r"a\.png: called like .*a\.jpg"):
        import_study([path], tmp_path / "empty", tmp_path / "out")
    (tmp_path / "busy").mkdir()
    (tmp_path / "busy" / "thesis.tex").write_text("x")
    with pytest.raises(OutputError, match="there is something else already"):
        import_study([path], stimuli, tmp_path / "busy")
    code, _, error = run(capsys, "gaze", "import", path, "--out", tmp_path / "out")
    assert (code, error) == (
        2, "sightline: give either --stimulus, what was watched, or --stimuli, the folder of all that was shown\n"
    )  # fmt: skip
    code, _, error = run(
        capsys, "gaze", "import", path, "--stimuli", stimuli, "--trial", "1", "--out", tmp_path / "out"
    )
    assert code == 2
    assert "--trial chooses one trial a file, but --stimuli imports all" in error
