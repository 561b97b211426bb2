"""STANet+ beside STANet: the paper's Table 1 on composites, its parts and fusions on composites and on talking faces.

    python benchmarks/stanet_plus.py maps RUN --composites DIR --data ../shared/data [--out FILE]
    python benchmarks/stanet_plus.py parts MODEL --composites DIR --data ../shared/data [--out FILE]
    python benchmarks/stanet_plus.py faces MODEL --data ../shared/data [--every N] [--out FILE]

RUN is the folder `scam-plus` of `sightline train stanet-plus`, MODEL its output folder or that of shipped weights, DIR
composites that nothing was trained on (`sightline data composites`).

maps: NSS over the pixels of the tagged object and hit (whether the maximum lies on it) of every net's map and of their
fusions, on the frames that get pseudo-fixations from SCAM and from SCAM+. parts: NSS and CC against the mask of the
tagged object, of STA, STA+ short, STA+ long and their fusions. faces: NSS and CC against recorded fixations on the five
multi-face videos, in every N-th frame, streamed. Differences are paired; intervals are of 95 %, by bootstrap over
videos.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from sightline.data.observed import read_observed
from sightline.fixations import fixation_counts
from sightline.metrics.functional import fixation
from sightline.metrics.functional.density import gaussian_density, mit_sigma
from sightline.models.stanet_plus.config import PLUS_MAPS, MapName, Output, ScamPlusConfig, term_of
from sightline.models.stanet_plus.fusion import fuse
from sightline.models.stanet_plus.loading import load_plus_nets
from sightline.models.stanet_plus.nets import NamedMaps
from sightline.models.stanet_plus.predictor import Node, STANetPlusPredictor
from sightline.nn.blocks import resize
from sightline.training.recipe import read_recipe
from sightline.training.stanet.recipe import TaggedRecipe
from sightline.training.stanet.rows import RowStore, tagged_videos
from sightline.training.stanet_plus.draw import companions, distant
from sightline.training.stanet_plus.frames import ContextDraw, after_sta, examine, maps_with_context
from sightline.types import Frame, Prompt
from sightline.video import Ahead, Selection, open_source
from stanet import Truth  # beside this script

Scores = dict[str, list[list[float]]]
SCAM: tuple[MapName, ...] = ("S", "SA", "ST")
PARTS: tuple[Output, ...] = ("sta", "short", "long", "sum", "max", "product", "fusion")


def main() -> None:
    """Print the tables, and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("maps", "parts", "faces"))
    parser.add_argument("model", type=Path)
    parser.add_argument("--composites", type=Path)
    parser.add_argument("--tags", type=Path, help="of the composites, where they are not all of tags.csv")
    parser.add_argument("--data", type=Path, required=True, help="what $DATA of the recipe stands for")
    parser.add_argument(
        "--set", dest="changes", action="append", default=[], metavar="FIELD=VALUE", help="of the recipe"
    )
    parser.add_argument("--every", type=int, default=5, help="frames of a film, from one that is scored to the next")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    tables: Mapping[str, Callable[[argparse.Namespace], dict[str, object]]]
    tables = {"maps": map_table, "parts": part_table, "faces": face_table}
    text = json.dumps(tables[options.what](options), indent=2)
    print(text)
    if options.out is not None:
        options.out.write_text(text + "\n")


