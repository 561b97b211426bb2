"""The weight of the rules: each rule of `wcsnet` and `egcnet` switched off in turn, with the shipped weights.

    python benchmarks/ablate_rules.py run --data ../shared/data --out runs/rules           all clips, all rules
    python benchmarks/ablate_rules.py run ... --part 0/2                                   one of two processes
    python benchmarks/ablate_rules.py table --out runs/rules                               the tables, as Markdown

A rule is one meaning; it may have several constants. `off` is the value in the model's config that neutralises it. The
clips are of three kinds: sequences of DAVIS, on which the constants were chosen; and two kinds that nothing was chosen
on, talking faces with the fixations of 39 viewers, and videos composed with known masks
(`sightline.data.composites`). On DAVIS and the faces each model chooses its target. On composed videos it is given:
`wcsnet` gets its mask in the first frame, `egcnet` two fixations on it in every third frame.

Scores: J; for `egcnet` on DAVIS also max F and S; on faces the part of the attended face's box that the mask covers
(the face with most fixations of a frame), the share of fixations in the mask less the mask's share of the frame, NSS of
the saliency, and the jitter of the focal point, its step a frame in parts of the root of the mask's area (less is
better). Every clip has a file of results in --out, which are not computed again.
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel
from torch import Tensor, nn

from sightline import models
from sightline.data import composites, davis
from sightline.data.observed import read_observed
from sightline.metrics.functional import vos, vsod
from sightline.metrics.functional.fixation import nss
from sightline.models.egcnet.hotspot import HotspotTrack
from sightline.models.egcnet.network import EGCNet, Encoded, Memory, Winner
from sightline.models.egcnet.predictor import EGCNetPredictor, input_size, pixels_of, probability_of
from sightline.models.egcnet.trail import FixationTrail
from sightline.models.wcsnet.evidence import FrameMotion, frame_motion
from sightline.models.wcsnet.predictor import WCSNetPredictor
from sightline.models.wcsnet.tracker import Tracked
from sightline.nn.blocks import resize
from sightline.nn.engine import Engine
from sightline.nn.motion import Motion, MotionCue, thumbnail
from sightline.nn.shots import ShotCuts
from sightline.progress import track
from sightline.video import open_source

DAVIS, FACES, COMPOSED, JOINED = "DAVIS", "faces", "composed", "joined"
LENGTHS = {DAVIS: 24, COMPOSED: 40, FACES: 30, JOINED: 24}
"""Frames of a clip, so that a rule takes a minute or two."""
FIRST_FACE = 50
"""Frame of a video of faces that its clip begins with: viewers have left the centre by then."""
COMPOSITES, SEED = 8, 7
EVERY = 5
"""Every so many frames of faces are scored; the jitter is of all."""
THRESHOLD = 0.003
"""A rule that changes no mean by more than this is of no use."""

Scores = dict[str, float]
Image = NDArray[np.uint8]


class Rule(NamedTuple):
    """off: values of the config that switch it off, by their place in it. kinds: of the clips that it can matter on."""

    name: str
    off: dict[str, Any]
    kinds: tuple[str, ...] = (DAVIS, FACES, COMPOSED)


HUGE = 1e6
ALL, BASE = (DAVIS, FACES, COMPOSED), Rule("as it is", {}, (DAVIS, FACES, COMPOSED, JOINED))

WCSNET = [
    BASE,
    Rule("start: the moving counts most", {"start.still_weight": 1.0}, (DAVIS, FACES)),
    Rule("start: a second, closer look", {"start.zoom": False}, (DAVIS, FACES)),
    Rule("crop: its side changes slowly", {"crop.side_change": 0.9}),
    Rule("lost: a remnant", {"lost.area": 0.0}),
    Rule("lost: the search widens", {"lost.search_frames": 1}),
    Rule("lost: EG-Net chooses anew", {"lost.give_up_frames": 1000}),
    Rule("lost: only what is new can be it", {"lost.novelty": 0.0}),
    Rule("evidence: the warped mask", {"evidence.warped_mask": 0.0}),
    Rule("evidence: motion", {"evidence.motion": 0.0}),
    Rule("evidence: colour", {"evidence.colour": 0.0}),
    Rule("evidence: colours of the past", {"evidence.colour_retention": 0.0}),
    Rule("evidence: colours averaged nearby", {"evidence.colour_window": 1}),
    Rule("evidence: rare values say little", {"evidence.rare": 1e-6}),
    Rule("reach: near the warped mask", {"evidence.reach": HUGE / 1e4, "evidence.distractor_reach": HUGE / 1e4}),
    Rule("reach: distractors", {"evidence.distractor_reach": 0.15}),
    Rule("mask: main components", {"component_weight": 0.0}),
    Rule("mask: edges of the picture", {"edges.radius": 0}),
    Rule("motion: accumulated", {"motion.retention": 0.0}),
    Rule("motion: frames ahead", {"motion.lookahead": 0}),
    Rule("motion: against the frame's median", {"motion.floor_medians": 0.0}),
    Rule("shots: a cut restarts", {"shots.cut_difference": 1.0}, (FACES, JOINED)),
    Rule("hotspot: mean of EG-Net's passes", {"hotspot.retention": 0.0}, (FACES,)),
    Rule("hotspot: exponent of the mean", {"hotspot.exponent": 1.0}, (FACES,)),
    Rule("hotspot: the network's own map", {"hotspot.network_exponent": 0.0}, (FACES,)),
    Rule("hotspot: smoothed along the video", {"hotspot.smoothing": 0.0}, (FACES,)),
    Rule("hotspot: a soft rim", {"hotspot.rim": 0}, (FACES,)),
    Rule("hotspot: too faint to say", {"hotspot.gaze_floor": 0.0}, (FACES,)),
    Rule("hotspot: back to the crop", {"hotspot.recentre": 0.0}, (FACES,)),
    Rule("hotspot: it jumps to a fast target", {"hotspot.jump": HUGE, "hotspot.jump_scales": [0.0, HUGE]}, (FACES,)),
    Rule("hotspot: a leap is a new start", {"hotspot.leap": HUGE}, (DAVIS, FACES)),
    Rule("focus: a peak is held", {"hotspot.focus.hold": 1.0}, (FACES,)),
    Rule("focus: centred on its peak", {"hotspot.focus.iterations": 0}, (FACES,)),
]
EGCNET = [
    BASE,
    Rule("density: the moving counts most", {"density.still_weight": HUGE}),
    Rule("density: all of what moves", {"density.motion_flattening": 0.0}),
    Rule("density: what was fixated before", {"density.memory_weight": 0.0, "density.memory_flattening": 0.0}),
    Rule("density: all of what is remembered", {"density.memory_flattening": 0.0}),
    Rule("density: the own fills in", {"density.own_exponent": 0.0}, (COMPOSED,)),
    Rule("density: the unseen", {"density.unseen_weight": 1e-6}, (COMPOSED,)),
    Rule("fixations: they last", {"fixations.decay_s": 1e-4}, (COMPOSED,)),
    Rule("recall: of earlier winners", {"recall.limit": 0.0}),
    Rule("recall: every second frame", {"recall.interval": 1}),
    Rule("refinement: all", {"refinement.rounds": 0}),
    Rule("refinement: three rounds", {"refinement.rounds": 1}),
    Rule("refinement: colour", {"refinement.colour": 0.0}),
    Rule("refinement: motion", {"refinement.motion": 0.0}),
    Rule("refinement: less of the guess", {"refinement.guess": 1.0}),
    Rule("refinement: smoothing", {"refinement.smoothing_rounds": 0}),
    Rule("refinement: motion parts neighbours", {"refinement.motion_sigma": HUGE}),
    Rule("mask: small objects have fewer pixels", {"mask.size": 0.0}),
    Rule("mask: recall", {"mask.recall": 0.0}),
    Rule("mask: far from where viewers look", {"mask.distance": 0.0}),
    Rule("mask: steeper", {"mask.steepness": 1e-3}),
    Rule("mask: edges of the picture", {"mask.edges.radius": 0}),
    Rule("motion: accumulated", {"motion.retention": 0.0}),
    Rule("motion: frames ahead", {"motion.lookahead": 0}),
    Rule("motion: the picture proves it", {"motion.spread_gain": HUGE * HUGE}),
    Rule("motion: proof spreads", {"motion.spread_px": 0.1, "motion.spread_gain": 1.0}),
    Rule("motion: against the frame's median", {"motion.floor_medians": 0.0}),
    Rule("shots: a cut empties the memory", {"shots.cut_difference": 1.0}, (FACES, JOINED)),
    Rule("hotspot: smoothed along the video", {"hotspot.retention": 0.0}, (FACES,)),
    Rule("focus: a peak is held", {"hotspot.focus.hold": 1.0}, (FACES,)),
    Rule("focus: centred on its peak", {"hotspot.focus.iterations": 0}, (FACES,)),
]


@dataclass
class Clip:
    """A video in memory. faces: (N, 5) of each frame, box and number. fixated: (K, 2) of each frame."""

    name: str
    kind: str
    images: list[Image]
    masks: list[NDArray[np.bool_]] = field(default_factory=list)
    faces: list[NDArray[np.float64]] = field(default_factory=list)
    fixated: list[NDArray[np.float64]] = field(default_factory=list)

    def shown(self, index: int) -> NDArray[np.float64]:
        """Fixations that `egcnet` is shown: two on a composed target in every third frame."""
        places = np.argwhere(self.masks[index]) if self.kind == COMPOSED and index % 3 == 0 else np.empty((0, 2))
        if not len(places):
            return np.empty((0, 2))
        chosen = np.random.default_rng(index).integers(len(places), size=2)
        return places[chosen][:, ::-1].astype(np.float64) + 0.5

    def given(self) -> NDArray[np.bool_] | None:
        """The mask that `wcsnet` starts with: of a composed target."""
        return self.masks[0] if self.kind == COMPOSED else None


class Result(NamedTuple):
    """One frame's: probability (H, W), mask (H, W), saliency (H, W), the focal point."""

    probability: NDArray[np.float32]
    mask: NDArray[np.bool_]
    saliency: NDArray[np.float32]
    point: tuple[float, float] | None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["run", "table"])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--models", nargs="+", default=["wcsnet", "egcnet"])
    parser.add_argument("--only", nargs="+", help="rules, beside `as it is`")
    parser.add_argument("--clips", nargs="+", help="names of clips; all, if not given")
    parser.add_argument("--together", nargs="+", help="rules to switch off at once, as one row")
    parser.add_argument("--kinds", nargs="+", default=[DAVIS, FACES, COMPOSED, JOINED], help="of clips")
    parser.add_argument("--count", type=int, default=COMPOSITES, help="composed videos, where --out has none yet")
    parser.add_argument("--seed", type=int, default=SEED, help="theirs")
    parser.add_argument("--part", default="0/1", help="this process's share of the clips: 0/2 and 1/2 are two halves")
    args = parser.parse_args()
    table = {"wcsnet": WCSNET, "egcnet": EGCNET}
    if args.what == "table":
        for name in args.models:
            print(markdown(name, table[name], args.out))
        return
    torch.set_num_threads(1)
    part, parts = map(int, args.part.split("/"))
    made = args.out / "composites"
    if not (made / "composites.json").is_file():
        photographs = args.data / "image_fixations/mit1003/images"
        composites.write(
            args.data / "segmentation/bsds500", photographs, args.count, made, args.seed, LENGTHS[COMPOSED]
        )
    runs: dict[str, Callable[[Clip, dict[str, Any]], list[Result]]] = {}
    for name in args.models:
        runs[name] = WCSNet() if name == "wcsnet" else EGCNetRun()
    loaders = [
        clip for clip in clips(args.data, made) if clip[1] in args.kinds and (not args.clips or clip[0] in args.clips)
    ]
    for name, kind, load in track(loaders[part::parts], "Clips"):
        clip: Clip | None = None
        for model in args.models:
            rules = [rule for rule in table[model] if kind in rule.kinds]
            rules = [rule for rule in rules if not args.only or rule is BASE or rule.name in args.only]
            if args.together:
                off = {k: v for rule in table[model] if rule.name in args.together for k, v in rule.off.items()}
                rules = [BASE, Rule("together", off)] if off and kind != JOINED else []
            path = args.out / model / f"{name}.json"
            done: dict[str, Scores] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
            for rule in rules:
                if rule.name not in done:
                    clip = clip or load()
                    done[rule.name] = score(model, clip, runs[model](clip, rule.off))
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text(json.dumps(done, indent=1) + "\n", encoding="utf-8")
            if rules:
                print(model, name, done["as it is"], flush=True)


