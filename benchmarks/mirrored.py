"""How far a model's maps lie off: the map of a mirrored frame, mirrored back, beside that of the frame.

    python benchmarks/mirrored.py MODEL --data ../shared/data [--frames 3]

MODEL is a model's name or a weights folder. So many frames of each of the multi-face videos, evenly spread, muted, each
as a clip of its own. The shift is the one with the highest correlation of both maps, in pixels; half of it is how far
each lies off. Whether maps lie too high or too low cannot be told this way.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sightline import models
from sightline.types import Clip, Prompt, VideoFrame
from sightline.video import open_source

MOST = 80
"""The largest shift that is looked for, pixels."""


class Still(Clip):
    """One frame, without sound."""

    def __init__(self, image: NDArray[np.uint8]) -> None:
        self.size, self.fps, self.image = (image.shape[0], image.shape[1]), 1.0, image

    def frames(self) -> Iterator[VideoFrame]:
        """The frame."""
        yield VideoFrame(0, 0.0, 0, self.image)


def main() -> None:
    """Print the shift of each frame, and their mean."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--frames", type=int, default=3)
    options = parser.parse_args()
    predictor = models.load(options.model)
    found = []
    for video in sorted((options.data / "video_fixations/multiface").glob("*.mp4")):
        with open_source(video) as source:
            images = [frame.image for frame in source]
        for number in np.linspace(0, len(images) - 1, options.frames + 2)[1:-1].round().astype(int):
            maps, turned = (predict(predictor, image) for image in (images[number], images[number][:, ::-1].copy()))
            found.append(shift(turned[:, ::-1], maps) / 2)
            print(video.stem, number, f"{found[-1]:.1f}", flush=True)
    print(f"too far left by {np.mean(found):.1f} pixels in the mean, {min(found):.1f} to {max(found):.1f}")


def predict(predictor: models.Predictor, image: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The map of a frame alone."""
    (frame,) = predictor.stream(Still(image), Prompt())
    assert frame.saliency is not None
    return np.asarray(frame.saliency, np.float64)


def shift(maps: NDArray[np.float64], other: NDArray[np.float64]) -> int:
    """How many pixels further right `maps` lies than `other`, by the highest correlation."""
    width = maps.shape[1]

    def alike(step: int) -> float:
        one, two = maps[:, max(0, step) : width + min(0, step)], other[:, max(0, -step) : width - max(0, step)]
        return float(np.corrcoef(one.ravel(), two.ravel())[0, 1])

    return max(range(-MOST, MOST + 1), key=alike)


if __name__ == "__main__":
    main()