def map_table(options: argparse.Namespace) -> dict[str, object]:
    """Every map of Table 1 of the stage at which the nets stop."""
    nets = load_plus_nets(options.model)
    recipe, truth = recipe_of(options), Truth(options.composites)
    scam = nets.scam
    clips = RowStore(scam.encoders, scam.config, recipe, scam.config.coarse_size).clips(tagged_videos(recipe.videos))
    examined = examine(scam, RowStore(scam.encoders, scam.config, recipe, scam.config.fine_size), clips)
    whole = nets.config
    nets.config = whole.model_copy(update={"maps": (*whole.maps, "S refined")})
    context = ContextDraw(examined, whole.graph.nodes)
    scores: Scores = defaultdict(list)
    frames = counted = more = 0
    for number, one in enumerate(examined):
        found = {
            name: one.seen.placed(maps, scam.config.coarse_size)
            for name, maps in variants(nets.config, maps_with_context(nets, examined, context, number)).items()
        }
        rows: dict[str, list[tuple[float, float]]] = defaultdict(list)
        for row, frame in enumerate(one.clip.features.info["frames"]):
            mask = truth.tagged(one.clip, frame)
            if mask is None:
                continue
            frames += 1
            by_scam, by_plus = (found[name][row].max() > 0 for name in ("SCAM", "SCAM+"))
            counted += bool(by_scam)
            more += bool(by_plus)
            if by_scam and by_plus:
                for name, maps in found.items():
                    values = resized(maps[row], mask)
                    hit = mask[np.unravel_index(int(values.argmax()), values.shape)]
                    rows[name].append((nss(values, mask), float(hit)))
        for name, own in rows.items():
            scores[name].append(np.mean(own, axis=0).tolist())
    return {
        "frames": frames,
        "with a map of SCAM": counted,
        "with a map of SCAM+": more,
        "maps": {name: summary(own, ("NSS", "hit")) for name, own in scores.items()},
        "SCAM+ - SCAM": differences(scores, "SCAM+", "SCAM", ("NSS", "hit")),
        "SC, LC, CC - S": {name: differences(scores, name, "S", ("NSS", "hit")) for name in ("SC", "LC", "CC")},
    }


def variants(config: ScamPlusConfig, made: NamedMaps) -> dict[str, Tensor]:
    """Single maps and their fusions, (N, s, s) each."""

    def fused(*names: MapName, fusion: str = "selective") -> Tensor:
        return made.fused(config.model_copy(update={"maps": names, "fusion": fusion}))

    found: dict[str, Tensor] = {str(name): maps for name, maps in made.maps.items()}
    terms = {"SC": "short", "LC": "long", "CC": "cross"}
    found |= {name: fused(*(one for one in PLUS_MAPS if term_of(one) == term)) for name, term in terms.items()}
    found["SCAM average"], found["SCAM"] = fused(*SCAM, fusion="average"), fused(*SCAM)
    found["CAM'"], found["SCAM'"] = fused(*PLUS_MAPS, fusion="average"), fused(*PLUS_MAPS)
    return found | {"SCAM+": fused(*SCAM, *PLUS_MAPS)}


@torch.inference_mode()
def part_table(options: argparse.Namespace) -> dict[str, object]:
    """STA, STA+ and their fusions on composites."""
    model = STANetPlusPredictor(options.model, torch.device("cpu"))
    recipe, truth = recipe_of(options), Truth(options.composites)
    sta, nodes = model.network, model.plus.config.graph.nodes
    store = RowStore(sta.encoders, sta.config, recipe, sta.config.input_size)
    clips = store.clips(tagged_videos(recipe.videos))
    scores: Scores = defaultdict(list)
    for number, (clip, one) in enumerate(zip(clips, after_sta(sta, clips, [torch.zeros(0)] * len(clips)), strict=True)):
        generator = np.random.default_rng((model.plus.config.context.seed, number))
        rows: dict[str, list[tuple[float, float]]] = defaultdict(list)
        for row, frame in enumerate(clip.features.info["frames"]):
            mask = truth.tagged(clip, frame)
            if mask is None:
                continue
            read = clip.rows([row])
            level4, level5 = read.level4[:, 1], read.level5[:, 1]
            more = (level5,) if sta.config.egnet_decoder else ()
            matches = one.matches[[row], None].float()
            logits = sta.decode(one.fused[[row]].float(), read.level3, level4, *more) + matches
            maps = [logits.sigmoid()]
            size = logits.shape[-2:]
            for head, context in (
                (model.plus.short, companions(row, len(one), nodes)),
                (model.plus.long, distant(row, len(one), nodes, generator)),
            ):
                states = head.graph(one.fused[[row, *context]].float()[None])[:, 0]
                read_out = head.readout(states, one.spatial[[row]].float())
                maps.append((resize(read_out, size) + matches).sigmoid())
            for name in PARTS:
                values = resized(fuse(maps[0], maps[1], maps[2], name)[0, 0], mask)
                rows[name].append((nss(values, mask), cc(values, mask.astype(np.float64))))
        for part, own in rows.items():
            scores[part].append(np.mean(own, axis=0).tolist())
    return compared(scores)


