"""STANet on talking faces: leave one video out, beside EG-Net, a centre prior and other viewers.

    python benchmarks/stanet_faces.py --data ../shared/data --out runs/faces [--steps N] [--seed S] [--set FIELD=VALUE]

Each of the five multi-face videos is scored by a network that `sightline train stanet-fixations` trained on the other
four and on photographs; what is trained already in --out is taken as it is. Of the frames that the recipe
would draw, each third counts. Scores are those of the protocol `exact` at the video's resolution. Other viewers: the
fixations of all but one, blurred by one degree, against that one's.

Share is the mass on faces that speak, of the mass on all faces (NNN_faces.csv, annotated by people; no network saw it),
in frames where one speaks and another does not: with the video's own sound, muted, and with the next video's sound.
Intervals are of 95 %, by bootstrap over videos for the means, and over seconds for the share.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sightline.data.observed import Observed, read_observed
from sightline.fixations import fixation_counts
from sightline.metrics.functional import fixation
from sightline.metrics.functional.density import gaussian_density, mit_sigma
from sightline.models import weights
from sightline.models.stanet.loading import load_stanet
from sightline.models.stanet.predictor import saliency_of
from sightline.models.wcsnet.predictor import load_egnet
from sightline.nn.egnet import predict_saliency
from sightline.training.recipe import Chain, read_recipe
from sightline.training.run import train
from sightline.training.stanet.recipe import WatchedRecipe
from sightline.training.stanet.task import WatchedTask
from sightline.training.stanet.watched import WatchedStore, muted, row, stack
from sightline.video import open_source

EVERY = 3
"""Of the frames that the recipe draws, every so many are scored."""
CENTRE = 0.25
"""Standard deviation of the centre prior, in widths and heights of the picture."""
KEYS = ("NSS", "CC", "SIM", "KLD", "AUC-Judd")
Maps = NDArray[np.float64]


def main() -> None:
    """Print the table, and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="what $DATA of the recipe stands for")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--set", dest="changes", action="append", default=[], metavar="FIELD=VALUE")
    options = parser.parse_args()
    root = options.data.resolve() / "video_fixations/multiface"
    observed = read_observed(root)
    figures = {}
    for name, watched in observed.items():
        left_out = json.dumps([{"root": str(root), "skip": [name]}])
        chain = read_recipe("stanet-fixations", [*options.changes, f"videos={left_out}"], options.data)
        folder = options.out / name
        if not (folder / "model.safetensors").is_file():
            train(chain, folder)
        others = list(observed)
        foreign = observed[others[(others.index(name) + 1) % len(others)]]
        figures[name] = score(folder, chain, watched, foreign, root / f"{name}_faces.csv")
        print(name, json.dumps(figures[name]), flush=True)
    (options.out / "faces.json").write_text(json.dumps(figures, indent=2) + "\n")
    print_tables(figures)


