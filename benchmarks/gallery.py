"""Draw the pictures of docs/gallery.md: one frame of an overlay each, 640 pixels wide.

python benchmarks/gallery.py --clips ../shared/data/clips
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from pathlib import Path

from PIL import Image

from sightline.video import open_source

PICTURES = {
    "juggle": ("2.5", ["--model", "wcsnet"]),
    "coffee": ("1", ["--model", "wcsnet"]),
    "cups": ("0.4", ["--object", "point=398,464", "--object", "point=652,420", "--object", "point=912,420"]),
    "dog": ("1", ["--model", "egcnet"]),
}
"""Clip -> time of the picture in seconds, options of `sightline predict`."""
WIDTH = 640


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=Path, required=True, help="a folder with juggle, coffee, cups and dog .mp4")
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "docs/images/gallery")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for name, (end, chosen) in PICTURES.items():
        with tempfile.TemporaryDirectory() as folder:
            run = ["sightline", "predict", str(options.clips / f"{name}.mp4"), "--end", end, *chosen]
            subprocess.run([*run, "--save", "overlay", "--out", folder], check=True)
            with open_source(Path(folder) / name / "overlay.mp4") as overlay:
                for frame in overlay.frames():
                    image = frame.image
        picture = Image.fromarray(image)
        picture.thumbnail((WIDTH, WIDTH))
        picture.save(options.out / f"{name}.jpg", quality=85)
        print(options.out / f"{name}.jpg")


if __name__ == "__main__":
    main()
