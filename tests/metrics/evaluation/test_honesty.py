"""Inputs that an evaluator can score wrongly without a word: each gets its right value, or is refused by name."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sightline.errors import DataError
from sightline.metrics.evaluation import Options, Report, evaluate

ROWS, COLUMNS = np.mgrid[:24, :32]
QUICK = Options(draws=20, workers=1)


def disk(row: float, column: float, radius: float = 6) -> np.ndarray:
    return (ROWS - row) ** 2 + (COLUMNS - column) ** 2 < radius**2


def save(path: Path, array: np.ndarray, palette: bool = False) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".npy":
        np.save(path, array)
        return path
    image = Image.fromarray(array if array.dtype == np.uint16 else array.astype(np.uint8))
    if palette:
        image.putpalette([(37 * i) % 256 for i in range(768)])
    image.save(path)
    return path


def vos(root: Path, protocol: str = "exact", **options: object) -> Report:
    return evaluate("vos", root / "pred", root / "gt", protocol, options=Options(draws=5, workers=1, **options))


def table(root: Path, points: dict[str, list[tuple[float, float]]], size: tuple[int, int] = (24, 32)) -> Path:
    """Pictures with the fixations of one viewer each."""
    root.mkdir(parents=True, exist_ok=True)
    rows, sizes = ["image,subject,order,x_px,y_px"], ["image,original_width_px,original_height_px"]
    for name, xy in points.items():
        sizes.append(f"{name}.jpg,{size[1]},{size[0]}")
        rows += [f"{name}.jpg,s,{order},{x},{y}" for order, (x, y) in enumerate(xy, start=2)]
    (root / "fixations.csv").write_text("\n".join(rows) + "\n")
    (root / "images.csv").write_text("\n".join(sizes) + "\n")
    return root


# ---------------------------------------------------------------- which prediction belongs to which frame
@pytest.mark.parametrize("task", ["vsod", "vos"])
def test_full_names_pair_before_the_numbers_in_them(tmp_path: Path, task: str) -> None:
    for index, name in enumerate(("cat_1", "cat_2", "dog_1")):
        for side in ("gt", "pred"):
            save(tmp_path / side / "s" / f"{name}.png", disk(8 + 4 * index, 8 + 6 * index) * 255)
    report = evaluate(task, tmp_path / "pred", tmp_path / "gt", options=QUICK)
    assert report.overall["s_measure" if task == "vsod" else "j_mean"] == pytest.approx(1)


def test_numbers_that_pair_twice_are_refused_with_the_files(tmp_path: Path) -> None:
    for name in ("cat_1", "dog_1"):
        save(tmp_path / "gt" / "s" / f"{name}.png", disk(9, 9) * 255)
    for name in ("a_1", "b_1"):
        save(tmp_path / "pred" / "s" / f"{name}.png", disk(9, 9) * 255)
    with pytest.raises(DataError, match="end in the same number: a_1, b_1"):
        vos(tmp_path)


def test_two_files_for_one_frame_are_refused(tmp_path: Path) -> None:
    save(tmp_path / "gt" / "s" / "00000.png", disk(9, 9) * 255)
    save(tmp_path / "pred" / "s" / "00000.png", disk(9, 9) * 255)
    save(tmp_path / "pred" / "s" / "00000.npy", disk(9, 20))
    with pytest.raises(DataError, match=r"several files for one frame: 00000\.npy, 00000\.png"):
        vos(tmp_path)


def test_two_predictions_of_one_sequence_are_refused(tmp_path: Path) -> None:
    save(tmp_path / "gt" / "s" / "00000.png", disk(9, 9) * 255)
    save(tmp_path / "pred" / "s" / "00000.png", disk(9, 9) * 255)
    (tmp_path / "pred" / "s.mp4").write_bytes(b"")
    with pytest.raises(DataError, match="two predictions of s"):
        vos(tmp_path)


# ---------------------------------------------------------------- what predict leaves
def left_by_predict(folder: Path, frames: list[np.ndarray], kind: str = "saliency") -> None:
    for index, values in enumerate(frames):
        save(folder / kind / f"{index:05d}.png", np.round(values * 65535).astype(np.uint16))
    (folder / "overlay.mp4").write_bytes(b"not a video")
    (folder / "summary.json").write_text("{}")


def watched_videos(root: Path) -> list[np.ndarray]:
    """Two videos of three frames with one fixation each; perfect maps for them."""
    maps = []
    for video, column in (("001", 8), ("002", 20)):
        for index in range(3):
            fixations = np.zeros((24, 32))
            fixations[12, column + index] = 255
            save(root / video / "fixation" / f"{index + 1:04d}.png", fixations)
            blob = np.exp(-((ROWS - 12) ** 2 + (COLUMNS - column - index) ** 2) / 30)
            save(root / video / "maps" / f"{index + 1:04d}.png", np.round(255 * blob))
            maps.append(blob)
    return maps


def test_the_folder_of_a_source_and_that_of_all_score_the_maps_and_never_the_overlay(tmp_path: Path) -> None:
    maps = watched_videos(tmp_path / "gt")
    left_by_predict(tmp_path / "pred" / "001", maps[:3])
    left_by_predict(tmp_path / "pred" / "002", maps[3:])
    every = evaluate("fixation", tmp_path / "pred", tmp_path / "gt", options=QUICK)
    one = evaluate("fixation", tmp_path / "pred" / "002", tmp_path / "gt", options=QUICK)
    assert list(every.sequences) == ["001", "002"]
    assert list(one.sequences) == ["002"]
    z_score = (1 - maps[5].mean()) / maps[5].std()
    assert one.details[0].values["nss"][2] == pytest.approx(z_score, abs=1e-3)
    assert one.sequences["002"]["nss"] == pytest.approx(every.sequences["002"]["nss"])


def test_an_overlay_alone_is_no_prediction(tmp_path: Path) -> None:
    watched_videos(tmp_path / "gt")
    (tmp_path / "pred" / "002").mkdir(parents=True)
    (tmp_path / "pred" / "002" / "overlay.mp4").write_bytes(b"not a video")
    for folder in (tmp_path / "pred", tmp_path / "pred" / "002"):
        with pytest.raises(DataError, match="no sequences in it"):
            evaluate("fixation", folder, tmp_path / "gt", options=QUICK)


def test_vsod_scores_probabilities_or_else_masks_and_never_where_people_look(tmp_path: Path) -> None:
    truth, place = disk(12, 12), tmp_path / "pred" / "s"
    save(tmp_path / "gt" / "s" / "00000.png", truth * 255)
    left_by_predict(place, [1.0 - truth])
    with pytest.raises(DataError, match="no sequences in it"):
        evaluate("vsod", tmp_path / "pred", tmp_path / "gt", options=QUICK)
    save(place / "masks" / "00000.png", truth * 3, palette=True)  # object number 3
    assert evaluate("vsod", tmp_path / "pred", tmp_path / "gt", options=QUICK).overall["mae"] == 0
    left_by_predict(place, [truth * 0.5], "probability")
    mae = evaluate("vsod", tmp_path / "pred", tmp_path / "gt", options=QUICK).overall["mae"]
    assert mae == pytest.approx(truth.mean() / 2, abs=1e-4)


# ---------------------------------------------------------------- what a file holds
def test_a_compressed_mask_is_cut_at_half(tmp_path: Path) -> None:
    for index in range(3):
        mask = disk(12, 10 + 3 * index) * 255
        save(tmp_path / "gt" / "s" / f"{index:05d}.png", mask)
        save(tmp_path / "pred" / "s" / f"{index:05d}.jpg", mask)
    assert vos(tmp_path).overall["j_mean"] == pytest.approx(1)


@pytest.mark.parametrize(
    ("values", "suffix"),
    [
        ([0, 64, 128, 191, 255], ".png"),  # enlarged bilinearly
        ([0, 80, 160, 240], ".png"),  # objects as greys
        ([0, 1, 2, 255], ".png"),  # numbers with void, but no palette
        ([0, 90], ".jpg"),  # neither 0 and 255 nor numbers
    ],
)
def test_masks_that_could_mean_several_things_are_refused(tmp_path: Path, values: list[int], suffix: str) -> None:
    save(tmp_path / "gt" / "s" / "00000.png", disk(12, 12) * 255)
    mask = np.array(values)[(ROWS * len(values)) // 24]
    save(tmp_path / "pred" / "s" / f"00000{suffix}", mask)
    with pytest.raises(DataError, match=rf"00000{suffix}: "):
        vos(tmp_path)


def test_masks_as_arrays_hold_object_numbers(tmp_path: Path) -> None:
    labels = disk(8, 8, 5) + 2 * disk(15, 22, 5)
    for index in range(3):
        save(tmp_path / "gt" / "s" / f"{index:05d}.png", labels, palette=True)
        save(tmp_path / "pred" / "s" / f"{index:05d}.npy", labels.astype(np.int64))
    assert vos(tmp_path, "davis2017-semi-supervised").overall["j_mean"] == 1
    save(tmp_path / "pred" / "s" / "00001.npy", labels / 2)
    with pytest.raises(DataError, match=r"00001\.npy: object numbers"):
        vos(tmp_path, "davis2017-semi-supervised")


def test_white_in_a_grey_palette_is_an_object_not_void(tmp_path: Path) -> None:
    for index in range(3):
        save(tmp_path / "gt" / "s" / f"{index:05d}.png", disk(12, 12) * 255)
        image = Image.fromarray(disk(12, 15).astype(np.uint8) * 255)
        image.putpalette([value for value in range(256) for _ in range(3)])
        (tmp_path / "pred" / "s").mkdir(parents=True, exist_ok=True)
        image.save(tmp_path / "pred" / "s" / f"{index:05d}.png")
    both = (disk(12, 12) & disk(12, 15)).sum() / (disk(12, 12) | disk(12, 15)).sum()
    assert vos(tmp_path).overall["j_mean"] == pytest.approx(both)


@pytest.mark.parametrize("kind", [np.int64, np.int32, np.uint8])
@pytest.mark.parametrize("top", [1, 255])
def test_whole_numbers_in_arrays_score_as_the_picture_of_them(tmp_path: Path, kind: type, top: int) -> None:
    for name, shift in (("a", 0), ("b", 4)):
        for index in range(3):
            save(tmp_path / "gt" / name / f"{index}.png", disk(12, 12 + index) * 255)
            pred = disk(12, 12 + index + shift)
            save(tmp_path / "png" / name / f"{index}.png", pred * 255)
            top_of_type = 255 if kind is np.uint8 else top
            save(tmp_path / "npy" / name / f"{index}.npy", (pred * top_of_type).astype(kind))
    pictures, arrays = (evaluate("vsod", tmp_path / side, tmp_path / "gt", options=QUICK) for side in ("png", "npy"))
    assert arrays.overall == pytest.approx(pictures.overall)


def test_one_dark_frame_does_not_change_what_stands_for_white(tmp_path: Path) -> None:
    for index, top in enumerate((255, 1)):
        save(tmp_path / "gt" / "s" / f"{index}.png", disk(12, 12) * 255)
        save(tmp_path / "pred" / "s" / f"{index}.npy", (disk(12, 12) * top).astype(np.int64))
    report = evaluate("vsod", tmp_path / "pred", tmp_path / "gt", options=QUICK)
    assert report.details[0].values["mae"] == pytest.approx([0, disk(12, 12).mean() * 254 / 255])


def test_whole_numbers_without_a_range_are_refused(tmp_path: Path) -> None:
    save(tmp_path / "gt" / "s" / "0.png", disk(12, 12) * 255)
    save(tmp_path / "pred" / "s" / "0.npy", (disk(12, 12) * 1000).astype(np.int64))
    with pytest.raises(DataError, match=r"0\.npy: whole numbers from 0 to 1000 of type int64"):
        evaluate("vsod", tmp_path / "pred", tmp_path / "gt", options=QUICK)


@pytest.mark.parametrize("suffix", [".mat", ".npz", ".npy", ".tiff"])
def test_maps_are_read_from_the_files_of_other_tools(tmp_path: Path, suffix: str) -> None:
    from scipy.io import savemat

    table(tmp_path / "gt", {"a": [(10, 9), (12, 14)]})
    values = np.exp(-((ROWS - 11) ** 2 + (COLUMNS - 11) ** 2) / 40)
    place = tmp_path / "pred" / f"a{suffix}"
    place.parent.mkdir()
    if suffix == ".mat":
        savemat(place, {"salMap": values, "version": 1.0})
    elif suffix == ".npz":
        np.savez(place, values)
    elif suffix == ".npy":
        np.save(place, values)
    else:
        Image.fromarray(values.astype(np.float32)).save(place)
    nss = evaluate("fixation", tmp_path / "pred", tmp_path / "gt", options=QUICK).overall["nss"]
    expected = (values[[9, 14], [10, 12]].mean() - values.mean()) / values.std()
    assert nss == pytest.approx(expected, abs=1e-5)


def test_a_file_with_several_maps_is_refused(tmp_path: Path) -> None:
    table(tmp_path / "gt", {"a": [(10, 9)]})
    (tmp_path / "pred").mkdir()
    np.savez(tmp_path / "pred" / "a.npz", first=np.eye(24, 32), second=np.eye(24, 32))
    with pytest.raises(DataError, match=r"a\.npz: one map is expected in it, there are first, second"):
        evaluate("fixation", tmp_path / "pred", tmp_path / "gt", options=QUICK)


# ---------------------------------------------------------------- sequences and objects that vanish
@pytest.mark.parametrize(("task", "protocol"), [("vos", "davis2016"), ("vsod", "davsod")])
def test_sequences_that_are_too_short_are_named(tmp_path: Path, task: str, protocol: str) -> None:
    for name, frames in (("long", 4), ("short", 2)):
        for index in range(frames):
            for side in ("gt", "pred"):
                save(tmp_path / side / name / f"{index}.png", disk(12, 12) * 255)
    with pytest.raises(DataError, match="short: nothing to score in 2 frames or fewer"):
        evaluate(task, tmp_path / "pred", tmp_path / "gt", protocol, options=QUICK)
    chosen = Options(draws=5, workers=1, names=["long"])
    assert list(evaluate(task, tmp_path / "pred", tmp_path / "gt", protocol, options=chosen).sequences) == ["long"]


def grid_of_objects(number: int, shown: int) -> np.ndarray:
    """Squares of 4 x 4 with the numbers 1 to `shown` of `number` places."""
    labels = np.zeros((36, 48), dtype=np.uint8)
    for index in range(number):
        row, column = divmod(index, 8)
        labels[6 * row + 1 : 6 * row + 5, 6 * column + 1 : 6 * column + 5] = index + 1 if index < shown else 0
    return labels


def test_objects_beyond_twenty_count(tmp_path: Path) -> None:
    for index in range(3):
        save(tmp_path / "gt" / "s" / f"{index}.png", grid_of_objects(25, 25), palette=True)
        save(tmp_path / "pred" / "s" / f"{index}.png", grid_of_objects(25, 20), palette=True)
    report = vos(tmp_path, "davis2017-unsupervised")
    assert report.overall["j_mean"] == pytest.approx(20 / 25)
    assert len(report.objects["s"]) == 25
    assert sum(scores["j_mean"] == 0 for scores in report.objects["s"].values()) == 5


def test_an_object_that_goes_away_is_not_matched_with_a_proposal_that_nobody_made(tmp_path: Path) -> None:
    for index in range(4):
        gone = index > 0
        save(tmp_path / "gt" / "s" / f"{index}.png", disk(8, 8, 5) + (0 if gone else 2 * disk(15, 22, 5)), True)
        save(tmp_path / "pred" / "s" / f"{index}.png", disk(8, 8, 5) + 2 * disk(15, 22, 5), True)
    report = vos(tmp_path, "davis2017-unsupervised")
    assert report.objects["s"]["2"]["j_mean"] == pytest.approx(1 / 4)  # an empty one would score 3/4
    assert report.overall["j_mean"] == pytest.approx((1 + 1 / 4) / 2)


def test_semi_supervised_objects_go_by_their_numbers(tmp_path: Path) -> None:
    swapped = 2 * disk(8, 8, 5) + disk(15, 22, 5)
    for index in range(4):
        labels = (disk(8, 8, 5) + 2 * disk(15, 22, 5)).astype(np.uint8)
        labels[0, 0] = 255  # void is background here
        save(tmp_path / "gt" / "s" / f"{index}.png", labels, True)
        save(tmp_path / "pred" / "s" / f"{index}.png", labels % 255 if index in (0, 1) else swapped, True)
    report = vos(tmp_path, "davis2017-semi-supervised")
    assert report.details[0].frames == ["1", "2"]
    assert {number: scores["j_mean"] for number, scores in report.objects["s"].items()} == {"1": 0.5, "2": 0.5}
    assert vos(tmp_path, "davis2017-unsupervised").overall["j_mean"] == pytest.approx(0.5)
    save(tmp_path / "pred" / "s" / "2.png", 3 * disk(8, 8), True)
    with pytest.raises(DataError, match="s, frame 2: object number 3; the first frame names 2"):
        vos(tmp_path, "davis2017-semi-supervised")


def test_masks_in_coco_annotations(tmp_path: Path) -> None:
    from sightline.metrics.coco import encode_mask

    pytest.importorskip("pycocotools")
    images: list[Any] = []
    annotations: list[Any] = []
    for index in range(3):
        labels = disk(8, 8, 5) + 2 * disk(15, 22, 5)
        save(tmp_path / "gt" / "s" / f"{index}.png", labels, palette=True)
        images.append({"id": index, "height": 24, "width": 32, "file_name": f"{index:05d}.png"})
        for number in (1, 2):
            code = encode_mask(labels == number)
            runs = np.flatnonzero(np.diff((labels == number).T.ravel(), prepend=False, append=False))
            counts = np.diff([0, *runs.tolist(), labels.size]).tolist()
            coded = code["counts"].decode() if number == 1 else counts  # both ways that COCO has
            segmentation = {"size": [24, 32], "counts": coded}
            annotations.append(
                {"id": len(annotations), "image_id": index, "object": number} | {"segmentation": segmentation}
            )
    place = tmp_path / "pred" / "s" / "annotations.coco.json"
    place.parent.mkdir(parents=True)
    place.write_text(json.dumps({"images": images, "annotations": annotations, "categories": []}))
    assert vos(tmp_path, "davis2017-semi-supervised").overall["jf_mean"] == 1
    del annotations[3]["object"]
    place.write_text(json.dumps({"images": images, "annotations": annotations}))
    with pytest.raises(DataError, match=r"annotations\.coco\.json: annotation 3 has no number"):
        vos(tmp_path, "davis2017-semi-supervised")


# ---------------------------------------------------------------- pixels of fixations
@pytest.mark.parametrize("protocol", ["exact", "pysaliency"])
def test_whole_pixels_stay_where_they_are_at_any_width(tmp_path: Path, protocol: str) -> None:
    """Every column of a picture, for widths at which x / w * w rounds below x."""
    width = 49
    for name in "ab":
        values = np.zeros((9, width))
        values[:, 1] = 1
        save(tmp_path / "pred" / f"{name}.npy", values)
    table(tmp_path / "gt", {name: [(1, row) for row in range(4)] for name in "ab"}, (9, width))
    report = evaluate("fixation", tmp_path / "pred", tmp_path / "gt", protocol, options=QUICK)
    assert report.overall["s_auc"] == 0.5  # own and others' fixations all lie on the line
    assert report.overall["nss"] == pytest.approx((1 - 1 / width) / math.sqrt(1 / width - 1 / width**2))


# ---------------------------------------------------------------- maps that say nothing
def test_a_black_map_is_no_way_out(tmp_path: Path) -> None:
    points = {name: [(10, 9), (12, 14), (8, 11)] for name in "abcd"}
    table(tmp_path / "gt", points)
    for name in points:
        save(tmp_path / "pred" / f"{name}.npy", np.zeros((24, 32)))
    mit = evaluate("fixation", tmp_path / "pred", tmp_path / "gt", "mit", options=QUICK)
    exact = evaluate("fixation", tmp_path / "pred", tmp_path / "gt", options=QUICK)
    for report in (mit, exact):
        assert report.overall["sim"] == 0
        assert 20 < report.overall["kld"] < 37  # log(1 / eps) less the truth's entropy
        assert math.isnan(report.overall["nss"])
        assert report.unscored_frames == 4
    assert math.isnan(mit.overall["ig"])
    assert exact.overall["ig"] < -30
    assert 0 < mit.overall["auc_judd"] < 1  # ties are broken by noise
    assert exact.overall["auc_judd"] == 0.5


def test_dhf1k_counts_frames_that_nobody_looked_at_in_sim_alone(tmp_path: Path) -> None:
    watched_videos(tmp_path / "gt")
    save(tmp_path / "gt" / "001" / "fixation" / "0002.png", np.zeros((24, 32)))
    save(tmp_path / "gt" / "001" / "maps" / "0002.png", np.zeros((24, 32)))
    for video in ("001", "002"):
        for index in range(3):
            save(tmp_path / "pred" / video / f"{index + 1:04d}.png", np.round(200 * disk(12, 12) + ROWS))
    for protocol, sim in (("dhf1k", 0.0), ("stavis", 0.0), ("exact", math.nan), ("mit", math.nan)):
        report = evaluate("fixation", tmp_path / "pred", tmp_path / "gt", protocol, options=QUICK)
        values = report.details[0].values
        assert values["sim"][1] == pytest.approx(sim, nan_ok=True), protocol
        assert all(math.isnan(values[key][1]) for key in ("nss", "cc", "kld", "auc_judd", "ig"))


def test_stavis_leaves_a_constant_map_out_and_counts_it(tmp_path: Path) -> None:
    watched_videos(tmp_path / "gt")
    for video in ("001", "002"):
        for index in range(3):
            values = np.full((24, 32), 100.0) if (video, index) == ("001", 1) else 200.0 * disk(12, 12) + ROWS
            save(tmp_path / "pred" / video / f"{index + 1:04d}.png", values)
    report = evaluate("fixation", tmp_path / "pred", tmp_path / "gt", "stavis", options=QUICK)
    assert report.unscored_frames == 1
    assert all(math.isnan(series[1]) for series in report.details[0].values.values())
    assert not math.isnan(report.details[0].values["nss"][0])


def test_every_pixel_fixated_stops_nothing(tmp_path: Path) -> None:
    every = [(x + 0.5, y + 0.5) for y in range(2) for x in range(3)]
    table(tmp_path / "gt", {"a": every, "b": every}, (2, 3))
    for name in "ab":
        save(tmp_path / "pred" / f"{name}.npy", np.arange(6.0).reshape(2, 3))
    report = evaluate("fixation", tmp_path / "pred", tmp_path / "gt", "pysaliency", options=QUICK)
    assert math.isnan(report.overall["auc_judd"])
    assert report.overall["auc_borji"] == 0.5
    assert report.overall["nss"] == pytest.approx(0)


def test_a_fixation_where_nothing_was_predicted_costs_infinitely_much_in_pysaliency(tmp_path: Path) -> None:
    table(tmp_path / "gt", {"a": [(3, 9), (12, 14)], "b": [(12, 12)]})
    for name in "ab":
        save(tmp_path / "pred" / f"{name}.npy", disk(12, 12).astype(float))
    report = evaluate("fixation", tmp_path / "pred", tmp_path / "gt", "pysaliency", options=QUICK)
    assert report.overall["ig"] == -math.inf
    assert json.loads(json.dumps(report.as_dict(), allow_nan=False))["overall"]["ig"] == "-Infinity"
    assert "| -inf" in report.markdown()


def test_negative_maps_are_lifted_before_the_floor(tmp_path: Path) -> None:
    table(tmp_path / "gt", {name: [(10, 9), (12, 14)] for name in "ab"})
    values = np.exp(-((ROWS - 11) ** 2 + (COLUMNS - 11) ** 2) / 40)
    for name in "ab":
        save(tmp_path / "low" / f"{name}.npy", values - 3)
        save(tmp_path / "lifted" / f"{name}.npy", values - values.min())
    scores = [
        evaluate("fixation", tmp_path / side, tmp_path / "gt", "pysaliency", options=QUICK).overall["kld"]
        for side in ("low", "lifted")
    ]
    assert math.isfinite(scores[0])
    assert scores[0] == pytest.approx(scores[1])


def test_log_densities(tmp_path: Path) -> None:
    table(tmp_path / "gt", {"a": [(10, 9), (12, 14)], "b": [(20, 9), (22, 14)]})
    for name, column in (("a", 11), ("b", 21)):
        density = np.exp(-((ROWS - 11) ** 2 + (COLUMNS - column) ** 2) / 40)
        density[0, 0] = 0
        save(tmp_path / "density" / f"{name}.npy", density)
        with np.errstate(divide="ignore"):
            save(tmp_path / "log" / f"{name}.npy", np.log(density) + 5)
    logs = Options(draws=5, workers=1, log_densities=True)
    expected = evaluate("fixation", tmp_path / "density", tmp_path / "gt", options=QUICK).overall
    assert evaluate("fixation", tmp_path / "log", tmp_path / "gt", options=logs).overall == pytest.approx(expected)
    save(tmp_path / "log" / "a.npy", np.full((24, 32), -np.inf))
    with pytest.raises(DataError, match=r"a\.npy: .*log-densities below infinity"):
        evaluate("fixation", tmp_path / "log", tmp_path / "gt", options=logs)


def test_steadiness_is_the_likeness_of_successive_maps(tmp_path: Path) -> None:
    watched_videos(tmp_path / "gt")
    for video in ("001", "002"):
        for index, column in enumerate((8, 8, 24)):
            save(tmp_path / "pred" / video / f"{index + 1:04d}.png", disk(12, column, 5) * 255)
    report = evaluate("fixation", tmp_path / "pred", tmp_path / "gt", options=QUICK)
    assert report.details[0].values["steadiness"] == pytest.approx([math.nan, 1, 0], nan_ok=True)
    assert report.overall["steadiness"] == pytest.approx(0.5)
    assert "steadiness" not in evaluate("fixation", tmp_path / "pred", tmp_path / "gt", "dhf1k", options=QUICK).overall


def test_the_csv_has_every_prediction(tmp_path: Path) -> None:
    for side in ("gt", "pred", "other"):
        for index in range(3):
            save(tmp_path / side / "s" / f"{index}.png", disk(12, 12 + (side == "other")) * 255)
    report = evaluate("vos", tmp_path / "pred", tmp_path / "gt", against=[tmp_path / "other"], options=QUICK)
    report.write_csv(tmp_path / "frames.csv")
    rows = list(csv.DictReader((tmp_path / "frames.csv").read_text().splitlines()))
    assert [(row["prediction"], row["frame"]) for row in rows] == [
        (n, str(i)) for n in ("pred", "other") for i in range(3)
    ]
    assert float(rows[0]["j"]) == 1 > float(rows[3]["j"])
