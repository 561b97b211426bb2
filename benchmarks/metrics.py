"""How fast the metrics are beside those that others use, and how far protocols move a score.

    python benchmarks/metrics.py speed DATA
    python benchmarks/metrics.py protocols DATA

DATA holds vos/davis2016_dev and image_fixations/osie_dev. Both print Markdown. `speed` needs py-sod-metrics, pysaliency
and OpenCV. What is compared runs in turns and the best of the turns counts. By default it measures processor time on
one thread, which other work on the machine leaves alone; `--threads 2` measures the time that passes on two.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter

from sightline.metrics.evaluation import Options, evaluate
from sightline.metrics.functional import fixation, vos, vsod
from sightline.metrics.protocols import FIXATION, VOS, VSOD

TURNS = 7
FRAMES = 8


def best_of_turns(*functions: Callable[[], object]) -> list[float]:
    """The shortest time of each function in milliseconds, run in turns so that a busy moment hits all alike."""
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter

    def measure(function: Callable[[], object], repeats: int) -> float:
        start = clock()
        for _ in range(repeats):
            function()
        return 1000 * (clock() - start) / repeats

    repeats = [max(1, round(10 / max(measure(function, 1), 0.01))) for function in functions]
    turns = [[measure(*one) for one in zip(functions, repeats, strict=True)] for _ in range(TURNS)]
    return [min(found) for found in zip(*turns, strict=True)]


def example(data: Path, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Truth, masks that lag behind it, and grey maps made of those: FRAMES of DAVIS' dog at this size."""
    folder = data / "vos" / "davis2016_dev" / "Annotations" / "480p" / "dog"
    paths = sorted(folder.iterdir())[: FRAMES + 3]
    masks = [np.asarray(Image.open(p).convert("L").resize(size[::-1], Image.Resampling.NEAREST)) > 0 for p in paths]
    rng = np.random.default_rng(0)
    lagging = np.stack(masks[:FRAMES])
    soft = [gaussian_filter(m + 0.3 * gaussian_filter(rng.random(size), 4), 5) for m in lagging]
    maps = np.stack([np.round(255 * m / m.max()).astype(np.uint8) for m in soft])
    return np.stack(masks[3:]), lagging, maps


def speed(data: Path) -> None:
    """Print the table of speeds."""
    kind = "processor time" if torch.get_num_threads() == 1 else f"time on {torch.get_num_threads()} threads"
    print(f"| {kind} a frame | size | theirs, ms | ours, ms | ratio |")
    print("|---|---|---:|---:|---:|")
    for size in ((480, 854), (1080, 1920)):
        truth, lagging, maps = example(data, size)
        for name, theirs, ours, frames in (
            *salient(truth, maps),
            *masks(truth, lagging),
            *fixations(maps[0], size),
        ):
            slow, fast = (t / frames for t in best_of_turns(theirs, ours))
            print(f"| {name} | {size[0]}x{size[1]} | {slow:.2f} | {fast:.2f} | {slow / fast:.1f} |", flush=True)


Row = tuple[str, Callable[[], object], Callable[[], object], int]


def salient(truth: np.ndarray, maps: np.ndarray) -> list[Row]:
    import py_sod_metrics as reference

    grey = truth.astype(np.uint8) * 255
    pred, gt = torch.from_numpy(maps), torch.from_numpy(truth)

    def by_reference(*names: str) -> None:
        measures = [getattr(reference, name)() for name in names]
        for one, mask in zip(maps, grey, strict=True):
            for measure in measures:
                measure.step(one, mask)

    def whole_set() -> None:
        summary = vsod.summarize(pred, gt, stretch=True, floor=True)
        vsod.s_measure_of(summary), vsod.e_measure_of(summary), vsod.f_measure_of(summary), vsod.mae_of(summary)
        vsod.weighted_f(pred, gt, stretch=True)

    every = ("Smeasure", "Emeasure", "Fmeasure", "WeightedFmeasure", "MAE")
    return [
        ("S, E, F, weighted F, MAE; py-sod-metrics", lambda: by_reference(*every), whole_set, FRAMES),
        (
            "weighted F; py-sod-metrics",
            lambda: by_reference("WeightedFmeasure"),
            lambda: vsod.weighted_f(pred, gt, stretch=True),
            FRAMES,
        ),
    ]


def masks(truth: np.ndarray, lagging: np.ndarray) -> list[Row]:
    """J and F beside the formula of DAVIS in a loop over frames, with OpenCV's dilation."""
    import cv2

    radius = int(np.ceil(0.008 * np.hypot(*truth.shape[1:])))
    rows, columns = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    disk = (rows**2 + columns**2 <= radius**2).astype(np.uint8)

    def contour(mask: np.ndarray) -> np.ndarray:
        east, south, both = (np.zeros_like(mask) for _ in range(3))
        east[:, :-1], south[:-1], both[:-1, :-1] = mask[:, 1:], mask[1:], mask[1:, 1:]
        edge = (mask ^ east) | (mask ^ south) | (mask ^ both)
        edge[-1], edge[:, -1] = mask[-1] ^ east[-1], mask[:, -1] ^ south[:, -1]
        edge[-1, -1] = False
        return edge

    def loop() -> None:
        for pred, gt in zip(lagging, truth, strict=True):
            (pred & gt).sum() / (pred | gt).sum()
            first, second = contour(pred), contour(gt)
            near = [cv2.dilate(edge.astype(np.uint8), disk) for edge in (first, second)]
            precision, recall = (first * near[1]).sum() / first.sum(), (second * near[0]).sum() / second.sum()
            2 * precision * recall / (precision + recall)

    pred, gt = torch.from_numpy(lagging), torch.from_numpy(truth)
    return [("J and F; a loop over the formula of DAVIS", loop, lambda: vos.j_and_f(pred, gt), FRAMES)]


