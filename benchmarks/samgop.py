"""SamGOP over folds of GOO's development scenes, on photographs of who looks at what, its rules and its speed.

    python benchmarks/samgop.py folds --data ../shared/data --out runs/samgop           # trains and scores five folds
    python benchmarks/samgop.py folds ... --seed 1 --detectors fold-seed0               # towers and gaze, anew
    python benchmarks/samgop.py folds ... --name no-energy --detectors fold-seed0 --towers fold-seed0 \\
        --set weights.energy=0                                                          # an ablation of gaze
    python benchmarks/samgop.py rules --data ../shared/data --only 0                    # which object: the alternatives
    python benchmarks/samgop.py looking --data ../shared/data [--weights DIR] [--no-saliency]   # never trained on
    python benchmarks/samgop.py speed [--weights DIR]

A fold of goo_synth_dev is every fifth scene. Photographs of goo_real_dev that look alike (correlation of thumbnails
above 0.9) stand in one fold. Objects count without their class unless a key says `class`. Scores are of the protocol
`goo`; a picture without a head has no gaze target and is counted by `heads`. `given_` is of the true head, given.
`out` is how often a target is said to be out of the picture: where it is in view, and where it is cut away (`out_cut`).
Stages that are done are not done again: a run that was stopped goes on with the same command.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image

from sightline.data.looking import read_goo, read_looking
from sightline.data.samples import LookingImage
from sightline.metrics.coco import AveragePrecision, Objects, encode_mask
from sightline.metrics.functional import gaze
from sightline.models.samgop.gaze import Heads
from sightline.models.samgop.losses import gaussian
from sightline.models.samgop.postprocess import looked_at, to_image
from sightline.models.samgop.predictor import SamGOPPredictor
from sightline.models.weights import find_weights
from sightline.nn.boxes import to_cxcywh
from sightline.training.recipe import read_recipe
from sightline.training.run import has_begun, train
from sightline.types import Box, Frame

FOLDS = 5
ALIKE = 0.9
SETS = ("goo_synth_dev", "goo_real_dev")
SHARES = (1.5, 0.75)
DETECTOR, TOWERS = ("products", "objects"), ("directions", "shoppers", "twin")
"""Stages of the recipe before `gaze`, the last."""
LOW = 0.05
"""Score from which objects count here, for whole curves of precision."""


def folds_of(pictures: Sequence[LookingImage], alike: bool) -> list[list[str]]:
    """Names of the pictures of each fold. alike: keep those that look alike together."""
    if not alike:
        return [[one.name for one in pictures[fold::FOLDS]] for fold in range(FOLDS)]
    thumbs = []
    for one in pictures:
        grey = np.asarray(Image.fromarray(one.load()).convert("L").resize((32, 18)), np.float64).ravel()
        thumbs.append((grey - grey.mean()) / grey.std())
    near = np.array(thumbs) @ np.array(thumbs).T / len(thumbs[0]) > ALIKE
    group = np.arange(len(pictures))
    for row, column in zip(*near.nonzero(), strict=True):
        group[group == group[column]] = group[row]
    folds: list[list[str]] = [[] for _ in range(FOLDS)]
    for number in sorted(set(group), key=lambda g: -(group == g).sum()):
        smallest = min(folds, key=len)
        smallest += [pictures[k].name for k in np.flatnonzero(group == number)]
    return folds


def all_folds(data: Path) -> dict[str, list[list[str]]]:
    return {name: folds_of(read_goo(data / "gaze_objects" / name), name == "goo_real_dev") for name in SETS}


def trained(folder: Path, changes: Sequence[str], data: Path) -> Path:
    """A folder of weights, trained by the recipe with changes where they are not there yet."""
    if not (folder / "model.safetensors").is_file():
        chain = read_recipe("samgop", changes, data)
        train(chain, folder, resume=has_begun(chain, folder), validate_every=50)
    return folder


def train_fold(
    data: Path,
    out: Path,
    name: str,
    fold: int,
    seed: int,
    changes: Sequence[str],
    detectors: str | None = None,
    towers: str | None = None,
) -> Path:
    """The weights of a fold. The stage `directions`, which sees no scene, is trained once for all folds of a seed.

    detectors, towers: names, with the seed, of folds whose detectors, or towers, are taken and not trained.
    """
    skip = {key: folds[fold] for key, folds in all_folds(data).items()}
    scenes = [
        {"root": str(data / "gaze_objects" / key), "share": share, "skip": skip[key]}
        for key, share in zip(SETS, SHARES, strict=True)
    ]
    own = [f"seed={seed}", f"scenes={json.dumps(scenes)}"]
    taken = {part: f"{out / detectors}-{fold}" for part in ("features", "detector") if detectors}
    if towers:
        taken |= dict.fromkeys(("gaze.tower", "gaze.twin"), f"{out / towers}-{fold}")
        own += [f"stages.{stage}=null" for stage in TOWERS]
    else:
        others = (*DETECTOR, "shoppers", "twin", "gaze")
        alone = [f"seed={seed}", *(f"stages.{stage}=null" for stage in others)]
        directions = trained(out / f"directions-seed{seed}", alone, data)
        first = {"gaze.twin": {"weights": str(directions), "module": "gaze.tower"}}
        own += ["stages.directions=null", f"stages.shoppers.init={directions}"]
        own.append(f"stages.twin.parts={json.dumps(first)}")
        taken |= dict.fromkeys(("gaze.tower", "gaze.twin"), "$OUT/twin")
    if detectors:
        own += [*(f"stages.{stage}=null" for stage in DETECTOR), "stages.gaze.init=null"]
    own.append(f"stages.gaze.parts={json.dumps(taken)}")
    return trained(out / f"{name}-seed{seed}-{fold}", [*own, *changes], data)


def predictor(folder: Path | str) -> SamGOPPredictor:
    return SamGOPPredictor(find_weights(folder), torch.device("cpu"))


def lowered(made: SamGOPPredictor) -> SamGOPPredictor:
    """The same, with every object that has any score, and every label."""
    rules = made.network.config.rules.model_copy(update={"object_score": LOW, "label_score": 0.0})
    made.network.config = made.network.config.model_copy(update={"rules": rules})
    return made


def iou(first: Sequence[float], second: Sequence[float]) -> float:
    low, high = np.maximum(first[:2], second[:2]), np.minimum(first[2:], second[2:])
    common = np.clip(high - low, 0, None).prod()
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (first, second)]
    return float(common / (sum(areas) - common))


class Scores:
    """What a set of pictures scores. Each `add` is one picture and what was predicted for it."""

    def __init__(self, labels: Sequence[str]) -> None:
        self.labels = {label: number for number, label in enumerate(labels)}
        keys = ("heads", "auc", "distance", "angle", "direct_angle", "given_angle", "given_distance", "object")
        self.gaze: dict[str, list[float]] = {key: [] for key in (*keys, "out", "out_cut")}
        self.inside: list[tuple[float, float]] = []
        self.objects: list[tuple[Objects, Objects]] = []
        self.heads: list[tuple[Objects, Objects]] = []

    def add(self, truth: LookingImage, frame: Frame, given: Frame, cut: Frame | None = None) -> None:
        """frame: what was found. given: the same with the true head given, which tells what the found one costs.

        cut: the same of the picture without the target, see `without_target`.
        """
        (height, width), person = truth.size, truth.people[0]
        assert person.head is not None
        assert frame.mask is not None
        assert truth.boxes is not None
        overlaps = [iou(one.head, person.head) for one in frame.people]
        best = frame.people[int(np.argmax(overlaps))] if overlaps else None
        self.gaze["heads"].append(float(max(overlaps, default=0) > 0.5))
        found = Objects(
            truth.size,
            [one.box for one in frame.objects],
            [self.labels.get(one.label, -1) for one in frame.objects],
            [one.score for one in frame.objects],
            [encode_mask(frame.mask == one.number) for one in frame.objects],
        )
        masks = truth.masks()
        true = Objects(truth.size, truth.boxes.tolist(), [self.labels.get(one, -1) for one in truth.labels])
        if masks is not None:
            true.masks = [encode_mask(mask) for mask in masks]
        self.objects.append((true, found))
        heads = Objects(
            truth.size,
            [one.head for one in frame.people],
            [0] * len(frame.people),
            [one.head_score for one in frame.people],
        )
        self.heads.append((Objects(truth.size, [person.head], [0]), heads))
        if person.target is None:
            return
        size = torch.tensor([width, height], dtype=torch.float64)
        gt, eye = (
            torch.tensor(person.target).double() / size,
            torch.tensor(person.eye or _middle(person.head)).double() / size,
        )
        point = torch.tensor(given.details.points[0]).double()
        self.gaze["given_distance"].append(float(gaze.distance(point, gt)))
        self.gaze["given_angle"].append(float(gaze.angular_error(point, gt, eye, damping=1e-6)))
        if cut is not None:
            self.inside.append((float(given.details.inside[0]), float(cut.details.inside[0])))
            self.gaze["out"].append(float(given.people[0].target is None))
            self.gaze["out_cut"].append(float(cut.people[0].target is None))
        if best is None:
            return
        heat = torch.from_numpy(frame.details.heat[best.number - 1])
        self.gaze["auc"].append(float(gaze.grid_auc(heat, gt)))
        point = torch.tensor(frame.details.points[best.number - 1]).double()
        self.gaze["distance"].append(float(gaze.distance(point, gt)))
        self.gaze["angle"].append(float(gaze.angular_error(point, gt, eye, damping=1e-6)))
        along = torch.from_numpy(frame.details.directions[best.number - 1]).double() / size * 100
        middle = torch.tensor(_middle(best.head)).double() / size
        self.gaze["direct_angle"].append(float(gaze.angular_error(middle + along, gt, middle)))
        if person.object is not None:
            chosen = next((one.box for one in frame.objects if one.number == best.object), None)
            self.gaze["object"].append(float(chosen is not None and iou(chosen, truth.boxes[person.object]) > 0.5))

    def table(self) -> dict[str, float]:
        rows = {key: float(np.mean(values)) for key, values in self.gaze.items() if values}
        if self.inside:
            whole, cut = np.array(self.inside).T
            rows["inside_auc"] = float((whole[:, None] > cut[None]).mean())
        rows["head_ap50"] = _precision(self.heads, "box iou", "50")
        free = [tuple(_classless(one) for one in pair) for pair in self.objects]
        rows["ap50"], rows["ap"] = (_precision(free, "box iou", key) for key in ("50", "mean"))
        rows["class_ap50"] = _precision(self.objects, "box iou", "50")
        rows["msoc"] = _precision(free, "box soc inclusive", "mean")
        if any(true.masks for true, _ in self.objects):
            rows["mask_ap50"], rows["mask_ap"] = (_precision(free, "mask iou", key) for key in ("50", "mean"))
            rows["mask_msoc"] = _precision(free, "mask box soc", "mean")
        return rows


def without_target(image: np.ndarray, head: Sequence[float], target: Sequence[float]) -> tuple[np.ndarray, Box] | None:
    """The part of a picture on the head's side of the line halfway to the target, and the head in it; None where the
    target is beside the head in both directions."""
    axis = int(np.argmax(np.abs(np.array(target) - _middle(head))))
    low, high = head[axis], head[axis + 2]
    if low <= target[axis] <= high:
        return None
    line = round(((high if target[axis] > high else low) + target[axis]) / 2)
    part, corner = (slice(None, line), 0) if target[axis] > high else (slice(line, None), line)
    (x1, y1, x2, y2), (dx, dy) = head, (corner, 0) if axis == 0 else (0, corner)
    return np.ascontiguousarray(image[:, part] if axis == 0 else image[part]), (x1 - dx, y1 - dy, x2 - dx, y2 - dy)


def _middle(box: Sequence[float]) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def _classless(one: Objects) -> Objects:
    return Objects(one.size, one.boxes, [0] * len(one.boxes), one.scores, one.masks)


def _precision(pairs: Sequence[Any], likeness: str, key: str) -> float:
    truth, found = zip(*pairs, strict=True)
    if not likeness.startswith("mask"):
        truth = tuple(Objects(one.size, one.boxes, one.labels) for one in truth)
        found = tuple(Objects(one.size, one.boxes, one.labels, one.scores) for one in found)
    return AveragePrecision(truth, found, likeness).scores()[key]


def score_folds(given: argparse.Namespace) -> None:
    data, folds = given.data, all_folds(given.data)
    total: dict[str, Scores] = {}
    for fold in given.only:
        folder = train_fold(data, given.out, given.name, fold, given.seed, given.changes, given.detectors, given.towers)
        made = lowered(predictor(folder))
        own: dict[str, dict[str, float]] = {}
        for key in given.sets:
            pictures = [one for one in read_goo(data / "gaze_objects" / key) if one.name in folds[key][fold]]
            scores = Scores(made.network.config.labels)
            whole = total.setdefault(key, Scores(made.network.config.labels))
            for one in pictures:
                assert one.people[0].head is not None
                image = one.load()
                frame = next(made.predict(image))
                asked = next(made.predict(image, heads=[one.people[0].head]))
                cut = _cut(made, one, image)
                scores.add(one, frame, asked, cut)
                whole.add(one, frame, asked, cut)
            own[key] = scores.table()
        (folder / "scores.json").write_text(json.dumps(own, indent=2))
        print(f"fold {fold}", json.dumps({k: _short(v) for k, v in own.items()}), flush=True)
    for key, scores in total.items():
        print(f"{given.name} {key} over folds {list(given.only)}: {json.dumps(_short(scores.table()))}", flush=True)


def _cut(made: SamGOPPredictor, one: LookingImage, image: np.ndarray) -> Frame | None:
    """What is said of the person of a picture whose target is cut away."""
    head, target = one.people[0].head, one.people[0].target
    left = None if head is None or target is None else without_target(image, head, target)
    return None if left is None else next(made.predict(left[0], heads=[left[1]]))


def _short(values: dict[str, float]) -> dict[str, float]:
    return {key: round(value, 4) for key, value in values.items()}


def rules(data: Path, folder: str, fold: int) -> None:
    """Which object: the rules on a fold, of true and of found objects, by the true heatmap and ours."""
    made = predictor(folder)
    scenes = [one for one in read_goo(data / "gaze_objects" / SETS[0]) if one.name in all_folds(data)[SETS[0]][fold]]
    choices = [("mask", 0.0), ("mask", 0.5), ("mask", 1.0), ("box", 0.0), ("box", 0.5), ("box", 1.0), ("point", 0.5)]
    hits: dict[str, list[list[bool]]] = {f"{kind} {power}": [] for kind, power in choices}
    with torch.no_grad():
        for one in scenes:
            person = one.people[0]
            if person.target is None or person.object is None or one.boxes is None or person.head is None:
                continue
            size = torch.tensor(one.size[::-1])
            images = to_image(one.load(), made.network.config.input_size)
            seen = made.network.see(images)
            found = made._objects(seen)
            box = to_cxcywh(torch.tensor([person.head]) / size.repeat(2)).float()
            asked = Heads(box, torch.zeros(1, dtype=torch.int64))
            heat = made.network.look(images, seen, asked, made._saliency(images)).heat[0].numpy()
            true_heat = gaussian(torch.tensor([person.target]) / size, len(heat))[0].numpy()
            corners = (one.boxes / np.tile(size.numpy(), 2)).astype(np.float32)
            masks = np.stack([shrunk(mask, found.masks.shape[1:]) for mask in one.masks()])  # type: ignore[union-attr]
            true = (masks, corners, np.ones(len(corners), np.float32))
            ours = (found.masks, found.boxes, found.scores)
            for kind, power in choices:
                own = made.network.config.rules.model_copy(update={"selection": kind, "selection_power": power})
                row = []
                for probabilities, boxes, scores in (true, ours):
                    for one_heat in (true_heat, heat):
                        values = looked_at(one_heat, probabilities, boxes, scores, own)
                        best = int(values.argmax()) if len(values) and values.max() > 0 else -1
                        row.append(best >= 0 and iou(boxes[best].tolist(), corners[person.object].tolist()) > 0.5)
                hits[f"{kind} {power}"].append(row)
    print("the right object of         true objects          found objects")
    print("by the heatmap             true     ours        true     ours")
    for name, rows in hits.items():
        print(f"{name:24s}", *(f"{share:8.3f}" for share in np.mean(np.array(rows, float), axis=0)))


def shrunk(mask: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A mask as shares of cells, (h, w) float32."""
    return cv2.resize(mask.astype(np.float32), (shape[1], shape[0]), interpolation=cv2.INTER_AREA)


