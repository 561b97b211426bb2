"""`sightline gaze` from the outside."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from gaze import makers
from gaze.makers import truth
from hostile.corpus import write_video
from sightline.cli import main

SCREEN = ["--screen", "1920x1080", "--screen-cm", "53x29.8125", "--distance-cm", "60"]


def run(capsys: pytest.CaptureFixture[str], *argv: object) -> tuple[int, str, str]:
    """Exit code, standard output and standard error."""
    with pytest.raises(SystemExit) as done:
        main([str(word) for word in argv])
    said = capsys.readouterr()
    return int(done.value.code or 0), said.out, said.err


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return write_video(tmp_path / "film.mp4", frames=40, size=(48, 64))


def test_import_map_plot_and_ceiling(film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = []
    for seed, name in enumerate(("ann", "ben")):
        (tmp_path / name).mkdir()
        made = makers.eyelink(tmp_path / name, truth(seed=seed))
        files.append(made.rename(made.with_name(f"{name}.asc")))
    out = tmp_path / "out"
    code, said, _ = run(capsys, "gaze", "import", *files, "--stimulus", film, *SCREEN, "--out", out)
    assert code == 0
    title, *_, ann, ben = said.splitlines()
    assert title == f"{out}: 8 fixations of 2 subjects"
    measured = json.loads((out / "quality.json").read_text())
    for row, q in zip((ann, ben), measured, strict=True):  # the report's measures, those that fit a terminal
        shown = [q["subject"], f"{q['rate_hz']:.1f}", f"{q['jitter_ms']:.2f}", f"{q['lost_share']:.1%}"]
        assert row.split()[:4] == shown
    assert pl.read_csv(out / "fixations.csv")["subject"].unique().sort().to_list() == ["ann", "ben"]
    assert run(capsys, "gaze", "map", out, "--sigma", "2px")[:2] == (0, f"{out / 'maps'}\n")
    assert len(list((out / "maps/pooled/saliency").iterdir())) == 40
    again = [*files, "--stimulus", film, *SCREEN, "--out", out, "--maps", "--sigma", "3px"]
    assert run(capsys, "gaze", "import", *again)[0] == 0
    assert json.loads((out / "maps/pooled/maps.json").read_text())["sigma"] == "3px"
    assert json.loads(run(capsys, "gaze", "map", out, "--sigma", "2px", "--json")[1]) == {"out": str(out / "maps")}
    assert run(capsys, "gaze", "plot", out, "--subject", "ann")[:2] == (0, f"{out / 'gaze.mp4'}\n")
    code, said, _ = run(capsys, "gaze", "ceiling", out, "--frames", 5, "--sigma", "2px", "--json")
    result = json.loads(said)
    assert code == 0
    assert result["stimuli"][0]["viewers"] == 2
    assert result["mean"]["nss"] > 3


def test_import_as_json(film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = makers.smi(tmp_path, truth())
    argv = ["gaze", "import", path, "--stimulus", film, "--out", tmp_path / "out", "--events", "ivt", "--json"]
    code, said, _ = run(capsys, *argv)
    (one,) = json.loads(said)["recordings"]
    assert code == 0
    assert one["events"] == "ivt"
    assert one["agreement_with_tracker"]["share"] > 0.9


def test_inspect(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = makers.plain(tmp_path, truth())
    code, said, _ = run(capsys, "gaze", "inspect", path)
    assert code == 0
    for words in ("csv, subject Anna", "at 250.0 Hz", "both (97.", "4 fixations", "--screen", "--screen-cm"):
        assert words in said
    code, said, _ = run(capsys, "gaze", "inspect", makers.eyelink(tmp_path, truth()), "--json")
    (found,) = json.loads(said)
    assert found["screen_px"] == [1080, 1920]
    assert found["calibrated"] is True
    assert found["trial"] == "film"
    assert found["events"] == {"fixation": 4, "saccade": 2, "blink": 1}


def test_named_columns(film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = makers.plain(tmp_path, truth())
    path.write_text(path.read_text().replace("subject,time_ms,x,y", "who,clock_ms,gx,gy"))
    argv = ["gaze", "import", path, "--stimulus", film, *SCREEN, "--out", tmp_path / "out", "--format", "csv"]
    argv += ["--column", "time=clock_ms", "--column", "x=gx", "--column", "y=gy"]
    assert run(capsys, *argv)[0] == 0
    code, _, error = run(capsys, *argv, "--column", "z")
    assert code == 2
    assert "NAME=COLUMN is expected" in error


@pytest.mark.parametrize(
    ("argv", "code", "words"),
    [
        (["--screen", "wide"], 2, "--screen 'wide': WIDTHxHEIGHT is expected"),
        (["--screen", "0x900"], 2, "--screen '0x900': WIDTHxHEIGHT is expected"),
        (["--screen", "400x200"], 1, "lie beside the 400x200 screen"),
        (["--format", "edf"], 2, "--format 'edf': choose one of"),
        (["--events", "magic"], 2, "--events 'magic'"),
        ([], 2, "give --screen"),
        ([*SCREEN, "--offset", "1", "--start-message", "GO"], 2, "both set the clock"),
        ([*SCREEN, "--trial", "7"], 1, "no trial '7'"),
    ],
)
def test_one_line_and_the_right_exit_code(
    argv: list[str], code: int, words: str, film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = makers.plain(tmp_path, truth())
    done, out, error = run(capsys, "gaze", "import", path, "--stimulus", film, "--out", tmp_path / "out", *argv)
    assert (done, out) == (code, "")
    assert error.startswith("sightline: ")
    assert words in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_help_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    code, said, _ = run(capsys, "gaze", "import", "--help")
    assert code == 0
    assert "sightline gaze import sub01.asc --stimulus film.mp4" in said


def test_what_was_not_imported_is_told(film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = makers.plain(tmp_path, truth()), tmp_path / "other.csv"
    bad.write_text("onset,duration,x,y\n0.2,310,5,6\n0.55,250,5,6\n")
    code, out, error = run(capsys, "gaze", "import", good, bad, "--stimulus", film, *SCREEN, "--out", tmp_path / "out")
    assert code == 1
    assert "4 fixations of 1 subject" in out
    assert "not imported: " in error
    assert "say it with --time-unit s, ms, us or ns" in error
    code, out, _ = run(
        capsys, "gaze", "import", bad, "--time-unit", "ms", "--stimulus", film, *SCREEN, "--out", tmp_path / "b"
    )
    assert (code, out.splitlines()[0]) == (0, f"{tmp_path / 'b'}: 2 fixations of 1 subject")
