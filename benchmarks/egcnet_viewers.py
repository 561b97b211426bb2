"""Real gaze and EGCNet's own density: how well do half of the viewers of a video say where the others look?

    python benchmarks/egcnet_viewers.py --data ../shared/data

Over the watched videos of configs/egcnet.yaml (the fixation head has been trained on none of them): the network's own
density, that of one half of the viewers, and both as `expected` mixes them, each against the fixations of the other
half on every ninth frame with six viewers or more. Means over frames, then over videos; each half takes both parts. No
mask has a part in it.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor

from sightline.data.fixations import Observed, read_observed
from sightline.metrics.functional import fixation
from sightline.models.egcnet.network import EGCNet, Encoded
from sightline.models.egcnet.pse import expected
from sightline.training.clips import STEP, Scene, fixation_grid
from sightline.training.recipe import EGCNetRecipe, read_recipe
from sightline.training.run import egcnet_and_scenes

CONFIG = Path(__file__).parents[1] / "configs" / "egcnet.yaml"
FEWEST = 6
"""Viewers that a frame must have."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    args = parser.parse_args()
    os.environ["DATA"] = str(args.data.resolve())
    recipe = cast(EGCNetRecipe, read_recipe(CONFIG, []))
    network, store = egcnet_and_scenes(recipe)
    table: dict[str, list[tuple[float, float]]] = {}
    for root in (Path(os.path.expandvars(source)) for source in recipe.watched):
        observed = read_observed(root)
        for scene in store.watched(root):
            for name, scores in halves(network, scene, observed[scene.name]).items():
                table.setdefault(name, []).append(scores)
    print(f"| {len(table['both'])} videos | NSS | information gain over a uniform map, bits |\n|---|---:|---:|")
    for name, rows in table.items():
        print(f"| {name} | " + " | ".join(f"{score:.2f}" for score in np.mean(rows, axis=0)) + " |")


@torch.no_grad()
def halves(network: EGCNet, scene: Scene, observed: Observed) -> dict[str, tuple[float, float]]:
    """Mean NSS and information gain on one video, of each map."""
    own, gaze, others = [], [], []
    for row in range(0, len(scene), 3):
        points = observed.at(row * STEP)
        viewers = np.unique(points.subjects)
        if len(viewers) < FEWEST:
            continue
        places = points.xy / np.array(observed.size[::-1])
        one = slice(row, row + 1)
        encoded = Encoded(*(level[one].float() for level in scene.encoded))
        for first in (np.isin(points.subjects, viewers[half::2]) for half in (0, 1)):
            own.append(network.own_density(encoded, scene.motion[one].float())[0])
            gaze.append(torch.from_numpy(fixation_grid(places[first]))[None])
            others.append(torch.from_numpy(fixation_grid(places[~first], sigma=0)))
    maps = {"the network's own": torch.stack(own), "half of the viewers": torch.stack(gaze)}
    maps["both"] = expected(maps["the network's own"], maps["half of the viewers"], torch.ones(len(own)))
    fixated = torch.stack(others)
    return {name: _scores(density[:, 0], fixated) for name, density in maps.items()}


def _scores(densities: Tensor, fixated: Tensor) -> tuple[float, float]:
    uniform = torch.ones_like(densities)
    gain = fixation.information_gain(densities, fixated, uniform)
    return float(fixation.nss(densities, fixated).mean()), float(gain.mean())


if __name__ == "__main__":
    main()
