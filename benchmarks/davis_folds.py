"""Two-fold scores on the DAVIS development sequences: train on five, test on the other five, both ways.

    python benchmarks/davis_folds.py --data ../shared/data --out runs/folds                  the shipped recipes
    python benchmarks/davis_folds.py --data ../shared/data --out runs/folds --ablations      the rows of Table 6
    python benchmarks/davis_folds.py --data ../shared/data --out runs/taught --taught        U2-NetP's objects beside

--taught: of MIT1003, objects that a salient-object network shows instead of DeepLab's; it has seen masks (`TAUGHT`).

The folds are the sequences in alphabetical order, first five and last five. Masks come from the whole system with
nothing but the video as input (EG-Net starts it); they are scored by the `davis2016` protocol. Stage 1 sees no video,
so the folds share it. Ablations train both stages in one shorter run (`ABLATION_STEPS`), each seed anew, and share the
Gaze2Mask-Nets of seed 0's folds, which must be there. Whatever is finished in --out is not done again.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from sightline import models
from sightline.data import davis
from sightline.metrics.evaluation import Options, evaluate
from sightline.training.recipe import read_recipe
from sightline.training.run import train

DAVIS = "vos/davis2016_dev"
ABLATION_STEPS = 80
ABLATIONS: dict[str, list[str]] = {
    "full": [],
    "levels 4 5": ["network.levels=[4, 5]"],
    "levels 3 4 5": ["network.levels=[3, 4, 5]"],
    "levels 2 3 4 5": ["network.levels=[2, 3, 4, 5]"],
    "without weighted correlation": ["network.correlation=concat"],
    "without weighted pooling": ["network.correlation=depthwise"],
    "without hotspot branch": ["network.hotspot_branch=false"],
}

TAUGHT = {
    "gaze2mask": {
        "stills": {"taught": 0.5, "pseudo": 0.2, "photo": 0.3},
        "videos": {"taught": 0.3, "pseudo": 0.1, "photo": 0.15, "video": 0.45},
    },
    "wcsnet": {
        "stills": {"taught": 0.5, "pseudo": 0.2, "photo": 0.3},
        "videos": {"taught": 0.25, "pseudo": 0.08, "photo": 0.12, "video": 0.55},
    },
}
"""Shares of the kinds of views, by network and stage."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--gaze", default="egnet", help="EG-Net weights")
    parser.add_argument("--seeds", type=int, nargs="+", default=None, help="default: 0; with --ablations 0 and 1")
    parser.add_argument("--ablations", action="store_true")
    parser.add_argument("--taught", action="store_true")
    parser.add_argument("--set", dest="changes", action="append", default=[], metavar="FIELD=VALUE", help="of wcsnet")
    parser.add_argument("--only", nargs="+", default=list(ABLATIONS), help="ablations to run")
    args = parser.parse_args()
    names = [sequence.name for sequence in davis.sequences(args.data / DAVIS)]
    folds = [names[:5], names[5:]]
    table: dict[str, list[dict[str, float]]] = {}
    if args.ablations:
        for seed in args.seeds or [0, 1]:  # every row once before any row twice, in case of a stop
            for name in args.only:
                table.setdefault(name, []).append(ablation(name, seed, folds, args))
                print(f"seed {seed}, {name}: {table[name][-1]}", flush=True)
    else:
        table["two-fold"] = [shipped(seed, folds, args) for seed in args.seeds or [0]]
    print(markdown(table))


def shipped(seed: int, folds: list[list[str]], args: argparse.Namespace) -> dict[str, float]:
    """J and F of the recipes as they are."""
    root = args.out / f"seed{seed}"
    stills = {}
    for name in NETWORKS:
        changes = ["stages.videos=null", *taught(name, "stills", args), *(args.changes if name == "wcsnet" else [])]
        stills[name] = run(name, root / f"{name}-stills", changes, seed, args)
    for number, fold in enumerate(folds):
        folder = root / f"fold{number}"
        for name in NETWORKS:
            changes = ["stages.stills=null", f"keep={json.dumps(fold)}", f"init={stills[name]}"]
            changes += taught(name, "videos", args)
            # The fold's own Gaze2Mask-Net is a part of the fold's WCS-Net.
            changes += [f"gaze2mask={(folder / 'gaze2mask').resolve()}", *args.changes] if name == "wcsnet" else []
            run(name, folder / name, changes, seed, args)
        predict(folder / "wcsnet", folds[1 - number], root / "predictions", args)
    return score(root / "predictions", args)


