"""How steady masks and hotspots are: python benchmarks/steadiness.py runs/a runs/b --sources ../shared/data/clips

Each folder is what `sightline predict` left (`masks/` and `hotspots.csv` of each source, called as the source is). Of
every two frames in a row that both have a mask:

flicker: 1 less the IoU of the mask and the mask before, carried over by dense optical flow (DIS) between the frames. A
mask that moves with its object has 0.
step: how far the hotspot moves, less the object's own motion, which is the median flow in the mask; in parts of the
mask's length (the square root of its area). The median over frames, and the share of frames above one half: leaps.

A mask that never changes on a still picture is steady and may be wrong: read this beside J and F.
"""

from __future__ import annotations

import argparse
import csv
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sightline.nn.motion import thumbnail, warp
from sightline.video import open_source

LONGER = 320
"""Longer side of the frames that flow is measured on, and of the masks, in pixels."""
LEAP = 0.5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, nargs="+", help="folders of results, one a variant")
    parser.add_argument("--sources", type=Path, required=True, help="the folder of the videos, or of frame folders")
    parser.add_argument("--limit", type=int, help="frames of each")
    args = parser.parse_args()
    sources = {path.stem: path for path in sorted(args.sources.iterdir())}
    print("| results | source | frames | flicker | step, median | leaps |")
    print("|---|---|---:|---:|---:|---:|")
    for folder in args.results:
        rows = []
        for done in sorted(path for path in folder.iterdir() if (path / "masks").is_dir()):
            if done.name not in sources:
                raise SystemExit(f"{done}: no source of that name in {args.sources}")
            flicker, steps = steadiness(sources[done.name], done, args.limit)
            rows.append((np.mean(flicker), np.median(steps), np.mean(np.array(steps) > LEAP)))
            said = " | ".join(f"{value:.3f}" for value in rows[-1])
            print(f"| {folder.name} | {done.name} | {len(flicker)} | {said} |", flush=True)
        if not rows:
            raise SystemExit(f"{folder}: no results with masks; predict with --save masks,hotspots")
        print(f"| {folder.name} | mean | | " + " | ".join(f"{value:.3f}" for value in np.mean(rows, axis=0)) + " |")


def steadiness(source: Path, done: Path, limit: int | None = None) -> tuple[list[float], list[float]]:
    """(flicker, steps) of the pairs of frames in a row that have a mask both."""
    with (done / "hotspots.csv").open(newline="") as table:
        spots = {row["frame"]: (float(row["x_px"]), float(row["y_px"])) for row in csv.DictReader(table) if row["x_px"]}
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    flickers, steps = [], []
    before: tuple[NDArray[np.uint8], NDArray[np.float32], tuple[float, float] | None] | None = None
    with open_source(source) as frames:
        for frame in islice(frames, limit):
            grey = thumbnail(frame.image, LONGER)
            height, width = grey.shape
            path = done / "masks" / f"{frames.frame_name(frame.index)}.png"
            if not path.is_file():  # of a run with --limit
                break
            full = np.asarray(Image.open(path)) > 0
            mask = cv2.resize(full.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
            spot = spots.get(str(frame.index), spots.get(frames.frame_name(frame.index)))
            if before is not None and (mask > 0.5).any() and (before[1] > 0.5).any():
                # From this frame to the one before, as a mask is fetched from where it was.
                back = flow.calc(grey, before[0], np.zeros((height, width, 2), np.float32))
                carried = np.asarray(warp(before[1], back))
                flickers.append(1 - float(np.minimum(mask, carried).sum() / np.maximum(mask, carried).sum()))
                if spot is not None and before[2] is not None:
                    own = -np.median(back[mask > 0.5], axis=0) * full.shape[1] / width
                    moved = np.subtract(spot, before[2]) - own
                    steps.append(float(np.hypot(*moved) / np.sqrt(full.sum())))
            before = (grey, mask, spot)
    return flickers, steps


if __name__ == "__main__":
    main()