def clips(data: Path, composed: Path) -> Iterator[tuple[str, str, Callable[[], Clip]]]:
    """Every clip: its name and kind, and what loads it."""
    for sequence in davis.sequences(composed, "sequences"):
        yield sequence.name, COMPOSED, lambda sequence=sequence: of_sequence(sequence, COMPOSED)  # type: ignore[misc]
    sequences = davis.sequences(data / "vos/davis2016_dev")
    for sequence in sequences:
        yield sequence.name, DAVIS, lambda sequence=sequence: of_sequence(sequence, DAVIS)  # type: ignore[misc]
    for path in sorted((data / "video_fixations/multiface").glob("*.mp4")):
        yield path.stem, FACES, lambda path=path: of_faces(path)  # type: ignore[misc]
    for first, second in zip(sequences[:4], sequences[4:8], strict=True):
        name = f"{first.name}+{second.name}"
        yield name, JOINED, lambda pair=(first, second), name=name: joined(pair, name)  # type: ignore[misc]


def of_sequence(sequence: Any, kind: str, length: int | None = None) -> Clip:
    pairs = [sequence.load(index) for index in range(min(length or LENGTHS[kind], len(sequence)))]
    return Clip(sequence.name, kind, [image for image, _ in pairs], [mask for _, mask in pairs])


