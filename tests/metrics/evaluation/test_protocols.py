"""What each protocol does to the same inputs, against plain loops written from the definitions."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from sightline.data.observed import read_observed
from sightline.metrics import protocols
from sightline.metrics.evaluation import Options, evaluate
from sightline.metrics.evaluation.fixation import FixationTask
from sightline.metrics.evaluation.truth import Truth

H, W = 18, 24
LENGTHS = {"long": 4, "short": 2}
EPS = 2.0**-52
QUICK = Options(draws=5, workers=1)


def save(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".npy":
        np.save(path, array)
    else:
        Image.fromarray(array.astype(np.uint8)).save(path)


# ---------------------------------------------------------------- fixations
@pytest.fixture
def videos(tmp_path: Path) -> tuple[Path, dict[str, list[tuple[np.ndarray, np.ndarray, np.ndarray]]]]:
    """Two videos of different length: (map, fixated pixels, shipped density) of every frame."""
    rng = np.random.default_rng(5)
    frames: dict[str, list[tuple[np.ndarray, np.ndarray, np.ndarray]]] = {}
    for name, length in LENGTHS.items():
        for index in range(length):
            density = rng.integers(0, 200, (H, W)).astype(np.uint8)
            fixated = rng.random((H, W)) < (0.02 if name == "long" else 0.06)
            saliency = density + (90 if name == "long" else 400) * rng.random((H, W)) + 20
            frames.setdefault(name, []).append((saliency, fixated, density.astype(float)))
            save(tmp_path / "pred" / name / f"{index:04d}.npy", saliency)
            save(tmp_path / "gt" / name / "fixation" / f"{index:04d}.png", fixated * 255)
            save(tmp_path / "gt" / name / "maps" / f"{index:04d}.png", density)
    return tmp_path, frames


def unit(x: np.ndarray) -> np.ndarray:
    return (x - x.min()) / np.ptp(x)


def share(x: np.ndarray) -> np.ndarray:
    return x / x.sum()


def smoothed(x: np.ndarray) -> np.ndarray:
    """A map in [0, 1] under a Gaussian of 2 pixels, cut at 6, borders mirrored: pixel by pixel."""
    taps = np.exp(-(np.arange(-6, 7) ** 2) / 8)
    kernel = np.outer(taps, taps) / taps.sum() ** 2
    padded = np.pad(unit(x), 6, mode="symmetric")
    return np.array([[(padded[r : r + 13, c : c + 13] * kernel).sum() for c in range(W)] for r in range(H)])


def scores(
    saliency: np.ndarray, fixated: np.ndarray, density: np.ndarray, ddof: int, rescale: bool
) -> dict[str, float]:
    bring = unit if rescale else (lambda x: x)
    p, g = share(saliency), share(density)
    own, rest = saliency[fixated], saliency[~fixated] if rescale else saliency.ravel()
    wins = (own[:, None] > rest).mean() + (own[:, None] == rest).mean() / 2
    return {
        "nss": float(((saliency - saliency.mean()) / saliency.std(ddof=ddof))[fixated].mean()),
        "cc": float(np.corrcoef(saliency.ravel(), density.ravel())[0, 1]),
        "sim": float(np.minimum(share(bring(saliency)), share(bring(density))).sum()),
        "kld": float((g * np.log(EPS + g / (p + EPS))).sum()),
        "auc_judd": float(wins),
    }


@pytest.mark.parametrize("protocol", ["exact", "mit", "dhf1k", "stavis"])
def test_scores_of_frames_and_what_they_are_averaged_over(videos, protocol: str) -> None:  # type: ignore[no-untyped-def]
    root, frames = videos
    report = evaluate("fixation", root / "pred", root / "gt", protocol, options=QUICK)
    classic = protocol != "exact"
    expected: dict[str, dict[str, list[float]]] = {}
    for name, series in frames.items():
        for saliency, fixated, density in series:
            seen = smoothed(saliency) if protocol == "stavis" else saliency
            for key, value in scores(seen, fixated, density, int(classic), classic).items():
                expected.setdefault(key, {}).setdefault(name, []).append(value)
    for key, by_video in expected.items():
        for one in report.details:
            if key != "auc_judd" or not classic:  # the trapezoids of AUC_Judd.m have a test of their own
                assert one.values[key] == pytest.approx(by_video[one.name], abs=1e-9), key
    for key in ("nss", "cc", "sim", "kld"):
        by_video = expected[key]
        of_frames = np.mean([value for series in by_video.values() for value in series])
        of_videos = np.mean([np.mean(series) for series in by_video.values()])
        assert abs(of_frames - of_videos) > 1e-4
        assert report.overall[key] == pytest.approx(of_frames if protocol == "dhf1k" else of_videos), key


def judd_by_thresholds(saliency: np.ndarray, fixated: np.ndarray) -> float:
    """AUC_Judd.m for a map without ties."""
    own = np.sort(saliency[fixated])[::-1]
    number, pixels = len(own), saliency.size
    true, false = [0.0], [0.0]
    for rank, threshold in enumerate(own, start=1):
        above = (saliency >= threshold).sum()
        true.append(rank / number)
        false.append((above - rank) / (pixels - number))
    return float(np.trapezoid([*true, 1.0], [*false, 1.0]))


@pytest.mark.parametrize("protocol", ["mit", "dhf1k", "stavis"])
def test_judd_has_a_threshold_at_every_fixated_pixel(videos, protocol: str) -> None:  # type: ignore[no-untyped-def]
    root, frames = videos
    report = evaluate("fixation", root / "pred", root / "gt", protocol, options=QUICK)
    for one in report.details:
        for value, (saliency, fixated, _) in zip(one.values["auc_judd"], frames[one.name], strict=True):
            seen = smoothed(saliency) if protocol == "stavis" else saliency
            assert value == pytest.approx(judd_by_thresholds(seen, fixated), abs=1e-3)


def stepped(own: np.ndarray, drawn: np.ndarray) -> float:
    thresholds = [k / 10 for k in range(10, -1, -1)]
    true = [0.0, *((own >= t).mean() for t in thresholds), 1.0]
    false = [0.0, *((drawn >= t).mean() for t in thresholds), 1.0]
    return float(np.trapezoid(true, false))


def test_sampled_aucs_are_those_of_many_draws(videos) -> None:  # type: ignore[no-untyped-def]
    """100 draws of the command against 4000 of our own: means within four standard errors."""
    root, frames = videos
    values = {
        protocol: {
            one.name: one.values
            for one in evaluate("fixation", root / "pred", root / "gt", protocol, options=QUICK).details
        }
        for protocol in ("mit", "stavis")
    }
    rng = np.random.default_rng(0)
    for name, series in frames.items():
        everywhere = np.any([fixated for _, fixated, _ in series], axis=0)
        other = np.any([f for v, s in frames.items() if v != name for _, f, _ in s], axis=0)
        for index, (saliency, fixated, _) in enumerate(series):
            soft, sharp = unit(smoothed(saliency)), unit(saliency)
            cases = {
                ("mit", "auc_borji"): (sharp, sharp.ravel(), True),
                ("mit", "s_auc"): (sharp, sharp[other], False),
                ("stavis", "s_auc"): (soft, soft[everywhere & ~fixated], False),
            }
            for (protocol, key), (values_of, pool, again) in cases.items():
                own = values_of[fixated]
                size = len(own) if again else min(len(own), len(pool))
                drawn = [stepped(own, rng.choice(pool, size, replace=again)) for _ in range(400)]
                found = values[protocol][name][key][index]
                assert found == pytest.approx(np.mean(drawn), abs=4.5 * np.std(drawn) / 10 + 1e-9), (protocol, key)


def test_a_smaller_map_is_brought_to_the_picture_by_the_toolbox_alone(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    small = rng.random((9, 12)).astype(np.float32)
    fixated = rng.random((H, W)) < 0.1
    save(tmp_path / "gt" / "a" / "fixation" / "0.png", fixated * 255)
    save(tmp_path / "gt" / "a" / "maps" / "0.png", rng.integers(0, 255, (H, W)))
    save(tmp_path / "pred" / "a" / "0.npy", small)
    large = np.asarray(Image.fromarray(small).resize((W, H), Image.Resampling.BICUBIC))
    mit = evaluate("fixation", tmp_path / "pred", tmp_path / "gt", "mit", options=QUICK).overall["nss"]
    assert mit == pytest.approx(((large - large.mean()) / large.std(ddof=1))[fixated].mean(), abs=1e-5)
    exact = evaluate("fixation", tmp_path / "pred", tmp_path / "gt", options=QUICK).overall["nss"]
    z = (small - small.mean()) / small.std()
    rows, columns = np.nonzero(fixated)
    assert exact == pytest.approx(z[rows // 2, columns // 2].mean(), abs=1e-6)  # the fixations are moved instead


def pictures(root: Path, number: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Pictures with a table of fixations, some of them in one pixel, all in whole pixels."""
    rows, sizes, points = ["image,subject,order,x_px,y_px"], ["image,original_width_px,original_height_px"], {}
    for index in range(number):
        name = f"p{index:02d}"
        sizes.append(f"{name}.jpg,{W},{H}")
        xy = rng.integers(0, (W, H), (3 + index % 4, 2))
        points[name] = np.vstack([xy, xy[:1]])
        rows.append(f"{name}.jpg,s,1,{W // 2},{H // 2}")  # where eyes rest when a picture appears
        rows += [f"{name}.jpg,s{k % 2},{k + 2},{x},{y}" for k, (x, y) in enumerate(points[name])]
        save(root / "pred" / f"{name}.npy", rng.random((H, W)))
    (root / "gt").mkdir(parents=True)
    (root / "gt" / "fixations.csv").write_text("\n".join(rows) + "\n")
    (root / "gt" / "images.csv").write_text("\n".join(sizes) + "\n")
    return points


