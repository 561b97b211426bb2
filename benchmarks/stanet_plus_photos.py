"""SCAM+ on photographs: what cross-term context does for pseudo-fixations from tags, where nothing moves or sounds.

    python benchmarks/stanet_plus_photos.py --data ../shared/data --out runs/plus-photos [--seeds 3] [--photographs 200]

Photographs, tags, nets and scores are those of benchmarks/stanet_photos.py. A photograph has no short- and no long-term
context, no motion and no sound: of the eleven maps of Eq. 8 it has S and S+ cross, whose context are other photographs
of its set with a tag in common, drawn with a seed. SCAM+ fuses both. S+ cross is trained on the crops of the training
photographs, every node asked for its own tags; OSIE's development half is scored, on the photographs that
have all maps.
--without-refine trains and scores S+ cross without the fixation refine layer.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from sightline.fixations import fixation_counts
from sightline.metrics.functional.fixation import nss
from sightline.models.stanet import losses
from sightline.models.stanet.network import ScamNets
from sightline.models.stanet.scam import StageMaps, stage_maps
from sightline.models.stanet_plus.config import ScamPlusConfig, Term
from sightline.models.stanet_plus.graph import GraphConfig
from sightline.models.stanet_plus.nets import ScamPlusNets, plus_maps
from sightline.nn import cam
from sightline.progress import track
from stanet_photos import Photo, box_of, cropped, options_of, prepared, rows, summary, taught

BATCH = 8
PAIRS = (("S refined", "S"), ("S+ cross", "S"), ("SCAM+", "S"), ("SCAM+", "S+ cross"))


def main() -> None:
    """Print the table, and keep the figures."""
    parser = options_of(__doc__)
    parser.add_argument("--without-refine", action="store_true")
    options = parser.parse_args()
    backbone, train, scored, figures = prepared(options.data, options.photographs)
    found = []
    for seed in range(options.seeds):
        nets, _, crops = taught(backbone, train, options.steps, seed)
        plus = learn_context(nets, crops, options.steps, seed, refine=not options.without_refine)
        found.append(scores(plus, scored))
        figures[f"NSS of seed {seed}"] = summary([found[-1]], PAIRS)
        print(json.dumps(figures[f"NSS of seed {seed}"]), flush=True)
    figures["NSS"] = summary(found, PAIRS)
    text = json.dumps(figures, indent=2)
    print(text)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "photos.json").write_text(text + "\n")


@torch.inference_mode()
def fine(nets: ScamNets, crop: Photo) -> StageMaps:
    """What SCAM's last stage makes of a crop."""
    _, level4, level5, tags, off = rows([crop])
    return stage_maps(nets, "fine", level4, level5, torch.zeros(1, nets.encoders.audio.size), off, tags)


def beside(photos: Sequence[Photo], number: int, count: int, generator: np.random.Generator) -> list[int]:
    """Other photographs with a tag in common, at random; none where there are none."""
    own = photos[number].tags
    others = [n for n, photo in enumerate(photos) if n != number and bool((photo.tags * own).any())]
    return [int(n) for n in generator.choice(others, count, replace=len(others) < count)] if others else []


def learn_context(nets: ScamNets, crops: Sequence[Photo], steps: int, seed: int, refine: bool) -> ScamPlusNets:
    """S+ cross on top of SCAM's nets, as `sightline train stanet-plus` does: the rest stays as it is."""
    config = ScamPlusConfig(
        scam=nets.config, graph=GraphConfig(pool=2, refine=refine), nets=("S+ cross",), maps=("S", "S+ cross")
    )
    plus = ScamPlusNets(config, nets.encoders.backbone, nets.encoders.audio)
    plus.begin_with(nets)
    features = torch.cat([fine(nets, crop).features[0] for crop in crops]).clone()
    tags = torch.cat([crop.tags for crop in crops])
    generator = np.random.default_rng(seed)
    net = plus.net("S+ cross").train()
    optimiser = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=5e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in track(range(steps), "S+ cross"):
        nodes: list[list[int]] = []
        while len(nodes) < BATCH:
            number = int(generator.integers(len(crops)))
            context = beside(crops, number, config.graph.nodes, generator)
            nodes += [[number, *context]] if context else []
        chosen = torch.tensor(nodes)
        logits, _states = net(features[chosen])
        optimiser.zero_grad()
        losses.tag_loss(logits.flatten(0, 1), tags[chosen].flatten(0, 1), several=True).backward()
        optimiser.step()
        schedule.step()
    return plus.eval()


def scores(plus: ScamPlusNets, photos: Sequence[Photo]) -> dict[str, list[float]]:
    """NSS of every map of every photograph; NaN where there is no map."""
    config, nets, backbone = plus.config, plus.scam, plus.scam.encoders.backbone
    boxes = [box_of(nets, photo) for photo in photos]
    crops = [cropped(photo, box, backbone) for photo, box in zip(track(photos, "Crops"), boxes, strict=True)]
    made = [fine(nets, crop) for crop in crops]
    generator = np.random.default_rng(0)
    refining = config.model_copy(update={"maps": ("S", "S refined", "S+ cross")})
    found: dict[str, list[float]] = {}
    for number, photo in enumerate(track(photos, "Scores")):
        counts = torch.from_numpy(fixation_counts(photo.sample.fixations_at(*photo.size), photo.size))
        context = beside(crops, number, config.graph.nodes, generator)
        contexts: dict[Term, Tensor] = (
            {"cross": torch.stack([made[n].features for n in context], dim=2)} if context else {}
        )
        plus.config = refining
        with torch.inference_mode():
            maps = plus_maps(plus, made[number], contexts, photo.tags)
        there: dict[str, Tensor] = {str(name): values[0] for name, values in maps.maps.items()}
        there["SCAM+"] = maps.fused(config)[0]
        box = boxes[number]
        for name in ("S", "S refined", "S+ cross", "SCAM+"):
            values = cam.paste(there[name], box, photo.size) if box and name in there else torch.zeros(photo.size)
            found.setdefault(name, []).append(float(nss(values.double(), counts)))
    return found


if __name__ == "__main__":
    main()