def score(folder: Path, chain: Chain, watched: Observed, foreign: Observed, faces: Path) -> dict[str, dict[str, float]]:
    """Scores and shares of one video."""
    recipe = chain.last
    assert isinstance(recipe, WatchedRecipe)
    network = load_stanet(folder)
    task = WatchedTask(network, recipe).eval()
    store = WatchedStore(network, recipe)
    own, swapped = store.video(watched), store.video(watched, foreign.stimulus)
    numbers = range(0, len(own), EVERY)
    frames = [own.info["frames"][number] for number in numbers]
    batch, other = (stack([row(kept, number) for number in numbers]) for kept in (own, swapped))
    with torch.inference_mode():
        logits = {
            "own": task(batch.rows, batch.movement),
            "muted": task(*muted(batch.rows, batch.movement)),
            "swapped": task(other.rows, other.movement),
        }
    speaking = boxes(faces)
    egnet = load_egnet(weights.find_weights("egnet"))
    pictures = {}
    assert watched.stimulus is not None
    with open_source(watched.stimulus) as source:
        wanted = set(frames)
        pictures = {f.index: predict_saliency(f.image, egnet) for f in source.frames() if f.index in wanted}
    found: dict[str, list[list[float]]] = defaultdict(list)
    shares: dict[str, list[float]] = defaultdict(list)
    for number, frame in enumerate(frames):
        maps = {
            name: saliency_of(values[number : number + 1], watched.size, "density")[0, 0].double()
            for name, values in logits.items()
        }
        points = watched.at(frame)
        truth = torch.from_numpy(fixation_counts(points.xy, watched.size))
        density = blurred(points.xy, watched.size)
        found["stanet-fixations"].append(scores(maps["own"], truth, density))
        found["stanet-fixations, muted"].append(scores(maps["muted"], truth, density))
        found["EG-Net"].append(scores(torch.from_numpy(pictures[frame]).double(), truth, density))
        height, width = watched.size
        middle = torch.tensor([[width / 2, height / 2]], dtype=torch.float64)
        prior = gaussian_density(middle, watched.size, (CENTRE * width, CENTRE * height))
        found["centre prior"].append(scores(prior, truth, density))
        if number % 4 == 0:
            found["other viewers"].append(viewers(points.xy, points.subjects, watched.size))
        pair = speaking.get(frame, ([], []))
        if all(pair):
            for name, values in {**maps, "EG-Net": torch.from_numpy(pictures[frame])}.items():
                on, off = (sum(float(values[box].sum()) for box in side) for side in pair)
                shares[name].append(on / max(on + off, 1e-12))
    table = {
        name: dict(zip(KEYS, np.nanmean(rows, axis=0).round(4).tolist(), strict=True)) for name, rows in found.items()
    }
    return {**table, "share": {name: round(float(np.mean(values)), 4) for name, values in shares.items()}}


def blurred(points: Maps, size: tuple[int, int]) -> Tensor:
    """The density of fixations (K, 2)."""
    sigma = mit_sigma(size)  # as `sightline evaluate` takes it where nothing is known of the screen
    return gaussian_density(torch.from_numpy(np.asarray(points, np.float64)), size, (sigma, sigma))


def viewers(points: Maps, subjects: NDArray[np.str_], size: tuple[int, int]) -> list[float]:
    """How well each viewer is told by the others, as a mean."""
    each = []
    for subject in np.unique(subjects):
        own = subjects == subject
        if not own.all():
            truth = torch.from_numpy(fixation_counts(points[own], size))
            each.append(scores(blurred(points[~own], size), truth, blurred(points[own], size)))
    rows: list[float] = np.mean(each, axis=0).tolist()
    return rows


def scores(saliency: Tensor, counts: Tensor, density: Tensor) -> list[float]:
    """In the order of KEYS."""
    return [
        float(fixation.nss(saliency, counts)),
        float(fixation.cc(saliency, density)),
        float(fixation.sim(saliency, density)),
        float(fixation.kld(saliency, density)),
        float(fixation.auc_judd(saliency, counts)),
    ]


def boxes(table: Path) -> dict[int, tuple[list[tuple[slice, slice]], list[tuple[slice, slice]]]]:
    """(speaking, silent) faces of each frame, as places of a map."""
    found: dict[int, tuple[list[tuple[slice, slice]], list[tuple[slice, slice]]]] = defaultdict(lambda: ([], []))
    with table.open(newline="", encoding="utf-8") as file:
        for line in csv.DictReader(file):
            x1, y1, x2, y2 = (max(0, round(float(line[f"{name}_px"]))) for name in ("x1", "y1", "x2", "y2"))
            found[int(line["frame"])][line["speaking"] == "0"].append((slice(y1, y2), slice(x1, x2)))
    return found


def print_tables(figures: dict[str, dict[str, dict[str, float]]]) -> None:
    """The means over videos, the videos' NSS, and the shares."""
    rows = [name for name in next(iter(figures.values())) if name != "share"]
    print("| | " + " | ".join([*KEYS, *(f"NSS {video}" for video in figures)]) + " |")
    for name in rows:
        means = [np.mean([video[name][key] for video in figures.values()]) for key in KEYS]
        print(
            f"| {name} | "
            + " | ".join(f"{v:.3f}" for v in [*means, *(f[name]["NSS"] for f in figures.values())])
            + " |"
        )
    for name in ("own", "muted", "swapped", "EG-Net"):
        each = [video["share"][name] for video in figures.values() if name in video["share"]]
        print(f"| share, {name} | {np.mean(each):.3f} | " + " | ".join(f"{value:.3f}" for value in each) + " |")


if __name__ == "__main__":
    main()