def test_tables_are_merged_weighted_and_compared_as_the_protocol_says(tmp_path: Path) -> None:
    points = pictures(tmp_path, 5, np.random.default_rng(2))
    reports = {
        p: evaluate("fixation", tmp_path / "pred", tmp_path / "gt", p, options=QUICK)
        for p in ("exact", "mit", "pysaliency")
    }
    nss: dict[str, list[float]] = {"exact": [], "mit": [], "pysaliency": []}
    gains, shuffled, counts = [], [], []
    for name, xy in points.items():
        saliency = np.load(tmp_path / "pred" / f"{name}.npy")
        own, merged = saliency[xy[:, 1], xy[:, 0]], saliency[tuple(np.unique(xy, axis=0)[:, ::-1].T)]
        nss["exact"].append((own.mean() - saliency.mean()) / saliency.std())
        nss["mit"].append((merged.mean() - saliency.mean()) / saliency.std(ddof=1))
        nss["pysaliency"].append(nss["exact"][-1])
        gains.append(np.log2(share(saliency)[xy[:, 1], xy[:, 0]] * H * W).mean())
        others = np.vstack([o for n, o in points.items() if n != name])
        negatives = saliency[others[:, 1], others[:, 0]]
        shuffled.append((own[:, None] > negatives).mean() + (own[:, None] == negatives).mean() / 2)
        counts.append(len(xy))
    for protocol, report in reports.items():
        assert [one.values["nss"][0] for one in report.details] == pytest.approx(nss[protocol])
    weighted = np.average(nss["exact"], weights=counts)
    assert reports["exact"].overall["nss"] == pytest.approx(np.mean(nss["exact"]))
    assert reports["pysaliency"].overall["nss"] == pytest.approx(weighted)
    assert abs(weighted - np.mean(nss["exact"])) > 1e-3
    assert reports["pysaliency"].overall["ig"] == pytest.approx(np.average(gains, weights=counts))
    assert reports["pysaliency"].overall["s_auc"] == pytest.approx(np.average(shuffled, weights=counts))
    assert reports["exact"].overall["s_auc"] == pytest.approx(np.mean(shuffled))
    assert reports["pysaliency"].overall["cc"] == pytest.approx(
        np.mean([one.values["cc"][0] for one in reports["pysaliency"].details])
    )


