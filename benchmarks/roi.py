"""What regions of interest give: PSNR inside and outside of the mask at the same size of the file, with and without.

    python benchmarks/roi.py ../shared/data/vos/davis2016_dev --out roi.json [--frames 48] [--results DIR]

The regions come from the annotated masks, or, with --results, from those that `sightline predict --save masks` left in
DIR/<sequence>/masks; PSNR is always counted inside of the annotated ones. FFmpeg's program encodes with x264, in two
passes. A file with regions may not be larger than the one without: its rate is lowered until it is not.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sightline.results.roi import Regions
from sightline.types import Frame
from sightline.video import open_source

KBIT_PER_S = 300


def read_masks(folder: Path, count: int) -> list[NDArray[np.uint8]]:
    """Whether a pixel is of an object, of the first frames."""
    found = []
    for path in sorted(folder.glob("*.png"))[:count]:
        with Image.open(path) as picture:
            found.append((np.asarray(picture) > 0).astype(np.uint8))
    return found


def encode(clip: Path, out: Path, kbit: float, regions: Path | None) -> int:
    """Encode in two passes. Returns the size of the file."""
    graph = [] if regions is None else ["-filter_complex_script", str(regions), "-map", "[roi]"]
    rate = ["-c:v", "libx264", "-preset", "veryfast", "-b:v", f"{kbit:.0f}k", "-passlogfile", str(out)]
    for number, target in ((1, ["-f", "null", "-"]), (2, [str(out)])):
        command = ["ffmpeg", "-v", "error", "-y", "-i", str(clip), *graph, "-an", *rate, "-pass", str(number), *target]
        subprocess.run(command, check=True)
    return out.stat().st_size


def psnr(film: Path, truth: Path, masks: list[NDArray[np.uint8]]) -> tuple[float, float]:
    """PSNR of luma, dB, over all pixels inside of the masks and all outside."""
    errors, counts = np.zeros(2), np.zeros(2)
    with av.open(str(film)) as one, av.open(str(truth)) as other:
        pairs = zip(one.decode(video=0), other.decode(video=0), masks, strict=False)
        for got, said, mask in pairs:
            square = (got.to_ndarray(format="gray").astype(float) - said.to_ndarray(format="gray")) ** 2
            square = square[: mask.shape[0], : mask.shape[1]]
            errors += square[mask > 0].sum(), square[mask == 0].sum()
            counts += (mask > 0).sum(), (mask == 0).sum()
    inside, outside = 10 * np.log10(255**2 / (errors / counts))
    return float(inside), float(outside)


def one(sequence: str, root: Path, count: int, results: Path | None) -> dict[str, float | str]:
    """A sequence's numbers."""
    masks = read_masks(next(root.glob(f"Annotations/**/{sequence}")), count)
    shown = masks if results is None else read_masks(results / sequence / "masks", count)
    images = sorted((root / "JPEGImages").glob(f"**/{sequence}/*.jpg"))[: len(masks)]
    with tempfile.TemporaryDirectory() as place:
        clip, plain, with_regions = (Path(place) / name for name in ("clip.mkv", "plain.mp4", "roi.mp4"))
        (Path(place) / "list").write_text("".join(f"file '{path.resolve()}'\nduration 0.04\n" for path in images))
        start = ["ffmpeg", "-v", "error", "-y", "-r", "25", "-f", "concat", "-safe", "0", "-i", f"{place}/list"]
        lossless = ["-vf", "crop=trunc(iw/2)*2:trunc(ih/2)*2,format=yuv420p", "-frames:v", str(len(images))]
        subprocess.run(
            [*start, *lossless, "-c:v", "libx264", "-qp", "0", "-preset", "ultrafast", str(clip)], check=True
        )
        with open_source(clip) as source:
            sink = Regions().begin(Path(place), source)
            for frame, mask in zip(source.frames(), shown, strict=False):
                sink.write(Frame(frame.index, frame.time_s, frame.image, mask=mask[: frame.image.shape[0]]))
            sink.close()
        size, kbit = encode(clip, plain, KBIT_PER_S, None), float(KBIT_PER_S)
        for _ in range(4):
            got = encode(clip, with_regions, kbit, Path(place) / "roi.txt")
            if got <= size:
                break
            kbit *= 0.99 * size / got
        before, after = psnr(plain, clip, masks), psnr(with_regions, clip, masks)
    return {
        "sequence": sequence,
        "bytes_ratio": got / size,
        "inside_db": before[0],
        "inside_gain_db": after[0] - before[0],
        "outside_gain_db": after[1] - before[1],
    }


def main() -> None:
    """Every sequence, and their mean."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("root", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--frames", type=int, default=48)
    parser.add_argument("--results", type=Path)
    args = parser.parse_args()
    rows = []
    for folder in sorted({path.parent for path in (args.root / "Annotations").glob("**/*.png")}):
        if args.results is None or (args.results / folder.name).is_dir():
            rows.append(one(folder.name, args.root, args.frames, args.results))
            print(rows[-1], flush=True)
    keys = [key for key in rows[0] if key != "sequence"]
    mean = {key: float(np.mean([float(row[key]) for row in rows])) for key in keys}
    print(mean)
    args.out.write_text(json.dumps({"mean": mean, "sequences": rows}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
