"""The measures of a recording, against values known by construction and by pymovements."""

from __future__ import annotations

import base64
import io
import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from gaze import makers
from gaze.makers import DISTANCE_CM, SCREEN, SCREEN_CM, Truth, truth
from sightline.gaze import AlignOptions, EventOptions, Setup, Stimulus, align, read
from sightline.gaze.quality import measure, of_viewer, precision, write_tables
from sightline.gaze.quality_page import figure, write_page
from sightline.gaze.quality_table import known, worst_first

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


def test_problems_come_before_what_is_worth_a_look(tmp_path: Path) -> None:
    from sightline.gaze.quality import _notes, _problems

    done = aligned(makers.eyelink(tmp_path, truth()))
    bad = replace(
        measure(done),
        lost_share=0.11,
        off_screen_share=0.2,
        declared_rate_hz=1000.0,
        accuracy_deg=1.5,
        drift_ppm=-2000.0,
        precision_rms_deg=0.6,
    )
    assert _problems(bad) == (
        "11% of the samples are lost",
        "noisy: RMS-S2S 0.60 degrees",
        "the validation was off by 1.5 degrees",
        "the clocks drift by -2.0 ms a second",
    )
    said = _notes(bad, done.recording, assumed_start=True)
    assert said[:2] == ["20% of the gaze lies beside the screen", "250 Hz measured, 1000 Hz declared"]
    assert "first sample" in said[-1]
    assert _problems(replace(bad, lost_share=0.1, drift_ppm=1000.0, accuracy_deg=1.0, precision_rms_deg=0.5)) == ()


def test_the_worst_recordings_come_first(tmp_path: Path) -> None:
    q = measure(aligned(makers.eyelink(tmp_path, truth())))
    lossy = replace(q, subject="lossy", lost_share=0.3, problems=("30% lost",), warnings=("30% lost", "also"))
    noisy = replace(q, subject="noisy", lost_share=0.2, problems=("noise", "20% lost"), warnings=("noise", "20% lost"))
    write_page(tmp_path / "q.html", "Gaze", [replace(q, subject="good"), lossy, noisy], [""] * 3)
    page = (tmp_path / "q.html").read_text()
    assert [page.index(f"<h2>{name} ") for name in ("noisy", "lossy", "good")] == sorted(
        page.index(f"<h2>{name} ") for name in ("noisy", "lossy", "good")
    )
    assert "2 with problems: noisy, lossy." in page
    assert page.count('<td class="bad" data-value="0.3">30.0%</td>') == 1
    assert page.index("30% lost") < page.index("also")
    rows = [asdict(each) for each in (q, lossy, noisy)]
    assert worst_first(rows) == [2, 1, 0]


def test_the_quality_of_a_viewer_over_trials(tmp_path: Path) -> None:
    q = measure(aligned(makers.eyelink(tmp_path, truth())))
    one = replace(
        q, samples=100, lost_share=0.0, fixations=4, accuracy_deg=0.4, blinks=None, problems=(), warnings=("x",)
    )
    two = replace(q, samples=300, lost_share=0.2, fixations=6, accuracy_deg=0.7, blinks=2, problems=("20% lost",),
                  warnings=("20% lost", "x"))  # fmt: skip
    found = of_viewer("Eve", [("dog", one), ("cat", two)])
    assert (found.subject, found.samples, found.fixations, found.blinks) == ("Eve", 400, 10, 2)
    assert (found.lost_share, found.accuracy_deg) == (pytest.approx(0.15), 0.7)
    assert found.problems == ("15% of the samples are lost",)
    assert found.warnings == ("15% of the samples are lost", "20% lost (cat)", "x (in every trial)")


def test_the_stimulus_is_drawn_where_it_lay(tmp_path: Path) -> None:
    done = aligned(makers.eyelink(tmp_path, truth()))
    red = np.zeros((60, 80, 3), dtype=np.uint8)
    red[..., 0] = 255
    drawn = np.asarray(Image.open(io.BytesIO(base64.b64decode(figure(done, red)))).convert("RGB")).astype(int)
    pale = (np.abs(drawn - [255, 115, 115]).max(axis=2) < 4).nonzero()  # the picture, nearer to white
    height, width = np.ptp(pale[0]), np.ptp(pale[1])
    place = done.viewing.placement
    assert height > 100
    assert width / height == pytest.approx(place.width / place.height, rel=0.03)


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
