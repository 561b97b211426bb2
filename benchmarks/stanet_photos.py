"""STANet's pseudo-fixations on photographs: tags from a public classifier, scored on photographs of other viewers.

    python benchmarks/stanet_photos.py --data ../shared/data --out runs/photos [--seeds 3] [--photographs 200]

Tags of MIT1003 and EyeCrowd are the classes that DeepLab (PASCAL VOC) finds on a hundredth of a photograph or more. A
photograph has neither sound nor motion, so SCAM has one net, S, in two stages. OSIE's development half, which no net
here saw, is scored by NSS: the classic class activation map of S, SCAM coarse and fine, which are given OSIE's tags by
the same classifier, and the STA network, which learned from the pseudo-fixations of the training photographs and is
given none. --photographs N takes N of each set, evenly spread. Photographs without a tag have no map: they are counted
and left out of all rows. Intervals are of 95 %, by bootstrap over photographs. Writes the pseudo-fixations of the
training photographs to OUT/pseudo/<set>/<image>.png.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sightline.data.files import load_image
from sightline.data.image_fixations import images
from sightline.data.samples import FixationImage
from sightline.fixations import fixation_counts
from sightline.metrics.functional.density import gaussian_density
from sightline.metrics.functional.fixation import nss
from sightline.models.stanet import losses
from sightline.models.stanet.config import ScamConfig, STANetConfig
from sightline.models.stanet.network import Levels, ScamNets, STANet
from sightline.models.stanet.predictor import saliency_of
from sightline.models.stanet.scam import Box, Stage, crop_box, stage_maps
from sightline.models.stanet.windows import fitted, squares
from sightline.nn import cam
from sightline.nn.audiovisual import FRAMES, TagNet
from sightline.nn.backbones import Backbone, build_backbone
from sightline.nn.blocks import resize
from sightline.nn.naming import BACKBONE, PRESENCE, VOC
from sightline.progress import track
from sightline.results.png import write_map

TRAINED = ("mit1003", "eyecrowd")
SIDE = 288
"""Area of the input as the side of a square, pixels: fewer than the recipe's, for speed."""
CENTRE = 0.25
"""Standard deviation of the centre prior, in widths and heights of the picture."""
BATCH = 16
PAIRS = (("SCAM fine", "CAM S, classic"), ("SCAM fine", "centre prior"), ("STA, without tags", "SCAM fine"))
"""Maps whose difference is told: the first less the second."""


class Photo(NamedTuple):
    """A photograph after the frozen backbone, float16; tags: (1, K). size: (height, width) of the file."""

    sample: FixationImage
    size: tuple[int, int]
    levels: Levels
    tags: Tensor


def main() -> None:
    """Print the table, and keep the figures."""
    options = options_of(__doc__).parse_args()
    backbone, train, scored, figures = prepared(options.data, options.photographs)
    found = []
    for seed in range(options.seeds):
        nets, boxes, crops = taught(backbone, train, options.steps, seed)
        pseudo = [fine_map(nets, photo, box, crop) for photo, box, crop in zip(train, boxes, crops, strict=True)]
        if seed == 0:
            for photo, values in zip(train, pseudo, strict=True):
                place = options.out / "pseudo" / photo.sample.image_path.parents[1].name
                place.mkdir(parents=True, exist_ok=True)
                write_map(place / f"{photo.sample.image_path.stem}.png", values.numpy())
        student = learn_fixations(nets, train, pseudo, options.steps, seed)
        found.append(scores(nets, student, scored))
        print(json.dumps({name: round(float(np.nanmean(v)), 3) for name, v in found[-1].items()}), flush=True)
        figures[f"NSS of seed {seed}"] = summary([found[-1]])
    figures["NSS"] = summary(found)
    text = json.dumps(figures, indent=2)
    print(text)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "photos.json").write_text(text + "\n")