def gaussian(points: np.ndarray, sigma: float) -> np.ndarray:
    """A Gaussian at each point, of mass 1 inside the picture."""
    total = np.zeros((H, W))
    for x, y in points:
        rows, columns = np.mgrid[:H, :W] + 0.5
        one = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma**2))
        total += one / one.sum()
    return total


@pytest.mark.parametrize(("protocol", "sigma"), [("exact", 3.0), ("mit", 3.0), ("dhf1k", None)])
def test_the_true_density_and_the_baseline(tmp_path: Path, protocol: str, sigma: float | None) -> None:
    points = pictures(tmp_path, 4, np.random.default_rng(3))
    options = dataclasses.replace(QUICK, sigma=sigma)
    report = evaluate("fixation", tmp_path / "pred", tmp_path / "gt", protocol, options=options)
    blur = sigma or 12.74
    for one in report.details:
        saliency = np.load(tmp_path / "pred" / f"{one.name}.npy")
        own = points[one.name] if protocol == "exact" else np.unique(points[one.name], axis=0) + 0.5
        density = gaussian(own, blur)
        assert one.values["cc"][0] == pytest.approx(np.corrcoef(saliency.ravel(), density.ravel())[0, 1])
        rest = np.vstack([xy for name, xy in points.items() if name != one.name])
        baseline = gaussian(rest + 0.5, blur)
        p, b = (saliency, baseline) if protocol == "exact" else (unit(saliency), unit(baseline))
        at = points[one.name] if protocol == "exact" else np.unique(points[one.name], axis=0)
        bits = [np.log2(EPS + share(x)[at[:, 1], at[:, 0]]) for x in (p, b)]
        assert one.values["ig"][0] == pytest.approx((bits[0] - bits[1]).mean())


