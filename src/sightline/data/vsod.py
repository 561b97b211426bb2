"""Video salient object detection sets as they are shared: a folder a sequence, with Imgs/ and what labels it beside.

DAVSOD (Fan et al., CVPR 2019) is published like this; VOS, FBMS, ViSal, SegTrackv2 and DAVIS are passed on like this
with its benchmark; S-DAVIS and S-DAVSOD (Zhao et al., CVPR 2021) add scribbles:

    <sequence>/Imgs/                                frames; their names are frame numbers of the source video
    <sequence>/GT_object_level/ or ground-truth/    masks, the salient objects white; VOS and FBMS label some frames
    <sequence>/Fixation_maps/                       binary maps, a white pixel for each fixation
    <sequence>/gt/ and <sequence>/mask/             strokes on the object, and on object and background together
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from sightline.data.files import list_images, pair
from sightline.data.observed import Maps, Observed
from sightline.data.samples import VideoSequence
from sightline.errors import DataError

FRAMES = "Imgs"
MASKS = ("GT_object_level", "ground-truth")
FIXATIONS = "Fixation_maps"
SCRIBBLES = ("gt", "mask")
LAYOUT = "<sequence>/Imgs/ with <sequence>/GT_object_level/ or <sequence>/ground-truth/"

Label = Literal["masks", "fixations", "scribbles"]
_FOLDERS: dict[Label, str] = {
    "masks": " or ".join(MASKS),
    "fixations": FIXATIONS,
    "scribbles": " and ".join(SCRIBBLES),
}

NEEDS: dict[str, tuple[Label, ...]] = {
    "davsod": ("masks", "fixations"),
    "vos": ("masks",),
    "s-davis": ("scribbles",),
    "s-davsod": ("scribbles",),
}
"""What the sets that are published like this label in every sequence."""


def sequences(root: str | Path, needs: tuple[Label, ...] = ("masks",)) -> list[VideoSequence]:
    """Every sequence below a folder, however deep, with all labels that it has; named by its path from there.

    needs: the labels that every sequence must have. Raises DataError for a folder without sequences, a sequence that
    lacks what is needed, or a label without its frame.
    """
    root = Path(root)
    found = [_sequence(folder, root) for folder in _folders(root)]
    if not found:
        raise DataError(f"{root}: no sequences in it; {LAYOUT} is expected")
    for sequence in found:
        there = {"masks": any(sequence.masks), "fixations": sequence.fixation_maps, "scribbles": sequence.scribbles}
        for label in needs:
            if not there[label]:
                raise DataError(f"{root / sequence.name}: no {label}; {_FOLDERS[label]} is expected beside {FRAMES}")
    return found


def watched(root: str | Path) -> dict[str, Observed]:
    """The sequences with the fixations on them: a binary map for every frame in <sequence>/Fixation_maps.

    Saliency maps in <sequence>/Fixation_maps_smoothed come along where they are. DHF1K's names, fixation and maps, will
    do as well. Raises DataError where frames and maps do not pair up.
    """
    found: dict[str, Observed] = {}
    for frames in sorted(Path(root).glob(f"**/{FRAMES}")):
        folder = frames.parent
        marked, densities = (
            next((images for name in names if (images := list_images(folder / name))), [])
            for names in (("Fixation_maps", "fixation", "fixations"), ("Fixation_maps_smoothed", "maps"))
        )
        names = {path.stem for path in list_images(frames)}
        if {path.stem for path in marked} != names:
            raise DataError(f"{folder}: {len(names)} frames in Imgs, {len(marked)} fixation maps; they must pair up")
        found[folder.name] = Maps(folder.name, marked, densities)
    if not found:
        raise DataError(f"{root}: no <sequence>/Imgs with <sequence>/Fixation_maps in it")
    return found


def packaged(root: str | Path) -> bool:
    """Whether a folder holds sequences in this layout, rather than as their authors published them."""
    return next(_folders(Path(root)), None) is not None


def _folders(root: Path) -> Iterator[Path]:
    if (root / FRAMES).is_dir():
        yield root
    elif root.is_dir():
        for folder in sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith(".")):
            yield from _folders(folder)


def _sequence(folder: Path, root: Path) -> VideoSequence:
    name = folder.name if folder == root else folder.relative_to(root).as_posix()
    frames = list_images(folder / FRAMES)
    if not frames:
        raise DataError(f"{folder / FRAMES}: no frames; the pictures of sequence {name!r} are expected there")
    labels = {
        place: pair(frames, list_images(folder / place), folder / place)
        for place in (*MASKS, FIXATIONS, *SCRIBBLES)
        if (folder / place).is_dir()
    }
    masks = next((labels[place] for place in MASKS if place in labels), [None] * len(frames))
    scribbles = [
        None if strokes is None or known is None else (strokes, known)
        for strokes, known in zip(*(labels.get(place, []) for place in SCRIBBLES), strict=False)
    ]
    return VideoSequence(name, frames, masks, 128, fixation_maps=labels.get(FIXATIONS, []), scribbles=scribbles)