def options_of(about: str | None) -> argparse.ArgumentParser:
    """What every benchmark on these photographs is told."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--steps", type=int, default=150, help="of each net")
    parser.add_argument("--photographs", type=int, help="of each set, evenly spread; all where it is not given")
    return parser


def prepared(data: Path, count: int | None) -> tuple[Backbone, list[Photo], list[Photo], dict[str, object]]:
    """The frozen backbone, the photographs with a tag to train on and to score, and how many there are."""
    deeplab = build_backbone(BACKBONE, data / "weights/deeplabv3_mobilenet_v2_1.0_513").eval()
    backbone = build_backbone("mobilenet-v2-1280", data / "weights/mobilenet_v2_1.0_224").eval()
    kept, figures = {}, dict[str, object]()
    for name in (*TRAINED, "osie_dev"):
        photos = encoded(spread(images(data / "image_fixations" / name), count), backbone, deeplab, name)
        kept[name] = [photo for photo in photos if photo.tags.any()]
        figures[name] = {"photographs": len(photos), "with a tag": len(kept[name])}
    return backbone, [photo for name in TRAINED for photo in kept[name]], kept["osie_dev"], figures


def taught(
    backbone: Backbone, train: Sequence[Photo], steps: int, seed: int
) -> tuple[ScamNets, list[Box | None], list[Photo]]:
    """Both stages of SCAM on tags, and where the coarse one looks: boxes and crops of the photographs."""
    torch.manual_seed(seed)
    config = ScamConfig(
        nets=("S",), maps=("S",), tags=VOC, several_tags=True, audio_switch=False, coarse_size=SIDE, fine_size=256
    )
    nets = ScamNets(config, backbone)
    learn_tags(nets, "coarse", train, steps, seed)
    boxes = [box_of(nets, photo) for photo in train]
    crops = [cropped(photo, box, backbone) for photo, box in zip(track(train, "Crops"), boxes, strict=True)]
    learn_tags(nets, "fine", crops, steps, seed)
    return nets, boxes, crops


def spread(samples: Sequence[FixationImage], count: int | None) -> Sequence[FixationImage]:
    """`count` samples from the first to the last, or all."""
    if count is None or count >= len(samples):
        return samples
    return [samples[i] for i in np.linspace(0, len(samples) - 1, count).round().astype(int)]


@torch.inference_mode()
def encoded(samples: Sequence[FixationImage], backbone: nn.Module, deeplab: nn.Module, title: str) -> list[Photo]:
    """Photographs with their tags."""
    found = []
    for sample in track(samples, title):
        image = load_image(sample.image_path)
        pixels = fitted([image], SIDE)
        classes = deeplab(pixels)[-1][:, -(len(VOC) + 1) :].argmax(dim=1)
        shares = torch.bincount(classes.flatten(), minlength=len(VOC) + 1)[None, 1:] / classes.numel()
        tags = (shares >= PRESENCE).float()
        levels = Levels(*(level.half() for level in backbone(pixels)[2:]))
        found.append(Photo(sample, image.shape[:2], levels, tags))
    return found


@torch.inference_mode()
def cropped(photo: Photo, box: Box | None, backbone: nn.Module) -> Photo:
    """The same photograph, cut to its box; the whole where there is none."""
    whole = (0, 0, photo.size[1], photo.size[0])
    pixels = squares([load_image(photo.sample.image_path)], 256, box or whole)
    return photo._replace(levels=Levels(*(level.half() for level in backbone(pixels)[2:])))


def rows(photos: Sequence[Photo]) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Levels 3 to 5 of photographs of one shape, without sound: (N, C, h, w), (N, 3, C, h, w) twice; tags; silence."""
    level3, level4, level5 = (torch.cat([photo.levels[n] for photo in photos]).float() for n in range(3))
    level4, level5 = (level[:, None].expand(-1, FRAMES, -1, -1, -1) for level in (level4, level5))
    return level3, level4, level5, torch.cat([photo.tags for photo in photos]), torch.zeros(len(photos))


def batches(photos: Sequence[Photo], steps: int, seed: int) -> Iterator[list[int]]:
    """Numbers of photographs of one shape, at random."""
    generator = np.random.default_rng(seed)
    shapes: dict[torch.Size, list[int]] = {}
    for number, photo in enumerate(photos):
        shapes.setdefault(photo.levels.level5.shape, []).append(number)
    groups = list(shapes.values())
    sizes = np.array([len(group) for group in groups], np.float64)
    for _ in range(steps):
        group = groups[generator.choice(len(groups), p=sizes / sizes.sum())]
        yield [group[i] for i in generator.integers(len(group), size=BATCH)]


