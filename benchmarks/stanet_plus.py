"""STANet+ beside STANet: the paper's Table 1 on composites, its parts and fusions on composites, faces and photographs.

    python benchmarks/stanet_plus.py maps RUN... --composites DIR --data ../shared/data [--other RUN...] [--out FILE]
    python benchmarks/stanet_plus.py parts MODEL... --composites DIR --data ../shared/data [--every N] [--out FILE]
    python benchmarks/stanet_plus.py faces MODEL[=FILM,FILM]... --data ../shared/data [--every N] [--out FILE]
    python benchmarks/stanet_plus.py photos MODEL... --data ../shared/data [--out FILE]

RUN is the folder `scam-plus` of `sightline train stanet-plus`, MODEL its output folder or that of shipped weights, DIR
composites that nothing was trained on (`sightline data composites`). Several are those of several seeds.

maps: NSS over the pixels of the tagged object and hit (whether the maximum lies on it) of every net's map and of their
fusions, on the frames that get pseudo-fixations from SCAM and from SCAM+. --other: the same runs, trained otherwise
(without the refine layer); the frames are then those that get them from these, too. parts: NSS and CC against the mask
of the tagged object, of STA, STA+ short, STA+ long and their fusions, and of Eq. 21 of STA thrice, which shows what its
sharpening alone does. faces: NSS and CC against recorded fixations on the five multi-face videos, or on those that a
model was not trained on. parts and faces stream every N-th frame, as `sightline predict` would. photos: the same on
OSIE's development half; a photograph is its own context.

Each video's scores are the means over the seeds; by seed, the means over all. Differences are paired; intervals are of
95 %, by bootstrap over videos (photographs).
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from sightline.data.files import load_image
from sightline.data.image_fixations import images
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
from sightline.training.stanet.rows import Clip, RowStore, tagged_videos
from sightline.training.stanet_plus.frames import ContextDraw, examine, maps_with_context
from sightline.types import Frame, Prompt
from sightline.video import Ahead, Selection, open_source
from stanet import Truth  # beside this script

Scores = dict[str, dict[str, list[float]]]
"""By map, by video: what is measured."""
SCAM: tuple[MapName, ...] = ("S", "SA", "ST")
PARTS: tuple[Output, ...] = ("sta", "short", "long", "sum", "max", "product", "fusion")
THRICE = "Eq. 21 of STA thrice"


def main() -> None:
    """Print the tables, and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("maps", "parts", "faces", "photos"))
    parser.add_argument("models", nargs="+")
    parser.add_argument("--composites", type=Path)
    parser.add_argument("--tags", type=Path, help="of the composites, where they are not all of tags.csv")
    parser.add_argument("--data", type=Path, required=True, help="what $DATA of the recipe stands for")
    parser.add_argument(
        "--set", dest="changes", action="append", default=[], metavar="FIELD=VALUE", help="of the recipe"
    )
    parser.add_argument("--other", nargs="+", default=[], help="for maps: runs to compare with, in the same order")
    parser.add_argument("--every", type=int, help="frames, from one to the next: 2 for parts, 5 for faces")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    tables: Mapping[str, Callable[[argparse.Namespace], dict[str, object]]]
    tables = {"maps": map_table, "parts": part_table, "faces": face_table, "photos": photo_table}
    text = json.dumps(tables[options.what](options), indent=2)
    print(text)
    if options.out is not None:
        options.out.write_text(text + "\n")


def map_table(options: argparse.Namespace) -> dict[str, object]:
    """Every map of Table 1 of the stage at which the nets stop."""
    found, frames = [], []
    for number, run in enumerate(options.models):
        runs = [run, *options.other[number : number + 1]]
        scores, counts = _map_scores([Path(one) for one in runs], options)
        found.append(scores)
        frames.append(counts)
    names = ("NSS", "hit")
    without = [name for name in found[0] if name.startswith("other ")]
    return {
        "frames": frames,
        "maps": summaries(found, names),
        "SCAM+ - SCAM": difference(found, "SCAM+", "SCAM", names),
        "SCAM' - SCAM": difference(found, "SCAM'", "SCAM", names),
        "less S": {name: difference(found, name, "S", names) for name in (*PLUS_MAPS, "SC", "LC", "CC")},
        "less the other": {name: difference(found, name[6:], name, names) for name in without},
    }


