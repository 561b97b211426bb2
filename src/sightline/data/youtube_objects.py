"""YouTube-Objects with the masks of Jain and Grauman (ECCV 2014): <category>/data/<video>/shots/<shot>/{images,labels}.

About every tenth frame is labelled. `images/frame0011.jpg` has its mask in `labels/00011.jpg`; as the masks are JPEG,
their values are not clean.
"""

from __future__ import annotations

import re
from pathlib import Path

from sightline.data.files import list_images, require_folder
from sightline.data.samples import VideoSequence
from sightline.errors import DataError

CATEGORIES = ("aeroplane", "bird", "boat", "car", "cat", "cow", "dog", "horse", "motorbike", "train")
LAYOUT = "<category>/data/<video>/shots/<shot>/images/frame0001.jpg with labels/00001.jpg"


def sequences(root: str | Path, categories: tuple[str, ...] | None = None) -> list[VideoSequence]:
    """The labelled shots, named <category>/<video>/<shot>, of all categories in the folder or of those given.

    Raises DataError for a missing category, or a label without its frame.
    """
    if categories is None:
        categories = tuple(name for name in CATEGORIES if Path(root, name).is_dir())
        if not categories:
            raise DataError(f"{root}: none of the folders {', '.join(CATEGORIES)}; {LAYOUT} is expected")
    found = []
    for category in categories:
        videos = require_folder(root, category, "data", layout=LAYOUT)
        for labels in sorted(videos.glob("*/shots/*/labels")):
            shot = labels.parent
            found.append(_sequence(f"{category}/{shot.parents[1].name}/{shot.name}", shot))
    return found


def _sequence(name: str, shot: Path) -> VideoSequence:
    frames = {_number(path): path for path in list_images(shot / "images")}
    masks = {_number(path): path for path in list_images(shot / "labels")}
    missing = sorted(masks.keys() - frames.keys())
    if missing:
        numbers = ", ".join(map(str, missing[:5]))
        raise DataError(f"{shot / 'labels'}: labels {numbers} have no frame in ../images; {LAYOUT} is expected")
    order = sorted(frames)
    return VideoSequence(name, [frames[n] for n in order], [masks.get(n) for n in order], threshold=128)


def _number(path: Path) -> int:
    digits = re.search(r"(\d+)$", path.stem)
    if digits is None:
        raise DataError(f"{path}: the name ends in no frame number; {LAYOUT} is expected")
    return int(digits.group(1))
