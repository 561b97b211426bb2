"""Scoring saliency maps against fixation tables and shipped maps, with pysaliency beside it."""

from __future__ import annotations

import math
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat
from scipy.ndimage import gaussian_filter

from sightline.errors import DataError, UsageError
from sightline.metrics.evaluation import Options, evaluate

SIZES = {"a": (30, 40), "b": (30, 40), "c": (24, 50)}


def save(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


@pytest.fixture
def pictures(tmp_path: Path) -> tuple[Path, Path]:
    """Three pictures with four viewers, and maps of 8 bits for them."""
    rng = np.random.default_rng(3)
    gt = tmp_path / "gt"
    gt.mkdir()
    rows = ["image,subject,order,x_px,y_px,duration_ms"]
    sizes = ["image,original_width_px,original_height_px,width_px,height_px"]
    for name, (height, width) in SIZES.items():
        sizes.append(f"{name}.jpg,{width},{height},{width},{height}")
        centre = rng.uniform(0.3, 0.7, 2) * (width, height)
        for subject in range(4):
            rows.append(f"{name}.jpg,{subject},1,{width / 2},{height / 2},100")
            for order in range(2, 7):
                x, y = rng.normal(centre, 4)
                rows.append(f"{name}.jpg,{subject},{order},{x:.2f},{y:.2f},200")
        rows_, columns = np.mgrid[:height, :width]
        blob = np.exp(-((columns - centre[0] - 2) ** 2 + (rows_ - centre[1]) ** 2) / 90) + 0.1 * rng.random(
            (height, width)
        )
        save(tmp_path / "pred" / "saliency" / f"{name}.png", np.round(200 * blob / blob.max()).astype(np.uint8))
    (gt / "fixations.csv").write_text("\n".join(rows) + "\n")
    (gt / "images.csv").write_text("\n".join(sizes) + "\n")
    return tmp_path / "pred", gt


def by_pysaliency(pred: Path, gt: Path, sigma: float) -> dict[str, float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pysaliency = pytest.importorskip("pysaliency")
        lines = [line.split(",") for line in (gt / "fixations.csv").read_text().splitlines()[1:]]
        names = sorted(SIZES)
        maps = {n: np.asarray(Image.open(pred / "saliency" / f"{n}.png")).astype(float) for n in names}
        stimuli = pysaliency.Stimuli([np.full((*SIZES[n], 3), i, dtype=np.uint8) for i, n in enumerate(names)])
        points = []
        for image, _, order, x, y, _ in lines:
            name = image[0]
            if int(order) > 1 and 0 <= float(x) < SIZES[name][1] and 0 <= float(y) < SIZES[name][0]:
                points.append((float(x), float(y), names.index(name)))
        xs, ys, ns = np.array(points).T
        fixations = pysaliency.Fixations.create_without_history(xs, ys, ns.astype(int))

        class Model(pysaliency.SaliencyMapModel):  # type: ignore[name-defined]
            def _saliency_map(self, stimulus: np.ndarray) -> np.ndarray:
                return maps[names[int(stimulus.flat[0])]]

        model = Model()
        truth = pysaliency.FixationMap(stimuli, fixations, kernel_size=sigma)
        return {
            "auc_borji": model.AUC(stimuli, fixations),
            "s_auc": model.sAUC(stimuli, fixations),
            "nss": model.NSS(stimuli, fixations),
            "cc": model.CC(stimuli, truth),
            "sim": model.SIM(stimuli, truth),
            "kld": model.KLDiv(stimuli, truth),
        }


def test_the_protocol_of_pysaliency_is_pysaliency(pictures: tuple[Path, Path]) -> None:
    report = evaluate("fixation", *pictures, "pysaliency", options=Options(draws=20, sigma=3.0))
    expected = by_pysaliency(*pictures, sigma=3.0)
    assert {key: report.overall[key] for key in expected} == {
        k: pytest.approx(v, abs=1e-6) for k, v in expected.items()
    }
    assert report.settings["sigma_px"] == [3.0]


def test_exact_has_all_keys_and_reports_its_blur(pictures: tuple[Path, Path]) -> None:
    report = evaluate("fixation", *pictures, options=Options(draws=20))
    assert list(report.overall) == ["auc_judd", "auc_borji", "s_auc", "nss", "cc", "sim", "kld", "ig"]
    assert report.overall["auc_judd"] > 0.8
    assert report.overall["nss"] > 1
    assert report.settings["sigma_from"] == ["8 cycles an image, about one degree"]
    assert report.overall["nss"] == pytest.approx(np.mean([one["nss"] for one in report.sequences.values()]))


def test_a_degree_is_taken_from_the_table_where_it_is_known(pictures: tuple[Path, Path]) -> None:
    pred, gt = pictures
    lines = (gt / "images.csv").read_text().splitlines()
    text = "\n".join([lines[0] + ",px_per_degree", *(line + ",5" for line in lines[1:])])
    (gt / "images.csv").write_text(text + "\n")
    settings = evaluate("fixation", pred, gt, options=Options(draws=5)).settings
    assert settings["sigma_px"] == [5.0]
    assert settings["sigma_from"] == ["one degree (px_per_degree)"]


def test_yardsticks_are_in_their_order(pictures: tuple[Path, Path]) -> None:
    yardsticks = evaluate("fixation", *pictures, options=Options(draws=5, yardsticks=True)).yardsticks
    assert list(yardsticks) == ["chance", "centre prior", "mean map", "other observers"]
    assert yardsticks["chance"]["auc_judd"] == 0.5
    assert yardsticks["chance"]["nss"] == 0
    assert yardsticks["chance"]["nss"] < yardsticks["centre prior"]["nss"] < yardsticks["other observers"]["nss"]
    assert yardsticks["mean map"]["ig"] == pytest.approx(0, abs=1e-9)


def test_a_set_of_one_picture_has_no_shuffled_score(pictures: tuple[Path, Path]) -> None:
    pred, gt = pictures
    for table in (gt / "images.csv", gt / "fixations.csv"):
        header, *rows = table.read_text().splitlines()
        table.write_text("\n".join([header, *(row for row in rows if row.startswith("a.jpg"))]) + "\n")
    for other in set(SIZES) - {"a"}:
        (pred / "saliency" / f"{other}.png").unlink()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report = evaluate("fixation", pred, gt, options=Options(draws=5, yardsticks=True))
    others = report.yardsticks["other observers"]
    assert math.isnan(others["s_auc"])
    assert math.isfinite(others["nss"])


def test_drawing_protocols_follow_their_seed(pictures: tuple[Path, Path]) -> None:
    for protocol in ("mit", "dhf1k"):
        runs = [evaluate("fixation", *pictures, protocol, options=Options(draws=5, seed=seed)) for seed in (1, 1, 2)]
        assert runs[0].overall == runs[1].overall
        assert runs[0].overall["auc_borji"] != runs[2].overall["auc_borji"]
        assert runs[0].overall["cc"] == runs[2].overall["cc"]


def test_maps_of_another_size_are_scored_on_their_own_pixels_or_resized(pictures: tuple[Path, Path]) -> None:
    pred, gt = pictures
    before = evaluate("fixation", pred, gt, options=Options(draws=5)).overall
    for path in (pred / "saliency").iterdir():
        image = Image.open(path)
        image.resize((2 * image.width, 2 * image.height), Image.Resampling.BICUBIC).save(path)
    for protocol in ("exact", "mit"):
        after = evaluate("fixation", pred, gt, protocol, options=Options(draws=5)).overall
        assert after["nss"] == pytest.approx(before["nss"], abs=0.15)
    save(pred / "saliency" / "a.png", np.zeros((40, 30), np.uint8))
    with pytest.raises(DataError, match=r"a\.png: 30 x 40 pixels, but a is 40 x 30"):
        evaluate("fixation", pred, gt)


def test_constant_maps_and_empty_pictures_are_counted(pictures: tuple[Path, Path]) -> None:
    pred, gt = pictures
    save(pred / "saliency" / "a.png", np.full(SIZES["a"], 9, np.uint8))
    table = (gt / "fixations.csv").read_text().splitlines()
    (gt / "fixations.csv").write_text("\n".join(line for line in table if not line.startswith("b.jpg")) + "\n")
    report = evaluate("fixation", pred, gt, options=Options(draws=5))
    assert report.unscored_frames == 2
    assert math.isnan(report.sequences["a"]["nss"])
    assert report.sequences["a"]["auc_judd"] == 0.5
    assert report.overall["nss"] == pytest.approx(report.sequences["c"]["nss"])
    assert evaluate("fixation", pred, gt, "pysaliency", options=Options(draws=5)).sequences["a"]["nss"] == 0


def make_video(path: Path, frames: int, size: tuple[int, int]) -> None:
    av = pytest.importorskip("av")
    with av.open(path, "w") as container:
        stream = container.add_stream("ffv1", rate=10, width=size[1], height=size[0], pix_fmt="gray")
        for index in range(frames):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.full(size, index, np.uint8), format="gray")))
        container.mux(stream.encode())