def _map_scores(runs: Sequence[Path], options: argparse.Namespace) -> tuple[Scores, dict[str, int]]:
    """Scores of the maps of a run; those of another on the same nets of SCAM begin with "other"."""
    recipe, truth = recipe_of(options), Truth(options.composites)
    made = [load_plus_nets(run) for run in runs]
    scam = made[0].scam
    clips = RowStore(scam.encoders, scam.config, recipe, scam.config.coarse_size).clips(tagged_videos(recipe.videos))
    examined = examine(scam, RowStore(scam.encoders, scam.config, recipe, scam.config.fine_size), clips)
    context = ContextDraw(examined, made[0].config.graph.nodes)
    scores: Scores = defaultdict(dict)
    counts = {"frames": 0, "with a map of SCAM": 0, "with a map of SCAM+": 0, "scored": 0}
    for number, one in enumerate(examined):
        found: dict[str, Tensor] = {}
        for prefix, nets in zip(("", "other "), made, strict=False):
            config = nets.config
            nets.config = config.model_copy(update={"maps": (*config.maps, "S refined")})
            each = variants(nets.config, maps_with_context(nets, examined, context, number)).items()
            found |= {prefix + name: one.seen.placed(maps, scam.config.coarse_size) for name, maps in each}
            nets.config = config
        rows: dict[str, list[tuple[float, float]]] = defaultdict(list)
        for row, frame in enumerate(one.clip.features.info["frames"]):
            mask = truth.tagged(one.clip, frame)
            if mask is None:
                continue
            there = {name: bool(found[name][row].max() > 0) for name in ("SCAM", "SCAM+", *_fusions(found))}
            counts["frames"] += 1
            counts["with a map of SCAM"] += there["SCAM"]
            counts["with a map of SCAM+"] += there["SCAM+"]
            if all(there.values()):
                counts["scored"] += 1
                for name, maps in found.items():
                    values = resized(maps[row], mask)
                    hit = mask[np.unravel_index(int(values.argmax()), values.shape)]
                    rows[name].append((nss(values, mask), float(hit)))
        for name, own in rows.items():
            scores[name][one.clip.video.path.stem] = np.mean(own, axis=0).tolist()
    return scores, counts


def _fusions(found: Mapping[str, Tensor]) -> list[str]:
    return [name for name in ("other SCAM+",) if name in found]


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


class _Parts(STANetPlusPredictor):
    """Keeps the three maps of each frame."""

    parts: tuple[Tensor, Tensor, Tensor]

    def _result(self, now: Node, near: list[Node], distant: list[Node]) -> Frame:
        self.parts = self._parts(now, near, distant)
        return Frame(now.frame.index, now.frame.time_s, now.frame.image)

    def streamed(self, path: Path, every: int) -> Iterator[tuple[int, dict[str, Tensor]]]:
        """(number, maps by name, (h, w)) of every so many frames of a video."""
        with open_source(path) as film, Selection(film, 0.0, None, every) as source, Ahead(source) as clip:
            for frame in self.stream(clip, Prompt()):
                yield frame.index, self.maps()

    def maps(self) -> dict[str, Tensor]:
        """The three maps of the last frame and their fusions, (1, 1, h, w)."""
        sta = self.parts[0]
        return {name: fuse(*self.parts, name) for name in PARTS} | {THRICE: fuse(sta, sta, sta)}


def part_table(options: argparse.Namespace) -> dict[str, object]:
    """STA, STA+ and their fusions on composites."""
    truth = Truth(options.composites)
    found: list[Scores] = []
    for folder in options.models:
        model, scores = _Parts(Path(folder), torch.device("cpu")), cast(Scores, defaultdict(dict))
        for video in tagged_videos(recipe_of(options).videos):
            rows: dict[str, list[tuple[float, float]]] = defaultdict(list)
            for number, maps in model.streamed(video.path, options.every or 2):
                mask = truth.tagged(cast(Clip, SimpleNamespace(video=video)), number)
                if mask is None:
                    continue
                for name, values in maps.items():
                    whole = resize(values, mask.shape)[0, 0].double().numpy()
                    rows[name].append((nss(whole, mask), cc(whole, mask.astype(np.float64))))
            for name, own in rows.items():
                scores[name][video.path.stem] = np.mean(own, axis=0).tolist()
        found.append(scores)
        print(folder, {name: round(float(np.mean([v[0] for v in own.values()])), 3) for name, own in scores.items()})
    return compared(found)


