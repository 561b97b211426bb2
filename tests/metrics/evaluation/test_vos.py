"""Scoring folders of masks."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from sightline.errors import DataError, UsageError
from sightline.metrics.evaluation import Options, evaluate
from sightline.metrics.functional import vos


def save(path: Path, labels: np.ndarray, palette: bool = True) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(labels.astype(np.uint8))
    if palette:
        image.putpalette(list(range(256)) * 3)
    image.save(path)


def disk(x: float, radius: float = 6, size: tuple[int, int] = (40, 60)) -> np.ndarray:
    rows, columns = np.mgrid[: size[0], : size[1]]
    return ((rows - 20) ** 2 + (columns - x) ** 2 <= radius**2).astype(np.uint8)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """A prediction that trails behind a moving disk by two pixels, in results of predict and the layout of DAVIS."""
    for name, speed in (("slow", 1), ("fast", 4)):
        for index in range(6):
            save(tmp_path / "gt" / "Annotations" / "480p" / name / f"{index:05d}.png", disk(20 + speed * index), False)
            save(tmp_path / "pred" / name / "masks" / f"{index:05d}.png", disk(18 + speed * index))
    return tmp_path / "pred", tmp_path / "gt"


def test_davis_leaves_the_ends_out_and_averages_over_sequences(folders: tuple[Path, Path]) -> None:
    pred, gt = folders
    save(pred / "slow" / "masks" / "00000.png", np.zeros((40, 60)))  # not scored
    report = evaluate("vos", pred, gt, "davis2016", options=Options(draws=50))
    expected = []
    for speed in (1, 4):
        pairs = [(disk(18 + speed * i), disk(20 + speed * i)) for i in range(1, 5)]
        masks = torch.from_numpy(np.array(pairs)).bool()
        expected.append([series.mean().item() for series in vos.j_and_f(masks[:, 0], masks[:, 1])])
    j, f = np.mean(expected, axis=0)
    assert report.overall["j_mean"] == pytest.approx(j)
    assert report.overall["f_mean"] == pytest.approx(f)
    assert report.overall["jf_mean"] == pytest.approx((j + f) / 2)
    assert report.sequences["slow"]["j_mean"] == pytest.approx(expected[0][0])
    assert report.sequences["slow"]["t_mean"] < report.sequences["fast"]["t_mean"] + 0.5
    assert report.unscored_frames == 0
    low, high = report.interval["j_mean"]
    assert low <= report.overall["j_mean"] <= high
    assert evaluate("vos", pred, gt, "exact", options=Options(draws=5)).sequences["slow"]["j_mean"] < expected[0][0]


def test_frames_that_are_empty_on_both_sides(folders: tuple[Path, Path]) -> None:
    pred, gt = folders
    for name in ("slow", "fast"):
        save(pred / name / "masks" / "00002.png", np.zeros((40, 60)))
        save(gt / "Annotations" / "480p" / name / "00002.png", np.zeros((40, 60)), False)
    exact = evaluate("vos", pred, gt, "exact", options=Options(draws=5))
    assert exact.unscored_frames == 2
    scores = {frame: exact.details[0].values["j"][index] for index, frame in enumerate(exact.details[0].frames)}
    assert math.isnan(scores["00002"])
    davis = evaluate("vos", pred, gt, "davis2016", options=Options(draws=5))
    assert davis.unscored_frames == 0
    assert davis.details[0].values["j"][1] == 1


def test_proposals_are_assigned_to_objects_whatever_their_numbers(tmp_path: Path) -> None:
    for index in range(4):
        first, second = disk(15 + index), disk(45 - index)
        truth = first + 2 * second
        truth[0] = 255  # void
        save(tmp_path / "gt" / "two" / f"{index:05d}.png", truth)
        proposal = 7 * first + 3 * second + 12 * disk(30, 3)
        proposal[0] = 7  # in the void
        save(tmp_path / "pred" / "two" / f"{index:05d}.png", proposal)
    report = evaluate("vos", tmp_path / "pred", tmp_path / "gt", "davis2017-unsupervised", options=Options(draws=5))
    assert report.overall["jf_mean"] == pytest.approx(1)
    assert set(report.details[0].values) == {"j_1", "j_2", "f_1", "f_2"}
    assert "t_mean" not in report.overall


def test_a_missing_object_costs_its_share(tmp_path: Path) -> None:
    for index in range(3):
        save(tmp_path / "gt" / "two" / f"{index:05d}.png", disk(15) + 2 * disk(45))
        save(tmp_path / "pred" / "two" / f"{index:05d}.png", disk(15))
    report = evaluate("vos", tmp_path / "pred", tmp_path / "gt", "davis2017-unsupervised", options=Options(draws=5))
    assert report.overall["j_mean"] == pytest.approx(0.5)


def test_a_video_of_masks_is_read(folders: tuple[Path, Path], tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    _, gt = folders
    (tmp_path / "video").mkdir()
    for name, speed in (("slow", 1), ("fast", 4)):
        with av.open(tmp_path / "video" / f"{name}.mkv", "w") as container:
            stream = container.add_stream("ffv1", rate=25, width=60, height=40, pix_fmt="gray")
            for index in range(6):
                frame = av.VideoFrame.from_ndarray(disk(20 + speed * index) * 255, format="gray")
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
    report = evaluate("vos", tmp_path / "video", gt, "davis2016", options=Options(draws=5))
    assert report.overall["j_mean"] == pytest.approx(1)


def test_bad_input_is_named(folders: tuple[Path, Path]) -> None:
    pred, gt = folders
    (pred / "slow" / "masks" / "00003.png").unlink()
    with pytest.raises(DataError, match=r"slow/masks: missing frames \(1\): 00003"):
        evaluate("vos", pred, gt, "davis2016")
    save(pred / "slow" / "masks" / "00003.png", disk(20)[:30])
    with pytest.raises(DataError, match=r"00003\.png: 60 x 30 pixels, but .* 60 x 40"):
        evaluate("vos", pred, gt, "davis2016")
    with pytest.raises(UsageError, match="choose exact, davis2016, davis2017-unsupervised"):
        evaluate("vos", pred, gt, "davis2018")
    with pytest.raises(UsageError, match="choose fixation, vsod, vos, gaze"):
        evaluate("masks", pred, gt)


def test_predictions_are_compared_pair_by_pair(folders: tuple[Path, Path], tmp_path: Path) -> None:
    pred, gt = folders
    report = evaluate("vos", gt / "Annotations" / "480p", gt, "davis2016", against=[pred], options=Options(draws=200))
    other = report.comparisons[0]
    assert other.difference["j_mean"] == pytest.approx(1 - other.overall["j_mean"])
    low, high = other.difference_interval["j_mean"]
    per_sequence = [1 - j for j in (report.comparisons[0].overall["j_mean"],)]
    assert low <= per_sequence[0] <= high
    assert low > 0


def test_the_truth_of_real_sequences_scores_one(shared_data: Path) -> None:
    root = shared_data / "vos" / "davis2016_dev"
    report = evaluate(
        "vos", root / "Annotations" / "480p", root, "davis2017-unsupervised", options=Options(names=["dog"])
    )
    assert report.overall["jf_mean"] == 1