def looking(data: Path, folder: str, saliency: bool) -> None:
    """Photographs of who looks at what: with heads that are found, with true ones, and beside simple guesses."""
    made = predictor(folder)
    eyes = made.sight
    if not saliency:
        made.sight = None
    rows: dict[str, list[float]] = {}

    def note(name: str, point: np.ndarray, target: np.ndarray, box: np.ndarray) -> None:
        rows.setdefault(f"{name}distance", []).append(float(np.linalg.norm(point - target)))
        rows.setdefault(f"{name}hit", []).append(float((box[:2] <= point).all() and (point <= box[2:]).all()))

    for one in read_looking(data / "gaze_objects" / "looking_dev"):
        (height, width), person = one.size, one.people[0]
        assert person.head is not None
        assert person.target is not None
        assert one.boxes is not None
        size, image = np.array([width, height]), one.load()
        target, box = np.array(person.target) / size, one.boxes[0] / np.tile(size, 2)
        aimed = np.array(person.target) - _middle(person.head)
        frame, given = next(made.predict(image)), next(made.predict(image, heads=[person.head]))
        overlaps = [iou(found.head, person.head) for found in frame.people]
        rows.setdefault("missed", []).append(float(max(overlaps, default=0) < 0.5))
        rows.setdefault("people", []).append(len(overlaps))
        rows.setdefault("named", []).append(sum(bool(thing.label) for thing in frame.objects))
        note("centre_", np.full(2, 0.5), target, box)
        if eyes is not None:
            drawn = eyes(to_image(image, made.network.config.input_size))[0, 0].numpy()
            row, column = np.unravel_index(int(drawn.argmax()), drawn.shape)
            peak = np.array([(column + 0.5) / drawn.shape[1], (row + 0.5) / drawn.shape[0]])
            note("egnet_", peak, target, box)
        found = int(np.argmax(overlaps)) if max(overlaps, default=0) >= 0.5 else None
        for name, seen in (("out", given), ("out_cut", _cut(made, one, image))):
            if seen is not None:
                rows.setdefault(name, []).append(float(seen.people[0].target is None))
        for name, own, place in (("", frame, found), ("given_", given, 0)):
            if place is None:
                continue
            note(name, np.array(own.details.points[place]), target, box)
            turned = own.details.directions[place]
            cosine = float(aimed @ turned / np.linalg.norm(aimed) / np.linalg.norm(turned))
            rows.setdefault(f"{name}angle", []).append(float(np.degrees(np.arccos(np.clip(cosine, -1, 1)))))
    print("looking_dev:", json.dumps(_short({key: float(np.mean(values)) for key, values in rows.items()})))