def test_tables_of_videos_are_scored_frame_by_frame(tmp_path: Path) -> None:
    gt, pred = tmp_path / "gt", tmp_path / "pred"
    gt.mkdir()
    for name in ("one", "two"):
        make_video(gt / f"{name}.mkv", 4, (20, 30))
        # On screen at 0, 100, 200 and 300 ms: the fixation covers frames 1 and 2; the last frame has none.
        (gt / f"{name}_fixations.csv").write_text(
            "subject,onset_ms,duration_ms,x_px,y_px\n1,110,150,5.5,5.5\n2,0,100,20,10\n"
        )
        rows, columns = np.mgrid[:20, :30]
        blob = np.exp(-((columns - 5) ** 2 + (rows - 5) ** 2) / 30)
        for index in range(4):
            save(pred / name / "saliency" / f"{index:05d}.png", np.round(65535 * blob).astype(np.uint16))
    report = evaluate("fixation", pred, gt, options=Options(draws=5, sigma=2))
    nss = report.details[0].values["nss"]
    assert nss[1] == nss[2] > 2
    assert nss[0] < 0
    assert math.isnan(nss[3])
    assert report.unscored_frames == 2
    with pytest.raises(UsageError, match="at least half a pixel"):
        evaluate("fixation", pred, gt, options=Options(sigma=0.1))


