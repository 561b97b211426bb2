"""What the size and the proportions of the input do to networks that are taken as they are.

    python benchmarks/input_sizes.py --data ../shared/data --composites DIR

First, whether MobileNetV2 finds ImageNet's classes: how often the place that shows a class of the tag most surely lies
on the object, in one frame of each composite with one object (birds, dogs, aeroplanes). No training. Second, EG-Net's
NSS on every twentieth frame of the multi-face videos, protocol `exact`.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from sightline.data.observed import read_observed
from sightline.data.tagged import tagged
from sightline.fixations import fixation_counts
from sightline.metrics.functional import fixation
from sightline.models import weights
from sightline.models.wcsnet.predictor import load_egnet
from sightline.nn.backbones import build_backbone
from sightline.nn.blocks import resize
from sightline.nn.egnet import saliency_map
from sightline.video import open_source

CLASSES = {
    "aeroplane": (*range(404, 406), 895),
    "bird": (*range(7, 25), *range(80, 101), *range(127, 147)),
    "dog": tuple(range(151, 269)),
}
"""ImageNet's classes of a tag, numbered from 0 without a background."""
SIZES = ((256, 256), (256, 448), (320, 576), (384, 672))
EGNET_SIZES = ((320, 320), (192, 320), (224, 416), (256, 448), (352, 640))
EVERY = 20


@torch.inference_mode()
def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--composites", type=Path, required=True)
    options = parser.parse_args()
    places(options.data / "weights/mobilenet_v2_1.0_224", options.composites)
    gaze(options.data / "video_fixations/multiface")


def places(folder: Path, root: Path) -> None:
    """How often ImageNet's classes are found where they are."""
    from transformers import MobileNetV2ForImageClassification

    backbone = build_backbone("mobilenet-v2-1280", folder).eval()
    classifier = MobileNetV2ForImageClassification.from_pretrained(folder).classifier.eval()
    hits: dict[tuple[tuple[int, int], str], list[float]] = defaultdict(list)
    for video in tagged(sorted((root / "videos").glob("*.mp4")), root / "tags.csv"):
        tag = video.tags[0]
        found = whole_object(root, video.path) if tag in CLASSES else None
        if found is None:
            continue
        image, mask = found
        for size in SIZES:
            features = backbone(pixels(image, size))[-1].permute(0, 2, 3, 1)
            sure = classifier(features).softmax(dim=-1)[..., [number + 1 for number in CLASSES[tag]]].sum(dim=-1)
            best = resize(sure[:, None], mask.shape, backbone.shift(5))[0, 0].argmax()
            hits[size, tag].append(float(mask.ravel()[int(best)]))
    names = sorted(CLASSES)
    print("| input | " + " | ".join(f"{name} ({len(hits[SIZES[0], name])})" for name in names) + " |")
    for size in SIZES:
        print(f"| {size[0]} x {size[1]} | " + " | ".join(f"{np.mean(hits[size, name]):.2f}" for name in names) + " |")


def whole_object(root: Path, video: Path) -> tuple[NDArray[np.uint8], NDArray[np.bool_]] | None:
    """A video's middle frame and the mask of its only object; None where there is another number of them."""
    with open_source(video) as source:
        frames = [frame.image for frame in source]
    number = len(frames) // 2
    with Image.open(root / "masks" / video.stem / f"{number:05d}.png") as picture:
        objects = np.asarray(picture)
    return (frames[number], objects == 1) if np.unique(objects).tolist() == [0, 1] else None


def gaze(root: Path) -> None:
    """EG-Net's NSS by the size of its input."""
    network = load_egnet(weights.find_weights("egnet"))
    found: dict[tuple[int, int], list[list[float]]] = defaultdict(list)
    for name, watched in read_observed(root).items():
        with open_source(root / f"{name}.mp4") as source:
            images = [(frame.index, frame.image) for frame in source if frame.index % EVERY == 0]
        for size in EGNET_SIZES:
            scores = []
            for number, image in images:
                points = watched.at(number).xy if number < len(watched.frames) else np.empty((0, 2))
                if len(points):
                    maps = saliency_map(network(pixels(image, size)), watched.size)[0, 0].double()
                    truth = torch.from_numpy(fixation_counts(points, watched.size))
                    scores.append(float(fixation.nss(maps, truth)))
            found[size].append(scores)
    print("| input | NSS, mean over videos |")
    for size, videos in found.items():
        print(f"| {size[0]} x {size[1]} | {np.mean([np.mean(scores) for scores in videos]):.2f} |")


def pixels(image: NDArray[np.uint8], size: tuple[int, int]) -> Tensor:
    """A picture at a size (height, width), as a network takes it."""
    small = np.array(Image.fromarray(image).resize(size[::-1], Image.Resampling.BILINEAR))
    return torch.from_numpy(small).permute(2, 0, 1)[None].float() / 255


if __name__ == "__main__":
    main()
