"""EGCNet on the DAVIS development sequences, two-fold: no frame of a sequence is trained on before it is scored.

    python benchmarks/egcnet.py rows --data ../shared/data --out runs/egcnet        the rows, three seeds
    python benchmarks/egcnet.py ablations --data ../shared/data --out runs/egcnet   each module away and alone
    python benchmarks/egcnet.py gaze --data ../shared/data --out runs/egcnet        simulated gaze at test time
    python benchmarks/egcnet.py gaze ... --fixations AGS                            recorded gaze as well
    python benchmarks/egcnet.py speed --data ../shared/data --out runs/egcnet       shipped weights at 320x320
    python benchmarks/egcnet.py baselines --data ../shared/data --out runs/egcnet   what it has to beat

The folds are the sequences in alphabetical order, first five and last five. Masks serve for scoring only, but for the
row whose name says scribbles: those are simulated from the masks of the training fold. Scores follow the protocols
`exact` (S-measure, max F, MAE: mean over frames, then over sequences) and `davis2016` (J). A run that --out has
already is not trained again, and not scored again where `scores-*.json` is beside its weights. AGS is the eye tracking
of Wang et al. (CVPR 2019) on these sequences, <sequence>/00000.png each; gaze that was recorded is shown at test time
only, and training goes on without.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from sightline import models
from sightline.apps.predict import Run
from sightline.data import davis
from sightline.data.samples import VideoSequence
from sightline.metrics.functional import vos, vsod
from sightline.models import weights
from sightline.models.egcnet.config import EGCNetConfig
from sightline.models.egcnet.network import EGCNet, Encoded
from sightline.models.egcnet.predictor import EGCNetPredictor, pixels_of, probability_of
from sightline.models.egcnet.trail import FixationTrail
from sightline.nn.blocks import resize
from sightline.nn.egnet import predict_saliency
from sightline.nn.engine import Engine
from sightline.nn.motion import MotionCue
from sightline.results.outputs import choose
from sightline.training.egcnet import EGCNetRecipe, network_and_scenes
from sightline.training.egcnet.data import simulated
from sightline.training.egcnet.scenes import GRID, SIZE, Scene
from sightline.training.recipe import Chain, read_recipe
from sightline.training.run import train

DAVIS = "vos/davis2016_dev"
DEEPLAB = ["network.backbone=deeplab-mobilenet-v2", "sight=egnet",
           "backbone_weights=$DATA/weights/deeplabv3_mobilenet_v2_1.0_513"]  # fmt: skip
ROWS = {
    "imagenet": [],
    "deeplab": DEEPLAB,
    "deeplab + scribbles": [*DEEPLAB, "scribbles=true"],
    "imagenet + scribbles": ["scribbles=true"],
}
PSE, SLQ, IIMC = "network.position_semantic=false", "network.competition=false", "network.contrast=false"
ABLATIONS = {
    "baseline": [PSE, SLQ, IIMC],
    "+ PSE": [SLQ, IIMC],
    "+ PSE + SLQ = full - IIMC": [IIMC],
    "full - PSE": [PSE],
    "full - SLQ": [SLQ],
    "full": [],
}
KEYS = ("s_measure", "f_measure_max", "mae", "j_mean")

Scores = dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["rows", "ablations", "gaze", "baselines", "speed"])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--only", nargs="+", help="rows or ablations to run")
    parser.add_argument("--folds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--fixations", type=Path, help="AGS: binary fixation maps of these sequences")
    parser.add_argument("--gaze2mask", type=Path, help="folds of Gaze2Mask-Net, as davis_folds.py makes them")
    parser.add_argument("--set", nargs="+", default=[], help="further changes of the recipe, for trying things out")
    args = parser.parse_args()
    sequences = davis.sequences(args.data / DAVIS, fixations=args.fixations)
    if args.what == "speed":
        print(speed(sequences[0]))
        return
    if args.what == "baselines":
        print(markdown(baselines(sequences, args.gaze2mask)))
        return
    tables: dict[str, dict[str, list[str]]] = {"rows": ROWS, "ablations": ABLATIONS, "gaze": {"imagenet": []}}
    variants = tables[args.what]
    modes = ["own"]
    if args.what == "gaze":
        modes += ["simulated", "simulated-shipped", "simulated-egnet", "shuffled"]
        modes += ["recorded", "recorded-shuffled"] if args.fixations else []
    table: dict[str, list[Scores]] = {}
    for seed in args.seeds:  # every variant once before any twice, in case of a stop
        for name in args.only or variants:
            for mode in modes:
                key = name if mode == "own" else f"{name}, {mode} gaze"
                scores = two_fold(variants[name], seed, sequences, args, mode, name)
                table.setdefault(key, []).append(mean(scores.values()))
                print(
                    f"seed {seed}, {key}: " + ", ".join(f"{k} {v:.3f}" for k, v in table[key][-1].items()), flush=True
                )
                print({sequence: round(s["j_mean"], 3) for sequence, s in scores.items()}, flush=True)
    print(markdown(table))


def two_fold(
    changes: list[str], seed: int, sequences: list[VideoSequence], args: argparse.Namespace, mode: str, name: str
) -> dict[str, Scores]:
    """Scores of every sequence, each by the network that was trained on the other half."""
    found = {}
    slug = "-".join(part for part in name.split() if part not in "+=") if changes else "imagenet"
    for number in args.folds:
        tested = sequences[5 * number : 5 * number + 5]
        trained = [sequence.name for sequence in sequences if sequence not in tested]
        source = json.dumps([{"family": "davis2016", "root": f"$DATA/{DAVIS}", "keep": trained}])
        chain = recipe_of([*changes, *args.set, f"videos={source}", f"seed={seed}"], args)
        recipe = cast(EGCNetRecipe, chain.last)
        folder = args.out / slug / f"seed{seed}-fold{1 - number}"
        if not (folder / "model.safetensors").is_file():
            train(chain, folder, resume=(folder / "checkpoints" / "last.ckpt").is_file())
        scores = folder / f"scores-{mode}.json"
        if not scores.is_file():
            network = EGCNet(EGCNetConfig.model_validate(weights.read_config(folder)))
            weights.load_into(network, folder)
            _, kept = network_and_scenes(recipe)
            fresh = {}
            for sequence in tested:
                gaze = None if mode == "own" else watched(sequence, recipe.observers, seed, mode, args)
                scene = kept.sequence(replace(sequence, fixation_maps=()))
                fresh[sequence.name] = score(run(network.eval(), scene, sequence, gaze), sequence)
            scores.write_text(json.dumps(fresh, indent=1), encoding="utf-8")
        found.update(json.loads(scores.read_text(encoding="utf-8")))
    return found


def recipe_of(changes: list[str], args: argparse.Namespace) -> Chain:
    """The shipped recipe's last stage, changed. Its EG-Net on ImageNet's start is trained in --out/egnet, once."""
    egnet = args.out / "egnet"
    if not (egnet / "model.safetensors").is_file():
        first = read_recipe("egcnet", ["stages.egcnet=null"], args.data)
        train(first, egnet, resume=(egnet / "checkpoints" / "last.ckpt").is_file())
    return read_recipe("egcnet", ["stages.egnet=null", f"sight={egnet}", *changes], args.data)


def watched(sequence: VideoSequence, observers: int, seed: int, mode: str, args: argparse.Namespace) -> Tensor:
    """Gaze on a sequence, (F, 1, *GRID), zeros where nobody has looked for a while. shuffled: that of another moment,
    mirrored."""
    recorded = mode.startswith("recorded")
    places = viewers_of(sequence) if recorded else observers_of(sequence, observers, seed, mode, args)
    config = EGCNetConfig()
    moving = MotionCue(config.motion).over(sequence.load(index)[0] for index in range(len(sequence)))
    trail, densities = FixationTrail(config.fixations), []
    for looked, (_, motion) in zip(places, moving, strict=True):
        trail.step(looked, motion.flow, 1 / 25)
        density = trail.density(GRID)
        densities.append(torch.zeros(1, 1, *GRID) if density is None else density)
    gaze = torch.cat(densities)
    return gaze.roll(len(gaze) // 2, 0).flip(-1) if mode.endswith("shuffled") else gaze


def viewers_of(sequence: VideoSequence) -> Iterator[NDArray[np.float64]]:
    """Where people looked in every frame, (K, 2), x and y in [0, 1]."""
    for index in range(len(sequence)):
        points = sequence.fixations(index)
        size = sequence.load(index)[0].shape[1::-1]
        yield np.empty((0, 2)) if points is None else points / size


def observers_of(
    sequence: VideoSequence, count: int, seed: int, mode: str, args: argparse.Namespace
) -> Iterator[NDArray[np.float64]]:
    """Where simulated observers look, likewise; they see no mask of the sequence, and are drawn to what moves.

    simulated-egnet: they follow the density of the ImageNet start's EG-Net, as the network itself does.
    simulated-shipped: that of the EG-Net that ships. Else that one's, drawn to objects that DeepLab knows, too: they
    know more than the network, as people do, but DeepLab has learned it from masks of VOC.
    """
    chain = recipe_of([] if mode == "simulated-egnet" else DEEPLAB, args)
    network, scenes = network_and_scenes(cast(EGCNetRecipe, chain.last))
    if mode == "simulated-shipped":
        network.backbone.classes = 0  # as if its backbone knew no objects
    scene = scenes.sequence(replace(sequence, fixation_maps=()))
    return simulated(network, scene, count, np.random.default_rng([seed, 7]))


@torch.no_grad()
def run(network: EGCNet, scene: Scene, sequence: VideoSequence, gaze: Tensor | None) -> list[Tensor]:
    """The map of every frame, (1, 1, *SIZE) in [0, 1], as the predictor has it. gaze: (F, 1, *GRID)."""
    memory, maps = network.empty_memory(1, (SIZE[0] // 32, SIZE[1] // 32)), []
    for index in range(len(scene)):
        one = slice(index, index + 1)
        motion, encoded = scene.motion[one].float(), Encoded(*(level[one].float() for level in scene.encoded))
        looked = torch.zeros_like(motion) if gaze is None else gaze[one]
        given = (looked.sum(dim=(1, 2, 3)) > 0).float()
        decision = network.decide(encoded, motion, looked, given, memory)
        pixels = pixels_of(sequence.load(index)[0], SIZE)
        maps.append(
            probability_of(decision.winner, pixels, motion, decision.density, decision.recalled, network.config)
        )
        if index % network.config.recall.interval == 0:
            memory = memory.push(decision.remembered.with_mask(maps[-1]))
    return maps


def score(winners: Sequence[Tensor], sequence: VideoSequence) -> Scores:
    """Maps of one sequence against its masks, at full size."""
    values: dict[str, list[float]] = {"s_measure": [], "mae": [], "j_mean": []}
    curves = []
    for index, winner in enumerate(winners):
        mask = sequence.load(index)[1]
        assert mask is not None
        gt = torch.from_numpy(mask)
        probability = resize(winner, gt.shape)[0, 0]
        grey = (probability * 255).round().byte()
        summary = vsod.summarize(grey, gt)
        values["s_measure"].append(float(vsod.s_measure_of(summary)[0]))
        values["mae"].append(float(vsod.mae_of(summary)[0]))
        curves.append(vsod.f_measure_of(summary).curve[0])
        if 0 < index < len(winners) - 1:  # DAVIS leaves the first and the last frame out
            values["j_mean"].append(float(vos.region_similarity(probability >= 0.5, gt)))
    scores = {key: statistics.fmean(found) for key, found in values.items()}
    return {**scores, "f_measure_max": float(torch.stack(curves).mean(0).max())}


def speed(sequence: VideoSequence, rounds: int = 3) -> str:
    """Milliseconds a frame of 320x320, in turns, the best of `rounds`: the bare backbone, the predictor on frames that
    are in memory, and everything from the files to maps, masks, hotspots and overlay on disk."""
    predictor = models.load("egcnet", device="cpu")
    assert isinstance(predictor, EGCNetPredictor)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "frames"
        source.mkdir()
        frames = [np.array(Image.fromarray(sequence.load(i)[0]).resize((320, 320))) for i in range(len(sequence))]
        for index, frame in enumerate(frames):
            Image.fromarray(frame).save(source / f"{index:05}.jpg")
        run = Run(predictor, choose(predictor.gives, None, predictor.name), overwrite=True)
        pixels = torch.rand(1, 3, 320, 320)
        backbone = Engine(predictor.network.backbone, (pixels,))
        rows: dict[str, Callable[[], object]] = {
            "bare backbone": lambda: [backbone(pixels) for _ in frames],
            "predictor on preloaded frames": lambda: list(predictor.predict(np.stack(frames))),
            "whole pipeline": lambda: run.to_folder(source, Path(folder) / "results"),
        }
        best = dict.fromkeys(rows, float("inf"))
        for _ in range(rounds):
            for name, work in rows.items():
                began = time.perf_counter()
                work()
                best[name] = min(best[name], (time.perf_counter() - began) / len(frames))
    lines = [f"| {name} | {1000 * s:.1f} | {1 / s:.1f} | {s / best['bare backbone']:.2f} |" for name, s in best.items()]
    return "\n".join(["| what | ms a frame | frames/s | times the backbone |", "|---|---:|---:|---:|", *lines])


def baselines(sequences: list[VideoSequence], gaze2mask: Path | None) -> dict[str, list[Scores]]:
    """What EGCNet has to beat, on every third frame; their J is that of the map at half of its maximum.

    gaze2mask: holds fold0/gaze2mask and fold1/gaze2mask, trained on the first and the last five sequences.
    """
    from sightline.models.wcsnet.predictor import WCSNetPredictor

    wcsnet = WCSNetPredictor(weights.find_weights("wcsnet"), torch.device("cpu"))
    found: dict[str, list[Scores]] = {"EG-Net": [], "GrabCut from EG-Net's peaks": []}
    for number, sequence in enumerate(sequences):
        thinned = replace(sequence, frames=sequence.frames[::3], masks=sequence.masks[::3])
        images = [thinned.load(index)[0] for index in range(len(thinned))]
        looks = [predict_saliency(image, wcsnet.egnet) for image in images]
        cut = [grabcut(image, look) for image, look in zip(images, looks, strict=True)]
        maps = {"EG-Net": looks, "GrabCut from EG-Net's peaks": cut}
        if gaze2mask is not None:
            weights.load_into(wcsnet.gaze2mask, gaze2mask / f"fold{1 - number // 5}" / "gaze2mask")
            segment = wcsnet.tracker().choice.segment
            maps["EG-Net and Gaze2Mask-Net"] = [
                segment(image, look).astype(np.float32) for image, look in zip(images, looks, strict=True)
            ]
        for name, values in maps.items():
            rows = [torch.from_numpy(value)[None, None] for value in values]
            found.setdefault(name, []).append(score(rows, thinned))
        print(sequence.name, {name: round(rows[-1]["j_mean"], 3) for name, rows in found.items()}, flush=True)
    return {name: [mean(rows)] for name, rows in found.items()}


def grabcut(image: NDArray[np.uint8], look: NDArray[np.float32]) -> NDArray[np.float32]:
    """OpenCV's GrabCut, told that the map's top 5 % are object, and its lower 40 % background."""
    import cv2

    size = (image.shape[1] // 2, image.shape[0] // 2)
    small, guide = cv2.resize(image, size, interpolation=cv2.INTER_AREA), cv2.resize(look, size)
    labels = np.full(guide.shape, cv2.GC_PR_BGD, np.uint8)
    labels[guide > np.quantile(guide, 0.7)] = cv2.GC_PR_FGD
    labels[guide >= np.quantile(guide, 0.95)] = cv2.GC_FGD
    labels[guide < np.quantile(guide, 0.4)] = cv2.GC_BGD
    cv2.setRNGSeed(0)
    cv2.grabCut(small, labels, (0, 0, 1, 1), np.zeros((1, 65)), np.zeros((1, 65)), 4, cv2.GC_INIT_WITH_MASK)
    mask = ((labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)).astype(np.float32)
    return np.asarray(cv2.resize(mask, (image.shape[1], image.shape[0])))


def mean(scores: Iterable[Scores]) -> Scores:
    rows = list(scores)
    return {key: statistics.fmean(row[key] for row in rows) for key in KEYS}


def markdown(table: dict[str, list[Scores]]) -> str:
    lines = ["| | seeds | S-measure | max F | MAE | J |", "|---|---:|---:|---:|---:|---:|"]
    for name, rows in table.items():
        cells = []
        for key in KEYS:
            values = [row[key] for row in rows]
            spread = f" ± {statistics.stdev(values):.3f}" if len(values) > 1 else ""
            cells.append(f"{statistics.fmean(values):.3f}{spread}")
        lines.append(f"| {name} | {len(rows)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