def speed(folder: str) -> None:
    """Frames a second at 640x480 and the time of the bare backbone."""
    made = predictor(folder)
    image = np.asarray(
        Image.fromarray(np.random.default_rng(0).integers(0, 255, (12, 16, 3), np.uint8)).resize((640, 480))
    )
    list(made.predict(np.stack([image] * 2)))
    start = time.perf_counter()
    count = len(list(made.predict(np.stack([image] * 20))))
    whole = (time.perf_counter() - start) / count
    x = torch.rand(1, 3, 288, 384)
    with torch.no_grad():
        made.network.features.backbone(x)
        start = time.perf_counter()
        for _ in range(10):
            made.network.features.backbone(x)
    bare = (time.perf_counter() - start) / 10
    print(
        f"{1 / whole:.1f} frames/s with {torch.get_num_threads()} threads; {whole / bare:.2f} times the bare backbone"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("folds", "rules", "looking", "speed"))
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("runs/samgop"))
    parser.add_argument("--name", default="fold")
    parser.add_argument("--only", type=int, nargs="*", default=list(range(FOLDS)))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--detectors", metavar="NAME", help="take the detectors of these folds (fold-seed0)")
    parser.add_argument("--towers", metavar="NAME", help="take the towers of these folds (fold-seed0)")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=SETS, help="what is scored")
    parser.add_argument("--set", dest="changes", action="append", default=[])
    parser.add_argument("--weights", default="samgop")
    parser.add_argument("--no-saliency", dest="saliency", action="store_false", help="looking: without EG-Net's map")
    given = parser.parse_args()
    if given.what == "folds":
        score_folds(given)
    elif given.what == "rules":
        rules(given.data, given.weights, given.only[0])
    elif given.what == "looking":
        looking(given.data, given.weights, given.saliency)
    else:
        speed(given.weights)


if __name__ == "__main__":
    main()