def test_pysaliency_blurs_counts_with_mirrored_borders_and_adds_a_floor(tmp_path: Path) -> None:
    points = pictures(tmp_path, 3, np.random.default_rng(6))
    report = evaluate(
        "fixation", tmp_path / "pred", tmp_path / "gt", "pysaliency", options=dataclasses.replace(QUICK, sigma=2.0)
    )
    taps = np.exp(-(np.arange(-8, 9) ** 2) / 8)  # four standard deviations, as SciPy cuts
    kernel = np.outer(taps, taps) / taps.sum() ** 2
    for one in report.details:
        counts = np.zeros((H, W))
        for x, y in points[one.name]:
            counts[y, x] += 1
        padded = np.pad(counts, 8, mode="symmetric")
        density = np.array([[(padded[r : r + 17, c : c + 17] * kernel).sum() for c in range(W)] for r in range(H)])
        saliency = np.load(tmp_path / "pred" / f"{one.name}.npy")
        p, g = share(saliency + 1e-20), share(density + 1e-20)
        assert one.values["kld"][0] == pytest.approx((g * (np.log(g) - np.log(p))).sum())
        assert one.values["cc"][0] == pytest.approx(np.corrcoef(saliency.ravel(), density.ravel())[0, 1])
    for name in points:
        save(tmp_path / "flat" / f"{name}.npy", np.ones((H, W)))
    flat = evaluate("fixation", tmp_path / "flat", tmp_path / "gt", "pysaliency", options=QUICK)
    assert (flat.overall["cc"], flat.overall["nss"], flat.unscored_frames) == (0, 0, 0)


def truth_of(root: Path, name: str, seed: int = 0) -> Truth:
    protocol = next(one for one in protocols.FIXATION if one.name == name)
    return Truth(read_observed(root / "gt"), protocol, seed, None)


def cells(points: np.ndarray) -> set[tuple[int, int]]:
    return {(int(x), int(y)) for x, y in points}


def test_whose_fixations_the_shuffled_auc_takes(tmp_path: Path) -> None:
    points = pictures(tmp_path, 14, np.random.default_rng(4))
    rest = np.vstack([xy for name, xy in points.items() if name != "p00"])
    assert truth_of(tmp_path, "exact").others("p00", 0, (H, W)).tolist() == rest.tolist()
    sizes = set()
    for seed in range(6):
        chosen = truth_of(tmp_path, "mit", seed).others("p00", 0, (H, W)).numpy()
        used = [name for name, xy in points.items() if cells(xy) <= cells(chosen)]
        assert "p00" not in used
        assert len(used) == 10
        assert len(chosen) == sum(len(points[name]) for name in used)
        sizes.add(tuple(used))
    assert len(sizes) > 1  # the seed decides
    own = [
        cells(points["p00"]) <= cells(truth_of(tmp_path, "dhf1k", s).others("p00", 0, (H, W)).numpy())
        for s in range(12)
    ]
    assert any(own)
    assert not all(own)


def test_stavis_takes_the_rest_of_the_video(videos) -> None:  # type: ignore[no-untyped-def]
    root, frames = videos
    series = [fixated for _, fixated, _ in frames["long"]]
    found = truth_of(root, "stavis").others("long", 1, (H, W))
    expected = np.argwhere(np.any(series, axis=0) & ~series[1])[:, ::-1]
    assert cells(found.numpy()) == cells(expected)