def joined(pair: tuple[Any, Any], name: str) -> Clip:
    """Two halves with a cut between them."""
    first, second = (of_sequence(sequence, JOINED, LENGTHS[JOINED] // 2) for sequence in pair)
    return Clip(name, JOINED, first.images + second.images, first.masks + second.masks)


def of_faces(path: Path) -> Clip:
    observed = read_observed(path.parent)[path.stem]
    boxes: dict[int, list[list[float]]] = {}
    with path.with_name(f"{path.stem}_faces.csv").open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            boxes.setdefault(int(row["frame"]), []).append(
                [float(row[k]) for k in ("x1_px", "y1_px", "x2_px", "y2_px")]
            )
    clip = Clip(path.stem, FACES, [])
    with open_source(path) as source:
        for frame in source:
            if frame.index >= FIRST_FACE:
                clip.images.append(frame.image)
                clip.faces.append(np.array(boxes.get(frame.index, [])).reshape(-1, 4))
                clip.fixated.append(observed.at(frame.index).xy)
            if len(clip.images) == LENGTHS[FACES]:
                break
    return clip


def changed(config: BaseModel, off: dict[str, Any]) -> Any:
    """A config with other values, by their places: {"lost.score": 0.0}."""
    values = config.model_dump()
    for place, value in off.items():
        *groups, name = place.split(".")
        group = values
        for each in groups:
            group = group[each]
        group[name] = value
    return type(config).model_validate(values)


class WCSNet:
    """Runs the tracker. Motion and EG-Net's maps are kept per clip; rules share a graph that they leave as it is."""

    def __init__(self) -> None:
        model = models.load("wcsnet", device="cpu")
        assert isinstance(model, WCSNetPredictor)
        self.model, self.shipped = model, model.network.config
        self._decoder: Engine | None = None
        self._clip: Clip | None = None

    def __call__(self, clip: Clip, off: dict[str, Any]) -> list[Result]:
        if clip is not self._clip:
            self._clip, self._motions, self._saliency = clip, dict[str, list[FrameMotion]](), dict[int, Any]()
            self._shipped = list[Tracked]()
            if off:
                self(clip, {})
        network, config = (
            self.model.network,
            self.shipped.model_copy(update={"tracker": changed(self.shipped.tracker, off)}),
        )
        network.config = config
        tracker, settings = self.model.tracker(), config.tracker.motion
        tracker.eyes.decoder = self._decoder
        saliency_of = tracker.eyes.saliency
        maps = self._saliency

        def saliency(image: Image) -> NDArray[np.float32]:
            if id(image) not in maps:
                maps[id(image)] = saliency_of(image)
            return maps[id(image)]

        tracker.eyes.saliency = saliency  # type: ignore[method-assign, assignment]
        key = settings.model_dump_json()
        if key not in self._motions:
            before, found = thumbnail(clip.images[0], settings.longer_side), []
            for image in clip.images[1:]:
                found.append(frame_motion(image, before, settings))
                before = found[-1].small
            self._motions = {
                k: v for k, v in self._motions.items() if k == self.shipped.tracker.motion.model_dump_json()
            }
            self._motions[key] = found
        tracked = [tracker.start(clip.images[0], mask=clip.given(), following=clip.images[1 : 1 + settings.lookahead])]
        groups = {place.split(".")[0] for place in off}
        if groups == {"start"} and np.array_equal(tracked[0].mask, self._shipped[0].mask):
            tracked = self._shipped  # the same target
        if groups == {"lost"} and all(each.state != "lost" for each in self._shipped):
            tracked = self._shipped  # it was never lost
        rest = zip(clip.images[len(tracked) :], self._motions[key][len(tracked) - 1 :], strict=True)
        for image, motion in rest:
            tracked.append(tracker.step(image, motion))
        if not off:
            self._shipped = tracked
        self._decoder = tracker.eyes.decoder
        return [Result(each.probability, each.mask, each.hotspot, each.point) for each in tracked]


class _Encode(nn.Module):
    def __init__(self, network: EGCNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.network.encode(pixels))


class _Decide(nn.Module):
    def __init__(self, network: EGCNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        encoded, (motion, recorded, has_recorded), memory = Encoded(*inputs[:5]), inputs[5:8], Memory(*inputs[8:])
        decision = self.network.decide(encoded, motion, recorded, has_recorded, memory)
        return decision.winner, decision.recalled, decision.density, *decision.remembered


class EGCNetRun:
    """Runs the network as its predictor does, with the frozen features and the motion kept per clip."""

    def __init__(self) -> None:
        model = models.load("egcnet", device="cpu")
        assert isinstance(model, EGCNetPredictor)
        self.network, self.shipped = model.network, model.network.config
        self._engines: dict[str, Engine] = {}
        self._clip: Clip | None = None

    @torch.no_grad()
    def __call__(self, clip: Clip, off: dict[str, Any]) -> list[Result]:
        network, config = self.network, changed(self.shipped, off)
        network.config = config
        if config.position_semantic:
            network.pse.config = config.density
        height, width = clip.images[0].shape[:2]
        size = input_size(height, width, config.input_size)
        if clip is not self._clip:
            self._clip, self._motions = clip, dict[str, list[Motion]]()
            self._pixels = [pixels_of(image, size) for image in clip.images]
            encode = self._engine(f"encode {size}", _Encode(network), self._pixels[:1])
            self._encoded = [encode(pixels) for pixels in self._pixels]
        key = config.motion.model_dump_json()
        if key not in self._motions:
            shipped, found = self.shipped.motion.model_dump_json(), MotionCue(config.motion).over(clip.images)
            self._motions = {each: kept for each, kept in self._motions.items() if each == shipped}
            self._motions[key] = [motion for _, motion in found]
        grid = (size[0] // 8, size[1] // 8)
        cuts, results = ShotCuts(config.shots), list[Result]()
        for index, (image, motion) in enumerate(zip(clip.images, self._motions[key], strict=True)):
            if cuts.is_cut(image) or not index:
                memory, trail = network.empty_memory(1, (grid[0] // 4, grid[1] // 4)), FixationTrail(config.fixations)
                spot, age = HotspotTrack(config.hotspot), 0
            trail.step(clip.shown(index) / (width, height), motion.flow, 1 / 25)
            density = trail.density(grid)
            recorded = torch.zeros(1, 1, *grid) if density is None else density
            moving = _shrunk(motion.independent, grid)
            inputs = [*self._encoded[index], moving, recorded, torch.tensor([float(density is not None)]), *memory]
            graph = config.density.model_dump_json() + config.recall.model_dump_json() + str(size)
            decide = self._engine(graph, _Decide(network), inputs)
            winner, recalled, looked, *remembered = decide(*inputs)
            guess = probability_of(winner, self._pixels[index], moving, looked, recalled, config)
            probability = resize(guess, (height, width))[0, 0].numpy()
            saliency = resize(looked / looked.max(), (height, width))[0, 0].numpy()
            mask = probability >= 0.5
            point = spot.step(looked[0, 0].numpy(), mask.astype(np.uint8), motion.flow)
            if age % config.recall.interval == 0:
                memory = memory.push(Winner(*remembered).with_mask(guess))
            age += 1
            results.append(Result(probability, mask, saliency, point))
        return results

    def _engine(self, key: str, network: nn.Module, example: list[Tensor]) -> Engine:
        if key not in self._engines:
            self._engines[key] = Engine(network, example)
        return self._engines[key]


def _shrunk(values: NDArray[np.float32], grid: tuple[int, int]) -> Tensor:
    from PIL import Image as Pictures

    small = Pictures.fromarray(values).resize(grid[::-1], Pictures.Resampling.BILINEAR)
    return torch.from_numpy(np.array(small, dtype=np.float32))[None, None]


def score(model: str, clip: Clip, results: list[Result]) -> Scores:
    """The scores of a clip's kind."""
    return of_faces_score(clip, results) if clip.kind == FACES else of_masks_score(model, clip, results)


def of_masks_score(model: str, clip: Clip, results: list[Result]) -> Scores:
    inner = range(1, len(results) - 1) if clip.kind == DAVIS else range(len(results))  # DAVIS leaves both ends out
    pairs = [(torch.from_numpy(results[index].mask), torch.from_numpy(clip.masks[index])) for index in inner]
    scores = {"J": statistics.fmean(float(vos.region_similarity(*pair)) for pair in pairs)}
    if model == "egcnet" and clip.kind == DAVIS:
        summaries = [
            vsod.summarize(
                torch.from_numpy((result.probability * 255).round().astype(np.uint8)), torch.from_numpy(mask)
            )
            for result, mask in zip(results, clip.masks, strict=True)
        ]
        curves = torch.stack([vsod.f_measure_of(summary).curve[0] for summary in summaries])
        scores["max F"] = float(curves.mean(0).max())
        scores["S"] = statistics.fmean(float(vsod.s_measure_of(summary)[0]) for summary in summaries)
    return scores


def of_faces_score(clip: Clip, results: list[Result]) -> Scores:
    covered, fixations, looked = [], [], []
    for result, faces, fixated in list(zip(results, clip.faces, clip.fixated, strict=True))[::EVERY]:
        height, width = result.mask.shape
        columns, rows = fixated.astype(int).T
        if not len(rows):
            continue
        inside = result.mask[rows, columns].mean()
        fixations.append(float(inside - result.mask.mean()))
        counts = np.zeros((height, width))
        np.add.at(counts, (rows, columns), 1)
        saliency = torch.from_numpy(result.saliency.astype(np.float64))
        looked.append(float(nss(saliency, torch.from_numpy(counts))) if result.saliency.max() > 0 else 0.0)
        hits = [((fixated >= box[:2]) & (fixated < box[2:])).all(axis=1).sum() for box in faces]
        if hits and max(hits) >= 2:
            x1, y1, x2, y2 = faces[int(np.argmax(hits))].round().astype(int).clip(0)
            covered.append(float(result.mask[y1:y2, x1:x2].mean()))
    steps = [
        float(np.hypot(*np.subtract(after.point, before.point)) / np.sqrt(max(1, after.mask.sum())))
        for before, after in pairwise(results)
        if before.point is not None and after.point is not None
    ]
    return {
        "face": statistics.fmean(covered) if covered else 0.0,
        "fixations": statistics.fmean(fixations),
        "NSS": statistics.fmean(looked),
        "jitter": statistics.fmean(steps) if steps else 0.0,
    }


def read(model: str, out: Path) -> dict[str, dict[str, Scores]]:
    """Scores by clip, then by rule."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted((out / model).glob("*.json"))}


def markdown(model: str, rules: list[Rule], out: Path) -> str:
    """What each rule is worth: the mean with it, less that without it, per kind of clip; then per clip, J or `face`."""
    found = read(model, out)
    kinds = {name: FACES if "face" in scores["as it is"] else _kind(name) for name, scores in found.items()}
    columns = [
        (kind, key)
        for kind in (DAVIS, COMPOSED, FACES, JOINED)
        for key in next((list(found[name]["as it is"]) for name in found if kinds[name] == kind), [])
    ]
    lines = [
        f"`{model}`, the mean with the rule less that without it:", "",
        "| rule | " + " | ".join(f"{kind} {key}" for kind, key in columns) + " | most on one clip |",
        "|---|" + "---:|" * (len(columns) + 1),
        "| **scores with all** | " + " | ".join(f"{_mean(found, kinds, 'as it is', *c):.3f}" for c in columns) + " | |",
    ]  # fmt: skip
    for rule in [*rules[1:], Rule("together", {})]:
        if not any(rule.name in scores for scores in found.values()):
            continue
        cells = []
        for column in columns:
            without = _mean(found, kinds, rule.name, *column)
            gain = _mean(found, kinds, "as it is", *column, among=rule.name) - without
            cells.append("" if np.isnan(without) else f"{gain:+.3f}")
        lines.append(f"| {rule.name} | " + " | ".join(cells) + f" | {_most(found, rule.name)} |")
    names = [name for name in found if kinds[name] in (DAVIS, COMPOSED)]
    lines += ["", "The same in J for each clip:", "", "| rule | " + " | ".join(_short(name) for name in names) + " |"]
    lines.append("|---|" + "---:|" * len(names))
    lines.append("| **J** | " + " | ".join(f"{found[name]['as it is']['J']:.2f}" for name in names) + " |")
    for rule in rules[1:]:
        if any(rule.name in found[name] for name in names):
            cells = [_gain(found[name], rule.name) for name in names]
            lines.append(f"| {rule.name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _gain(scores: dict[str, Scores], rule: str) -> str:
    """What a rule adds to J on one clip; nothing where it was not tried."""
    return f"{scores['as it is']['J'] - scores[rule]['J']:+.2f}" if rule in scores else ""


def _kind(name: str) -> str:
    return COMPOSED if name.startswith("composite") else JOINED if "+" in name else DAVIS


def _short(name: str) -> str:
    return name.replace("composite00", "c").split("-")[0]


def _mean(
    found: dict[str, dict[str, Scores]], kinds: dict[str, str], rule: str, kind: str, key: str, among: str | None = None
) -> float:
    """The mean of a score over the clips of a kind that have the rule (and `among`)."""
    values = [
        scores[rule][key]
        for name, scores in found.items()
        if kinds[name] == kind and rule in scores and (among is None or among in scores)
    ]
    return statistics.fmean(values) if values else float("nan")


def _most(found: dict[str, dict[str, Scores]], rule: str) -> str:
    """The largest change on one clip, and where."""
    changes = [
        (scores["as it is"][key] - scores[rule][key], f"{_short(name)} {key}")
        for name, scores in found.items()
        if rule in scores
        for key in scores[rule]
        if key != "NSS"
    ]
    gain, where = max(changes, key=lambda change: abs(change[0]))
    return f"{gain:+.3f} ({where})" if gain else "0"


if __name__ == "__main__":
    main()