def optimise(
    network: nn.Module, steps: int, loss_of: Callable[[list[int]], Tensor], numbers: Iterator[list[int]]
) -> None:
    """AdamW with the rate of the recipe and a cosine decay."""
    optimiser = torch.optim.AdamW([p for p in network.parameters() if p.requires_grad], lr=1e-3, weight_decay=5e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    network.train()
    for batch in numbers:
        optimiser.zero_grad()
        loss_of(batch).backward()
        optimiser.step()
        schedule.step()
    network.eval()


def learn_tags(nets: ScamNets, stage: Stage, photos: Sequence[Photo], steps: int, seed: int) -> None:
    """Train S of a stage."""
    net = getattr(nets, stage)["S"]
    assert isinstance(net, TagNet)
    silence = torch.zeros(BATCH, nets.encoders.audio.size)

    def loss_of(batch: list[int]) -> Tensor:
        _, level4, level5, tags, off = rows([photos[i] for i in batch])
        logits, _features = net(level4, level5, silence, off)
        return losses.tag_loss(logits, tags, several=True)

    optimise(net, steps, loss_of, batches(photos, steps, seed))


@torch.inference_mode()
def maps_of(nets: ScamNets, stage: Stage, photo: Photo) -> tuple[Tensor, Tensor]:
    """(the classic CAM, SCAM), (s, s) each. The classic one is the tag's map of the net, from its least to its most."""
    _, level4, level5, tags, off = rows([photo])
    silence = torch.zeros(1, nets.encoders.audio.size)
    found = stage_maps(nets, stage, level4, level5, silence, off, tags)
    net = getattr(nets, stage)["S"]
    raw = cam.class_maps(net.features(level4, level5, silence, off), net.classifier.weight)
    raw = resize(raw, (SIDE, SIDE), nets.encoders.backbone.shift(4))
    classic = (cam.normalise(raw) * tags[:, :, None, None]).amax(dim=1)
    return classic[0], found.fused[0]


def box_of(nets: ScamNets, photo: Photo) -> Box | None:
    """Where the coarse stage looks."""
    return crop_box(maps_of(nets, "coarse", photo)[1], photo.size, nets.config)


def fine_map(nets: ScamNets, photo: Photo, box: Box | None, crop: Photo) -> Tensor:
    """SCAM of the crop, on the whole photograph; zeros where there is none."""
    if box is None:
        return torch.zeros(photo.size)
    return cam.paste(maps_of(nets, "fine", crop)[1], box, photo.size)


def learn_fixations(nets: ScamNets, photos: Sequence[Photo], pseudo: Sequence[Tensor], steps: int, seed: int) -> STANet:
    """STA on pseudo-fixations (Eq. 6), those that are empty left out."""
    config = STANetConfig(backbone=nets.config.backbone, tags=VOC, audio_switch=False, input_size=SIDE)
    network = STANet(config, nets.encoders.backbone, nets.encoders.audio)
    usable = [number for number, values in enumerate(pseudo) if values.max() > 0]
    small = {}
    for number in usable:
        height, width = photos[number].levels.level3.shape[-2:]
        small[number] = nn.functional.adaptive_avg_pool2d(pseudo[number][None, None], (height, width))
    kept = [photos[number] for number in usable]

    def loss_of(batch: list[int]) -> Tensor:
        logits = student_logits(network, [kept[i] for i in batch])
        return losses.fixation_loss(logits, torch.cat([small[usable[i]] for i in batch]))

    optimise(network, steps, loss_of, batches(kept, steps, seed))
    return network


def student_logits(network: STANet, photos: Sequence[Photo]) -> Tensor:
    level3, level4, level5, _, off = rows(photos)
    spatial = network.spatial(level4[:, 1], level5[:, 1])[:, None].expand(-1, FRAMES, -1, -1, -1)
    silence = torch.zeros(len(photos), network.encoders.audio.size)
    logits: Tensor = network(spatial, level3, level4[:, 1], silence, off)
    return logits


def scores(nets: ScamNets, student: STANet, photos: Sequence[Photo]) -> dict[str, list[float]]:
    """NSS of every map of every photograph; NaN where there is no map."""
    found: dict[str, list[float]] = {}
    for photo in track(photos, "Scores"):
        height, width = photo.size
        counts = torch.from_numpy(fixation_counts(photo.sample.fixations_at(height, width), photo.size))
        classic, coarse = maps_of(nets, "coarse", photo)
        box = crop_box(coarse, photo.size, nets.config)
        fine = fine_map(nets, photo, box, cropped(photo, box, nets.encoders.backbone))
        whole = (0, 0, width, height)
        middle = torch.tensor([[width / 2, height / 2]])
        with torch.inference_mode():
            learned = saliency_of(student_logits(student, [photo]), photo.size)[0, 0]
        made = {
            "CAM S, classic": cam.paste(classic, whole, photo.size),
            "SCAM coarse": cam.paste(coarse, whole, photo.size),
            "SCAM fine": fine,
            "STA, without tags": learned,
            "centre prior": gaussian_density(middle, photo.size, (CENTRE * width, CENTRE * height)),
        }
        for name, values in made.items():
            found.setdefault(name, []).append(float(nss(values.double(), counts)))
    return found


def summary(found: Sequence[dict[str, list[float]]], pairs: Sequence[tuple[str, str]] = PAIRS) -> dict[str, object]:
    """Means over photographs and seeds, and by how much one map is above another."""
    each = {name: np.mean([one[name] for one in found], axis=0) for name in found[0]}
    known = ~np.isnan(np.stack(list(each.values()))).any(axis=0)
    each = {name: values[known] for name, values in each.items()}
    differences = {f"{name} - {other}": each[name] - each[other] for name, other in pairs}
    return {"photographs": int(known.sum())} | {
        name: [round(float(values.mean()), 3), *interval(values)] for name, values in (each | differences).items()
    }


def interval(values: NDArray[np.float64], draws: int = 2000) -> list[float]:
    """2.5 and 97.5 % of the mean, by bootstrap."""
    chosen = np.random.default_rng(0).integers(len(values), size=(draws, len(values)))
    return [round(float(edge), 3) for edge in np.quantile(values[chosen].mean(axis=1), (0.025, 0.975))]


if __name__ == "__main__":
    main()
