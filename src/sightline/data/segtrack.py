"""SegTrackv2 (Li et al., ICCV 2013): JPEGImages/<sequence> and GroundTruth/<sequence>[/<object>]."""

from __future__ import annotations

from pathlib import Path

from sightline.data import vsod
from sightline.data.files import list_images, pair, require_folder
from sightline.data.samples import VideoSequence

LAYOUT = "JPEGImages/<sequence>/*.png with GroundTruth/<sequence>/*.png or GroundTruth/<sequence>/<object>/*.png"


def sequences(root: str | Path, *, merged: bool = False) -> list[VideoSequence]:
    """A VideoSequence for each object of each sequence: `frog`, or `bmx/1` and `bmx/2` where there are several.

    merged: one for each sequence instead, its objects as one, as salient object detection takes them: `bmx`. A folder
        that has <sequence>/Imgs is read as in `vsod`, which knows objects as one only.

    Frames and masks carry the same stem; their suffixes differ from sequence to sequence (png, bmp, jpg).
    Raises DataError for a missing folder, or a sequence whose masks fit no frame.
    """
    if vsod.packaged(root):
        return vsod.sequences(root)
    images = require_folder(root, "JPEGImages", layout=LAYOUT)
    truth = require_folder(root, "GroundTruth", layout=LAYOUT)
    found = []
    for folder in sorted(path for path in images.iterdir() if path.is_dir()):
        frames, place = list_images(folder), truth / folder.name
        objects = sorted(path for path in place.glob("*") if path.is_dir()) or [place]
        masks = [pair(frames, list_images(each), each) for each in objects]
        if merged:
            united = [tuple(filter(None, of_frame)) or None for of_frame in zip(*masks, strict=True)]
            found.append(VideoSequence(folder.name, frames, united, threshold=128))
        else:
            names = [folder.name if each is place else f"{folder.name}/{each.name}" for each in objects]
            found += [VideoSequence(name, frames, its, 128) for name, its in zip(names, masks, strict=True)]
    return found