def test_dhf1k_scores_a_random_choice_of_very_many_frames(videos, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    root, _ = videos
    protocol = next(one for one in protocols.FIXATION if one.name == "dhf1k")
    assert protocol.most_frames == 50_000
    few = dataclasses.replace(protocol, most_frames=3)
    chosen = [FixationTask(root / "pred", root / "gt", few, seed=seed).chosen for seed in range(5)]
    assert {len(one or ()) for one in chosen} == {3}
    assert len({frozenset(one or ()) for one in chosen}) > 1
    task = FixationTask(root / "pred", root / "gt", few)
    assert sum(len(task.score(name).frames) for name in task.names) == 3


# ---------------------------------------------------------------- salient objects
def e_measure(found: np.ndarray, gt: np.ndarray) -> float:
    """The sum over pixels of the enhanced alignment, for a mask that is neither empty nor full."""
    x, y = found - found.mean(), gt - gt.mean()
    return float(((2 * x * y / (x * x + y * y + EPS) + 1) ** 2 / 4).sum())


def f_measure(found: np.ndarray, gt: np.ndarray) -> float:
    hits = (found & gt).sum()
    if not hits:
        return 0.0
    precision, recall = hits / found.sum(), hits / gt.sum()
    return float(1.3 * precision * recall / (0.3 * precision + recall))


def s_measure(values: np.ndarray, gt: np.ndarray) -> float:
    """Structure measure as its paper defines it."""

    def of_object(inside: np.ndarray) -> float:
        spread = inside.std(ddof=1) if len(inside) > 1 else 0.0
        return 2 * inside.mean() / (inside.mean() ** 2 + 1 + spread + EPS)

    def ssim(x: np.ndarray, y: np.ndarray) -> float:
        mx, my, n = x.mean(), y.mean(), x.size
        vx, vy = (((a - m) ** 2).sum() / (n - 1 + EPS) for a, m in ((x, mx), (y, my)))
        shared = ((x - mx) * (y - my)).sum() / (n - 1 + EPS)
        above, below = 4 * mx * my * shared, (mx**2 + my**2) * (vx + vy)
        return above / (below + EPS) if above else float(below == 0)

    part = gt.mean()
    objects = part * of_object(values[gt]) + (1 - part) * of_object(1 - values[~gt])
    rows, columns = np.nonzero(gt)
    row, column = (math.floor(c.mean() + 1 + 0.5) for c in (rows, columns))  # MATLAB counts from 1, halves go up
    blocks = [(s, t) for s in (slice(0, row), slice(row, None)) for t in (slice(0, column), slice(column, None))]
    region = sum(gt[b].size / gt.size * ssim(values[b], gt[b].astype(float)) for b in blocks if gt[b].size)
    return 0.5 * objects + 0.5 * region


@pytest.mark.parametrize("protocol", ["exact", "davsod", "pysodmetrics"])
def test_salient_objects_by_their_definitions(tmp_path: Path, protocol: str) -> None:
    rng = np.random.default_rng(8)
    expected: dict[str, dict[str, list[float]]] = {}
    curves: dict[str, list[np.ndarray]] = {}
    for name, length in {"long": 6, "short": 4}.items():
        for index in range(length):
            rows, columns = np.mgrid[:15, :21]
            gt = (rows - 7) ** 2 + (columns - 8 - index) ** 2 < 16 + 8 * (name == "short")
            empty = name == "long" and index == 2
            gt &= not empty
            grey = np.clip(150 * gt + 60 * rng.random(gt.shape) + 20, 0, 255).astype(np.uint8)
            save(tmp_path / "pred" / name / f"{index}.png", grey)
            save(tmp_path / "gt" / name / f"{index}.png", gt * 255)
            if protocol == "davsod" and index in (0, length - 1):
                continue
            values = grey / 255 if protocol == "exact" else unit(grey / 255)
            levels = np.floor(values * 255) if protocol == "pysodmetrics" else np.floor(values * 255 + 1e-6)
            adaptive = values >= min(2 * values.mean(), 1)
            one = expected.setdefault(name, {})
            one.setdefault("mae", []).append(float(np.abs(values - gt).mean()))
            freedom = gt.size if protocol == "exact" else gt.size - 1
            if empty:
                if protocol != "exact":
                    one.setdefault("s_measure", []).append(1 - values.mean())
                    one.setdefault("f_measure_adp", []).append(0.0)
                    one.setdefault("e_measure_adp", []).append((~adaptive).sum() / freedom)
                    curves.setdefault(name, []).append(np.zeros(256))
                continue
            one.setdefault("f_measure_adp", []).append(f_measure(adaptive, gt))
            one.setdefault("e_measure_adp", []).append(e_measure(adaptive, gt) / freedom)
            one.setdefault("s_measure", []).append(s_measure(values, gt))
            curves.setdefault(name, []).append(np.array([f_measure(levels >= k, gt) for k in range(256)]))
    report = evaluate("vsod", tmp_path / "pred", tmp_path / "gt", protocol, options=QUICK)
    mean_of = (
        (lambda series: np.mean(np.concatenate(series), axis=0))
        if protocol == "pysodmetrics"
        else (lambda series: np.mean([np.mean(s, axis=0) for s in series], axis=0))
    )
    for key in ("mae", "f_measure_adp", "e_measure_adp", "s_measure"):
        # The centre of some object lies at a half, which py-sod-metrics rounds to even.
        loose = 0.02 if (key, protocol) == ("s_measure", "pysodmetrics") else 1e-6
        assert report.overall[key] == pytest.approx(mean_of([one[key] for one in expected.values()]), abs=loose), key
    curve = mean_of([np.array(series) for series in curves.values()])
    assert report.curves["f_measure"] == pytest.approx(curve.tolist(), abs=1e-6)
    assert report.overall["f_measure_max"] == pytest.approx(curve.max())
    assert report.overall["f_measure_mean"] == pytest.approx(curve.mean())
    assert report.unscored_frames == (1 if protocol == "exact" else 0)


def test_an_even_half_is_rounded_up_but_for_py_sod_metrics(tmp_path: Path) -> None:
    gt = np.zeros((10, 12), dtype=bool)
    gt[3:6, 4:6] = True  # the centre lies in column 4.5
    rng = np.random.default_rng(0)
    values = np.clip(0.6 * gt + 0.4 * rng.random(gt.shape), 0, 1)
    grey = np.round(values * 255).astype(np.uint8)
    grey[0, :2] = 0, 255  # stretching changes nothing
    for index in range(3):
        save(tmp_path / "pred" / "s" / f"{index}.png", grey)
        save(tmp_path / "gt" / "s" / f"{index}.png", gt * 255)
    found = {
        protocol: evaluate("vsod", tmp_path / "pred", tmp_path / "gt", protocol, options=QUICK).overall["s_measure"]
        for protocol in ("exact", "davsod", "pysodmetrics")
    }
    assert found["exact"] == pytest.approx(s_measure(grey / 255, gt))
    assert found["davsod"] == pytest.approx(found["exact"])
    assert abs(found["pysodmetrics"] - found["exact"]) > 1e-3


# ---------------------------------------------------------------- video objects
def test_davis_2016_begins_t_with_the_truth_and_gives_statistics_of_the_inner_frames(tmp_path: Path) -> None:
    from sightline.metrics.functional._stability import instability

    rows, columns = np.mgrid[:40, :60]
    truth = [np.hypot(rows - 20, columns - 20 - i) < 9 + i % 3 for i in range(11)]
    masks = [np.hypot(rows - 20, (columns - 22 - 2 * i) * (1 + 0.05 * i)) < 9 for i in range(11)]
    for index, (gt, mask) in enumerate(zip(truth, masks, strict=True)):
        save(tmp_path / "gt" / "s" / f"{index:05d}.png", gt * 255)
        save(tmp_path / "pred" / "s" / f"{index:05d}.png", mask * 255)
    report = evaluate("vos", tmp_path / "pred", tmp_path / "gt", "davis2016", options=QUICK)
    inner = [(g & m).sum() / (g | m).sum() for g, m in zip(truth[1:-1], masks[1:-1], strict=True)]
    assert report.details[0].values["j"] == pytest.approx(inner)
    assert report.overall["j_mean"] == pytest.approx(np.mean(inner))
    assert report.overall["j_recall"] == pytest.approx(np.mean(np.array(inner) > 0.5))
    # Quarters of nine frames: 1 to 3 and 7 to 9, both ends in.
    assert report.overall["j_decay"] == pytest.approx(np.mean(inner[:3]) - np.mean(inner[6:]))
    pairs = [(truth[0], masks[1]), *itertools.pairwise(masks[1:-1])]
    assert report.details[0].values["t"] == pytest.approx([5 * instability(*pair) for pair in pairs])
    assert report.overall["t_mean"] == pytest.approx(np.mean([5 * instability(*pair) for pair in pairs]))
    exact = evaluate("vos", tmp_path / "pred", tmp_path / "gt", options=QUICK)
    assert math.isnan(exact.details[0].values["t"][0])
    assert len(exact.details[0].values["j"]) == 11


@pytest.mark.parametrize(("protocol", "both_empty"), [("exact", math.nan), ("davis2016", 1.0)])
def test_empty_masks_on_empty_truth(tmp_path: Path, protocol: str, both_empty: float) -> None:
    for index in range(4):
        mask = np.zeros((20, 30))
        mask[5:12, 5:12] = 255 * (index != 2)
        for side in ("gt", "pred"):
            save(tmp_path / side / "s" / f"{index}.png", mask)
    report = evaluate("vos", tmp_path / "pred", tmp_path / "gt", protocol, options=QUICK)
    at = report.details[0].frames.index("2")
    for key in "jf":
        assert report.details[0].values[key][at] == pytest.approx(both_empty, nan_ok=True)
    assert report.unscored_frames == (protocol == "exact")


def test_void_counts_in_no_mask_of_the_unsupervised_task(tmp_path: Path) -> None:
    gt = np.zeros((24, 32), dtype=np.uint8)
    gt[6:16, 6:16] = 1
    gt[6:16, 16:20] = 255
    pred = np.zeros_like(gt)
    pred[6:16, 6:20] = 1
    for index in range(3):
        for side, labels in (("gt", gt), ("pred", pred)):
            image = Image.fromarray(labels)
            image.putpalette([(7 * i) % 250 for i in range(768)])
            path = tmp_path / side / "s" / f"{index}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            image.save(path)
    found = {
        protocol: evaluate("vos", tmp_path / "pred", tmp_path / "gt", protocol, options=QUICK).overall["j_mean"]
        for protocol in ("davis2017-unsupervised", "davis2017-semi-supervised")
    }
    assert found == {"davis2017-unsupervised": 1, "davis2017-semi-supervised": pytest.approx(100 / 140)}


# ---------------------------------------------------------------- gaze
def cells_of(heat: np.ndarray, number: int) -> np.ndarray:
    """Bilinear samples at the centres of number x number cells."""
    out = np.zeros((number, number))
    height, width = heat.shape
    for r in range(number):
        for c in range(number):
            y, x = (r + 0.5) * height / number - 0.5, (c + 0.5) * width / number - 0.5
            top, left = int(y), int(x)
            dy, dx = y - top, x - left
            block = heat[top : top + 2, left : left + 2]
            out[r, c] = (block * np.outer([1 - dy, dy], [1 - dx, dx])).sum()
    return out


def chance_to_win(heat: np.ndarray, hit: np.ndarray) -> float:
    own, rest = heat[hit], heat[~hit]
    return float((own[:, None] > rest).mean() + (own[:, None] == rest).mean() / 2)


@pytest.mark.parametrize("protocol", ["exact", "goo", "gtr"])
def test_gaze_by_its_definitions(tmp_path: Path, protocol: str) -> None:
    rng = np.random.default_rng(12)
    width, height = 64, 48
    truth, found = {}, {}
    expected: dict[str, list[float]] = {name: [] for name in ("auc", "l2", "angle", "pa", "cpa", "detected")}
    heat_of, hit_of = [], []
    for index in range(12):
        heat = rng.random((16, 16))
        near = index % 3
        gaze = rng.uniform(0.1, 0.9, 2)
        if index == 3:  # a fifth of the width away
            heat[int(gaze[1] * 16), int(gaze[0] * 16) + (3 if gaze[0] < 0.5 else -3)] = 3
        elif near:  # the maximum is close to where they look
            heat[int(gaze[1] * 16), int(gaze[0] * 16)] = 3
        eye = rng.uniform(0.1, 0.9, 2)
        size = np.array([width, height])
        centres = rng.uniform(0.1, 0.9, (4, 2)) * size
        centres[0] = gaze * size + (4 if index % 4 == 1 else 0)
        centres[1] = gaze * size + (0 if index % 4 == 1 else 12)  # a neighbour that is nearer at times
        boxes = [[*(c - 3).tolist(), *(c + 3).tolist()] for c in centres]
        head = (eye * size).tolist()
        boxes.append([head[0] - 4, head[1] - 4, head[0] + 4, head[1] + 4])
        labels = [1, 2, *rng.integers(1, 4, 2).tolist(), -1]
        name, missed = f"s{index:02d}", index == 5
        truth[name] = {"width": width, "height": height, "boxes_xyxy": boxes, "labels": labels, "gaze_box_index": 0}
        truth[name] |= {"gaze_point_xy": (gaze * size).tolist(), "head_point_xy": head}
        shift = 20 if index == 7 else 1
        found[name] = {"heatmap": f"{name}.npy", "head_box_xyxy": (np.array(boxes[-1]) + shift).tolist()}
        if missed:
            found[name]["heatmap"] = None
        save(tmp_path / "pred" / f"{name}.npy", heat)
        if missed:
            for key in ("pa", "cpa", "detected"):
                expected[key].append(0.0)
            continue
        row, column = np.unravel_index(heat.argmax(), heat.shape)
        point = (np.array([column, row]) + (0.5 if protocol == "exact" else 0)) / 16
        apart = float(np.hypot(*(point - gaze)))
        detected = apart < 0.15 and shift == 1
        expected["detected"].append(float(detected))
        nearest = int(np.hypot(*((np.array(boxes)[:, :2] + np.array(boxes)[:, 2:]) / 2 / size - point).T).argmin())
        expected["pa"].append(float(apart < 0.1))
        expected["cpa"].append(float(apart < 0.1 and labels[nearest] == labels[0]))
        if protocol == "gtr" and not detected:
            continue
        expected["l2"].append(apart)
        first, second = point - eye, gaze - eye
        if protocol == "exact":
            first, second = first * size, second * size
        cosine = first @ second / (np.hypot(*first) * np.hypot(*second) + (0 if protocol == "exact" else 1e-6))
        expected["angle"].append(math.degrees(math.acos(np.clip(cosine, -1, 1))))
        number = 16 if protocol == "exact" else 5
        grid = heat if protocol == "exact" else cells_of(heat, 5)
        hit = np.zeros((number, number), dtype=bool)
        hit[int(gaze[1] * number), int(gaze[0] * number)] = True
        expected["auc"].append(chance_to_win(grid, hit))
        heat_of.append(grid)
        hit_of.append(hit)
    (tmp_path / "gt").mkdir()
    (tmp_path / "gt" / "annotations.json").write_text(json.dumps(truth))
    (tmp_path / "pred" / "predictions.json").write_text(json.dumps(found))
    overall = evaluate("gaze", tmp_path / "pred", tmp_path / "gt", protocol, options=QUICK).overall
    for key in ("auc", "l2", "angle"):
        assert overall[key] == pytest.approx(np.mean(expected[key]), abs=1e-6), key
    if protocol == "exact":
        assert set(overall) == {"auc", "l2", "angle"}
        return
    assert overall["auc_pooled"] == pytest.approx(chance_to_win(np.array(heat_of), np.array(hit_of)))
    if protocol == "gtr":
        assert overall["detected"] == pytest.approx(np.mean(expected["detected"]))
        assert 0 < overall["detected"] < 1
    else:
        assert overall["pa_0.1"] == pytest.approx(np.mean(expected["pa"]))
        assert overall["cpa_0.1"] == pytest.approx(np.mean(expected["cpa"]))
        assert overall["cpa_0.1"] < overall["pa_0.1"] < overall["pa_0.3"] < 1


def test_what_predict_leaves_of_people_and_objects(tmp_path: Path) -> None:
    pytest.importorskip("pycocotools")
    truth = {}
    for name, (x, y) in {"a": (30.0, 20.0), "b": (10.0, 30.0)}.items():
        box, head = [x - 4, y - 4, x + 4, y + 4], [50.0, 10.0, 60.0, 20.0]
        truth[name] = {"width": 64, "height": 48, "boxes_xyxy": [box, head], "labels": [3, -1], "gaze_box_index": 0}
        truth[name] |= {"gaze_point_xy": [x, y], "head_point_xy": [55.0, 15.0]}
        folder = tmp_path / "pred" / name
        folder.mkdir(parents=True)
        header = "frame,time_s,person,head_x1_px,head_y1_px,head_x2_px,head_y2_px,head_score,target_x_px,target_y_px"
        people = [f"0,0,1,0,0,8,8,0.9,{64 - x},{y},0.5,", f"0,0,2,51,10,60,20,0.8,{x},{y},0.7,1"]
        (folder / "people.csv").write_text("\n".join([header + ",target_score,object", *people]) + "\n")
        coordinates = ",".join(str(v) for v in box)
        table = f"frame,time_s,object,label,score,x1_px,y1_px,x2_px,y2_px\n0,0,1,3,0.9,{coordinates}\n"
        (folder / "objects.csv").write_text(table)
        rows, columns = np.mgrid[:48, :64]
        heat = 255 * np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / 200)
        save(folder / "heatmaps" / "00000.png", heat)
        (folder / "summary.json").write_text("{}")
    (tmp_path / "gt").mkdir()
    (tmp_path / "gt" / "annotations.json").write_text(json.dumps(truth))
    overall = evaluate("gaze", tmp_path / "pred", tmp_path / "gt", "gtr", options=QUICK).overall
    assert (overall["l2"], overall["detected"], overall["auc"]) == (0, 1, 1)
    assert overall["ap"] == overall["msoc"] == pytest.approx(1)
    one = evaluate("gaze", tmp_path / "pred" / "b", tmp_path / "gt", options=dataclasses.replace(QUICK, names=["b"]))
    assert list(one.sequences) == ["b"]
    assert torch.tensor(one.overall["l2"]) == 0