def face_table(options: argparse.Namespace) -> dict[str, object]:
    """STA, STA+ and their fusions on films that people watched, each by the models that did not learn from it."""
    found: list[Scores] = []
    observed = read_observed(options.data / "video_fixations/multiface")
    for said in options.models:
        folder, _, films = said.partition("=")
        model, scores = _Parts(Path(folder), torch.device("cpu")), cast(Scores, defaultdict(dict))
        for name in films.split(",") if films else observed:
            watched = observed[name]
            assert watched.stimulus is not None
            rows: dict[str, list[tuple[float, float]]] = defaultdict(list)
            for number, maps in model.streamed(watched.stimulus, options.every or 5):
                points = watched.at(number).xy
                for part, own in watched_scores(maps, points, watched.size).items() if len(points) else ():
                    rows[part].append(own)
            for part, each in rows.items():
                scores[part][name] = np.nanmean(each, axis=0).tolist()
            print(said, name, {part: np.round(own[name], 3).tolist() for part, own in scores.items()}, flush=True)
        found.append(scores)
    return compared(found)


def photo_table(options: argparse.Namespace) -> dict[str, object]:
    """The same on photographs that people looked at."""
    found: list[Scores] = []
    for folder in options.models:
        model, scores = _Parts(Path(folder), torch.device("cpu")), cast(Scores, defaultdict(dict))
        for sample in images(options.data / "image_fixations/osie_dev"):
            picture = load_image(sample.image_path)
            size = (picture.shape[0], picture.shape[1])
            list(model.predict(picture))
            for part, own in watched_scores(model.maps(), sample.fixations_at(*size), size).items():
                scores[part][sample.image_path.stem] = list(own)
        found.append(scores)
    return compared(found)


def watched_scores(
    maps: Mapping[str, Tensor], points: NDArray[np.float64], size: tuple[int, int]
) -> dict[str, tuple[float, float]]:
    """(NSS, CC) of each map (1, 1, h, w) against fixations."""
    sigma = mit_sigma(size)
    density = gaussian_density(torch.from_numpy(points.astype(np.float64)), size, (sigma, sigma))
    counts = torch.from_numpy(fixation_counts(points, size))
    found = {}
    for name, values in maps.items():
        whole = resize(values, size)[0, 0].double()
        found[name] = float(fixation.nss(whole, counts)), float(fixation.cc(whole, density))
    return found


def compared(found: Sequence[Scores]) -> dict[str, object]:
    """Means, what each map is above STA, and the fusion above each."""
    names = ("NSS", "CC")
    return {
        "maps": summaries(found, names),
        "less STA": {name: difference(found, name, "sta", names) for name in found[0] if name != "sta"},
        "fusion less": {name: difference(found, "fusion", name, names) for name in found[0] if name != "fusion"},
        "NSS by video": {name: {v: round(s[0], 3) for v, s in own.items()} for name, own in joined(found).items()},
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


def joined(found: Sequence[Scores]) -> Scores:
    """Of each map and video, the means over the seeds that have it."""
    kept: Scores = {}
    for name in found[0]:
        videos = list(dict.fromkeys(video for scores in found for video in scores[name]))
        kept[name] = {v: np.mean([s[name][v] for s in found if v in s[name]], axis=0).tolist() for v in videos}
    return kept


def summaries(found: Sequence[Scores], names: Sequence[str]) -> dict[str, object]:
    """Each map's means over videos, with intervals, and those of each seed."""
    return {
        name: summary(list(own.values()), names)
        | {f"{one} by seed": by_seed(found, name, place) for place, one in enumerate(names) if len(found) > 1}
        for name, own in joined(found).items()
    }


def by_seed(found: Sequence[Scores], name: str, place: int) -> list[float]:
    """The means over videos of each seed."""
    return [round(float(np.mean([values[place] for values in scores[name].values()])), 3) for scores in found]


def difference(found: Sequence[Scores], one: str, other: str, names: Sequence[str]) -> dict[str, list[float]]:
    """Paired differences over videos, with intervals, and those of each seed."""
    paired: list[Scores] = []
    for scores in found:
        both = [v for v in scores[one] if v in scores[other]]
        paired.append({"": {v: (np.array(scores[one][v]) - np.array(scores[other][v])).tolist() for v in both}})
    result = summary(list(joined(paired)[""].values()), names)
    if len(found) > 1:
        result |= {f"{name} by seed": by_seed(paired, "", place) for place, name in enumerate(names)}
    return result


def summary(scores: Sequence[Sequence[float]], names: Sequence[str]) -> dict[str, list[float]]:
    """Means over videos, with intervals."""
    every = np.array(scores)
    return {
        name: [round(float(every[:, place].mean()), 3), *interval(every[:, place])] for place, name in enumerate(names)
    }


def interval(values: NDArray[np.float64], draws: int = 2000) -> list[float]:
    """2.5 and 97.5 % of the mean, by bootstrap."""
    chosen = np.random.default_rng(0).integers(len(values), size=(draws, len(values)))
    return [round(float(edge), 3) for edge in np.quantile(values[chosen].mean(axis=1), (0.025, 0.975))]


if __name__ == "__main__":
    main()
