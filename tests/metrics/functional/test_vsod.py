"""Salient-object metrics against py-sod-metrics, hand-computed cases, and what must hold for any map."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from sightline.errors import UsageError
from sightline.metrics.evaluation.vsod import score_frame
from sightline.metrics.functional import vsod
from sightline.metrics.protocols import VSOD

reference = pytest.importorskip("py_sod_metrics")

KINDS = ("random", "smooth", "sparse", "narrow", "constant")


def example(kind: str, seed: int, size: tuple[int, int] = (41, 29)) -> tuple[np.ndarray, np.ndarray]:
    """A grey uint8 map and an object mask."""
    rng = np.random.default_rng(seed)
    values = rng.random(size)
    if kind == "smooth":
        values = gaussian_filter(values, 4)
    if kind == "sparse":
        values *= rng.random(size) < 0.05
    if kind == "narrow":
        values = 0.4 + 0.1 * values
    if kind == "constant":
        values = np.full(size, rng.random() * (seed > 0))
    noise = gaussian_filter(rng.random(size), 3)
    return np.round(255 * values).astype(np.uint8), noise > np.quantile(noise, rng.uniform(0.1, 0.9))


def by_reference(pred: np.ndarray, gt: np.ndarray) -> dict[str, np.ndarray]:
    """Scores of py-sod-metrics; the curves from threshold 0 to 1."""
    grey = gt.astype(np.uint8) * 255
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        measures = [getattr(reference, f"{name}measure")() for name in ("S", "E", "F", "WeightedF")] + [reference.MAE()]
        for measure in measures:
            measure.step(pred, grey)
        s, e, f, w, m = (measure.get_results() for measure in measures)
    return {
        "s": s["sm"], "e": e["em"]["adp"], "e curve": e["em"]["curve"][::-1], "f": f["fm"]["adp"],
        "f curve": f["fm"]["curve"][::-1], "w": w["wfm"], "mae": m["mae"],
    }  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [(41, 29), (24, 70), (9, 7)], ids=str)
@pytest.mark.parametrize("as_float", [False, True], ids=["uint8", "float"])
def test_agrees_with_py_sod_metrics(kind: str, size: tuple[int, int], as_float: bool) -> None:
    for seed in range(8):
        pred, gt = example(kind, seed, size)
        expected = by_reference(pred, gt)
        maps, masks = torch.from_numpy(pred), torch.from_numpy(gt)
        maps = maps.double() / 255 if as_float else maps
        summary = vsod.summarize(maps, masks, stretch=True, floor=True)
        f, e = vsod.f_measure_of(summary), vsod.e_measure_of(summary, unbiased=True)
        ours = {
            "s": vsod.s_measure_pysodmetrics(maps, masks), "e": e.adaptive, "e curve": e.curve[0], "f": f.adaptive,
            "f curve": f.curve[0], "w": vsod.weighted_f(maps, masks, stretch=True), "mae": vsod.mae_of(summary),
        }  # fmt: skip
        for name, value in ours.items():
            assert value.squeeze().numpy() == pytest.approx(expected[name], abs=1e-9, nan_ok=True), name


@pytest.mark.parametrize("filled", [False, True], ids=["empty", "full"])
def test_its_protocol_scores_frames_without_object_or_background_as_it_does(filled: bool) -> None:
    protocol = next(protocol for protocol in VSOD if protocol.name == "pysodmetrics")
    for kind in KINDS:
        pred, gt = example(kind, 1)[0], np.full((41, 29), filled)
        expected = by_reference(pred, gt)
        scores, curves = score_frame(torch.from_numpy(pred), torch.from_numpy(gt), protocol)
        names = {"s": "s_measure", "e": "e_measure_adp", "f": "f_measure_adp", "w": "weighted_f", "mae": "mae"}
        for theirs, ours in names.items():
            assert scores[ours] == pytest.approx(expected[theirs], abs=1e-6, nan_ok=True), (kind, ours)
        for theirs, ours in {"e curve": "e_measure", "f curve": "f_measure"}.items():
            assert curves[ours] == pytest.approx(expected[theirs], abs=1e-6, nan_ok=True), (kind, ours)


def test_a_perfect_map_is_perfect() -> None:
    gt = torch.from_numpy(example("smooth", 0)[1])
    pred = gt.double()
    assert vsod.mae(pred, gt) == 0
    assert vsod.s_measure(pred, gt).item() == pytest.approx(1)
    assert vsod.weighted_f(pred, gt).item() == pytest.approx(1)
    assert vsod.f_measure(pred, gt).adaptive.item() == pytest.approx(1)
    assert vsod.e_measure(pred, gt).curve[1:].numpy() == pytest.approx(1)
    assert (vsod.e_measure(pred, gt).curve <= 1).all()


def test_f_measure_by_hand() -> None:
    gt = torch.tensor([[True, True, False, False]])
    pred = torch.tensor([[1.0, 0.4, 0.6, 0.0]])  # mean 0.5, so the adaptive threshold is 1
    f = vsod.f_measure(pred, gt)
    assert f.adaptive.item() == pytest.approx(1.3 * 0.5 / (0.3 + 0.5))
    assert f.curve[0].item() == pytest.approx(1.3 * 0.5 / (0.3 * 0.5 + 1))
    precision, recall = vsod.precision_recall(vsod.summarize(pred, gt))
    assert (precision[0, 128].item(), recall[0, 128].item()) == (0.5, 0.5)


def test_thresholds_of_grey_levels_hold_in_floats_too() -> None:
    """Each grey level k / 255 reaches the threshold k / 255, however the division rounds."""
    pred = torch.arange(256, dtype=torch.uint8)[None]
    gt = torch.ones(1, 256, dtype=torch.bool)
    above = torch.arange(256, 0, -1.0)
    for maps in (pred, pred.double() / 255, pred.float() / 255):
        summary = vsod.summarize(maps, gt)
        assert torch.equal(summary.above[0, 1], above.double()), maps.dtype


def test_empty_ground_truth_is_nan_but_for_mae() -> None:
    pred, gt = torch.rand(8, 9), torch.zeros(8, 9, dtype=torch.bool)
    assert vsod.mae(pred, gt).item() == pytest.approx(pred.double().mean().item())
    for score in (vsod.s_measure, vsod.weighted_f):
        assert score(pred, gt).isnan()
    for curve in (vsod.e_measure, vsod.f_measure):
        assert curve(pred, gt).adaptive.isnan()
        assert curve(pred, gt).curve.isnan().all()


def test_full_ground_truth_is_scored() -> None:
    pred, gt = torch.rand(8, 9), torch.ones(8, 9, dtype=torch.bool)
    assert vsod.s_measure(pred, gt).item() == pytest.approx(pred.double().mean().item())
    assert vsod.f_measure(pred, gt).curve[0].item() == pytest.approx(1)
    assert vsod.e_measure(pred, gt).curve[0] == 1
    assert 0 < vsod.weighted_f(pred, gt) < 1


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 24), st.integers(1, 24), st.booleans())
def test_ranges_and_batches(seed: int, height: int, width: int, as_float: bool) -> None:
    generator = torch.Generator().manual_seed(seed)
    pred = torch.randint(0, 256, (2, 2, height, width), generator=generator, dtype=torch.uint8)
    maps = pred.float() / 255 if as_float else pred
    gt = torch.rand(2, 2, height, width, generator=generator) < 0.4
    batch = torch.stack(
        [
            vsod.mae(maps, gt), vsod.s_measure(maps, gt), vsod.weighted_f(maps, gt),
            vsod.f_measure(maps, gt).adaptive, vsod.e_measure(maps, gt).adaptive,
            vsod.f_measure(maps, gt).curve.mean(-1), vsod.e_measure(maps, gt).curve.mean(-1),
        ]
    )  # fmt: skip
    scored = batch[~batch.isnan()]
    assert ((scored >= 0) & (scored <= 1 + 1e-12)).all()
    assert not batch[0].isnan().any()
    for i in range(2):
        for j in range(2):
            one = maps[i, j], gt[i, j]
            single = torch.stack(
                [
                    vsod.mae(*one), vsod.s_measure(*one), vsod.weighted_f(*one), vsod.f_measure(*one).adaptive,
                    vsod.e_measure(*one).adaptive, vsod.f_measure(*one).curve.mean(), vsod.e_measure(*one).curve.mean(),
                ]
            )  # fmt: skip
            assert torch.allclose(batch[:, i, j], single, atol=1e-12, rtol=0, equal_nan=True)


def test_weighted_f_far_from_the_object_is_within_half_a_millionth() -> None:
    """Distances are cut off at 90 pixels; py-sod-metrics measures them all."""
    rng = np.random.default_rng(0)
    pred = rng.integers(0, 256, (60, 700), dtype=np.uint8)
    gt = np.zeros((60, 700), dtype=bool)
    gt[20:30, 10:25] = True
    expected = by_reference(pred, gt)["w"]
    ours = vsod.weighted_f(torch.from_numpy(pred), torch.from_numpy(gt), stretch=True)
    assert ours.item() == pytest.approx(expected, abs=5e-7)


def test_bad_maps_are_refused() -> None:
    gt = torch.zeros(4, 4, dtype=torch.bool)
    with pytest.raises(UsageError, match="same shape"):
        vsod.mae(torch.rand(4, 5), gt)
    with pytest.raises(UsageError, match="NaN"):
        vsod.s_measure(torch.full((4, 4), math.nan), gt)
    with pytest.raises(UsageError, match=r"`pred`: values from -1 to 3; a map from 0 to 1"):
        vsod.mae(torch.tensor([[-1.0, 3.0]]), gt[:1, :2])