@pytest.mark.parametrize("layout", ["dhf1k", "stavis"])
def test_shipped_maps_are_read(tmp_path: Path, layout: str) -> None:
    rng = np.random.default_rng(0)
    for video in ("0601", "0602"):
        for index in range(1, 4):
            counts = np.zeros((20, 30))
            counts[rng.integers(0, 20, 6), rng.integers(0, 30, 6)] = 1
            density = gaussian_filter(counts, 2)
            grey = np.round(255 * density / density.max()).astype(np.uint8)
            if layout == "dhf1k":
                folder = tmp_path / "gt" / "annotation" / video
                (folder / "fixation" / "maps").mkdir(parents=True, exist_ok=True)
                savemat(folder / "fixation" / "maps" / f"{index:04d}.mat", {"I": counts})
                save(folder / "maps" / f"{index:04d}.png", grey)
                save(tmp_path / "pred" / video.lstrip("0") / f"{index:04d}.png", grey)
            else:
                folder = tmp_path / "gt" / video
                folder.mkdir(parents=True, exist_ok=True)
                savemat(folder / f"fixMap_{index:05d}.mat", {"eyeMap": counts})
                save(folder / "maps" / f"eyeMap_{index:05d}.png", grey)
                save(tmp_path / "pred" / video / f"{index:05d}.png", grey)
    report = evaluate("fixation", tmp_path / "pred", tmp_path / "gt", layout, options=Options(draws=5))
    assert report.settings["sigma_from"] == ["shipped densities"]
    assert report.overall["cc"] > (0.999 if layout == "dhf1k" else 0.7)  # stavis blurs predictions
    assert report.overall["auc_judd"] > 0.9
    assert not math.isnan(report.overall["s_auc"])


def test_real_pictures(shared_data: Path, tmp_path: Path) -> None:
    root = shared_data / "image_fixations" / "osie_dev"
    names = ["1001", "1003"]
    rows, columns = np.mgrid[:264, :352]
    centre = np.exp(-((columns - 176) ** 2 / 88**2 + (rows - 132) ** 2 / 66**2) / 2)
    for name in names:
        save(tmp_path / "saliency" / f"{name}.png", np.round(65535 * centre).astype(np.uint16))
    report = evaluate("fixation", tmp_path, root, options=Options(draws=5, names=names))
    assert 0.5 < report.overall["auc_judd"] < 1
    assert set(report.sequences) == set(names)