def fixations(grey: np.ndarray, size: tuple[int, int]) -> list[Row]:
    from pysaliency.roc import general_roc

    rng = np.random.default_rng(0)
    saliency = grey / 255
    own, others = ((rng.random((number, 2)) * size).astype(np.int64) for number in (150, 3000))
    counts = np.zeros(size)
    np.add.at(counts, tuple(own.T), 1)
    values, fixated = torch.from_numpy(saliency), torch.from_numpy(counts)
    pixels, pool = (torch.from_numpy(np.ravel_multi_index(tuple(xy.T), size)) for xy in (own, others))

    def pysaliency_judd() -> None:
        noisy = saliency + np.random.RandomState(42).randn(*size) * 1e-7
        general_roc(noisy[tuple(own.T)], noisy[counts == 0], judd=1)

    def splits() -> float:
        """AUC_shuffled of the MIT toolbox: 100 splits, thresholds 0.1 apart."""
        positives, negatives = saliency[tuple(own.T)], saliency[tuple(others.T)]
        areas = []
        for _ in range(100):
            drawn = rng.permutation(negatives)[: len(positives)]
            thresholds = np.arange(0, max(positives.max(), drawn.max()) + 1e-9, 0.1)[::-1]
            true, false = [0.0], [0.0]
            for threshold in thresholds:
                true.append((positives >= threshold).sum() / len(positives))
                false.append((drawn >= threshold).sum() / len(drawn))
            areas.append(np.trapezoid([*true, 1.0], [*false, 1.0]))
        return float(np.mean(areas))

    return [
        ("AUC-Judd; pysaliency", pysaliency_judd, lambda: fixation.auc_judd(values, fixated), 1),
        ("shuffled AUC; 100 splits", splits, lambda: fixation.s_auc_at(values, pixels, pool), 1),
    ]


def protocols(data: Path) -> None:
    """Print, for the same maps under every protocol, the score of `exact` and how far the others are from it."""
    options = Options(draws=1)
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        osie, davis = data / "image_fixations" / "osie_dev", data / "vos" / "davis2016_dev"
        contrast_maps(osie / "images", root / "fixation" / "saliency")
        lagging_masks(davis / "Annotations" / "480p", root / "vos", root / "vsod")
        for task, gt, choices in (("fixation", osie, FIXATION), ("vsod", davis, VSOD), ("vos", davis, VOS)):
            scores = {p.name: evaluate(task, root / task, gt, p.name, options=options).overall for p in choices}
            print(f"\n| {task} | exact | " + " | ".join(p.name for p in choices[1:]) + " |")
            print("|---|---:" + "|---:" * (len(choices) - 1) + "|")
            for key, value in scores["exact"].items():
                moved = (scores[p.name].get(key, np.nan) - value for p in choices[1:])
                print(
                    f"| {key} | {value:.4f} | " + " | ".join("–" if np.isnan(m) else f"{m:+.4f}" for m in moved) + " |"
                )


def contrast_maps(images: Path, out: Path) -> None:
    """How much each place differs from its surroundings, with a bias to the centre, as 8-bit maps."""
    out.mkdir(parents=True)
    for path in sorted(images.iterdir()):
        picture = np.asarray(Image.open(path).convert("RGB")).astype(np.float32)
        contrast = gaussian_filter(np.abs(picture - gaussian_filter(picture, (15, 15, 0))).mean(2), 6)
        rows, columns = (np.linspace(-1, 1, length) for length in contrast.shape)
        contrast *= np.exp(-(rows[:, None] ** 2 + columns**2))
        Image.fromarray(np.round(255 * contrast / contrast.max()).astype(np.uint8)).save(out / f"{path.stem}.png")


def lagging_masks(truth: Path, hard: Path, soft: Path) -> None:
    """The truth of three frames ago, as masks and, blurred, as 8-bit maps: what a slow tracker would say."""
    for folder in sorted(truth.iterdir()):
        paths = sorted(folder.iterdir())
        for out in (hard, soft):
            (out / folder.name).mkdir(parents=True)
        for index, path in enumerate(paths):
            mask = np.asarray(Image.open(paths[max(0, index - 3)]).convert("L")) > 0
            Image.fromarray(mask.astype(np.uint8) * 255).save(hard / folder.name / path.name)
            blurred = np.round(230 * gaussian_filter(mask.astype(np.float32), 4)).astype(np.uint8)
            Image.fromarray(blurred).save(soft / folder.name / path.name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("speed", "protocols"))
    parser.add_argument("data", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    warnings.simplefilter("ignore")
    with contextlib.suppress(KeyboardInterrupt):
        (speed if args.what == "speed" else protocols)(args.data)


if __name__ == "__main__":
    main()
