"""How good the masks of `sightline label --method boxes` are, on frames of DAVIS whose true boxes are given.

    python benchmarks/box_masks.py --data ../shared/data --model ../shared/data/weights/u2netp

J is the intersection over union with the true mask. A row for each confidence: the share of the masks that are kept,
and the mean J of those.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from sightline.data import davis
from sightline.progress import track
from sightline.training.labels.boxes import box_teacher

CONFIDENCES = (0.0, 0.7, 0.8, 0.9)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder with vos/davis2016_dev")
    parser.add_argument("--model", required=True, help="a SAM (Hub id or folder), or U2-Net as .onnx")
    parser.add_argument("--frames", type=int, default=3, help="frames of each sequence, evenly spread")
    given = parser.parse_args()
    teacher = box_teacher(given.model)
    sequences = davis.sequences(given.data / "vos/davis2016_dev", "sequences")
    likeness, scores = [], []
    for sequence in track(sequences, "Sequences"):
        for place in (np.arange(given.frames) + 0.5) / given.frames:
            image, values = sequence.load(int(place * len(sequence)))
            if values is None or not (truth := values > 0).any():
                continue
            rows, columns = np.flatnonzero(truth.any(axis=1)), np.flatnonzero(truth.any(axis=0))
            box = np.array([[columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]], dtype=np.float64)
            masks, score = teacher(image, box)
            likeness.append((masks[0] & truth).sum() / (masks[0] | truth).sum())
            scores.append(score[0])
    j, score = np.array(likeness), np.array(scores)
    print(f"{teacher.about}: {len(j)} frames, mean J {j.mean():.3f}, median {np.median(j):.3f}")
    print("| confidence | masks kept | mean J |\n|---:|---:|---:|")
    for confidence in CONFIDENCES:
        kept = score >= confidence
        print(f"| {confidence:g} | {kept.mean():.0%} | {j[kept].mean():.3f} |")


if __name__ == "__main__":
    main()
