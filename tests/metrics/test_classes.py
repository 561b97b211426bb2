"""The torchmetrics classes: means of the functions, whatever the batches and processes."""

from __future__ import annotations

import math
import multiprocessing
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sightline.metrics import fixation, gaze, vos, vsod
from sightline.metrics.functional import fixation as f_fixation
from sightline.metrics.functional import gaze as f_gaze
from sightline.metrics.functional import vos as f_vos
from sightline.metrics.functional import vsod as f_vsod

G = torch.Generator().manual_seed(0)
MAPS, DENSITY, BASELINE = torch.rand(3, 6, 12, 15, generator=G, dtype=torch.float64)
COUNTS = (torch.rand(6, 12, 15, generator=G) < 0.1).long()
OTHERS = (torch.rand(6, 12, 15, generator=G) < 0.1).long()
MASKS = torch.rand(6, 12, 15, generator=G) < 0.4
POINTS = torch.rand(3, 6, 2, generator=G, dtype=torch.float64)

CASES = [
    (fixation.NSS(), (MAPS, COUNTS), f_fixation.nss),
    (fixation.CC(), (MAPS, DENSITY), f_fixation.cc),
    (fixation.SIM(), (MAPS, DENSITY), f_fixation.sim),
    (fixation.KLD(), (MAPS, DENSITY), f_fixation.kld),
    (fixation.AUCJudd(), (MAPS, COUNTS), f_fixation.auc_judd),
    (fixation.ShuffledAUC(), (MAPS, COUNTS, OTHERS), f_fixation.s_auc),
    (fixation.InformationGain(), (MAPS, COUNTS, BASELINE), f_fixation.information_gain),
    (vsod.MAE(), (MAPS, MASKS), f_vsod.mae),
    (vsod.SMeasure(), (MAPS, MASKS), f_vsod.s_measure),
    (vsod.WeightedF(), (MAPS, MASKS), f_vsod.weighted_f),
    (gaze.GazeAUC(), (MAPS, POINTS[0]), f_gaze.heatmap_auc),
    (gaze.GazeAUC(cells=5), (MAPS, POINTS[0]), f_gaze.grid_auc),
    (gaze.GazeDistance(), (POINTS[0], POINTS[1]), f_gaze.distance),
    (gaze.AngularError(), (POINTS[0], POINTS[1], POINTS[2]), f_gaze.angular_error),
]


@pytest.mark.parametrize(("metric", "frames", "function"), CASES, ids=lambda x: type(x).__name__)
def test_classes_are_means_of_functions_and_their_states_add_up(metric, frames, function) -> None:  # type: ignore[no-untyped-def]
    expected = function(*frames).mean().item()
    metric.reset()
    metric.update(*(x[:2] for x in frames))
    other = pickle.loads(pickle.dumps(metric))
    other.reset()
    metric.update(*(x[2:3] for x in frames))
    other.update(*(x[3:] for x in frames))
    # What reducing over two processes does: the states are sums.
    for name in ("total", "scored", "unscored"):
        setattr(metric, name, getattr(metric, name) + getattr(other, name))
    assert metric.compute().item() == pytest.approx(expected)
    assert metric.unscored == 0


def test_unscored_frames_are_counted_and_left_out() -> None:
    metric = fixation.NSS()
    counts = COUNTS.clone()
    counts[2] = 0
    metric.update(MAPS, counts)
    assert metric.unscored == 1
    scored = f_fixation.nss(MAPS, counts)
    assert metric.compute().item() == pytest.approx(scored[~scored.isnan()].mean().item())
    with pytest.warns(UserWarning, match="called before the ``update`` method"):
        assert fixation.NSS().compute().isnan()


def test_borji_follows_its_seed() -> None:
    scores = [fixation.AUCBorji(seed=seed) for seed in (1, 1, 2)]
    for metric in scores:
        metric.update(MAPS, COUNTS)
    assert scores[0].compute() == scores[1].compute() != scores[2].compute()


@pytest.mark.parametrize(
    ("metric", "function"), [(vsod.FMeasure(), f_vsod.f_measure), (vsod.EMeasure(), f_vsod.e_measure)]
)
def test_curves_are_averaged_before_their_maximum(metric, function) -> None:  # type: ignore[no-untyped-def]
    expected = function(MAPS, MASKS)
    for frame in range(6):
        metric.update(MAPS[frame], MASKS[frame])
    scores = metric.compute()
    curve = expected.curve.mean(0)
    assert torch.allclose(scores["curve"], curve)
    assert scores["max"].item() == pytest.approx(curve.max().item())
    assert scores["mean"].item() == pytest.approx(curve.mean().item())
    assert scores["adaptive"].item() == pytest.approx(expected.adaptive.mean().item())


