"""STANet on composites that it was not trained on: the paper's Tables 1 to 3, and whether sound matters.

    python benchmarks/stanet.py RUN --composites DIR --data ../shared/data [--out FILE]

RUN is the output folder of `sightline train stanet`, DIR one of `sightline data composites` with sounds.

NSS is the mean of the standardised map over the pixels of the tagged object; hit, whether the map's maximum lies on it.
Rows of the tables hold for the frames that get pseudo-fixations in both stages, so that all see the same frames; single
maps are those of the tag whatever is predicted. Share is the mass on the object that sounds, of the mass on both, in
frames of two objects of which one sounds: with its own sound, without, and with the sound of a video of another tag.
Intervals are of 95 % by bootstrap over videos.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from sightline.models import weights
from sightline.models.stanet.config import STANetConfig
from sightline.models.stanet.loading import load_nets, read_config
from sightline.models.stanet.network import ScamNets, STANet
from sightline.models.stanet.predictor import saliency_of
from sightline.models.stanet.scam import crop_box, fuse
from sightline.nn.cam import paste
from sightline.training.recipe import read_recipe
from sightline.training.stanet.recipe import ScamRecipe
from sightline.training.stanet.rows import Clip, Rows, RowStore, maps_of, scaled_box, tagged_videos

Masks = NDArray[np.uint8]
SOURCES = ("S", "ST", "SA", "STA")


def main() -> None:
    """Print the tables, and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--composites", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True, help="what $DATA of the recipe stands for")
    parser.add_argument("--every", type=float, default=1.0, help="seconds between two frames")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    videos = {"videos": str(arguments.composites / "videos"), "tags": str(arguments.composites / "tags.csv")}
    overrides = [f"videos=[{json.dumps(videos)}]", f"every_s={arguments.every}"]
    recipe = read_recipe("stanet", overrides, arguments.data).stages["coarse"]
    assert isinstance(recipe, ScamRecipe)
    nets = load_nets(arguments.run / "fine")
    figures = {**tables(nets, recipe, arguments.composites), **sound(arguments.run, nets, recipe, arguments.composites)}
    text = json.dumps(figures, indent=2)
    print(text)
    if arguments.out is not None:
        arguments.out.write_text(text + "\n")


def tables(nets: ScamNets, recipe: ScamRecipe, root: Path) -> dict[str, object]:
    """NSS and hit rate of every map of Tables 1 to 3."""
    scores: dict[str, list[list[tuple[float, float]]]] = defaultdict(list)
    frames = kept = 0
    truth = Truth(root)
    for clip in _store(nets, recipe, nets.config.coarse_size).clips(tagged_videos(recipe.videos)):
        found = _maps(nets, recipe, clip)
        rows: dict[str, list[tuple[float, float]]] = defaultdict(list)
        for row, frame in enumerate(clip.features.info["frames"]):
            mask = truth.tagged(clip, frame)
            frames += mask is not None
            if mask is None or any(found[f"{stage} SCAM selective"][row].max() == 0 for stage in ("coarse", "fine")):
                continue
            kept += 1
            for name, maps in found.items():
                rows[name].append(_score(maps[row].numpy(), mask))
        for name, own in rows.items():
            scores[name].append(own)
    summary = {name: _summary(own) for name, own in scores.items()}
    return {"frames": frames, "with pseudo-fixations in both stages": kept, "tables": summary}


def _maps(nets: ScamNets, recipe: ScamRecipe, clip: Clip) -> dict[str, Tensor]:
    """Every map of a clip's frames, (N, s, s), by name."""
    config, found = nets.config, {}
    coarse = maps_of(nets, "coarse", clip, clip)
    boxes = [crop_box(fused, clip.size, config) for fused in coarse.fused]
    (crop,) = _store(nets, recipe, config.fine_size).crops([clip], [boxes])
    side = config.coarse_size
    whole = (0, 0, clip.size[1], clip.size[0])
    scaled = [scaled_box(box or whole, clip.size, side) for box in boxes]
    for stage, inside in (("coarse", clip), ("fine", crop)):
        for switch in (True, False):
            nets.config = config.model_copy(update={"audio_switch": switch})
            made = maps_of(nets, "coarse" if stage == "coarse" else "fine", clip, inside)
            some = {"SCAM selective": made.fused}
            if switch:
                average = config.model_copy(update={"fusion": "average"})
                some["SCAM average"] = fuse(made.maps, made.confidences, average)
                some |= {f"CAM {sources}": made.maps[config.nets.index(sources)] for sources in SOURCES}
            for name, maps in some.items():
                placed = maps
                if stage == "fine":
                    placed = torch.stack([paste(m, box, (side, side)) for m, box in zip(maps, scaled, strict=True)])
                found[f"{stage} {name}{'' if switch else ', no switch'}"] = placed
    nets.config = config
    return found


