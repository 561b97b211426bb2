"""STANet on talking faces: leave one video out, beside EG-Net, a centre prior and other viewers.

    python benchmarks/stanet_faces.py --data ../shared/data --out runs/faces [--set FIELD=VALUE]

Each of the five multi-face videos is scored by a network that `sightline train stanet-fixations` trained on the other
four and on photographs; what is trained already in --out is taken as it is. Of the frames that the recipe
would draw, each third counts. Scores are those of the protocol `exact` at the video's resolution. Other viewers: the
fixations of all but one, blurred by one degree, against that one's.

Share is the mass on faces that speak, of the mass on all faces (NNN_faces.csv, annotated by people; no network saw it),
in frames where one speaks and another does not: with the video's own sound, muted, and with the next video's sound.
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
from sightline.training.recipe import Chain, read_recipe
from sightline.training.run import train
from sightline.training.stanet.recipe import WatchedRecipe
from sightline.training.stanet.task import WatchedTask
from sightline.training.stanet.watched import WatchedStore, muted, row, stack

EVERY = 3
"""Of the frames that the recipe draws, every so many are scored."""
VIEWERS_EVERY = 10
"""Of those, every so many tell how well other viewers do, which takes long."""
CENTRE = 0.25
"""Standard deviation of the centre prior, in widths and heights of the picture."""
KEYS = ("NSS", "CC", "KLD")
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
    figures: dict[str, dict[str, dict[str, float]]] = {}
    chains = {}
    for name in observed:
        left_out = json.dumps([{"root": str(root), "skip": [name]}])
        chains[name] = read_recipe("stanet-fixations", [*options.changes, f"videos={left_out}"], options.data)
        if not (options.out / name / "model.safetensors").is_file():
            train(chains[name], options.out / name)
    for foreign in (False, True):  # other videos' sound last: its features take the longest
        for number, (name, watched) in enumerate(observed.items()):
            fold = Fold(options.out / name, chains[name], watched, root / f"{name}_faces.csv")
            if foreign:
                other = list(observed.values())[(number + 1) % len(observed)]
                figures[name]["share"]["swapped"] = fold.share_with(other)
            else:
                figures[name] = fold.score()
            print(name, json.dumps(figures[name]), flush=True)
        (options.out / "faces.json").write_text(json.dumps(figures, indent=2) + "\n")
        print_tables(figures)


class Fold:
    """A video and the network that did not see it."""

    def __init__(self, folder: Path, chain: Chain, watched: Observed, faces: Path) -> None:
        recipe = chain.last
        assert isinstance(recipe, WatchedRecipe)
        self.watched = watched
        network = load_stanet(folder)
        self.task = WatchedTask(network, recipe).eval()
        self.store = WatchedStore(network, recipe)
        self.own = self.store.video(watched)
        self.numbers = range(0, len(self.own), EVERY)
        self.frames = [self.own.info["frames"][number] for number in self.numbers]
        self.speaking = boxes(faces)

    @torch.inference_mode()
    def score(self) -> dict[str, dict[str, float]]:
        """Scores and shares, but that with another video's sound."""
        batch = stack([row(self.own, number) for number in self.numbers])
        levels = batch.rows.level3, batch.rows.level4[:, 1], batch.rows.level5[:, 1]
        logits = {
            "stanet-fixations": self.task(batch.rows, batch.movement),
            "stanet-fixations, muted": self.task(*muted(batch.rows, batch.movement)),
            "EG-Net": load_egnet(weights.find_weights("egnet")).decode(list(levels)),
        }
        size = self.watched.size
        middle = torch.tensor([[size[1] / 2, size[0] / 2]], dtype=torch.float64)
        prior = gaussian_density(middle, size, (CENTRE * size[1], CENTRE * size[0]))
        found: dict[str, list[list[float]]] = defaultdict(list)
        for number, frame in enumerate(self.frames):
            points = self.watched.at(frame)
            truth = torch.from_numpy(fixation_counts(points.xy, size))
            density = blurred(points.xy, size)
            maps = {name: saliency_of(values[number, None], size, "density")[0, 0] for name, values in logits.items()}
            for name, values in {**maps, "centre prior": prior}.items():
                found[name].append(scores(values.double(), truth, density))
            if number % VIEWERS_EVERY == 0:
                found["other viewers"].append(viewers(points.xy, points.subjects, size))
        means = {name: np.mean(rows, axis=0).round(4).tolist() for name, rows in found.items()}
        table = {name: dict(zip(KEYS, row, strict=True)) for name, row in means.items()}
        return {**table, "share": {name: self.share(values) for name, values in logits.items()}}

    def share(self, logits: Tensor) -> float:
        """The mass on faces that speak, of that on all, as a mean over the frames with both kinds."""
        found = []
        for number, frame in enumerate(self.frames):
            pair = self.speaking.get(frame, ([], []))
            if all(pair):
                values = saliency_of(logits[number, None], self.watched.size, "density")[0, 0]
                on, off = (sum(float(values[box].sum()) for box in side) for side in pair)
                found.append(on / max(on + off, 1e-12))
        return round(float(np.mean(found)), 4)

    @torch.inference_mode()
    def share_with(self, other: Observed) -> float:
        """The same with another video's sound."""
        kept = self.store.video(self.watched, other.stimulus)
        batch = stack([row(kept, number) for number in self.numbers])
        return self.share(self.task(batch.rows, batch.movement))


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
        float(fixation.kld(saliency, density)),
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
    for name in next(iter(figures.values()))["share"]:
        each = [video["share"][name] for video in figures.values()]
        print(f"| share, {name} | {np.mean(each):.3f} | " + " | ".join(f"{value:.3f}" for value in each) + " |")


if __name__ == "__main__":
    main()
