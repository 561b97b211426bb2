"""How well `wcsnet` follows, by how it is started: by itself, by a click, by the true mask of the first frame, and by
the mask that `egcnet` has of it (`--starts egcnet`).

    python benchmarks/starts.py --data ../shared/data --out runs/folds              the folds of davis_folds.py
    python benchmarks/starts.py ... --frames 30 --folds 0 --starts mask             a quick look
    python benchmarks/starts.py ... --model wcsnet-memory                           another network of the folds

The click is on the pixel that lies deepest inside the first frame's true mask. Every model is tried on the sequences
that it has not seen; `vos/segtrackv2_bmx`, whose target is the bicycle, is a check outside of DAVIS and is started by
its mask alone. A frame counts as `davis2016` has it: neither the first nor the last. What is finished is not done
again: each sequence has a file in --out.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage

from sightline import models
from sightline.data import davis
from sightline.data.samples import VideoSequence
from sightline.metrics.functional.vos import contour_accuracy, region_similarity
from sightline.models.wcsnet.predictor import WCSNetPredictor

DAVIS, BMX = "vos/davis2016_dev", "vos/segtrackv2_bmx"
STARTS = ("itself", "click", "mask", "egcnet")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="the folder of davis_folds.py")
    parser.add_argument("--model", default="wcsnet", help="name of the network's folder in each fold's")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--folds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--starts", nargs="+", choices=STARTS, default=list(STARTS[:3]))
    parser.add_argument("--frames", type=int, help="frames of each sequence; all, if not given")
    parser.add_argument("--set", nargs="+", default=[], help="constants of the tracker, as evidence.motion=0")
    args = parser.parse_args()
    sequences = davis.sequences(args.data / DAVIS)
    folds = [sequences[:5], sequences[5:]]
    bicycle = davis.sequences(args.data / BMX)
    label = "-".join([args.model, *args.set, *([f"{args.frames}frames"] if args.frames else [])])
    scores: dict[str, dict[str, list[dict[str, float]]]] = {start: {} for start in args.starts}
    for seed in args.seeds:
        for fold in args.folds:
            root = args.out / f"seed{seed}"
            predictor: Any = models.load(root / f"fold{fold}" / args.model, device="cpu")
            change(predictor, args.set)
            for start in args.starts:
                tried = [*folds[1 - fold], *(bicycle if start == "mask" and fold == 0 else [])]
                for sequence in tried:
                    kept = root / "starts" / label / start / f"{sequence.name}.json"
                    if not kept.is_file():
                        kept.parent.mkdir(parents=True, exist_ok=True)
                        kept.write_text(json.dumps(follow(predictor, sequence, start, args.frames)))
                    scores[start].setdefault(sequence.name, []).append(json.loads(kept.read_text()))
    print(markdown(scores, {sequence.name for sequence in bicycle}))


def change(predictor: WCSNetPredictor, changes: list[str]) -> None:
    """Set constants of the tracker, each as group.name=value."""
    tracker = predictor.network.config.tracker.model_dump()
    for text in changes:
        place, _, value = text.partition("=")
        *groups, name = place.split(".")
        inside = tracker
        for group in groups:
            inside = inside[group]
        inside[name] = json.loads(value)
    config = predictor.network.config
    predictor.network.config = config.model_copy(update={"tracker": type(config.tracker).model_validate(tracker)})


def follow(predictor: WCSNetPredictor, sequence: VideoSequence, start: str, count: int | None) -> dict[str, float]:
    """J and F of a sequence, the share of frames in which the target is lost, and the largest mask beside the truth."""
    frames = [sequence.load(index) for index in range(min(len(sequence), count or len(sequence)))]
    images = [image for image, _ in frames]
    truth = [np.asarray(mask, dtype=bool) for _, mask in frames]
    tracker, first = predictor.tracker(), truth[0]
    ahead = images[1 : 1 + predictor.network.config.tracker.motion.lookahead]
    given: dict[str, Any] = {}
    if start == "click":
        given = {"point": deepest(first)}
    elif start == "mask":
        given = {"mask": first}
    elif start == "egcnet":
        chosen = next(iter(models.load("egcnet", device="cpu").predict([images[0], *ahead]))).mask
        given = {"mask": chosen > 0} if chosen is not None and chosen.any() else {}
    found = [tracker.start(images[0], following=ahead, **given)]
    found += [tracker.step(image) for image in images[1:]]
    scored = [(one.mask, mask) for one, mask in zip(found, truth, strict=True)][1:-1]
    masks, trues = (torch.from_numpy(np.stack(each)) for each in zip(*scored, strict=True))
    return {
        "j": float(region_similarity(masks, trues).mean()),
        "f": float(contour_accuracy(masks, trues).mean()),
        "lost": statistics.mean(float(one.state == "lost") for one in found),
        "flood": max(float(mask.sum() / max(true.sum(), 1)) for mask, true in scored),
    }


def deepest(mask: NDArray[np.bool_]) -> tuple[float, float]:
    """The pixel (x, y) of a mask that lies furthest from its edge, as a person would click."""
    depth = ndimage.distance_transform_edt(np.pad(mask, 1))
    y, x = np.unravel_index(int(np.argmax(depth)), depth.shape)
    return float(x - 1), float(y - 1)


def markdown(scores: dict[str, dict[str, list[dict[str, float]]]], apart: set[str]) -> str:
    """A row a sequence, J and F of each start, the mean over seeds; then their means, those `apart` left out."""
    starts = list(scores)
    names = sorted({name for start in starts for name in scores[start]})
    lines = [
        "| | " + " | ".join(f"{start} J | {start} F" for start in starts) + " |",
        "|---|" + "---:|---:|" * len(starts),
    ]

    def cells(start: str, chosen: list[str]) -> list[str]:
        known = [name for name in chosen if name in scores[start]]
        each = [[statistics.mean(one[key] for one in scores[start][name]) for name in known] for key in ("j", "f")]
        return [f"{statistics.mean(values):.3f}" if values else "" for values in each]

    rows = [(name, [name]) for name in names] + [("**mean**", [name for name in names if name not in apart])]
    for title, chosen in rows:
        lines.append(f"| {title} | " + " | ".join(cell for start in starts for cell in cells(start, chosen)) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
