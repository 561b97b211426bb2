"""STANet on real videos that it was not trained on: talking faces with recorded fixations, and clips with boxes.

    python benchmarks/stanet_real.py RUN --data ../shared/data [--out FILE]

RUN is the output folder of `sightline train stanet`, or a weights folder of `stanet`. The five multi-face videos: NSS
of the protocol `exact`, and the share of the map's mass on faces that speak, of that on all faces, in frames where one
speaks and another does not. The five av_clips: the same share, of the boxes of what sounds and of what does not, and
whether the map's maximum lies on what sounds. Each with the video's own sound, muted, and with the next video's.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from sightline.data.observed import read_observed
from sightline.data.tagged import TaggedVideo
from sightline.fixations import fixation_counts
from sightline.metrics.functional import fixation
from sightline.metrics.functional.density import gaussian_density
from sightline.models.stanet.loading import load_stanet
from sightline.models.stanet.network import STANet
from sightline.training.recipe import read_recipe
from sightline.training.stanet.recipe import ScamRecipe
from sightline.training.stanet.rows import Clip, RowStore
from stanet import sta_maps
from stanet_faces import CENTRE, boxes

Pair = tuple[list[tuple[slice, slice]], list[tuple[slice, slice]]]


def main() -> None:
    """Print the figures, and keep them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="what $DATA of the recipe stands for")
    parser.add_argument("--every", type=float, default=1.0, help="seconds between two frames")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    network = load_stanet(options.run)
    recipe = read_recipe("stanet", [f"every_s={options.every}"], options.data).stages["coarse"]
    assert isinstance(recipe, ScamRecipe)
    store = RowStore(network.encoders, network.config, recipe, network.config.input_size)
    figures = {
        "faces": faces(network, store, options.data / "video_fixations/multiface"),
        "clips": clips(network, store, options.data / "av_clips"),
    }
    text = json.dumps(figures, indent=2)
    print(text)
    if options.out is not None:
        options.out.write_text(text + "\n")


def faces(network: STANet, store: RowStore, root: Path) -> dict[str, object]:
    """NSS and share of each of the videos of talking faces."""
    observed = read_observed(root)
    found: dict[str, object] = {}
    paths = {name: root / f"{name}.mp4" for name in observed}
    for name, clip, maps in _with_sounds(network, store, list(paths.values())):
        watched, pairs = observed[name], boxes(root / f"{name}_faces.csv")
        height, width = watched.size
        middle = torch.tensor([[width / 2, height / 2]], dtype=torch.float64)
        prior = gaussian_density(middle, watched.size, (CENTRE * width, CENTRE * height))
        scores: dict[str, list[float]] = defaultdict(list)
        shares: dict[str, list[float]] = defaultdict(list)
        for row, frame in enumerate(clip.features.info["frames"]):
            truth = torch.from_numpy(fixation_counts(watched.at(frame).xy, watched.size))
            whole = {kind: _whole(each[row], watched.size) for kind, each in maps.items()}
            for kind, values in {**whole, "centre prior": prior}.items():
                scores[kind].append(float(fixation.nss(values.double(), truth)))
            _add_share(shares, whole, pairs.get(frame, ([], [])))
        found[name] = {"NSS": _means(scores), "share": _means(shares)}
    return found


def clips(network: STANet, store: RowStore, root: Path) -> dict[str, object]:
    """Share and hits of each of the clips with boxes."""
    truth: dict[str, dict[float, Pair]] = defaultdict(dict)
    with (root / "boxes.csv").open(newline="", encoding="utf-8") as file:
        for line in csv.DictReader(file):
            x1, y1, x2, y2 = (max(0, int(line[f"{side}_px"])) for side in ("x1", "y1", "x2", "y2"))
            pair = truth[Path(line["clip"]).stem].setdefault(float(line["time_s"]), ([], []))
            pair[line["sounding"] == "0"].append((slice(y1, y2), slice(x1, x2)))
    found: dict[str, object] = {}
    for name, clip, maps in _with_sounds(network, store, sorted(root.glob("*.mp4"))):
        shares: dict[str, list[float]] = defaultdict(list)
        hits: dict[str, list[float]] = defaultdict(list)
        times = [row * store.recipe.every_s for row in range(len(clip))]
        for time_s, pair in truth[name].items():
            row = int(np.argmin(np.abs(np.array(times) - time_s)))
            whole = {kind: _whole(each[row], clip.size) for kind, each in maps.items()}
            _add_share(shares, whole, pair)
            for kind, values in whole.items():
                y, x = divmod(int(values.argmax()), values.shape[1])
                inside = [down.start <= y < down.stop and across.start <= x < across.stop for down, across in pair[0]]
                hits[kind].append(float(any(inside)))
        found[name] = {"share": _means(shares), "hit": _means(hits)}
    return found


def _with_sounds(network: STANet, store: RowStore, paths: list[Path]) -> Iterator[tuple[str, Clip, dict[str, Tensor]]]:
    """(name, frames, maps by kind of sound) of each video."""
    found = store.clips([TaggedVideo(path, network.config.tags[:1]) for path in paths])
    for number, clip in enumerate(found):
        other = found[(number + 1) % len(found)]
        rows, foreign = clip.rows(), other.rows(np.arange(len(clip)) % len(other))
        yield (
            clip.video.path.stem,
            clip,
            {
                "own": sta_maps(network, rows, rows.audio, rows.sound),
                "muted": sta_maps(network, rows, rows.audio, torch.zeros(len(clip))),
                "swapped": sta_maps(network, rows, foreign.audio, foreign.sound),
            },
        )


def _whole(values: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(values[None, None], size, mode="bilinear", align_corners=False)[0, 0]


def _add_share(shares: dict[str, list[float]], whole: dict[str, Tensor], pair: Pair) -> None:
    if all(pair):
        for kind, values in whole.items():
            on, off = (sum(float(values[box].sum()) for box in side) for side in pair)
            shares[kind].append(on / max(on + off, 1e-12))


def _means(values: dict[str, list[float]]) -> dict[str, float]:
    return {name: round(float(np.mean(each)), 3) for name, each in values.items()}


if __name__ == "__main__":
    main()
