"""ViSal (Wang, Shen, Shao, TIP 2015): ViSal/<sequence>/<frame> with the masks of some frames in GroundTruth/<frame>."""

from __future__ import annotations

from pathlib import Path

from sightline.data import vsod
from sightline.data.files import list_images, require_folder
from sightline.data.samples import VideoSequence
from sightline.errors import DataError

LAYOUT = "ViSal/<sequence>/<frame>.bmp with GroundTruth/<frame>.bmp, or <sequence>/Imgs with <sequence>/ground-truth"


def sequences(root: str | Path) -> list[VideoSequence]:
    """The sequences of ViSal. A folder that has <sequence>/Imgs is read as in `vsod` instead.

    Raises DataError for a missing folder, a frame's name that occurs twice, or masks that fit no frame.
    """
    if vsod.packaged(root):
        return vsod.sequences(root)
    videos = require_folder(root, "ViSal", layout=LAYOUT)
    truth = require_folder(root, "GroundTruth", layout=LAYOUT)
    masks = {path.stem: path for path in list_images(truth)}
    found = []
    for folder in sorted(path for path in videos.iterdir() if path.is_dir()):
        frames = list_images(folder)
        labels = [masks.pop(frame.stem, None) for frame in frames]
        if not any(labels):
            raise DataError(f"{folder}: no mask in {truth} is called like one of its frames; {LAYOUT} is expected")
        found.append(VideoSequence(folder.name, frames, labels, threshold=128))
    if masks:
        raise DataError(f"{truth}: no frame for {', '.join(sorted(masks)[:5])}; {LAYOUT} is expected")
    return found
