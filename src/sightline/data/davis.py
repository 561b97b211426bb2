"""DAVIS-2016 (Perazzi et al., CVPR 2016): JPEGImages/480p, Annotations/480p and ImageSets/480p."""

from __future__ import annotations

from pathlib import Path

from sightline.data.files import list_images, pair, read_names, require_files, require_folder
from sightline.data.samples import VideoSequence
from sightline.errors import DataError

LAYOUT = "JPEGImages/480p/<sequence>/00000.jpg with Annotations/480p/<sequence>/00000.png"
FIXATION_FOLDERS = ("Fixation_maps", "fixation")


def sequences(
    root: str | Path, split: str | None = None, resolution: str = "480p", fixations: str | Path | None = None
) -> list[VideoSequence]:
    """The sequences of a DAVIS-2016 folder, by name; every frame has its mask, a moving object as one.

    split: a list of ImageSets/<resolution>/<split>.txt, with sequence names (`blackswan`) or, as published, pairs of
        image and mask paths a line (`train`, `val`); None takes every folder of JPEGImages.
    fixations: the eye tracking of AGS (Wang et al., CVPR 2019) on these sequences: a folder with <sequence>/00000.png
        (or <sequence>/Fixation_maps/, <sequence>/fixation/), binary maps with a white pixel for each fixation.
    Raises DataError that names a missing folder or list, or every missing mask at once.
    """
    root = Path(root)
    images = require_folder(root, "JPEGImages", resolution, layout=LAYOUT)
    annotations = require_folder(root, "Annotations", resolution, layout=LAYOUT)
    if split is None:
        names = sorted(folder.name for folder in images.iterdir() if folder.is_dir())
    else:
        names = _names(root / "ImageSets" / resolution / f"{split}.txt")

    found, require = [], list[Path]()
    for name in names:
        frames = list_images(images / name)
        if not frames:
            raise DataError(f"{images / name}: no frames; the pictures of sequence {name!r} are expected there")
        masks = [annotations / name / f"{frame.stem}.png" for frame in frames]
        require += masks
        looked = [] if fixations is None else _fixation_maps(Path(fixations), name, frames)
        found.append(VideoSequence(name, frames, masks, fixation_maps=looked))
    require_files(require, root)
    return found


def _fixation_maps(root: Path, name: str, frames: list[Path]) -> list[Path | None]:
    folder = require_folder(root, name, layout="<sequence>/00000.png, a binary fixation map a frame,")
    inner = next((folder / each for each in FIXATION_FOLDERS if (folder / each).is_dir()), folder)
    return pair(frames, list_images(inner), inner)


def _names(path: Path) -> list[str]:
    """Sequence names in the order of the list. A line is a name or `/JPEGImages/480p/<name>/00000.jpg /Anno...`."""
    first = (line.split()[0] for line in read_names(path))
    return list(dict.fromkeys(entry.strip("/").split("/")[-2] if "/" in entry else entry for entry in first))
