"""The measures of a recording, against values known by construction and by pymovements."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from gaze import makers
from gaze.makers import DISTANCE_CM, SCREEN, SCREEN_CM, Truth, truth
from sightline.gaze import AlignOptions, EventOptions, Setup, Stimulus, align, read
from sightline.gaze.quality import measure, precision, write_tables
from sightline.gaze.quality_page import figure, write_page
from sightline.gaze.quality_table import known

FILM = Stimulus(Path("film.mp4"), (360, 640), np.arange(60) / 25, 2.4)
SETUP = Setup(SCREEN, SCREEN_CM, DISTANCE_CM)


def aligned(path: Path, **events: object):  # type: ignore[no-untyped-def]
    (recording,) = read(path)
    return align(recording, FILM, AlignOptions(setup=SETUP, events=EventOptions(**events)))  # type: ignore[arg-type]


def test_counts_and_shares(tmp_path: Path) -> None:
    known = truth()
    q = measure(aligned(makers.eyelink(tmp_path, known)))
    lost = sum(label == "blink" for label in known.labels)
    assert q.samples == len(known.time_s)
    assert q.lost_share == pytest.approx(lost / len(known.time_s))
    assert q.rate_hz == pytest.approx(250)
    assert q.jitter_ms == pytest.approx(0, abs=1e-6)
    assert q.off_screen_share == 0
    assert (q.fixations, q.saccades, q.blinks) == (4, 2, 1)
    assert q.fixation_median_s == pytest.approx(0.4)
    assert q.accuracy_deg == 0.27
    assert (q.events, q.agreement) == ("tracker", None)
    assert [words[:48] for words in q.warnings] == ["the file does not say when the stimulus began: t"]


def test_samples_that_were_never_written_are_lost_too(tmp_path: Path) -> None:
    known = truth()
    keep = np.ones(len(known.time_s), dtype=bool)
    keep[110:160] = False
    labels = [label for label, k in zip(known.labels, keep, strict=True) if k]
    gappy = Truth(250, known.time_s[keep], known.xy[keep], labels, known.fixations, known.messages)
    q = measure(aligned(makers.plain(tmp_path, gappy)))
    assert q.pauses == 1
    assert q.longest_pause_s == pytest.approx(51 / 250, abs=1e-3)
    lost = 50 + sum(label == "blink" for label in labels)
    assert q.lost_share == pytest.approx(lost / len(known.time_s), abs=1e-3)
    assert any("pause" in word for word in q.warnings)


def test_off_screen_share(tmp_path: Path) -> None:
    known = truth()
    known.xy[:20] += (5000, 0)
    q = measure(aligned(makers.plain(tmp_path, known)))
    valid = int((~np.isnan(known.xy[:, 0])).sum())
    assert q.off_screen_share == pytest.approx(20 / valid)


def test_disparity(tmp_path: Path) -> None:
    q = measure(aligned(makers.eyelink(tmp_path, truth(), eyes="LR")))
    assert q.disparity_px == pytest.approx(4, abs=0.1)
    assert q.disparity_deg == pytest.approx(4 / 37.9, rel=0.15)  # 37.9 px a degree at the centre


def test_agreement_is_reported_where_both_exist(tmp_path: Path) -> None:
    q = measure(aligned(makers.smi(tmp_path, truth(move_s=0.1)), method="ivt"))
    assert q.agreement is not None
    assert q.agreement > 0.9
    assert q.kappa is not None
    assert q.events == "ivt"


def test_precision_is_pymovements(tmp_path: Path) -> None:
    from pymovements.measure.samples.measures import rms_s2s, std_rms

    rng = np.random.default_rng(3)
    xy = rng.normal(0, 0.2, (100, 2))
    one = pl.DataFrame({"onset_s": [0.0], "duration_s": [1.0], "x": [0.0], "y": [0.0]})
    frame = pl.DataFrame({"position": xy.tolist()})
    theirs = frame.select(rms_s2s(), std_rms()).row(0)
    assert precision(np.arange(100) / 100, xy, one) == pytest.approx(theirs)


def test_precision_is_the_median_over_fixations_and_skips_losses() -> None:
    xy = np.zeros((30, 2))
    xy[:10, 0] = np.arange(10) % 2  # steps of 1
    xy[10:20, 0] = 3 * (np.arange(10) % 2)  # steps of 3
    xy[20:, 0] = 9 * (np.arange(10) % 2)
    xy[25] = np.nan
    three = pl.DataFrame({"onset_s": [0.0, 10.0, 20.0], "duration_s": [10.0] * 3, "x": [0.0] * 3, "y": [0.0] * 3})
    assert precision(np.arange(30.0), xy, three)[0] == pytest.approx(3)
    assert precision(np.arange(30.0), xy, three.clear()) == (None, None)


def test_warnings_name_what_to_look_at(tmp_path: Path) -> None:
    from sightline.gaze.quality import _warnings

    done = aligned(makers.eyelink(tmp_path, truth()))
    bad = replace(
        measure(done), lost_share=0.4, off_screen_share=0.2, declared_rate_hz=1000.0, accuracy_deg=1.5, drift_ppm=2000.0
    )
    said = " ".join(_warnings(bad, done.recording, assumed_start=False))
    for words in (
        "40% of the samples",
        "20% of the gaze",
        "250 Hz measured, 1000 Hz declared",
        "1.5 deg",
        "2.0 ms a second",
    ):
        assert words in said


def test_tables_show_pixels_where_degrees_are_unknown_and_no_empty_columns(tmp_path: Path) -> None:
    row = asdict(measure(aligned(makers.eyelink(tmp_path, truth(), eyes="LR"))))
    headings = [column.heading for column in known([row])]
    assert "RMS-S2S (°)" in headings
    assert "Disparity (°)" in headings
    assert not any("px" in heading for heading in headings)
    assert "Tracker agrees" not in headings
    row |= dict.fromkeys(("precision_rms_deg", "precision_sd_deg", "disparity_deg"))
    headings = [column.heading for column in known([row])]
    assert [heading for heading in headings if "px" in heading] == ["RMS-S2S (px)", "SD (px)", "Disparity (px)"]
    assert "RMS-S2S (°)" not in headings


def test_the_report_in_three_forms(tmp_path: Path) -> None:
    path = makers.eyelink(tmp_path, truth())
    done = aligned(path)
    q = replace(measure(done), subject="<Anna & Ben>", warnings=("look",))
    write_tables(tmp_path, [q])
    assert json.loads((tmp_path / "quality.json").read_text())[0]["subject"] == "<Anna & Ben>"
    assert pl.read_csv(tmp_path / "quality.csv")["fixations"].to_list() == [4]
    write_page(tmp_path / "quality.html", "Gaze on film.mp4", [q], [figure(done)])
    page = (tmp_path / "quality.html").read_text()
    assert "&lt;Anna &amp; Ben&gt;" in page
    assert "<Anna" not in page
    assert page.count("data:image/png;base64,") == 1
    assert "http" not in page  # it needs nothing from elsewhere
