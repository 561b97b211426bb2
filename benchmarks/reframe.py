"""Crops to 9:16 against what viewers look at: python benchmarks/reframe.py --data ../shared/data --out runs/reframe

Four crops of one size, all from the same model's frames:

- ours: `sightline reframe`, its defaults;
- the picture's middle;
- centred anew in every frame on the object's box; where there is none, on the middle of the interest;
- a polynomial, after AutoFlip (detect, then smooth): the same centres of a shot, still where they stay within half of
  the crop, else their polynomial of third degree over time.

The last column is a bound: the still crop that the fixations themselves, or the annotated masks, would choose for the
whole video.

Kept is the share of the fixations under way, over all frames, that lie inside of the crop; on DAVIS the share of the
annotated object's pixels, over frames. Acceleration is the mean length of the second difference of the crop's middle
over time, in pixels a second squared, without the two frames at a cut; cuts inside of shots are counted.

What the model says of a video is kept in --out, and taken from there the next time.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sightline import models
from sightline.apps.fixations import SourceFixations
from sightline.apps.reframe.config import InterestConfig, ReframeConfig
from sightline.apps.reframe.crop import crop_size
from sightline.apps.reframe.interest import Interest, interest_of
from sightline.apps.reframe.plan import Planner
from sightline.apps.reframe.watch import watch
from sightline.apps.reframe.windows import plan_all
from sightline.data import davis, image_fixations
from sightline.data.files import load_mask
from sightline.models import Predictor
from sightline.progress import track
from sightline.video import Ahead, open_source

ASPECT = Fraction(9, 16)
CHOSEN_ON = "012"
"""The one watched video on which constants were chosen; the mean over the others leaves it out."""
CROPS = ("ours", "middle", "centred anew in every frame", "polynomial")
DEGREE, STILL = 3, 0.5  # of the polynomial; share of the crop within which its centres count as still
Floats = NDArray[np.float64]
Size = tuple[int, int]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", default="wcsnet")
    parser.add_argument("--dhf1k", type=Path, help="the import of DHF1K 002 (docs/training.md)")
    parser.add_argument("--davis", action="store_true", help="the masks of DAVIS, not the fixations")
    parser.add_argument(
        "--prior",
        action="store_true",
        help="with a prior for the picture's middle in place of `middle`, as fits the fixations on OSIE's photographs",
    )
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    predictor = models.load(args.model, device="cpu")
    if args.davis:
        report(dict(masks_kept(args.data, args.out, predictor)), ())
    else:
        prior = fitted(args.data, args.out, predictor) if args.prior else None
        report(dict(fixations_kept(args.data, args.out, args.dhf1k, predictor, prior)), (CHOSEN_ON,))


@dataclass(frozen=True)
class Row:
    """What each crop keeps, its acceleration, the cuts of ours, and what the best still crop keeps."""

    kept: dict[str, float]
    moved: dict[str, float]
    cuts: int
    bound: float

    def cells(self) -> str:
        kept = [f"{100 * share:.1f}" for share in (*(self.kept[name] for name in CROPS), self.bound)]
        return " | ".join([*kept, *(f"{self.moved[name]:.0f}" for name in CROPS), str(self.cuts)])


def report(rows: Mapping[str, Row], left_out: Sequence[str]) -> None:
    """A line a video, and the mean over all but those on which constants were chosen."""
    names = [*(f"{name}, kept" for name in CROPS), "best still, kept", *(f"{name}, px/s²" for name in CROPS), "cuts"]
    print(f"| | {' | '.join(names)} |\n|---|{'---:|' * len(names)}")
    for name, row in rows.items():
        print(f"| {name} | {row.cells()} |")
    others = [row for name, row in rows.items() if name not in left_out]
    mean = Row(
        {crop: float(np.mean([row.kept[crop] for row in others])) for crop in CROPS},
        {crop: float(np.mean([row.moved[crop] for row in others])) for crop in CROPS},
        sum(row.cuts for row in others),
        float(np.mean([row.bound for row in others])),
    )
    print(f"| mean of {len(others)}{''.join(f', without {name}' for name in left_out)} | {mean.cells()} |")


def fitted(data: Path, out: Path, predictor: Predictor) -> tuple[float, float]:
    """(share, width) of a Gaussian in the picture's middle, in parts of its sides, that beside the interest and an even
    part fits the fixations on every fourth photograph of OSIE best: maximum likelihood, the share by EM."""
    kept = out / f"{predictor.name}_osie.npy"
    if not kept.exists():
        rows = []
        for photograph in track(image_fixations.images(data / "image_fixations" / "osie_dev")[::4], "Photographs"):
            image, points = photograph.load()
            grid = interest_of(next(iter(predictor.predict(image))), InterestConfig()).grid
            cells = (points[:, ::-1] / np.array(image.shape[:2]) * grid.shape).astype(int)
            rows.append(np.column_stack([(cells + 0.5) / grid.shape, grid[tuple(cells.T)] * grid.size]))
        np.save(kept, np.concatenate(rows))
    down, across, interest = np.load(kept).T
    fits = []
    for width in (0.12, 0.15, 0.18, 0.2, 0.22, 0.25, 0.3, 0.4):
        middle = np.exp(-(((down - 0.5) ** 2 + (across - 0.5) ** 2) / (2 * width**2)))
        middle /= np.mean(np.exp(-(((np.arange(1000) / 1000 - 0.5) / width) ** 2) / 2)) ** 2  # over an even spread
        parts, shares = np.stack([interest, middle, np.ones(len(down))]), np.full(3, 1 / 3)
        for _ in range(200):
            each = shares[:, None] * parts
            shares = (each / each.sum(axis=0)).mean(axis=1)
        fits.append((float(np.log(shares @ parts).mean()), float(shares[1]), width))
    likelihood, share, width = max(fits)
    print(f"the middle: {share:.3f}, {width} wide; {likelihood:.4f} nats above an even spread, {len(down)} fixations")
    return share, width


def middle_of(size: Size, width: float) -> Floats:
    """A Gaussian in the middle of a grid (h, w), with sum 1."""
    down, across = (np.exp(-((((np.arange(n) + 0.5) / n - 0.5) / width) ** 2) / 2) for n in size)
    spot = np.outer(down, across)
    return np.asarray(spot / spot.sum())


def fixations_kept(
    data: Path, out: Path, dhf1k: Path | None, predictor: Predictor, prior: tuple[float, float] | None
) -> Iterator[tuple[str, Row]]:
    folder = data / "video_fixations" / "multiface"
    watched = [(path, path.with_name(f"{path.stem}_fixations.csv")) for path in sorted(folder.glob("*.mp4"))]
    if dhf1k is not None:
        watched.append((data / "eye_recordings" / "smi_dhf1k_002" / "002.AVI", dhf1k))
    for video, table in watched:
        size, interests = looked_at(video, predictor, out)
        config = ReframeConfig()
        if prior is not None:
            share, width = prior
            config = config.model_copy(update={"middle": 0.0})
            middle = share * middle_of(interests[0].grid.shape, width)
            interests = [replace(one, grid=((1 - share) * one.grid + middle).astype(np.float32)) for one in interests]
        points = SourceFixations.read(table, [one.time_s for one in interests], size).points
        across = np.zeros((len(interests), size[1]))
        for row, interest in zip(across, interests, strict=True):
            at = np.asarray(points.get(interest.index, np.zeros((0, 2))), np.float64)
            at = at[((at >= 0) & (at < np.array(size[::-1]))).all(axis=1)]
            np.add.at(row, at[:, 0].astype(int), 1)
        yield video.stem, measured(size, interests, across, config)


def masks_kept(data: Path, out: Path, predictor: Predictor) -> Iterator[tuple[str, Row]]:
    for sequence in davis.sequences(data / "vos" / "davis2016_dev"):
        size, interests = looked_at(Path(sequence.frames[0]).parent, predictor, out)
        columns = [(load_mask(path) > 0).sum(axis=0) for path in sequence.masks if isinstance(path, Path)]
        across = np.stack([column / max(1, column.sum()) for column in columns])
        yield sequence.name, measured(size, interests, across, ReframeConfig())


def measured(size: Size, interests: Sequence[Interest], across: Floats, config: ReframeConfig) -> Row:
    """across: (T, W) how much of what is to be kept lies in each column; crops are as high as the picture."""
    crops, (shots, jumps) = crops_of(size, interests, config)
    before = np.pad(np.cumsum(across, axis=1), ((0, 0), (1, 0)))
    frames, kept = np.arange(len(across)), {}
    for name, regions in crops.items():
        first = np.round(regions[:, 0]).astype(int)
        last = np.round(regions[:, 0] + regions[:, 2]).astype(int)
        kept[name] = float((before[frames, last] - before[frames, first]).sum() / across.sum())
    width = round(float(crops["middle"][0, 2]))
    whole = before.sum(axis=0)
    bound = float((whole[width:] - whole[:-width]).max() / across.sum())
    return Row(kept, accelerations(interests, crops, shots, jumps), len(jumps), bound)


def crops_of(
    size: Size, interests: Sequence[Interest], config: ReframeConfig
) -> tuple[dict[str, Floats], tuple[list[int], list[int]]]:
    """(crops (T, 4) by name, (frames where shots begin, frames where ours jumps inside of one))."""
    base = crop_size(size, ASPECT)
    planned = [plans[0] for plans in plan_all(interests, [Planner(size, base, config)])]
    ours = np.concatenate([plan.regions for plan in planned])
    shots = [plan.interests[0].index for plan in planned][1:]
    jumps = [part.first for plan in planned for part in plan.segments[1:]]
    room = size[1] - base[1]
    middle, centred, smooth = ours.copy(), ours.copy(), ours.copy()
    middle[:, 0] = room / 2
    centres = np.array([centre_of(interest, size) for interest in interests])
    centred[:, 0] = np.clip(centres - base[1] / 2, 0, room)
    for first, end in zip([0, *shots], [*shots, len(ours)], strict=True):
        part, times = centres[first:end], np.array([i.time_s for i in interests[first:end]])
        if np.ptp(part) <= STILL * base[1] or len(part) <= DEGREE:
            path = np.full(len(part), np.median(part))
        else:
            elapsed = times - times[0]
            path = np.polyval(np.polyfit(elapsed, part, DEGREE), elapsed)
        smooth[first:end, 0] = np.clip(path - base[1] / 2, 0, room)
    return dict(zip(CROPS, (ours, middle, centred, smooth), strict=True)), (shots, jumps)


def centre_of(interest: Interest, size: Size) -> float:
    if interest.box is not None:
        return (interest.box[0] + interest.box[2]) / 2
    across = interest.grid.sum(axis=0)
    return float(across @ (np.arange(len(across)) + 0.5)) / len(across) * size[1]


def accelerations(
    interests: Sequence[Interest], crops: Mapping[str, Floats], shots: Sequence[int], jumps: Sequence[int]
) -> dict[str, float]:
    """Mean acceleration by name, px/s²; ours leaves out its own cuts, all leave out those of the source."""
    times = np.array([interest.time_s for interest in interests])
    found = {}
    for name, regions in crops.items():
        middles = regions[:, :2] + regions[:, 2:] / 2
        speed = np.diff(middles, axis=0) / np.diff(times)[:, None]
        acceleration = np.hypot(*(np.diff(speed, axis=0) / ((times[2:] - times[:-2]) / 2)[:, None]).T)
        counts = np.ones(len(acceleration), bool)
        for cut in (*shots, *(jumps if name == "ours" else ())):
            counts[max(0, cut - 2) : cut] = False
        found[name] = float(acceleration[counts].mean())
    return found


def looked_at(source: Path, predictor: Predictor, out: Path) -> tuple[Size, list[Interest]]:
    """(size, what the model says is of interest in each frame), as `sightline reframe` looks."""
    kept = out / f"{predictor.name}_{source.stem}.npz"
    config = ReframeConfig()
    with open_source(source) as opened:
        if not kept.exists():
            with Ahead(opened) as clip:
                every = max(1, int(opened.fps / config.looks_hz))
                seen = watch(clip, predictor, config, every=every)
                found = list(track(seen, f"Looking at {source.stem}", opened.frames_expected))
            boxes = np.array([one.box or (np.nan,) * 4 for one in found])
            np.savez(
                kept,
                index=[one.index for one in found], time_s=[one.time_s for one in found],
                grid=np.stack([one.grid for one in found]), box=boxes, cut=[one.cut for one in found],
            )  # fmt: skip
        with np.load(kept) as had:
            columns = [had[name] for name in ("index", "time_s", "grid", "box", "cut")]
        interests = [
            Interest(
                int(i), float(t), grid, None if np.isnan(box[0]) else (*box[:2].tolist(), *box[2:].tolist()), bool(cut)
            )
            for i, t, grid, box, cut in zip(*columns, strict=True)
        ]
        return opened.size, interests


if __name__ == "__main__":
    main()
