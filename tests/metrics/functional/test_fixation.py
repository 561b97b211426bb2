"""Fixation metrics against pysaliency, the definitions written out, and what must hold for any map."""

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
from sightline.metrics.functional import fixation

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    pysaliency = pytest.importorskip("pysaliency")
    from pysaliency import metrics as reference
    from pysaliency.roc import general_roc


KINDS = ("random", "smooth", "sparse uint8", "tiny")


def example(kind: str, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A saliency map and fixation counts; one pixel is fixated twice."""
    rng = np.random.default_rng(seed)
    height, width = (3, 5) if kind == "tiny" else (37, 53)
    saliency = rng.random((height, width))
    if kind == "smooth":
        saliency = gaussian_filter(saliency, 4)
    if kind == "sparse uint8":
        saliency = np.round(255 * saliency * (saliency > 0.95))
    counts = np.zeros((height, width))
    rows, columns = rng.integers(0, height, 12), rng.integers(0, width, 12)
    np.add.at(counts, (rows, columns), 1)
    counts[rows[0], columns[0]] += 1
    return saliency, counts


def tensors(*arrays: np.ndarray) -> list[torch.Tensor]:
    return [torch.from_numpy(array) for array in arrays]


def fixated(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    rows, columns = np.nonzero(counts)
    repeats = counts[rows, columns].astype(int)
    return np.repeat(rows, repeats), np.repeat(columns, repeats)


def mann_whitney(positives: np.ndarray, negatives: np.ndarray) -> float:
    difference = positives[:, None] - negatives[None]
    return float(((difference > 0) + 0.5 * (difference == 0)).mean())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_agrees_with_pysaliency(kind: str, seed: int) -> None:
    saliency, counts = example(kind, seed)
    density = gaussian_filter(counts, 2, mode="constant")
    rows, columns = fixated(counts)
    maps = tensors(saliency, counts, density)
    assert fixation.nss(maps[0], maps[1]).item() == pytest.approx(reference.NSS(saliency, columns, rows).mean())
    assert fixation.cc(maps[0], maps[2]).item() == pytest.approx(reference.CC(saliency, density))
    assert fixation.sim(maps[0], maps[2]).item() == pytest.approx(reference.SIM(saliency, density))
    assert fixation.kld(maps[0], maps[2]).item() == pytest.approx(reference.MIT_KLDiv(saliency, density))
    assert fixation.kld(maps[0], maps[2], floor=1e-20).item() == pytest.approx(
        reference.image_based_kl_divergence(saliency, density)
    )
    values = saliency[rows, columns]
    exact, _, _ = general_roc(values, saliency.ravel())
    assert fixation.auc_judd(maps[0], maps[1]).item() == pytest.approx(exact, abs=1e-9)
    jitter = 1e-7 * np.random.RandomState(42).randn(*saliency.shape)
    noisy = saliency + jitter
    shared, _, _ = general_roc(noisy[rows, columns], noisy[counts == 0], judd=1)
    ours = fixation.auc_judd_pysaliency(maps[0], maps[1], jitter=torch.from_numpy(jitter))
    assert ours.item() == pytest.approx(shared, abs=1e-9)


def test_a_constant_map_agrees_with_pysaliency_where_it_is_defined() -> None:
    saliency, (_, counts) = np.full((37, 53), 0.4), example("random")
    density = gaussian_filter(counts, 2, mode="constant")
    rows, columns = fixated(counts)
    maps = tensors(saliency, counts, density)
    exact, _, _ = general_roc(saliency[rows, columns], saliency.ravel())
    assert fixation.auc_judd(maps[0], maps[1]).item() == pytest.approx(exact) == pytest.approx(0.5)
    assert fixation.sim(maps[0], maps[2]).item() == pytest.approx(reference.SIM(saliency, density))
    assert fixation.kld(maps[0], maps[2], floor=1e-20).item() == pytest.approx(
        reference.image_based_kl_divergence(saliency, density)
    )


@pytest.mark.parametrize("kind", KINDS)
def test_exact_aucs_are_the_mann_whitney_statistic(kind: str) -> None:
    saliency, counts = example(kind)
    _, others = example(kind, seed=9)
    values = saliency[fixated(counts)]
    maps = tensors(saliency, counts, others)
    assert fixation.auc_judd(maps[0], maps[1]).item() == pytest.approx(mann_whitney(values, saliency.ravel()))
    expected = mann_whitney(values, saliency[fixated(others)])
    assert fixation.s_auc(*maps).item() == pytest.approx(expected)


def test_mit_auc_is_the_toolbox_written_out() -> None:
    saliency, counts = example("smooth")
    thresholds = np.sort(saliency[counts > 0])[::-1]
    true, false = [0.0], [0.0]
    for rank, threshold in enumerate(thresholds, start=1):
        true.append(rank / len(thresholds))
        false.append(((saliency >= threshold).sum() - rank) / (saliency.size - len(thresholds)))
    area = np.trapezoid([*true, 1.0], [*false, 1.0])
    assert fixation.auc_judd_mit(*tensors(saliency, counts)).item() == pytest.approx(area)


def test_sampled_aucs_follow_their_seed_and_come_near_the_exact_ones() -> None:
    saliency, counts, others = tensors(*example("smooth", 1), example("smooth", 5)[1])
    borji = fixation.auc_borji(saliency, counts, seed=3, splits=2000, step=0.001)
    assert borji == fixation.auc_borji(saliency, counts, seed=3, splits=2000, step=0.001)
    assert borji != fixation.auc_borji(saliency, counts, seed=4, splits=2000, step=0.001)
    assert borji.item() == pytest.approx(fixation.auc_judd(saliency, counts > 0).item(), abs=0.02)
    shuffled = fixation.s_auc_mit(saliency, counts, others, seed=3, splits=500, step=0.001)
    assert shuffled.item() == pytest.approx(fixation.s_auc(saliency, counts > 0, others > 0).item(), abs=0.02)


def test_information_gain_is_the_log_ratio_at_the_fixations() -> None:
    saliency, counts = example("random")
    baseline = example("smooth", 4)[0]
    ratio = np.log2(saliency / saliency.sum()) - np.log2(baseline / baseline.sum())
    gain = fixation.information_gain(*tensors(saliency, counts, baseline))
    assert gain.item() == pytest.approx(ratio[fixated(counts)].mean())
    assert fixation.information_gain(*tensors(baseline, counts, baseline)).item() == 0


def test_what_cannot_be_scored_is_nan() -> None:
    saliency, counts = tensors(*example("random"))
    constant, nothing = torch.ones_like(saliency), torch.zeros_like(counts)
    for score in (fixation.nss, fixation.auc_judd, fixation.auc_judd_mit):
        assert score(saliency, nothing).isnan()
    assert fixation.nss(constant, counts).isnan()
    assert fixation.cc(constant, saliency).isnan()
    assert fixation.sim(saliency, nothing).isnan()
    assert fixation.kld(saliency, nothing).isnan()
    assert fixation.s_auc(saliency, counts, nothing).isnan()
    assert fixation.information_gain(saliency, nothing, constant).isnan()
    assert fixation.auc_judd(constant, counts) == 0.5


def test_sim_of_a_raised_map_depends_on_the_rescaling_alone() -> None:
    density, _ = tensors(*example("smooth"))
    raised = density + 3
    assert fixation.sim(raised, density, rescale=True).item() == pytest.approx(1)
    assert fixation.sim(raised, density) < 0.99


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from(["exp", "square", "affine"]))
def test_aucs_do_not_change_under_monotone_maps(seed: int, name: str) -> None:
    saliency, counts = example("sparse uint8", seed)
    changed = {"exp": np.exp(saliency / 50), "square": saliency**2, "affine": 3 * saliency + 7}[name]
    first, second, counted, others = tensors(saliency, changed, counts, example("smooth", seed + 1)[1])
    assert fixation.auc_judd(first, counted) == fixation.auc_judd(second, counted)
    assert fixation.s_auc(first, counted, others) == fixation.s_auc(second, counted, others)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**31))
def test_ranges_symmetry_and_batches(seed: int) -> None:
    rng = np.random.default_rng(seed)
    saliency, density = tensors(rng.random((2, 3, 6, 9)), rng.random((2, 3, 6, 9)))
    counts = torch.from_numpy(rng.integers(0, 2, (2, 3, 6, 9)).astype(float))
    scores = {
        "nss": (fixation.nss(saliency, counts), lambda i, j: fixation.nss(saliency[i, j], counts[i, j])),
        "cc": (fixation.cc(saliency, density), lambda i, j: fixation.cc(saliency[i, j], density[i, j])),
        "sim": (fixation.sim(saliency, density), lambda i, j: fixation.sim(saliency[i, j], density[i, j])),
        "kld": (fixation.kld(saliency, density), lambda i, j: fixation.kld(saliency[i, j], density[i, j])),
        "auc": (fixation.auc_judd(saliency, counts), lambda i, j: fixation.auc_judd(saliency[i, j], counts[i, j])),
    }
    for batch, single in scores.values():
        loop = torch.stack([torch.stack([single(i, j) for j in range(3)]) for i in range(2)])
        assert torch.allclose(batch, loop, atol=1e-12, rtol=0, equal_nan=True)
    assert torch.equal(scores["cc"][0], fixation.cc(density, saliency))
    assert torch.equal(scores["sim"][0], fixation.sim(density, saliency))
    assert (scores["cc"][0].abs() <= 1).all()
    assert ((scores["sim"][0] >= 0) & (scores["sim"][0] <= 1 + 1e-12)).all()
    assert (scores["kld"][0] > -1e-9).all()
    auc = scores["auc"][0][~scores["auc"][0].isnan()]
    assert ((auc >= 0) & (auc <= 1)).all()


def test_bad_maps_are_refused() -> None:
    saliency, counts = tensors(*example("random"))
    broken = torch.stack([saliency, saliency])
    broken[1, 2, 3] = math.inf
    with pytest.raises(UsageError, match=r"`saliency`\[1\]: the map holds NaN or infinite values"):
        fixation.nss(broken, torch.stack([counts, counts]))
    with pytest.raises(UsageError, match="same shape"):
        fixation.cc(saliency, saliency[:4])


def test_a_density_is_no_count() -> None:
    saliency, counts = tensors(*example("random"))
    density = saliency / saliency.sum()
    for score in (
        fixation.nss,
        fixation.auc_judd,
        fixation.auc_judd_mit,
        fixation.auc_judd_pysaliency,
        lambda s, c: fixation.auc_borji(s, c, 0),
        lambda s, c: fixation.s_auc(s, c, counts),
        lambda s, c: fixation.s_auc(s, counts, c),
        lambda s, c: fixation.s_auc_mit(s, c, counts, 0),
        lambda s, c: fixation.information_gain(s, c, saliency),
    ):
        for wrong in (density, -counts, counts + 0.5, torch.where(counts > 0, float("inf"), 0.0)):
            with pytest.raises(ValueError, match="counts of fixations"):
                score(saliency, wrong)
        assert score(saliency, counts.double()).item() == pytest.approx(score(saliency, counts).item())


def test_borji_of_a_single_pixel_and_of_constant_maps_is_nan() -> None:
    saliency, counts = tensors(*example("random"))
    single = torch.zeros_like(counts)
    single[3, 4] = 5
    assert fixation.auc_borji(saliency, single, 0).isnan()
    assert not fixation.s_auc_mit(saliency, single, counts, 0).isnan()
    constant = torch.full_like(saliency, 0.3)
    assert fixation.auc_borji(constant, counts, 0).isnan()
    assert fixation.s_auc_mit(constant, counts, counts, 0).isnan()


def test_log_densities_become_densities() -> None:
    logs = torch.tensor([[[0.0, -1.0], [-2.0, float("-inf")]]])
    found = fixation.from_log_density(logs + 7)
    weights = np.exp([0, -1, -2])
    assert found.flatten().tolist() == pytest.approx([*(weights / weights.sum()), 0])
    for wrong in (torch.full((2, 2), float("-inf")), torch.tensor([[0.0, float("nan")]]), torch.ones(2, 2).long()):
        with pytest.raises(ValueError, match="log-densities"):
            fixation.from_log_density(wrong)