def test_davis_measures_average_over_sequences() -> None:
    metric = vos.JAndF(stability=True)
    pred = MASKS.roll(1, -1)
    metric.update(pred[:4], MASKS[:4])
    metric.update(pred[4:], MASKS[4:])
    scores = metric.compute()
    j, f = f_vos.j_and_f(pred, MASKS)
    assert scores["j_mean"].item() == pytest.approx((j[:4].mean() + j[4:].mean()).item() / 2)
    assert scores["f_mean"].item() == pytest.approx((f[:4].mean() + f[4:].mean()).item() / 2)
    assert scores["jf_mean"].item() == pytest.approx((scores["j_mean"] + scores["f_mean"]).item() / 2)
    assert scores["t_mean"] > 0
    empty = vos.JAndF(empty=math.nan)
    empty.update(torch.zeros_like(MASKS), torch.zeros_like(MASKS))
    assert empty.compute()["j_mean"].isnan()


def test_object_precision_collects_pictures() -> None:
    pytest.importorskip("pycocotools")
    metric = gaze.ObjectPrecision("box soc")
    box = torch.tensor([[0.0, 0.0, 10.0, 10.0]])
    metric.update(box, torch.tensor([0.9]), torch.tensor([1]), box, torch.tensor([1]))
    metric.update(box + 10, torch.tensor([0.8]), torch.tensor([1]), box, torch.tensor([1]))
    metric.update(torch.zeros(0, 4), torch.zeros(0), torch.zeros(0), box, torch.tensor([2]))
    scores = metric.compute()
    assert scores["95"].item() == pytest.approx((51 / 101 + 0) / 2)  # one of two found in class 1, none in class 2


def _score_on(rank: int, meeting: str, found: object) -> None:
    """One of two processes: its share of the frames; rank 0 keeps what all make together."""
    torch.set_num_threads(1)  # OpenMP's threads do not live on in a forked process
    torch.distributed.init_process_group("gloo", f"file://{meeting}", world_size=2, rank=rank)
    mine = slice(0, 4) if rank == 0 else slice(4, 6)
    metrics: dict[str, Any] = {
        "nss": fixation.NSS(),
        "f": vsod.FMeasure(),
        "jf": vos.JAndF(),
        "soc": gaze.ObjectPrecision("box soc"),
    }
    metrics["nss"].update(MAPS[mine], COUNTS[mine])
    metrics["f"].update(MAPS[mine], MASKS[mine])
    metrics["jf"].update(MASKS.roll(1, -1)[mine], MASKS[mine])
    box = torch.tensor([[0.0, 0.0, 10.0, 10.0]])
    metrics["soc"].update(box + 10 * rank, torch.tensor([0.9 - rank / 10]), torch.ones(1), box, torch.ones(1))
    scores = {name: metric.compute() for name, metric in metrics.items()}
    if rank == 0:
        found.update(nss=scores["nss"].item(), f=scores["f"]["max"].item(), jf=scores["jf"]["jf_mean"].item())  # type: ignore[attr-defined]
        found["soc"] = scores["soc"]["95"].item()  # type: ignore[index]
    torch.distributed.destroy_process_group()


def test_two_processes_score_as_one(tmp_path: Path) -> None:
    pytest.importorskip("pycocotools")
    with multiprocessing.get_context("fork").Manager() as manager:
        found = manager.dict()
        torch.multiprocessing.start_processes(
            _score_on, (str(tmp_path / "meeting"), found), nprocs=2, start_method="fork"
        )
        scores = dict(found)
    assert scores["nss"] == pytest.approx(f_fixation.nss(MAPS, COUNTS).mean().item())
    assert scores["f"] == pytest.approx(f_vsod.f_measure(MAPS, MASKS).curve.mean(0).max().item())
    j, f = f_vos.j_and_f(MASKS.roll(1, -1), MASKS)
    assert scores["jf"] == pytest.approx(sum(x[:4].mean().item() + x[4:].mean().item() for x in (j, f)) / 4)
    assert scores["soc"] == pytest.approx(51 / 101)  # one of two objects is found well enough


def test_an_array_is_told_apart_from_a_tensor() -> None:
    with pytest.raises(ValueError, match=r"is a ndarray; a tensor is expected"):
        fixation.NSS().update(np.ones((4, 4)), np.eye(4))
