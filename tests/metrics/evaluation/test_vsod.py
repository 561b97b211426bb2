"""Scoring folders of maps against masks, with py-sod-metrics beside it."""

from __future__ import annotations

import math
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from sightline.errors import DataError
from sightline.metrics.evaluation import Options, evaluate


def save(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Two sequences of five and three frames in the layout of DAVSOD; one frame has no object."""
    rng = np.random.default_rng(0)
    for name, length in (("long", 5), ("short", 3)):
        for index in range(length):
            noise = gaussian_filter(rng.random((33, 47)), 4)
            gt = noise > np.quantile(noise, 0.8)
            if name == "long" and index == 2:
                gt[:] = False
            save(tmp_path / "gt" / name / "ground-truth" / f"{name}_{index:05d}.png", gt.astype(np.uint8) * 255)
            pred = gaussian_filter(gt + 0.3 * rng.random(gt.shape), 2)
            save(tmp_path / "pred" / name / f"{index:05d}.png", np.round(200 * pred / pred.max()).astype(np.uint8))
    return tmp_path / "pred", tmp_path / "gt"


def by_reference(pred: Path, gt: Path) -> dict[str, float]:
    reference = pytest.importorskip("py_sod_metrics")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        s, e, f, w, m = (
            getattr(reference, name)() for name in ("Smeasure", "Emeasure", "Fmeasure", "WeightedFmeasure", "MAE")
        )
        for path in sorted(pred.rglob("*.png")):
            truth = next((gt / path.parent.name / "ground-truth").glob(f"*{path.name}"))
            for measure in (s, e, f, w, m):
                measure.step(np.asarray(Image.open(path)), np.asarray(Image.open(truth)))
        em, fm = e.get_results()["em"], f.get_results()["fm"]
    return {
        "s_measure": s.get_results()["sm"], "e_measure_adp": em["adp"], "e_measure_mean": em["curve"].mean(),
        "e_measure_max": em["curve"].max(), "f_measure_adp": fm["adp"], "f_measure_mean": fm["curve"].mean(),
        "f_measure_max": fm["curve"].max(), "weighted_f": w.get_results()["wfm"], "mae": m.get_results()["mae"],
    }  # fmt: skip


def test_the_protocol_of_py_sod_metrics_is_py_sod_metrics(folders: tuple[Path, Path]) -> None:
    report = evaluate("vsod", *folders, "pysodmetrics", options=Options(draws=20))
    assert report.unscored_frames == 0
    expected = by_reference(*folders)
    assert report.overall == {key: pytest.approx(value, abs=1e-9) for key, value in expected.items()}


def test_exact_counts_frames_without_an_object_and_averages_over_sequences(folders: tuple[Path, Path]) -> None:
    report = evaluate("vsod", *folders, options=Options(draws=20))
    assert report.unscored_frames == 1
    long = next(one for one in report.details if one.name == "long")
    assert math.isnan(long.values["s_measure"][2])
    assert not math.isnan(long.values["mae"][2])
    means = [report.sequences[name]["s_measure"] for name in ("long", "short")]
    assert report.overall["s_measure"] == pytest.approx(np.mean(means))
    curves = np.array(report.curves["f_measure"])
    assert report.overall["f_measure_max"] == pytest.approx(curves.max())
    assert report.overall["f_measure_mean"] == pytest.approx(curves.mean())


def test_davsod_leaves_the_ends_out_and_scores_empty_frames_zero(folders: tuple[Path, Path]) -> None:
    report = evaluate("vsod", *folders, "davsod", options=Options(draws=20))
    long = next(one for one in report.details if one.name == "long")
    assert [frame[-1] for frame in long.frames] == ["1", "2", "3"]
    assert long.values["f_measure_adp"][1] == 0
    assert long.values["weighted_f"][1] == 0
    assert report.unscored_frames == 0


def test_sixteen_bit_maps_score_as_the_floats_they_are(folders: tuple[Path, Path], tmp_path: Path) -> None:
    pred, gt = folders
    deep = tmp_path / "deep"
    for path in pred.rglob("*.png"):
        save(deep / path.relative_to(pred), np.asarray(Image.open(path)).astype(np.uint16) * 257)
    one, other = (evaluate("vsod", folder, gt, options=Options(draws=5)) for folder in (pred, deep))
    assert one.overall == {key: pytest.approx(value, abs=1e-9) for key, value in other.overall.items()}


def test_sets_of_single_images_are_scored(folders: tuple[Path, Path], tmp_path: Path) -> None:
    pred, gt = folders
    for side, root, folder in (("p", pred, "long"), ("g", gt, "long/ground-truth")):
        for path in (root / folder).iterdir():
            save(tmp_path / side / f"image{path.stem[-1]}.png", np.asarray(Image.open(path)))
    report = evaluate("vsod", tmp_path / "p", tmp_path / "g", options=Options(draws=5))
    assert sorted(report.sequences) == [f"image{i}" for i in range(5)]


def test_maps_out_of_range_name_their_file(folders: tuple[Path, Path]) -> None:
    pred, gt = folders
    path = pred / "short" / "00001.png"
    path.unlink()
    np.save(path.with_suffix(".npy"), np.full((33, 47), 3.0))
    with pytest.raises(DataError, match=r"00001\.npy: values from 3 to 3; a map from 0 to 1"):
        evaluate("vsod", pred, gt)
