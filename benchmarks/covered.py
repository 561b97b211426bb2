"""What `wcsnet` does with a target that is covered or leaves the frame, on composed videos whose truth is known.

    python benchmarks/covered.py --data ../shared/data --out runs/covered                    the shipped weights
    python benchmarks/covered.py ... --weights runs/folds/seed0/fold0/wcsnet --name fold0    others

A target is an object of BSDS500's test photographs before a photograph of EyeCrowd; the tracker is given its first
mask. In turn a pillar hides it, another object comes and hides it, and it leaves; in every second video a distractor
moves too, which is the target's like. It is covered where less than `HIDDEN` of its usual area is seen, and back
where more than `BACK` is. Scored: how often the tracker says `lost` within five frames of the cover; how often it
overlaps with the target (J above `FOUND`) within ten frames of its return; the share of frames whose mask is no
larger than three times the target; and the mean J of the frames in which it is seen.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline import models
from sightline.data.composites import CompositeFrame, compose
from sightline.data.cutouts import Cutout, cut_out, objects
from sightline.data.files import load_image
from sightline.data.layers import photographs_in
from sightline.models.wcsnet.predictor import WCSNetPredictor
from starts import change

HIDDEN, BACK, FOUND, FLOOD = 0.05, 0.5, 0.3, 3.0
WITHIN_LOST, WITHIN_FOUND = 5, 10
FRAMES = 48
OBJECTS, GROUNDS = "segmentation/bsds500", "image_fixations/eyecrowd/images"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--weights", default="wcsnet")
    parser.add_argument("--name", default="shipped", help="of these weights, in --out")
    parser.add_argument("--count", type=int, default=18)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--set", nargs="+", default=[], help="constants of the tracker, as evidence.motion=0")
    args = parser.parse_args()
    name = "-".join([args.name, *args.set])
    folder = args.out / name
    folder.mkdir(parents=True, exist_ok=True)
    predictor: Any = None
    results = []
    for number in range(args.count):
        kept = folder / f"{args.seed}-{number:03d}.json"
        if not kept.is_file():
            if predictor is None:
                predictor = models.load(args.weights, device="cpu")
                change(predictor, args.set)
            kept.write_text(json.dumps(follow(predictor, video(args.data, args.seed, number))))
        results.append(json.loads(kept.read_text()))
    print(markdown(name, results))


def video(data: Path, seed: int, number: int) -> list[CompositeFrame]:
    """The video of a number: its event, objects and background follow from that and the seed."""
    rng = np.random.default_rng([seed, number])
    target, cover = _cutouts(data, rng)
    grounds = photographs_in(data / GROUNDS)
    ground, pillar = (load_image(grounds[index]) for index in rng.choice(len(grounds), 2, replace=False))
    event = number % 3
    return list(
        compose(
            ground,
            target,
            rng,
            target if number % 2 else None,
            pillar if event == 0 else None,
            event == 1,
            FRAMES,
            cover_up=cover if event == 2 else None,
        )
    )


def _cutouts(data: Path, rng: np.random.Generator) -> list[Cutout]:
    photographs, found = objects(data / OBJECTS), []
    for index in rng.permutation(len(photographs)):
        whole = next((one for one in map(cut_out, photographs[int(index)]) if one is not None), None)
        found += [] if whole is None else [whole]
        if len(found) == 2:
            break
    return found


def follow(predictor: WCSNetPredictor, frames: list[CompositeFrame]) -> dict[str, list[float]]:
    """Each frame's area of target and mask, in pixels, their J, and whether the target is lost."""
    tracker = predictor.tracker()
    masks: list[NDArray[np.bool_]] = []
    lost = []
    for number, frame in enumerate(frames):
        tracked = tracker.step(frame.image) if number else tracker.start(frame.image, mask=frame.mask)
        masks.append(tracked.mask)
        lost.append(float(tracked.state == "lost"))
    pairs = [(mask, frame.mask) for mask, frame in zip(masks, frames, strict=True)]
    return {
        "target": [float(true.sum()) for _, true in pairs],
        "mask": [float(mask.sum()) for mask, _ in pairs],
        "j": [float((mask & true).sum() / max((mask | true).sum(), 1)) for mask, true in pairs],
        "lost": lost,
    }


def scores(result: dict[str, list[float]]) -> dict[str, list[float]]:
    """lost, found: 1 or 0 for each time that the target was covered or came back; calm: for each frame; j: of those in
    which the target is seen."""
    area, mask, j, lost = (np.array(result[key]) for key in ("target", "mask", "j", "lost"))
    usual = float(np.median(area[area > 0]))
    hidden, back = area < HIDDEN * usual, area > BACK * usual
    out: dict[str, list[float]] = {"lost": [], "found": []}
    for begin in np.flatnonzero(hidden[1:] & ~hidden[:-1]) + 1:
        end = begin + int(np.argmax(np.append(~hidden[begin:], True)))
        if end - begin > WITHIN_LOST:
            out["lost"].append(float(lost[begin : begin + WITHIN_LOST + 1].any()))
        again = end + int(np.argmax(np.append(back[end:], True)))
        if again + WITHIN_FOUND < len(area):
            out["found"].append(float((j[again : again + WITHIN_FOUND + 1] > FOUND).any()))
    out["calm"] = (mask <= FLOOD * np.maximum(area, usual)).astype(float).tolist()
    out["j"] = j[area > HIDDEN * usual].tolist()
    return out


def markdown(name: str, results: list[dict[str, list[float]]]) -> str:
    each = [scores(result) for result in results]
    total = {key: [value for one in each for value in one[key]] for key in ("lost", "found", "calm", "j")}
    cells = [f"{np.mean(values):.3f} ({len(values)})" if values else "" for values in total.values()]
    return "\n".join(
        [
            f"| | lost within {WITHIN_LOST} | found within {WITHIN_FOUND} | no flood | J |",
            "|---|---:|---:|---:|---:|",
            f"| {name} | " + " | ".join(cells) + " |",
        ]
    )


if __name__ == "__main__":
    main()