class _Parts(STANetPlusPredictor):
    """Keeps the three maps of each frame."""

    parts: tuple[Tensor, Tensor, Tensor]

    def _result(self, now: Node, near: list[Node], distant: list[Node]) -> Frame:
        self.parts = self._parts(now, near, distant)
        return Frame(now.frame.index, now.frame.time_s, now.frame.image)


def face_table(options: argparse.Namespace) -> dict[str, object]:
    """STA, STA+ and their fusions on films that people watched."""
    model = _Parts(options.model, torch.device("cpu"))
    scores: Scores = defaultdict(list)
    for watched in read_observed(options.data / "video_fixations/multiface").values():
        assert watched.stimulus is not None
        rows: dict[str, list[tuple[float, float]]] = defaultdict(list)
        with (
            open_source(watched.stimulus) as film,
            Selection(film, 0.0, None, options.every) as source,
            Ahead(source) as clip,
        ):
            for frame in model.stream(clip, Prompt()):
                points = watched.at(frame.index).xy
                if not len(points):
                    continue
                sigma = mit_sigma(watched.size)
                density = gaussian_density(torch.from_numpy(points.astype(np.float64)), watched.size, (sigma, sigma))
                counts = torch.from_numpy(fixation_counts(points, watched.size))
                for name in PARTS:
                    values = resize(fuse(*model.parts, name), watched.size)[0, 0].double()
                    found = float(fixation.nss(values, counts)), float(fixation.cc(values, density))
                    rows[name].append(found)
        for part, own in rows.items():
            scores[part].append(np.nanmean(own, axis=0).tolist())
        print(watched.stimulus.name, {part: np.round(own[-1], 3).tolist() for part, own in scores.items()}, flush=True)
    return compared(scores)


def compared(scores: Scores) -> dict[str, object]:
    """Means, and the fusion's differences from each other map."""
    return {
        "maps": {name: summary(own, ("NSS", "CC")) for name, own in scores.items()},
        "fusion less": {
            name: differences(scores, "fusion", name, ("NSS", "CC")) for name in scores if name != "fusion"
        },
    }


def recipe_of(options: argparse.Namespace) -> TaggedRecipe:
    """Which composites, and how often a frame."""
    tags = options.tags or options.composites / "tags.csv"
    videos = json.dumps([{"videos": str(options.composites / "videos"), "tags": str(tags)}])
    recipe = read_recipe("stanet-plus", [f"videos={videos}", *options.changes], options.data).stages["scam-plus"]
    assert isinstance(recipe, TaggedRecipe)
    return recipe


def resized(values: Tensor, mask: NDArray[np.uint8]) -> NDArray[np.float64]:
    """A map (h, w) at the size of a mask."""
    picture = Image.fromarray(values.float().numpy()).resize(mask.shape[::-1], Image.Resampling.BILINEAR)
    return np.asarray(picture, np.float64)


def nss(values: NDArray[np.float64], mask: NDArray[np.uint8]) -> float:
    """The mean of the standardised map over a mask."""
    return float(((values - values.mean()) / max(float(values.std()), 1e-9))[mask > 0].mean())


def cc(values: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """The correlation of two maps; 0 where one is constant."""
    if values.std() < 1e-9 or other.std() < 1e-9:
        return 0.0
    return float(np.corrcoef(values.ravel(), other.ravel())[0, 1])


def summary(scores: Sequence[Sequence[float]], names: Sequence[str]) -> dict[str, list[float]]:
    """Means over videos, with intervals."""
    every = np.array(scores)
    return {
        name: [round(float(every[:, place].mean()), 3), *interval(every[:, place])] for place, name in enumerate(names)
    }


def differences(scores: Scores, one: str, other: str, names: Sequence[str]) -> dict[str, list[float]]:
    """Paired differences over videos, with intervals."""
    return summary((np.array(scores[one]) - np.array(scores[other])).tolist(), names)


def interval(values: NDArray[np.float64], draws: int = 2000) -> list[float]:
    """2.5 and 97.5 % of the mean, by bootstrap."""
    chosen = np.random.default_rng(0).integers(len(values), size=(draws, len(values)))
    return [round(float(edge), 3) for edge in np.quantile(values[chosen].mean(axis=1), (0.025, 0.975))]


if __name__ == "__main__":
    main()
