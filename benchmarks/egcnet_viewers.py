"""Real gaze and EGCNet's own density: how well do half of the viewers of a video say where the others look?

    python benchmarks/egcnet_viewers.py --data ../shared/data

Over the watched videos of the recipe `egcnet` (the fixation head has been trained on none of them), on every ninth
frame that six viewers or more look at: the network's own density, of that frame alone and drawn to what was fixated
before; the gaze of one half of the viewers, of that frame alone and of the last moment; and `combined_density` of both;
each against the fixations of the other half. Means over frames, then over videos; each half takes both parts. No
mask has a part in it.
"""

from __future__ import annotations

import argparse
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sightline.data.observed import Observed, read_observed
from sightline.metrics.functional import fixation
from sightline.models.egcnet.config import DensityConfig
from sightline.models.egcnet.network import EGCNet, Encoded
from sightline.models.egcnet.pse import combined_density, cosine_similarity, weighted_mean
from sightline.models.egcnet.trail import FixationTrail
from sightline.nn.motion import Maps, MotionConfig, MotionCue
from sightline.progress import track
from sightline.training.egcnet import EGCNetRecipe, network_and_scenes
from sightline.training.egcnet.scenes import GRID, STEP, Scene, fixation_grid
from sightline.training.recipe import read_recipe
from sightline.video import Source, open_source

FEWEST = 6
"""Viewers that a frame must have."""
REMEMBERED = 8
"""Frames, STEP apart, whose fixated semantics are remembered: as long as the predictor remembers."""

Scores = dict[str, tuple[float, float]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--egnet", type=Path, default=Path("runs/egcnet/egnet"), help="its first stage, trained")
    args = parser.parse_args()
    recipe = cast(EGCNetRecipe, read_recipe("egcnet", ["stages.egnet=null", f"sight={args.egnet}"], args.data).last)
    network, store = network_and_scenes(recipe)
    table: list[Scores] = []
    for root in recipe.watched:
        observed = read_observed(root)
        table += [halves(network, scene, observed[scene.name]) for scene in store.watched(root)]
    print(f"| {len(table)} videos | NSS | information gain over a uniform map, bits |\n|---|---:|---:|")
    for name in table[0]:
        means = np.mean([scores[name] for scores in table], axis=0)
        print(f"| {name} | " + " | ".join(f"{score:.2f}" for score in means) + " |")


def halves(network: EGCNet, scene: Scene, observed: Observed) -> Scores:
    """Mean NSS and information gain on one video, of each map."""
    alone, remembering = own_densities(network, scene)
    viewers = np.unique(observed.all().subjects)
    config = network.config
    trails = FixationTrail(config.fixations), FixationTrail(config.fixations)
    rows: dict[str, list[Tensor]] = {}
    others = []
    for index, (flow, elapsed_s) in enumerate(flows_of(observed, scene.name, config.motion)):
        points = observed.at(index)
        places = points.xy / np.array(observed.size[::-1])
        for half, trail in enumerate(trails):
            given = np.isin(points.subjects, viewers[half::2])
            trail.step(places[given], flow, elapsed_s)
            if index % (3 * STEP) or len(np.unique(points.subjects)) < FEWEST or given.all():
                continue
            once, moment = (
                torch.from_numpy(fixation_grid(places[given], config.fixations.sigma))[None, None],
                trail.density(GRID),
            )
            lasting = torch.zeros_like(once) if moment is None else moment
            row = slice(index // STEP, index // STEP + 1)
            maps = {
                "the network's own density, of the frame alone": alone[row],
                "and drawn to what was fixated before": remembering[row],
                "half of the viewers, in that frame alone": once,
                "and in the last moment": lasting,
                "both, without what was before": mixed(alone[row], once, config.density),
                "both, with it": mixed(remembering[row], lasting, config.density),
            }
            for name, density in maps.items():
                rows.setdefault(name, []).append(density[0])
            others.append(torch.from_numpy(fixation_grid(places[~given], sigma=0)))
    return {name: _scores(torch.stack(maps)[:, 0], torch.stack(others)) for name, maps in rows.items()}


@torch.no_grad()
def own_densities(network: EGCNet, scene: Scene) -> tuple[Tensor, Tensor]:
    """The network's own density of every frame, (F, 1, *GRID), as of the frame alone, and with what was before."""
    alone, remembering = [], []
    fixated: deque[Tensor] = deque(maxlen=REMEMBERED)
    for row in range(len(scene)):
        one = slice(row, row + 1)
        encoded, motion = Encoded(*(level[one].float() for level in scene.encoded)), scene.motion[one].float()
        features = network.semantics(encoded)
        before = torch.stack(list(fixated)).mean(0) if fixated else torch.zeros(features.shape[:2])
        alone.append(network.own_density(encoded, motion, torch.zeros_like(motion)))
        remembering.append(network.own_density(encoded, motion, cosine_similarity(features, before, network.spaces)))
        fixated.append(weighted_mean(features, remembering[-1]))
    return torch.cat(alone), torch.cat(remembering)


def flows_of(observed: Observed, name: str, config: MotionConfig) -> Iterator[tuple[Maps, float]]:
    """The flow of every frame of a watched video, and the seconds since the last."""
    assert observed.stimulus is not None
    times: deque[float] = deque()

    def images(source: Source) -> Iterator[NDArray[np.uint8]]:
        for frame in track(source, f"Flow of {name}"):
            times.append(frame.time_s)
            yield frame.image

    with open_source(observed.stimulus) as source:
        last_s = 0.0
        for _, motion in MotionCue(config).over(images(source)):
            time_s = times.popleft()
            yield motion.flow, time_s - last_s
            last_s = time_s


def mixed(own: Tensor, gaze: Tensor, config: DensityConfig) -> Tensor:
    """As EGCNet mixes them; its own alone where nobody of that half looks."""
    return combined_density(own, gaze, torch.tensor([float(gaze.any())]), config)


def _scores(densities: Tensor, fixated: Tensor) -> tuple[float, float]:
    uniform = torch.ones_like(densities)
    gain = fixation.information_gain(densities, fixated, uniform)
    return float(fixation.nss(densities, fixated).mean()), float(gain.mean())


if __name__ == "__main__":
    main()