def taught(name: str, stage: str, args: argparse.Namespace) -> list[str]:
    """With --taught, where a stage's views come from."""
    if not args.taught:
        return []
    sources = [
        {"family": "taught", "root": "$DATA/image_fixations/mit1003", "teacher": "$DATA/weights/u2netp"},
        {"family": "pseudo", "root": "$DATA/image_fixations/eyecrowd"},
        {"family": "bsds500", "root": "$DATA/segmentation/bsds500"},
        {"family": "davis2016", "root": f"$DATA/{DAVIS}"},
    ]
    kinds = f"stages.{stage}.kinds={json.dumps(TAUGHT[name][stage])}"
    return [f"views.sources={json.dumps(sources)}", kinds, "precision=bf16-mixed"]


NETWORKS = ("gaze2mask", "wcsnet")


def ablation(name: str, seed: int, folds: list[list[str]], args: argparse.Namespace) -> dict[str, float]:
    """J and F of one row of Table 6. The Gaze2Mask-Nets are those of seed 0's folds, which must be there."""
    root = args.out / "ablation" / name.replace(" ", "-") / f"seed{seed}"
    changes = [
        "stages.stills=null", *ABLATIONS[name], "init=null", "optimisation.ema=0.95",
        f"optimisation.steps={ABLATION_STEPS}", "optimisation.learning_rate=0.001",
    ]  # fmt: skip
    for number, fold in enumerate(folds):
        gaze2mask = args.out / "seed0" / f"fold{number}" / "gaze2mask"
        own = [f"keep={json.dumps(fold)}", f"gaze2mask={gaze2mask.resolve()}"]
        folder = run("wcsnet", root / f"fold{number}", [*changes, *own], seed, args)
        predict(folder, folds[1 - number], root / "predictions", args)
    return score(root / "predictions", args)


def run(recipe: str, output: Path, changes: list[str], seed: int, args: argparse.Namespace) -> Path:
    """Train a recipe unless its weights are there; goes on where an interrupted run stopped."""
    if not (output / "model.safetensors").is_file():
        chain = read_recipe(recipe, [*changes, f"views.saliency={args.gaze}", f"seed={seed}"], args.data)
        train(chain, output, resume=(output / "checkpoints" / "last.ckpt").is_file(), validate_every=100)
    return output


def predict(wcsnet: Path, names: list[str], output: Path, args: argparse.Namespace) -> None:
    """Masks of the named sequences, as `sightline predict` writes them."""
    from sightline.models.wcsnet.predictor import WCSNetPredictor

    predictor: Any = models.load(wcsnet, device="cpu")
    assert isinstance(predictor, WCSNetPredictor)
    for name in names:
        masks = output / name / "masks"
        if masks.is_dir():
            continue
        partial = output / name / ".partial"
        partial.mkdir(parents=True, exist_ok=True)
        for frame in predictor.predict(args.data / DAVIS / "JPEGImages" / "480p" / name):
            picture = Image.fromarray(np.asarray(frame.mask))
            picture.putpalette([0, 0, 0, 128, 0, 0])
            picture.save(partial / f"{frame.index:05d}.png")
        partial.rename(masks)


def score(predictions: Path, args: argparse.Namespace) -> dict[str, float]:
    report = evaluate("vos", predictions, args.data / DAVIS, "davis2016", options=Options(workers=2))
    report.write_json(predictions.parent / "scores.json")
    return {"j_mean": report.overall["j_mean"], "f_mean": report.overall["f_mean"]}


def markdown(table: dict[str, list[dict[str, float]]]) -> str:
    """A row a variant: mean over seeds, and the spread (half of the range) where there are several."""
    lines = ["| | J | F | seeds |", "|---|---:|---:|---:|"]
    for name, scores in table.items():
        cells = []
        for key in ("j_mean", "f_mean"):
            values = [one[key] for one in scores]
            spread = f" ± {(max(values) - min(values)) / 2:.3f}" if len(values) > 1 else ""
            cells.append(f"{statistics.mean(values):.3f}{spread}")
        lines.append(f"| {name} | {cells[0]} | {cells[1]} | {len(scores)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
