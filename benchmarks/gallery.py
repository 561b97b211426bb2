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
    "juggle": ("juggle", "0", "2.5", "--model wcsnet"),
    "coffee": ("coffee", "0", "3.4", "--model wcsnet"),
    "cups": ("cups", "0", "0.4", "--object point=398,464 --object point=652,420 --object point=912,420"),
    "dog": ("dog", "0", "1", "--model egcnet"),
    "stanet": ("coffee", "0", "3", "--model stanet"),
    "stanet-fixations": ("coffee", "0", "1", "--model stanet-fixations"),
    "samgop": ("juggle", "1.9", "2.04", "--model samgop --head 712,60,806,162"),
}
"""Picture -> clip, begin and end in seconds, options of `sightline predict`. The last frame is drawn."""
WIDTH = 640


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", nargs="*", help=f"all without: {', '.join(PICTURES)}")
    parser.add_argument("--clips", type=Path, required=True, help="a folder with juggle, coffee, cups and dog .mp4")
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "docs/images/gallery")
    options = parser.parse_args()
    if unknown := [name for name in options.pictures if name not in PICTURES]:
        parser.error(f"no such picture: {', '.join(unknown)}; there are {', '.join(PICTURES)}")
    options.out.mkdir(parents=True, exist_ok=True)
    for name in options.pictures or PICTURES:
        draw(name, options.clips, options.out)


def draw(name: str, clips: Path, out: Path) -> None:
    clip, start, end, chosen = PICTURES[name]
    with tempfile.TemporaryDirectory() as folder:
        run = ["sightline", "predict", str(clips / f"{clip}.mp4"), "--start", start, "--end", end, *chosen.split()]
        subprocess.run([*run, "--save", "overlay", "--out", folder], check=True)
        with open_source(Path(folder) / clip / "overlay.mp4") as overlay:
            for frame in overlay.frames():
                image = frame.image
    picture = Image.fromarray(image)
    picture.thumbnail((WIDTH, WIDTH))
    picture.save(out / f"{name}.jpg", quality=85)
    print(out / f"{name}.jpg")


if __name__ == "__main__":
    main()
