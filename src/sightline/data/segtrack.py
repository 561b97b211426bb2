"""SegTrackv2 (Li et al., ICCV 2013): JPEGImages/<sequence> and GroundTruth/<sequence>[/<object>]."""

from __future__ import annotations

from pathlib import Path

from sightline.data.files import list_images, require_folder
from sightline.data.samples import VideoSequence
from sightline.errors import DataError

LAYOUT = "JPEGImages/<sequence>/*.png with GroundTruth/<sequence>/*.png or GroundTruth/<sequence>/<object>/*.png"


def sequences(root: str | Path) -> list[VideoSequence]:
    """A VideoSequence for each object of each sequence: `frog`, or `bmx/1` and `bmx/2` where there are several.

    Frames and masks carry the same stem; their suffixes differ from sequence to sequence (png, bmp, jpg).
    Raises DataError for a missing folder, or a sequence whose masks fit no frame.
    """
    images = require_folder(root, "JPEGImages", layout=LAYOUT)
    truth = require_folder(root, "GroundTruth", layout=LAYOUT)
    found = []
    for folder in sorted(path for path in images.iterdir() if path.is_dir()):
        objects = sorted(path for path in (truth / folder.name).glob("*") if path.is_dir())
        if objects:
            found += [_sequence(f"{folder.name}/{path.name}", folder, path) for path in objects]
        else:
            found.append(_sequence(folder.name, folder, truth / folder.name))
    return found


def _sequence(name: str, frame_folder: Path, mask_folder: Path) -> VideoSequence:
    frames = list_images(frame_folder)
    masks = {path.stem: path for path in list_images(mask_folder)}
    unknown = sorted(masks.keys() - {frame.stem for frame in frames})
    if unknown or not masks:
        reason = f"no frame for {', '.join(unknown[:5])}" if unknown else "no masks"
        raise DataError(f"{mask_folder}: {reason} of sequence {name!r}; {LAYOUT} is expected")
    return VideoSequence(name, frames, [masks.get(frame.stem) for frame in frames], threshold=128)
