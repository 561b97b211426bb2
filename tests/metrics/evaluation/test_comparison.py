"""Comparing predictions: only what both have scored, with intervals and a test that keep to the pairs."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from sightline.errors import DataError
from sightline.metrics.evaluation import Options, evaluate, scores
from sightline.metrics.evaluation.report import distinct_names
from sightline.metrics.evaluation.scores import SequenceScores, Tally

ROWS, COLUMNS = np.mgrid[:24, :32]
QUICK = Options(draws=200, workers=1)


def save(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array.astype(np.uint8)).save(path)


def blob(column: float) -> np.ndarray:
    return 250 * np.exp(-((ROWS - 12) ** 2 + (COLUMNS - column) ** 2) / 40)


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """Twelve pictures; `full` and `quits` are alike, but the latter gives black maps where it is hard."""
    rng = np.random.default_rng(4)
    rows, sizes = ["image,subject,order,x_px,y_px"], ["image,original_width_px,original_height_px"]
    for index in range(12):
        name = f"p{index:02d}"
        column = rng.uniform(8, 24)
        sizes.append(f"{name}.jpg,32,24")
        rows += [f"{name}.jpg,s,{k},{column + rng.normal():.2f},{12 + rng.normal():.2f}" for k in range(2, 7)]
        hard = index >= 6
        values = blob(column + (9 if hard else 1))
        save(tmp_path / "full" / f"{name}.png", values)
        save(tmp_path / "quits" / f"{name}.png", values * (not hard))
        save(tmp_path / "better" / f"{name}.png", blob(column))
    (tmp_path / "gt").mkdir()
    (tmp_path / "gt" / "fixations.csv").write_text("\n".join(rows) + "\n")
    (tmp_path / "gt" / "images.csv").write_text("\n".join(sizes) + "\n")
    return tmp_path


def test_who_leaves_out_the_hard_pictures_beats_nobody(folders: Path) -> None:
    report = evaluate("fixation", folders / "full", folders / "gt", against=[folders / "quits"], options=QUICK)
    (other,) = report.comparisons
    assert other.overall["nss"] > report.overall["nss"] + 0.5  # on the easy half, which is all that it scored
    for key in ("nss", "cc"):
        assert other.difference[key] == pytest.approx(0, abs=1e-12)
        assert other.difference_interval[key] == pytest.approx((0, 0), abs=1e-12)
        assert other.p_value[key] == 1
    assert (report.unscored_frames, other.unscored_frames, other.frames_not_common) == (0, 6, 6)
    assert other.on_common_frames["first"]["nss"] == pytest.approx(other.overall["nss"])
    assert other.difference["kld"] < 0  # nothing predicted is no way out of what can be scored


def test_the_table_marks_the_best_on_common_frames_and_counts_what_is_unscored(folders: Path) -> None:
    against = [folders / "quits", folders / "better"]
    report = evaluate("fixation", folders / "full", folders / "gt", against=against, options=QUICK)
    rows = {line.split("|")[1].strip(): line.split("|")[2:-1] for line in report.markdown().splitlines()}
    assert rows["nss ↑"][3].strip().startswith("**")
    assert "**" not in rows["nss ↑"][0] + rows["nss ↑"][1]
    assert [cell.strip() for cell in rows["unscored frames"]] == ["0", "6", "6 not common", "0", "0 not common"]
    assert "p = " in rows["nss ↑"][4]
    assert r"\textbf{" in report.latex()
    single = evaluate("fixation", folders / "full", folders / "gt", options=QUICK)
    assert "**" not in single.markdown()
    assert "unscored" not in single.markdown()


def test_every_prediction_has_its_own_record(folders: Path, tmp_path: Path) -> None:
    report = evaluate("fixation", folders / "full", folders / "gt", against=[folders / "quits"], options=QUICK)
    report.write_json(tmp_path / "scores.json")
    whole = json.loads((tmp_path / "scores.json").read_text())
    other = whole["comparisons"][0]
    assert set(other["sequences"]) == set(whole["sequences"])
    assert whole["sequences"]["p09"]["nss"] is not None
    assert other["sequences"]["p09"]["nss"] is None
    assert other["inputs"]["sha256"]["p00"] == whole["inputs"]["sha256"]["p00"]  # the same bytes
    assert other["inputs"]["sha256"]["p09"] != whole["inputs"]["sha256"]["p09"]
    assert (whole["name"], other["name"]) == ("full", "quits")
    assert set(other["p_value"]) == set(whole["overall"])


def test_names_tell_folders_apart(tmp_path: Path) -> None:
    assert distinct_names([tmp_path / "a" / "out", tmp_path / "b" / "out"]) == ["a/out", "b/out"]
    assert distinct_names([tmp_path / "a", tmp_path / "b"]) == ["a", "b"]
    assert len(set(distinct_names([tmp_path, tmp_path]))) == 2


def test_predictions_of_other_sequences_are_not_compared(tmp_path: Path) -> None:
    for side in ("gt", "all"):
        for name in "ab":
            save(tmp_path / side / name / "0.png", (blob(12) > 100) * 255)
    save(tmp_path / "one" / "masks" / "0.png", (blob(12) > 100) * 255)
    (tmp_path / "one" / "summary.json").write_text("{}")
    (tmp_path / "one").rename(tmp_path / "a")
    with pytest.raises(DataError, match="other sequences than"):
        evaluate("vos", tmp_path / "all", tmp_path / "gt", against=[tmp_path / "a"], options=QUICK)


# ---------------------------------------------------------------- properties
def sequences(values: list[float]) -> list[SequenceScores]:
    return [
        SequenceScores(str(i), ["0"], {"x": [v]}, {"x": Tally([v], 1.0) if not math.isnan(v) else Tally([], 0.0)})
        for i, v in enumerate(values)
    ]


def finish(means: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {key: value[:, 0] for key, value in means.items()}


# Sixty-fourths: sums of them are exact, so that two differences tie or do not.
parts = st.integers(-320, 320).map(lambda number: number / 64)
numbers = st.lists(parts, min_size=2, max_size=7)


@settings(max_examples=60, deadline=None)
@given(st.data(), numbers)
def test_all_swaps_give_the_exact_p(data: st.DataObject, first: list[float]) -> None:
    second = data.draw(st.lists(parts, min_size=len(first), max_size=len(first)))
    swaps = scores.permutation_weights(len(first), 10_000, 0)
    p = scores.permutation_p(sequences(first), sequences(second), swaps, finish)["x"]
    apart = np.array(first) - np.array(second)
    drawn = [abs((np.array(signs) * apart).mean()) for signs in itertools.product((1, -1), repeat=len(first))]
    expected = np.mean(np.array(drawn) >= abs(apart.mean()) - 1e-12)
    assert p == pytest.approx(expected)
    assert 0 < p <= 1


@settings(max_examples=40, deadline=None)
@given(numbers, st.integers(0, 100))
def test_a_prediction_does_not_differ_from_itself_and_the_order_does_not_matter(first: list[float], seed: int) -> None:
    swaps = scores.permutation_weights(len(first), 64, seed)
    ours, theirs = sequences(first), sequences([value + 1 for value in first])
    assert scores.permutation_p(ours, ours, swaps, finish)["x"] == 1
    one, other = (scores.permutation_p(*pair, swaps, finish)["x"] for pair in ((ours, theirs), (theirs, ours)))
    assert one == pytest.approx(other)


def test_a_large_difference_on_many_sequences_has_a_small_p() -> None:
    first, second = sequences([1.0] * 40), sequences([0.0] * 40)
    swaps = scores.permutation_weights(40, 999, 1)
    assert len(swaps) == 999
    assert set(np.unique(swaps)) == {0.0, 1.0}
    assert 0.4 < swaps.mean() < 0.6
    assert scores.permutation_p(first, second, swaps, finish)["x"] == pytest.approx(1 / 1000)


def test_drawn_permutations_count_the_observed_one() -> None:
    first, second = sequences([0.3, -0.2, 0.1]), sequences([0.0, 0.0, 0.0])
    swaps = np.zeros((9, 3))  # nothing is swapped: every draw is as extreme as what was seen
    swaps[0] = 1
    assert scores.permutation_p(first, second, swaps, finish)["x"] == 1
    swaps[1:, 0] = 1  # 0.3 changes sides: (-0.3 - 0.2 + 0.1) / 3 is more extreme than 0.2 / 3
    swaps[1:, 2] = 1  # and 0.1: (-0.3 - 0.2 - 0.1) / 3
    assert scores.permutation_p(first, second, swaps, finish)["x"] == 1
    swaps[1:, 1] = 1
    swaps[1:, 0] = swaps[1:, 2] = 0  # -0.2 alone: 0.6 / 3, more extreme, too
    assert scores.permutation_p(first, second, swaps, finish)["x"] == 1
    mild = sequences([1.0, 0.2, 0.2])
    swaps = np.tile([0.0, 1.0, 0.0], (9, 1))  # (1 - 0.2 + 0.2) / 3 is less than 1.4 / 3
    assert scores.permutation_p(mild, second, swaps, finish)["x"] == pytest.approx(1 / 10)


def test_the_bootstrap_draws_whole_sequences_in_pairs() -> None:
    weights = scores.bootstrap_weights(6, 500, 0)
    assert (weights.sum(1) == 6).all()
    assert (weights == np.round(weights)).all()
    assert not (weights == 1).all()
    first = {"x": np.array([1.0, 2.0, 3.0])}
    low, high = scores.intervals({"x": np.arange(1001.0)})["x"]  # type: ignore[dict-item]
    assert (low, high) == pytest.approx((25, 975))
    assert scores.intervals(first)["x"] == pytest.approx((1.05, 2.95))


def test_intervals_with_infinities_have_no_holes() -> None:
    values = np.r_[np.full(50, -np.inf), np.arange(950.0)]
    low, high = scores.intervals({"x": values})["x"]
    assert low == -np.inf
    assert math.isfinite(high)
    assert all(map(math.isnan, scores.intervals({"x": np.array([np.nan])})["x"]))