def sound(run: Path, nets: ScamNets, recipe: ScamRecipe, root: Path) -> dict[str, object]:
    """NSS and hit rate of STA, and the share of its mass on what sounds."""
    network = STANet(read_config(STANetConfig, run))
    weights.load_into(network, run)
    network.eval()
    truth = Truth(root)
    clips = _store(nets, recipe, network.config.input_size).clips(tagged_videos(recipe.videos))
    scores: dict[str, list[list[tuple[float, float]]]] = defaultdict(list)
    shares: dict[str, list[float]] = defaultdict(list)
    switch: list[tuple[float, float]] = []
    for number, clip in enumerate(clips):
        other = next(c for c in clips[number + 1 :] + clips[:number] if c.video.tags != clip.video.tags)
        rows, foreign = clip.rows(), other.rows(np.arange(len(clip)) % len(other))
        silent = torch.zeros(len(clip))
        maps = {
            "true": sta_maps(network, rows, rows.audio, rows.sound),
            "muted": sta_maps(network, rows, rows.audio, silent),
            "swapped": sta_maps(network, rows, foreign.audio, foreign.sound),
        }
        with torch.inference_mode():
            assert network.switch is not None
            match, *_ = network.switch(rows.level4[:, 1], rows.level5[:, 1], rows.audio)
        own: dict[str, list[float]] = defaultdict(list)
        scored: dict[str, list[tuple[float, float]]] = defaultdict(list)
        for row, frame in enumerate(clip.features.info["frames"]):
            mask = truth.tagged(clip, frame)
            pair = truth.pair(clip, frame)
            switch.append((float(match[row] > 0), float(rows.switch[row])))
            for name, values in maps.items():
                if mask is not None:
                    scored[name].append(_score(values[row].numpy(), mask))
                if pair is not None:
                    on, off = (_mass(values[row].numpy(), one) for one in pair)
                    own[name].append(on / max(on + off, 1e-12))
        for name in maps:
            if scored[name]:
                scores[name].append(scored[name])
            if own[name]:
                shares[name].append(float(np.mean(own[name])))
    means = {name: [round(float(np.mean(own)), 3), *_interval(own)] for name, own in shares.items()}
    paired = np.array(shares["true"]) - np.array(shares["swapped"])
    muted = np.array(shares["true"]) - np.array(shares["muted"])
    agree = np.array(switch)
    return {
        "STA": {name: _summary(own) for name, own in scores.items()},
        "share on what sounds": means,
        "true - swapped": [round(float(paired.mean()), 3), *_interval(paired)],
        "true - muted": [round(float(muted.mean()), 3), *_interval(muted)],
        "videos of two objects": len(paired),
        "switch as the tagger says": round(float((agree[:, 0] == agree[:, 1]).mean()), 3),
        "tagger's switch on": round(float(agree[:, 1].mean()), 3),
    }


@torch.inference_mode()
def sta_maps(network: STANet, rows: Rows, audio: Tensor, has_sound: Tensor) -> Tensor:
    """STA's maps (N, s, s) with some sound."""
    level3, level4, level5 = rows.level3, rows.level4, rows.level5
    switch, places = network.switched(level4[:, 1], level5[:, 1], audio, has_sound)
    spatial = network.spatial(level4.flatten(0, 1), level5.flatten(0, 1)).unflatten(0, (-1, 3))
    side = network.config.input_size
    logits = network.add_matches(network(spatial, level3, level4[:, 1], audio, switch), places, switch)
    return saliency_of(logits, (side, side))[:, 0]


class Truth:
    """What a set of composites says of its frames."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.rows: dict[tuple[str, int], list[dict[str, str]]] = defaultdict(list)
        with (root / "truth.csv").open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                self.rows[Path(row["video"]).stem, int(row["frame"])].append(row)

    def tagged(self, clip: Clip, frame: int) -> Masks | None:
        """The mask of the object of the video's tag; None where it is not seen."""
        found = [row for row in self._of(clip, frame) if row["tag"] in clip.video.tags]
        return self._mask(clip, frame, found[0]) if found else None

    def pair(self, clip: Clip, frame: int) -> tuple[Masks, Masks] | None:
        """Masks of what sounds and what does not; None unless there is one of each."""
        found = sorted(self._of(clip, frame), key=lambda row: row["sounding"], reverse=True)
        if [row["sounding"] for row in found] != ["1", "0"]:
            return None
        return self._mask(clip, frame, found[0]), self._mask(clip, frame, found[1])

    def _of(self, clip: Clip, frame: int) -> list[dict[str, str]]:
        return self.rows[clip.video.path.stem, frame]

    def _mask(self, clip: Clip, frame: int, row: dict[str, str]) -> Masks:
        with Image.open(self.root / "masks" / clip.video.path.stem / f"{frame:05d}.png") as picture:
            return (np.asarray(picture) == int(row["object"])).astype(np.uint8)


def _resized(values: NDArray[np.float32], mask: Masks) -> NDArray[np.float32]:
    return np.asarray(Image.fromarray(values).resize(mask.shape[::-1], Image.Resampling.BILINEAR))


def _score(values: NDArray[np.float32], mask: Masks) -> tuple[float, float]:
    """(NSS, hit) of a map."""
    whole = _resized(values, mask)
    standard = (whole - whole.mean()) / max(float(whole.std()), 1e-9)
    return float(standard[mask > 0].mean()), float(mask[np.unravel_index(int(whole.argmax()), whole.shape)])


def _mass(values: NDArray[np.float32], mask: Masks) -> float:
    return float(_resized(values, mask)[mask > 0].sum())


def _summary(scores: Sequence[Sequence[tuple[float, float]]]) -> dict[str, object]:
    """Means over videos."""
    means = np.array([np.mean(own, axis=0) for own in scores])
    return {
        "NSS": [round(float(means[:, 0].mean()), 3), *_interval(means[:, 0])],
        "hit": [round(float(means[:, 1].mean()), 3), *_interval(means[:, 1])],
        "videos": len(means),
    }


def _interval(values: Sequence[float] | NDArray[np.float64], draws: int = 2000) -> list[float]:
    """2.5 and 97.5 % of the mean, by bootstrap."""
    every = np.asarray(values, np.float64)
    chosen = np.random.default_rng(0).integers(len(every), size=(draws, len(every)))
    return [round(float(edge), 3) for edge in np.quantile(every[chosen].mean(axis=1), (0.025, 0.975))]


def _store(nets: ScamNets, recipe: ScamRecipe, size: int) -> RowStore:
    return RowStore(nets.encoders, nets.config, recipe, size)


if __name__ == "__main__":
    main()
