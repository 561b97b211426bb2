"""Tracked hotspots against the fixations on a person: python benchmarks/hotspots.py --data ../shared/data

For each video of `video_fixations/multiface` the tracker starts with a click on the spot that most viewers fixate in
its first second, and follows that person to the end, or to a shot cut, where EG-Net would choose. Frames where they are
lost are counted and left out. Each frame is scored by the fixations under way that fall on the person: inside the
tracked mask, dilated by a tenth of the square root of its area. Frames with fewer than two of them are left out.

Three maps are compared on the same frames: the tracked hotspot, a Gaussian at the mask's centroid (its width a quarter
of the square root of the area), and EG-Net's map cut to the same dilated mask. CC, SIM and KLD take the fixations
blurred by one degree (`DEGREE_PX`). Steadiness is the mean frame-to-frame displacement of the map's focal point, in
pixels, less the person's own motion: that of the mask's centroid, averaged over a second.
"""

from __future__ import annotations

import argparse
import csv
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, gaussian_filter, uniform_filter1d

from sightline import models
from sightline.metrics.functional.fixation import cc, kld, nss, sim
from sightline.models.wcsnet.predictor import EGNetPredictor, WCSNetPredictor
from sightline.progress import track
from sightline.video import open_source
from starts import change

DEGREE_PX = 32.0
"""One degree in video pixels: 1280 pixels over about 40 degrees."""
OWN_MOTION = 25
"""Frames over which the mask's centroid is averaged to get the person's own motion, free of the mask's flicker."""
EVERY = 5
"""Every so many frames are scored; the displacement is measured between all."""
SCORES = ("NSS", "CC", "SIM", "KLD")
MAPS = ("hotspot", "centroid", "EG-Net in mask")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", default="wcsnet")
    parser.add_argument("--limit", type=int, help="frames of each video, for a quick look")
    parser.add_argument("--set", nargs="+", default=[], help="constants of the tracker, as hotspot.rim=0")
    args = parser.parse_args()
    predictor = models.load(args.model, device="cpu")
    egnet = models.load("egnet", device="cpu")
    assert isinstance(predictor, WCSNetPredictor)
    change(predictor, args.set)
    assert isinstance(egnet, EGNetPredictor)
    folder = args.data / "video_fixations" / "multiface"
    print("| video | frames | lost | map | " + " | ".join(SCORES) + " | px a frame |")
    print("|---|---:|---:|---|" + "---:|" * 5)
    everything: dict[str, list[list[float]]] = {name: [] for name in MAPS}
    for path in sorted(folder.glob("*.mp4")):
        scores, steps, frames, lost = video(path, predictor, egnet, args.limit)
        for name in MAPS:
            row = [*np.mean(scores[name], axis=0), float(np.mean(steps[name]))]
            everything[name].append(row)
            print(
                f"| {path.stem} | {frames} | {lost} | {name} | " + " | ".join(f"{value:.3f}" for value in row) + " |",
                flush=True,
            )
    for name in MAPS:
        means = np.mean(everything[name], axis=0)
        print(f"| mean | | | {name} | " + " | ".join(f"{value:.3f}" for value in means) + " |")


def video(
    path: Path, predictor: WCSNetPredictor, egnet: EGNetPredictor, limit: int | None = None
) -> tuple[dict[str, list[list[float]]], dict[str, list[float]], int, int]:
    """Scores of each map in each scored frame, displacements, frames and frames lost."""
    table = read_fixations(path.with_name(f"{path.stem}_fixations.csv"))
    scores: dict[str, list[list[float]]] = {name: [] for name in MAPS}
    steps: dict[str, list[float]] = {name: [] for name in MAPS}
    tracker = predictor.tracker()
    places: dict[str, list[NDArray[np.float64]]] = {name: [] for name in MAPS}
    frames = lost = 0
    with open_source(path) as source:
        for frame in track(islice(source, limit), f"Tracking {path.stem}", limit or source.frame_count):
            frames += 1
            if frame.index == 0:
                result = tracker.start(frame.image, point=most_viewed(table, *frame.image.shape[:2]))
            else:
                result = tracker.step(frame.image)
            if result.state == "start" and frame.index:
                break  # another target: EG-Net chose anew
            if result.point is None:
                lost += 1
                continue
            rows, columns = np.nonzero(result.mask)
            centroid = np.array([columns.mean(), rows.mean()])
            looked_at = egnet.saliency(frame.image)
            peak = np.unravel_index((looked_at * result.mask).argmax(), looked_at.shape)
            for name, place in zip(MAPS, (result.point, centroid, peak[::-1]), strict=True):
                places[name].append(np.array(place, dtype=float))
            if frame.index % EVERY:
                continue
            near = distance_transform_edt(~result.mask) <= 0.1 * np.sqrt(result.mask.sum())
            counts = fixated(table, frame.time_s * 1000, near)
            if counts.sum() >= 2:
                maps = (result.hotspot, spot(centroid, near.shape, 0.25 * np.sqrt(result.mask.sum())), looked_at * near)
                for name, saliency in zip(MAPS, maps, strict=True):
                    scores[name].append(score(saliency, counts))
    own = uniform_filter1d(np.stack(places["centroid"]), OWN_MOTION, axis=0, mode="nearest")
    for name in MAPS:
        moved = np.diff(np.stack(places[name]), axis=0) - np.diff(own, axis=0)
        steps[name] = np.hypot(*moved.T).tolist()
    return scores, steps, frames, lost


def read_fixations(path: Path) -> NDArray[np.float64]:
    """(N, 4): onset and end in ms, x and y in pixels."""
    with path.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    onset, duration, x, y = (np.array([float(r[k]) for r in rows]) for k in ("onset_ms", "duration_ms", "x_px", "y_px"))
    return np.stack([onset, onset + duration, x, y], axis=1)


def most_viewed(table: NDArray[np.float64], height: int, width: int) -> tuple[float, float]:
    """The densest point of the fixations of the first second."""
    counts = np.zeros((height, width))
    for _, _, x, y in table[table[:, 0] < 1000]:
        if 0 <= x < width and 0 <= y < height:
            counts[int(y), int(x)] += 1
    y, x = np.unravel_index(gaussian_filter(counts, DEGREE_PX).argmax(), counts.shape)
    return float(x), float(y)


def fixated(table: NDArray[np.float64], now_ms: float, near: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Counts of the fixations under way that fall on the person."""
    counts = np.zeros(near.shape)
    for _, _, x, y in table[(table[:, 0] <= now_ms) & (now_ms < table[:, 1])]:
        if 0 <= x < near.shape[1] and 0 <= y < near.shape[0] and near[int(y), int(x)]:
            counts[int(y), int(x)] += 1
    return counts


def spot(centre: NDArray[np.float64], size: tuple[int, ...], sigma: float) -> NDArray[np.float64]:
    rows = np.exp(-((np.arange(size[0]) - centre[1]) ** 2) / (2 * sigma**2))
    columns = np.exp(-((np.arange(size[1]) - centre[0]) ** 2) / (2 * sigma**2))
    return np.outer(rows, columns)


def score(saliency: NDArray[np.floating], counts: NDArray[np.float64]) -> list[float]:
    predicted, fixations = torch.from_numpy(saliency.astype(np.float64)), torch.from_numpy(counts)
    density = torch.from_numpy(gaussian_filter(counts, DEGREE_PX, mode="constant"))
    return [
        float(nss(predicted, fixations)), float(cc(predicted, density)),
        float(sim(predicted, density)), float(kld(predicted, density)),
    ]  # fmt: skip


if __name__ == "__main__":
    main()
